//! What a client and the host process say to each other: one datagram a message, over a SOCK_SEQPACKET socket.
//!
//! ```text
//!  client                                       host
//!    | Hello { version, host }                    |
//!    |------------------------------------------->|
//!    |    Welcome + eventfd, pages, list, mailbox |
//!    |<-------------------------------------------|
//!    | any other request                          |
//!    |------------------------------------------->|   executed at once: the host never blocks for a client
//!    |    its reply (+ tokens, or arena)          |
//!    |<-------------------------------------------|
//! ```
//!
//! Once there is a mailbox, requests and replies are in it, and a datagram carries only what does not fit and what comes with
//! descriptors.

use crate::network_file;
use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sockeye_stack::{
    Counters, Error, Family, ListPlace, Mark, MemoryUsage, OptionName, Report, Shutdown, SocketInfo,
    SocketOption, TcpInfo,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Changes whenever a message or the layout of shared memory does.
pub(crate) const VERSION: u32 = 8;
/// Longest message, bytes.
const MAX_MESSAGE: usize = 64 * 1024;
/// Most descriptors that come with a message.
const MAX_DESCRIPTORS: usize = 5;
/// The mailbox whose answers may come by the control socket. Requests by the others are plain ones.
pub(crate) const FIRST_MAILBOX: usize = 0;
/// Places that are looked at for a page of netstat, each with a line at most.
pub(crate) const LOOKS_A_PAGE: usize = 256;
/// The most that a line takes, bytes: so much, and the name of its host.
pub(crate) const BYTES_A_LINE: usize = 128;
const _: () = assert!(LOOKS_A_PAGE * (BYTES_A_LINE + network_file::LONGEST_NAME) < MAX_MESSAGE);
/// Hosts in a reply about memory. All sockets are looked at for each.
pub(crate) const HOSTS_A_PAGE: usize = 8;

/// Asked by a client. `tag` names a socket, as its [`Handle`] told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Request {
    /// First of all. `host` names a host of the network.
    Hello {
        version: u32,
        host: Option<String>,
    },
    /// A new socket, which the caller holds.
    Socket {
        family: Family,
    },
    /// A token of no socket yet.
    Token,
    /// From now on whoever has a copy of this token holds the socket, and no longer the caller.
    Give {
        tag: u64,
        token: u64,
    },
    /// The socket behind a token that was inherited or received.
    Adopt {
        token: u64,
    },
    /// A place in the caller's ready list for a socket that it shares with its parent.
    Watch {
        tag: u64,
    },
    /// What wakes the sleepers of a group of the caller's ready list.
    Bell {
        group: u32,
    },
    Bind {
        tag: u64,
        address: SocketAddr,
    },
    Listen {
        tag: u64,
        backlog: i32,
    },
    Accept {
        tag: u64,
    },
    Connect {
        tag: u64,
        address: SocketAddr,
    },
    /// As `Connect`, for text in the SYN (MSG_FASTOPEN); without an address, of an open that waits for text.
    FastOpen {
        tag: u64,
        address: Option<SocketAddr>,
    },
    /// The text of an open that waits for it is in SendQ.
    Launch {
        tag: u64,
    },
    Shutdown {
        tag: u64,
        how: Shutdown,
    },
    SetOption {
        tag: u64,
        option: SocketOption,
    },
    Option {
        tag: u64,
        name: OptionName,
    },
    /// A setting of the caller's host.
    Sysctl {
        name: String,
    },
    SetSysctl {
        name: String,
        text: String,
    },
    /// MSG_ERRQUEUE.
    TakeReport {
        tag: u64,
    },
    /// SO_ERROR of a connection that goes on.
    TakeSoftError {
        tag: u64,
    },
    /// TCP_INFO.
    Info {
        tag: u64,
    },
    /// Of bytes that are about to be published.
    Mark {
        tag: u64,
        mark: Mark,
        offset: u64,
    },
    LocalAddress {
        tag: u64,
    },
    PeerAddress {
        tag: u64,
    },
    /// From now on the token's readiness is to follow the socket's.
    Arm {
        tag: u64,
    },
    /// This process has closed its descriptors of a socket whose token could not tell.
    Forget {
        tag: u64,
    },
    /// The caller, which holds the socket, cannot use it.
    Close {
        tag: u64,
    },
    /// All descriptors of this process are closed: must it wait, as SO_LINGER says?
    Linger {
        tag: u64,
    },
    /// It has waited.
    Lingered {
        tag: u64,
    },
    /// The memory of slots.
    Arena {
        id: u64,
    },
    /// A page of netstat's lines.
    Sockets {
        all_hosts: bool,
        from: ListPlace,
    },
    /// Look at the doorbells.
    Wake,
    /// Places in the caller's ready list for what it takes from accept queues.
    Watches,
    /// Who had the lock of writers has died: what it said of bytes that it did not publish counts no more.
    Unmark {
        tag: u64,
    },
    /// What hosts hold, from the `offset`th host on.
    Memory {
        all_hosts: bool,
        offset: u32,
    },
}

impl Request {
    /// Whether it and its reply always fit into a mailbox, and no descriptor comes with that.
    pub(crate) fn is_plain(&self) -> bool {
        self.tag().is_some()
            || matches!(self, Self::Socket { .. } | Self::Adopt { .. } | Self::Watches | Self::Wake)
    }

    /// The socket that it is about.
    pub(crate) fn tag(&self) -> Option<u64> {
        match *self {
            Self::Give { tag, .. }
            | Self::Watch { tag }
            | Self::Bind { tag, .. }
            | Self::Listen { tag, .. }
            | Self::Accept { tag }
            | Self::Connect { tag, .. }
            | Self::FastOpen { tag, .. }
            | Self::Launch { tag }
            | Self::Shutdown { tag, .. }
            | Self::SetOption { tag, .. }
            | Self::Option { tag, .. }
            | Self::TakeReport { tag }
            | Self::TakeSoftError { tag }
            | Self::Info { tag }
            | Self::Mark { tag, .. }
            | Self::Unmark { tag }
            | Self::LocalAddress { tag }
            | Self::PeerAddress { tag }
            | Self::Arm { tag }
            | Self::Forget { tag }
            | Self::Close { tag }
            | Self::Linger { tag }
            | Self::Lingered { tag } => Some(tag),
            Self::Hello { .. }
            | Self::Socket { .. }
            | Self::Token
            | Self::Adopt { .. }
            | Self::Watches
            | Self::Bell { .. }
            | Self::Sysctl { .. }
            | Self::SetSysctl { .. }
            | Self::Arena { .. }
            | Self::Sockets { .. }
            | Self::Memory { .. }
            | Self::Wake => None,
        }
    }
}

/// How a client finds a socket's slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Handle {
    pub(crate) tag: u64,
    pub(crate) arena: u64,
    pub(crate) index: u32,
    pub(crate) family: Family,
    /// In the caller's ready list; [`NO_WATCH`](crate::watch::NO_WATCH) for none.
    pub(crate) watch: u32,
}

/// Told by the host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Reply {
    /// With the doorbell, the host page, the client's own, the ready list and the mailboxes. `instance` names this host process among all, `number` the
    /// caller among its clients.
    Welcome {
        instance: u64,
        number: u32,
    },
    /// No; in words.
    Refused(String),
    Done,
    /// Its number, with its descriptor.
    Token(u64),
    Socket(Handle),
    Accepted(Handle, SocketAddr),
    Watch(u32),
    Watches(Vec<u16>),
    Option(SocketOption),
    Info(Box<TcpInfo>),
    Report(Report),
    SoftError(Option<Error>),
    /// The SYN has room for so many bytes, and waits for them; with 0 it is under way.
    Room(usize),
    Sysctl(Option<String>),
    /// Why a setting was not set, in words, or that it was.
    SysctlSet(Result<(), String>),
    Address(SocketAddr),
    /// Wait so many seconds at most for what was sent to be acknowledged; `None`: there is nothing to wait for.
    Linger(Option<u32>),
    /// With the arena's descriptor.
    Arena,
    /// There may be no lines on this page, and some on the next one.
    Sockets {
        lines: Vec<(String, SocketInfo)>,
        next: Option<ListPlace>,
    },
    Failed(Error),
    /// To a hello: there are no descriptors left for one more program.
    Full,
    Memory {
        hosts: Vec<HostMemory>,
        more: bool,
    },
}

/// What a host holds, and what it has counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostMemory {
    /// The host's name.
    pub host: String,
    /// What its queues hold.
    pub usage: MemoryUsage,
    /// What happened on it since the start.
    pub counters: Counters,
}

/// A reply and what comes with it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) reply: Reply,
    pub(crate) descriptors: Vec<OwnedFd>,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self { reply, descriptors: Vec::new() }
    }
}

impl From<Error> for Answer {
    fn from(error: Error) -> Self {
        Reply::Failed(error).into()
    }
}

/// Sends one message.
pub(crate) fn send(
    socket: BorrowedFd<'_>,
    message: &impl Serialize,
    descriptors: &[BorrowedFd<'_>],
    flags: SendFlags,
) -> Result<(), Errno> {
    let bytes = postcard::to_stdvec(message).map_err(|_| Errno::INVAL)?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !ancillary.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(Errno::INVAL);
    }
    let parts = [IoSlice::new(&bytes)];
    rustix::io::retry_on_intr(|| {
        rustix::net::sendmsg(socket, &parts, &mut ancillary, flags | SendFlags::NOSIGNAL)
    })?;
    Ok(())
}

/// Receives one message. `CONNRESET` when the other side has hung up; `BADMSG` for a message that is none; `MFILE` if
/// there was no room for its descriptors.
pub(crate) fn receive<M: DeserializeOwned>(
    socket: BorrowedFd<'_>,
    flags: RecvFlags,
) -> Result<(M, Vec<OwnedFd>), Errno> {
    let mut bytes = vec![0; MAX_MESSAGE];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_DESCRIPTORS))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = rustix::io::retry_on_intr(|| {
        let mut parts = [IoSliceMut::new(&mut bytes)];
        rustix::net::recvmsg(socket, &mut parts, &mut ancillary, flags | RecvFlags::CMSG_CLOEXEC)
    })?;
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    if received.bytes == 0 {
        return Err(Errno::CONNRESET);
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        // This process can have no more descriptors.
        return Err(Errno::MFILE);
    }
    if received.flags.contains(ReturnFlags::TRUNC) {
        return Err(Errno::BADMSG);
    }
    let message = postcard::from_bytes(&bytes[..received.bytes]).map_err(|_| Errno::BADMSG)?;
    Ok((message, descriptors))
}

/// Receives the reply to a request, and what comes with it.
pub(crate) fn receive_answer(socket: BorrowedFd<'_>) -> Result<Answer, Errno> {
    let (reply, descriptors) = receive(socket, RecvFlags::empty())?;
    Ok(Answer { reply, descriptors })
}

impl Answer {
    /// Sends it to a client. A client that does not read its replies is not waited for. Descriptors that the kernel does not pass now are
    /// refused: so many may be under way of all programs of a user together, and what another program keeps there is not this one's fault.
    pub(crate) fn send(&self, socket: BorrowedFd<'_>) -> Result<(), Errno> {
        let descriptors: Vec<_> = self.descriptors.iter().map(AsFd::as_fd).collect();
        match send(socket, &self.reply, &descriptors, SendFlags::DONTWAIT) {
            Err(Errno::TOOMANYREFS | Errno::NOBUFS | Errno::NOMEM) if !descriptors.is_empty() => {
                send(socket, &self.reply.refusal(), &[], SendFlags::DONTWAIT)
            }
            sent => sent,
        }
    }
}

impl Reply {
    /// What is said in its place if its descriptors cannot be had.
    fn refusal(&self) -> Self {
        match self {
            Self::Welcome { .. } => Self::Full,
            _ => Self::Failed(Error::TooManyFiles),
        }
    }
}

#[cfg(test)]
mod tests;
