//! The end of a process: its sockets are closed a few at a time, and its memory is freed in pieces, for who has much must not keep the others
//! waiting.

use super::Engine;
use crate::memory::PoolId;
use crate::table::{ClientId, Entry};
use sockeye_clock::Instant;

/// Sockets that are closed before others are served: each may have some megabytes to be given back.
const AT_ONCE: usize = 2;

/// The looks at who has hung up. A process that has ended is seen by the next one, and its ports are not free before.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    pub(crate) count: u64,
    /// A request waits for the next one.
    pub(crate) is_wanted: bool,
}

/// A process that has hung up.
#[derive(Debug)]
pub(super) struct Leaving {
    client: ClientId,
    /// Its sockets that are left, the next one last.
    tags: Vec<u64>,
    /// How much of its memory was freed: its arena, and how far.
    freed: (usize, u64),
}

impl Engine {
    /// A process has hung up: what it published counts, and it holds nothing any more but what it has a token of.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn client_gone(&mut self, now: Instant, client: ClientId) {
        self.begin_leaving(now, client);
        while self.leave_some(now) {}
        self.answer_hang_ups(now);
    }

    /// A process has hung up. [`leave_some`](Self::leave_some) does the rest, but for its listeners: nobody is let in by them any more.
    pub(crate) fn begin_leaving(&mut self, now: Instant, client: ClientId) {
        self.accept_all(now);
        let mut table = self.table.lock();
        // From now on nothing can be claimed in its name.
        let mut tied: Vec<u64> = table.drop_list(client).into_iter().collect();
        // What is played again is to end again in the same way.
        tied.sort_unstable();
        let is_listening = |tag: &u64| table.entry(*tag).is_some_and(Entry::is_listening);
        let (listeners, tags): (Vec<u64>, Vec<u64>) = tied.into_iter().partition(is_listening);
        drop(table);
        for tag in listeners {
            self.leave(now, tag, client);
        }
        self.leaving.push_back(Leaving { client, tags, freed: (0, 0) });
        self.settle(now);
    }

    /// Closes some sockets of processes that have hung up, or frees some of their memory. Whether there was anything to do.
    pub(crate) fn leave_some(&mut self, now: Instant) -> bool {
        if self.close_some(now) {
            return true;
        }
        let Some(first) = self.leaving.front_mut() else { return false };
        let client = first.client;
        if self.table.lock().memory.forget_some(PoolId(client.0), &mut first.freed) {
            return true;
        }
        self.leaving.pop_front();
        self.table.lock().memory.client_gone(PoolId(client.0));
        self.to_mend = 0..self.tokens.places();
        self.close_hung_up(now);
        true
    }

    fn close_some(&mut self, now: Instant) -> bool {
        let Some(leaving) = self.leaving.iter_mut().find(|leaving| !leaving.tags.is_empty()) else {
            return false;
        };
        let (client, from) = (leaving.client, leaving.tags.len().saturating_sub(AT_ONCE));
        for tag in leaving.tags.split_off(from) {
            self.leave(now, tag, client);
        }
        self.settle(now);
        true
    }

    /// Whether sockets of processes that have hung up are left.
    pub(crate) fn is_leaving(&self) -> bool {
        !self.leaving.is_empty()
    }

    /// Whether some of them are not closed yet.
    pub(super) fn is_closing(&self) -> bool {
        self.leaving.iter().any(|leaving| !leaving.tags.is_empty())
    }

    fn leave(&mut self, now: Instant, tag: u64, client: ClientId) {
        self.look_at(now, tag);
        self.table.lock().lingered(tag, client);
        self.mend_token(tag);
        self.forget(now, tag, client);
    }
}

#[cfg(test)]
mod tests;
