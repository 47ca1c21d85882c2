//! `sockeye run`: what the program is given.
#![allow(missing_docs)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// `sockeye run` in `folder`, with nothing of the environment that has to do with Sockeye.
fn run(folder: &Path, arguments: &[&str]) -> Output {
    // The linker complains of it on standard error, and goes on.
    fs::write(folder.join("library.so"), "").unwrap();
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
