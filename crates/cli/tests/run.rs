//! `sockeye run`: what the program is given, and what is reported before it begins.
#![allow(missing_docs)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

/// `sockeye run` in `folder`, with nothing of the environment that has to do with Sockeye.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    // The linker complains of it on standard error, and goes on.
    fs::write(folder.join("library.so"), "libsockeye.so").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.arg("run").args(arguments).current_dir(folder).env("SOCKEYE_LIBRARY", folder.join("library.so"));
    for name in ["SOCKEYE_SOCKET", "SOCKEYE_NETWORK", "SOCKEYE_AS"] {
        command.env_remove(name);
    }
    command.output().unwrap()
}

#[test]
fn the_socket_is_the_same_in_every_folder() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--socket", "rel.sock", "--", "sh", "-c", "echo $SOCKEYE_SOCKET"]);
    let path = folder.path().canonicalize().unwrap().join("rel.sock");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{}\n", path.display()));
}

#[test]
fn an_empty_library_counts_as_not_set() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    let output = command.args(["run", "--", "true"]).env("SOCKEYE_LIBRARY", "").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // Whether one was built beside the command is not known here.
    assert!(output.status.success() || said.contains("no libsockeye.so beside"), "{said}");
}

#[test]
fn what_is_missing_of_a_program_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    fs::write(&script, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o700)).unwrap();
    for (program, missing) in [
        ("./script", "the interpreter that it names is not there"),
        ("./program", "no such program"),
        ("no-such-program", "no such program; give its path"),
    ] {
        let output = run(folder.path(), &["--", program]);
        assert_eq!(output.status.code(), Some(127));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), format!("sockeye: {program}: {missing}\n"));
    }
}

#[test]
fn without_a_network_file_there_is_one_host() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["--as", "nobody", "--", "true"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.starts_with("sockeye: --as nobody: no such host") && said.lines().count() == 1, "{said}");
    assert!(run(folder.path(), &["--as", "localhost", "--", "true"]).status.success());
}

/// An ELF file whose only segment is itself, and which ends with status 7.
#[cfg(target_arch = "x86_64")]
fn static_program() -> Vec<u8> {
    const BASE: u64 = 0x40_0000;
    let code = [0xbf, 7, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];
    let length = 64 + 56 + code.len() as u64;
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(16, 0);
    bytes.extend([2u16, 62].iter().flat_map(|half| half.to_le_bytes()));
    bytes.extend(1u32.to_le_bytes());
    bytes.extend([BASE + 120, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend(0u32.to_le_bytes());
    bytes.extend([64u16, 56, 1, 0, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
    bytes.extend([1u32, 5].iter().flat_map(|word| word.to_le_bytes()));
    bytes.extend([0, BASE, BASE, length, length, 4096].iter().flat_map(|word: &u64| word.to_le_bytes()));
    bytes.extend(code);
    bytes
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_static_program_runs_with_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("seven");
    fs::write(&program, static_program()).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let output = run(folder.path(), &["--", "./seven"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{said}");
    assert!(
        said.starts_with("sockeye: warning: ./seven is statically linked: it cannot be preloaded"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}
