//! What `recvmsg(MSG_ERRQUEUE)` gives: control messages of the error queue.

use crate::address::Structure;
use crate::errno;
use libc::c_int;
use sockeye_clock::Instant;
use sockeye_stack::{Family, Report};
use std::net::SocketAddr;

/// SO_EE_ORIGIN_ICMP.
const ICMP: u8 = 2;
/// SO_EE_ORIGIN_ICMP6.
const ICMP6: u8 = 3;
/// SO_EE_ORIGIN_TIMESTAMPING.
const TIMESTAMPING: u8 = 4;
/// SO_EE_ORIGIN_ZEROCOPY.
const ZERO_COPY: u8 = 5;
/// SO_EE_CODE_ZEROCOPY_COPIED.
const COPIED: u8 = 1;

/// Control messages, and the flags of the message, for a report to a socket of `family`. `time_of_day` says what time of day an instant
/// of the stack's clock was.
#[must_use]
pub fn encode(report: Report, family: Family, time_of_day: impl Fn(Instant) -> Instant) -> (Vec<u8>, c_int) {
    let mut control = Vec::new();
    let mut flags = libc::MSG_ERRQUEUE;
    // Who sent the error; nobody, unless it came from the network.
    let mut offender = match family {
        Family::V4 => vec![0; size_of::<libc::sockaddr_in>()],
        Family::V6 => vec![0; size_of::<libc::sockaddr_in6>()],
    };
    let error = match report {
        Report::ZeroCopy { first, last } => extended(0, [ZERO_COPY, 0, COPIED], first, last),
        Report::Stamp { stage, nanos, key, has_packet } => {
            if has_packet {
                // The packet would be longer than any buffer: it is not given.
                flags |= libc::MSG_TRUNC;
            }
            push(
                &mut control,
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPING,
                &stamps(time_of_day(Instant::from_nanos(nanos))),
            );
            extended(libc::ENOMSG, [TIMESTAMPING, 0, 0], stage as u32, key)
        }
        Report::Icmp { error, kind, code, info, from, .. } => {
            let origin = if from.is_ipv6() { ICMP6 } else { ICMP };
            offender = Structure::new(SocketAddr::new(from, 0), family).as_bytes().to_vec();
            extended(errno::of(error).number(), [origin, kind, code], info, 0)
        }
    };
    let (level, kind) = match family {
        Family::V4 => (libc::SOL_IP, libc::IP_RECVERR),
        Family::V6 => (libc::SOL_IPV6, libc::IPV6_RECVERR),
    };
    push(&mut control, level, kind, &[error, offender].concat());
    (control, flags)
}

/// Where what a report is about was on its way to, as the address of the message.
#[must_use]
pub fn name(report: Report, family: Family) -> Option<Structure> {
    match report {
        Report::Icmp { to, .. } => Some(Structure::new(to, family)),
        Report::ZeroCopy { .. } | Report::Stamp { .. } => None,
    }
}

/// `struct sock_extended_err`.
fn extended(errno: c_int, [origin, kind, code]: [u8; 3], info: u32, data: u32) -> Vec<u8> {
    let mut bytes = errno.to_ne_bytes().to_vec();
    bytes.extend([origin, kind, code, 0]);
    bytes.extend(info.to_ne_bytes());
    bytes.extend(data.to_ne_bytes());
    bytes
}

/// `struct scm_timestamping`: software's time, and two that hardware would tell.
fn stamps(time: Instant) -> Vec<u8> {
    let (seconds, nanos) = (time.as_nanos() / 1_000_000_000, time.as_nanos() % 1_000_000_000);
    let mut bytes = seconds.to_ne_bytes().to_vec();
    bytes.extend(nanos.to_ne_bytes());
    padded(&bytes, 32)
}

fn padded(bytes: &[u8], zeros: usize) -> Vec<u8> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len() + zeros, 0);
    padded
}

/// Appends a `struct cmsghdr` and its data.
fn push(control: &mut Vec<u8>, level: c_int, kind: c_int, data: &[u8]) {
    let length = size_of::<libc::cmsghdr>() + data.len();
    control.extend(length.to_ne_bytes());
    control.extend(level.to_ne_bytes());
    control.extend(kind.to_ne_bytes());
    control.extend(data);
    control.resize(control.len().next_multiple_of(size_of::<usize>()), 0);
}

#[cfg(test)]
mod tests;
