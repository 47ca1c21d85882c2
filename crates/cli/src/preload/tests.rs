use super::*;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

/// Bytes of an ELF header of 64 bits.
const HEADER: usize = 64;

/// An ELF header, then program headers of these types.
fn elf(types: &[u32]) -> Vec<u8> {
    let entry: u16 = 56;
    let mut bytes = vec![0; HEADER];
    bytes[..4].copy_from_slice(b"\x7fELF");
    (bytes[4], bytes[5], bytes[6]) = (2, if cfg!(target_endian = "little") { 1 } else { 2 }, 1);
    bytes[32..40].copy_from_slice(&(HEADER as u64).to_ne_bytes());
    bytes[54..56].copy_from_slice(&entry.to_ne_bytes());
    bytes[56..58].copy_from_slice(&u16::try_from(types.len()).unwrap().to_ne_bytes());
    for kind in types {
        bytes.extend(kind.to_ne_bytes());
        bytes.resize(bytes.len() + usize::from(entry) - 4, 0);
    }
    bytes
}

fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn a_program_without_an_interpreter_is_static() {
    let folder = tempfile::tempdir().unwrap();
    let static_program = file(&folder, "static", &elf(&[1, 1, 6]));
    assert_eq!(obstacle(static_program.as_os_str()), Some("is statically linked"));
    let dynamic = file(&folder, "dynamic", &elf(&[6, PT_INTERP.0, 1]));
    assert_eq!(obstacle(dynamic.as_os_str()), None);
    let linker = file(&folder, "ld-linux-x86-64.so.2", &elf(&[1, 2]));
    assert_eq!(obstacle(linker.as_os_str()), None, "it preloads what it loads");
    let linked = file(&folder, "linked", &[elf(&[1]), b"SOCKEYE_SOCKET".to_vec()].concat());
    assert_eq!(obstacle(linked.as_os_str()), None, "it has the library in it");
}

#[test]
fn what_is_no_program_of_this_machine_has_no_obstacle() {
    let folder = tempfile::tempdir().unwrap();
    let mut other = elf(&[1]);
    other[4] = 1;
    let mut cut = elf(&[1, 1]);
    cut.truncate(HEADER + 10);
    let cases = [("script", &b"#!/bin/sh\n"[..]), ("empty", b""), ("32-bit", &other), ("cut", &cut)];
    for (name, bytes) in cases {
        assert_eq!(obstacle(file(&folder, name, bytes).as_os_str()), None, "{name}");
    }
    assert_eq!(obstacle(OsStr::new("/nowhere/at/all")), None);
}

#[test]
fn a_program_is_found_on_the_path() {
    let path = found(OsStr::new("sh")).unwrap();
    assert!(path.is_absolute() && path.ends_with("sh"), "{}", path.display());
    assert_eq!(obstacle(OsStr::new("sh")), None);
}
