//! SendQ: bytes that the program has sent and the peer has not acknowledged.

use crate::raw::Run;
use crate::ring::{NEAR, Ring, order_for};
use crate::sync::Ordering;
use crate::{Slot, Text};

/// The engine's half: the consumer.
///
/// ```text
///   head (SND.UNA)                      seen tail         tail (hostile)
///     |------------- len() -----------------|- refresh() ----|
/// ```
#[derive(Debug)]
pub struct SendQ {
    slot: Slot,
    /// Where the held bytes are, as far as they were seen.
    ring: Ring,
    /// log2 of the size of the far ring.
    order: u32,
    limit: usize,
    head: u64,
    tail: u64,
    clamped: u64,
}

impl SendQ {
    pub(crate) fn new(slot: Slot, limit: usize) -> Self {
        let limit = limit.min(slot.max_send());
        let (ring, order) = (slot.near_send_ring(), order_for(limit));
        let queue = Self { slot, ring, order, limit, head: 0, tail: 0, clamped: 0 };
        let header = queue.slot.header();
        header.sender.send_tail.store(0, Ordering::Relaxed);
        header.sender.send_origin.store(0, Ordering::Relaxed);
        header.sender.send_far.store(0, Ordering::Relaxed);
        header.engine.send_head.store(0, Ordering::Relaxed);
        header.engine.notsent_low.store(0, Ordering::Relaxed);
        queue.publish_geometry();
        queue
    }

    /// Bytes it may hold: the SO_SNDBUF in force.
    #[must_use]
    #[inline]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that the far ring has room for: the limit can be raised to this without moving it.
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> usize {
        1 << self.order
    }

    /// Bytes between head and the tail last seen.
    #[must_use]
    pub fn len(&self) -> usize {
        (self.tail - self.head) as usize
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes acknowledged since the start.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// How often the program's tail had to be clamped: 0 unless the program breaks the protocol.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Loads the program's tail once, clamps it to `[seen tail, head + limit]`, and returns how many bytes are new.
    #[inline]
    pub fn refresh(&mut self) -> usize {
        let told = self.slot.header().sender.send_tail.load(Ordering::Acquire);
        if told == self.tail {
            return 0;
        }
        let room = self.limit.saturating_sub(self.len()) as u64;
        let new = told.checked_sub(self.tail);
        self.clamped += u64::from(new.is_none_or(|new| new > room));
        let new = new.unwrap_or(0).min(room);
        let was_empty = self.is_empty();
        self.tail += new;
        if was_empty || self.ring.is_near() {
            self.find_ring();
        }
        new as usize
    }

    /// Where the program has written what is held. From the near ring it moves to the far one with all that is held.
    fn find_ring(&mut self) {
        let sender = &self.slot.header().sender;
        // Acquire: what was moved is there, and the origin is told.
        let is_far = sender.send_far.load(Ordering::Acquire) != 0;
        // Only a hostile program holds more in the near ring than that has room for. Let it have any bytes, as long as they are as many.
        self.ring = if is_far || self.len() > NEAR {
            self.far_ring(sender.send_origin.load(Ordering::Relaxed))
        } else {
            self.slot.near_send_ring()
        };
    }

    fn far_ring(&self, origin: u64) -> Ring {
        self.slot.far_send_ring(self.order, origin)
    }

    /// The bytes `[offset, offset + len)` counted from head; clamped to what is held.
    #[must_use]
    #[inline]
    pub fn text(&self, offset: usize, len: usize) -> Text<'_> {
        let offset = offset.min(self.len());
        let len = len.min(self.len() - offset);
        self.ring.text(self.slot.region(), self.head + offset as u64, len)
    }

    /// Gives `len` bytes at head back to the program: they are acknowledged.
    #[inline]
    pub fn release(&mut self, len: usize) {
        self.head += len.min(self.len()) as u64;
        self.slot.header().engine.send_head.store(self.head, Ordering::Release);
    }

    /// Tells the program how much of what it wrote was sent, for TCP_NOTSENT_LOWAT: it is not to write while `low` bytes or more were
    /// not, and no more than `most`. `low` 0 ends that.
    pub fn tell_sent(&self, in_flight: usize, low: u32, most: u32) {
        let engine = &self.slot.header().engine;
        engine.sent.store(self.head + in_flight.min(self.len()) as u64, Ordering::Release);
        engine.notsent_most.store(most, Ordering::Relaxed);
        engine.notsent_low.store(low, Ordering::Release);
    }

    /// Whether the program may call its side writable again, as far as [`tell_sent`](Self::tell_sent) has a say.
    #[must_use]
    #[inline]
    pub fn is_unsent_low(&self) -> bool {
        self.slot.header().is_unsent_low()
    }

    /// Changes the limit (bytes; at most what the slot has room for). The caller guarantees that the program does not write
    /// meanwhile; held bytes are kept and the ring moves if its size changes. A limit below what is held takes effect
    /// as bytes are released.
    pub fn set_limit(&mut self, limit: usize) {
        self.refresh();
        self.limit = limit.min(self.slot.max_send());
        let order = order_for(self.limit.max(self.len()));
        if order != self.order {
            self.order = order;
            if !self.ring.is_near() {
                let ring = self.far_ring(self.ring.origin());
                self.ring.move_to(ring, self.slot.region(), self.head..self.tail);
                self.ring = ring;
            }
        }
        self.publish_geometry();
    }

    /// Changes the limit (bytes) within what the ring has room for. The ring does not move, so the program may be writing meanwhile.
    pub fn cap(&mut self, limit: usize) {
        self.limit = limit.min(self.capacity());
        self.publish_geometry();
    }

    /// Whether the program may write at all. A program that is writing meanwhile may still fill up what it was told; what is held
    /// stays within the limit in any case.
    pub fn hold(&self, is_held: bool) {
        let limit = if is_held { 0 } else { self.limit };
        self.slot.header().engine.send_limit.store(limit as u32, Ordering::Release);
    }

    fn publish_geometry(&self) {
        let engine = &self.slot.header().engine;
        engine.send_order.store(self.order, Ordering::Release);
        engine.send_limit.store(self.limit as u32, Ordering::Release);
    }
}

/// The program's half: the producer. All state is in the slot, so copies of it in forked processes agree; its
/// callers serialise on the slot's send lock.
#[derive(Clone, Debug)]
pub struct SendQWriter {
    slot: Slot,
}

impl SendQWriter {
    pub(crate) fn new(slot: Slot) -> Self {
        Self { slot }
    }

    /// Bytes that can be written now.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free_in(self.far_ring())
    }

    /// Bytes written and not acknowledged.
    #[must_use]
    pub fn len(&self) -> usize {
        let header = self.slot.header();
        let head = header.engine.send_head.load(Ordering::Acquire);
        let tail = header.sender.send_tail.load(Ordering::Relaxed);
        usize::try_from(tail.saturating_sub(head)).unwrap_or(usize::MAX)
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies as many bytes as fit and publishes them with one store of the tail; returns how many.
    pub fn write(&self, bytes: &[u8]) -> usize {
        let far = self.far_ring();
        let written = bytes.len().min(self.free_in(far));
        if written == 0 {
            return 0;
        }
        let (ring, tail) = self.at_tail(far, written);
        let run = Run::from(&bytes[..written]);
        ring.write(self.slot.region(), tail, &Text::of_runs(run, Run::empty()));
        self.slot.header().sender.send_tail.store(tail.wrapping_add(written as u64), Ordering::Release);
        written
    }

    /// Reads as many bytes of a file as fit and are there, but `most`, and publishes them; returns how many. From `offset`, or (`None`)
    /// from where the file stands. 0 is no room, or the end of the file.
    ///
    /// # Errors
    /// What the system says of the file. Then nothing was published.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    pub fn write_from(
        &self,
        file: std::os::fd::BorrowedFd<'_>,
        offset: Option<u64>,
        most: usize,
    ) -> rustix::io::Result<usize> {
        let far = self.far_ring();
        let room = most.min(self.free_in(far));
        if room == 0 {
            return Ok(0);
        }
        let (ring, tail) = self.at_tail(far, room);
        let read = self.slot.region().read_from(file, offset, ring.places(tail, room))?;
        self.slot.header().sender.send_tail.store(tail.wrapping_add(read as u64), Ordering::Release);
        Ok(read)
    }

    fn far_ring(&self) -> Ring {
        let header = self.slot.header();
        let order = header.engine.send_order.load(Ordering::Acquire);
        self.slot.far_send_ring(order, header.sender.send_origin.load(Ordering::Relaxed))
    }

    /// The ring that the next `len` bytes go to, and the tail. What is held is then in the same ring.
    fn at_tail(&self, far: Ring, len: usize) -> (Ring, u64) {
        let sender = &self.slot.header().sender;
        let tail = sender.send_tail.load(Ordering::Relaxed);
        let near = self.slot.near_send_ring();
        if sender.send_far.load(Ordering::Relaxed) == 0 {
            let held = self.len();
            if held.saturating_add(len) <= NEAR {
                return (near, tail);
            }
            let head = tail.wrapping_sub(held as u64);
            let far = far.restarted(head);
            near.move_to(far, self.slot.region(), head..tail);
            sender.send_origin.store(head, Ordering::Relaxed);
            // Release: who sees this sees the origin and what was moved.
            sender.send_far.store(1, Ordering::Release);
            return (far, tail);
        }
        if !far.is_passed(tail) || !self.is_empty() {
            return (far, tail);
        }
        if len <= NEAR {
            sender.send_far.store(0, Ordering::Relaxed);
            return (near, tail);
        }
        sender.send_origin.store(tail, Ordering::Relaxed);
        (far.restarted(tail), tail)
    }

    fn free_in(&self, far: Ring) -> usize {
        let limit = self.slot.header().engine.send_limit.load(Ordering::Acquire) as usize;
        let free = limit.min(far.capacity()).saturating_sub(self.len());
        let header = self.slot.header();
        if header.engine.notsent_low.load(Ordering::Acquire) == 0 {
            return free;
        }
        let most = u64::from(header.engine.notsent_most.load(Ordering::Relaxed));
        free.min(usize::try_from(most.saturating_sub(header.unsent())).unwrap_or(usize::MAX))
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
