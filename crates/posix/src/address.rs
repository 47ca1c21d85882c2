//! Socket addresses as bytes: `struct sockaddr_in` and `struct sockaddr_in6`.

use crate::Errno;
use sockeye_stack::Family;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// `sizeof(struct sockaddr_in)`.
pub const V4_LENGTH: usize = 16;
/// `sizeof(struct sockaddr_in6)`.
pub const V6_LENGTH: usize = 28;
/// What RFC 2133 called so, without the scope; Linux accepts it.
pub const V6_SHORT_LENGTH: usize = 24;
/// `sizeof(struct sockaddr_storage)`.
pub const MAX_LENGTH: usize = 128;

/// What an address is to be used for: Linux has different rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// `AF_UNSPEC` with the wildcard means `AF_INET`.
    Bind,
    /// `AF_UNSPEC` would dissolve a connection, which is not offered.
    Connect,
}

/// Reads an address for a socket of `family`.
///
/// # Errors
/// EINVAL if it is too short or too long, EAFNOSUPPORT if it is of another family.
pub fn parse(bytes: &[u8], family: Family, usage: Use) -> Result<SocketAddr, Errno> {
    if bytes.len() > MAX_LENGTH || bytes.len() < 2 {
        return Err(Errno::INVAL);
    }
    let stated = i32::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
    if usage == Use::Connect && stated == libc::AF_UNSPEC {
        return Err(Errno::AFNOSUPPORT);
    }
    match family {
        Family::V4 => parse_v4(bytes, stated, usage),
        Family::V6 => parse_v6(bytes, stated),
    }
}

/// Whether it names no family (`AF_UNSPEC`).
#[must_use]
pub fn is_unspecified_family(bytes: &[u8]) -> bool {
    array::<2>(bytes, 0).is_some_and(|family| i32::from(u16::from_ne_bytes(family)) == libc::AF_UNSPEC)
}

fn parse_v4(bytes: &[u8], stated: i32, usage: Use) -> Result<SocketAddr, Errno> {
    let (Some(port), Some(address)) = (array::<2>(bytes, 2), array::<4>(bytes, 4)) else {
        return Err(Errno::INVAL);
    };
    if bytes.len() < V4_LENGTH {
        return Err(Errno::INVAL);
    }
    let address = Ipv4Addr::from(address);
    let is_any = usage == Use::Bind && stated == libc::AF_UNSPEC && address.is_unspecified();
    if stated != libc::AF_INET && !is_any {
        return Err(Errno::AFNOSUPPORT);
    }
    Ok(SocketAddr::new(IpAddr::V4(address), u16::from_be_bytes(port)))
}

fn parse_v6(bytes: &[u8], stated: i32) -> Result<SocketAddr, Errno> {
    if bytes.len() < V6_SHORT_LENGTH {
        return Err(Errno::INVAL);
    }
    if stated != libc::AF_INET6 {
        return Err(Errno::AFNOSUPPORT);
    }
    let (Some(port), Some(flow), Some(address)) =
        (array::<2>(bytes, 2), array::<4>(bytes, 4), array::<16>(bytes, 8))
    else {
        return Err(Errno::INVAL);
    };
    let scope = array::<4>(bytes, V6_SHORT_LENGTH).map_or(0, u32::from_ne_bytes);
    let address = Ipv6Addr::from(address);
    Ok(SocketAddr::V6(SocketAddrV6::new(address, u16::from_be_bytes(port), u32::from_be_bytes(flow), scope)))
}

/// An address as a C structure.
#[derive(Clone, Copy, Debug)]
pub struct Structure {
    bytes: [u8; V6_LENGTH],
    length: usize,
}

impl Structure {
    /// The structure for a socket of `family`: an IPv4 address is shown to an IPv6 socket as a mapped one.
    #[must_use]
    pub fn new(address: SocketAddr, family: Family) -> Self {
        match (address, family) {
            (SocketAddr::V4(v4), Family::V4) => Self::v4(*v4.ip(), v4.port()),
            (SocketAddr::V4(v4), Family::V6) => {
                Self::v6(&SocketAddrV6::new(v4.ip().to_ipv6_mapped(), v4.port(), 0, 0))
            }
            (SocketAddr::V6(v6), _) => Self::v6(&v6),
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn v4(address: Ipv4Addr, port: u16) -> Self {
        let mut bytes = [0; V6_LENGTH];
        bytes[..2].copy_from_slice(&family_bytes(libc::AF_INET));
        bytes[2..4].copy_from_slice(&port.to_be_bytes());
        bytes[4..8].copy_from_slice(&address.octets());
        Self { bytes, length: V4_LENGTH }
    }

    fn v6(address: &SocketAddrV6) -> Self {
        let mut bytes = [0; V6_LENGTH];
        bytes[..2].copy_from_slice(&family_bytes(libc::AF_INET6));
        bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
        bytes[4..8].copy_from_slice(&address.flowinfo().to_be_bytes());
        bytes[8..24].copy_from_slice(&address.ip().octets());
        bytes[24..28].copy_from_slice(&address.scope_id().to_ne_bytes());
        Self { bytes, length: V6_LENGTH }
    }
}

fn family_bytes(family: i32) -> [u8; 2] {
    u16::try_from(family).unwrap_or(0).to_ne_bytes()
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests;
