//! What happens to sockets.

use crate::Error;

/// What happened to a socket that its holder should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketEvent {
    /// An active open succeeded.
    Connected,
    /// MUST-32 (3.8.5): urgent data was announced, and may be there.
    Urgent,
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
    /// An error that does not end the connection, of a socket that wants to know (IP_RECVERR): SO_ERROR.
    Reported(Error),
    /// An error that does not end the connection is remembered, for who asks: see
    /// [`Network::take_soft_error`](crate::Network::take_soft_error).
    Remembered,
    /// The error queue has something new (MSG_ERRQUEUE).
    ReportQueued,
    /// The connection is over; the protocol needs the rings no more.
    Closed,
}
