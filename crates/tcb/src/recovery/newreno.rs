//! Losses without SACK (RFC 5681, RFC 6582): each duplicate ACK stands for a segment that arrived.
//!
//! cwnd is not inflated by duplicate ACKs: they make [`pipe`](super::Recovery::pipe) smaller instead, which lets the same
//! segments out.

use super::{Phase, Recovery};

/// Duplicate ACKs that stand for segments which have left the network.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DupAcks {
    count: u32,
    /// How many have come since SND.UNA moved, and the segments that were outstanding when the first of them came.
    told: u32,
    outstanding: u32,
}

impl DupAcks {
    pub(super) const fn count(self) -> u32 {
        self.count
    }
}

impl Recovery {
    /// A duplicate ACK.
    pub(super) fn on_duplicate_ack(&mut self, mss: u32) {
        if self.dup_acks.told == 0 {
            self.dup_acks.outstanding = self.board.segments();
        }
        self.dup_acks.told = self.dup_acks.told.saturating_add(1);
        // RFC 5681, 3.2: a receiver that invents them must not clock out new text without end.
        if self.dup_acks.told > self.dup_acks.outstanding {
            return;
        }
        self.dup_acks.count += 1;
        if self.limit_dup_acks(0) {
            return;
        }
        self.counts.delivered = self.counts.delivered.wrapping_add(1);
        self.rate.on_delivered_somewhere(mss);
    }

    /// RFC 6582, 3.2, step 3: of the `segments` acknowledged one was the hole, the others had made duplicate ACKs.
    pub(super) fn on_partial_ack(&mut self, segments: u32, mss: u32) {
        self.dup_acks.told = 0;
        if segments > 0 {
            let news = segments.saturating_sub(self.dup_acks.count).max(1);
            self.counts.delivered = self.counts.delivered.wrapping_add(news);
            self.rate.on_delivered_somewhere(news.saturating_mul(mss));
            self.dup_acks.count = self.dup_acks.count.saturating_sub(segments - 1);
        }
        self.limit_dup_acks(segments);
    }

    pub(super) const fn forget_dup_acks(&mut self) {
        self.dup_acks = DupAcks { count: 0, told: 0, outstanding: 0 };
    }

    /// There are no more of them than segments that can have arrived: a peer that sends more reorders, or lies.
    fn limit_dup_acks(&mut self, acked: u32) -> bool {
        let out = self.board.segments();
        let holes = self.board.lost().segments.max(1).min(out);
        let is_beyond = self.dup_acks.count + holes > out;
        if is_beyond {
            self.dup_acks.count = out - holes;
            self.reordering.on_duplicates(out + acked);
        }
        is_beyond
    }

    /// RFC 6582, 3.2, steps 1 and 3: the first segment is lost after enough duplicates, and after each partial ACK.
    pub(super) fn mark_first_lost(&mut self, has_advanced: bool) -> u32 {
        let is_due = match self.phase {
            Phase::Open | Phase::Disorder | Phase::Cwr => self.dup_acks.count >= self.reordering.degree(),
            Phase::Recovery => has_advanced,
            Phase::Loss => false,
        };
        let is_lost = self.board.first().is_some_and(|first| first.is(super::Marks::LOST));
        if is_due && !is_lost { self.board.mark_lost(0) } else { 0 }
    }
}
