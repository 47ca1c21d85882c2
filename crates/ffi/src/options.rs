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
use sockeye_stack::{Family, OptionName, SocketOption};
use std::time::Duration;

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
    if let Some(option) = kept_by_engine(level, name, socket.family()) {
        return socket.option(option).map(encode).map_err(errno::of);
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
        libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW => return Ok(encode_time(socket.recv_timeout())),
        libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW => return Ok(encode_time(socket.send_timeout())),
        _ => return Err(Errno::NOPROTOOPT),
    };
    Ok(number.to_ne_bytes().to_vec())
}

fn set(socket: &Socket, level: c_int, name: c_int, bytes: &[u8]) -> Result<(), Errno> {
    if let Some(option) = kept_by_engine(level, name, socket.family()) {
        return socket.set_option(decode(option, bytes)?).map_err(errno::of);
    }
    if level != libc::SOL_SOCKET {
        return Err(Errno::NOPROTOOPT);
    }
    match name {
        libc::SO_RCVLOWAT => {
            // Linux: negative means all, 0 means 1.
            let bytes = u32::try_from(number(bytes)?).unwrap_or(c_int::MAX.unsigned_abs());
            socket.set_recv_low_water(bytes.max(1));
        }
        libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW => socket.set_recv_timeout(decode_time(bytes)?),
        libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW => socket.set_send_timeout(decode_time(bytes)?),
        _ => return Err(Errno::NOPROTOOPT),
    }
    Ok(())
}

fn kept_by_engine(level: c_int, name: c_int, family: Family) -> Option<OptionName> {
    Some(match (level, name) {
        (libc::SOL_SOCKET, libc::SO_SNDBUF) => OptionName::SendBuffer,
        (libc::SOL_SOCKET, libc::SO_RCVBUF) => OptionName::ReceiveBuffer,
        (libc::SOL_SOCKET, libc::SO_REUSEADDR) => OptionName::ReuseAddress,
        (libc::SOL_SOCKET, libc::SO_REUSEPORT) => OptionName::ReusePort,
        (libc::SOL_SOCKET, libc::SO_KEEPALIVE) => OptionName::KeepAlive,
        (libc::SOL_SOCKET, libc::SO_LINGER) => OptionName::Linger,
        (libc::IPPROTO_TCP, libc::TCP_NODELAY) => OptionName::NoDelay,
        (libc::IPPROTO_TCP, libc::TCP_MAXSEG) => OptionName::MaxSegment,
        (libc::IPPROTO_TCP, libc::TCP_KEEPIDLE) => OptionName::KeepIdle,
        (libc::IPPROTO_TCP, libc::TCP_KEEPINTVL) => OptionName::KeepInterval,
        (libc::IPPROTO_TCP, libc::TCP_KEEPCNT) => OptionName::KeepCount,
        (libc::IPPROTO_TCP, libc::TCP_USER_TIMEOUT) => OptionName::UserTimeout,
        (libc::IPPROTO_IPV6, libc::IPV6_V6ONLY) if family == Family::V6 => OptionName::V6Only,
        _ => return None,
    })
}

/// The value of an option that the engine keeps, within the bounds that Linux sets.
fn decode(option: OptionName, bytes: &[u8]) -> Result<SocketOption, Errno> {
    let value = number(bytes)?;
    let within = |least: c_int, most: c_int| {
        (least..=most).contains(&value).then_some(value.unsigned_abs()).ok_or(Errno::INVAL)
    };
    Ok(match option {
        // A negative size is a huge one to Linux, which then cuts it to what is allowed.
        OptionName::SendBuffer => SocketOption::SendBuffer(value.cast_unsigned()),
        OptionName::ReceiveBuffer => SocketOption::ReceiveBuffer(value.cast_unsigned()),
        OptionName::ReuseAddress => SocketOption::ReuseAddress(value != 0),
        OptionName::ReusePort => SocketOption::ReusePort(value != 0),
        OptionName::KeepAlive => SocketOption::KeepAlive(value != 0),
        OptionName::NoDelay => SocketOption::NoDelay(value != 0),
        OptionName::V6Only => SocketOption::V6Only(value != 0),
        OptionName::Linger => {
            let seconds = number(bytes.get(4..).unwrap_or_default())?;
            SocketOption::Linger((value != 0).then_some(seconds.cast_unsigned()))
        }
        OptionName::KeepIdle => SocketOption::KeepIdle(within(1, 32_767)?),
        OptionName::KeepInterval => SocketOption::KeepInterval(within(1, 32_767)?),
        OptionName::KeepCount => SocketOption::KeepCount(within(1, 127)?),
        OptionName::MaxSegment if value == 0 => SocketOption::MaxSegment(0),
        OptionName::MaxSegment => SocketOption::MaxSegment(within(88, 32_767)?),
        OptionName::UserTimeout => SocketOption::UserTimeout(within(0, c_int::MAX)?),
    })
}

fn encode(option: SocketOption) -> Vec<u8> {
    let value = match option {
        SocketOption::SendBuffer(value)
        | SocketOption::ReceiveBuffer(value)
        | SocketOption::KeepIdle(value)
        | SocketOption::KeepInterval(value)
        | SocketOption::KeepCount(value)
        | SocketOption::MaxSegment(value)
        | SocketOption::UserTimeout(value) => value,
        SocketOption::ReuseAddress(on)
        | SocketOption::ReusePort(on)
        | SocketOption::KeepAlive(on)
        | SocketOption::NoDelay(on)
        | SocketOption::V6Only(on) => u32::from(on),
        SocketOption::Linger(seconds) => {
            let mut bytes = u32::from(seconds.is_some()).to_ne_bytes().to_vec();
            bytes.extend(seconds.unwrap_or(0).to_ne_bytes());
            return bytes;
        }
    };
    value.to_ne_bytes().to_vec()
}

/// An `int`; EINVAL if there is no room for one.
fn number(bytes: &[u8]) -> Result<c_int, Errno> {
    let bytes = bytes.first_chunk::<4>().ok_or(Errno::INVAL)?;
    Ok(c_int::from_ne_bytes(*bytes))
}

/// A `struct timeval`. Zero is no timeout; as on Linux a negative one does not wait at all.
fn decode_time(bytes: &[u8]) -> Result<Duration, Errno> {
    let (Some(seconds), Some(micros)) = (word(bytes, 0), word(bytes, 8)) else { return Err(Errno::INVAL) };
    let micros = u32::try_from(micros).ok().filter(|&micros| micros < 1_000_000).ok_or(Errno::DOM)?;
    match u64::try_from(seconds) {
        Ok(seconds) => Ok(Duration::new(seconds, micros * 1_000)),
        Err(_) => Ok(Duration::from_nanos(1)),
    }
}

fn encode_time(time: Duration) -> Vec<u8> {
    let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    let mut bytes = seconds.to_ne_bytes().to_vec();
    bytes.extend(i64::from(time.subsec_micros()).to_ne_bytes());
    bytes
}

fn word(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_ne_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
