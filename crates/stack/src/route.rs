//! Which way packets go.

use crate::demux::Tuple;
use hashbrown::HashMap;
use std::net::IpAddr;

/// The way that packets of a connection take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// They stay on the host.
    Loopback,
    /// They go onto this direction of a link.
    Link(usize),
}

/// A connection's ends and the way between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub(crate) tuple: Tuple,
    pub(crate) via: Via,
}

/// A host's own addresses, and its neighbours'.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    own: Vec<IpAddr>,
    neighbours: HashMap<IpAddr, usize>,
    default: Option<usize>,
}

impl Routes {
    pub(crate) fn new(own: Vec<IpAddr>) -> Self {
        Self { own, ..Self::default() }
    }

    /// `address` is at the other end of `link`. The first link to an address is taken.
    pub(crate) fn add(&mut self, address: IpAddr, link: usize) {
        self.neighbours.entry(address).or_insert(link);
    }

    /// What is nobody else's goes onto `link`.
    pub(crate) fn set_default(&mut self, link: usize) {
        self.default = Some(link);
    }

    /// Whether the host owns the address: 127.0.0.0/8, ::1, or one that it was given.
    pub(crate) fn is_own(&self, address: IpAddr) -> bool {
        address.is_loopback() || self.own.contains(&address)
    }

    /// The way to an address; `None` if there is none.
    pub(crate) fn via(&self, address: IpAddr) -> Option<Via> {
        if self.is_own(address) {
            return Some(Via::Loopback);
        }
        self.neighbours.get(&address).copied().or(self.default).map(Via::Link)
    }

    /// The address that a connection to `remote` has at this end if its program does not say: `remote` itself on the host, 127.0.0.1
    /// for all of 127.0.0.0/8; else the address of ours that has most leading bits in common with it.
    pub(crate) fn source(&self, remote: IpAddr) -> Option<IpAddr> {
        if remote.is_loopback() {
            return Some(loopback(remote));
        }
        if self.is_own(remote) {
            return Some(remote);
        }
        // Of equals the first: `max_by_key` would take the last.
        let same_family = self.own.iter().rev().filter(|own| own.is_ipv4() == remote.is_ipv4());
        same_family.max_by_key(|own| common_bits(**own, remote)).copied()
    }
}

/// 127.0.0.1 or ::1, of the family of `like`.
pub(crate) const fn loopback(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    }
}

/// Whether one host, and not many, can have the address (MUST-46, MUST-57, MUST-63).
pub(crate) fn is_unicast(address: IpAddr) -> bool {
    !address.is_multicast()
        && !address.is_unspecified()
        && match address {
            IpAddr::V4(v4) => !v4.is_broadcast(),
            IpAddr::V6(v6) => v6.to_ipv4_mapped().is_none(),
        }
}

fn common_bits(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => 0,
    }
}

#[cfg(test)]
mod tests;
