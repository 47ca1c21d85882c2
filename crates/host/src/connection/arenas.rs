//! The arenas that a process has mapped: its own, and those of others whose sockets it was given.

use sockeye_buffer::Arena;
use std::collections::HashMap;

/// So many that no socket needs may stay mapped: the next socket is likely to be in one of them.
const SPARE: usize = 8;

/// Arenas by number.
#[derive(Debug)]
pub(super) struct Arenas {
    mapped: HashMap<u64, Arena>,
    /// How many there may be before one looks which are not needed. Twice those that were, so that looking costs little.
    most: usize,
}

impl Default for Arenas {
    fn default() -> Self {
        Self { mapped: HashMap::new(), most: SPARE }
    }
}

impl Arenas {
    pub(super) fn get(&self, number: u64) -> Option<Arena> {
        self.mapped.get(&number).cloned()
    }

    pub(super) fn add(&mut self, number: u64, arena: Arena) {
        self.mapped.insert(number, arena);
        if self.mapped.len() > self.most {
            // Whoever gets the new one is about to use it.
            self.unmap_unused_but(Some(number));
        }
    }

    /// Unmaps all in which there is no socket of this process.
    pub(super) fn unmap_unused(&mut self) {
        self.unmap_unused_but(None);
    }

    fn unmap_unused_but(&mut self, kept: Option<u64>) {
        self.mapped.retain(|&number, arena| Some(number) == kept || arena.is_in_use());
        self.most = self.mapped.len() * 2 + SPARE;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arena() -> Arena {
        Arena::on_heap(1, 4096, 4096).unwrap()
    }

    #[test]
    fn arenas_without_sockets_do_not_pile_up() {
        let mut arenas = Arenas::default();
        let used = arena();
        let slot = used.slot(0).unwrap();
        arenas.add(0, used);
        for number in 1..1000 {
            arenas.add(number, arena());
            assert!(arenas.get(number).is_some());
            assert!(arenas.mapped.len() <= SPARE + 4, "{}", arenas.mapped.len());
        }
        assert!(arenas.get(0).is_some(), "a socket needs it");
        drop(slot);
        arenas.unmap_unused();
        assert!(arenas.mapped.is_empty());
    }

    #[test]
    fn looking_for_what_is_not_needed_is_rare_where_all_are() {
        let mut arenas = Arenas::default();
        let mut slots = Vec::new();
        let mut looks = 0;
        for number in 0..1000 {
            let arena = arena();
            slots.push(arena.slot(0));
            let before = arenas.most;
            arenas.add(number, arena);
            looks += usize::from(arenas.most != before);
        }
        assert_eq!(arenas.mapped.len(), 1000);
        assert!(looks < 10, "{looks}");
    }
}
