use super::*;
use std::fs;

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
