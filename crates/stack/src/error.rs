//! Why calls fail.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a call failed. `ffi` alone turns these into errno numbers; `code()` is what a slot's `error` word holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error, Serialize, Deserialize)]
#[repr(u32)]
#[allow(missing_docs)]
pub enum Error {
    #[error("operation would block")]
    WouldBlock = 1,
    #[error("address already in use")]
    AddressInUse,
    #[error("address not available")]
    AddressNotAvailable,
    #[error("address family not supported")]
    AddressFamily,
    #[error("invalid argument")]
    InvalidArgument,
    #[error("not connected")]
    NotConnected,
    #[error("already connected")]
    IsConnected,
    #[error("connection already in progress")]
    AlreadyInProgress,
    #[error("connection now in progress")]
    InProgress,
    #[error("connection refused")]
    ConnectionRefused,
    #[error("connection reset by peer")]
    ConnectionReset,
    #[error("connection timed out")]
    TimedOut,
    #[error("broken pipe")]
    BrokenPipe,
    #[error("software caused connection abort")]
    ConnectionAborted,
    #[error("no route to host")]
    HostUnreachable,
    #[error("network is unreachable")]
    NetworkUnreachable,
    #[error("operation not supported")]
    NotSupported,
    #[error("protocol not available")]
    NoSuchOption,
    #[error("no buffer space available")]
    NoBufferSpace,
    #[error("too many open files")]
    TooManyFiles,
    #[error("permission denied")]
    PermissionDenied,
    #[error("bad descriptor")]
    BadDescriptor,
    #[error("the Sockeye host process is gone")]
    HostGone,
    #[error("operation not permitted")]
    NotPermitted,
    #[error("no such thing")]
    NotFound,
    #[error("message too long")]
    MessageTooBig,
    #[error("protocol error")]
    Protocol,
    #[error("host is down")]
    HostDown,
    #[error("machine is not on the network")]
    NotOnNetwork,
}

impl Error {
    /// The number that stands for this in a slot's `error` word; never 0.
    #[must_use]
    pub const fn code(self) -> u32 {
        self as u32
    }
    /// The error with that number; `None` for 0 and for numbers that stand for nothing.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        ALL.iter().copied().find(|error| error.code() == code)
    }
}

/// All of them.
const ALL: [Error; 29] = [
    Error::WouldBlock,
    Error::AddressInUse,
    Error::AddressNotAvailable,
    Error::AddressFamily,
    Error::InvalidArgument,
    Error::NotConnected,
    Error::IsConnected,
    Error::AlreadyInProgress,
    Error::InProgress,
    Error::ConnectionRefused,
    Error::ConnectionReset,
    Error::TimedOut,
    Error::BrokenPipe,
    Error::ConnectionAborted,
    Error::HostUnreachable,
    Error::NetworkUnreachable,
    Error::NotSupported,
    Error::NoSuchOption,
    Error::NoBufferSpace,
    Error::TooManyFiles,
    Error::PermissionDenied,
    Error::BadDescriptor,
    Error::HostGone,
    Error::NotPermitted,
    Error::NotFound,
    Error::MessageTooBig,
    Error::Protocol,
    Error::HostDown,
    Error::NotOnNetwork,
];

#[cfg(test)]
mod tests;
