//! SIOCOUTQ, which rustix does not have.
#![allow(unsafe_code)]

use std::os::fd::{AsRawFd, OwnedFd};

/// Bytes that `socket` is charged for.
pub(super) fn charged(socket: &OwnedFd) -> usize {
    let mut charged: libc::c_int = 0;
    // SAFETY: the kernel writes one `int`.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut charged) };
    assert_eq!(result, 0, "SIOCOUTQ");
    usize::try_from(charged).unwrap()
}
