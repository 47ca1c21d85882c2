//! What a process has of its own at a host process, and how it comes by that.

use super::{ConnectError, PATIENCE};
use crate::apart::Apart;
use crate::proto::{self, Reply, Request};
use crate::raw;
use crossbeam_queue::SegQueue;
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use sockeye_buffer::{HostPage, Mailboxes, ReadyList, futex};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What a process has of its own.
#[derive(Debug)]
pub(super) struct Session {
    /// There until it is dropped.
    socket: Option<Apart>,
    /// The program has closed the socket behind our back.
    is_closed: AtomicBool,
    /// By which this process finds that the host has died.
    life: HostPage,
    /// Its word while the host lives.
    alive: u32,
    pub(super) mailboxes: Mailboxes,
    pub(super) list: Arc<ReadyList>,
    /// Places in the list for what this process accepts.
    pub(super) watches: SegQueue<u16>,
    /// By which it says that it has accepted something.
    pub(super) number: u32,
}

/// What a host's welcome brings.
pub(super) struct Welcome {
    pub(super) instance: u64,
    pub(super) doorbell: Apart,
    pub(super) page: OwnedFd,
    pub(super) own: Own,
}

/// What a session is made of.
pub(super) struct Own {
    socket: Apart,
    number: u32,
    life: OwnedFd,
    list: OwnedFd,
    mailboxes: OwnedFd,
}

impl Session {
    pub(super) fn new(path: &Path, own: Own) -> Result<Self, ConnectError> {
        let unmapped =
            |error: std::io::Error| failed(path, Errno::from_io_error(&error).unwrap_or(Errno::INVAL));
        let list = ReadyList::map(&own.list).map_err(unmapped)?;
        let mailboxes = Mailboxes::map(&own.mailboxes).map_err(unmapped)?;
        let life = HostPage::map(&own.life).map_err(unmapped)?;
        Ok(Self {
            socket: Some(own.socket),
            is_closed: AtomicBool::new(false),
            alive: life.liveness().load(Ordering::Acquire),
            life,
            mailboxes,
            list: Arc::new(list),
            watches: SegQueue::new(),
            number: own.number,
        })
    }

    /// The control socket. For who has the first mailbox: its answers are for nobody else.
    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_ref().map_or(raw::no_descriptor(), AsFd::as_fd)
    }

    /// The word that changes when the host dies, and wakes this process, and what it is until then; `None` where the kernel cannot tell.
    pub(super) fn life(&self) -> Option<(&AtomicU32, u32)> {
        self.life.is_alive().then(|| (self.life.liveness(), self.alive))
    }

    /// All who wait for the host's death find out.
    pub(super) fn pass_on_death(&self) {
        futex::wake_all(self.life.liveness());
    }

    /// The program has closed its socket: the number may be another file's by now.
    pub(super) fn disown(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if *self.is_closed.get_mut()
            && let Some(socket) = self.socket.take()
        {
            socket.disown();
        }
    }
}

/// Connects and says hello.
pub(super) fn greet(path: &Path, host: Option<&str>) -> Result<Welcome, ConnectError> {
    greet_by(Apart::new(dial(path, SocketFlags::empty())?), path, host)
}

/// A control socket on which nothing was said yet, for a process that may not reach the path by itself: a child that will have another root
/// folder, or another user. To the host process it is this process's. An error if there is none at once.
pub(super) fn door(path: &Path) -> Result<Apart, ConnectError> {
    let socket = dial(path, SocketFlags::NONBLOCK)?;
    rustix::io::ioctl_fionbio(&socket, false).map_err(|error| failed(path, error))?;
    Ok(Apart::new(socket))
}

/// Says hello on a control socket.
pub(super) fn greet_by(socket: Apart, path: &Path, host: Option<&str>) -> Result<Welcome, ConnectError> {
    let hello = Request::Hello { version: proto::VERSION, host: host.map(ToOwned::to_owned) };
    // A host that hangs up may have said why before it heard of this.
    let _ = proto::send(socket.as_fd(), &hello, &[], SendFlags::empty());
    let (reply, mut descriptors) = receive_last(&socket).map_err(|error| match error {
        Errno::MFILE => ConnectError::Short(error),
        Errno::BADMSG => broken(path, &"its messages are not understood; is it of another version? end it"),
        Errno::AGAIN => broken(path, &"it does not answer; end it"),
        // One that is about to leave says nothing: another can be started.
        _ => ConnectError::NoHost,
    })?;
    match reply {
        Reply::Welcome { instance, number } => {
            let missing = || broken(path, &"it sent no descriptors; raise the limit of open files");
            let mailboxes = descriptors.pop().ok_or_else(missing)?;
            let list = descriptors.pop().ok_or_else(missing)?;
            let life = descriptors.pop().ok_or_else(missing)?;
            let page = descriptors.pop().ok_or_else(missing)?;
            let doorbell = descriptors.pop().map(Apart::new).ok_or_else(missing)?;
            let own = Own { socket, number, life, list, mailboxes };
            Ok(Welcome { instance, doorbell, page, own })
        }
        Reply::Full => Err(ConnectError::Short(Errno::MFILE)),
        Reply::Refused(why) => Err(ConnectError::Refused(why)),
        _ => Err(broken(path, &"it does not welcome us; is it of another version? end it")),
    }
}

/// The reply, also of a host that has hung up and not read all: the kernel reports that once, before what the host has sent.
fn receive_last(socket: &Apart) -> Result<(Reply, Vec<OwnedFd>), Errno> {
    match proto::receive(socket.as_fd(), RecvFlags::empty()) {
        Err(Errno::CONNRESET) => proto::receive(socket.as_fd(), RecvFlags::empty()),
        received => received,
    }
}

/// A connected control socket, to a process of the same user.
fn dial(path: &Path, flags: SocketFlags) -> Result<OwnedFd, ConnectError> {
    let address = SocketAddrUnix::new(path).map_err(|_| {
        ConnectError::Refused(format!(
            "socket path too long: {}; choose a shorter one with --socket or SOCKEYE_SOCKET",
            path.display()
        ))
    })?;
    let flags = SocketFlags::CLOEXEC | flags;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
        .map_err(|error| failed(path, error))?;
    match rustix::io::retry_on_intr(|| rustix::net::connect(&socket, &address)) {
        Ok(()) => {}
        Err(Errno::NOENT | Errno::CONNREFUSED | Errno::CONNRESET) => return Err(ConnectError::NoHost),
        Err(Errno::ACCESS | Errno::PERM) => {
            return Err(broken(path, &unreachable(path)));
        }
        Err(error) => return Err(broken(path, &error)),
    }
    let host = raw::peer(socket.as_fd()).map_err(|error| broken(path, &error))?;
    if host.user != rustix::process::geteuid().as_raw() {
        return Err(broken(path, &"it is another user's; choose another with --socket or SOCKEYE_SOCKET"));
    }
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))
        .map_err(|error| broken(path, &error))?;
    Ok(socket)
}

/// Why the system does not let this process connect.
fn unreachable(path: &Path) -> &'static str {
    let own = rustix::process::geteuid().as_raw();
    match rustix::fs::stat(path) {
        Ok(stat) if stat.st_uid != own => {
            "it is another user's; choose another with --socket or SOCKEYE_SOCKET"
        }
        Ok(_) | Err(_) => "this process, which may have given up rights, must not reach it",
    }
}

/// The system refuses this process something that it needs to use a host process.
pub(super) fn failed(path: &Path, error: Errno) -> ConnectError {
    match error {
        Errno::MFILE | Errno::NFILE => ConnectError::Short(Errno::MFILE),
        Errno::NOMEM => ConnectError::Short(Errno::NOMEM),
        _ => broken(path, &error),
    }
}

pub(super) fn broken(path: &Path, why: &dyn std::fmt::Display) -> ConnectError {
    ConnectError::Refused(format!("cannot use the host process at {}: {why}", path.display()))
}
