//! Memory that many sockets needed, and that few do not.

use crate::Network;
use hashbrown::HashMap;
use slab::Slab;
use std::collections::VecDeque;
use std::hash::{BuildHasher, Hash};

/// Room that is kept in any case, bytes.
const KEPT: usize = 16 * 1024;
/// More room than so many times what is used is too much.
const SPARE: usize = 4;

impl Network {
    /// Whether there are many fewer sockets than there were: [`give_memory_back`](Self::give_memory_back) is likely to find some.
    #[must_use]
    pub fn has_spare_memory(&self) -> bool {
        has_spare(&self.sockets) || has_spare(&self.embryos) || has_spare(&self.time_waits)
    }

    /// Gives memory back to the allocator that was needed while there were many more sockets than now.
    pub fn give_memory_back(&mut self) {
        shrink_slab(&mut self.sockets);
        shrink_slab(&mut self.embryos);
        shrink_slab(&mut self.time_waits);
        shrink_queue(&mut self.owing);
        shrink_queue(&mut self.bulk);
        shrink_queue(&mut self.replies);
        shrink_queue(&mut self.events);
        for host in &mut self.hosts {
            host.demux.give_memory_back();
            host.ports.give_memory_back();
        }
    }
}

fn has_spare<T>(slab: &Slab<T>) -> bool {
    is_too_much::<T>(slab.capacity(), slab.len())
}

fn is_too_much<T>(room: usize, used: usize) -> bool {
    room > used.saturating_mul(SPARE) && room.saturating_mul(size_of::<T>()) > KEPT
}

/// What lies behind the last entry goes; who has a place keeps it.
fn shrink_slab<T>(slab: &mut Slab<T>) {
    if has_spare(slab) {
        slab.shrink_to_fit();
    }
}

fn shrink_queue<T>(queue: &mut VecDeque<T>) {
    if is_too_much::<T>(queue.capacity(), queue.len()) {
        queue.shrink_to_fit();
    }
}

pub(crate) fn shrink_map<K: Eq + Hash, V, S: BuildHasher>(map: &mut HashMap<K, V, S>) {
    if is_too_much::<(K, V)>(map.capacity(), map.len()) {
        map.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests;
