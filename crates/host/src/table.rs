//! Which socket has which slot: the table that the engine and the stack's [`RingSource`](crate::rings) share.

use crate::idle::Traffic;
use crate::memory::{Memory, Place, PoolId};
use crate::offers::{Offers, Taken};
use crate::proto::Handle;
use crate::token::EngineEnd;
use crate::watch::{NO_WATCH, Watcher, Watches};
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use sockeye_buffer::token::Mirror;
use sockeye_buffer::{Condition, ReadyList, Slot};
use sockeye_stack::{Error, Family, HostId, Passed, Settings, SocketId};
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A client: a process with a control connection, or an embedded engine's own process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ClientId(pub(crate) u64);

/// Bits that the host adds to the slot's condition word, beyond those of [`sockeye_buffer::Condition`].
pub(crate) mod condition {
    /// SO_LINGER is on: closing may have to wait.
    pub(crate) const LINGER: u32 = 1 << 8;
    /// The engine's end of the token is closed.
    pub(crate) const TOKEN_CLOSED: u32 = sockeye_buffer::Condition::TOKEN_CLOSED;
    /// The error queue holds something.
    pub(crate) const REPORTS: u32 = 1 << 10;
    /// SO_TIMESTAMPING wants to know of sends.
    pub(crate) const STAMPS: u32 = 1 << 11;
    /// An error came back that ends nothing.
    pub(crate) const SOFT_ERROR: u32 = 1 << 13;
    /// The SYN waits for text (RFC 7413): connected and writable for the program, which has to launch it.
    pub(crate) const DEFERRED: u32 = 1 << 12;
    /// The last open failed, and no other was begun.
    pub(crate) const FAILED: u32 = 1 << 14;
    /// Memory of the rings goes back to the system: who has just taken the lock of writers lets go of it, and tries again.
    pub(crate) const FORGETTING: u32 = 1 << 15;
    /// The upper half tells whose slot it is, so that who comes late finds that it has another owner.
    pub(crate) const OWNER_SHIFT: u32 = 16;
    /// The owner's part of the word.
    pub(crate) const OWNER: u32 = u32::MAX << OWNER_SHIFT;

    /// The owner's part for the socket `tag`.
    pub(crate) fn owner_of(tag: u64) -> u32 {
        super::generation_of(tag) << OWNER_SHIFT
    }
}

/// Room for so many times what there is now is enough.
const SPARE: usize = 4;

/// A socket and its slot.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) tag: u64,
    pub(crate) host: HostId,
    pub(crate) family: Family,
    pub(crate) slot: Slot,
    pub(crate) pool: PoolId,
    place: Place,
    /// The stack's name; `None` before it was accepted and after it was closed.
    pub(crate) id: Option<SocketId>,
    /// What the slot's condition word is to say. Programs can write to the word itself, so nothing is decided by that.
    condition: Cell<u32>,
    /// The stack uses the rings.
    rings: Use,
    /// What its connection had used of them, once it is over.
    passed: Passed,
    pub(crate) held: Held,
    /// The engine's end of the token, while it is open.
    pub(crate) token: Option<EngineEnd>,
    /// Processes that are told by their ready lists what happens.
    pub(crate) watchers: Vec<Watcher>,
    /// Processes that armed the token: who else can have it once the token cannot tell.
    pub(crate) armers: Vec<ClientId>,
    /// Processes that wait for the last bytes to be acknowledged.
    pub(crate) lingering: Vec<ClientId>,
    /// SO_LINGER when it was closed.
    pub(crate) linger: Option<u32>,
    /// The process that closed it, where no other had it.
    pub(crate) closed_by: Option<ClientId>,
    /// What is shown on the token.
    pub(crate) shown: Mirror,
    pub(crate) traffic: Traffic,
    /// Of a listener: what it offers.
    pub(crate) offers: Option<Box<Offers>>,
    /// The listener that offers it.
    pub(crate) waits_in: Option<u64>,
}

/// Which program has a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    Nobody,
    /// This process, and no other: until it gives the socket up, or hangs up.
    By(ClientId),
    /// Whoever has a copy of the token of this number.
    ByToken(u64),
}

/// Whether something is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    InUse,
    Unused,
}

impl Entry {
    /// For a process that has this `watch` of it.
    pub(crate) fn handle(&self, watch: u32) -> Handle {
        let (arena, index) = self.place();
        Handle { tag: self.tag, arena, index, family: self.family, watch }
    }

    /// The number of its arena, and that of its slot there.
    pub(crate) fn place(&self) -> (u64, u32) {
        (self.place.arena, self.place.index)
    }

    /// Changes bits of the condition word.
    pub(crate) fn change_condition(&self, set: u32, clear: u32) {
        let word = (self.condition.get() & !clear) | set;
        self.condition.set(word);
        self.slot.header().engine.condition.store(word, Ordering::SeqCst);
    }

    pub(crate) fn condition(&self) -> u32 {
        self.condition.get()
    }

    /// Whether the program has set options in the slot since the engine looked.
    pub(crate) fn has_new_flags(&self) -> bool {
        self.slot.header().readiness.flags_changed.load(Ordering::Relaxed) != 0
    }

    pub(crate) fn is_listening(&self) -> bool {
        self.condition() & Condition::LISTENING != 0
    }

    /// Whether the process that holds it has given it up.
    pub(crate) fn is_released(&self) -> bool {
        let released = self.slot.header().readiness.released.load(Ordering::SeqCst);
        matches!(self.held, Held::By(_)) && released == generation_of(self.tag)
    }

    /// Whether a process other than `client` has it, and no other: tags and numbers of arenas can be guessed.
    pub(crate) fn is_of_another(&self, client: ClientId) -> bool {
        match self.held {
            Held::By(holder) => holder != client,
            Held::ByToken(_) => false,
            Held::Nobody => self.closed_by.is_some_and(|holder| holder != client),
        }
    }

    /// Whether it is in this arena, and `client` has been given it.
    pub(crate) fn is_in(&self, arena: u64, client: ClientId) -> bool {
        self.place.arena == arena
            && !self.is_of_another(client)
            && (self.held == Held::By(client) || self.watchers.iter().any(|watcher| watcher.client == client))
    }

    fn is_unused(&self) -> bool {
        self.id.is_none()
            && self.rings == Use::Unused
            && self.held == Held::Nobody
            && self.lingering.is_empty()
    }
}

/// All sockets of an engine.
#[derive(Debug)]
pub(crate) struct Table {
    entries: slab::Slab<Entry>,
    watches: HashMap<ClientId, Watches>,
    newest_client: ClientId,
    pub(crate) memory: Memory,
    /// What programs have taken from accept queues, for the stack to be told.
    pub(crate) taken: Taken,
    generations: Generations,
}

impl Table {
    /// `seed` decides the names of sockets.
    pub(crate) fn new(memory: Memory, seed: u64) -> Self {
        Self {
            entries: slab::Slab::new(),
            watches: HashMap::new(),
            newest_client: ClientId(0),
            memory,
            taken: Taken::default(),
            generations: Generations::new(seed),
        }
    }

    /// A slot and an entry for a new socket.
    pub(crate) fn add(&mut self, pool: PoolId, host: HostId, family: Family) -> Result<&mut Entry, Error> {
        let vacant = self.entries.vacant_entry();
        let index = vacant.key() as u64;
        let tag = u64::from(self.generations.next()) << 32 | index;
        let (slot, place) = self.memory.allot(pool, tag)?;
        slot.reset();
        let entry = vacant.insert(Entry {
            tag,
            host,
            family,
            slot,
            pool,
            place,
            id: None,
            condition: Cell::new(0),
            rings: Use::Unused,
            passed: Passed::default(),
            held: Held::Nobody,
            token: None,
            watchers: Vec::new(),
            armers: Vec::new(),
            lingering: Vec::new(),
            linger: None,
            closed_by: None,
            shown: Mirror::default(),
            traffic: Traffic::default(),
            offers: None,
            waits_in: None,
        });
        entry.change_condition(condition::owner_of(tag), 0);
        Ok(entry)
    }

    pub(crate) fn entry(&self, tag: u64) -> Option<&Entry> {
        self.entries.get(tag as u32 as usize).filter(|entry| entry.tag == tag)
    }

    pub(crate) fn entry_mut(&mut self, tag: u64) -> Option<&mut Entry> {
        self.entries.get_mut(tag as u32 as usize).filter(|entry| entry.tag == tag)
    }

    /// What lies behind the last socket goes; who has a place keeps it.
    pub(crate) fn give_memory_back(&mut self) {
        if self.entries.capacity() > SPARE * self.entries.len() {
            self.entries.shrink_to_fit();
        }
        self.watches.shrink_to(self.watches.len() * SPARE);
        self.memory.give_memory_back();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// So many places there are for sockets, counted from 0; some may be free.
    pub(crate) fn places(&self) -> usize {
        self.entries.capacity()
    }

    pub(crate) fn entry_at(&mut self, place: usize) -> Option<&mut Entry> {
        self.entries.get_mut(place)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().map(|(_, entry)| entry)
    }

    /// A process has this ready list.
    pub(crate) fn add_list(&mut self, client: ClientId, list: Arc<ReadyList>) {
        self.watches.insert(client, Watches::new(list));
        self.newest_client = self.newest_client.max(client);
    }

    /// The client that came last, of those that said hello.
    pub(crate) fn newest_client(&self) -> ClientId {
        self.newest_client
    }

    pub(crate) fn watches(&self, client: ClientId) -> Option<&Watches> {
        self.watches.get(&client)
    }

    pub(crate) fn watches_mut(&mut self, client: ClientId) -> Option<&mut Watches> {
        self.watches.get_mut(&client)
    }

    /// `client`'s watch of the socket `tag`: a new one, unless it has one. [`NO_WATCH`] if it has too many.
    pub(crate) fn watch(&mut self, tag: u64, client: ClientId) -> u32 {
        let entry = self.entries.get_mut(tag as u32 as usize).filter(|entry| entry.tag == tag);
        let (Some(entry), Some(watches)) = (entry, self.watches.get_mut(&client)) else { return NO_WATCH };
        watches.tied.insert(tag);
        if let Some(watcher) = entry.watchers.iter().find(|watcher| watcher.client == client) {
            return watcher.watch;
        }
        let Some(watch) = watches.take() else { return NO_WATCH };
        entry.watchers.push(Watcher { client, list: watches.list.clone(), watch });
        watch
    }

    /// What `client` has to do with the socket `tag` ends with it.
    pub(crate) fn tie(&mut self, tag: u64, client: ClientId) {
        if let Some(watches) = self.watches.get_mut(&client) {
            watches.tied.insert(tag);
        }
    }

    /// Nobody holds the socket `tag` any more, and nobody is told of it. Who held it.
    pub(crate) fn let_go(&mut self, tag: u64) -> Held {
        let Some(entry) = self.entry_mut(tag) else { return Held::Nobody };
        let held = std::mem::replace(&mut entry.held, Held::Nobody);
        let holder = match held {
            Held::By(client) => Some(client),
            Held::ByToken(_) | Held::Nobody => None,
        };
        let (watchers, armers) = (std::mem::take(&mut entry.watchers), std::mem::take(&mut entry.armers));
        for Watcher { client, watch, .. } in watchers {
            if let Some(watches) = self.watches.get_mut(&client) {
                watches.tied.remove(&tag);
                watches.give_back(watch);
            }
        }
        for client in armers.into_iter().chain(holder) {
            self.untie(tag, client);
        }
        held
    }

    /// `client` waits no more for the last bytes of the socket `tag` to be acknowledged.
    pub(crate) fn lingered(&mut self, tag: u64, client: ClientId) {
        if let Some(entry) = self.entry_mut(tag).filter(|entry| entry.lingering.contains(&client)) {
            entry.lingering.retain(|&waiting| waiting != client);
            self.untie(tag, client);
        }
        self.release_if_unused(tag);
    }

    fn untie(&mut self, tag: u64, client: ClientId) {
        if let Some(watches) = self.watches.get_mut(&client) {
            watches.tied.remove(&tag);
        }
    }

    /// A process is gone, and its ready list with it. The sockets that it had anything to do with.
    pub(crate) fn drop_list(&mut self, client: ClientId) -> HashSet<u64> {
        let tied = self.watches.remove(&client).map(|watches| watches.tied).unwrap_or_default();
        for &tag in &tied {
            if let Some(entry) = self.entry_mut(tag) {
                entry.watchers.retain(|watcher| watcher.client != client);
            }
        }
        tied
    }

    /// The stack begins to use the rings under `tag`.
    pub(crate) fn open_rings(&mut self, tag: u64) -> Option<&Entry> {
        let entry = self.entry_mut(tag)?;
        entry.rings = Use::InUse;
        Some(entry)
    }

    /// The stack uses them no more.
    pub(crate) fn close_rings(&mut self, tag: u64, passed: Passed) {
        if let Some(entry) = self.entry_mut(tag) {
            (entry.rings, entry.passed) = (Use::Unused, passed);
            // Who lingers need not wait any longer.
            entry.change_condition(Condition::CLOSED, 0);
            entry.wake_writers();
        }
        self.release_if_unused(tag);
    }

    /// Frees the slot if nobody has a use for it any more.
    pub(crate) fn release_if_unused(&mut self, tag: u64) {
        if self.entry(tag).is_some_and(Entry::is_unused) {
            let entry = self.entries.remove(tag as u32 as usize);
            self.memory.give_back(entry.pool, entry.place, entry.passed);
        }
    }
}

/// The part of a tag that no other socket of the same place has.
pub(crate) fn generation_of(tag: u64) -> u32 {
    (tag >> 32) as u32
}

/// Numbers that distinguish what has the same place, one after the other.
///
/// The low 16 bits count, and are never 0, so that a new slot's condition word is never a fresh slot's 0. The others are random: nobody hits
/// upon a socket by counting.
#[derive(Debug)]
pub(crate) struct Generations {
    last: u16,
    random: SmallRng,
}

impl Generations {
    pub(crate) fn new(seed: u64) -> Self {
        Self { last: 0, random: SmallRng::seed_from_u64(seed) }
    }

    pub(crate) fn next(&mut self) -> u32 {
        self.last = self.last.checked_add(1).unwrap_or(1);
        u32::from(self.random.random::<u16>()) << 16 | u32::from(self.last)
    }
}

/// How large a slot's rings may become: what the settings of a network's hosts can ask for.
pub(crate) fn largest_rings<'a>(settings: impl Iterator<Item = &'a Settings>) -> (usize, usize) {
    let one = |exact: Option<usize>, default: usize, max: usize| {
        exact.unwrap_or(default.max(max.saturating_mul(2)))
    };
    settings.fold((0, 0), |(send, recv), s| {
        (
            send.max(one(s.exact_send_buffer, s.send_buffer, s.wmem_max)),
            recv.max(one(s.exact_recv_buffer, s.recv_buffer, s.rmem_max)),
        )
    })
}

#[cfg(test)]
mod tests;
