//! A program of the experiment: started, listened to, signalled, and ended with the experiment.

use crate::failure::Failure;
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

/// A program that runs, and what it printed.
pub(super) struct Program {
    name: &'static str,
    child: Child,
    stdout: ChildStdout,
    /// An unfinished line.
    pending: Vec<u8>,
    /// Finished lines.
    pub(super) lines: Vec<String>,
    open: bool,
    /// The last signal that the experiment sent.
    signalled: Option<Signal>,
}

impl Program {
    pub(super) fn start(name: &'static str, command: &mut Command) -> Result<Self, Failure> {
        let cannot = |error: io::Error| Failure::usage(format!("cannot start the {name}: {error}"));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(cannot)?;
        let stdout = child.stdout.take().ok_or_else(|| cannot(ErrorKind::BrokenPipe.into()))?;
        let flags = fcntl_getfl(&stdout).map_err(|error| cannot(error.into()))?;
        fcntl_setfl(&stdout, flags | OFlags::NONBLOCK).map_err(|error| cannot(error.into()))?;
        let (pending, lines) = (Vec::new(), Vec::new());
        Ok(Self { name, child, stdout, pending, lines, open: true, signalled: None })
    }

    /// Where it prints, while it may print more.
    pub(super) fn output(&self) -> Option<BorrowedFd<'_>> {
        self.open.then(|| self.stdout.as_fd())
    }

    /// Takes what was printed since; the finished lines are the outcome, with the program's name before them.
    pub(super) fn take_lines(&mut self) -> Vec<String> {
        let known = self.lines.len();
        let mut buffer = [0; 4096];
        while self.open {
            match self.stdout.read(&mut buffer) {
                Ok(0) => self.open = false,
                Ok(length) => self.pending.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.open = false,
            }
        }
        while let Some(end) = self.pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = self.pending.drain(..=end).collect();
            self.lines.push(String::from_utf8_lossy(&line[..end]).into_owned());
        }
        self.lines[known..].iter().map(|line| format!("{:>6} | {line}", self.name)).collect()
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        // An error means that there is no such child, and it is ours.
        self.child.try_wait().ok().flatten()
    }

    /// Fails if it has ended and should not have. Before its first signal no end is due; SIGKILL ends it in any case.
    pub(super) fn check(&mut self) -> Result<(), Failure> {
        let Some(status) = self.ended() else { return Ok(()) };
        match self.signalled {
            Some(Signal::KILL) => Ok(()),
            Some(_) if status.success() => Ok(()),
            _ => Err(Failure::failed(format!("the {} ended before its time ({status})", self.name))),
        }
    }

    pub(super) fn signal(&mut self, signal: Signal) -> Result<(), Failure> {
        self.signalled = Some(signal);
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let sent = pid.map(|pid| kill_process(pid, signal));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => Err(Failure::failed(format!("the {} is gone before its time", self.name))),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
