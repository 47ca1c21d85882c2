//! `sendfile`: from a file to a socket.

use crate::engine::TABLE;
use crate::errno::{Errno, guard};
use crate::{io, raw, real};
use libc::{c_int, off_t, size_t, ssize_t};

/// As `sendfile()`, by reading the file into SendQ. A Sockeye socket as the source is EINVAL, as any socket is.
///
/// # Safety
/// `offset` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_sendfile(
    to: c_int,
    from: c_int,
    offset: *mut off_t,
    count: size_t,
) -> ssize_t {
    if !TABLE.has(to) && !TABLE.has(from) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::sendfile(to, from, offset, count) };
    }
    guard(|| {
        if TABLE.has(from) {
            return Err(Errno::INVAL);
        }
        let source = raw::borrow_checked(from)?;
        // SAFETY: the caller's promise.
        let given = if offset.is_null() { None } else { Some(unsafe { raw::read(offset) }?) };
        let start = match given {
            Some(start) => u64::try_from(start).map_err(|_| Errno::INVAL)?,
            // A pipe has no position, and then there is no telling what was not sent.
            None => rustix::fs::tell(source).map_err(|_| Errno::INVAL)?,
        };
        let sent = io::send_file(to, source, start, count.min(raw::MOST_BYTES))?;
        let end = start + sent as u64;
        if given.is_some() {
            let end = off_t::try_from(end).map_err(|_| Errno::INVAL)?;
            // SAFETY: the caller's promise.
            unsafe { raw::write(offset, end) }?;
        } else {
            rustix::fs::seek(source, rustix::fs::SeekFrom::Start(end)).map_err(|_| Errno::IO)?;
        }
        Ok(sent.cast_signed())
    })
}
