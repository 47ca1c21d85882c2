//! The stack's errors as [`std::io::Error`].

use sockeye_host::{CallError, SetupError};
use sockeye_stack::Error;
use std::io::{self, ErrorKind};

/// The kind that `std::net` gives for the same error of the kernel.
fn kind(error: Error) -> ErrorKind {
    match error {
        Error::WouldBlock | Error::InProgress => ErrorKind::WouldBlock,
        Error::AddressInUse => ErrorKind::AddrInUse,
        Error::AddressNotAvailable => ErrorKind::AddrNotAvailable,
        Error::InvalidArgument => ErrorKind::InvalidInput,
        Error::NotConnected => ErrorKind::NotConnected,
        Error::ConnectionRefused => ErrorKind::ConnectionRefused,
        Error::ConnectionReset => ErrorKind::ConnectionReset,
        Error::TimedOut => ErrorKind::TimedOut,
        Error::BrokenPipe => ErrorKind::BrokenPipe,
        Error::ConnectionAborted => ErrorKind::ConnectionAborted,
        Error::HostUnreachable => ErrorKind::HostUnreachable,
        Error::NetworkUnreachable => ErrorKind::NetworkUnreachable,
        Error::AddressFamily | Error::NotSupported | Error::NoSuchOption => ErrorKind::Unsupported,
        Error::NoBufferSpace => ErrorKind::OutOfMemory,
        Error::PermissionDenied | Error::NotPermitted => ErrorKind::PermissionDenied,
        Error::NotFound => ErrorKind::NotFound,
        Error::HostGone => ErrorKind::NetworkDown,
        Error::HostDown => ErrorKind::HostUnreachable,
        Error::NotOnNetwork => ErrorKind::NetworkUnreachable,
        Error::IsConnected
        | Error::AlreadyInProgress
        | Error::TooManyFiles
        | Error::BadDescriptor
        | Error::MessageTooBig
        | Error::Protocol => ErrorKind::Other,
    }
}

pub(crate) fn from_stack(error: Error) -> io::Error {
    io::Error::new(kind(error), error)
}

pub(crate) fn from_call(error: CallError) -> io::Error {
    match error {
        CallError::Failed(error) => from_stack(error),
        CallError::Interrupted => ErrorKind::Interrupted.into(),
    }
}

pub(crate) fn from_setup(error: SetupError) -> io::Error {
    io::Error::other(error)
}

#[cfg(test)]
mod tests;
