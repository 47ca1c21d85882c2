//! A host: interfaces, demultiplexing, listeners, ports, and the sockets rules; and networks of hosts.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use sockeye_buffer::{RecvQ, SendQ};
use sockeye_clock::Instant;
use sockeye_link::LinkConfig;
use sockeye_tcb::State;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use thiserror::Error;

/// Why a call failed. `ffi` alone turns these into errno numbers; `code()` is what a slot's `error` word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Error {
    #[error("operation would block")] WouldBlock = 1,
    #[error("address already in use")] AddressInUse,
    #[error("address not available")] AddressNotAvailable,
    #[error("address family not supported")] AddressFamily,
    #[error("invalid argument")] InvalidArgument,
    #[error("not connected")] NotConnected,
    #[error("already connected")] IsConnected,
    #[error("connection already in progress")] AlreadyInProgress,
    #[error("connection now in progress")] InProgress,
    #[error("connection refused")] ConnectionRefused,
    #[error("connection reset by peer")] ConnectionReset,
    #[error("connection timed out")] TimedOut,
    #[error("broken pipe")] BrokenPipe,
    #[error("software caused connection abort")] ConnectionAborted,
    #[error("no route to host")] HostUnreachable,
    #[error("network is unreachable")] NetworkUnreachable,
    #[error("operation not supported")] NotSupported,
    #[error("protocol not available")] NoSuchOption,
    #[error("no buffer space available")] NoBufferSpace,
    #[error("too many open files")] TooManyFiles,
    #[error("permission denied")] PermissionDenied,
    #[error("bad descriptor")] BadDescriptor,
    #[error("the Sockeye host process is gone")] HostGone,
}

impl Error {
    /// The number that stands for this in a slot's `error` word; never 0.
    #[must_use]
    pub const fn code(self) -> u32 { self as u32 }
    /// The error with that number; `None` for 0 and for numbers that stand for nothing.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> { let _ = code; unimplemented!() }
}

/// A network: hosts, their addresses, and the links between them. What a network file says (TOML is read in `host`).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkConfig {
    /// The hosts. The first is the one a program is on when it names none.
    pub hosts: Vec<HostConfig>,
    /// The links between them.
    pub links: Vec<LinkBetween>,
}

impl Default for NetworkConfig {
    /// One host, `localhost`, that owns 127.0.0.0/8 and ::1.
    fn default() -> Self { unimplemented!() }
}

/// One host. It owns 127.0.0.0/8 and ::1 and `addresses`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HostConfig {
    /// Its name.
    pub name: String,
    /// Its addresses beyond loopback.
    pub addresses: Vec<IpAddr>,
    /// Its settings.
    pub settings: Settings,
}

/// A link and the two hosts at its ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LinkBetween {
    /// Names of the two hosts.
    pub between: (String, String),
    /// What it does, in each direction (the reverse direction uses seed + 1).
    pub config: LinkConfig,
}

/// Settings of a host. Exact buffer sizes, when given, are in force whatever a program asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Default SO_SNDBUF in force, bytes.
    pub send_buffer: usize,
    /// Default SO_RCVBUF in force, bytes.
    pub recv_buffer: usize,
    /// net.core.wmem_max, rmem_max: SO_SNDBUF/SO_RCVBUF requests are cut to this before doubling.
    pub buffer_max: usize,
    /// If given, every socket's SendQ has exactly this size.
    pub exact_send_buffer: Option<usize>,
    /// If given, every socket's RecvQ has exactly this size.
    pub exact_recv_buffer: Option<usize>,
    /// 2MSL.
    pub time_wait: Duration,
    /// tcp_fin_timeout.
    pub fin_timeout: Duration,
    /// Ephemeral ports, first and last (32768, 60999).
    pub ports: (u16, u16),
    /// net.core.somaxconn (4096).
    pub backlog_max: u32,
    /// MTU of loopback (65536).
    pub loopback_mtu: usize,
}

/// Names a host of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HostId(pub u32);

/// Names a socket of a network, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SocketId { /** Slab index. */ pub index: u32, /** Use of that index. */ pub generation: u32 }

/// The rings of a new connection, and what their owner calls them.
#[derive(Debug)]
pub struct Rings { /** Engine half. */ pub sendq: SendQ, /** Engine half. */ pub recvq: RecvQ, /** The owner's name for them. */ pub tag: u64 }

/// Where rings come from. `owner` is the tag that the socket, or the listener of a passive connection, was created with.
pub trait RingSource: Send {
    /// Rings for a connection whose socket has `tag` (active open: opens that socket's own slot).
    fn open(&mut self, tag: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error>;
    /// Rings, under a new tag, for a connection accepted by the listener `owner`.
    fn open_passive(&mut self, owner: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error>;
    /// The rings under `tag` are not used by the stack any more.
    fn close(&mut self, tag: u64);
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Family { V4, V6 }

/// `shutdown()`'s argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Shutdown { Read, Write, Both }

/// An option that the engine keeps, with its value. (Timeouts, O_NONBLOCK and SO_RCVLOWAT live in the slot.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SocketOption {
    /// As asked for (before doubling) when set; in force when read. Bytes.
    SendBuffer(u32), ReceiveBuffer(u32),
    ReuseAddress(bool), ReusePort(bool), KeepAlive(bool), NoDelay(bool), V6Only(bool),
    /// Seconds; `None` is off.
    Linger(Option<u32>),
    /// Seconds.
    KeepIdle(u32), KeepInterval(u32),
    KeepCount(u32),
    /// Bytes.
    MaxSegment(u32),
    /// Milliseconds.
    UserTimeout(u32),
}

/// Names a [`SocketOption`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum OptionName { SendBuffer, ReceiveBuffer, ReuseAddress, ReusePort, KeepAlive, NoDelay, V6Only, Linger, KeepIdle, KeepInterval, KeepCount, MaxSegment, UserTimeout }

/// What happened to a socket that its holder should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// An active open succeeded.
    Connected,
    /// Text arrived.
    Readable,
    /// A connection can be accepted.
    Acceptable,
    /// SendQ has room again.
    Writable,
    /// After what RecvQ holds comes end of file.
    EndOfFile,
    /// Everything sent, and the FIN, is acknowledged.
    Drained,
    /// The connection ended early, or an open failed: SO_ERROR.
    Failed(Error),
    /// The connection is over; the protocol needs the rings no more.
    Closed,
}

/// A line of netstat.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SocketInfo {
    /// Host the socket is on.
    pub host: HostId,
    /// Local address.
    pub local: SocketAddr,
    /// Foreign address; unspecified with port 0 for a listener.
    pub foreign: SocketAddr,
    /// State's name as netstat prints it: ESTABLISHED, FIN_WAIT1, LISTEN, …
    pub state: String,
    /// Recv-Q: bytes, a received FIN counts; for a listener, connections that wait to be accepted.
    pub recv_queue: usize,
    /// Send-Q: bytes, an unacknowledged FIN counts; for a listener, the backlog.
    pub send_queue: usize,
}

/// Hosts and links, driven by the caller: no clock, no I/O, no threads.
pub struct Network {}

#[allow(unused_variables)]
impl Network {
    /// # Errors
    /// A link that names an unknown host, two hosts of one name or address: the text says which and what to do.
    pub fn new(now: Instant, config: &NetworkConfig, rings: Box<dyn RingSource>, seed: u64) -> Result<Self, String> { unimplemented!() }
    /// The host of that name.
    pub fn host(&self, name: &str) -> Option<HostId> { unimplemented!() }
    /// Names in order of [`HostId`].
    pub fn host_names(&self) -> Vec<&str> { unimplemented!() }
    /// socket(): unbound. `tag` is the caller's name for it.
    pub fn socket(&mut self, host: HostId, family: Family, tag: u64) -> Result<SocketId, Error> { unimplemented!() }
    /// bind().
    pub fn bind(&mut self, id: SocketId, address: SocketAddr) -> Result<(), Error> { unimplemented!() }
    /// listen(); binds to an ephemeral port if unbound.
    pub fn listen(&mut self, id: SocketId, backlog: i32) -> Result<(), Error> { unimplemented!() }
    /// accept(): the connection that has waited longest; its `tag` is what `open_passive` gave.
    pub fn accept(&mut self, id: SocketId) -> Result<(SocketId, u64, SocketAddr), Error> { unimplemented!() }
    /// connect(): `Ok` means the open is under way; `Connected` or `Failed` follows.
    pub fn connect(&mut self, now: Instant, id: SocketId, address: SocketAddr) -> Result<(), Error> { unimplemented!() }
    /// shutdown().
    pub fn shutdown(&mut self, now: Instant, id: SocketId, how: Shutdown) -> Result<(), Error> { unimplemented!() }
    /// The last holder is gone. FIN after SendQ drains; RST if RecvQ holds unread bytes or linger is 0. The id is invalid afterwards;
    /// `RingSource::close` tells when the slot is free.
    pub fn close(&mut self, now: Instant, id: SocketId) { unimplemented!() }
    /// The doorbell: the program may have written to SendQ or read from RecvQ.
    pub fn doorbell(&mut self, now: Instant, id: SocketId) { unimplemented!() }
    /// setsockopt(). Buffer sizes: doubled, cut, floored as Linux (send floor 4608, receive floor 2304).
    pub fn set_option(&mut self, now: Instant, id: SocketId, option: SocketOption) -> Result<(), Error> { unimplemented!() }
    /// getsockopt().
    pub fn option(&self, id: SocketId, name: OptionName) -> Result<SocketOption, Error> { unimplemented!() }
    /// getsockname(); unspecified and port 0 if unbound.
    pub fn local_address(&self, id: SocketId) -> Result<SocketAddr, Error> { unimplemented!() }
    /// getpeername().
    pub fn peer_address(&self, id: SocketId) -> Result<SocketAddr, Error> { unimplemented!() }
    /// The state, for TCP_INFO's first field.
    pub fn state(&self, id: SocketId) -> Result<State, Error> { unimplemented!() }
    /// netstat: listeners, handshakes, connections, orphans, TIME-WAIT; of one host or all.
    pub fn sockets(&mut self, host: Option<HostId>) -> Vec<SocketInfo> { unimplemented!() }
    /// Moves segments and packets until nothing more is owed at `now`. Call after every input; then drain [`poll_event`](Self::poll_event).
    pub fn flush(&mut self, now: Instant) { unimplemented!() }
    /// The next event, with the socket's tag.
    pub fn poll_event(&mut self) -> Option<(SocketId, u64, SocketEvent)> { unimplemented!() }
    /// When [`timeout`](Self::timeout) is due: timers of connections and arrivals on links.
    pub fn poll_timeout(&self) -> Option<Instant> { unimplemented!() }
    /// Timers and links up to `now`.
    pub fn timeout(&mut self, now: Instant) { unimplemented!() }
}
