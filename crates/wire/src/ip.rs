//! IPv4 (RFC 791) and IPv6 (RFC 8200) headers.

use core::net::IpAddr;
use core::ops::Range;

use crate::ParseError;

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

impl IpHeader {
    /// Parses the header at the start of `packet`, verifies an IPv4 header checksum, skips IPv4 options and
    /// IPv6 extension headers, and returns it with the range of the payload in `packet`.
    ///
    /// # Errors
    /// Any [`ParseError`].
    pub fn parse(packet: &[u8]) -> Result<(Self, Range<usize>), ParseError> {
        let _ = packet;
        unimplemented!()
    }

    /// Length of the header that [`emit`](Self::emit) writes: 20 or 40 bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        if self.dst.is_ipv4() { 20 } else { 40 }
    }

    /// Writes the header for `payload` bytes of payload, checksum included, and returns its length.
    pub fn emit(&self, payload: usize, out: &mut [u8]) -> usize {
        let _ = (payload, out);
        unimplemented!()
    }
}
