//! What calls fail with: the numbers of `sockeye_posix`, and the line that the loss of the host process gets.

use crate::cancel::catch;
use crate::engine;
use sockeye_host::CallError;
pub use sockeye_posix::Errno;
use sockeye_stack::Error;

/// The number for an error of the stack. The loss of the host process also gets its line on stderr, once.
///
/// `HostGone` is `ENETDOWN` for a call that makes or names a socket; see [`of_transfer`].
#[must_use]
pub fn of(error: Error) -> Errno {
    if error == Error::HostGone {
        engine::tell_host_gone();
    }
    sockeye_posix::errno::of(error)
}

/// As [`of`], for the sending and receiving of bytes: there the loss of the host process is `ECONNABORTED`, because
/// what ended is the connection. (`accept` must not say that: servers take it as "try again at once".)
#[must_use]
pub fn of_transfer(error: CallError) -> Errno {
    match error {
        CallError::Failed(Error::HostGone) => {
            engine::tell_host_gone();
            Errno::CONNABORTED
        }
        other => of_call(other),
    }
}

/// The number for a call that may block.
#[must_use]
pub fn of_call(error: CallError) -> Errno {
    match error {
        CallError::Failed(error) => of(error),
        CallError::Interrupted => Errno::INTR,
    }
}

/// Runs a call and gives what a C function gives: the value, or -1 with errno set. A panic is our mistake, and EIO.
pub fn guard<T: From<i8>>(call: impl FnOnce() -> Result<T, Errno>) -> T {
    let errno = match catch(call) {
        Some(Ok(value)) => return value,
        Some(Err(errno)) => errno,
        None => Errno::IO,
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
