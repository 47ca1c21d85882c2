//! What an ACK says of the segments that are outstanding.

use sockeye_clock::Instant;
use sockeye_wire::{SackBlock, SackBlocks, SeqNum};

use super::news::{News, extend};
use super::{Marks, Phase, Record, Recovery};
use crate::{Tcb, timestamps};

impl Tcb {
    /// The SACK option (RFC 2018). SND.UNA is that of the ACK, what it acknowledges is still on the scoreboard.
    pub(crate) fn process_sack(&mut self, blocks: &SackBlocks, news: &mut News) {
        if !self.recovery.has_sack() || blocks.is_empty() {
            return;
        }
        let rest = self.process_dsack(blocks, news);
        for block in rest {
            if !self.is_sensible(block) {
                self.recovery.counts.bad_blocks = self.recovery.counts.bad_blocks.saturating_add(1);
                continue;
            }
            self.process_block(block, news);
        }
        if let Some(first) = news.overtaken
            && (self.recovery.phase != Phase::Loss || self.recovery.undo.marker().is_some())
        {
            self.note_reordering(first);
        }
        news.overtaken = None;
    }

    /// A block lies beyond SND.UNA and within what was sent. One that begins at SND.UNA says what the ACK denies.
    fn is_sensible(&self, block: &SackBlock) -> bool {
        block.left.before(block.right)
            && !block.right.after(self.snd.nxt)
            && block.left.before(self.snd.nxt)
            && block.left.after(self.snd.una)
    }

    fn process_block(&mut self, block: &SackBlock, news: &mut News) {
        let mut index = self.recovery.board.index_from(block.left);
        while let Some(hole) = self.recovery.board.next_in(block, index) {
            self.process_sacked(hole, news);
            index = hole + 1;
        }
    }

    /// The record at `index` is newly SACKed.
    fn process_sacked(&mut self, index: usize, news: &mut News) {
        let Some(record) = self.recovery.board.get(index).copied() else { return };
        if !self.is_spurious(&record, news) {
            self.recovery.note_arrival(news.now, &record);
        }
        if !record.is(Marks::EVER_RESENT) {
            if record.start.before(self.recovery.board.fack(news.una_before)) {
                news.note_overtaken(&record);
            }
            news.has_original |= !record.end.after(self.recovery.recovery_point);
            extend(&mut news.sacked_sent, record.sent);
        }
        news.has_sacked = true;
        self.recovery.threshold.on_sacked(&self.recovery.board, index);
        self.recovery.board.mark_sacked(index);
        self.recovery.count_delivered(news.ece, record.len());
        self.recovery.rate.on_delivered(&record, &mut news.sampling);
    }

    /// What the ACK acknowledges leaves the scoreboard.
    pub(crate) fn process_acknowledged(&mut self, news: &mut News) {
        let una = self.snd.una;
        let mut segments = 0;
        while let Some(first) = self.recovery.board.first().copied() {
            if !first.start.before(una) {
                break;
            }
            if first.end.after(una) {
                self.process_partly_acknowledged(&first, news);
                break;
            }
            self.recovery.threshold.on_removed(&self.recovery.board, first.is(Marks::SACKED));
            self.recovery.board.pop_acknowledged(una);
            self.process_one_acknowledged(&first, news);
            segments += 1;
        }
        if !self.recovery.has_sack() && news.has_advanced() {
            self.recovery.on_partial_ack(segments, self.snd.mss);
            // Without SACK nobody knows whether a retransmission or an original arrived.
            news.has_original &= !news.has_resent;
        } else if let Some(first) = news.overtaken
            && first.before(news.fack_before)
        {
            // A hole that was not filled by a retransmission was filled late.
            self.note_reordering(first);
        }
        // RFC 2018, section 8: a segment at SND.UNA that is SACKED would have been acknowledged.
        news.is_reneging =
            news.has_advanced() && self.recovery.board.first().is_some_and(|first| first.is(Marks::SACKED));
        news.restarts_timer |= news.has_advanced();
    }

    fn process_one_acknowledged(&mut self, record: &Record, news: &mut News) {
        let is_sacked = record.is(Marks::SACKED);
        if record.is(Marks::EVER_RESENT) {
            news.has_resent = true;
        } else if !is_sacked {
            extend(&mut news.acked_sent, record.sent);
            news.note_overtaken(record);
            news.has_original |= !record.end.after(self.recovery.recovery_point);
        }
        if is_sacked {
            self.recovery.rate.on_arrived(record, &mut news.sampling);
            return;
        }
        if self.recovery.has_sack() {
            self.recovery.count_delivered(news.ece, record.len());
            self.recovery.rate.on_delivered(record, &mut news.sampling);
        } else {
            self.recovery.rate.on_arrived(record, &mut news.sampling);
        }
        if !self.is_spurious(record, news) {
            self.recovery.note_arrival(news.now, record);
        }
    }

    /// The ACK ends within a segment.
    fn process_partly_acknowledged(&mut self, record: &Record, news: &mut News) {
        news.has_resent |= record.is(Marks::EVER_RESENT);
        self.recovery.board.trim(self.snd.una);
        if self.recovery.has_sack() && !record.is(Marks::SACKED) {
            self.recovery.rate.on_delivered_somewhere(self.snd.una.since(record.start));
        }
    }

    /// The echo shows that what arrived is an earlier transmission than the last one.
    fn is_spurious(&self, record: &Record, news: &News) -> bool {
        let sent = self.timestamp_at(record.sent);
        record.is(Marks::EVER_RESENT)
            && matches!((news.echo, sent), (Some(echo), Some(sent)) if timestamps::is_older(echo, sent))
    }

    /// The value of our timestamps clock at a time, if it is in use.
    pub(crate) fn timestamp_at(&self, at: Instant) -> Option<u32> {
        self.timestamps.map(|_| timestamps::clock(at, self.config.timestamp_offset))
    }

    /// A segment at `first` was overtaken by what ends at the highest SACKed number.
    pub(super) fn note_reordering(&mut self, first: SeqNum) {
        let fack = self.recovery.board.fack(self.snd.una);
        if first.before(fack) {
            self.recovery.reordering.on_overtaken(fack.since(first), self.snd.mss);
        }
    }
}

impl Recovery {
    fn note_arrival(&mut self, now: Instant, record: &Record) {
        let min_rtt = self.min_rtt.get();
        self.rack.on_arrived(now, record, min_rtt);
    }

    fn count_delivered(&mut self, ece: bool, len: u32) {
        self.counts.delivered = self.counts.delivered.wrapping_add(1);
        if ece {
            self.counts.delivered_ce = self.counts.delivered_ce.wrapping_add(1);
            self.rate.on_delivered_ce(len);
        }
    }
}
