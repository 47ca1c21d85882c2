//! Socket options.

use serde::{Deserialize, Serialize};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Family {
    V4,
    V6,
}

/// `shutdown()`'s argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum Shutdown {
    Read,
    Write,
    Both,
}

/// An option that the engine keeps, with its value. (Timeouts, O_NONBLOCK and SO_RCVLOWAT live in the slot.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum SocketOption {
    /// As asked for (before doubling) when set; in force when read. Bytes.
    SendBuffer(u32),
    ReceiveBuffer(u32),
    ReuseAddress(bool),
    ReusePort(bool),
    KeepAlive(bool),
    NoDelay(bool),
    V6Only(bool),
    /// Seconds; `None` is off.
    Linger(Option<u32>),
    /// Seconds.
    KeepIdle(u32),
    KeepInterval(u32),
    KeepCount(u32),
    /// Bytes.
    MaxSegment(u32),
    /// Milliseconds.
    UserTimeout(u32),
}

/// Names a [`SocketOption`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum OptionName {
    SendBuffer,
    ReceiveBuffer,
    ReuseAddress,
    ReusePort,
    KeepAlive,
    NoDelay,
    V6Only,
    Linger,
    KeepIdle,
    KeepInterval,
    KeepCount,
    MaxSegment,
    UserTimeout,
}
