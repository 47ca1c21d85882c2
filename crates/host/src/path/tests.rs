use super::*;

#[test]
fn a_folder_of_another_user_or_open_to_others_is_refused() {
    let folder = libc::S_IFDIR;
    assert_eq!(fault_of(folder | 0o700, 1000, 1000), None);
    assert_eq!(fault_of(folder | 0o700, 1001, 1000), Some("belongs to another user"));
    assert!(fault_of(folder | 0o755, 1000, 1000).is_some());
    assert!(fault_of(folder | 0o710, 1000, 1000).is_some());
    assert_eq!(fault_of(libc::S_IFLNK | 0o777, 1000, 1000), Some("is not a folder"));
}

#[test]
fn a_socket_that_is_named_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/x.sock");
    assert_eq!(socket_path(Some(&path), None), Ok(path.clone()));
    let mode = rustix::fs::stat(path.parent().unwrap()).unwrap().st_mode;
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn each_network_file_has_a_socket_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
    assert!(file_name(Some(&first)).is_err(), "there is no such file");
    std::fs::write(&first, "").unwrap();
    std::fs::write(&second, "").unwrap();
    let by_detour = folder.path().join("./a.toml");
    assert_eq!(file_name(Some(&first)), file_name(Some(&by_detour)));
    assert_ne!(file_name(Some(&first)), file_name(Some(&second)));
    assert_eq!(file_name(None).as_deref(), Ok("default.sock"));
}
