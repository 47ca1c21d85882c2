//! The order of sending: a list through the records that are in flight.

use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::{Marks, Record, Scoreboard};

/// No record.
pub(crate) const NONE: u32 = u32::MAX;

impl Scoreboard {
    /// The record that was sent first of those that are in flight: its index.
    pub(crate) fn oldest_in_flight(&self) -> Option<usize> {
        (self.oldest != NONE).then(|| self.index(self.oldest))
    }

    /// The record that was sent last of those that were sent before `end` at `sent`: its index. The place is remembered, and
    /// `sent` never goes back, so that no record is stepped over twice.
    pub(crate) fn last_sent_before(&mut self, sent: Instant, end: SeqNum) -> Option<usize> {
        let mut next = if self.boundary == NONE { self.oldest } else { self.at(self.boundary).later };
        while next != NONE {
            let record = *self.at(next);
            if record.end == end || record.is_sent_after(sent, end) {
                break;
            }
            self.boundary = next;
            next = record.later;
        }
        (self.boundary != NONE).then(|| self.index(self.boundary))
    }

    /// Sent now: the last of the list.
    pub(super) fn append(&mut self, id: u32) {
        let newest = self.newest;
        let record = self.at_mut(id);
        record.marks.set(Marks::LISTED);
        record.earlier = newest;
        record.later = NONE;
        if newest == NONE {
            self.oldest = id;
        } else {
            self.at_mut(newest).later = id;
        }
        self.newest = id;
    }

    /// Not in flight any more.
    pub(super) fn unlist(&mut self, id: u32) {
        let record = self.at_mut(id);
        if !record.is(Marks::LISTED) {
            return;
        }
        record.marks.clear(Marks::LISTED);
        let (earlier, later) = (record.earlier, record.later);
        if earlier == NONE {
            self.oldest = later;
        } else {
            self.at_mut(earlier).later = later;
        }
        if later == NONE {
            self.newest = earlier;
        } else {
            self.at_mut(later).earlier = earlier;
        }
        if self.boundary == id {
            self.boundary = earlier;
        }
    }

    /// The list anew: what was sent again was sent later.
    pub(super) fn relist(&mut self) {
        (self.oldest, self.newest, self.boundary) = (NONE, NONE, NONE);
        for is_resent in [false, true] {
            for index in 0..self.ring.len() {
                let record = &mut self.ring[index];
                if record.is(Marks::EVER_RESENT) != is_resent {
                    continue;
                }
                record.marks.clear(Marks::LISTED);
                let is_waiting = record.is(Marks::LOST) && !record.is(Marks::RESENT);
                if !record.is(Marks::SACKED) && !is_waiting {
                    self.append(self.id(index));
                }
            }
        }
    }

    fn at(&self, id: u32) -> &Record {
        &self.ring[self.index(id)]
    }

    fn at_mut(&mut self, id: u32) -> &mut Record {
        let index = self.index(id);
        &mut self.ring[index]
    }

    pub(super) fn assert_order(&self) {
        let (mut id, mut listed) = (self.oldest, 0);
        while id != NONE {
            let record = self.at(id);
            assert!(record.is(Marks::LISTED));
            let is_waiting = record.is(Marks::LOST) && !record.is(Marks::RESENT);
            assert!(!is_waiting && !record.is(Marks::SACKED), "it is in flight");
            assert!(record.later != NONE || id == self.newest, "the list ends where it says");
            listed += 1;
            id = record.later;
        }
        let marked = self.ring.iter().filter(|record| record.is(Marks::LISTED)).count();
        assert_eq!(listed, marked, "what is in flight is in the list");
    }
}
