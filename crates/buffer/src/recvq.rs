//! RecvQ: bytes that have arrived and that the program has not read, with their out-of-order successors.

use core::ops::Range;

use crate::assembler::Assembler;
use crate::ring::{NEAR_ORDER, Ring, least_order};
use crate::sync::{Ordering, fence};
use crate::{Flag, Slot, Text};

/// The engine's half: the producer, with the assembler of out-of-order ranges.
///
/// ```text
///  head (hostile)          tail (RCV.NXT)                                head seen + limit
///     |------- len() ---------|------------- window() ----------------------|
///                             |   [ out of order ]     [ out of order ]     |
/// ```
#[derive(Debug)]
pub struct RecvQ {
    slot: Slot,
    ring: Ring,
    /// The most that was held since the ring was chosen, bytes.
    most: usize,
    limit: u32,
    /// No more is to be held for the time being, whatever the limit, bytes; `u32::MAX` for no bound.
    allowance: u32,
    head: u64,
    tail: u64,
    ring_at: u64,
    assembler: Assembler,
    /// Bytes in it.
    out_of_order: u32,
    clamped: u32,
}

impl RecvQ {
    pub(crate) fn new(slot: Slot, limit: usize) -> Self {
        let limit = in_header(limit.min(slot.max_recv()));
        let ring = slot.recv_ring(NEAR_ORDER, 0);
        let assembler = Assembler::default();
        let (ring_at, allowance, out_of_order, clamped) = (u64::MAX, u32::MAX, 0, 0);
        let (most, head, tail) = (0, 0, 0);
        let queue = Self {
            slot,
            ring,
            most,
            limit,
            allowance,
            head,
            tail,
            ring_at,
            assembler,
            out_of_order,
            clamped,
        };
        let header = queue.slot.header();
        header.receiver.recv_head.store(0, Ordering::Relaxed);
        header.engine.recv_tail.store(0, Ordering::Relaxed);
        header.engine.recv_origin.store(0, Ordering::Relaxed);
        header.engine.ring_at.store(u64::MAX, Ordering::Relaxed);
        queue.publish_ring();
        queue.publish_limit();
        queue
    }

    /// Bytes it may hold: the SO_RCVBUF in force.
    #[must_use]
    #[inline]
    pub fn limit(&self) -> usize {
        self.limit as usize
    }

    /// Bytes that may be held now: the limit, or less for the time being.
    #[must_use]
    #[inline]
    pub fn allowed(&self) -> usize {
        self.limit.min(self.allowance) as usize
    }

    /// What [`allow`](Self::allow) was called with last; `usize::MAX` at first.
    #[must_use]
    pub fn allowance(&self) -> usize {
        if self.allowance == u32::MAX { usize::MAX } else { self.allowance as usize }
    }

    /// Bytes in order that the program has not read, by the head last seen.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        (self.tail - self.head) as usize
    }

    /// Whether nothing waits to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the program has read everything that has come so far, also what came out of order.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.slot.header().receiver.recv_head.load(Ordering::Acquire) == self.tail
            && self.assembler.is_empty()
    }

    /// Whether the program has found the end of file.
    #[must_use]
    pub fn is_end_found(&self) -> bool {
        self.slot.header().readiness.flags.load(Ordering::Relaxed) & Flag::END_FOUND != 0
    }

    /// Bytes that arrived in order since the start.
    #[must_use]
    pub fn tail(&self) -> u64 {
        self.tail
    }

    pub(crate) fn header(&self) -> &crate::SlotHeader {
        self.slot.header()
    }

    /// Bytes that may be placed after tail: allowed - len.
    #[must_use]
    #[inline]
    pub fn window(&self) -> usize {
        self.allowed().saturating_sub(self.len())
    }

    /// How often the program's head had to be clamped: 0 unless the program breaks the protocol.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.clamped.into()
    }

    /// Loads the program's head once, clamps it to `[seen head, tail]`, and returns how many bytes were read since.
    #[inline]
    pub fn refresh(&mut self) -> usize {
        let told = self.slot.header().receiver.recv_head.load(Ordering::Acquire);
        if told < self.head || told > self.tail {
            self.clamped = self.clamped.saturating_add(1);
        }
        let head = told.clamp(self.head, self.tail);
        let read = (head - self.head) as usize;
        self.head = head;
        read
    }

    /// Copies `text` to its place, `offset` bytes after tail, cut at the window. Bytes already held are not written again. If
    /// bytes at tail thereby become contiguous, publishes the new tail with one store.
    /// Returns by how many bytes the tail moved.
    ///
    /// Text that would start one separate range too many is not placed: the peer sends it again.
    pub fn place(&mut self, offset: usize, text: &Text<'_>) -> usize {
        let len = text.len().min(self.window().saturating_sub(offset));
        if len == 0 {
            return 0;
        }
        let start = self.tail + offset as u64;
        let range = start..start + len as u64;
        self.choose_ring(range.end);
        if offset > 0 {
            if self.assembler.accepts(&range) {
                self.fill(&range, text);
                self.assembler.add(range);
                self.count_out_of_order();
            }
            return 0;
        }
        self.fill(&range, text);
        let mut tail = range.end;
        if !self.assembler.is_empty() {
            tail = self.assembler.advance(tail);
            self.count_out_of_order();
        }
        let moved = (tail - self.tail) as usize;
        self.tail = tail;
        self.slot.header().engine.recv_tail.store(tail, Ordering::Release);
        moved
    }

    /// The out-of-order ranges, as offsets from tail, in order; at most a constant number is kept.
    pub fn out_of_order(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        let offset = |position: u64| (position - self.tail) as usize;
        self.assembler.ranges().iter().map(move |range| offset(range.start)..offset(range.end))
    }

    /// The out-of-order range that holds the byte at `offset`, both counted from tail.
    #[must_use]
    pub fn out_of_order_at(&self, offset: usize) -> Option<Range<usize>> {
        let range = self.assembler.containing(self.tail + offset as u64)?;
        Some((range.start - self.tail) as usize..(range.end - self.tail) as usize)
    }

    /// The first part of `range` that is held out of order, in offsets from tail.
    #[must_use]
    pub fn first_held(&self, range: &Range<usize>) -> Option<Range<usize>> {
        let positions = self.tail + range.start as u64..self.tail + range.end as u64;
        let held = self.assembler.first_held(&positions)?;
        Some((held.start - self.tail) as usize..(held.end - self.tail) as usize)
    }

    /// Where the last out-of-order range ends, as an offset from tail.
    #[must_use]
    pub fn out_of_order_end(&self) -> Option<usize> {
        self.assembler.end().map(|end| (end - self.tail) as usize)
    }

    /// Bytes held out of order.
    #[must_use]
    #[inline]
    pub fn out_of_order_len(&self) -> usize {
        self.out_of_order as usize
    }

    /// Forgets what is held out of order from `offset` on, counted from tail: the peer has to send it again. Returns how many bytes that
    /// was.
    pub fn prune(&mut self, offset: usize) -> usize {
        let before = self.out_of_order_len();
        self.assembler.truncate(self.tail.saturating_add(offset as u64));
        self.count_out_of_order();
        before - self.out_of_order_len()
    }

    /// Whether anything is held out of order.
    #[must_use]
    #[inline]
    pub fn has_out_of_order(&self) -> bool {
        !self.assembler.is_empty()
    }

    /// Asks the program to ring when it has read up to `bytes` more bytes than the head last seen
    /// (a window update is then worth sending). `None`: no need to ring.
    ///
    /// Returns whether the program has read that far already, and so may not ring any more: then [`refresh`](Self::refresh).
    #[inline]
    pub fn ring_after(&mut self, bytes: Option<usize>) -> bool {
        let ring_at = bytes.map_or(u64::MAX, |bytes| self.head.saturating_add(bytes as u64));
        if ring_at == self.ring_at {
            return false;
        }
        self.ring_at = ring_at;
        let header = self.slot.header();
        header.engine.ring_at.store(ring_at, Ordering::Relaxed);
        if ring_at == u64::MAX {
            return false;
        }
        // With the fence in `consume`: either the program sees the new word, or its head is seen here.
        fence(Ordering::SeqCst);
        header.receiver.recv_head.load(Ordering::Relaxed) >= ring_at
    }

    /// Changes the limit (bytes; at most what the slot has room for); the program may be reading meanwhile. Everything held is kept, and
    /// the window never shrinks below what was offered: the caller offers less as bytes arrive.
    pub fn set_limit(&mut self, limit: usize) {
        self.refresh();
        self.limit = in_header(limit.min(self.slot.max_recv()));
        self.publish_limit();
    }

    /// For the time being no more than `allowance` bytes are to be held, although the limit stays; `usize::MAX` for no bound but the
    /// limit. Everything held is kept.
    pub fn allow(&mut self, allowance: usize) {
        self.allowance = in_header(allowance);
        self.publish_limit();
    }

    /// The queue of what is held in order, if there is any: nothing comes to it any more, and the program is asked to ring when it has read
    /// all. This one is not to be used from now on.
    #[must_use]
    pub fn take_rest(&mut self) -> Option<Self> {
        self.refresh();
        if self.is_empty() || self.ring_after(Some(self.len())) {
            return None;
        }
        let (slot, assembler) = (self.slot.clone(), Assembler::default());
        Some(Self { slot, assembler, out_of_order: 0, ..*self })
    }

    /// Bytes that the program has read since the queue was opened, by the head last seen.
    #[must_use]
    pub fn read_in_all(&self) -> u64 {
        self.head
    }

    /// Sees to it that the ring has room for positions up to `end`.
    #[inline]
    fn choose_ring(&mut self, end: u64) {
        let needed = (end - self.head) as usize;
        if needed > self.ring.capacity() {
            self.make_room(end);
        } else if self.ring.is_passed(self.tail) && !self.ring.is_near() && self.assembler.is_empty() {
            self.restart_if_empty(end);
        }
        if needed > self.most {
            self.most = self.most.max((end - self.told_head()) as usize);
        }
    }

    /// The program's head, which may not have been seen as yet.
    fn told_head(&self) -> u64 {
        // Acquire: the program has read what was there.
        self.slot.header().receiver.recv_head.load(Ordering::Acquire).clamp(self.head, self.tail)
    }

    /// Copies what is held to a larger ring, if that of now has no room for positions up to `end`.
    fn make_room(&mut self, end: u64) {
        let head = self.told_head();
        let needed = (end - head) as usize;
        if needed <= self.ring.capacity() {
            return;
        }
        let origin = if self.ring.is_near() { head } else { self.ring.origin() };
        let larger = self.slot.recv_ring(least_order(needed), origin);
        self.ring.move_to(larger, self.slot.region(), head..self.tail);
        for range in self.assembler.ranges() {
            self.ring.move_to(larger, self.slot.region(), range.clone());
        }
        self.ring = larger;
        self.publish_ring();
    }

    /// If nothing is held: text up to `end` goes to the start of this ring, or of a smaller one, if that was enough.
    fn restart_if_empty(&mut self, end: u64) {
        if self.told_head() != self.tail {
            return;
        }
        let needed = least_order((end - self.tail) as usize);
        let enough =
            if self.most * 2 <= self.ring.capacity() { self.ring.order() - 1 } else { self.ring.order() };
        let order = if needed == NEAR_ORDER { needed } else { enough.max(needed) };
        self.ring = self.slot.recv_ring(order, self.tail);
        self.most = 0;
        self.publish_ring();
    }

    /// Writes those parts of `range` that are not held. `text` begins where `range` does.
    fn fill(&mut self, range: &Range<u64>, text: &Text<'_>) {
        if self.assembler.is_empty() {
            let len = (range.end - range.start) as usize;
            self.ring.write(self.slot.region(), range.start, &text.slice(0, len));
            return;
        }
        for gap in self.assembler.gaps(range.clone()) {
            let part = text.slice((gap.start - range.start) as usize, (gap.end - gap.start) as usize);
            self.ring.write(self.slot.region(), gap.start, &part);
        }
    }

    fn publish_ring(&self) {
        let engine = &self.slot.header().engine;
        engine.recv_origin.store(self.ring.origin(), Ordering::Relaxed);
        // Release: who sees this sees the origin and what was copied.
        engine.recv_ring.store(self.ring.order(), Ordering::Release);
    }

    fn count_out_of_order(&mut self) {
        self.out_of_order = in_header(usize::try_from(self.assembler.len()).unwrap_or(usize::MAX));
    }

    fn publish_limit(&self) {
        self.slot.header().engine.recv_limit.store(self.allowed() as u32, Ordering::Release);
    }
}

/// As the header has it: no ring is so large that this is less.
fn in_header(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The program's half: the consumer. Stateless like the writer; callers serialise on the slot's receive lock.
#[derive(Clone, Debug)]
pub struct RecvQReader {
    slot: Slot,
}

impl RecvQReader {
    pub(crate) fn new(slot: Slot) -> Self {
        Self { slot }
    }

    pub(crate) fn header(&self) -> &crate::SlotHeader {
        self.slot.header()
    }

    /// Bytes that can be read now.
    #[must_use]
    pub fn len(&self) -> usize {
        let (_, len) = self.held();
        len
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies up to `out.len()` bytes, beginning `skip` bytes after head, without consuming them.
    pub fn peek(&self, skip: usize, out: &mut [u8]) -> usize {
        let (head, len) = self.held();
        let skip = skip.min(len);
        let len = out.len().min(len - skip);
        if len == 0 {
            return 0;
        }
        self.ring().text(self.slot.region(), head.wrapping_add(skip as u64), len).copy_to(out)
    }

    /// Writes up to `most` bytes from head on to a pipe, without waiting for room and without consuming them; returns how many it took.
    /// 0 is that there are none.
    ///
    /// # Errors
    /// EAGAIN if the pipe is full; what else the system says of it.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    pub fn peek_to_pipe(&self, pipe: std::os::fd::BorrowedFd<'_>, most: usize) -> rustix::io::Result<usize> {
        let (head, len) = self.held();
        let len = len.min(most);
        if len == 0 {
            return Ok(0);
        }
        self.slot.region().write_to_pipe(pipe, self.ring().places(head, len))
    }

    /// Consumes `len` bytes (clamped) with one store of head; says whether the engine wants the doorbell rung.
    #[inline]
    pub fn consume(&self, len: usize) -> bool {
        let (head, held) = self.held();
        let head = head.wrapping_add(len.min(held) as u64);
        let header = self.slot.header();
        header.receiver.recv_head.store(head, Ordering::Release);
        // With the fence in `ring_after`: either the engine sees this head, or its word is seen here.
        fence(Ordering::SeqCst);
        head >= header.engine.ring_at.load(Ordering::Relaxed)
    }

    /// The ring of when the tail was told, or a larger one, into which what was held was copied.
    fn ring(&self) -> Ring {
        let engine = &self.slot.header().engine;
        let order = engine.recv_ring.load(Ordering::Acquire);
        // The origin stays as long as there is something to read in a far ring.
        self.slot.recv_ring(order, engine.recv_origin.load(Ordering::Relaxed))
    }

    /// Head, and how many bytes are held from there.
    fn held(&self) -> (u64, usize) {
        let header = self.slot.header();
        let head = header.receiver.recv_head.load(Ordering::Relaxed);
        let tail = header.engine.recv_tail.load(Ordering::Acquire);
        (head, usize::try_from(tail.saturating_sub(head)).unwrap_or(usize::MAX))
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
