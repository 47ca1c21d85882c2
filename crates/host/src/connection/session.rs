//! What a process has of its own at a host process, and how it comes by that.

use super::{ConnectError, PATIENCE};
use crate::apart::Apart;
use crate::group::Groups;
use crate::proto::{self, Reply, Request};
use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use sockeye_buffer::{Mailbox, ReadyList};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;

/// What a process has of its own.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) socket: Apart,
    pub(super) mailbox: Mailbox,
    pub(super) list: Arc<ReadyList>,
    pub(super) groups: Groups,
}

/// What a host's welcome brings.
pub(super) struct Welcome {
    pub(super) socket: Apart,
    pub(super) instance: u64,
    pub(super) doorbell: Apart,
    pub(super) page: OwnedFd,
    pub(super) list: OwnedFd,
    pub(super) mailbox: OwnedFd,
}

impl Session {
    pub(super) fn new(
        path: &Path,
        socket: Apart,
        list: &OwnedFd,
        mailbox: &OwnedFd,
    ) -> Result<Self, ConnectError> {
        let list = ReadyList::map(list).map_err(|error| broken(path, &error))?;
        let mailbox = Mailbox::map(mailbox).map_err(|error| broken(path, &error))?;
        Ok(Self { socket, mailbox, list: Arc::new(list), groups: Groups::default() })
    }
}

/// Connects and says hello.
pub(super) fn greet(path: &Path, host: Option<&str>) -> Result<Welcome, ConnectError> {
    let socket = dial(path)?;
    let hello = Request::Hello { version: proto::VERSION, host: host.map(ToOwned::to_owned) };
    // A host that is about to leave hangs up: another can be started.
    proto::send(socket.as_fd(), &hello, &[], SendFlags::empty()).map_err(|_| ConnectError::NoHost)?;
    let (reply, mut descriptors) =
        proto::receive(socket.as_fd(), RecvFlags::empty()).map_err(|error| match error {
            Errno::BADMSG => {
                broken(path, &"its messages are not understood; is it of another version? end it")
            }
            Errno::AGAIN => broken(path, &"it does not answer; end it"),
            _ => ConnectError::NoHost,
        })?;
    match reply {
        Reply::Welcome { instance } => {
            let missing = || broken(path, &"it sent no descriptors; raise the limit of open files");
            let mailbox = descriptors.pop().ok_or_else(missing)?;
            let list = descriptors.pop().ok_or_else(missing)?;
            let page = descriptors.pop().ok_or_else(missing)?;
            let doorbell = descriptors.pop().map(Apart::new).ok_or_else(missing)?;
            Ok(Welcome { socket: Apart::new(socket), instance, doorbell, page, list, mailbox })
        }
        Reply::Refused(why) => Err(ConnectError::Refused(why)),
        _ => Err(broken(path, &"it does not welcome us; is it of another version? end it")),
    }
}

/// A connected control socket, to a process of the same user.
fn dial(path: &Path) -> Result<OwnedFd, ConnectError> {
    let address = SocketAddrUnix::new(path).map_err(|_| {
        ConnectError::Refused(format!(
            "socket path too long: {}; choose a shorter one in SOCKEYE_SOCKET",
            path.display()
        ))
    })?;
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
            .map_err(|error| broken(path, &error))?;
    match rustix::io::retry_on_intr(|| rustix::net::connect(&socket, &address)) {
        Ok(()) => {}
        Err(Errno::NOENT | Errno::CONNREFUSED | Errno::CONNRESET) => return Err(ConnectError::NoHost),
        Err(error) => return Err(broken(path, &error)),
    }
    let host = sockopt::socket_peercred(&socket).map_err(|error| broken(path, &error))?;
    if host.uid != rustix::process::geteuid() {
        return Err(broken(path, &"it is another user's; choose another socket in SOCKEYE_SOCKET"));
    }
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(PATIENCE))
        .map_err(|error| broken(path, &error))?;
    Ok(socket)
}

pub(super) fn broken(path: &Path, why: &dyn std::fmt::Display) -> ConnectError {
    ConnectError::Refused(format!("cannot use the host process at {}: {why}", path.display()))
}
