//! Where slots come from: arenas, each for one client process; on the heap, or shared with that process.

use crate::quota::Quota;
use crate::rota::Rota;
use sockeye_buffer::arena::MAX_SLOTS;
use sockeye_buffer::{Arena, Slot};
use sockeye_clock::Instant;
use sockeye_stack::{Error, Passed};
use std::collections::{BTreeMap, HashMap};
use std::os::fd::OwnedFd;

/// Slots in a client's first arena: a program may be allowed only so much address space, and a slot takes some 16 MiB.
const SLOTS: u32 = 4;
/// Each further arena has so many times the slots of the one before: who has many sockets has few arenas, for the engine looks at the
/// doorbells of each.
const GROWTH: u32 = 4;
/// A free slot whose far rings have touched more gives their memory back to the system, bytes.
const KEPT: usize = 256 * 1024;
/// So much memory is freed at once, bytes: that takes about a millisecond.
const PIECE: u64 = 4 << 20;
/// So many free slots keep memory of theirs.
const WARM_SLOTS: usize = 256;

/// The arenas of one client process. It outlives the process as long as a slot is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PoolId(pub(crate) u64);

/// A slot's place: its arena, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) arena: u64,
    pub(crate) index: u32,
}

/// Where slots come from.
#[derive(Debug)]
pub(crate) struct Memory {
    source: Source,
    max_send: usize,
    max_recv: usize,
    quota: Quota,
    /// By number. A number is not used again: programs know their mappings by it, also those whose owner is gone.
    arenas: BTreeMap<u64, Used>,
    rota: Rota,
    next: u64,
    pools: HashMap<PoolId, Pool>,
    /// Free slots that kept memory.
    warm: usize,
    rung: Vec<u32>,
}

/// At whose doorbells to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// At those whose turn it is.
    InTurn,
    /// At all that this client may have rung before it asked: its own, and those of the arena that it names.
    Before(PoolId, Option<u64>),
    AtAll,
}

/// What arenas are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Heap,
    Shared,
}

/// An arena and who has its slots.
#[derive(Debug)]
struct Used {
    arena: Arena,
    /// By slot; 0 for a free one.
    tags: Vec<u64>,
    free: Vec<u32>,
    /// By slot: it may have touched memory of its far rings.
    is_warm: Vec<bool>,
}

#[derive(Debug)]
struct Pool {
    arenas: Vec<u64>,
    client: Client,
}

/// Whether a pool's client is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Connected,
    Gone,
}

impl Memory {
    /// Slots on the heap, with rings of up to these sizes (bytes).
    pub(crate) fn heap(max_send: usize, max_recv: usize) -> Self {
        Self::new(Source::Heap, Quota::NONE, max_send, max_recv)
    }

    /// Slots in shared memory, with rings of up to these sizes (bytes). `quota` says how many descriptors it may take.
    pub(crate) fn shared(quota: Quota, max_send: usize, max_recv: usize) -> Self {
        Self::new(Source::Shared, quota, max_send, max_recv)
    }

    fn new(source: Source, quota: Quota, max_send: usize, max_recv: usize) -> Self {
        let (arenas, pools) = (BTreeMap::new(), HashMap::new());
        let (rota, rung) = (Rota::default(), Vec::new());
        Self { source, max_send, max_recv, quota, arenas, rota, next: 0, pools, warm: 0, rung }
    }

    /// A free slot from the arenas of `pool`.
    pub(crate) fn allot(&mut self, id: PoolId, tag: u64) -> Result<(Slot, Place), Error> {
        let pool =
            self.pools.entry(id).or_insert_with(|| Pool { arenas: Vec::new(), client: Client::Connected });
        let with_room = pool.arenas.iter().rev().copied().find(|arena| !self.arenas[arena].free.is_empty());
        let arena = match with_room {
            Some(arena) => arena,
            None => {
                let used = Used::new(self.source, pool.arenas.len(), self.max_send, self.max_recv)?;
                // Without its first a program could do nothing.
                let is_first = pool.arenas.is_empty();
                if used.arena.fd().is_some_and(|file| !is_first && self.quota.is_reserved(file)) {
                    return Err(Error::TooManyFiles);
                }
                let arena = self.next;
                self.next += 1;
                self.arenas.insert(arena, used);
                pool.arenas.push(arena);
                arena
            }
        };
        let used = self.arenas.get_mut(&arena).ok_or(Error::NoBufferSpace)?;
        let index = used.free.pop().ok_or(Error::NoBufferSpace)?;
        let slot = used.arena.slot(index).ok_or(Error::NoBufferSpace)?;
        used.tags[index as usize] = tag;
        self.warm -= usize::from(used.is_warm[index as usize]);
        Ok((slot, Place { arena, index }))
    }

    /// Takes a slot back, of which a connection has used so much.
    pub(crate) fn give_back(&mut self, pool: PoolId, place: Place, passed: Passed) {
        let touched = self.touched(passed);
        let Some(used) = self.arenas.get_mut(&place.arena) else { return };
        let is_warm = &mut used.is_warm[place.index as usize];
        *is_warm |= touched > 0;
        if *is_warm && (touched > KEPT || self.warm == WARM_SLOTS) {
            // Memory that cannot be given back now is used again by the next socket.
            let _ = used.arena.forget(place.index);
            *is_warm = false;
        }
        self.warm += usize::from(*is_warm);
        used.tags[place.index as usize] = 0;
        used.free.push(place.index);
        self.drop_if_unused(pool);
    }

    /// Gives the memory of a slot's far rings back to the system, but for these places, where SendQ holds text. Nobody writes meanwhile.
    pub(crate) fn forget_rings(&self, (arena, index): (u64, u32), held: [(usize, usize); 2]) {
        if let Some(used) = self.arenas.get(&arena) {
            // Memory that cannot be given back now is used again, or given back with the slot.
            let _ = used.arena.forget_rings(index, held);
        }
    }

    /// What many programs needed goes, if there are few.
    pub(crate) fn give_memory_back(&mut self) {
        self.pools.shrink_to_fit();
        self.rota.give_memory_back();
        self.rung = Vec::new();
    }

    /// Frees some memory of a pool's arenas that nobody uses any more, from this place on. Whether that was not all.
    pub(crate) fn forget_some(&self, id: PoolId, place: &mut (usize, u64)) -> bool {
        let Some(&arena) = self.pools.get(&id).and_then(|pool| pool.arenas.get(place.0)) else {
            return false;
        };
        let unused = self.arenas.get(&arena).filter(|used| used.is_unused());
        *place = match unused.and_then(|used| used.arena.forget_some(place.1, PIECE)) {
            Some(next) => (place.0, next),
            None => (place.0 + 1, 0),
        };
        true
    }

    /// The client of this pool has hung up.
    pub(crate) fn client_gone(&mut self, id: PoolId) {
        if let Some(pool) = self.pools.get_mut(&id) {
            pool.client = Client::Gone;
        }
        self.drop_if_unused(id);
    }

    /// Whether programs see the slots in other processes.
    pub(crate) fn is_shared(&self) -> bool {
        self.source == Source::Shared
    }

    /// Whether the arena `id` is one of `pool`.
    pub(crate) fn is_of(&self, pool: PoolId, id: u64) -> bool {
        self.pools.get(&pool).is_some_and(|pool| pool.arenas.contains(&id))
    }

    /// Whose arenas there are.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn pools(&self) -> impl Iterator<Item = PoolId> {
        self.pools.keys().copied()
    }

    /// A descriptor of an arena, to be sent to a client.
    pub(crate) fn arena_descriptor(&self, id: u64) -> Result<OwnedFd, Error> {
        let used = self.arenas.get(&id).ok_or(Error::InvalidArgument)?;
        let file = used.arena.fd().ok_or(Error::InvalidArgument)?;
        rustix::io::fcntl_dupfd_cloexec(file, 0).map_err(|_| Error::TooManyFiles)
    }

    /// The arena `id`.
    pub(crate) fn arena(&self, id: u64) -> Option<Arena> {
        self.arenas.get(&id).map(|used| used.arena.clone())
    }

    /// Whether any doorbell was rung. Its socket is among the next.
    pub(crate) fn is_rung(&mut self) -> bool {
        self.rota.turn_to(&self.arenas, |used| used.arena.is_rung())
    }

    /// Appends the tags of the sockets whose doorbell was rung, among those at which a look is due.
    pub(crate) fn take_rung(&mut self, now: Instant, look: Look, tags: &mut Vec<u64>) {
        let rung = &mut self.rung;
        match look {
            Look::InTurn => {
                self.rota.look_at_some(now, &self.arenas, |_, used| used.take_rung(rung, tags));
            }
            Look::AtAll => self.arenas.values().for_each(|used| {
                used.take_rung(rung, tags);
            }),
            Look::Before(pool, arena) => {
                let own = self.pools.get(&pool).into_iter().flat_map(|pool| &pool.arenas);
                for used in own.chain(&arena).filter_map(|arena| self.arenas.get(arena)) {
                    used.take_rung(rung, tags);
                }
            }
        }
    }

    /// How much of its memory a slot's far part has used: none if all passed through the near rings.
    fn touched(&self, passed: Passed) -> usize {
        let bytes = |position: u32, most: usize| match position as usize {
            0..=Slot::NEAR => 0,
            bytes => bytes.min(most),
        };
        bytes(passed.sent, self.max_send)
            + bytes(passed.received, self.max_recv)
            + if passed.has_info { INFO_PAGE } else { 0 }
    }

    /// A pool whose client is gone goes with its last slot.
    fn drop_if_unused(&mut self, id: PoolId) {
        let Some(pool) = self.pools.get(&id) else { return };
        let is_unused = pool.arenas.iter().all(|arena| self.arenas[arena].is_unused());
        if pool.client == Client::Gone && is_unused {
            for arena in self.pools.remove(&id).map(|pool| pool.arenas).unwrap_or_default() {
                let is_warm = self.arenas.remove(&arena).map(|used| used.is_warm).unwrap_or_default();
                self.warm -= is_warm.into_iter().filter(|&is_warm| is_warm).count();
            }
        }
    }
}

impl Used {
    /// An arena for who has so many already; a small one, if there is no address space for a large one.
    fn new(source: Source, others: usize, max_send: usize, max_recv: usize) -> Result<Self, Error> {
        let create = |slots| match source {
            Source::Heap => Arena::on_heap(slots, max_send, max_recv).ok_or(Error::NoBufferSpace),
            Source::Shared => Arena::create(slots, max_send, max_recv).map_err(|error| no_memory(&error)),
        };
        let growth = u32::try_from(others).ok().and_then(|others| GROWTH.checked_pow(others));
        let most = SLOTS.saturating_mul(growth.unwrap_or(u32::MAX)).min(MAX_SLOTS);
        let arena = create(most).or_else(|_| create(SLOTS))?;
        let slots = arena.slots();
        let (tags, is_warm) = (vec![0; slots as usize], vec![false; slots as usize]);
        Ok(Self { arena, tags, free: (0..slots).rev().collect(), is_warm })
    }

    /// Appends the tags of those whose doorbell was rung. Returns whether there are any.
    fn take_rung(&self, rung: &mut Vec<u32>, tags: &mut Vec<u64>) -> bool {
        rung.clear();
        self.arena.take_rung(rung);
        let before = tags.len();
        tags.extend(rung.iter().map(|&index| self.tags[index as usize]).filter(|&tag| tag != 0));
        tags.len() > before
    }

    fn is_unused(&self) -> bool {
        self.free.len() == self.tags.len()
    }
}

/// Bytes that a copy of TCP_INFO takes up.
const INFO_PAGE: usize = 4096;

fn no_memory(error: &std::io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => Error::TooManyFiles,
        _ => Error::NoBufferSpace,
    }
}
