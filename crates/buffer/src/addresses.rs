//! The addresses of a connection, which the engine tells once and programs ask for often.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use crate::sequence;
use crate::sync::{AtomicU32, AtomicU64};

/// Words of one address: its kind and port, the flow information and the scope, and twice half of the IP address.
pub(crate) const WORDS: usize = 4;
const V4: u64 = 4 << 16;
const V6: u64 = 6 << 16;
/// Times that a reader looks before it leaves it: the engine is done at once, unless its thread lost its processor, or a program has
/// written here.
const LOOKS: usize = 64;

/// Both addresses, under a sequence lock.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct AddressLine {
    /// Odd while the engine writes.
    sequence: AtomicU32,
    /// The local address, and the peer's.
    words: [AtomicU64; 2 * WORDS],
}

impl AddressLine {
    /// The engine's: this is what programs find from now on.
    pub fn tell(&self, local: SocketAddr, peer: SocketAddr) {
        let ([a, b, c, d], [e, f, g, h]) = (encode(local), encode(peer));
        sequence::write(&self.sequence, &self.words, [a, b, c, d, e, f, g, h]);
    }

    /// The engine's: there is no connection.
    pub fn forget(&self) {
        sequence::write(&self.sequence, &self.words, [0; 2 * WORDS]);
    }

    /// The local address and the peer's; `None` if the engine has told none, or is just telling them.
    #[must_use]
    pub fn get(&self) -> Option<(SocketAddr, SocketAddr)> {
        let [a, b, c, d, e, f, g, h] =
            (0..LOOKS).find_map(|_| sequence::read(&self.sequence, &self.words))?;
        Some((decode([a, b, c, d])?, decode([e, f, g, h])?))
    }
}

pub(crate) fn encode(address: SocketAddr) -> [u64; WORDS] {
    let port = u64::from(address.port());
    match address {
        SocketAddr::V4(address) => [V4 | port, 0, 0, u64::from(address.ip().to_bits())],
        SocketAddr::V6(address) => {
            let ip = address.ip().to_bits();
            let more = u64::from(address.flowinfo()) << 32 | u64::from(address.scope_id());
            [V6 | port, more, (ip >> 64) as u64, ip as u64]
        }
    }
}

pub(crate) fn decode([kind, more, high, low]: [u64; WORDS]) -> Option<SocketAddr> {
    let port = kind as u16;
    match kind & !u64::from(u16::MAX) {
        V4 => Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(low as u32)), port)),
        V6 => {
            let ip = Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low));
            Some(SocketAddrV6::new(ip, port, (more >> 32) as u32, more as u32).into())
        }
        _ => None,
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
