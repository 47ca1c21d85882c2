//! The scoreboard (RFC 6675, section 3): a record for each segment that is outstanding.
//!
//! ```text
//!   SND.UNA                                                   SND.NXT
//!     | lost, resent | SACKED | lost | SACKED | SACKED | in flight |     ring, by sequence number
//!          ^                     ^                           ^
//!          |  in the order of sending: a list through the records that are in flight
//!          +--- to_send: what is lost and not in the network again, first number first
//! ```
//!
//! A peer buys no more than a logarithm with a block, and amortised constant work with each segment that it acknowledges: the
//! records that a block covers already are stepped over ([`Record::next_hole`] is a forest whose paths are halved). What walks over
//! all records is paid for by text sent since, or by a time-out ([`Scoreboard::take_walk`]).

mod order;
mod walk;

use alloc::collections::{BinaryHeap, VecDeque};
use core::cmp::Reverse;
use core::ops::Range;
use sockeye_clock::Instant;
use sockeye_wire::{SackBlock, SeqNum};

use super::rate::Departure;
use super::rate::Stamp;
use super::record::{Marks, Record};

pub(crate) use order::NONE;

/// Ids are 31 bits wide, so that no id is [`NONE`].
const ID_MASK: u32 = u32::MAX >> 1;
/// Where there are more records than this for each `mss` outstanding none is cut.
const MOST_CUT: usize = 3;
/// Records whose memory is kept while nothing is outstanding.
const KEPT: usize = 1024;

/// A number of segments, and what they hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Segments.
    pub(crate) segments: u32,
    /// Sequence numbers.
    pub(crate) bytes: u32,
}

impl Tally {
    const fn add(&mut self, record: &Record) {
        self.segments += 1;
        self.bytes += record.len();
    }

    const fn remove(&mut self, record: &Record) {
        self.segments -= 1;
        self.bytes -= record.len();
    }
}

/// The records of what is outstanding.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scoreboard {
    ring: VecDeque<Record>,
    /// Id of the first record.
    base: u32,
    /// Records ever removed: place of the first record in the order of `to_send`.
    removed: u64,
    /// Records that may be walked over, all at once: [`Self::take_walk`].
    walk_credit: u64,
    /// Ends of the list in the order of sending.
    oldest: u32,
    newest: u32,
    /// The last in that list that [`Self::last_sent_before`] found.
    boundary: u32,
    /// Lost and not in the network again; entries that are neither any more are skipped.
    to_send: BinaryHeap<Reverse<u64>>,
    sacked: Tally,
    lost: Tally,
    resent: Tally,
    /// Records that were sent more than once.
    twice: u32,
    /// The end of the highest segment that was ever SACKed.
    fack: Option<SeqNum>,
    /// The last segment that was found lost, until somebody asks.
    newly_lost: Option<Departure>,
}

/// What is outstanding.
impl Scoreboard {
    pub(crate) fn new() -> Self {
        Self { oldest: NONE, newest: NONE, boundary: NONE, ..Self::default() }
    }

    /// Segments outstanding.
    pub(crate) fn segments(&self) -> u32 {
        self.ring.len() as u32
    }

    pub(crate) const fn sacked(&self) -> Tally {
        self.sacked
    }

    pub(crate) const fn lost(&self) -> Tally {
        self.lost
    }

    pub(crate) const fn resent(&self) -> Tally {
        self.resent
    }

    /// Whether everything outstanding was sent once, and nothing is known of it.
    pub(crate) const fn is_untouched(&self) -> bool {
        self.sacked.segments == 0 && self.lost.segments == 0 && self.twice == 0
    }

    pub(crate) fn first(&self) -> Option<&Record> {
        self.ring.front()
    }

    pub(crate) fn last(&self) -> Option<&Record> {
        self.ring.back()
    }

    /// The record at `index`, from the first one.
    pub(crate) fn get(&self, index: usize) -> Option<&Record> {
        self.ring.get(index)
    }

    /// The end of the highest segment that was SACKed; `una` if none is.
    pub(crate) fn fack(&self, una: SeqNum) -> SeqNum {
        match self.fack {
            Some(fack) if self.sacked.segments > 0 && fack.after(una) => fack,
            Some(_) | None => una,
        }
    }

    /// Text that was never sent goes out.
    pub(crate) fn push(&mut self, now: Instant, text: Range<SeqNum>, stamp: Stamp, marks: Marks) {
        let id = self.id(self.ring.len());
        self.ring.push_back(Record {
            start: text.start,
            end: text.end,
            sent: now,
            stamp,
            marks,
            earlier: NONE,
            later: NONE,
            next_hole: id,
        });
        self.append(id);
        self.earn_walk();
    }

    /// The record at `index` goes out again, because it was lost or as a probe.
    pub(crate) fn on_resent(&mut self, now: Instant, index: usize, stamp: Stamp, marks: Marks) {
        self.unlist(self.id(index));
        let place = Reverse(self.removed + index as u64);
        while self.to_send.peek() == Some(&place) {
            self.to_send.pop();
        }
        let record = &mut self.ring[index];
        record.sent = now;
        record.stamp = stamp;
        self.twice += u32::from(!record.is(Marks::EVER_RESENT));
        record.marks.set(Marks::EVER_RESENT);
        record.marks.clear(Marks::PARTIAL);
        record.marks.set(marks);
        if record.is(Marks::LOST) && !record.is(Marks::RESENT) {
            record.marks.set(Marks::RESENT);
            self.resent.add(record);
        }
        if !record.is(Marks::SACKED) {
            self.append(self.id(index));
        }
    }

    /// SND.UNA moved: takes off the first record if it is acknowledged whole.
    pub(crate) fn pop_acknowledged(&mut self, una: SeqNum) -> Option<Record> {
        self.ring.front().filter(|first| !first.end.after(una))?;
        self.unlist(self.base);
        let first = self.ring.pop_front()?;
        self.discount(&first);
        self.twice -= u32::from(first.is(Marks::EVER_RESENT));
        self.base = (self.base + 1) & ID_MASK;
        self.removed += 1;
        if self.ring.is_empty() {
            self.on_empty();
        }
        Some(first)
    }

    /// SND.UNA may lie within the first record.
    pub(crate) fn trim(&mut self, una: SeqNum) {
        let Some(first) = self.ring.front_mut().filter(|first| first.start.before(una)) else { return };
        let before = *first;
        first.start = una;
        if first.is(Marks::PARTIAL) {
            // The rest of it is not in the network.
            first.marks.clear(Marks::PARTIAL);
            first.marks.clear(Marks::RESENT);
            if first.is(Marks::LOST) {
                self.to_send.push(Reverse(self.removed));
            }
        }
        let after = *first;
        self.discount(&before);
        self.count(&after);
        if after.is(Marks::LOST) && !after.is(Marks::RESENT) {
            self.unlist(self.base);
        }
    }

    fn count(&mut self, record: &Record) {
        for (mark, tally) in self.tallies() {
            if record.is(mark) {
                tally.add(record);
            }
        }
    }

    fn discount(&mut self, record: &Record) {
        if self.is_untouched() {
            return;
        }
        for (mark, tally) in self.tallies() {
            if record.is(mark) {
                tally.remove(record);
            }
        }
    }

    fn tallies(&mut self) -> [(Marks, &mut Tally); 3] {
        [(Marks::SACKED, &mut self.sacked), (Marks::LOST, &mut self.lost), (Marks::RESENT, &mut self.resent)]
    }

    /// Memory that only a long flight needed is given back.
    fn on_empty(&mut self) {
        self.to_send.clear();
        self.fack = None;
        if self.ring.capacity() > KEPT {
            self.ring = VecDeque::new();
            self.to_send = BinaryHeap::new();
        }
    }
}

/// What the peer has out of order.
impl Scoreboard {
    /// The first record that `block` covers whole and that is not SACKED, from `from` on: its index.
    pub(crate) fn next_in(&mut self, block: &SackBlock, from: usize) -> Option<usize> {
        let id = self.find_hole(self.id(from));
        let index = self.index(id);
        let record = self.ring.get(index)?;
        // As Linux: a segment of which only a part is SACKed is not.
        (!record.end.after(block.right)).then_some(index)
    }

    /// The index of the first record that starts at or after `seq`.
    pub(crate) fn index_from(&self, seq: SeqNum) -> usize {
        self.ring.partition_point(|record| record.start.before(seq))
    }

    /// The peer has the record at `index`.
    pub(crate) fn mark_sacked(&mut self, index: usize) {
        let id = self.id(index);
        self.unlist(id);
        let record = &mut self.ring[index];
        let before = *record;
        record.marks.clear(Marks::LOST);
        record.marks.clear(Marks::RESENT);
        record.marks.set(Marks::SACKED);
        record.next_hole = (id + 1) & ID_MASK;
        let after = *record;
        self.discount(&before);
        self.count(&after);
        if self.fack.is_none_or(|fack| after.end.after(fack)) {
            self.fack = Some(after.end);
        }
    }

    /// The peer took back what it said (RFC 2018, section 8).
    pub(crate) fn forget_sacks(&mut self) {
        for index in 0..self.ring.len() {
            let id = self.id(index);
            let record = &mut self.ring[index];
            record.marks.clear(Marks::SACKED);
            record.next_hole = id;
        }
        self.sacked = Tally::default();
        self.fack = None;
        self.relist();
        // What was SACKed while it was to be sent again will be found lost anew.
        let is_due = |record: &Record| record.is(Marks::LOST) && !record.is(Marks::RESENT);
        let due = self.ring.iter().zip(self.removed..).filter(|(record, _)| is_due(record));
        self.to_send = due.map(|(_, place)| Reverse(place)).collect();
    }

    /// The first id from `id` on that is not SACKED. Paths are halved on the way.
    fn find_hole(&mut self, mut id: u32) -> u32 {
        loop {
            let Some(next) = self.ring.get(self.index(id)).map(|record| record.next_hole) else { return id };
            if next == id {
                return id;
            }
            let beyond = self.ring.get(self.index(next)).map_or(next, |record| record.next_hole);
            let index = self.index(id);
            self.ring[index].next_hole = beyond;
            id = beyond;
        }
    }
}

/// What is lost.
impl Scoreboard {
    /// The record at `index` is lost, or lost again. Returns the sequence numbers that this is news of.
    pub(crate) fn mark_lost(&mut self, index: usize) -> u32 {
        let id = self.id(index);
        let place = self.removed + index as u64;
        let record = &mut self.ring[index];
        if record.is(Marks::SACKED) || (record.is(Marks::LOST) && !record.is(Marks::RESENT)) {
            return 0;
        }
        if self.lost.segments == self.resent.segments {
            // What is still in the list has arrived.
            self.to_send.clear();
        }
        let before = *record;
        self.newly_lost = Some(before.stamp.departure(before.len()));
        record.marks.set(Marks::LOST);
        record.marks.clear(Marks::RESENT);
        let after = *record;
        self.discount(&before);
        self.count(&after);
        self.unlist(id);
        self.to_send.push(Reverse(place));
        after.len()
    }

    /// The last segment that was found lost since this was last asked.
    pub(crate) const fn take_newly_lost(&mut self) -> Option<Departure> {
        self.newly_lost.take()
    }

    /// The first record that is lost and not in the network again.
    pub(crate) fn next_to_send(&mut self) -> Option<usize> {
        while let Some(&Reverse(place)) = self.to_send.peek() {
            let index = place.checked_sub(self.removed).and_then(|index| usize::try_from(index).ok());
            if let Some(index) = index
                && let Some(record) = self.ring.get(index)
                && record.is(Marks::LOST)
                && !record.is(Marks::RESENT)
            {
                return Some(index);
            }
            self.to_send.pop();
        }
        None
    }

    /// Nothing was lost after all.
    pub(crate) fn unmark_lost(&mut self) {
        for record in &mut self.ring {
            record.marks.clear(Marks::LOST);
            record.marks.clear(Marks::RESENT);
        }
        self.lost = Tally::default();
        self.resent = Tally::default();
        self.to_send.clear();
        self.relist();
    }

    /// Whether records may be cut: the walk is paid, and there are not too many already. An MTU that shrinks byte by byte leaves a
    /// short rest of each record every time.
    pub(crate) fn may_cut_to(&mut self, mss: u32) -> bool {
        let (Some(first), Some(last)) = (self.first(), self.last()) else { return false };
        let whole = (last.end.since(first.start) / mss.max(1)) as usize + 1;
        self.ring.len() <= whole * MOST_CUT && self.take_walk()
    }

    /// Records longer than `mss` are cut: the path takes no longer ones any more. A walk over all of them.
    pub(crate) fn cut_to(&mut self, mss: u32) {
        let whole = core::mem::take(&mut self.ring);
        let mut cut = VecDeque::with_capacity(whole.len() * 2);
        for record in whole {
            let mut rest = record;
            while rest.len() > mss {
                let mut head = Record { end: rest.start + mss, ..rest };
                head.marks.clear(Marks::BURST_END);
                rest.start = head.end;
                cut.push_back(head);
                if rest.is(Marks::PARTIAL) {
                    // Only its head is in the network again.
                    rest.marks.clear(Marks::PARTIAL);
                    rest.marks.clear(Marks::RESENT);
                }
            }
            cut.push_back(rest);
        }
        self.ring = cut;
        self.recount();
        self.relist();
    }

    fn recount(&mut self) {
        (self.sacked, self.lost, self.resent) = (Tally::default(), Tally::default(), Tally::default());
        self.twice = 0;
        self.to_send.clear();
        for index in 0..self.ring.len() {
            let id = self.id(index);
            let record = &mut self.ring[index];
            record.next_hole = if record.is(Marks::SACKED) { (id + 1) & ID_MASK } else { id };
            let record = *record;
            self.count(&record);
            self.twice += u32::from(record.is(Marks::EVER_RESENT));
            if record.is(Marks::LOST) && !record.is(Marks::RESENT) {
                self.to_send.push(Reverse(self.removed + index as u64));
            }
        }
    }
}

/// Ids: they stay when records before them are removed.
impl Scoreboard {
    const fn id(&self, index: usize) -> u32 {
        self.base.wrapping_add(index as u32) & ID_MASK
    }

    pub(super) const fn id_of_first(&self) -> u32 {
        self.base
    }

    pub(super) const fn id_after(&self, id: u32) -> u32 {
        id.wrapping_add(1) & ID_MASK
    }

    pub(crate) const fn index(&self, id: u32) -> usize {
        (id.wrapping_sub(self.base) & ID_MASK) as usize
    }

    pub(crate) fn assert_invariants(&self, una: SeqNum, nxt: SeqNum) {
        let mut next = una;
        let mut copy = Self::default();
        for record in &self.ring {
            assert_eq!(record.start, next, "records follow each other from SND.UNA on");
            assert!(record.end.after(record.start), "a record takes up sequence numbers");
            next = record.end;
            let is_lost = record.is(Marks::LOST);
            assert!(!(is_lost && record.is(Marks::SACKED)), "what arrived is not lost");
            assert!(is_lost || !record.is(Marks::RESENT), "only what is lost is sent again");
            copy.count(record);
            copy.twice += u32::from(record.is(Marks::EVER_RESENT));
        }
        assert_eq!(next, nxt, "up to SND.NXT");
        assert_eq!((copy.sacked, copy.lost, copy.resent), (self.sacked, self.lost, self.resent));
        assert_eq!(copy.twice, self.twice);
        let due =
            self.ring.iter().filter(|record| record.is(Marks::LOST) && !record.is(Marks::RESENT)).count();
        assert!(due <= self.to_send.len(), "what is lost is sent again");
        self.assert_order();
    }
}

#[cfg(test)]
mod tests;
