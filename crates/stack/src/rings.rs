//! Where the rings of connections come from.

use crate::Error;
use sockeye_buffer::{RecvQ, SendQ};

/// The rings of a new connection, and what their owner calls them.
#[derive(Debug)]
pub struct Rings {
    /// Engine half.
    pub sendq: SendQ,
    /// Engine half.
    pub recvq: RecvQ,
    /// The owner's name for them.
    pub tag: u64,
}

/// What a connection has used of the memory of its rings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Bytes that went into SendQ since the start; `u32::MAX` for more.
    pub sent: u32,
    /// Bytes that went into RecvQ in order; `u32::MAX` for more.
    pub received: u32,
    /// Whether a copy of TCP_INFO was kept.
    pub has_info: bool,
}

/// Where rings come from. `owner` is the tag that the socket, or the listener of a passive connection, was created with.
pub trait RingSource: Send {
    /// Rings for a connection whose socket has `tag` (active open: opens that socket's own slot). Called once in the life of a socket.
    ///
    /// # Errors
    /// `NoBufferSpace`, or whatever `connect()` shall fail with.
    fn open(&mut self, tag: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error>;
    /// Rings, under a new tag, for a connection accepted by the listener `owner`.
    ///
    /// # Errors
    /// Any: the connection is reset.
    fn open_passive(&mut self, owner: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error>;
    /// The rings under `tag` are not used by the stack any more, and no program holds the socket. Called exactly once after each
    /// successful [`open`](Self::open) and [`open_passive`](Self::open_passive), and for no other tag: a socket that was closed
    /// without ever having had rings is over when [`Network::close`](crate::Network::close) returns. `passed` is what the connection has used,
    /// whatever programs have written to the memory.
    fn close(&mut self, tag: u64, passed: Passed);
}
