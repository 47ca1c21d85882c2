//! Socket options: `(level, name, bytes)` in C, [`SocketOption`] in the stack.

use crate::Errno;
use libc::c_int;
use sockeye_stack::{Family, OptionName, SocketOption};
use std::time::Duration;

/// The option of the stack that a level and a name mean, of a socket of `family`; `None` if the stack keeps none of that name.
#[must_use]
pub fn name(level: c_int, name: c_int, family: Family) -> Option<OptionName> {
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
///
/// # Errors
/// EINVAL if it is too short or out of bounds.
pub fn decode(option: OptionName, bytes: &[u8]) -> Result<SocketOption, Errno> {
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

/// The bytes of an option that the engine keeps.
#[must_use]
pub fn encode(option: SocketOption) -> Vec<u8> {
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

/// An `int`.
///
/// # Errors
/// EINVAL if there is no room for one.
pub fn number(bytes: &[u8]) -> Result<c_int, Errno> {
    let bytes = bytes.first_chunk::<4>().ok_or(Errno::INVAL)?;
    Ok(c_int::from_ne_bytes(*bytes))
}

/// A `struct timeval`. Zero is no timeout; as on Linux a negative one does not wait at all.
///
/// # Errors
/// EINVAL if it is too short, EDOM for microseconds out of range.
pub fn decode_time(bytes: &[u8]) -> Result<Duration, Errno> {
    let (Some(seconds), Some(micros)) = (word(bytes, 0), word(bytes, 8)) else { return Err(Errno::INVAL) };
    let micros = u32::try_from(micros).ok().filter(|&micros| micros < 1_000_000).ok_or(Errno::DOM)?;
    match u64::try_from(seconds) {
        Ok(seconds) => Ok(Duration::new(seconds, micros * 1_000)),
        Err(_) => Ok(Duration::from_nanos(1)),
    }
}

/// A `struct timeval`.
#[must_use]
pub fn encode_time(time: Duration) -> Vec<u8> {
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
