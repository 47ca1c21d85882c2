//! The program's side of a socket.

mod close;
mod fast_open;
mod kept;
mod open;
mod options;
mod payload;
mod recv;
mod send;
mod splice;
mod token;
mod wait;
mod watch;

pub use splice::PipeEnd;

use crate::apart::Apart;
use crate::lookout::Lookout;
use crate::proto::{Answer, Handle, Reply, Request};
use crate::table::condition;
use crate::transport::{Attached, Way};
use sockeye_buffer::{Condition, SlotHeader, is_urgent_here};
use sockeye_stack::{Error, Report, Shutdown};
use std::net::SocketAddr;
use std::os::fd::BorrowedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The program's side of a socket: what `dup`ed descriptors share. All methods take `&self`.
#[derive(Debug)]
pub struct Socket {
    way: Way,
    at: Attached,
    /// Whether whoever has a copy of its token holds the socket. If not, this process does.
    has_token: AtomicBool,
    /// This process has given it up.
    is_released: AtomicBool,
    /// In which process it was made: see [`Way::epoch`].
    made_in: u32,
    /// The slot's condition word says that it is ours.
    owner: u32,
    /// Its place in the ready list of this process, and in the upper half of which: see [`Way::epoch`].
    watch: AtomicU64,
    /// A group has been told of it.
    has_joined: AtomicBool,
    /// In which process it was armed: see [`Way::epoch`].
    armed_in: AtomicU32,
    lookout: Lookout,
    /// A copy of the token, once the program has closed its own under a call.
    kept: OnceLock<Apart>,
}

/// Who holds a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    ThisProcess,
    Token,
}

/// How one call is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Call<'a> {
    /// A live copy of the token, to keep its readiness true.
    pub token: Option<BorrowedFd<'a>>,
    /// MSG_DONTWAIT: do not block, whatever O_NONBLOCK says.
    pub dont_wait: bool,
    /// MSG_PEEK.
    pub peek: bool,
    /// MSG_WAITALL.
    pub wait_all: bool,
    /// MSG_MORE.
    pub more: bool,
    /// MSG_EOR.
    pub end_of_record: bool,
    /// MSG_ZEROCOPY.
    pub zero_copy: bool,
    /// MSG_OOB: the last byte that is sent is urgent.
    pub urgent: bool,
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// As the stack says.
    Failed(Error),
    /// A signal handler ran and nothing had been done (EINTR).
    Interrupted,
}

/// Why a file was not sent, or text not moved between a socket and a pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileError {
    /// The socket's fault.
    Call(CallError),
    /// It cannot be read, or written to.
    File(rustix::io::Errno),
}

impl From<CallError> for FileError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What `accept` gives.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub socket: Socket,
    /// Who connected.
    pub peer: SocketAddr,
}

/// What poll() would say, by Linux's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// POLLIN: bytes, end of file, an error, or a connection to accept.
    pub readable: bool,
    /// POLLOUT: at least a third of SO_SNDBUF is free, or writing fails at once.
    pub writable: bool,
    /// POLLRDHUP: the peer's FIN arrived.
    pub peer_closed: bool,
    /// POLLHUP: both directions are shut, or never connected.
    pub hang_up: bool,
    /// POLLPRI: an urgent byte has come that was neither read nor passed.
    pub urgent: bool,
    /// POLLERR: SO_ERROR is pending, or the error queue holds something.
    pub error: bool,
}

impl Socket {
    pub(crate) fn new(way: Way, handle: Handle, holder: Holder) -> Result<Self, Error> {
        let at = way.attach(handle).inspect_err(|_| {
            if holder == Holder::ThisProcess {
                // A host that is gone has closed it.
                let _ = way.tell(Request::Close { tag: handle.tag });
            }
        })?;
        let owner = condition::owner_of(handle.tag);
        let made_in = way.epoch();
        let watch = AtomicU64::new(u64::from(made_in) << 32 | u64::from(handle.watch));
        Ok(Self {
            way,
            at,
            has_token: AtomicBool::new(holder == Holder::Token),
            is_released: AtomicBool::new(false),
            made_in,
            owner,
            watch,
            has_joined: AtomicBool::new(false),
            armed_in: AtomicU32::new(0),
            lookout: Lookout::default(),
            kept: OnceLock::new(),
        })
    }

    /// bind().
    ///
    /// # Errors
    /// As Linux.
    pub fn bind(&self, address: SocketAddr) -> Result<(), Error> {
        self.way.tell(Request::Bind { tag: self.tag(), address })
    }

    /// listen().
    ///
    /// # Errors
    /// As Linux.
    pub fn listen(&self, backlog: i32) -> Result<(), Error> {
        self.way.tell(Request::Listen { tag: self.tag(), backlog })
    }

    /// shutdown().
    ///
    /// # Errors
    /// As Linux.
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Error> {
        self.way.tell(Request::Shutdown { tag: self.tag(), how })
    }

    /// MSG_ERRQUEUE: the oldest report.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; `HostGone`.
    pub fn take_report(&self) -> Result<Report, Error> {
        match self.way.call(Request::TakeReport { tag: self.tag() })?.reply {
            Reply::Report(report) => Ok(report),
            _ => Err(Error::HostGone),
        }
    }

    /// getsockname().
    ///
    /// # Errors
    /// `HostGone`.
    pub fn local_address(&self) -> Result<SocketAddr, Error> {
        match self.addresses() {
            Some((local, _)) => Ok(local),
            None => address(&self.way.call(Request::LocalAddress { tag: self.tag() })?),
        }
    }

    /// getpeername().
    ///
    /// # Errors
    /// `NotConnected`, `HostGone`.
    pub fn peer_address(&self) -> Result<SocketAddr, Error> {
        match self.addresses() {
            Some((_, peer)) => Ok(peer),
            None => address(&self.way.call(Request::PeerAddress { tag: self.tag() })?),
        }
    }

    /// The local address and the peer's, of an open connection.
    fn addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        let is_open = || self.is_open() && self.way.is_alive();
        let addresses = if is_open() { self.header().addresses.get() } else { None };
        // Of another socket's, if the slot was given to one meanwhile.
        addresses.filter(|_| is_open())
    }

    /// Whether it is a connection that is open.
    fn is_open(&self) -> bool {
        const STATE: u32 =
            Condition::CONNECTED | Condition::CONNECTING | Condition::CLOSED | condition::DEFERRED;
        self.condition().is_ok_and(|word| word & STATE == Condition::CONNECTED)
    }

    /// SO_ERROR: told once.
    #[must_use]
    pub fn take_error(&self) -> Option<Error> {
        let code = match self.condition() {
            Ok(_) => self.header().engine.error.swap(0, Ordering::SeqCst),
            Err(_) => 0,
        };
        Error::from_code(code).or_else(|| (!self.way.is_alive()).then_some(Error::HostGone))
    }

    /// SO_ERROR of getsockopt(), which also tells an error that came back and ended nothing, until something is acknowledged.
    #[must_use]
    pub fn take_any_error(&self) -> Option<Error> {
        let has_soft = self.condition().is_ok_and(|word| word & condition::SOFT_ERROR != 0);
        self.take_error().or_else(|| {
            let answer = has_soft.then(|| self.way.call(Request::TakeSoftError { tag: self.tag() }))?.ok()?;
            match answer.reply {
                Reply::SoftError(error) => error,
                _ => None,
            }
        })
    }

    /// FIONREAD: bytes that can be read now.
    #[must_use]
    pub fn available(&self) -> usize {
        let (hidden, most) = self.at.reader.before_mark(0);
        self.at.reader.len().saturating_sub(hidden).min(most)
    }

    /// SIOCOUTQ: bytes not acknowledged.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.at.writer.len()
    }

    /// SO_ACCEPTCONN.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.condition().is_ok_and(|word| word & Condition::LISTENING != 0)
    }

    /// SO_COOKIE: a number that no other socket of this host process has, now or later.
    #[must_use]
    pub fn cookie(&self) -> u64 {
        self.tag()
    }

    /// Which family the socket was made for.
    #[must_use]
    pub fn family(&self) -> sockeye_stack::Family {
        self.at.handle.family
    }

    /// What poll() would say now.
    #[must_use]
    pub fn readiness(&self) -> Readiness {
        let Some(word) = self.condition().ok().filter(|_| self.way.is_alive()) else {
            return Readiness {
                readable: true,
                writable: true,
                peer_closed: true,
                hang_up: true,
                urgent: false,
                error: true,
            };
        };
        let header = self.header();
        let has = |bits: u32| word & bits != 0;
        let error = header.engine.error.load(Ordering::SeqCst) != 0;
        // Once a second connect() has told of it, the socket is as new.
        let has_failed = has(condition::FAILED) && self.is_opening();
        let is_shut = has(Condition::END_OF_FILE | Condition::RECV_SHUT | Condition::CLOSED);
        let peer_closed = is_shut || has_failed;
        let is_fresh = !has(Condition::CONNECTED | Condition::CONNECTING | Condition::LISTENING);
        let has_report = has(condition::REPORTS);
        Readiness {
            readable: sockeye_buffer::is_readable(header) || peer_closed || error,
            writable: sockeye_buffer::is_writable(header, word) || error,
            peer_closed,
            hang_up: is_fresh || has(Condition::CLOSED) || (peer_closed && has(Condition::SEND_SHUT)),
            urgent: is_urgent_here(header),
            error: error || has_report,
        }
    }

    /// O_NONBLOCK for all who share the socket (the caller also sets it on the token).
    pub fn set_nonblocking(&self, on: bool) {
        self.header().readiness.nonblocking.store(on.into(), Ordering::Relaxed);
    }

    /// O_NONBLOCK.
    #[must_use]
    pub fn is_nonblocking(&self) -> bool {
        self.header().readiness.nonblocking.load(Ordering::Relaxed) != 0
    }

    /// TCP_INQ: what is left to read, in bytes, and whether end of file comes after it; `None` if the option is off.
    #[must_use]
    pub fn left_to_read(&self) -> Option<(usize, bool)> {
        let header = self.header();
        let is_end_of_file = header.engine.condition.load(Ordering::Acquire) & Condition::END_OF_FILE != 0;
        let is_told = header.readiness.tells_left.load(Ordering::Relaxed) != 0;
        is_told.then(|| (self.at.reader.len(), is_end_of_file))
    }

    fn tag(&self) -> u64 {
        self.at.handle.tag
    }

    fn header(&self) -> &SlotHeader {
        self.at.slot.header()
    }

    /// The condition word, if the slot is still this socket's.
    fn condition(&self) -> Result<u32, Error> {
        let word = self.header().engine.condition.load(Ordering::SeqCst);
        if word & condition::OWNER == self.owner { Ok(word) } else { Err(Error::BadDescriptor) }
    }

    fn ring(&self) {
        self.way.ring(&self.at);
    }

    fn may_block(&self, call: Call<'_>) -> bool {
        !call.dont_wait && !self.is_nonblocking()
    }
}

fn address(answer: &Answer) -> Result<SocketAddr, Error> {
    match answer.reply {
        Reply::Address(address) => Ok(address),
        _ => Err(Error::HostGone),
    }
}
