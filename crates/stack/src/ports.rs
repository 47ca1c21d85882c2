//! Ports: who may bind where, which listener a SYN is for, and ephemeral ports.
//!
//! | wanted / there | bound | listening | connection, TIME-WAIT |
//! |---|---|---|---|
//! | without SO_REUSEADDR | conflict | conflict | conflict |
//! | SO_REUSEADDR on both | shared | conflict | shared |
//! | SO_REUSEPORT on both | shared | shared | shared |
//!
//! All of it only where the addresses overlap.

use crate::keyed::Keyed;
use crate::spare::shrink_map;
use hashbrown::HashMap;
use std::net::IpAddr;

/// The local addresses that a socket is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// 0.0.0.0.
    Any4,
    /// :: with IPV6_V6ONLY.
    Any6,
    /// :: without: IPv4 too.
    AnyBoth,
    /// One address.
    One(IpAddr),
}

impl Scope {
    pub(crate) fn covers(self, address: IpAddr) -> bool {
        match self {
            Self::Any4 => address.is_ipv4(),
            Self::Any6 => address.is_ipv6(),
            Self::AnyBoth => true,
            Self::One(one) => one == address,
        }
    }

    fn overlaps(self, other: Self) -> bool {
        match (self, other) {
            (Self::One(address), scope) | (scope, Self::One(address)) => scope.covers(address),
            (Self::AnyBoth, _) | (_, Self::AnyBoth) => true,
            (Self::Any4, Self::Any4) | (Self::Any6, Self::Any6) => true,
            (Self::Any4, Self::Any6) | (Self::Any6, Self::Any4) => false,
        }
    }

    /// How exactly it names an address: who is more exact is preferred.
    const fn rank(self) -> u8 {
        match self {
            Self::One(_) => 2,
            Self::Any4 | Self::Any6 => 1,
            Self::AnyBoth => 0,
        }
    }
}

/// What a socket or a connection holds of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    pub(crate) scope: Scope,
    /// SO_REUSEADDR.
    pub(crate) reuse_address: bool,
    /// SO_REUSEPORT.
    pub(crate) reuse_port: bool,
}

impl Claim {
    /// Linux's `inet_csk_bind_conflict`.
    fn conflicts(&self, there: &Self, is_listening: bool) -> bool {
        let may_share = (self.reuse_address && there.reuse_address && !is_listening)
            || (self.reuse_port && there.reuse_port);
        !may_share && self.scope.overlaps(there.scope)
    }
}

#[derive(Debug)]
struct Bound {
    socket: u32,
    claim: Claim,
    is_listening: bool,
}

#[derive(Debug, Default)]
struct Port {
    /// Sockets that are bound and not connected: few.
    bound: Vec<Bound>,
    /// Connections, perhaps many, so only how many of each claim.
    connections: Vec<(Claim, usize)>,
}

/// The ports of one host.
#[derive(Debug)]
pub(crate) struct Ports {
    ports: HashMap<u16, Port, Keyed>,
    first: u16,
    last: u16,
}

impl Ports {
    /// `range`: the first and the last ephemeral port.
    pub(crate) const fn new(key: Keyed, range: (u16, u16)) -> Self {
        Self { ports: HashMap::with_hasher(key), first: range.0, last: range.1 }
    }

    pub(crate) fn give_memory_back(&mut self) {
        shrink_map(&mut self.ports);
    }

    /// The first and the last ephemeral port from now on.
    pub(crate) const fn set_range(&mut self, range: (u16, u16)) {
        (self.first, self.last) = range;
    }

    /// Whether `socket` may not bind or listen with this claim.
    pub(crate) fn is_taken(&self, port: u16, claim: &Claim, socket: u32) -> bool {
        self.ports.get(&port).is_some_and(|port| {
            port.bound
                .iter()
                .any(|there| there.socket != socket && claim.conflicts(&there.claim, there.is_listening))
                || port.connections.iter().any(|(there, _)| claim.conflicts(there, false))
        })
    }

    /// Whether nobody at all holds the port where `scope` overlaps.
    pub(crate) fn is_unused(&self, port: u16, scope: Scope) -> bool {
        self.ports.get(&port).is_none_or(|port| {
            !port.bound.iter().any(|there| scope.overlaps(there.claim.scope))
                && !port.connections.iter().any(|(there, _)| scope.overlaps(there.scope))
        })
    }

    /// Whether a socket that is bound and not connected holds the port where `scope` overlaps.
    pub(crate) fn is_bound(&self, port: u16, scope: Scope) -> bool {
        self.ports
            .get(&port)
            .is_some_and(|port| port.bound.iter().any(|there| scope.overlaps(there.claim.scope)))
    }

    /// `socket` is bound to the port, or what it claims changed.
    pub(crate) fn bind(&mut self, port: u16, socket: u32, claim: Claim) {
        let port = self.ports.entry(port).or_default();
        match port.bound.iter_mut().find(|there| there.socket == socket) {
            Some(there) => there.claim = claim,
            None => port.bound.push(Bound { socket, claim, is_listening: false }),
        }
    }

    /// `socket` listens, or stops to.
    pub(crate) fn set_listening(&mut self, port: u16, socket: u32, is_listening: bool) {
        let bound = self.ports.get_mut(&port).map(|port| &mut port.bound);
        if let Some(there) = bound.and_then(|bound| bound.iter_mut().find(|there| there.socket == socket)) {
            there.is_listening = is_listening;
        }
    }

    /// `socket` is not bound any more.
    pub(crate) fn unbind(&mut self, port: u16, socket: u32) {
        if let Some(there) = self.ports.get_mut(&port) {
            there.bound.retain(|there| there.socket != socket);
        }
        self.forget_if_unused(port);
    }

    /// A connection uses the port.
    pub(crate) fn add_connection(&mut self, port: u16, claim: Claim) {
        let connections = &mut self.ports.entry(port).or_default().connections;
        match connections.iter_mut().find(|(there, _)| *there == claim) {
            Some((_, count)) => *count += 1,
            None => connections.push((claim, 1)),
        }
    }

    /// A connection uses the port no more.
    pub(crate) fn remove_connection(&mut self, port: u16, claim: Claim) {
        if let Some(there) = self.ports.get_mut(&port) {
            if let Some((_, count)) = there.connections.iter_mut().find(|(there, _)| *there == claim) {
                *count = count.saturating_sub(1);
            }
            there.connections.retain(|(_, count)| *count != 0);
        }
        self.forget_if_unused(port);
    }

    fn forget_if_unused(&mut self, port: u16) {
        if self.ports.get(&port).is_some_and(|port| port.bound.is_empty() && port.connections.is_empty()) {
            self.ports.remove(&port);
        }
    }

    /// The listener for a SYN to this address: the one bound most exactly; of equals (SO_REUSEPORT) `choice` takes one.
    pub(crate) fn listener(&self, port: u16, address: IpAddr, choice: u64) -> Option<u32> {
        let fits = |there: &&Bound| there.is_listening && there.claim.scope.covers(address);
        let bound = &self.ports.get(&port)?.bound;
        let rank = bound.iter().filter(fits).map(|there| there.claim.scope.rank()).max()?;
        let best = || bound.iter().filter(fits).filter(|there| there.claim.scope.rank() == rank);
        let index = choice % best().count() as u64;
        best().nth(index as usize).map(|there| there.socket)
    }

    /// The host's ephemeral ports, as far as a socket with IP_LOCAL_PORT_RANGE `own` (0 for an end that it leaves) wants them; all of them
    /// if it wants none, as Linux.
    fn range(&self, own: (u16, u16)) -> (u16, u16) {
        let first = if own.0 == 0 { self.first } else { self.first.max(own.0) };
        let last = if own.1 == 0 { self.last } else { self.last.min(own.1) };
        if first <= last { (first, last) } else { (self.first, self.last.max(self.first)) }
    }

    /// The first ephemeral port that `is_free`, beginning at the place `start` of the circle of them (RFC 6056, section 3.3), and how
    /// many were tried.
    pub(crate) fn ephemeral(
        &self,
        own: (u16, u16),
        start: u64,
        is_free: impl Fn(u16) -> bool,
    ) -> Option<(u16, u32)> {
        let (first, last) = self.range(own);
        let count = u32::from(last - first) + 1;
        (0..count).find_map(|tried| {
            let place = start.wrapping_add(u64::from(tried)) % u64::from(count);
            let port = first.saturating_add(place as u16);
            is_free(port).then_some((port, tried + 1))
        })
    }
}

/// The double-hash choice of ports for connections: RFC 6056, section 3.3.4.
#[derive(Debug)]
pub(crate) struct PortChoice {
    offset: Keyed,
    index: Keyed,
    table: [u64; 64],
}

impl PortChoice {
    pub(crate) const fn new(offset: Keyed, index: Keyed) -> Self {
        Self { offset, index, table: [0; 64] }
    }

    /// Where the search begins for a connection between these addresses.
    pub(crate) fn start(&self, ends: &(IpAddr, std::net::SocketAddr)) -> u64 {
        self.offset.secret_of(ends).wrapping_add(self.table[self.cell(ends)])
    }

    /// The search tried that many ports.
    pub(crate) fn advance(&mut self, ends: &(IpAddr, std::net::SocketAddr), tried: u32) {
        let cell = self.cell(ends);
        self.table[cell] = self.table[cell].wrapping_add(u64::from(tried));
    }

    fn cell(&self, ends: &(IpAddr, std::net::SocketAddr)) -> usize {
        self.index.secret_of(ends) as usize % self.table.len()
    }
}

#[cfg(test)]
mod tests;
