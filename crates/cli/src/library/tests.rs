use super::*;

#[test]
fn the_library_is_found_where_make_and_cargo_put_it() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().canonicalize().unwrap();
    let bin = root.join("bin");
    fs::create_dir_all(&bin).unwrap();
    assert_eq!(beside(&bin), None);
    fs::write(bin.join("libsockeye_ffi.so"), "").unwrap();
    assert_eq!(beside(&bin), Some(bin.join("libsockeye_ffi.so")));
    fs::create_dir_all(root.join("lib")).unwrap();
    fs::write(root.join("lib/libsockeye.so"), "").unwrap();
    assert_eq!(beside(&bin), Some(root.join("lib/libsockeye.so")));
}

#[test]
fn what_is_named_must_be_the_library() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("library");
    let why = named_library(&path).unwrap_err();
    assert!(why.contains("No such file"), "{why}");
    fs::write(&path, "some text").unwrap();
    assert_eq!(named_library(&path).unwrap_err(), "this is not libsockeye.so");
    fs::write(&path, "has libsockeye.so.0 for its name").unwrap();
    assert_eq!(named_library(&path), Ok(path.canonicalize().unwrap()));
}
