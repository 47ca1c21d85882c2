//! Host processes and programs for tests.

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use sockeye_host::{HostedOptions, Net};
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The example that is host and programs.
fn example() -> PathBuf {
    let mut path = std::env::current_exe().unwrap();
    path.pop();
    path.pop();
    let path = path.join("examples/host");
    assert!(path.exists(), "not built; say `cargo test -p sockeye-host`, or build the examples first");
    path
}

/// A host process with a folder of its own.
pub struct Host {
    folder: tempfile::TempDir,
    process: Option<Child>,
}

impl Host {
    /// None yet: the first client starts it.
    pub fn on_demand() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), process: None }
    }

    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(arguments: &[&str]) -> Self {
        let mut host = Self::on_demand();
        host.run(arguments);
        host
    }

    /// One that may have so many open files.
    pub fn with_files(files: u32) -> Self {
        Self::start_after(&format!("ulimit -n {files}; exec"))
    }

    /// One that is started after the shell has done `first`.
    pub fn start_after(first: &str) -> Self {
        let mut host = Self::on_demand();
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{first} \"$0\" \"$@\"")).arg(example());
        host.run_by(shell, &[]);
        host
    }

    /// One that may have so many open files, and is bound by what all programs of its user keep under way, as root's are not.
    pub fn without_rights(files: u32) -> Self {
        let mut host = Self::on_demand();
        let mut shell = Command::new("sh");
        let drop = r#"setpriv --bounding-set -sys_admin,-sys_resource -- "$0" "$@""#;
        let start = format!(r#"ulimit -n {files}; [ "$(id -u)" != 0 ] && exec "$0" "$@"; exec {drop}"#);
        shell.arg("-c").arg(start).arg(example());
        host.run_by(shell, &[]);
        host
    }

    /// Another host process at the same socket.
    pub fn run(&mut self, arguments: &[&str]) {
        self.run_by(Command::new(example()), arguments);
    }

    fn run_by(&mut self, mut command: Command, arguments: &[&str]) {
        let host = self;
        let process = command.args(["host", "--socket"]).arg(host.socket()).args(arguments).spawn().unwrap();
        host.process = Some(process);
        while Net::connect_existing(&host.options()).is_err() {
            let ended = host.process.as_mut().unwrap().try_wait().unwrap();
            assert!(ended.is_none(), "{ended:?}");
        }
    }

    pub fn socket(&self) -> PathBuf {
        self.file("host.sock")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn options(&self) -> HostedOptions {
        HostedOptions { socket: Some(self.socket()), ..HostedOptions::default() }
    }

    /// A connection of its own, as another process would have.
    pub fn net(&self) -> Net {
        Net::hosted(&self.options()).unwrap()
    }

    /// Who listens at the socket.
    pub fn process_id(&self) -> rustix::process::Pid {
        rustix::net::sockopt::socket_peercred(dial(&self.socket())).unwrap().pid
    }

    pub fn kill(&mut self) {
        let process = self.process.as_mut().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Until it leaves by itself.
    pub fn wait(&mut self) {
        assert!(self.process.as_mut().unwrap().wait().unwrap().success());
    }

    /// What a program says that cannot start a host by this command.
    pub fn complaint(&self, command: &str) -> String {
        let output = Command::new(example())
            .arg("survivor")
            .env("SOCKEYE_SOCKET", self.socket())
            .env("SOCKEYE_HOST_PROGRAM", command)
            .output()
            .unwrap();
        String::from_utf8(output.stderr).unwrap()
    }

    /// What a second host at the same socket says.
    pub fn second(&self) -> String {
        self.second_with(&[])
    }

    /// As [`second`](Self::second), with these variables in its environment.
    pub fn second_with(&self, environment: &[(&str, &str)]) -> String {
        let mut command = Command::new(example());
        // One that serves nevertheless is not waited for.
        command
            .args(["host", "--idle", "0.5", "--socket"])
            .arg(self.socket())
            .envs(environment.iter().copied());
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A control socket on which nothing was said yet.
pub fn dial(path: &Path) -> OwnedFd {
    // Hosts with few descriptors are started meanwhile, and must not inherit it.
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    rustix::net::connect(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
    socket
}

/// A process that uses a host.
pub struct Program {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Program {
    /// Starts it, and waits until it says that it is connected (a `sender` says nothing).
    pub fn start(host: &Host, arguments: &[&str]) -> Self {
        Self::start_by(Command::new(example()), host, arguments)
    }

    /// As [`start`](Self::start), after the shell has done `first`.
    pub fn start_after(first: &str, host: &Host, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{first} \"$0\" \"$@\"")).arg(example());
        Self::start_by(shell, host, arguments)
    }

    fn start_by(mut command: Command, host: &Host, arguments: &[&str]) -> Self {
        let mut process = command
            .args(arguments)
            .env("SOCKEYE_SOCKET", host.socket())
            .env("SOCKEYE_HOST_PROGRAM", example())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        if arguments[0] != "sender" {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            assert_eq!(line, "connected\n");
        }
        Self { process, output }
    }

    pub fn kill(&mut self) {
        self.process.kill().unwrap();
    }

    /// What it says until it ends.
    pub fn output(&mut self) -> String {
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        said
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
