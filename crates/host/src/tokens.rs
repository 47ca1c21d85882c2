//! The tokens of an engine: which socket each is of. A token is of none until the process that asked for it has received it.

use crate::engine::Storage;
use crate::quota::Quota;
use crate::table::{ClientId, Generations};
use crate::token::{self, EngineEnd, Name};
use sockeye_stack::Error;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::fd::{BorrowedFd, OwnedFd};

/// All tokens that an engine has made and that are in use.
#[derive(Debug)]
pub(crate) struct Tokens {
    storage: Storage,
    quota: Quota,
    made: slab::Slab<Made>,
    /// How many each client has asked for that are in use.
    by_client: HashMap<ClientId, usize>,
    generations: Generations,
}

#[derive(Debug)]
struct Made {
    id: u64,
    /// Who asked for it.
    client: ClientId,
    of: Of,
}

/// What a token is of.
#[derive(Debug)]
enum Of {
    /// No socket yet: the client to whom it was sent may say which.
    Nobody { end: EngineEnd },
    /// The socket of this tag.
    Socket(u64),
}

impl Tokens {
    /// `storage` says whose process this is; `seed` decides their numbers.
    pub(crate) fn new(storage: Storage, seed: u64) -> Self {
        Self {
            storage,
            quota: storage.quota(),
            made: slab::Slab::new(),
            by_client: HashMap::new(),
            generations: Generations::new(seed),
        }
    }

    /// A new one for `client`: its number, and the program's end. `watcher` tells under the number when that is gone.
    pub(crate) fn make(
        &mut self,
        client: ClientId,
        instance: u64,
        watcher: BorrowedFd<'_>,
    ) -> Result<(u64, OwnedFd), Error> {
        let asked_for = self.by_client.get(&client).copied().unwrap_or(0);
        if asked_for >= self.quota.share() {
            return Err(Error::TooManyFiles);
        }
        let vacant = self.made.vacant_entry();
        let id = u64::from(self.generations.next()) << 32 | vacant.key() as u64;
        let (program, mut end) = token::pair(Name { instance, id })?;
        if self.quota.is_reserved(&end) || self.quota.is_reserved(&program) {
            return Err(Error::TooManyFiles);
        }
        if self.storage == Storage::Heap {
            end = end.apart();
        }
        end.watch(watcher, id)?;
        vacant.insert(Made { id, client, of: Of::Nobody { end } });
        *self.by_client.entry(client).or_default() += 1;
        Ok((id, program))
    }

    /// The token that was sent to `client` becomes that of the socket `tag`. `None` if there is no such token.
    pub(crate) fn give(&mut self, id: u64, client: ClientId, tag: u64) -> Option<EngineEnd> {
        let made = self.made.get_mut(id as u32 as usize);
        let made = made.filter(|made| made.id == id && made.client == client)?;
        match std::mem::replace(&mut made.of, Of::Socket(tag)) {
            Of::Nobody { end } => Some(end),
            of @ Of::Socket(_) => {
                made.of = of;
                None
            }
        }
    }

    /// The socket of a token.
    pub(crate) fn tag(&self, id: u64) -> Option<u64> {
        match self.made.get(id as u32 as usize).filter(|made| made.id == id)?.of {
            Of::Socket(tag) => Some(tag),
            Of::Nobody { .. } => None,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// So many places there are for tokens, counted from 0; some may be free.
    pub(crate) fn places(&self) -> usize {
        if self.made.is_empty() { 0 } else { self.made.capacity() }
    }

    /// The socket of the token in that place.
    pub(crate) fn tag_at(&self, place: usize) -> Option<u64> {
        match self.made.get(place)?.of {
            Of::Socket(tag) => Some(tag),
            Of::Nobody { .. } => None,
        }
    }

    /// How many there are.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn len(&self) -> usize {
        self.made.len()
    }

    /// What lies behind the last token goes.
    pub(crate) fn give_memory_back(&mut self) {
        if self.made.len() * 4 < self.made.capacity() {
            self.made.shrink_to_fit();
        }
        self.by_client.shrink_to_fit();
    }

    /// The program's end is gone, or the socket is.
    pub(crate) fn forget(&mut self, id: u64) {
        if self.made.get(id as u32 as usize).is_none_or(|made| made.id != id) {
            return;
        }
        let client = self.made.remove(id as u32 as usize).client;
        if let Entry::Occupied(mut asked_for) = self.by_client.entry(client) {
            *asked_for.get_mut() -= 1;
            if *asked_for.get() == 0 {
                asked_for.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests;
