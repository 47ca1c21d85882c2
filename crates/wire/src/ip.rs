//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::Range;

use crate::ParseError;
use crate::checksum::checksum;

/// Bytes of an IPv4 header without options.
pub const V4_HEADER_LEN: usize = 20;
/// Bytes of an IPv6 header without extension headers.
pub const V6_HEADER_LEN: usize = 40;

/// What an IP packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// TCP, 6.
    Tcp,
    /// ICMP for IPv4, 1.
    Icmp,
    /// ICMPv6, 58.
    Icmpv6,
    /// Anything else.
    Other(u8),
}

impl Protocol {
    /// The number in the protocol or next header field.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Icmp => 1,
            Self::Icmpv6 => 58,
            Self::Other(number) => number,
        }
    }
}

impl From<u8> for Protocol {
    fn from(number: u8) -> Self {
        match number {
            6 => Self::Tcp,
            1 => Self::Icmp,
            58 => Self::Icmpv6,
            number => Self::Other(number),
        }
    }
}

/// The fields of an IPv4 or IPv6 header that a host uses. Both addresses are of the same family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpHeader {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// What is carried.
    pub protocol: Protocol,
    /// Time to live or hop limit.
    pub hop_limit: u8,
    /// DSCP and ECN bits, as in the header's octet.
    pub traffic_class: u8,
    /// IPv4 identification; 0 for IPv6.
    pub ident: u16,
    /// IPv4 "don't fragment"; true for IPv6.
    pub dont_fragment: bool,
}

/// The codepoint of explicit congestion notification: the last two bits of [`IpHeader::traffic_class`] (RFC 3168, section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ecn {
    /// The transport does not know of it.
    #[default]
    NotEct = 0b00,
    /// ECT(1).
    Ect1 = 0b01,
    /// ECT(0).
    Ect0 = 0b10,
    /// Congestion experienced.
    Ce = 0b11,
}

impl Ecn {
    /// That of a traffic class or type of service.
    #[must_use]
    pub const fn of(traffic_class: u8) -> Self {
        match traffic_class & 0b11 {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The traffic class with this codepoint in place of its own.
    #[must_use]
    pub const fn within(self, traffic_class: u8) -> u8 {
        traffic_class & !0b11 | self as u8
    }
}

/// Marks a packet that says it may be marked: ECT(0) or ECT(1) becomes CE, and an IPv4 header's checksum follows. Says whether the
/// packet has the mark now; if not, a queue that is too long drops it.
pub fn mark_congestion(packet: &mut [u8]) -> bool {
    let traffic_class = match &*packet {
        [first, second, ..] if first >> 4 == 4 => *second,
        [first, second, ..] if first >> 4 == 6 => first << 4 | second >> 4,
        _ => return false,
    };
    match Ecn::of(traffic_class) {
        Ecn::NotEct => return false,
        Ecn::Ce => return true,
        Ecn::Ect0 | Ecn::Ect1 => {}
    }
    if packet[0] >> 4 == 6 {
        packet[1] |= Ecn::Ce.within(0) << 4;
        return true;
    }
    let Some(header) = packet.get_mut(..V4_HEADER_LEN) else { return false };
    let before = u16::from_be_bytes([header[0], header[1]]);
    header[1] |= Ecn::Ce.within(0);
    let after = u16::from_be_bytes([header[0], header[1]]);
    // RFC 1624, equation 3.
    let sum =
        u32::from(!u16::from_be_bytes([header[10], header[11]])) + u32::from(!before) + u32::from(after);
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    header[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    true
}

/// How much of a packet there has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// All of it, as it arrives from a link.
    Whole,
    /// Its beginning, as it is quoted in an ICMP error: by then its length and checksum may be wrong.
    Quoted,
}

// There is no packet without a header, so there is nothing that `is_empty` could say.
#[allow(clippy::len_without_is_empty)]
impl IpHeader {
    /// Parses the header at the start of `packet`, verifies an IPv4 header checksum, skips IPv4 options (MUST-50) and
    /// IPv6 extension headers, and returns it with the range of the payload in `packet`.
    ///
    /// # Errors
    /// Any [`ParseError`].
    pub fn parse(packet: &[u8]) -> Result<(Self, Range<usize>), ParseError> {
        parse(packet, Extent::Whole)
    }

    /// Parses a header as an ICMP error quotes it: with the bytes that follow cut off anywhere, and with a
    /// checksum that is not looked at. The range is what there is of the payload.
    ///
    /// # Errors
    /// Any [`ParseError`] but `Checksum` and `PacketLength`.
    pub fn parse_quoted(quote: &[u8]) -> Result<(Self, Range<usize>), ParseError> {
        parse(quote, Extent::Quoted)
    }

    /// Length of the header that [`emit`](Self::emit) writes: 20 or 40 bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.src.is_ipv4() && self.dst.is_ipv4() { V4_HEADER_LEN } else { V6_HEADER_LEN }
    }

    /// Writes the header for `payload` bytes of payload, checksum included, and returns its length.
    /// Panics if `out` is shorter than [`len`](Self::len). A packet is at most 65,535 bytes long in IPv4, and its
    /// payload in IPv6.
    pub fn emit(&self, payload: usize, out: &mut [u8]) -> usize {
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => self.emit_v4(src, dst, payload, out),
            (src, dst) => self.emit_v6(to_v6(src), to_v6(dst), payload, out),
        }
        self.len()
    }

    fn emit_v4(&self, src: Ipv4Addr, dst: Ipv4Addr, payload: usize, out: &mut [u8]) {
        debug_assert!(V4_HEADER_LEN + payload <= usize::from(u16::MAX));
        let header = &mut out[..V4_HEADER_LEN];
        header[0] = 0x45;
        header[1] = self.traffic_class;
        header[2..4].copy_from_slice(&saturate(V4_HEADER_LEN + payload).to_be_bytes());
        header[4..6].copy_from_slice(&self.ident.to_be_bytes());
        header[6] = if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        header[7] = 0;
        header[8] = self.hop_limit;
        header[9] = self.protocol.number();
        header[10..12].fill(0);
        header[12..16].copy_from_slice(&src.octets());
        header[16..20].copy_from_slice(&dst.octets());
        let sum = checksum(header);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
    }

    fn emit_v6(&self, src: Ipv6Addr, dst: Ipv6Addr, payload: usize, out: &mut [u8]) {
        debug_assert!(payload <= usize::from(u16::MAX));
        let header = &mut out[..V6_HEADER_LEN];
        let first = 6 << 28 | u32::from(self.traffic_class) << 20;
        header[0..4].copy_from_slice(&first.to_be_bytes());
        header[4..6].copy_from_slice(&saturate(payload).to_be_bytes());
        header[6] = self.protocol.number();
        header[7] = self.hop_limit;
        header[8..24].copy_from_slice(&src.octets());
        header[24..40].copy_from_slice(&dst.octets());
    }
}

/// Writes a flow label (RFC 6437; its low 20 bits count) into an IPv6 packet. An IPv4 packet has none and stays as it is.
pub fn set_flow_label(packet: &mut [u8], label: u32) {
    if let Some(first) = packet.first_chunk_mut::<4>()
        && first[0] >> 4 == 6
    {
        let word = u32::from_be_bytes(*first) & 0xfff0_0000 | label & 0x000f_ffff;
        *first = word.to_be_bytes();
    }
}

/// The flow label of an IPv6 packet; 0 for any other.
#[must_use]
pub fn flow_label(packet: &[u8]) -> u32 {
    match packet.first_chunk::<4>() {
        Some(first) if first[0] >> 4 == 6 => u32::from_be_bytes(*first) & 0x000f_ffff,
        Some(_) | None => 0,
    }
}

/// The "don't fragment" bit in its octet.
const DONT_FRAGMENT: u8 = 0x40;

/// A length field cannot say more than this; a caller who asks for more gets a packet that its receiver refuses.
fn saturate(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

fn to_v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn parse(packet: &[u8], extent: Extent) -> Result<(IpHeader, Range<usize>), ParseError> {
    let first = packet.first().ok_or(ParseError::Truncated)?;
    match first >> 4 {
        4 => parse_v4(packet, extent),
        6 => parse_v6(packet, extent),
        _ => Err(ParseError::Version),
    }
}

fn parse_v4(packet: &[u8], extent: Extent) -> Result<(IpHeader, Range<usize>), ParseError> {
    let fixed = packet.first_chunk::<V4_HEADER_LEN>().ok_or(ParseError::Truncated)?;
    let header_len = usize::from(fixed[0] & 0x0f) * 4;
    if header_len < V4_HEADER_LEN || header_len > packet.len() {
        return Err(ParseError::HeaderLength);
    }
    let total = match extent {
        Extent::Whole => usize::from(be16(fixed, 2)),
        Extent::Quoted => packet.len().min(usize::from(be16(fixed, 2)).max(header_len)),
    };
    if total < header_len || total > packet.len() {
        return Err(ParseError::PacketLength);
    }
    if extent == Extent::Whole && checksum(&packet[..header_len]) != 0 {
        return Err(ParseError::Checksum);
    }
    let fragment = be16(fixed, 6);
    // A quote of a first fragment still begins with the ports.
    let refused = match extent {
        Extent::Whole => fragment & 0x3fff,
        Extent::Quoted => fragment & 0x1fff,
    };
    if refused != 0 {
        return Err(ParseError::Fragment);
    }
    let header = IpHeader {
        src: IpAddr::V4(Ipv4Addr::from_octets([fixed[12], fixed[13], fixed[14], fixed[15]])),
        dst: IpAddr::V4(Ipv4Addr::from_octets([fixed[16], fixed[17], fixed[18], fixed[19]])),
        protocol: Protocol::from(fixed[9]),
        hop_limit: fixed[8],
        traffic_class: fixed[1],
        ident: be16(fixed, 4),
        dont_fragment: fixed[6] & DONT_FRAGMENT != 0,
    };
    Ok((header, header_len..total))
}

fn parse_v6(packet: &[u8], extent: Extent) -> Result<(IpHeader, Range<usize>), ParseError> {
    let fixed = packet.first_chunk::<V6_HEADER_LEN>().ok_or(ParseError::Truncated)?;
    let end = V6_HEADER_LEN + usize::from(be16(fixed, 4));
    let end = match extent {
        Extent::Whole if end > packet.len() => return Err(ParseError::PacketLength),
        Extent::Whole => end,
        Extent::Quoted => end.min(packet.len()),
    };
    let (protocol, start) = skip_extensions(&packet[..end], fixed[6], extent)?;
    let header = IpHeader {
        src: IpAddr::V6(address_at(fixed, 8)),
        dst: IpAddr::V6(address_at(fixed, 24)),
        protocol: Protocol::from(protocol),
        hop_limit: fixed[7],
        traffic_class: fixed[0] << 4 | fixed[1] >> 4,
        ident: 0,
        dont_fragment: true,
    };
    Ok((header, start..end))
}

/// Next header numbers of the extension headers (RFC 8200, section 4; RFC 4302; RFC 7045).
mod extension {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const AUTHENTICATION: u8 = 51;
    pub const DESTINATION: u8 = 60;
    pub const MOBILITY: u8 = 135;
    pub const HIP: u8 = 139;
    pub const SHIM6: u8 = 140;
}

/// Walks over the extension headers behind the fixed header. Returns what they carry, and where it begins.
fn skip_extensions(packet: &[u8], first: u8, extent: Extent) -> Result<(u8, usize), ParseError> {
    let mut next = first;
    let mut at = V6_HEADER_LEN;
    loop {
        let unit = match next {
            extension::HOP_BY_HOP | extension::ROUTING | extension::DESTINATION => 8,
            extension::FRAGMENT | extension::MOBILITY | extension::HIP | extension::SHIM6 => 8,
            extension::AUTHENTICATION => 4,
            _ => return Ok((next, at)),
        };
        let start = packet[at..].first_chunk::<8>().ok_or(ParseError::Truncated)?;
        let len = match next {
            extension::FRAGMENT => 8,
            extension::AUTHENTICATION => (usize::from(start[1]) + 2) * unit,
            _ => (usize::from(start[1]) + 1) * unit,
        };
        // An authentication header may claim to be shorter than the eight bytes that were looked at.
        let body = packet.get(at..at + len.max(8)).ok_or(ParseError::HeaderLength)?;
        if extent == Extent::Whole {
            check_extension(next, body)?;
        } else if next == extension::FRAGMENT && be16(body, 2) & 0xfff8 != 0 {
            return Err(ParseError::Fragment);
        }
        next = start[0];
        at += len.max(8);
    }
}

/// Refuses what a host must not take for itself or whole.
fn check_extension(kind: u8, body: &[u8]) -> Result<(), ParseError> {
    match kind {
        // RFC 8200, section 4.5: a fragment at offset 0 without "more fragments" is a whole packet.
        extension::FRAGMENT if be16(body, 2) & 0xfff9 != 0 => Err(ParseError::Fragment),
        // RFC 8200, section 4.4: with segments left the packet is for someone else.
        extension::ROUTING if body[3] != 0 => Err(ParseError::Protocol),
        extension::HOP_BY_HOP | extension::DESTINATION => check_extension_options(&body[2..]),
        _ => Ok(()),
    }
}

/// RFC 8200, section 4.2: the two highest bits of the type of an option that is not understood say whether
/// to skip it (00) or to discard the packet.
fn check_extension_options(mut options: &[u8]) -> Result<(), ParseError> {
    const PAD1: u8 = 0;
    while let Some((&kind, rest)) = options.split_first() {
        if kind == PAD1 {
            options = rest;
            continue;
        }
        if kind & 0xc0 != 0 {
            return Err(ParseError::Protocol);
        }
        let (&len, rest) = rest.split_first().ok_or(ParseError::HeaderLength)?;
        options = rest.get(usize::from(len)..).ok_or(ParseError::HeaderLength)?;
    }
    Ok(())
}

/// What RFC 8200 has a host tell of an IPv6 packet that [`IpHeader::parse`] refused with `Protocol`: the code of a
/// Parameter Problem, and the place in the packet. `None` if it is to be discarded in silence.
#[must_use]
pub fn parameter_problem(packet: &[u8]) -> Option<(u8, u32)> {
    let fixed = packet.first_chunk::<V6_HEADER_LEN>().filter(|fixed| fixed[0] >> 4 == 6)?;
    let is_multicast = fixed[24] == 0xff;
    let (mut next, mut at) = (fixed[6], V6_HEADER_LEN);
    loop {
        let body = match next {
            extension::HOP_BY_HOP | extension::DESTINATION | extension::ROUTING => {
                let len = (usize::from(*packet.get(at + 1)?) + 1) * 8;
                packet.get(at..at + len)?
            }
            extension::FRAGMENT => packet.get(at..at + 8)?,
            _ => return None,
        };
        if next == extension::ROUTING && body[3] != 0 {
            // RFC 8200, section 4.4: code 0, at the routing type.
            return Some((0, u32::try_from(at + 2).ok()?));
        }
        if matches!(next, extension::HOP_BY_HOP | extension::DESTINATION)
            && let Some((option, action)) = unknown_option(body)
        {
            // RFC 8200, section 4.2: 01 is discarded in silence, 10 is told of, 11 unless it was to a multicast address.
            let is_told = action == 0b10 || (action == 0b11 && !is_multicast);
            return if is_told { Some((2, u32::try_from(at + option).ok()?)) } else { None };
        }
        next = body[0];
        at += body.len();
    }
}

/// The place of the octet that names what an IPv6 packet carries behind its extension headers (RFC 4443, section 3.4).
#[must_use]
pub fn next_header_at(packet: &[u8]) -> u32 {
    let (mut place, mut at) = (6, V6_HEADER_LEN);
    while let Some(next) = packet.get(place) {
        let len = match *next {
            extension::FRAGMENT => 8,
            extension::AUTHENTICATION => {
                packet.get(at + 1).map_or(0, |len| (usize::from(*len) + 2) * 4).max(8)
            }
            extension::HOP_BY_HOP
            | extension::ROUTING
            | extension::DESTINATION
            | extension::MOBILITY
            | extension::HIP
            | extension::SHIM6 => packet.get(at + 1).map_or(8, |len| (usize::from(*len) + 1) * 8),
            _ => break,
        };
        (place, at) = (at, at + len);
    }
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// The first option that may not be skipped: its place in the header, and what its type says to do.
fn unknown_option(header: &[u8]) -> Option<(usize, u8)> {
    let mut at = 2;
    loop {
        let kind = *header.get(at)?;
        match kind {
            0 => at += 1,
            kind if kind >> 6 != 0 => return Some((at, kind >> 6)),
            _ => at += 2 + usize::from(*header.get(at + 1)?),
        }
    }
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn address_at(fixed: &[u8; V6_HEADER_LEN], at: usize) -> Ipv6Addr {
    let mut octets = [0; 16];
    octets.copy_from_slice(&fixed[at..at + 16]);
    Ipv6Addr::from_octets(octets)
}

#[cfg(test)]
mod tests;
