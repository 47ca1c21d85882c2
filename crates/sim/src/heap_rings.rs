//! Rings on the heap.

use sockeye_buffer::Slot;
use sockeye_stack::{Error, Passed, RingSource, Rings};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Room that a slot's rings have at least, bytes: SO_SNDBUF and SO_RCVBUF can grow that far.
const ROOM: usize = 1 << 18;

/// A [`RingSource`] that keeps slots on the heap, by tag. Clones are handles to the same slots: the network gets one, and its driver
/// keeps another to read and write with.
#[derive(Clone, Debug, Default)]
pub struct HeapRings {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Room of a slot's rings at least, bytes.
    room: usize,
    slots: HashMap<u64, Slot>,
    tags: u64,
}

impl HeapRings {
    /// A source without slots.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A source without slots, whose rings can grow to `room` bytes: for hosts with large `tcp_rmem` and `tcp_wmem`.
    #[must_use]
    pub fn with_room(room: usize) -> Self {
        let rings = Self::default();
        rings.lock().room = room;
        rings
    }

    /// A tag that was not used yet. Tags of [`Network::socket`](sockeye_stack::Network::socket) must come from here.
    #[must_use]
    pub fn new_tag(&self) -> u64 {
        let mut shared = self.lock();
        shared.tags += 1;
        shared.tags
    }

    /// The slot under a tag; `None` before a connection had rings, and after the stack and the program are both through with it.
    #[must_use]
    pub fn slot(&self, tag: u64) -> Option<Slot> {
        self.lock().slots.get(&tag).cloned()
    }

    /// Slots in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().slots.len()
    }

    /// Whether no slot is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // Each change of the table is one call: it is whole whatever panicked meanwhile.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RingSource for HeapRings {
    fn open(&mut self, tag: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error> {
        let room = self.lock().room.max(ROOM);
        let slot =
            Slot::try_on_heap(send_limit.max(room), recv_limit.max(room)).ok_or(Error::NoBufferSpace)?;
        let (sendq, recvq) = slot.open(send_limit, recv_limit);
        self.lock().slots.insert(tag, slot);
        Ok(Rings { sendq, recvq, tag })
    }

    fn open_passive(&mut self, _: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error> {
        let tag = self.new_tag();
        self.open(tag, send_limit, recv_limit)
    }

    fn close(&mut self, tag: u64, _: Passed) {
        self.lock().slots.remove(&tag);
    }
}
