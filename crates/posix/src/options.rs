//! Socket options: `(level, name, bytes)` in C, [`SocketOption`] in the stack.

use crate::Errno;
use libc::c_int;
use sockeye_stack::{CongestionName, Family, FastOpenKeys, OptionName, SocketOption};
use std::time::Duration;

pub mod timestamping;

/// The same as SO_TIMESTAMPING where `time_t` has 64 bits.
const SO_TIMESTAMPING_NEW: c_int = 65;
/// Of Linux 6.15.
const TCP_RTO_MAX_MS: c_int = 44;
/// Of Linux 6.3.
const IP_LOCAL_PORT_RANGE: c_int = 51;
/// As `IP_MINTTL`.
const IPV6_MINHOPCOUNT: c_int = 73;

/// The option of the stack that a level and a name mean, of a socket of `family`; `None` if the stack keeps none of that name.
/// An IPv6 socket has the options of IPv4, too.
#[must_use]
pub fn name(level: c_int, name: c_int, family: Family) -> Option<OptionName> {
    match level {
        libc::SOL_SOCKET => socket_name(name),
        libc::IPPROTO_TCP => tcp_name(name),
        libc::IPPROTO_IP => ip_name(name),
        libc::IPPROTO_IPV6 if family == Family::V6 => ipv6_name(name),
        _ => None,
    }
}

fn socket_name(name: c_int) -> Option<OptionName> {
    Some(match name {
        libc::SO_SNDBUF => OptionName::SendBuffer,
        libc::SO_RCVBUF => OptionName::ReceiveBuffer,
        libc::SO_REUSEADDR => OptionName::ReuseAddress,
        libc::SO_REUSEPORT => OptionName::ReusePort,
        libc::SO_KEEPALIVE => OptionName::KeepAlive,
        libc::SO_LINGER => OptionName::Linger,
        libc::SO_OOBINLINE => OptionName::OobInline,
        libc::SO_PRIORITY => OptionName::Priority,
        libc::SO_MARK => OptionName::Mark,
        libc::SO_BROADCAST => OptionName::Broadcast,
        libc::SO_DONTROUTE => OptionName::DontRoute,
        libc::SO_MAX_PACING_RATE => OptionName::MaxPacingRate,
        libc::SO_ZEROCOPY => OptionName::ZeroCopy,
        libc::SO_TIMESTAMPING | SO_TIMESTAMPING_NEW => OptionName::Timestamping,
        _ => return None,
    })
}

fn tcp_name(name: c_int) -> Option<OptionName> {
    Some(match name {
        libc::TCP_NODELAY => OptionName::NoDelay,
        libc::TCP_MAXSEG => OptionName::MaxSegment,
        libc::TCP_KEEPIDLE => OptionName::KeepIdle,
        libc::TCP_KEEPINTVL => OptionName::KeepInterval,
        libc::TCP_KEEPCNT => OptionName::KeepCount,
        libc::TCP_USER_TIMEOUT => OptionName::UserTimeout,
        libc::TCP_CORK => OptionName::Cork,
        libc::TCP_QUICKACK => OptionName::QuickAck,
        libc::TCP_SYNCNT => OptionName::SynCount,
        libc::TCP_LINGER2 => OptionName::Linger2,
        libc::TCP_DEFER_ACCEPT => OptionName::DeferAccept,
        libc::TCP_WINDOW_CLAMP => OptionName::WindowClamp,
        libc::TCP_NOTSENT_LOWAT => OptionName::NotSentLowat,
        libc::TCP_INQ => OptionName::Inq,
        libc::TCP_CONGESTION => OptionName::Congestion,
        libc::TCP_FASTOPEN => OptionName::FastOpen,
        libc::TCP_FASTOPEN_CONNECT => OptionName::FastOpenConnect,
        libc::TCP_FASTOPEN_KEY => OptionName::FastOpenKey,
        libc::TCP_FASTOPEN_NO_COOKIE => OptionName::FastOpenNoCookie,
        TCP_RTO_MAX_MS => OptionName::RtoMax,
        _ => return None,
    })
}

fn ip_name(name: c_int) -> Option<OptionName> {
    Some(match name {
        libc::IP_TOS => OptionName::TypeOfService,
        libc::IP_TTL => OptionName::TimeToLive,
        libc::IP_MTU_DISCOVER => OptionName::MtuDiscover,
        libc::IP_RECVERR => OptionName::ReceiveErrors,
        libc::IP_FREEBIND => OptionName::FreeBind,
        libc::IP_BIND_ADDRESS_NO_PORT => OptionName::BindAddressNoPort,
        IP_LOCAL_PORT_RANGE => OptionName::LocalPortRange,
        libc::IP_MINTTL => OptionName::MinTimeToLive,
        _ => return None,
    })
}

fn ipv6_name(name: c_int) -> Option<OptionName> {
    Some(match name {
        libc::IPV6_V6ONLY => OptionName::V6Only,
        libc::IPV6_TCLASS => OptionName::TrafficClass,
        libc::IPV6_UNICAST_HOPS => OptionName::HopLimit,
        libc::IPV6_MTU_DISCOVER => OptionName::MtuDiscover6,
        libc::IPV6_RECVERR => OptionName::ReceiveErrors6,
        IPV6_MINHOPCOUNT => OptionName::MinHopLimit,
        _ => return None,
    })
}

/// Whether the caller may do what needs a privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// It is root.
    Root,
    /// It is not.
    None,
}

/// Why an option that the stack does not keep, or keeps for the privileged only, cannot be set; `None` if it can.
#[must_use]
pub fn refusal(level: c_int, name: c_int, bytes: &[u8], privilege: Privilege) -> Option<Errno> {
    let is_root = privilege == Privilege::Root;
    let takes_bytes = matches!(
        (level, name),
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) | (libc::IPPROTO_TCP, libc::TCP_ULP)
    );
    if matches!(level, libc::SOL_SOCKET | libc::IPPROTO_TCP) && !takes_bytes && bytes.len() < 4 {
        // As Linux, which looks at the length before it looks for the name.
        return Some(Errno::INVAL);
    }
    Some(match (level, name) {
        (libc::SOL_SOCKET, libc::SO_TYPE | libc::SO_PROTOCOL | libc::SO_DOMAIN | libc::SO_ERROR) => {
            Errno::NOPROTOOPT
        }
        (libc::SOL_SOCKET, libc::SO_PRIORITY) => {
            let is_humble = number(bytes).is_ok_and(|priority| (0..=6).contains(&priority));
            return (!is_root && !is_humble).then_some(Errno::PERM);
        }
        (libc::SOL_SOCKET, libc::SO_MARK) => return (!is_root).then_some(Errno::PERM),
        (libc::SOL_SOCKET, libc::SO_SNDBUFFORCE | libc::SO_RCVBUFFORCE) => Errno::PERM,
        // There are no devices; the empty name is none, and that is what is bound already.
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) if bytes.first().is_none_or(|&byte| byte == 0) => {
            return None;
        }
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) => Errno::NODEV,
        (libc::SOL_SOCKET, libc::SO_PEEK_OFF) => Errno::OPNOTSUPP,
        (libc::IPPROTO_TCP, libc::TCP_REPAIR | libc::TCP_TIMESTAMP) => Errno::PERM,
        (libc::IPPROTO_TCP, libc::TCP_REPAIR_QUEUE | libc::TCP_QUEUE_SEQ) => Errno::PERM,
        (libc::IPPROTO_TCP, libc::TCP_REPAIR_OPTIONS) => Errno::INVAL,
        (libc::IPPROTO_TCP, libc::TCP_ULP) if bytes.is_empty() => Errno::INVAL,
        // A kernel without the module.
        (libc::IPPROTO_TCP, libc::TCP_ULP) => Errno::NOENT,
        (libc::IPPROTO_IP, libc::IP_TRANSPARENT) => Errno::PERM,
        (libc::SOL_SOCKET | libc::IPPROTO_TCP | libc::IPPROTO_IP | libc::IPPROTO_IPV6, _) => {
            Errno::NOPROTOOPT
        }
        _ => Errno::NOPROTOOPT,
    })
}

/// What reading an option fails with that nobody keeps.
#[must_use]
pub fn unreadable(level: c_int, name: c_int, family: Family) -> Errno {
    match (level, name) {
        (libc::SOL_SOCKET, libc::SO_PEEK_OFF) => Errno::OPNOTSUPP,
        (libc::SOL_SOCKET | libc::IPPROTO_TCP | libc::IPPROTO_IP, _) => Errno::NOPROTOOPT,
        // As Linux: a level that IPv4 does not know is another error than one that IPv6 does not.
        (_, _) if family == Family::V4 => Errno::OPNOTSUPP,
        (_, _) => Errno::NOPROTOOPT,
    }
}

/// The value of an option that the engine keeps, within the bounds that Linux sets.
///
/// # Errors
/// EINVAL if it is too short or out of bounds.
#[allow(clippy::too_many_lines, reason = "a table: one row for each option")]
pub fn decode(option: OptionName, bytes: &[u8]) -> Result<SocketOption, Errno> {
    let value = match option {
        OptionName::Congestion => return decode_congestion(bytes),
        OptionName::FastOpenKey => return decode_key(bytes),
        // IPv4's may be a single byte.
        OptionName::TypeOfService
        | OptionName::TimeToLive
        | OptionName::MinTimeToLive
        | OptionName::MtuDiscover
        | OptionName::ReceiveErrors
        | OptionName::FreeBind
        | OptionName::BindAddressNoPort
            if (1..4).contains(&bytes.len()) =>
        {
            c_int::from(bytes[0])
        }
        _ => number(bytes)?,
    };
    let within = |least: c_int, most: c_int| {
        (least..=most).contains(&value).then_some(value.unsigned_abs()).ok_or(Errno::INVAL)
    };
    let byte = |least: c_int, most: c_int| within(least, most).map(|value| value as u8);
    // 0 or 1, where Linux takes no other number.
    let switch = || within(0, 1).map(|value| value != 0);
    // -1 is what the host has.
    let hops = |least: c_int| if value == -1 { Ok(None) } else { byte(least, 255).map(Some) };
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
        OptionName::OobInline => SocketOption::OobInline(value != 0),
        OptionName::Priority => SocketOption::Priority(value.cast_unsigned()),
        OptionName::Mark => SocketOption::Mark(value.cast_unsigned()),
        OptionName::Broadcast => SocketOption::Broadcast(value != 0),
        OptionName::DontRoute => SocketOption::DontRoute(value != 0),
        OptionName::MaxPacingRate => SocketOption::MaxPacingRate(decode_rate(value, bytes)),
        OptionName::ZeroCopy => SocketOption::ZeroCopy(switch()?),
        OptionName::Timestamping => SocketOption::Timestamping(timestamping::check(value)?),
        OptionName::Cork => SocketOption::Cork(value != 0),
        OptionName::QuickAck => SocketOption::QuickAck(value.cast_unsigned()),
        OptionName::SynCount => SocketOption::SynCount(within(1, 127)?),
        OptionName::Linger2 => SocketOption::Linger2(value),
        OptionName::DeferAccept => SocketOption::DeferAccept(value.max(0).unsigned_abs()),
        // A negative one is small, not large.
        OptionName::WindowClamp => {
            SocketOption::WindowClamp(if value < 0 { 1 } else { value.unsigned_abs() })
        }
        OptionName::NotSentLowat => SocketOption::NotSentLowat(value.cast_unsigned()),
        OptionName::Inq => SocketOption::Inq(switch()?),
        OptionName::FastOpen => SocketOption::FastOpen(within(0, c_int::MAX)?),
        OptionName::FastOpenConnect => SocketOption::FastOpenConnect(switch()?),
        OptionName::FastOpenNoCookie => SocketOption::FastOpenNoCookie(switch()?),
        OptionName::RtoMax => SocketOption::RtoMax(within(1000, 120_000)?),
        OptionName::TypeOfService => SocketOption::TypeOfService(value as u8),
        OptionName::TimeToLive => SocketOption::TimeToLive(hops(1)?),
        OptionName::MtuDiscover => SocketOption::MtuDiscover(byte(0, 5)?),
        OptionName::ReceiveErrors => SocketOption::ReceiveErrors(value != 0),
        OptionName::FreeBind => SocketOption::FreeBind(value != 0),
        OptionName::BindAddressNoPort => SocketOption::BindAddressNoPort(value != 0),
        OptionName::LocalPortRange => {
            let range = value.cast_unsigned();
            SocketOption::LocalPortRange((range as u16, (range >> 16) as u16))
        }
        OptionName::MinTimeToLive => SocketOption::MinTimeToLive(byte(0, 255)?),
        OptionName::TrafficClass if value == -1 => SocketOption::TrafficClass(0),
        OptionName::TrafficClass => SocketOption::TrafficClass(byte(0, 255)?),
        OptionName::HopLimit => SocketOption::HopLimit(hops(0)?),
        OptionName::MtuDiscover6 => SocketOption::MtuDiscover6(byte(0, 5)?),
        OptionName::ReceiveErrors6 => SocketOption::ReceiveErrors6(value != 0),
        OptionName::MinHopLimit => SocketOption::MinHopLimit(byte(0, 255)?),
        OptionName::Congestion | OptionName::FastOpenKey => return Err(Errno::INVAL),
    })
}

/// The bytes of an option that the engine keeps, for a caller who has room for `room` bytes.
#[must_use]
pub fn encode(option: SocketOption, room: usize) -> Vec<u8> {
    let value = match option {
        SocketOption::SendBuffer(value)
        | SocketOption::ReceiveBuffer(value)
        | SocketOption::KeepIdle(value)
        | SocketOption::KeepInterval(value)
        | SocketOption::KeepCount(value)
        | SocketOption::MaxSegment(value)
        | SocketOption::UserTimeout(value)
        | SocketOption::Priority(value)
        | SocketOption::Mark(value)
        | SocketOption::QuickAck(value)
        | SocketOption::SynCount(value)
        | SocketOption::DeferAccept(value)
        | SocketOption::WindowClamp(value)
        | SocketOption::NotSentLowat(value)
        | SocketOption::FastOpen(value)
        | SocketOption::RtoMax(value) => value,
        SocketOption::ReuseAddress(on)
        | SocketOption::ReusePort(on)
        | SocketOption::KeepAlive(on)
        | SocketOption::NoDelay(on)
        | SocketOption::V6Only(on)
        | SocketOption::OobInline(on)
        | SocketOption::Broadcast(on)
        | SocketOption::DontRoute(on)
        | SocketOption::ZeroCopy(on)
        | SocketOption::Cork(on)
        | SocketOption::Inq(on)
        | SocketOption::FastOpenConnect(on)
        | SocketOption::FastOpenNoCookie(on)
        | SocketOption::ReceiveErrors(on)
        | SocketOption::FreeBind(on)
        | SocketOption::BindAddressNoPort(on)
        | SocketOption::ReceiveErrors6(on) => u32::from(on),
        SocketOption::TypeOfService(byte)
        | SocketOption::MtuDiscover(byte)
        | SocketOption::MinTimeToLive(byte)
        | SocketOption::TrafficClass(byte)
        | SocketOption::MtuDiscover6(byte)
        | SocketOption::MinHopLimit(byte) => u32::from(byte),
        SocketOption::TimeToLive(limit) | SocketOption::HopLimit(limit) => limit.map_or(u32::MAX, u32::from),
        SocketOption::Linger2(seconds) => seconds.cast_unsigned(),
        SocketOption::LocalPortRange((first, last)) => u32::from(first) | u32::from(last) << 16,
        SocketOption::Linger(seconds) => return pair(u32::from(seconds.is_some()), seconds.unwrap_or(0)),
        // `struct so_timestamping`: flags, and a clock that nobody bound.
        SocketOption::Timestamping(flags) => return pair(flags, 0),
        SocketOption::MaxPacingRate(rate) if room >= 8 => return rate.to_ne_bytes().to_vec(),
        SocketOption::MaxPacingRate(rate) => u32::try_from(rate).unwrap_or(u32::MAX),
        SocketOption::Congestion(name) => return name.bytes().to_vec(),
        SocketOption::FastOpenKey(keys) => return encode_key(keys),
    };
    value.to_ne_bytes().to_vec()
}

fn pair(first: u32, second: u32) -> Vec<u8> {
    [first.to_ne_bytes(), second.to_ne_bytes()].concat()
}

/// `unsigned long`, or `unsigned int` of which the largest is no limit.
fn decode_rate(value: c_int, bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(bytes) => u64::from_ne_bytes(*bytes),
        None if value == -1 => u64::MAX,
        None => u64::from(value.cast_unsigned()),
    }
}

fn decode_congestion(bytes: &[u8]) -> Result<SocketOption, Errno> {
    if bytes.is_empty() {
        return Err(Errno::INVAL);
    }
    Ok(SocketOption::Congestion(CongestionName::new(bytes)))
}

/// One key of 16 bytes, or two.
fn decode_key(bytes: &[u8]) -> Result<SocketOption, Errno> {
    let keys = match (bytes.first_chunk::<16>(), bytes.len()) {
        (Some(&primary), 16) => FastOpenKeys { primary, backup: None },
        (Some(&primary), 32) => FastOpenKeys { primary, backup: bytes.last_chunk::<16>().copied() },
        (_, _) => return Err(Errno::INVAL),
    };
    Ok(SocketOption::FastOpenKey(Some(keys)))
}

fn encode_key(keys: Option<FastOpenKeys>) -> Vec<u8> {
    let Some(keys) = keys else { return Vec::new() };
    [Some(keys.primary), keys.backup].into_iter().flatten().flatten().collect()
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
