//! ICMP (RFC 792) and ICMPv6 (RFC 4443) errors.
//!
//! ```text
//! +------+------+----------+----------------+---------------------------------------------+
//! | type | code | checksum | MTU or pointer | IP header + first bytes of the lost segment |
//! +------+------+----------+----------------+---------------------------------------------+
//! ```

use core::net::IpAddr;

use crate::checksum::Checksum;
use crate::{IpHeader, ParseError, Protocol, SeqNum};

/// An error that came back for a segment, and what is quoted of that segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// What went wrong.
    pub kind: IcmpKind,
    /// Type and code as they stand on the wire.
    pub wire: [u8; 2],
    /// Who says so: the peer's host, or a router.
    pub sender: IpAddr,
    /// Source address of the lost segment: ours, if we sent it.
    pub src: IpAddr,
    /// Destination address of the lost segment.
    pub dst: IpAddr,
    /// Source port of the lost segment.
    pub src_port: u16,
    /// Destination port of the lost segment.
    pub dst_port: u16,
    /// Sequence number of the lost segment; one that is not in flight tells of a forged error (RFC 5927).
    pub seq: SeqNum,
}

/// What went wrong with a packet, in the words of both families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpKind {
    /// It could not be delivered.
    Unreachable(Unreachable),
    /// It was larger than the next link's MTU, in bytes. 0 if the router did not say (before RFC 1191).
    PacketTooBig {
        /// MTU of the next link, bytes.
        mtu: u32,
    },
    /// Its hop limit (code 0) or its time for reassembly (code 1) ran out.
    TimeExceeded {
        /// The code as it stands on the wire.
        code: u8,
    },
    /// A field of its header was not understood.
    ParameterProblem {
        /// The code as it stands on the wire.
        code: u8,
        /// The place of the field in the packet, bytes.
        pointer: u32,
    },
    /// A router had no room for it (IPv4 only; to be ignored, RFC 6633).
    SourceQuench,
}

/// Why a packet could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// No route (IPv4 code 0, IPv6 code 0).
    Network,
    /// The host does not answer (IPv4 code 1, IPv6 code 3).
    Host,
    /// The host does not know the protocol (IPv4 code 2).
    Protocol,
    /// Nobody is at the port (IPv4 code 3, IPv6 code 4).
    Port,
    /// The source route failed (IPv4 code 5).
    SourceRoute,
    /// A filter forbids it (IPv4 codes 9, 10 and 13, IPv6 code 1).
    Prohibited,
    /// Another code, as it stands on the wire.
    Other(u8),
}

/// Types and codes of RFC 792.
mod v4 {
    pub const UNREACHABLE: u8 = 3;
    pub const FRAGMENTATION_NEEDED: u8 = 4;
    pub const SOURCE_QUENCH: u8 = 4;
    pub const TIME_EXCEEDED: u8 = 11;
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// An error is no longer than what every host can take (RFC 1812, section 4.3.2.3).
    pub const MAX_PACKET: usize = 576;
}

/// Types of RFC 4443.
mod v6 {
    pub const UNREACHABLE: u8 = 1;
    pub const PACKET_TOO_BIG: u8 = 2;
    pub const TIME_EXCEEDED: u8 = 3;
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// An error is no longer than the smallest MTU (RFC 4443, section 2.4(c)).
    pub const MAX_PACKET: usize = 1280;
}

/// Bytes before the quoted packet.
const HEADER_LEN: usize = 8;
/// Bytes of a TCP header that an error quotes at least (RFC 792): the ports and the sequence number.
const QUOTED_LEN: usize = 8;
/// Bytes of the longest error packet that [`IcmpKind::emit`] writes.
pub const MAX_PACKET_LEN: usize = v6::MAX_PACKET;

impl IcmpError {
    /// Parses `message`, the payload of a packet with header `ip`, and verifies its checksum.
    ///
    /// # Errors
    /// `Truncated`, `Checksum`; `Protocol` for a message that is not an error or not about TCP; and what
    /// [`IpHeader::parse_quoted`] says of the quoted packet.
    pub fn parse(ip: &IpHeader, message: &[u8]) -> Result<Self, ParseError> {
        let (header, quote) = message.split_first_chunk::<HEADER_LEN>().ok_or(ParseError::Truncated)?;
        let [number, code, _, _, word @ ..] = *header;
        let word = u32::from_be_bytes(word);
        let kind = match ip.protocol {
            Protocol::Icmp => IcmpKind::from_v4(number, code, word),
            Protocol::Icmpv6 => IcmpKind::from_v6(number, code, word),
            Protocol::Tcp | Protocol::Other(_) => None,
        };
        let kind = kind.ok_or(ParseError::Protocol)?;
        if message_checksum(ip, message) != 0 {
            return Err(ParseError::Checksum);
        }
        let (lost, segment) = IpHeader::parse_quoted(quote)?;
        if lost.protocol != Protocol::Tcp {
            return Err(ParseError::Protocol);
        }
        let start = quote[segment].first_chunk::<QUOTED_LEN>().ok_or(ParseError::Truncated)?;
        Ok(Self {
            kind,
            wire: [number, code],
            sender: ip.src,
            src: lost.src,
            dst: lost.dst,
            src_port: u16::from_be_bytes([start[0], start[1]]),
            dst_port: u16::from_be_bytes([start[2], start[3]]),
            seq: SeqNum(u32::from_be_bytes([start[4], start[5], start[6], start[7]])),
        })
    }
}

impl IcmpKind {
    /// Writes a whole IP packet that tells the sender of the packet `lost` of this error, as if the host or router
    /// with the address `from` said so. Returns its length, at most [`MAX_PACKET_LEN`].
    ///
    /// # Errors
    /// `Truncated` if `out` is too short, or `lost` for its receiver to know a segment again; `Protocol` if `lost` is
    /// ICMP itself (RFC 1122, section 3.2.2: no error about an error), if the addresses are not of one family, or if
    /// that family has no such error; and what [`IpHeader::parse_quoted`] says of `lost`.
    pub fn emit(self, from: IpAddr, lost: &[u8], out: &mut [u8]) -> Result<usize, ParseError> {
        let (header, segment) = IpHeader::parse_quoted(lost)?;
        let is_icmp = matches!(header.protocol, Protocol::Icmp | Protocol::Icmpv6);
        if is_icmp || from.is_ipv4() != header.src.is_ipv4() {
            return Err(ParseError::Protocol);
        }
        let (protocol, max, wire) = if from.is_ipv4() {
            (Protocol::Icmp, v4::MAX_PACKET, self.to_v4())
        } else {
            (Protocol::Icmpv6, v6::MAX_PACKET, self.to_v6())
        };
        let (kind, code, word) = wire.ok_or(ParseError::Protocol)?;
        let ip = IpHeader {
            src: from,
            dst: header.src,
            protocol,
            hop_limit: 64,
            traffic_class: 0,
            ident: 0,
            dont_fragment: header.src.is_ipv6(),
        };
        let before = ip.len() + HEADER_LEN;
        let quoted = segment.end.min(max - before).min(out.len().saturating_sub(before));
        let least = match header.protocol {
            Protocol::Tcp => segment.start + QUOTED_LEN,
            Protocol::Icmp | Protocol::Icmpv6 | Protocol::Other(_) => segment.start,
        };
        if quoted < least {
            return Err(ParseError::Truncated);
        }
        let len = before + quoted;
        ip.emit(len - ip.len(), out);
        let message = &mut out[ip.len()..len];
        message[0..4].copy_from_slice(&[kind, code, 0, 0]);
        message[4..8].copy_from_slice(&word.to_be_bytes());
        message[HEADER_LEN..].copy_from_slice(&lost[..quoted]);
        let sum = message_checksum(&ip, message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
        Ok(len)
    }

    fn from_v4(kind: u8, code: u8, word: u32) -> Option<Self> {
        match (kind, code) {
            // RFC 1191, section 4: the MTU is the lower half of the word.
            (v4::UNREACHABLE, v4::FRAGMENTATION_NEEDED) => Some(Self::PacketTooBig { mtu: word & 0xffff }),
            (v4::UNREACHABLE, _) => Some(Self::Unreachable(Unreachable::from_v4(code))),
            (v4::SOURCE_QUENCH, _) => Some(Self::SourceQuench),
            (v4::TIME_EXCEEDED, _) => Some(Self::TimeExceeded { code }),
            (v4::PARAMETER_PROBLEM, _) => Some(Self::ParameterProblem { code, pointer: word >> 24 }),
            _ => None,
        }
    }

    fn from_v6(kind: u8, code: u8, word: u32) -> Option<Self> {
        match kind {
            v6::UNREACHABLE => Some(Self::Unreachable(Unreachable::from_v6(code))),
            v6::PACKET_TOO_BIG => Some(Self::PacketTooBig { mtu: word }),
            v6::TIME_EXCEEDED => Some(Self::TimeExceeded { code }),
            v6::PARAMETER_PROBLEM => Some(Self::ParameterProblem { code, pointer: word }),
            _ => None,
        }
    }

    /// Type, code and word in IPv4.
    fn to_v4(self) -> Option<(u8, u8, u32)> {
        Some(match self {
            Self::Unreachable(reason) => (v4::UNREACHABLE, reason.to_v4(), 0),
            Self::PacketTooBig { mtu } => (v4::UNREACHABLE, v4::FRAGMENTATION_NEEDED, mtu.min(0xffff)),
            Self::TimeExceeded { code } => (v4::TIME_EXCEEDED, code, 0),
            Self::ParameterProblem { code, pointer } => {
                (v4::PARAMETER_PROBLEM, code, u32::from(u8::try_from(pointer).ok()?) << 24)
            }
            Self::SourceQuench => (v4::SOURCE_QUENCH, 0, 0),
        })
    }

    /// Type, code and word in IPv6.
    fn to_v6(self) -> Option<(u8, u8, u32)> {
        Some(match self {
            Self::Unreachable(reason) => (v6::UNREACHABLE, reason.to_v6()?, 0),
            Self::PacketTooBig { mtu } => (v6::PACKET_TOO_BIG, 0, mtu),
            Self::TimeExceeded { code } => (v6::TIME_EXCEEDED, code, 0),
            Self::ParameterProblem { code, pointer } => (v6::PARAMETER_PROBLEM, code, pointer),
            Self::SourceQuench => return None,
        })
    }
}

impl Unreachable {
    fn from_v4(code: u8) -> Self {
        match code {
            0 => Self::Network,
            1 => Self::Host,
            2 => Self::Protocol,
            3 => Self::Port,
            5 => Self::SourceRoute,
            9 | 10 | 13 => Self::Prohibited,
            code => Self::Other(code),
        }
    }

    fn from_v6(code: u8) -> Self {
        match code {
            0 => Self::Network,
            1 => Self::Prohibited,
            3 => Self::Host,
            4 => Self::Port,
            code => Self::Other(code),
        }
    }

    fn to_v4(self) -> u8 {
        match self {
            Self::Network => 0,
            Self::Host => 1,
            Self::Protocol => 2,
            Self::Port => 3,
            Self::SourceRoute => 5,
            Self::Prohibited => 13,
            Self::Other(code) => code,
        }
    }

    fn to_v6(self) -> Option<u8> {
        match self {
            Self::Network => Some(0),
            Self::Prohibited => Some(1),
            Self::Host => Some(3),
            Self::Port => Some(4),
            Self::Other(code) => Some(code),
            // IPv6 says both of these as a parameter problem.
            Self::Protocol | Self::SourceRoute => None,
        }
    }
}

/// The checksum of an ICMP message; ICMPv6 takes a pseudo-header into it (RFC 4443, section 2.3).
fn message_checksum(ip: &IpHeader, message: &[u8]) -> u16 {
    let mut sum = Checksum::new();
    if ip.protocol == Protocol::Icmpv6 {
        sum.add_pseudo_header(ip.src, ip.dst, ip.protocol.number(), message.len());
    }
    sum.add(message);
    sum.finish()
}

#[cfg(test)]
mod tests;
