//! The program's side of a socket.

use sockeye_stack::{Error, OptionName, Shutdown, SocketOption};
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

/// The program's side of a socket: what `dup`ed descriptors share. All methods take `&self`.
#[derive(Debug)]
pub struct Socket {}

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
}

/// Why a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallError {
    /// As the stack says.
    Failed(Error),
    /// A signal handler ran and nothing had been done (EINTR).
    Interrupted,
}

/// What `accept` gives.
#[derive(Debug)]
pub struct Accepted {
    /// The connection.
    pub socket: Socket,
    /// Its token (close-on-exec), if the listener has one.
    pub token: Option<OwnedFd>,
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
    /// POLLERR: SO_ERROR is pending.
    pub error: bool,
}

#[allow(unused_variables)]
impl Socket {
    /// bind().
    /// # Errors
    /// As Linux.
    pub fn bind(&self, address: SocketAddr) -> Result<(), Error> { unimplemented!() }
    /// listen().
    /// # Errors
    /// As Linux.
    pub fn listen(&self, backlog: i32) -> Result<(), Error> { unimplemented!() }
    /// accept(): blocks as O_NONBLOCK, SO_RCVTIMEO and `call` say.
    /// # Errors
    /// As Linux.
    pub fn accept(&self, call: Call<'_>) -> Result<Accepted, CallError> { unimplemented!() }
    /// connect(): `InProgress` if it does not block; `AlreadyInProgress` when called again meanwhile.
    /// # Errors
    /// As Linux.
    pub fn connect(&self, call: Call<'_>, address: SocketAddr) -> Result<(), CallError> { unimplemented!() }
    /// send(), write(), writev(): bytes taken. Blocks until all are taken, unless told otherwise.
    /// # Errors
    /// As Linux; `BrokenPipe` is where SIGPIPE is due.
    pub fn send(&self, call: Call<'_>, buffers: &[IoSlice<'_>]) -> Result<usize, CallError> { unimplemented!() }
    /// recv(), read(), readv(): bytes; 0 is end of file.
    /// # Errors
    /// As Linux.
    pub fn recv(&self, call: Call<'_>, buffers: &mut [IoSliceMut<'_>]) -> Result<usize, CallError> { unimplemented!() }
    /// shutdown().
    /// # Errors
    /// As Linux.
    pub fn shutdown(&self, how: Shutdown) -> Result<(), Error> { unimplemented!() }
    /// setsockopt() for what the engine keeps.
    /// # Errors
    /// As Linux.
    pub fn set_option(&self, option: SocketOption) -> Result<(), Error> { unimplemented!() }
    /// getsockopt() for what the engine keeps.
    /// # Errors
    /// As Linux.
    pub fn option(&self, name: OptionName) -> Result<SocketOption, Error> { unimplemented!() }
    /// getsockname().
    /// # Errors
    /// `HostGone`.
    pub fn local_address(&self) -> Result<SocketAddr, Error> { unimplemented!() }
    /// getpeername().
    /// # Errors
    /// `NotConnected`, `HostGone`.
    pub fn peer_address(&self) -> Result<SocketAddr, Error> { unimplemented!() }
    /// SO_ERROR: told once.
    pub fn take_error(&self) -> Option<Error> { unimplemented!() }
    /// FIONREAD: bytes that can be read now.
    pub fn available(&self) -> usize { unimplemented!() }
    /// SIOCOUTQ: bytes not acknowledged.
    pub fn unacknowledged(&self) -> usize { unimplemented!() }
    /// SO_ACCEPTCONN.
    pub fn is_listening(&self) -> bool { unimplemented!() }
    /// Which family the socket was made for.
    pub fn family(&self) -> sockeye_stack::Family { unimplemented!() }
    /// What poll() would say now.
    pub fn readiness(&self) -> Readiness { unimplemented!() }
    /// Called before the token is given to select, poll or epoll: from now on its kernel readiness follows the socket's (first call: one request to the engine).
    /// Called again before each poll/select it brings the token up to date.
    /// # Errors
    /// `HostGone`.
    pub fn arm(&self, token: BorrowedFd<'_>) -> Result<(), Error> { unimplemented!() }
    /// O_NONBLOCK for all who share the socket (the caller also sets it on the token).
    pub fn set_nonblocking(&self, on: bool) { unimplemented!() }
    /// O_NONBLOCK.
    pub fn is_nonblocking(&self) -> bool { unimplemented!() }
    /// SO_RCVTIMEO; zero is none.
    pub fn set_recv_timeout(&self, timeout: Duration) { unimplemented!() }
    /// SO_RCVTIMEO.
    pub fn recv_timeout(&self) -> Duration { unimplemented!() }
    /// SO_SNDTIMEO; zero is none.
    pub fn set_send_timeout(&self, timeout: Duration) { unimplemented!() }
    /// SO_SNDTIMEO.
    pub fn send_timeout(&self) -> Duration { unimplemented!() }
    /// SO_RCVLOWAT, bytes.
    pub fn set_recv_low_water(&self, bytes: u32) { unimplemented!() }
    /// SO_RCVLOWAT, bytes.
    pub fn recv_low_water(&self) -> u32 { unimplemented!() }
    /// To be called after the last descriptor of this process for the socket was closed: waits as SO_LINGER says if that was the last of all.
    pub fn linger(&self) { unimplemented!() }
}
