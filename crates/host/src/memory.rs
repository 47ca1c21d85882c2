//! Where slots come from: the heap, or arenas that are shared with one client process each.

use sockeye_buffer::{Arena, Slot};
use sockeye_stack::Error;
use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;

/// Slots in an arena.
const SLOTS: u32 = 256;
/// A free slot whose rings have touched more gives their memory back to the system, bytes.
const KEPT: usize = 256 * 1024;
/// Free slots on the heap that are kept: each has its address space.
const KEPT_ON_HEAP: usize = 64;

/// The arenas of one client process. It outlives the process as long as a slot is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PoolId(pub(crate) u64);

/// A slot's place: its arena, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) arena: u32,
    pub(crate) index: u32,
}

/// Where slots come from.
#[derive(Debug)]
pub(crate) struct Memory {
    source: Source,
    max_send: usize,
    max_recv: usize,
}

#[derive(Debug)]
enum Source {
    /// Those that are free.
    Heap(Vec<Slot>),
    Shared(Shared),
}

#[derive(Debug, Default)]
struct Shared {
    arenas: slab::Slab<Used>,
    pools: HashMap<PoolId, Pool>,
    rung: Vec<u32>,
}

/// An arena and who has its slots.
#[derive(Debug)]
struct Used {
    arena: Arena,
    /// By slot; 0 for a free one.
    tags: Vec<u64>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Pool {
    arenas: Vec<u32>,
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
        Self { source: Source::Heap(Vec::new()), max_send, max_recv }
    }

    /// Slots in shared memory, with rings of up to these sizes (bytes).
    pub(crate) fn shared(max_send: usize, max_recv: usize) -> Self {
        Self { source: Source::Shared(Shared::default()), max_send, max_recv }
    }

    /// A free slot from the arenas of `pool`.
    pub(crate) fn allot(&mut self, pool: PoolId, tag: u64) -> Result<(Slot, Place), Error> {
        match &mut self.source {
            Source::Heap(free) => {
                let slot = free.pop().or_else(|| Slot::try_on_heap(self.max_send, self.max_recv));
                Ok((slot.ok_or(Error::NoBufferSpace)?, Place { arena: 0, index: 0 }))
            }
            Source::Shared(shared) => shared.allot(pool, tag, self.max_send, self.max_recv),
        }
    }

    /// Takes a slot back.
    pub(crate) fn give_back(&mut self, pool: PoolId, place: Place, slot: Slot) {
        match &mut self.source {
            Source::Heap(free) if free.len() < KEPT_ON_HEAP && touched(&slot) <= KEPT => free.push(slot),
            Source::Heap(_) => {}
            Source::Shared(shared) => shared.give_back(pool, place, &slot),
        }
    }

    /// The client of this pool has hung up.
    pub(crate) fn client_gone(&mut self, id: PoolId) {
        let Source::Shared(shared) = &mut self.source else { return };
        if let Some(pool) = shared.pools.get_mut(&id) {
            pool.client = Client::Gone;
        }
        shared.drop_if_unused(id);
    }

    /// A descriptor of an arena, to be sent to a client.
    pub(crate) fn arena_descriptor(&self, id: u32) -> Result<OwnedFd, Error> {
        let Source::Shared(shared) = &self.source else { return Err(Error::InvalidArgument) };
        let used = shared.arenas.get(id as usize).ok_or(Error::InvalidArgument)?;
        let file = used.arena.fd().ok_or(Error::InvalidArgument)?;
        rustix::io::fcntl_dupfd_cloexec(file, 0).map_err(|_| Error::TooManyFiles)
    }

    /// Whether any doorbell was rung.
    pub(crate) fn is_rung(&self) -> bool {
        let Source::Shared(shared) = &self.source else { return false };
        shared.arenas.iter().any(|(_, used)| used.arena.is_rung())
    }

    /// Appends the tags of the sockets whose doorbell was rung.
    pub(crate) fn take_rung(&mut self, tags: &mut Vec<u64>) {
        let Source::Shared(shared) = &mut self.source else { return };
        for (_, used) in &shared.arenas {
            shared.rung.clear();
            used.arena.take_rung(&mut shared.rung);
            let rung = shared.rung.iter().map(|&index| used.tags[index as usize]);
            tags.extend(rung.filter(|&tag| tag != 0));
        }
    }
}

/// How much of a slot's memory its rings have used, as far as positions tell: each begins at the start of its ring.
fn touched(slot: &Slot) -> usize {
    let engine = &slot.header().engine;
    let bytes = |position: u64, most: usize| usize::try_from(position).unwrap_or(most).min(most);
    bytes(engine.send_head.load(Ordering::Relaxed), slot.max_send())
        + bytes(engine.recv_tail.load(Ordering::Relaxed), slot.max_recv())
}

impl Shared {
    fn give_back(&mut self, pool: PoolId, place: Place, slot: &Slot) {
        let Some(used) = self.arenas.get_mut(place.arena as usize) else { return };
        if touched(slot) > KEPT {
            // Memory that cannot be given back now is used again by the next socket.
            let _ = used.arena.forget(place.index);
        }
        used.tags[place.index as usize] = 0;
        used.free.push(place.index);
        self.drop_if_unused(pool);
    }

    fn allot(
        &mut self,
        id: PoolId,
        tag: u64,
        max_send: usize,
        max_recv: usize,
    ) -> Result<(Slot, Place), Error> {
        let pool =
            self.pools.entry(id).or_insert_with(|| Pool { arenas: Vec::new(), client: Client::Connected });
        let with_room =
            pool.arenas.iter().copied().find(|&arena| !self.arenas[arena as usize].free.is_empty());
        let arena = match with_room {
            Some(arena) => arena,
            None => {
                let arena = Arena::create(SLOTS, max_send, max_recv).map_err(|error| no_memory(&error))?;
                let used = Used { arena, tags: vec![0; SLOTS as usize], free: (0..SLOTS).rev().collect() };
                let arena = u32::try_from(self.arenas.insert(used)).map_err(|_| Error::NoBufferSpace)?;
                pool.arenas.push(arena);
                arena
            }
        };
        let used = &mut self.arenas[arena as usize];
        let index = used.free.pop().ok_or(Error::NoBufferSpace)?;
        let slot = used.arena.slot(index).ok_or(Error::NoBufferSpace)?;
        used.tags[index as usize] = tag;
        Ok((slot, Place { arena, index }))
    }

    /// A pool whose client is gone goes with its last slot.
    fn drop_if_unused(&mut self, id: PoolId) {
        let Some(pool) = self.pools.get(&id) else { return };
        let is_unused =
            pool.arenas.iter().all(|&arena| self.arenas[arena as usize].free.len() == SLOTS as usize);
        if pool.client == Client::Gone && is_unused {
            for arena in self.pools.remove(&id).map(|pool| pool.arenas).unwrap_or_default() {
                self.arenas.remove(arena as usize);
            }
        }
    }
}

fn no_memory(error: &std::io::Error) -> Error {
    match error.raw_os_error() {
        Some(libc::EMFILE | libc::ENFILE) => Error::TooManyFiles,
        _ => Error::NoBufferSpace,
    }
}
