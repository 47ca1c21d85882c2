//! An arena: one piece of shared memory, cut into the slots of one client process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

#[cfg(not(miri))]
use rustix::fs::FallocateFlags;

use crate::Slot;
use crate::bits::bits;
use crate::raw::Region;
use crate::ring::{MAX_ORDER, MIN_ORDER};
use crate::shared;
use crate::slot::{FAR_ALIGN, Geometry, NEAR_SPACE};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Slots in an arena, if nothing else is wanted.
pub const DEFAULT_SLOTS: u32 = 1024;
/// Largest SO_SNDBUF of an arena's slots, if nothing else is wanted, bytes. Address space only, until it is used.
pub const DEFAULT_MAX_SEND: usize = 4 << 20;
/// Largest SO_RCVBUF of an arena's slots, if nothing else is wanted, bytes. Address space only, until it is used.
pub const DEFAULT_MAX_RECV: usize = 8 << 20;
/// Most slots that an arena can have: the doorbells' summary is one word.
pub const MAX_SLOTS: u32 = 64 * 64;

/// Bytes before the slots.
const ARENA_HEADER_SPACE: usize = 4096;
/// The copy of TCP_INFO is in the first page of a far part, in which there is nothing else.
#[cfg(not(miri))]
const INFO_SPACE: usize = FAR_ALIGN;
/// "sockeye" and the version of the layout.
const MAGIC: u64 = u64::from_be_bytes(*b"sockeye\x02");

/// The first words of an arena.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct ArenaHeader {
    shape: Shape,
    doorbells: Doorbells,
}

const _: () = assert!(size_of::<ArenaHeader>() <= ARENA_HEADER_SPACE);
const _: () = assert!(MAX_SLOTS <= crate::accept_queue::MAX_INDEX);

/// Written once by the creator.
#[repr(C, align(64))]
#[derive(Debug)]
struct Shape {
    magic: AtomicU64,
    slots: AtomicU32,
    send_order: AtomicU32,
    recv_order: AtomicU32,
}

/// One bit a slot, and in `summary` one bit for each word of them.
#[repr(C, align(64))]
#[derive(Debug)]
struct Doorbells {
    summary: AtomicU64,
    rung: [AtomicU64; 64],
}

/// Shared memory with slots and their doorbells. A cheap handle; clones name the same memory.
///
/// ```text
///  | shape, doorbells | near part 0 | 1 | 2 | ... | far part 0            | 1                     | ...
/// ```
///
/// It is one memfd, its size sealed, mapped once; or, if nobody else is to see it, memory of this process. The near parts are side by side, so
/// that sockets that carry little share pages, and need no page tables of their own in the processes that map them.
#[derive(Clone, Debug)]
pub struct Arena {
    region: Arc<Region>,
    source: Source,
    slots: u32,
    geometry: Geometry,
}

/// Where an arena's memory is from.
#[derive(Clone, Debug)]
enum Source {
    /// This process made it, and can show it to others.
    Created(Arc<OwnedFd>),
    /// Another process made it.
    Mapped,
    /// It is this process's own.
    Heap,
}

impl Arena {
    /// An arena of new shared memory, for `slots` slots with rings of up to these sizes (bytes, rounded up to powers of two).
    ///
    /// # Errors
    /// `InvalidInput` for no slots or more than [`MAX_SLOTS`]; otherwise what the system says.
    pub fn create(slots: u32, max_send: usize, max_recv: usize) -> io::Result<Self> {
        let geometry = Geometry::for_bytes(max_send, max_recv);
        let len = size(slots, geometry).ok_or(io::ErrorKind::InvalidInput)?;
        let (region, file) = shared::create("sockeye-arena", len)?;
        let shape = &region.words::<ArenaHeader>(0).shape;
        shape.slots.store(slots, Ordering::Relaxed);
        shape.send_order.store(geometry.send_order, Ordering::Relaxed);
        shape.recv_order.store(geometry.recv_order, Ordering::Relaxed);
        shape.magic.store(MAGIC, Ordering::Release);
        Ok(Self { region: Arc::new(region), source: Source::Created(Arc::new(file)), slots, geometry })
    }

    /// An arena in this process's own memory, for `slots` slots with rings of up to these sizes; `None` if there is no memory or address
    /// space for it, or the number is impossible.
    #[must_use]
    pub fn on_heap(slots: u32, max_send: usize, max_recv: usize) -> Option<Self> {
        let geometry = Geometry::for_bytes(max_send, max_recv);
        let region = Region::zeroed(size(slots, geometry)?)?;
        Some(Self { region: Arc::new(region), source: Source::Heap, slots, geometry })
    }

    /// Maps an arena that another process created. The descriptor is not kept: programs may close what they do not know.
    ///
    /// # Errors
    /// `InvalidData` for memory that is not an arena or whose size is not sealed (touching it could then kill the
    /// process); otherwise what the system says.
    pub fn map(file: impl AsFd) -> io::Result<Self> {
        let file = file.as_fd();
        let len = usize::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(0);
        if len < ARENA_HEADER_SPACE {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let region = shared::map(file, len)?;
        let shape = &region.words::<ArenaHeader>(0).shape;
        let is_arena = shape.magic.load(Ordering::Acquire) == MAGIC;
        let slots = shape.slots.load(Ordering::Relaxed);
        let geometry = Geometry {
            send_order: shape.send_order.load(Ordering::Relaxed),
            recv_order: shape.recv_order.load(Ordering::Relaxed),
        };
        if !is_arena || size(slots, geometry) != Some(len) {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(Self { region: Arc::new(region), source: Source::Mapped, slots, geometry })
    }

    /// The memory's descriptor, to be sent to the client; `None` where the arena was mapped, or is on the heap.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        match &self.source {
            Source::Created(file) => Some(file.as_fd()),
            Source::Mapped | Source::Heap => None,
        }
    }

    /// Whether there is a slot of this handle's memory in this process, or another handle to it.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.region) > 1
    }

    /// How many slots there are.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// A slot by its index. New memory is zero: the engine calls [`Slot::reset`] when it hands a slot out.
    #[must_use]
    pub fn slot(&self, index: u32) -> Option<Slot> {
        let near = ARENA_HEADER_SPACE + index as usize * NEAR_SPACE;
        (index < self.slots).then(|| Slot::new(self.region.clone(), near, self.far_at(index), self.geometry))
    }

    /// Rings a slot's doorbell. Then, if the host says that it sleeps, it must be woken; whoever looks for that after this sees it.
    pub fn ring(&self, index: u32) {
        if index >= self.slots {
            return;
        }
        let doorbells = &self.region.words::<ArenaHeader>(0).doorbells;
        doorbells.rung[index as usize / 64].fetch_or(1 << (index % 64), Ordering::SeqCst);
        doorbells.summary.fetch_or(1 << (index / 64), Ordering::SeqCst);
    }

    /// Whether a doorbell was rung and not taken.
    #[must_use]
    pub fn is_rung(&self) -> bool {
        self.region.words::<ArenaHeader>(0).doorbells.summary.load(Ordering::SeqCst) != 0
    }

    /// Appends the indices of the slots whose doorbell was rung to `rung`, in order, and silences them.
    pub fn take_rung(&self, rung: &mut Vec<u32>) {
        let doorbells = &self.region.words::<ArenaHeader>(0).doorbells;
        if doorbells.summary.load(Ordering::Relaxed) == 0 {
            return;
        }
        let summary = doorbells.summary.swap(0, Ordering::SeqCst);
        for word in bits(summary) {
            let set = doorbells.rung[word as usize].swap(0, Ordering::SeqCst);
            rung.extend(bits(set).map(|bit| word * 64 + bit).filter(|&index| index < self.slots));
        }
    }

    /// Gives all memory back to the system in steps, whatever is there: up to `most` bytes from `from` on. Where to go on; `None` if that was
    /// all, or it is not in a file of this process's.
    #[cfg(not(miri))]
    #[must_use]
    pub fn forget_some(&self, from: u64, most: u64) -> Option<u64> {
        let Source::Created(file) = &self.source else { return None };
        let len = size(self.slots, self.geometry)? as u64;
        // What was allocated and never touched counts too, so that it is no use to look for what was.
        let most = most.min(len.checked_sub(from)?);
        rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, from, most)
            .ok()?;
        Some(from + most)
    }

    /// Gives the memory of a free slot's far rings back to the system.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where another process made the arena.
    #[cfg(not(miri))]
    pub fn forget(&self, index: u32) -> io::Result<()> {
        if index >= self.slots {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        self.forget_range(self.far_at(index), self.geometry.far_space())
    }

    /// As [`forget`](Self::forget), where the slot is in use, RecvQ holds nothing, SendQ holds bytes in these places only
    /// ([`SendQ::places`](crate::SendQ::places)), and nobody writes meanwhile. What else is in its far part stays.
    ///
    /// # Errors
    /// As there.
    #[cfg(not(miri))]
    pub fn forget_rings(&self, index: u32, mut held: [(usize, usize); 2]) -> io::Result<()> {
        if index >= self.slots {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut start = self.far_at(index) + INFO_SPACE;
        let end = self.far_at(index) + self.geometry.far_space();
        held.sort_unstable();
        for (at, len) in held.into_iter().filter(|(_, len)| *len > 0) {
            let first = at / FAR_ALIGN * FAR_ALIGN;
            if (start + 1..end).contains(&first) {
                self.forget_range(start, first - start)?;
            }
            start = start.max((at + len).next_multiple_of(FAR_ALIGN));
        }
        if start < end { self.forget_range(start, end - start) } else { Ok(()) }
    }

    #[cfg(not(miri))]
    fn forget_range(&self, start: usize, len: usize) -> io::Result<()> {
        match &self.source {
            Source::Created(file) => {
                let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
                Ok(rustix::fs::fallocate(file, flags, start as u64, len as u64)?)
            }
            Source::Heap => Ok(self.region.forget(start, len)?),
            Source::Mapped => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn far_at(&self, index: u32) -> usize {
        far_start(self.slots) + index as usize * self.geometry.far_space()
    }
}

/// Where the far parts begin.
fn far_start(slots: u32) -> usize {
    (ARENA_HEADER_SPACE + slots as usize * NEAR_SPACE).next_multiple_of(FAR_ALIGN)
}

/// Bytes of an arena; `None` if it cannot be.
fn size(slots: u32, geometry: Geometry) -> Option<usize> {
    let orders = MIN_ORDER..=MAX_ORDER;
    let is_possible = (1..=MAX_SLOTS).contains(&slots)
        && orders.contains(&geometry.send_order)
        && orders.contains(&geometry.recv_order);
    is_possible
        .then(|| geometry.far_space().checked_mul(slots as usize)?.checked_add(far_start(slots)))
        .flatten()
}

#[cfg(all(test, not(miri)))]
mod tests;
