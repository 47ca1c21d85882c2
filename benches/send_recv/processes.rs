//! Children that obey commands, and the host processes of ours.

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use rustix::process::{Pid, Signal};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// Longest time that a child may take for its next line: to open 10,000 connections, for example.
const PATIENCE: Duration = Duration::from_secs(60);

/// A child that answers each command with a line. One that begins with `failed:` says why there is no answer. It is killed at the end.
pub(crate) struct Obedient {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Obedient {
    pub(crate) fn start(command: &mut Command) -> Result<Self, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let name = command.get_program().display().to_string();
        let mut child = command.spawn().map_err(|error| format!("{name}: {error}"))?;
        let input = child.stdin.take().ok_or("no pipe to the child")?;
        let output = child.stdout.take().ok_or("no pipe from the child")?;
        let (sender, lines) = channel();
        thread::spawn(move || {
            BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
        });
        Ok(Self { child, input, lines })
    }

    pub(crate) fn ask(&mut self, command: &str) -> Result<String, String> {
        // A child that is gone has left a line that says why.
        let _ = writeln!(self.input, "{command}");
        self.line().map_err(|reason| format!("{command}: {reason}"))
    }

    pub(crate) fn line(&mut self) -> Result<String, String> {
        let line = self.lines.recv_timeout(PATIENCE).map_err(|error| error.to_string())?;
        match line.strip_prefix("failed: ") {
            Some(reason) => Err(reason.into()),
            None => Ok(line),
        }
    }
}

impl Drop for Obedient {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The numbers of a line.
pub(crate) fn numbers(line: &str) -> Result<Vec<f64>, String> {
    line.split_whitespace().map(|word| word.parse().map_err(|_| format!("not numbers: {line}"))).collect()
}

/// A place for a host process of its own, which is killed at the end: it would stay for as long as TIME-WAIT lasts.
pub(crate) struct World(TempDir);

impl World {
    pub(crate) fn new() -> Result<Self, String> {
        let directory = tempfile::Builder::new().prefix("sockeye-bench-").tempdir();
        Ok(Self(directory.map_err(|error| format!("no directory: {error}"))?))
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.path().join("host")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Ok(host) = host_of(&self.socket()) {
            // It may have ended by itself.
            let _ = rustix::process::kill_process(host, Signal::KILL);
        }
    }
}

/// The process that listens at this socket.
pub(crate) fn host_of(path: &Path) -> Result<Pid, String> {
    let connect = || {
        let flags = SocketFlags::CLOEXEC;
        let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        rustix::net::connect(&socket, &SocketAddrUnix::new(path)?)?;
        sockopt::socket_peercred(&socket)
    };
    connect().map(|peer| peer.pid).map_err(|error| format!("no host process: {error}"))
}
