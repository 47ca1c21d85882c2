//! What `recvmsg()` tells beside the bytes, as `struct cmsghdr` lays it out.

use crate::options::timestamping;
use libc::c_int;

/// Bytes of `struct cmsghdr`.
const HEADER: usize = size_of::<libc::cmsghdr>();
/// TCP_CM_INQ: the number of TCP_INQ.
const TCP_CM_INQ: c_int = libc::TCP_INQ;

/// TCP_CM_INQ: bytes left to read; after a FIN one at least.
#[must_use]
pub fn left_to_read(bytes: usize, is_end_of_file: bool) -> Vec<u8> {
    let left = c_int::try_from(bytes).unwrap_or(c_int::MAX).max(c_int::from(is_end_of_file));
    message(libc::IPPROTO_TCP, TCP_CM_INQ, &left.to_ne_bytes())
}

/// How SO_TIMESTAMP and its kin tell when text arrived. They exclude each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Times {
    /// Microseconds, under this number of an option.
    Micros(c_int),
    /// Nanoseconds.
    Nanos(c_int),
}

/// `SO_TIMESTAMP_NEW`: as SO_TIMESTAMP where `time_t` has 64 bits.
const SO_TIMESTAMP_NEW: c_int = 63;
/// `SO_TIMESTAMPNS_NEW`.
const SO_TIMESTAMPNS_NEW: c_int = 64;

impl Times {
    /// What an option of SOL_SOCKET asks for, if it is one of them.
    const fn of(number: c_int) -> Option<Self> {
        match number {
            libc::SO_TIMESTAMP | SO_TIMESTAMP_NEW => Some(Self::Micros(number)),
            libc::SO_TIMESTAMPNS | SO_TIMESTAMPNS_NEW => Some(Self::Nanos(number)),
            _ => None,
        }
    }

    /// The message, for a time of day in nanoseconds.
    fn message(self, nanos: u64) -> Vec<u8> {
        let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
        let (number, part) = match self {
            Self::Micros(number) => (number, nanos / 1000),
            Self::Nanos(number) => (number, nanos),
        };
        message(libc::SOL_SOCKET, number, &[seconds.to_ne_bytes(), part.to_ne_bytes()].concat())
    }
}

/// What is told of arrivals, in a word that the processes of a socket share.
///
/// ```text
///   bit 9     SO_TIMESTAMPING tells: SOF_TIMESTAMPING_SOFTWARE
///   bit 8     SO_TIMESTAMPING notes: SOF_TIMESTAMPING_RX_SOFTWARE
///   bits 0-7  the number of SO_TIMESTAMP or its kin; 0 for none
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted(pub u32);

impl Wanted {
    const NUMBER: u32 = 0xff;
    const NOTES: u32 = 1 << 8;
    const TELLS: u32 = 1 << 9;

    /// Whether SO_TIMESTAMP, or one of its kin, is on.
    #[must_use]
    pub const fn has(self, number: c_int) -> bool {
        self.0 & Self::NUMBER == number.unsigned_abs()
    }

    /// With SO_TIMESTAMP, or one of its kin, on or off: there is one at a time.
    #[must_use]
    pub const fn with(self, number: c_int, on: bool) -> Self {
        let number = if on { number.unsigned_abs() & Self::NUMBER } else { 0 };
        Self(self.0 & !Self::NUMBER | number)
    }

    /// With the flags of SO_TIMESTAMPING.
    #[must_use]
    pub const fn with_flags(self, flags: u32) -> Self {
        let notes = if flags & timestamping::RX_SOFTWARE == 0 { 0 } else { Self::NOTES };
        let tells = if flags & timestamping::SOFTWARE == 0 { 0 } else { Self::TELLS };
        Self(self.0 & Self::NUMBER | if notes == 0 { 0 } else { notes | tells })
    }

    /// The messages about text that arrived at that time of day, in nanoseconds.
    #[must_use]
    pub fn messages(self, nanos: u64) -> Vec<u8> {
        let number = (self.0 & Self::NUMBER).cast_signed();
        let mut messages = Times::of(number).map_or_else(Vec::new, |times| times.message(nanos));
        if self.0 & Self::TELLS != 0 {
            messages.extend(stamps(nanos));
        }
        messages
    }
}

/// SCM_TIMESTAMPING: `struct scm_timestamping`, of which hardware would tell the second and the third.
fn stamps(nanos: u64) -> Vec<u8> {
    let mut times = [0; 48];
    times[..8].copy_from_slice(&(nanos / 1_000_000_000).to_ne_bytes());
    times[8..16].copy_from_slice(&(nanos % 1_000_000_000).to_ne_bytes());
    message(libc::SOL_SOCKET, libc::SO_TIMESTAMPING, &times)
}

/// How many bytes of these messages go where there is room for `room`: whole messages, of which the last needs no padding.
/// And whether that is all of them.
#[must_use]
pub fn fitting(messages: &[u8], room: usize) -> (usize, bool) {
    let mut at = 0;
    while let Some(length) = messages.get(at..).and_then(<[u8]>::first_chunk) {
        let end = at.saturating_add(usize::from_ne_bytes(*length));
        if end > room {
            return (at.min(room), false);
        }
        at = end.next_multiple_of(size_of::<usize>());
    }
    (messages.len().min(room), true)
}

/// A control message with its padding.
#[must_use]
pub fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((HEADER + data.len()).next_multiple_of(size_of::<usize>()));
    bytes.extend((HEADER + data.len()).to_ne_bytes());
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0);
    bytes
}

#[cfg(test)]
mod tests;
