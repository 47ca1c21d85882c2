use super::*;

#[test]
fn a_log_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    assert!(open_log(&path("new")).is_some());
    assert!(open_log(&path("new")).is_some(), "it goes on");
    std::os::unix::fs::symlink(path("new"), path("link")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, path("pipe"), rustix::fs::FileType::Fifo, Mode::RWXU, 0).unwrap();
    let _reader = rustix::fs::open(path("pipe"), OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty()).unwrap();
    for name in ["link", "pipe", "no/such/folder", ""] {
        assert!(open_log(&path(name)).is_none(), "{name}");
    }
}

#[test]
fn only_the_same_user_is_welcome() {
    assert!(is_welcome(1000, 1000));
    assert!(!is_welcome(1001, 1000));
    assert!(!is_welcome(0, 1000));
}
