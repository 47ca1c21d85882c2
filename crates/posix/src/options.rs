//! Socket options: `(level, name, bytes)` in C, [`SocketOption`] in the stack.

use crate::Errno;
use libc::c_int;
use sockeye_stack::{Family, FastOpenKeys, OptionName, OptionValue, SocketOption};
use std::time::Duration;

mod rows;
mod rule;
pub mod timestamping;

use rule::Width;

/// The option of the stack that a level and a name mean, of a socket of `family`; `None` if the stack keeps none of that name.
/// An IPv6 socket has the options of IPv4, too.
#[must_use]
pub fn name(level: c_int, name: c_int, family: Family) -> Option<OptionName> {
    let rows = match level {
        libc::SOL_SOCKET => rows::SOCKET,
        libc::IPPROTO_TCP => rows::TCP,
        libc::IPPROTO_IP => rows::IP,
        libc::IPPROTO_IPV6 if family == Family::V6 => rows::IPV6,
        _ => return None,
    };
    rows.iter().find(|row| row.number == name).map(|row| row.name)
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
        // Advice about a neighbour that there is not, and a mistake of other systems that is none here.
        (libc::SOL_SOCKET, libc::SO_CNX_ADVICE | libc::SO_BSDCOMPAT) => return None,
        (libc::SOL_SOCKET, libc::SO_PASSCRED | libc::SO_PASSSEC) => Errno::OPNOTSUPP,
        (libc::SOL_SOCKET, libc::SO_DETACH_FILTER) => Errno::NOENT,
        // There are no devices; the empty name is none, and that is what is bound already.
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) if bytes.first().is_none_or(|&byte| byte == 0) => {
            return None;
        }
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) => Errno::NODEV,
        (libc::IPPROTO_TCP, libc::TCP_REPAIR | libc::TCP_TIMESTAMP) => Errno::PERM,
        (libc::IPPROTO_TCP, libc::TCP_REPAIR_QUEUE | libc::TCP_REPAIR_WINDOW) => Errno::PERM,
        (libc::IPPROTO_TCP, libc::TCP_REPAIR_OPTIONS | libc::TCP_QUEUE_SEQ) => Errno::INVAL,
        (libc::IPPROTO_TCP, libc::TCP_ULP) if bytes.is_empty() => Errno::INVAL,
        // A kernel without the module.
        (libc::IPPROTO_TCP, libc::TCP_ULP) => Errno::NOENT,
        (libc::IPPROTO_IP, libc::IP_TRANSPARENT) => Errno::PERM,
        // Not of streams.
        (libc::IPPROTO_IP, libc::IP_ROUTER_ALERT | libc::IP_MULTICAST_TTL | IP_RECVFRAGSIZE) => Errno::INVAL,
        (libc::SOL_SOCKET | libc::IPPROTO_TCP | libc::IPPROTO_IP | libc::IPPROTO_IPV6, _) => {
            Errno::NOPROTOOPT
        }
        _ => Errno::NOPROTOOPT,
    })
}

/// IP_RECVFRAGSIZE and TCP_IS_MPTCP, for which there are no names yet.
const IP_RECVFRAGSIZE: c_int = 25;
const TCP_IS_MPTCP: c_int = 43;

/// What reading an option gives that is the same for all streams, for a caller with room for `room` bytes.
#[must_use]
pub fn constant(level: c_int, name: c_int, family: Family, room: usize) -> Option<Vec<u8>> {
    let value = match (level, name) {
        (libc::SOL_SOCKET, libc::SO_BSDCOMPAT | libc::SO_INCOMING_NAPI_ID) => 0,
        (libc::SOL_SOCKET, libc::SO_SNDLOWAT) => 1,
        (libc::SOL_SOCKET, libc::SO_TYPE) => libc::SOCK_STREAM,
        (libc::SOL_SOCKET, libc::SO_PROTOCOL) => libc::IPPROTO_TCP,
        // Nobody: that is for processes of one machine to ask of AF_UNIX sockets.
        (libc::SOL_SOCKET, libc::SO_PEERCRED) => {
            return Some([0, -1, -1].iter().flat_map(|id: &c_int| id.to_ne_bytes()).collect());
        }
        (libc::SOL_SOCKET, libc::SO_BINDTODEVICE) => return Some(Vec::new()),
        (libc::IPPROTO_TCP, libc::TCP_REPAIR | TCP_IS_MPTCP) => 0,
        // There is none, and the congestion control has nothing to tell.
        (libc::IPPROTO_TCP, libc::TCP_ULP | libc::TCP_CC_INFO) => return Some(Vec::new()),
        (libc::IPPROTO_IP, libc::IP_TRANSPARENT | libc::IP_HDRINCL | libc::IP_ROUTER_ALERT) => 0,
        (libc::IPPROTO_IP, libc::IP_NODEFRAG | IP_RECVFRAGSIZE) => 0,
        (libc::IPPROTO_IP, libc::IP_MULTICAST_TTL) => 1,
        (libc::IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS) if family == Family::V6 => 1,
        _ => return None,
    };
    Some(give_number(level, value, room))
}

/// What reading an option fails with that nobody keeps.
#[must_use]
pub fn unreadable(level: c_int, name: c_int, family: Family) -> Errno {
    match (level, name) {
        (libc::SOL_SOCKET, libc::SO_PASSCRED | libc::SO_PASSSEC) => Errno::OPNOTSUPP,
        (libc::SOL_SOCKET, libc::SO_PEERGROUPS) => Errno::NODATA,
        (libc::IPPROTO_TCP, libc::TCP_REPAIR_QUEUE | libc::TCP_QUEUE_SEQ | libc::TCP_REPAIR_WINDOW) => {
            Errno::INVAL
        }
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
pub fn decode(option: OptionName, bytes: &[u8]) -> Result<SocketOption, Errno> {
    let find = |rows: &'static [rows::Row]| rows.iter().find(|row| row.name == option);
    if let Some(row) = find(rows::IP) {
        return match (option, bytes.len()) {
            (OptionName::LocalPortRange, length) if length != 4 => Err(Errno::INVAL),
            (OptionName::TimeToLive | OptionName::FreeBind | OptionName::MinTimeToLive, 0) => {
                Err(Errno::INVAL)
            }
            // IPv4's may be a single byte, or none for 0.
            (_, 0) => row.rule.decode(&[0], Width::Byte),
            (_, _) => row.rule.decode(bytes, Width::Byte),
        };
    }
    let row = [rows::SOCKET, rows::TCP, rows::IPV6].into_iter().find_map(find);
    row.ok_or(Errno::NOPROTOOPT)?.rule.decode(bytes, Width::Int)
}

/// The bytes of a number for a caller who has room for `room` bytes: those of an `int`, but of IPv4's levels a small one is a byte where
/// there is no room for more.
#[must_use]
pub fn give_number(level: c_int, value: c_int, room: usize) -> Vec<u8> {
    match u8::try_from(value) {
        Ok(byte) if level == libc::IPPROTO_IP && (1..4).contains(&room) => vec![byte],
        _ => value.to_ne_bytes().to_vec(),
    }
}

/// The bytes of an option that the engine keeps, for a caller who has room for `room` bytes.
#[must_use]
pub fn encode(option: SocketOption, room: usize) -> Vec<u8> {
    let number = match option.value() {
        // `struct so_timestamping`: flags, and a clock that nobody bound.
        OptionValue::Number(flags) if option.name() == OptionName::Timestamping => return pair(flags, 0),
        OptionValue::Number(number) => number,
        OptionValue::Switch(on) => u32::from(on),
        OptionValue::Byte(byte) => u32::from(byte),
        OptionValue::Hops(limit) => limit.map_or(u32::MAX, u32::from),
        OptionValue::Signed(number) => number.cast_unsigned(),
        OptionValue::Ports((first, last)) => u32::from(first) | u32::from(last) << 16,
        OptionValue::Seconds(seconds) => {
            return pair(u32::from(seconds.is_some()), seconds.unwrap_or(0));
        }
        OptionValue::Rate(rate) if room >= 8 => return rate.to_ne_bytes().to_vec(),
        OptionValue::Rate(rate) => u32::try_from(rate).unwrap_or(u32::MAX),
        OptionValue::Name(name) => return name.bytes().to_vec(),
        OptionValue::Keys(keys) => return encode_key(keys),
    };
    let is_of_ip = rows::IP.iter().any(|row| row.name == option.name());
    give_number(if is_of_ip { libc::IPPROTO_IP } else { libc::SOL_SOCKET }, number.cast_signed(), room)
}

fn pair(first: u32, second: u32) -> Vec<u8> {
    [first.to_ne_bytes(), second.to_ne_bytes()].concat()
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
