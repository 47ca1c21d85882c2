//! The one place that knows errno numbers.

use libc::c_int;
use sockeye_stack::Error;

/// An errno number that a call fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errno(c_int);

#[allow(missing_docs)]
impl Errno {
    pub const ACCES: Self = Self(libc::EACCES);
    pub const AFNOSUPPORT: Self = Self(libc::EAFNOSUPPORT);
    pub const AGAIN: Self = Self(libc::EAGAIN);
    pub const BADF: Self = Self(libc::EBADF);
    pub const BUSY: Self = Self(libc::EBUSY);
    pub const CONNABORTED: Self = Self(libc::ECONNABORTED);
    pub const DESTADDRREQ: Self = Self(libc::EDESTADDRREQ);
    pub const DOM: Self = Self(libc::EDOM);
    pub const EXIST: Self = Self(libc::EEXIST);
    pub const FAULT: Self = Self(libc::EFAULT);
    pub const INPROGRESS: Self = Self(libc::EINPROGRESS);
    pub const INTR: Self = Self(libc::EINTR);
    pub const INVAL: Self = Self(libc::EINVAL);
    pub const IO: Self = Self(libc::EIO);
    pub const ISCONN: Self = Self(libc::EISCONN);
    pub const MFILE: Self = Self(libc::EMFILE);
    pub const MSGSIZE: Self = Self(libc::EMSGSIZE);
    pub const NETDOWN: Self = Self(libc::ENETDOWN);
    pub const NODATA: Self = Self(libc::ENODATA);
    pub const NODEV: Self = Self(libc::ENODEV);
    pub const NOENT: Self = Self(libc::ENOENT);
    pub const NOPROTOOPT: Self = Self(libc::ENOPROTOOPT);
    pub const NOSYS: Self = Self(libc::ENOSYS);
    pub const NOTCONN: Self = Self(libc::ENOTCONN);
    pub const NOTSOCK: Self = Self(libc::ENOTSOCK);
    pub const NOTTY: Self = Self(libc::ENOTTY);
    pub const OPNOTSUPP: Self = Self(libc::EOPNOTSUPP);
    pub const PERM: Self = Self(libc::EPERM);
    pub const PIPE: Self = Self(libc::EPIPE);
    pub const SPIPE: Self = Self(libc::ESPIPE);
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

/// The number for an error of the stack. `HostGone` is `ENETDOWN`.
#[must_use]
pub const fn of(error: Error) -> Errno {
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
        Error::HostGone => libc::ENETDOWN,
        Error::NotPermitted => libc::EPERM,
        Error::NotFound => libc::ENOENT,
        Error::MessageTooBig => libc::EMSGSIZE,
        Error::Protocol => libc::EPROTO,
        Error::HostDown => libc::EHOSTDOWN,
        Error::NotOnNetwork => libc::ENONET,
    })
}
