//! Which connection a segment belongs to.

use crate::keyed::Keyed;
use crate::spare::shrink_map;
use hashbrown::HashMap;
use std::net::SocketAddr;

/// The two ends of a connection, seen from one of them. An IPv4 address is never written as an IPv6 one here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Tuple {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
}

impl Tuple {
    pub(crate) const fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { local, remote }
    }

    /// Whether both are the same connection, seen from its two ends.
    pub(crate) fn is_reverse_of(&self, other: &Self) -> bool {
        self.local == other.remote && self.remote == other.local
    }

    /// The same connection, seen from the other end.
    pub(crate) const fn reversed(self) -> Self {
        Self { local: self.remote, remote: self.local }
    }
}

/// What a tuple leads to, and what a timer is for: an index into one of the network's slabs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A socket with a connection, or one that tries to connect.
    Socket(u32),
    /// A passive handshake.
    Embryo(u32),
    /// A connection in TIME-WAIT.
    TimeWait(u32),
}

/// Connections for which memory is kept.
const KEPT: usize = 4096;

/// The connections of one host, found in O(1).
#[derive(Debug)]
pub(crate) struct Demux {
    owners: HashMap<Tuple, Owner, Keyed>,
}

impl Demux {
    pub(crate) const fn new(key: Keyed) -> Self {
        Self { owners: HashMap::with_hasher(key) }
    }

    pub(crate) fn find(&self, tuple: &Tuple) -> Option<Owner> {
        self.owners.get(tuple).copied()
    }

    pub(crate) fn insert(&mut self, tuple: Tuple, owner: Owner) {
        self.owners.insert(tuple, owner);
    }

    pub(crate) fn give_memory_back(&mut self) {
        shrink_map(&mut self.owners);
    }

    /// Removes the entry if it still leads to `owner`.
    pub(crate) fn remove(&mut self, tuple: &Tuple, owner: Owner) {
        if self.find(tuple) == Some(owner) {
            self.owners.remove(tuple);
            let (len, capacity) = (self.owners.len(), self.owners.capacity());
            if capacity > KEPT && len < capacity / 8 {
                self.owners.shrink_to(len * 2);
            }
        }
    }
}
