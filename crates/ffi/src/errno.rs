//! The one place that knows errno numbers.

use crate::engine;
use libc::c_int;
use sockeye_host::CallError;
use sockeye_stack::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// An errno number that a call fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(c_int);

#[allow(missing_docs)]
impl Errno {
    pub const AFNOSUPPORT: Self = Self(libc::EAFNOSUPPORT);
    pub const AGAIN: Self = Self(libc::EAGAIN);
    pub const BADF: Self = Self(libc::EBADF);
    pub const DOM: Self = Self(libc::EDOM);
    pub const FAULT: Self = Self(libc::EFAULT);
    pub const INVAL: Self = Self(libc::EINVAL);
    pub const IO: Self = Self(libc::EIO);
    pub const MFILE: Self = Self(libc::EMFILE);
    pub const MSGSIZE: Self = Self(libc::EMSGSIZE);
    pub const NETDOWN: Self = Self(libc::ENETDOWN);
    pub const NOPROTOOPT: Self = Self(libc::ENOPROTOOPT);
    pub const NOSYS: Self = Self(libc::ENOSYS);
    pub const NOTTY: Self = Self(libc::ENOTTY);
    pub const OPNOTSUPP: Self = Self(libc::EOPNOTSUPP);
    pub const PIPE: Self = Self(libc::EPIPE);
}

impl Errno {
    /// The number.
    #[must_use]
    pub const fn number(self) -> c_int {
        self.0
    }

    /// What the last call of the C library failed with.
    #[must_use]
    pub fn last() -> Self {
        Self(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO))
    }

    /// What a call of the kernel failed with.
    #[must_use]
    pub const fn from_kernel(error: rustix::io::Errno) -> Self {
        Self(error.raw_os_error())
    }
}

/// The number for an error of the stack. The loss of the host process also gets its line on stderr, once.
///
/// `HostGone` is `ENETDOWN` for a call that makes or names a socket; see [`of_transfer`].
#[must_use]
pub fn of(error: Error) -> Errno {
    Errno(match error {
        Error::WouldBlock => libc::EAGAIN,
        Error::AddressInUse => libc::EADDRINUSE,
        Error::AddressNotAvailable => libc::EADDRNOTAVAIL,
        Error::AddressFamily => libc::EAFNOSUPPORT,
        Error::InvalidArgument => libc::EINVAL,
        Error::NotConnected => libc::ENOTCONN,
        Error::IsConnected => libc::EISCONN,
        Error::AlreadyInProgress => libc::EALREADY,
        Error::InProgress => libc::EINPROGRESS,
        Error::ConnectionRefused => libc::ECONNREFUSED,
        Error::ConnectionReset => libc::ECONNRESET,
        Error::TimedOut => libc::ETIMEDOUT,
        Error::BrokenPipe => libc::EPIPE,
        Error::ConnectionAborted => libc::ECONNABORTED,
        Error::HostUnreachable => libc::EHOSTUNREACH,
        Error::NetworkUnreachable => libc::ENETUNREACH,
        Error::NotSupported => libc::EOPNOTSUPP,
        Error::NoSuchOption => libc::ENOPROTOOPT,
        Error::NoBufferSpace => libc::ENOBUFS,
        Error::TooManyFiles => libc::EMFILE,
        Error::PermissionDenied => libc::EACCES,
        Error::BadDescriptor => libc::EBADF,
        Error::HostGone => {
            engine::tell_host_gone();
            libc::ENETDOWN
        }
    })
}

/// As [`of`], for the sending and receiving of bytes: there the loss of the host process is `ECONNABORTED`, because
/// what ended is the connection. (`accept` must not say that: servers take it as "try again at once".)
#[must_use]
pub fn of_transfer(error: CallError) -> Errno {
    match error {
        CallError::Failed(Error::HostGone) => {
            engine::tell_host_gone();
            Errno(libc::ECONNABORTED)
        }
        other => of_call(other),
    }
}

/// The number for a call that may block.
#[must_use]
pub fn of_call(error: CallError) -> Errno {
    match error {
        CallError::Failed(error) => of(error),
        CallError::Interrupted => Errno(libc::EINTR),
    }
}

/// Runs a call and gives what a C function gives: the value, or -1 with errno set. A panic is our mistake, and EIO.
pub fn guard<T: From<i8>>(call: impl FnOnce() -> Result<T, Errno>) -> T {
    let errno = match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => return value,
        Ok(Err(errno)) => errno,
        Err(_) => Errno::IO,
    };
    fail(errno)
}

/// Sets errno and gives -1.
pub fn fail<T: From<i8>>(errno: Errno) -> T {
    crate::raw::set_errno(errno.number());
    T::from(-1)
}

#[cfg(test)]
mod tests;
