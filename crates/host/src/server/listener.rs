//! Where clients come in: the socket, the lock beside it, and the log.

use super::{ServeOptions, log};
use crate::client::pause;
use crate::lock_file::{LockFile, Made};
use crate::path::{beside, make_private, socket_path};
use crate::place::{self, Identity, Taken};
use crate::{SetupError, raw};
use rustix::fs::{Mode, lstat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use rustix::process::Pid;
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
    lock: LockFile,
}

/// A process that has connected.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) socket: OwnedFd,
    /// `None` for those of a PID namespace that is not seen from here: they count as one process.
    pub(crate) process: Option<Pid>,
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
        let (socket, identity) = open_at(&path, &lock)?;
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
            match raw::peer(socket.as_fd()) {
                Ok(peer) if is_welcome(peer.user, rustix::process::geteuid().as_raw()) => {
                    return Ok(Arrival { socket, process: peer.process });
                }
                Ok(peer) => tracing::warn!(user = peer.user, "another user's process was refused"),
                Err(error) => tracing::warn!(%error, "a client whose user is not known was refused"),
            }
        }
    }

    /// Looks whether the path still leads here, and serves there again if it does not: who cleans a folder of temporary files removes what
    /// has not been touched for long. To be called now and then: an inotify watch would tell, but a process that has one takes up to seconds
    /// to die on a busy machine, and its programs wait for that.
    pub(super) fn look(&mut self) -> Found {
        if self.is_here() && self.lock.is_there() {
            return Found::Here;
        }
        match self.restore() {
            Ok(()) => {
                tracing::warn!(path = %self.path.display(), "the socket or its lock had been removed, and was made again");
                Found::Restored
            }
            Err(why) => {
                tracing::warn!(%why, "the socket or its lock was removed, and cannot be made again now");
                if self.is_here() { Found::Here } else { Found::Lost }
            }
        }
    }

    fn restore(&mut self) -> Result<(), SetupError> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.exists()) {
            make_private(folder)?;
        }
        // Whoever finds no lock file makes another.
        if !self.lock.is_there() {
            self.lock = take_lock(&self.path, Duration::ZERO)?;
            if let Some(stat) = lstat(&self.path).ok().filter(|_| self.is_here()) {
                self.lock.note_socket(Made::from(&stat));
            }
        }
        if !self.is_here() {
            (self.socket, self.identity) = open_at(&self.path, &self.lock)?;
        }
        Ok(())
    }

    fn is_here(&self) -> bool {
        Identity::of(&self.path) == Ok(self.identity)
    }

    /// Writes the log that SOCKEYE_LOG asks for: to the terminal, or beside the socket.
    ///
    /// # Errors
    /// It asks for what there is not; a file that is no log of a host process lies there.
    pub(super) fn log(&self) -> Result<(), SetupError> {
        let Some(wanted) = std::env::var("SOCKEYE_LOG").ok().filter(|wanted| !wanted.is_empty()) else {
            return Ok(());
        };
        let builder = tracing_subscriber::fmt().with_env_filter(log::filter(&wanted)?);
        if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
            let _ = builder.with_writer(std::io::stderr).try_init();
            return Ok(());
        }
        let file = log::open(&beside(&self.path, ".log"))?;
        let _ = builder.with_ansi(false).with_writer(std::sync::Mutex::new(file)).try_init();
        Ok(())
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

fn take_lock(path: &Path, patience: Duration) -> Result<LockFile, SetupError> {
    let name = beside(path, ".lock");
    let deadline = monotonic() + patience;
    loop {
        let taken = LockFile::try_take(&name).map_err(|refused| {
            let name = name.display();
            SetupError(format!("{name}: {refused}; choose another socket with --socket"))
        })?;
        if let Some(lock) = taken {
            return Ok(lock);
        }
        if monotonic() >= deadline {
            return Err(locked_out(path, &name));
        }
        pause();
    }
}

/// Another process has the lock.
fn locked_out(path: &Path, name: &Path) -> SetupError {
    let (is_served, path, name) = (place::is_served(path), path.display(), name.display());
    SetupError(if is_served {
        format!("a host process serves at {path} already; end it, or use another --socket")
    } else {
        format!("{name}: locked by a process that does not serve at {path}; end it, or use another --socket")
    })
}

/// A socket at the path, which nobody serves.
fn open_at(path: &Path, lock: &LockFile) -> Result<(OwnedFd, Identity), SetupError> {
    let cannot = |why: &dyn std::fmt::Display| {
        let path = path.display();
        SetupError(format!("cannot listen at {path}: {why}; choose another socket with --socket"))
    };
    // Who holds the lock may remove what a host that was killed has left.
    place::free(path, lock.record()).map_err(|taken| match taken {
        Taken::ByFile => cannot(&"what is there is no socket"),
        Taken::ByProgram => cannot(&"another program serves there"),
        Taken::Unrecorded => {
            cannot(&"no host process has left the socket there (remove it if no program needs it)")
        }
    })?;
    lock.note_binding();
    let socket = listen(path).map_err(|error| cannot(&error))?;
    let stat = lstat(path).map_err(|error| cannot(&error))?;
    lock.note_socket(Made::from(&stat));
    Ok((socket, Identity::from(&stat)))
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
