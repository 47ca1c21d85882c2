//! `getsockopt setsockopt`.
//!
//! | level | options |
//! |---|---|
//! | `SOL_SOCKET` | `SO_SNDBUF SO_RCVBUF SO_REUSEADDR SO_REUSEPORT SO_KEEPALIVE SO_LINGER SO_RCVTIMEO SO_SNDTIMEO SO_RCVLOWAT`; only to read: `SO_ERROR SO_TYPE SO_DOMAIN SO_PROTOCOL SO_ACCEPTCONN SO_SNDLOWAT` |
//! | `IPPROTO_TCP` | `TCP_NODELAY TCP_MAXSEG TCP_KEEPIDLE TCP_KEEPINTVL TCP_KEEPCNT TCP_USER_TIMEOUT` |
//! | `IPPROTO_IPV6` | `IPV6_V6ONLY`, of an IPv6 socket |
//!
//! Any other is ENOPROTOOPT. Lengths are Linux's: too short to set is EINVAL, too short to read gets a part.

use crate::engine::{self, TABLE};
use crate::errno::{self, Errno, guard};
use crate::{raw, real};
use libc::{c_int, c_void, socklen_t};
use sockeye_host::Socket;
use sockeye_posix::options;
use sockeye_stack::Family;

/// `SO_RCVTIMEO_NEW` and `SO_SNDTIMEO_NEW`: the same as the old ones where `time_t` has 64 bits.
const SO_RCVTIMEO_NEW: c_int = 66;
const SO_SNDTIMEO_NEW: c_int = 67;

/// As `getsockopt()`. See the table of options above.
///
/// # Safety
/// `value` points to `*length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    length: *mut socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::getsockopt(fd, level, name, value, length) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        // SAFETY: the caller's promise. SO_ERROR is told once, so the room is looked at before.
        let room = unsafe { raw::room(length) }?;
        let bytes = read(&socket, level, name)?;
        let count = room.min(bytes.len());
        // SAFETY: the caller's promise.
        unsafe { raw::give(value, length, &bytes[..count], count) }?;
        Ok(0)
    })
}

/// As `setsockopt()`. See the table of options above. As on Linux the buffer size in force is twice the one asked for.
///
/// # Safety
/// `value` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    length: socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::setsockopt(fd, level, name, value, length) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        // SAFETY: the caller's promise.
        let bytes = unsafe { raw::bytes(value, length as usize) }?;
        set(&socket, level, name, bytes)?;
        Ok(0)
    })
}

fn read(socket: &Socket, level: c_int, name: c_int) -> Result<Vec<u8>, Errno> {
    if let Some(option) = options::name(level, name, socket.family()) {
        return socket.option(option).map(options::encode).map_err(errno::of);
    }
    if level != libc::SOL_SOCKET {
        return Err(Errno::NOPROTOOPT);
    }
    let number = match name {
        libc::SO_ERROR => socket.take_error().map_or(0, |error| errno::of(error).number()),
        libc::SO_TYPE => libc::SOCK_STREAM,
        libc::SO_DOMAIN => match socket.family() {
            Family::V4 => libc::AF_INET,
            Family::V6 => libc::AF_INET6,
        },
        libc::SO_PROTOCOL => libc::IPPROTO_TCP,
        libc::SO_ACCEPTCONN => c_int::from(socket.is_listening()),
        libc::SO_RCVLOWAT => c_int::try_from(socket.recv_low_water()).unwrap_or(c_int::MAX),
        libc::SO_SNDLOWAT => 1,
        libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW => return Ok(options::encode_time(socket.recv_timeout())),
        libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW => return Ok(options::encode_time(socket.send_timeout())),
        _ => return Err(Errno::NOPROTOOPT),
    };
    Ok(number.to_ne_bytes().to_vec())
}

fn set(socket: &Socket, level: c_int, name: c_int, bytes: &[u8]) -> Result<(), Errno> {
    if let Some(option) = options::name(level, name, socket.family()) {
        return socket.set_option(options::decode(option, bytes)?).map_err(errno::of);
    }
    if level != libc::SOL_SOCKET {
        return Err(Errno::NOPROTOOPT);
    }
    match name {
        libc::SO_RCVLOWAT => {
            // Linux: negative means all, 0 means 1.
            let bytes = u32::try_from(options::number(bytes)?).unwrap_or(c_int::MAX.unsigned_abs());
            socket.set_recv_low_water(bytes.max(1));
        }
        libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW => socket.set_recv_timeout(options::decode_time(bytes)?),
        libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW => socket.set_send_timeout(options::decode_time(bytes)?),
        _ => return Err(Errno::NOPROTOOPT),
    }
    Ok(())
}
