//! The processes of a combination, beside the host.

use super::table::{Other, Row};
use crate::common::{LIMIT, Running, World, lines_of, pause, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::Signal;
use std::io::Write;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// The process that makes the call, and the sibling that it has forked. Nobody waits for it: that is its tracer's.
#[derive(Debug)]
pub struct Caller {
    child: Child,
    lines: Receiver<String>,
    errors: Receiver<String>,
    unclaimed: Vec<String>,
    sibling: Option<u32>,
    is_dead: bool,
    /// The address of its list of robust locks.
    pub robust_head: u64,
    /// Bytes that it had sent before the call.
    pub sent: u64,
}

impl Caller {
    pub fn start(world: &World, row: &Row, port: &str, sibling: &str) -> Self {
        let mut command = world.caller("crash", &[row.call, port, sibling]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it was compiled");
        let lines = lines_of(child.stdout.take().expect("piped"));
        let errors = lines_of(child.stderr.take().expect("piped"));
        let (unclaimed, sibling, is_dead) = (Vec::new(), None, false);
        Self { child, lines, errors, unclaimed, sibling, is_dead, robust_head: 0, sent: 0 }
    }

    /// Waits until it is about to make the call.
    pub fn prepare(&mut self, sibling: &str) {
        if sibling != "none" {
            self.sibling = self.line("sibling ").parse().ok();
        }
        let ready = self.line("ready ");
        let (head, sent) = ready.split_once(' ').expect("two words");
        self.robust_head = u64::from_str_radix(head, 16).expect("an address");
        self.sent = sent.parse().expect("a number");
    }

    pub fn number(&self) -> u32 {
        self.child.id()
    }

    /// The rest of the next line that starts so, of all that nobody has asked for.
    pub fn line(&mut self, start: &str) -> String {
        loop {
            if let Some(rest) = self.line_by_now(start) {
                return rest;
            }
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => self.unclaimed.push(line),
                Err(_) => panic!("the caller says {:?}, not {start:?}: {}", self.unclaimed, self.errors()),
            }
        }
    }

    pub fn has_line(&mut self, start: &str) -> bool {
        self.unclaimed.extend(self.lines.try_iter());
        self.unclaimed.iter().any(|line| line.starts_with(start))
    }

    fn line_by_now(&mut self, start: &str) -> Option<String> {
        self.unclaimed.extend(self.lines.try_iter());
        let index = self.unclaimed.iter().position(|line| line.starts_with(start))?;
        Some(self.unclaimed.remove(index)[start.len()..].to_string())
    }

    /// Goes on to the call, or from there to the end.
    pub fn go(&mut self) {
        // It may be dead.
        let _ = self.child.stdin.as_mut().expect("piped").write_all(b"\n");
    }

    pub fn wake_sibling(&self) {
        self.sibling.into_iter().for_each(|sibling| signal(sibling, Signal::USR1));
    }

    pub fn signal(&self, which: Signal) {
        signal(self.number(), which);
    }

    /// Kills it, and waits until it is dead.
    pub fn kill(&mut self) {
        // Its number may soon be another's.
        if !std::mem::replace(&mut self.is_dead, true) {
            self.signal(Signal::KILL);
            reap(self.number());
        }
    }

    pub fn errors(&self) -> String {
        let mut text = String::new();
        while let Ok(line) = self.errors.recv_timeout(Duration::from_millis(50)) {
            text += &(line + "\n");
        }
        text
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.kill();
        if let Some(sibling) = self.sibling {
            signal(sibling, Signal::KILL);
            reap(sibling);
        }
    }
}

/// Waits for the end of a process that was killed, if it is a child or held.
pub fn reap(process: u32) {
    let process = Pid::from_raw(process.cast_signed());
    while let Ok(status) = waitpid(process, Some(WaitPidFlag::__WALL)) {
        if matches!(status, WaitStatus::Exited(..) | WaitStatus::Signaled(..)) {
            break;
        }
    }
}

/// The process at the other end.
pub enum Far {
    Peer(Running),
    /// They come later.
    Awaited,
    Clients(Running),
}

impl Far {
    pub fn running(&self) -> Option<&Running> {
        match self {
            Self::Peer(running) | Self::Clients(running) => Some(running),
            Self::Awaited => None,
        }
    }

    /// Tells a peer to do something.
    pub fn tell(&mut self, command: &str) {
        if let Self::Peer(running) = self {
            running.try_write(format!("{command}\n").as_bytes());
        }
    }

    pub fn kill(&self) {
        self.running().into_iter().for_each(Running::kill);
    }
}

/// A peer that listens, and its port; or nobody as yet.
pub fn start_far(world: &World, row: &Row) -> (Far, String) {
    match row.other {
        Other::Peer => {
            let mut peer = Running::start(world.caller("crash_peer", &["4096"]));
            let port = peer.listening_port();
            (Far::Peer(peer), port)
        }
        Other::Clients => (Far::Awaited, "0".to_string()),
    }
}

/// Clients that connect to the caller. They say "connected" when they are.
pub fn start_clients(world: &World, port: &str) -> Running {
    Running::start(world.caller("crash_clients", &[port, "3"]))
}

/// How late this machine lets threads run, so that a second means a second.
#[derive(Debug)]
pub struct Pulse {
    latest: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
}

impl Pulse {
    pub fn start() -> Self {
        const BEAT: Duration = Duration::from_millis(10);
        let (latest, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (seen, over) = (latest.clone(), is_over.clone());
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let before = sockeye_clock::monotonic();
                pause(BEAT);
                let late = sockeye_clock::monotonic().since(before).saturating_sub(BEAT);
                seen.fetch_max(u64::try_from(late.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        });
        Self { latest, is_over }
    }

    /// From now on counts what the machine is late.
    pub fn reset(&self) {
        self.latest.store(0, Ordering::Relaxed);
    }

    /// A time, and what the machine was late since then, for each of a few processes.
    pub fn allow(&self, time: Duration) -> Duration {
        const PROCESSES: u32 = 5;
        time + PROCESSES * Duration::from_micros(self.latest.load(Ordering::Relaxed))
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
    }
}
