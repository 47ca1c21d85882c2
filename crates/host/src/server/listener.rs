//! Where clients come in: the socket, the lock beside it, and the log.

use super::ServeOptions;
use super::place::{self, Identity, Taken};
use crate::client::{lock_file, pause};
use crate::path::{beside, socket_path};
use crate::{SetupError, raw};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use sockeye_clock::monotonic;
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
    _lock: OwnedFd,
}

impl Listener {
    pub(super) fn open(options: &ServeOptions) -> Result<Self, SetupError> {
        // What this process makes is for its user only.
        let _ = rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let path = socket_path(options.socket.as_deref(), options.network.as_deref())?;
        let lock = take_lock(&path)?;
        let cannot = |why: &dyn std::fmt::Display| {
            let path = path.display();
            SetupError(format!("cannot listen at {path}: {why}; choose another socket with --socket"))
        };
        // Who holds the lock may remove what a host that was killed has left.
        place::free(&path).map_err(|taken| match taken {
            Taken::ByFile => cannot(&"what is there is no socket"),
            Taken::ByProgram => cannot(&"another program serves there"),
        })?;
        let socket = listen(&path).map_err(|error| cannot(&error))?;
        let identity = Identity::of(&path).map_err(|error| cannot(&error))?;
        Ok(Self { path, identity, socket, _lock: lock })
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// The next client that is a process of this user.
    pub(super) fn accept(&self) -> Option<OwnedFd> {
        loop {
            let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
            let client = rustix::net::accept_with(&self.socket, flags).ok()?;
            match sockopt::socket_peercred(&client) {
                Ok(peer) if is_welcome(peer.uid.as_raw(), rustix::process::geteuid().as_raw()) => {
                    return Some(client);
                }
                Ok(peer) => tracing::warn!(user = peer.uid.as_raw(), "another user's process was refused"),
                Err(error) => tracing::warn!(%error, "a client whose user is not known was refused"),
            }
        }
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
        // A link may lead to a file of another kind.
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let file = rustix::fs::open(beside(&self.path, ".log"), flags, Mode::RUSR | Mode::WUSR);
        if let Ok(file) = file.map(std::fs::File::from) {
            let _ = builder.with_ansi(false).with_writer(std::sync::Mutex::new(file)).try_init();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // Before the lock is released: whoever has it next makes a socket of its own.
        place::remove(&self.path, self.identity);
    }
}

/// Only processes of the same user.
fn is_welcome(peer: u32, own: u32) -> bool {
    peer == own
}

fn take_lock(path: &Path) -> Result<OwnedFd, SetupError> {
    let lock = lock_file(&beside(path, ".lock"))?;
    let deadline = monotonic() + PATIENCE;
    while rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
        if monotonic() >= deadline {
            let path = path.display();
            return Err(SetupError(format!(
                "a host process serves at {path} already; end it, or use another --socket"
            )));
        }
        pause();
    }
    Ok(lock)
}

fn listen(path: &Path) -> Result<OwnedFd, rustix::io::Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
    raw::take_no_descriptors(socket.as_fd());
    rustix::net::bind(&socket, &SocketAddrUnix::new(path)?)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(socket)
}

#[cfg(test)]
mod tests;
