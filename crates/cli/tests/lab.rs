//! `sockeye lab` with stand-ins for its programs: how it ends when it cannot come to its end.
#![allow(missing_docs)]

use rustix::event::{Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with the programs of the experiment, and one for what the experiment makes.
struct Place {
    folder: TempDir,
}

impl Place {
    /// `server` is what stands for delivery_server, in sh.
    fn new(server: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        for (name, text) in [("delivery_server", server), ("delivery_client", "exit 1")] {
            let path = place.path(name);
            // With the name of the library in it, it counts as linked.
            fs::write(&path, format!("#!/bin/sh\n# libsockeye.so\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        }
        fs::create_dir(place.temporary()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn temporary(&self) -> PathBuf {
        self.path("tmp")
    }

    fn lab(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.args(["lab", "guaranteed-delivery", "--programs"]).arg(self.folder.path()).args(arguments);
        command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        command.env("TMPDIR", self.temporary()).env("PLACE", self.folder.path());
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn assert_ended_by(&self, signal: Signal, lab: Child) {
        let output = lab.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(128 + signal.as_raw()), "{}", said(&output));
        self.assert_clean();
    }

    /// No process has the place in its command line, and nothing is left in the temporary folder.
    fn assert_clean(&self) {
        let left: Vec<_> = fs::read_dir(self.temporary()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
        let place = self.folder.path().to_str().unwrap();
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).into_owned();
            assert!(!command.contains(place), "{command:?} is left");
        }
    }
}

fn wait_for(path: &Path) {
    for _ in 0..4000 {
        if path.exists() {
            return;
        }
        let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 5_000_000 }));
    }
    panic!("{} does not come to be", path.display());
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_signal_leaves_no_process_and_no_folder() {
    for signal in [Signal::TERM, Signal::HUP] {
        let place = Place::new("touch $PLACE/runs\nexec tail -f $PLACE/runs");
        let lab = place.lab(&[]);
        wait_for(&place.path("runs"));
        kill_process(Pid::from_child(&lab), signal).unwrap();
        place.assert_ended_by(signal, lab);
    }
}

/// As a terminal does with Ctrl-C: the programs get the signal, too.
#[test]
fn a_signal_for_all_is_what_ended_the_experiment() {
    let place = Place::new("touch $PLACE/runs\nexec tail -f $PLACE/runs");
    let lab = place.lab(&[]);
    wait_for(&place.path("runs"));
    kill_process_group(Pid::from_child(&lab), Signal::INT).unwrap();
    place.assert_ended_by(Signal::INT, lab);
}

/// A network file like that of the experiment, with other addresses.
const ELSEWHERE: &str = r#"
[[host]]
name = "server"
addresses = ["10.0.0.1"]
exact_recv_buffer = 16384

[[host]]
name = "client"
addresses = ["10.0.0.2"]
exact_send_buffer = 21720

[[link]]
between = ["server", "client"]
"#;

#[test]
fn lab_alone_names_its_experiments() {
    let output = Command::new(env!("CARGO_BIN_EXE_sockeye")).arg("lab").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    assert!(said.contains("guaranteed-delivery") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_program_that_ends_ends_the_experiment_at_once() {
    let place = Place::new("exit 3");
    let output = place.lab(&[]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(said(&output), "sockeye: the server ended before its time (exit status: 3)\n");
    place.assert_clean();
}

#[test]
fn the_server_has_the_address_of_the_network_file() {
    let place = Place::new("echo $*; exit 3");
    fs::write(place.path("net.toml"), ELSEWHERE).unwrap();
    let network = place.path("net.toml");
    let output = place.lab(&["--network", network.to_str().unwrap()]).wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("server | 10.0.0.1 8002 8192 40\n"), "{printed}");
}

#[test]
fn a_network_file_without_the_sizes_is_refused() {
    let place = Place::new("exit 3");
    let output = place.lab(&["--network", "networks/lossy.toml"]).wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = said(&output);
    let begin =
        "sockeye: networks/lossy.toml: the experiment needs exact_recv_buffer = 16384 of the host \"server\"";
    assert!(said.starts_with(begin) && said.lines().count() == 1, "{said}");
}
