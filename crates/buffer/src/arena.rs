//! An arena: one piece of shared memory, cut into the slots of one client process.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use crate::Slot;
use crate::bits::bits;
use crate::raw::Region;
use crate::ring::{MAX_ORDER, MIN_ORDER};
use crate::shared;
use crate::slot::{Geometry, HEADER_SPACE};
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Slots in an arena, if nothing else is wanted.
pub const DEFAULT_SLOTS: u32 = 1024;
/// Largest SO_SNDBUF of an arena's slots, if nothing else is wanted, bytes. Address space only, until it is used.
pub const DEFAULT_MAX_SEND: usize = 4 << 20;
/// Largest SO_RCVBUF of an arena's slots, if nothing else is wanted, bytes. Address space only, until it is used.
pub const DEFAULT_MAX_RECV: usize = 8 << 20;
/// Most slots that an arena can have: the doorbells' summary is one word.
pub const MAX_SLOTS: u32 = 64 * 64;

/// Bytes before the first slot.
const ARENA_HEADER_SPACE: usize = 4096;
/// "sockeye" and the version of the layout.
const MAGIC: u64 = u64::from_be_bytes(*b"sockeye\x01");

/// The first words of an arena.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct ArenaHeader {
    shape: Shape,
    doorbells: Doorbells,
}

const _: () = assert!(size_of::<ArenaHeader>() <= ARENA_HEADER_SPACE);

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
///  | header: shape, doorbells | slot 0 | slot 1 | ... |     one memfd, its size sealed, mapped once
/// ```
#[derive(Clone, Debug)]
pub struct Arena {
    region: Arc<Region>,
    file: Option<Arc<OwnedFd>>,
    slots: u32,
    geometry: Geometry,
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
        Ok(Self { region: Arc::new(region), file: Some(Arc::new(file)), slots, geometry })
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
        Ok(Self { region: Arc::new(region), file: None, slots, geometry })
    }

    /// The memory's descriptor, to be sent to the client; `None` where the arena was mapped and not created.
    #[must_use]
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.file.as_deref().map(OwnedFd::as_fd)
    }

    /// How many slots there are.
    #[must_use]
    pub fn slots(&self) -> u32 {
        self.slots
    }

    /// A slot by its index. New memory is zero: the engine calls [`Slot::reset`] when it hands a slot out.
    #[must_use]
    pub fn slot(&self, index: u32) -> Option<Slot> {
        (index < self.slots).then(|| Slot::new(self.region.clone(), self.slot_at(index), self.geometry))
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

    /// Gives the memory of a free slot's rings back to the system. Its header stays.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where the arena was mapped and not created.
    pub fn forget(&self, index: u32) -> io::Result<()> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        if index >= self.slots {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let start = (self.slot_at(index) + HEADER_SPACE) as u64;
        let len = (self.geometry.stride() - HEADER_SPACE) as u64;
        Ok(rustix::fs::fallocate(file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, start, len)?)
    }

    fn slot_at(&self, index: u32) -> usize {
        ARENA_HEADER_SPACE + index as usize * self.geometry.stride()
    }
}

/// Bytes of an arena; `None` if it cannot be.
fn size(slots: u32, geometry: Geometry) -> Option<usize> {
    let orders = MIN_ORDER..=MAX_ORDER;
    let is_possible = (1..=MAX_SLOTS).contains(&slots)
        && orders.contains(&geometry.send_order)
        && orders.contains(&geometry.recv_order);
    is_possible
        .then(|| geometry.stride().checked_mul(slots as usize)?.checked_add(ARENA_HEADER_SPACE))
        .flatten()
}

#[cfg(all(test, not(miri)))]
mod tests;
