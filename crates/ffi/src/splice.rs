//! `splice`: from a pipe to a socket, and from a socket to a pipe.
//!
//! | flag | |
//! |---|---|
//! | `SPLICE_F_NONBLOCK` | the pipe is not waited for; the socket is, as on Linux, unless it has O_NONBLOCK |
//! | `SPLICE_F_MORE` | as MSG_MORE |
//! | `SPLICE_F_MOVE`, `SPLICE_F_GIFT` | no effect: the bytes are copied |

use crate::engine::TABLE;
use crate::errno::{Errno, guard};
use crate::{io, raw, real};
use libc::{c_int, c_uint, off64_t, size_t, ssize_t};
use rustix::fs::{FileType, OFlags};
use sockeye_host::PipeEnd;

const FLAGS: c_uint =
    libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK | libc::SPLICE_F_MORE | libc::SPLICE_F_GIFT;

/// The direction that a descriptor must be open for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Reading,
    Writing,
}

/// As `splice()`: from a pipe into SendQ of a Sockeye socket, or from its RecvQ into a pipe. EINVAL without a pipe.
///
/// # Safety
/// The offsets are NULL or valid.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "the C library's signature")]
pub unsafe extern "C-unwind" fn sockeye_splice(
    from: c_int,
    from_offset: *mut off64_t,
    to: c_int,
    to_offset: *mut off64_t,
    length: size_t,
    flags: c_uint,
) -> ssize_t {
    let (is_from_socket, is_to_socket) = (TABLE.has(from), TABLE.has(to));
    if !(is_from_socket || is_to_socket) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::splice(from, from_offset, to, to_offset, length, flags) };
    }
    guard(|| {
        if length == 0 {
            return Ok(0);
        }
        if flags & !FLAGS != 0 || (is_from_socket && is_to_socket) {
            return Err(Errno::INVAL);
        }
        let length = length.min(raw::MOST_BYTES);
        let moved = if is_to_socket {
            let pipe = pipe(from, Wanted::Reading, (from_offset, to_offset), flags)?;
            let more = if flags & libc::SPLICE_F_MORE == 0 { 0 } else { libc::MSG_MORE };
            io::send_from_pipe(to, pipe, length, more)?
        } else {
            let pipe = pipe(to, Wanted::Writing, (to_offset, from_offset), flags)?;
            io::recv_to_pipe(from, pipe, length)?
        };
        Ok(moved.cast_signed())
    })
}

/// The end of a pipe, once the arguments have passed Linux's checks, in Linux's order. Neither it nor the socket has offsets.
fn pipe(
    fd: c_int,
    wanted: Wanted,
    (offset, offset_of_socket): (*mut off64_t, *mut off64_t),
    flags: c_uint,
) -> Result<PipeEnd<'static>, Errno> {
    let descriptor = raw::borrow_checked(fd)?;
    let its_flags = rustix::fs::fcntl_getfl(descriptor).map_err(Errno::from_kernel)?;
    if its_flags.contains(OFlags::PATH) {
        return Err(Errno::BADF);
    }
    let mode = rustix::fs::fstat(descriptor).map_err(Errno::from_kernel)?.st_mode;
    let is_pipe = FileType::from_raw_mode(mode) == FileType::Fifo;
    if is_pipe && !offset.is_null() {
        return Err(Errno::SPIPE);
    }
    let useless = match wanted {
        Wanted::Reading => OFlags::WRONLY,
        Wanted::Writing => OFlags::RDONLY,
    };
    if its_flags & OFlags::RWMODE == useless {
        return Err(Errno::BADF);
    }
    if !is_pipe || !offset_of_socket.is_null() {
        return Err(Errno::INVAL);
    }
    let dont_wait = flags & libc::SPLICE_F_NONBLOCK != 0 || its_flags.contains(OFlags::NONBLOCK);
    Ok(PipeEnd { descriptor, dont_wait })
}
