//! Where the rings of connections come from.

use crate::Error;
use sockeye_buffer::{RecvQ, SendQ};

/// The rings of a new connection, and what their owner calls them.
#[derive(Debug)]
pub struct Rings {
    /** Engine half. */
    pub sendq: SendQ,
    /** Engine half. */
    pub recvq: RecvQ,
    /** The owner's name for them. */
    pub tag: u64,
}

/// Where rings come from. `owner` is the tag that the socket, or the listener of a passive connection, was created with.
pub trait RingSource: Send {
    /// Rings for a connection whose socket has `tag` (active open: opens that socket's own slot).
    fn open(&mut self, tag: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error>;
    /// Rings, under a new tag, for a connection accepted by the listener `owner`.
    fn open_passive(&mut self, owner: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error>;
    /// The rings under `tag` are not used by the stack any more.
    fn close(&mut self, tag: u64);
}
