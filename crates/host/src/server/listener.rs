//! Where clients come in: the socket, the lock beside it, and the log.

use super::ServeOptions;
use super::place::{self, Identity, Taken};
use crate::client::{lock_file, pause};
use crate::path::{beside, is_at, make_private, socket_path};
use crate::{SetupError, raw};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use rustix::process::Pid;
use sockeye_clock::monotonic;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for an old host that is leaving.
const PATIENCE: Duration = Duration::from_secs(2);
const BACKLOG: i32 = 1024;

/// A socket that only this process listens at.
#[derive(Debug)]
pub(super) struct Listener {
    path: PathBuf,
    /// Of what was made at the path.
    identity: Identity,
    socket: OwnedFd,
    /// Held as long as this process serves.
    lock: OwnedFd,
}

/// A process that has connected.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: OwnedFd,
    pub(crate) process: Pid,
}

/// Whether the path still leads here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It does.
    Here,
    /// It did not, and does so again: by another socket.
    Restored,
    /// Not now.
    Lost,
}

impl Listener {
    pub(super) fn open(options: &ServeOptions) -> Result<Self, SetupError> {
        // What this process makes is for its user only.
        let _ = rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let path = socket_path(options.socket.as_deref(), options.network.as_deref())?;
        let lock = take_lock(&path, PATIENCE)?;
        let (socket, identity) = open_at(&path)?;
        Ok(Self { path, identity, socket, lock })
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next client that is a process of this user.
    ///
    /// # Errors
    /// `AGAIN` if there is none; `MFILE` and others if there is one that cannot be had now.
    pub(super) fn accept(&self) -> Result<Arrival, Errno> {
        loop {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let socket = match rustix::net::accept_with(&self.socket, flags) {
                Err(Errno::CONNABORTED | Errno::INTR) => continue,
                accepted => accepted?,
            };
            match sockopt::socket_peercred(&socket) {
                Ok(peer) if is_welcome(peer.uid.as_raw(), rustix::process::geteuid().as_raw()) => {
                    return Ok(Arrival { socket, process: peer.pid });
                }
                Ok(peer) => tracing::warn!(user = peer.uid.as_raw(), "another user's process was refused"),
                Err(error) => tracing::warn!(%error, "a client whose user is not known was refused"),
            }
        }
    }

    /// Looks whether the path still leads here, and serves there again if it does not: who cleans a folder of temporary files removes what
    /// has not been touched for long. To be called now and then: an inotify watch would tell, but a process that has one takes up to seconds
    /// to die on a busy machine, and its programs wait for that.
    pub(super) fn look(&mut self) -> Found {
        if Identity::of(&self.path) == Ok(self.identity) {
            return Found::Here;
        }
        match self.restore() {
            Ok(()) => {
                tracing::warn!(path = %self.path.display(), "the socket had been removed, and was made again");
                Found::Restored
            }
            Err(why) => {
                tracing::warn!(%why, "the socket was removed, and cannot be made again now");
                Found::Lost
            }
        }
    }

    fn restore(&mut self) -> Result<(), SetupError> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.exists()) {
            make_private(folder)?;
        }
        // Whoever finds no lock file makes another.
        if !is_at(&self.lock, &beside(&self.path, ".lock")) {
            self.lock = take_lock(&self.path, Duration::ZERO)?;
        }
        (self.socket, self.identity) = open_at(&self.path)?;
        Ok(())
    }

    /// Writes the log that SOCKEYE_LOG asks for: to the terminal, or beside the socket.
    pub(super) fn log(&self) {
        use tracing_subscriber::EnvFilter;
        let Ok(wanted) = std::env::var("SOCKEYE_LOG") else { return };
        if wanted.is_empty() {
            return;
        }
        let builder = tracing_subscriber::fmt().with_env_filter(EnvFilter::new(wanted));
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            let _ = builder.with_writer(std::io::stderr).try_init();
            return;
        }
        if let Some(file) = open_log(&beside(&self.path, ".log")) {
            let _ = builder.with_ansi(false).with_writer(std::sync::Mutex::new(file)).try_init();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Before the lock is released: whoever has it next makes a socket of its own.
        place::remove(&self.path, self.identity);
        // Who has it open, and waits for it, finds that it is no more.
        let name = beside(&self.path, ".lock");
        if is_at(&self.lock, &name) {
            let _ = rustix::fs::unlink(&name);
        }
    }
}

/// The log, unless something else lies there: a link, which may lead to a file of another kind, or a pipe, for which one would wait.
fn open_log(path: &Path) -> Option<File> {
    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC;
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).ok()?);
    file.metadata().is_ok_and(|file| file.is_file()).then_some(file)
}

/// Only processes of the same user.
fn is_welcome(peer: u32, own: u32) -> bool {
    peer == own
}

fn take_lock(path: &Path, patience: Duration) -> Result<OwnedFd, SetupError> {
    let name = beside(path, ".lock");
    let deadline = monotonic() + patience;
    loop {
        let lock = lock_file(&name).map_err(|error| {
            let name = name.display();
            SetupError(format!(
                "{name}: cannot open the lock file: {error}; choose another socket with --socket"
            ))
        })?;
        let is_taken = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        // A file that was removed meanwhile locks nobody out.
        if is_taken && is_at(&lock, &name) {
            return Ok(lock);
        }
        if !is_taken && monotonic() >= deadline {
            let path = path.display();
            return Err(SetupError(format!(
                "a host process serves at {path} already; end it, or use another --socket"
            )));
        }
        pause();
    }
}

/// A socket at the path, which nobody serves.
fn open_at(path: &Path) -> Result<(OwnedFd, Identity), SetupError> {
    let cannot = |why: &dyn std::fmt::Display| {
        let path = path.display();
        SetupError(format!("cannot listen at {path}: {why}; choose another socket with --socket"))
    };
    // Who holds the lock may remove what a host that was killed has left.
    place::free(path).map_err(|taken| match taken {
        Taken::ByFile => cannot(&"what is there is no socket"),
        Taken::ByProgram => cannot(&"another program serves there"),
    })?;
    let socket = listen(path).map_err(|error| cannot(&error))?;
    let identity = Identity::of(path).map_err(|error| cannot(&error))?;
    Ok((socket, identity))
}

fn listen(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    raw::take_no_descriptors(socket.as_fd());
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
