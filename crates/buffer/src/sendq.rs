//! SendQ: bytes that the program has sent and the peer has not acknowledged.

use crate::raw::Run;
use crate::ring::{MAX_ORDER, NEAR_ORDER, Ring, least_order};
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
    /// The word that told so.
    seen_ring: u32,
    limit: usize,
    /// No more is to be held for the time being, whatever the limit, bytes; `u32::MAX` for no bound.
    allowance: u32,
    /// The largest limit that the program was told, which it may still be filling up.
    bound: usize,
    head: u64,
    tail: u64,
    clamped: u32,
}

impl SendQ {
    pub(crate) fn new(slot: Slot, limit: usize) -> Self {
        let limit = limit.min(slot.max_send());
        let ring = slot.send_ring(NEAR_ORDER, 0);
        let (bound, allowance) = (limit, u32::MAX);
        let queue = Self { slot, ring, seen_ring: 0, limit, allowance, bound, head: 0, tail: 0, clamped: 0 };
        let header = queue.slot.header();
        header.sender.send_tail.store(0, Ordering::Relaxed);
        header.sender.send_origin.store(0, Ordering::Relaxed);
        header.sender.send_ring.store(0, Ordering::Relaxed);
        header.engine.send_head.store(0, Ordering::Relaxed);
        header.engine.sent.store(0, Ordering::Relaxed);
        header.engine.notsent_default.store(0, Ordering::Relaxed);
        header.readiness.notsent_low_water.store(0, Ordering::Relaxed);
        header.engine.info.store(0, Ordering::Relaxed);
        queue.publish_limit();
        queue
    }

    /// Bytes it may hold: the SO_SNDBUF in force.
    #[must_use]
    #[inline]
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes that the program is told it may hold: the limit, or less for the time being.
    #[must_use]
    #[inline]
    pub fn allowed(&self) -> usize {
        self.limit.min(self.allowance())
    }

    /// What [`allow`](Self::allow) was called with last; `usize::MAX` at first.
    #[must_use]
    #[inline]
    pub fn allowance(&self) -> usize {
        if self.allowance == u32::MAX { usize::MAX } else { self.allowance as usize }
    }

    /// Bytes between head and the tail last seen.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        (self.tail - self.head) as usize
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether everything that the program has written so far is acknowledged.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.slot.header().sender.send_tail.load(Ordering::Acquire) == self.head
    }

    /// Where what is held is in the memory, and how many bytes: two places, for it may wrap.
    #[cfg(not(loom))]
    #[must_use]
    pub fn places(&self) -> [(usize, usize); 2] {
        self.ring.places(self.head, self.len())
    }

    /// The memory that it is in.
    #[must_use]
    pub fn slot(&self) -> &Slot {
        &self.slot
    }

    /// Bytes acknowledged since the start.
    #[must_use]
    pub fn head(&self) -> u64 {
        self.head
    }

    /// How often the program's tail had to be clamped: 0 unless the program breaks the protocol.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.clamped.into()
    }

    /// Loads the program's tail once, clamps it to `[seen tail, head + limit]`, the limit being the largest that the program was told, and
    /// returns how many bytes are new.
    #[inline]
    pub fn refresh(&mut self) -> usize {
        let told = self.slot.header().sender.send_tail.load(Ordering::Acquire);
        if told == self.tail {
            return 0;
        }
        let room = self.bound.saturating_sub(self.len()) as u64;
        let new = told.checked_sub(self.tail);
        self.clamped = self.clamped.saturating_add(u32::from(new.is_none_or(|new| new > room)));
        let new = new.unwrap_or(0).min(room);
        let was_empty = self.is_empty();
        self.tail += new;
        // Acquire: what was copied to another ring is there, and its origin was told before.
        let told_ring = self.slot.header().sender.send_ring.load(Ordering::Acquire);
        if was_empty || told_ring != self.seen_ring || self.len() > self.ring.capacity() {
            self.find_ring(told_ring);
        }
        new as usize
    }

    /// What is held is in the ring that the program told.
    fn find_ring(&mut self, told: u32) {
        let origin = self.slot.header().sender.send_origin.load(Ordering::Relaxed);
        self.seen_ring = told;
        self.ring = self.slot.send_ring(told, origin);
        if self.len() > self.ring.capacity() {
            // Only a hostile program does not choose a larger one. Let it have any bytes, as long as they are as many.
            self.ring = self.slot.send_ring(MAX_ORDER, origin);
        }
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

    /// Tells the program how much of what it wrote was sent.
    #[inline]
    pub fn tell_sent(&self, in_flight: usize) {
        let sent = self.head + in_flight.min(self.len()) as u64;
        self.slot.header().engine.sent.store(sent, Ordering::Release);
    }

    /// Tells the program how many bytes that were never sent it may write where TCP_NOTSENT_LOWAT is less.
    pub fn tell_goal(&self, goal: u32) {
        self.slot.header().engine.notsent_goal.store(goal, Ordering::Relaxed);
    }

    /// TCP_NOTSENT_LOWAT as the engine has been asked to set it (bytes; 0 for the default, `u32::MAX` for no bound), and the default (0 for
    /// no bound).
    pub fn set_notsent_low(&self, low: u32, default: u32) {
        let header = self.slot.header();
        header.engine.notsent_default.store(default, Ordering::Relaxed);
        header.readiness.notsent_low_water.store(low, Ordering::SeqCst);
    }

    /// TCP_NOTSENT_LOWAT as the program has set it.
    #[must_use]
    pub fn notsent_low(&self) -> u32 {
        self.slot.header().readiness.notsent_low_water.load(Ordering::SeqCst)
    }

    /// Whether the program may call its side writable again, as far as TCP_NOTSENT_LOWAT has a say.
    #[must_use]
    #[inline]
    pub fn is_unsent_low(&self) -> bool {
        self.slot.header().is_unsent_low()
    }

    /// Changes the limit (bytes; at most what the slot has room for). The program may be writing meanwhile, and fill up what it
    /// was told before. A limit below what is held takes effect as bytes are released.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit.min(self.slot.max_send());
        self.bound = self.bound.max(self.limit);
        self.publish_limit();
    }

    /// For the time being no more than `allowance` bytes are to be held, although the limit stays; `usize::MAX` for no bound but the
    /// limit. As with a limit, a program that is writing meanwhile may fill up what it was told before, and what is held stays.
    pub fn allow(&mut self, allowance: usize) {
        self.allowance = u32::try_from(allowance).unwrap_or(u32::MAX);
        self.publish_limit();
    }

    /// The largest limit that it can have, bytes.
    #[must_use]
    #[inline]
    pub fn capacity(&self) -> usize {
        self.slot.max_send()
    }

    /// Whether the program may write at all. A program that is writing meanwhile may still fill up what it was told; what is held
    /// stays within the limit in any case.
    pub fn hold(&self, is_held: bool) {
        let limit = if is_held { 0 } else { self.allowed() };
        self.slot.header().engine.send_limit.store(limit as u32, Ordering::Release);
    }

    fn publish_limit(&self) {
        self.slot.header().engine.send_limit.store(self.allowed() as u32, Ordering::Release);
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
        let header = self.slot.header();
        let limit = header.engine.send_limit.load(Ordering::Acquire) as usize;
        let free = limit.min(self.slot.max_send()).saturating_sub(self.len());
        free.min(usize::try_from(header.unsent_room()).unwrap_or(usize::MAX))
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
        let written = bytes.len().min(self.free());
        if written == 0 {
            return 0;
        }
        let (ring, tail) = self.at_tail(written);
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
        self.write_with(most, |places| self.slot.region().read_from(file, offset, places))
    }

    /// Reads as many bytes as fit and are in a pipe, but `most`, and publishes them; returns how many. It does not wait: 0 is no room, or
    /// the end of the pipe.
    ///
    /// # Errors
    /// EAGAIN if the pipe is empty; what else the system says of it. Then nothing was published, and nothing taken from the pipe.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    pub fn write_from_pipe(
        &self,
        pipe: std::os::fd::BorrowedFd<'_>,
        most: usize,
    ) -> rustix::io::Result<usize> {
        self.write_with(most, |places| self.slot.region().read_from_pipe(pipe, places))
    }

    /// Publishes what `read` puts into the places that it is given (each: where in the region, and how many bytes), which have room for
    /// `most` bytes or for as many as fit.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    fn write_with(
        &self,
        most: usize,
        read: impl FnOnce([(usize, usize); 2]) -> rustix::io::Result<usize>,
    ) -> rustix::io::Result<usize> {
        let room = most.min(self.free());
        if room == 0 {
            return Ok(0);
        }
        let (ring, tail) = self.at_tail(room);
        let read = read(ring.places(tail, room))?;
        self.slot.header().sender.send_tail.store(tail.wrapping_add(read as u64), Ordering::Release);
        Ok(read)
    }

    /// The ring that the next `len` bytes go to, and the tail. What is held is then in the same ring.
    fn at_tail(&self, len: usize) -> (Ring, u64) {
        let sender = &self.slot.header().sender;
        let tail = sender.send_tail.load(Ordering::Relaxed);
        let origin = sender.send_origin.load(Ordering::Relaxed);
        let ring = self.slot.send_ring(sender.send_ring.load(Ordering::Relaxed), origin);
        let held = self.len();
        let needed = held.saturating_add(len);
        if needed > ring.capacity() {
            return (self.move_to_larger(ring, needed), tail);
        }
        if held > 0 || ring.is_near() {
            return (ring, tail);
        }
        // Empty: a ring that is larger than it need be is left.
        let limit = self.slot.header().engine.send_limit.load(Ordering::Relaxed) as usize;
        let most = least_order(limit.max(needed));
        if ring.order() <= most && !ring.is_passed(tail) {
            return (ring, tail);
        }
        let order = if least_order(needed) == NEAR_ORDER { NEAR_ORDER } else { ring.order().min(most) };
        (self.choose(order, tail), tail)
    }

    /// Copies what is held from `ring` to one that has room for `needed` bytes.
    fn move_to_larger(&self, ring: Ring, needed: usize) -> Ring {
        let tail = self.slot.header().sender.send_tail.load(Ordering::Relaxed);
        let held = self.len().min(ring.capacity());
        let head = tail.wrapping_sub(held as u64);
        let origin = if ring.is_near() { head } else { ring.origin() };
        let larger = self.slot.send_ring(least_order(needed), origin);
        ring.move_to(larger, self.slot.region(), head..tail);
        self.choose(larger.order(), origin)
    }

    /// Tells the engine which ring is in use from now on.
    fn choose(&self, order: u32, origin: u64) -> Ring {
        let sender = &self.slot.header().sender;
        if order != NEAR_ORDER {
            sender.send_origin.store(origin, Ordering::Relaxed);
        }
        // Release: who sees this sees the origin and what was copied.
        sender.send_ring.store(order, Ordering::Release);
        self.slot.send_ring(order, origin)
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
