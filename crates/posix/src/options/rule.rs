//! How the bytes of an option become its value.

use super::{number, timestamping};
use crate::Errno;
use libc::c_int;
use sockeye_stack::{CongestionName, FastOpenKeys, SocketOption};

/// What Linux takes as the value of an option.
#[derive(Clone, Copy, Debug)]
pub(super) enum Rule {
    /// 0 is off, any other number is on.
    Flag(fn(bool) -> SocketOption),
    /// 0 or 1.
    Switch(fn(bool) -> SocketOption),
    /// Any number; a negative one is huge.
    Any(fn(u32) -> SocketOption),
    /// A number within bounds.
    Number(fn(u32) -> SocketOption, c_int, c_int),
    /// A number within bounds, in a byte.
    Byte(fn(u8) -> SocketOption, c_int, c_int),
    /// From so many hops to 255, or -1 for what the host has.
    Hops(fn(Option<u8>) -> SocketOption, c_int),
    /// A number that has a rule of its own.
    Int(fn(c_int) -> Result<SocketOption, Errno>),
    /// Something else than a number.
    Bytes(fn(&[u8]) -> Result<SocketOption, Errno>),
}

/// How many bytes a number needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    /// One: the first of fewer than four is the number.
    Byte,
    /// Four.
    Int,
}

impl Rule {
    /// The value that `bytes` are.
    pub(super) fn decode(self, bytes: &[u8], width: Width) -> Result<SocketOption, Errno> {
        let value = match (self, bytes.first()) {
            (Self::Bytes(make), _) => return make(bytes),
            (_, Some(&byte)) if width == Width::Byte && bytes.len() < 4 => c_int::from(byte),
            (_, _) => number(bytes)?,
        };
        Ok(match self {
            Self::Flag(make) => make(value != 0),
            Self::Switch(make) => make(within(value, 0, 1)? != 0),
            Self::Any(make) => make(value.cast_unsigned()),
            Self::Number(make, least, most) => make(within(value, least, most)?),
            Self::Byte(make, least, most) => make(within(value, least, most)? as u8),
            Self::Hops(make, _) if value == -1 => make(None),
            Self::Hops(make, least) => make(Some(within(value, least, 255)? as u8)),
            Self::Int(make) => make(value)?,
            Self::Bytes(make) => make(bytes)?,
        })
    }
}

fn within(value: c_int, least: c_int, most: c_int) -> Result<u32, Errno> {
    (least..=most).contains(&value).then_some(value.unsigned_abs()).ok_or(Errno::INVAL)
}

/// `struct linger`.
pub(super) fn linger(bytes: &[u8]) -> Result<SocketOption, Errno> {
    let is_on = number(bytes)? != 0;
    let seconds = number(bytes.get(4..).unwrap_or_default())?;
    Ok(SocketOption::Linger(is_on.then_some(seconds.cast_unsigned())))
}

/// `unsigned long`, or `unsigned int` of which the largest is no limit.
pub(super) fn rate(bytes: &[u8]) -> Result<SocketOption, Errno> {
    let rate = match (bytes.first_chunk::<8>(), number(bytes)?) {
        (Some(bytes), _) => u64::from_ne_bytes(*bytes),
        (None, -1) => u64::MAX,
        (None, rate) => u64::from(rate.cast_unsigned()),
    };
    Ok(SocketOption::MaxPacingRate(rate))
}

/// The name of a congestion control.
pub(super) fn congestion(bytes: &[u8]) -> Result<SocketOption, Errno> {
    if bytes.is_empty() {
        return Err(Errno::INVAL);
    }
    Ok(SocketOption::Congestion(CongestionName::new(bytes)))
}

/// One key of 16 bytes, or two.
pub(super) fn fast_open_key(bytes: &[u8]) -> Result<SocketOption, Errno> {
    let keys = match (bytes.first_chunk::<16>(), bytes.len()) {
        (Some(&primary), 16) => FastOpenKeys { primary, backup: None },
        (Some(&primary), 32) => FastOpenKeys { primary, backup: bytes.last_chunk::<16>().copied() },
        (_, _) => return Err(Errno::INVAL),
    };
    Ok(SocketOption::FastOpenKey(Some(keys)))
}

/// SO_TIMESTAMPING.
pub(super) fn timestamping(value: c_int) -> Result<SocketOption, Errno> {
    timestamping::check(value).map(SocketOption::Timestamping)
}

/// TCP_MAXSEG: 0 is none.
pub(super) fn max_segment(value: c_int) -> Result<SocketOption, Errno> {
    let bytes = if value == 0 { 0 } else { within(value, 88, 32_767)? };
    Ok(SocketOption::MaxSegment(bytes))
}

/// TCP_LINGER2.
pub(super) fn linger2(value: c_int) -> Result<SocketOption, Errno> {
    Ok(SocketOption::Linger2(value))
}

/// TCP_DEFER_ACCEPT: a negative time is none.
pub(super) fn defer_accept(value: c_int) -> Result<SocketOption, Errno> {
    Ok(SocketOption::DeferAccept(value.max(0).unsigned_abs()))
}

/// TCP_WINDOW_CLAMP: a negative one is small, not large.
pub(super) fn window_clamp(value: c_int) -> Result<SocketOption, Errno> {
    Ok(SocketOption::WindowClamp(if value < 0 { 1 } else { value.unsigned_abs() }))
}

/// IP_TOS: what is more than a byte is cut.
pub(super) fn type_of_service(value: c_int) -> Result<SocketOption, Errno> {
    Ok(SocketOption::TypeOfService(value as u8))
}

/// IP_LOCAL_PORT_RANGE: the first port in the lower half, the last in the upper.
pub(super) fn local_port_range(value: c_int) -> Result<SocketOption, Errno> {
    let range = value.cast_unsigned();
    Ok(SocketOption::LocalPortRange((range as u16, (range >> 16) as u16)))
}

/// IPV6_TCLASS: -1 is none.
pub(super) fn traffic_class(value: c_int) -> Result<SocketOption, Errno> {
    let class = if value == -1 { 0 } else { within(value, 0, 255)? };
    Ok(SocketOption::TrafficClass(class as u8))
}
