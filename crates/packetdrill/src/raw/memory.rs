//! What the tool points to, and what it gets back.

use crate::drive::Shared;
use libc::{c_int, c_void, iovec};
use sockeye_posix::Errno;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

/// Runs a call: the value, or -1 with errno set. A panic is our mistake, and EIO.
pub(super) fn guard<T: From<i8>>(userdata: *mut c_void, call: impl FnOnce(&Shared) -> Result<T, Errno>) -> T {
    // SAFETY: every function gets the userdata that was filled in, until `free`.
    let shared = unsafe { &*userdata.cast::<Shared>() };
    let errno = match catch_unwind(AssertUnwindSafe(|| call(shared))) {
        Ok(Ok(value)) => return value,
        Ok(Err(errno)) => errno,
        Err(_) => Errno::IO,
    };
    // SAFETY: there is one for each thread.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: it is writable as long as the thread lives.
    unsafe { *place = errno.number() };
    T::from(-1)
}

/// The caller's bytes.
pub(super) fn bytes<'a>(at: *const c_void, len: usize) -> Result<&'a [u8], Errno> {
    if len == 0 {
        return Ok(&[]);
    }
    if at.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the tool's buffers are as long as it says.
    Ok(unsafe { slice::from_raw_parts(at.cast(), len) })
}

/// The caller's room.
pub(super) fn room<'a>(at: *mut c_void, len: usize) -> Result<&'a mut [u8], Errno> {
    if len == 0 {
        return Ok(&mut []);
    }
    if at.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the tool's buffers are as long as it says.
    Ok(unsafe { slice::from_raw_parts_mut(at.cast(), len) })
}

pub(super) fn vectors<'a>(at: *const iovec, count: usize) -> Result<&'a [iovec], Errno> {
    if count == 0 {
        return Ok(&[]);
    }
    if at.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the tool's vectors are as many as it says.
    Ok(unsafe { slice::from_raw_parts(at, count) })
}

pub(super) fn gather(vectors: &[iovec]) -> Result<Vec<u8>, Errno> {
    let mut all = Vec::new();
    for vector in vectors {
        all.extend_from_slice(bytes(vector.iov_base, vector.iov_len)?);
    }
    Ok(all)
}

pub(super) fn scatter(vectors: &[iovec], mut from: &[u8]) -> Result<(), Errno> {
    for vector in vectors {
        let count = from.len().min(vector.iov_len);
        room(vector.iov_base, count)?.copy_from_slice(&from[..count]);
        from = &from[count..];
    }
    Ok(())
}

pub(super) fn length(vectors: &[iovec]) -> usize {
    vectors.iter().map(|vector| vector.iov_len).sum()
}

/// A descriptor of the tool's.
pub(super) fn borrow<'a>(fd: c_int) -> std::os::fd::BorrowedFd<'a> {
    // SAFETY: -1 alone is not allowed; the tool has opened what it names.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(fd.max(0)) }
}
