//! The C interface, as the tool fills and calls it.

use sockeye_packetdrill::{Interface, packetdrill_interface_init};
use std::mem::MaybeUninit;

#[test]
fn calls_give_what_posix_says() {
    let mut interface = MaybeUninit::<Interface>::uninit();
    // SAFETY: no flags, and room for the interface.
    unsafe { packetdrill_interface_init(std::ptr::null(), interface.as_mut_ptr()) };
    // SAFETY: it was filled in.
    let interface = unsafe { interface.assume_init() };
    let data = interface.userdata;
    // SAFETY: numbers only.
    let fd = unsafe { (interface.socket)(data, libc::AF_INET, libc::SOCK_STREAM, 0) };
    assert!(fd >= 0);
    let mut byte = 0u8;
    // SAFETY: room for a byte.
    let count = unsafe { (interface.read)(data, fd, (&raw mut byte).cast(), 1) };
    assert_eq!((count, last_errno()), (-1, libc::ENOTCONN));
    // SAFETY: NULL is to be refused.
    let count = unsafe { (interface.write)(data, fd, std::ptr::null(), 1) };
    assert_eq!((count, last_errno()), (-1, libc::EFAULT));
    // SAFETY: numbers only.
    let closed = unsafe { (interface.close)(data, fd) };
    assert_eq!(closed, 0);
    // SAFETY: numbers only.
    let closed = unsafe { (interface.shutdown)(data, fd, libc::SHUT_WR) };
    assert_eq!((closed, last_errno()), (-1, libc::EBADF));
    // SAFETY: the last call.
    unsafe { (interface.free)(data) };
}

fn last_errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}
