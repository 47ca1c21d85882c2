//! IPv4, IPv6, ICMP and TCP formats, sequence numbers and checksums.
#![forbid(unsafe_code)]
#![no_std]

#[cfg(test)]
extern crate std;

pub mod checksum;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod icmp;
pub mod ip;
pub mod packet;
pub mod seq;
pub mod tcp;

pub use icmp::{IcmpError, IcmpKind, Unreachable};
pub use ip::{Ecn, IpHeader, Protocol, mark_congestion};
pub use seq::SeqNum;
pub use tcp::{FastOpen, Flags, Options, SackBlock, SackBlocks, TcpHeader, Timestamps};

use thiserror::Error;

/// Why bytes are not the header they were taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ParseError {
    /// Fewer bytes than the header says or needs.
    #[error("truncated header")]
    Truncated,
    /// The version field names neither IPv4 nor IPv6.
    #[error("unknown IP version")]
    Version,
    /// A header length or data offset below its minimum, or beyond the bytes there are.
    #[error("bad header length")]
    HeaderLength,
    /// A total or payload length beyond the bytes there are.
    #[error("bad packet length")]
    PacketLength,
    /// The checksum is wrong.
    #[error("bad checksum")]
    Checksum,
    /// A fragment of a larger packet.
    #[error("fragmented packet")]
    Fragment,
    /// A protocol that is not handled.
    #[error("unknown protocol")]
    Protocol,
}
