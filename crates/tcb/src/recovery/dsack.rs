//! DSACK (RFC 2883, RFC 3708): the peer tells what it had already.

use sockeye_wire::{SackBlock, SackBlocks, SeqNum};

use super::Marks;
use super::news::News;
use crate::Tcb;

impl Tcb {
    /// Whether the first block tells of a duplicate; returns the others, or all.
    pub(super) fn process_dsack<'a>(&mut self, blocks: &'a SackBlocks, news: &mut News) -> &'a [SackBlock] {
        let Some((first, rest)) = blocks.split_first() else { return &[] };
        // RFC 2883, section 4: below the ACK, or within the second block.
        let is_nested =
            rest.first().is_some_and(|next| !first.right.after(next.right) && !first.left.before(next.left));
        if !first.left.before(self.snd.una) && !is_nested {
            return blocks;
        }
        let segments = self.duplicates_in(first, news);
        if segments == 0 {
            return rest;
        }
        news.has_dsack = true;
        // RACK ignores DSACKs before any reordering was seen, and those of probes (RFC 8985, 6.2 step 4).
        if self.recovery.reordering.seen() > 0 && !news.is_probe_dsack {
            self.recovery.rack.on_dsack();
        }
        let resent = self.resent_in(first, segments, news.una_before);
        self.recovery.undo.on_dsack(first.right, resent);
        rest
    }

    /// Segments that a DSACK counts; 0 for one that is not credible.
    fn duplicates_in(&mut self, block: &SackBlock, news: &mut News) -> u32 {
        let counts = &mut self.recovery.counts;
        let is_ordered = block.left.before(block.right) && !block.right.after(self.snd.nxt);
        if !is_ordered || block.right.since(block.left) > self.snd.max_wnd {
            counts.bad_blocks = counts.bad_blocks.saturating_add(1);
            return 0;
        }
        let segments = block.right.since(block.left).div_ceil(self.snd.mss);
        if segments == 1 {
            news.is_probe_dsack = self.recovery.probe.is_for(block.right);
        }
        counts.dsack_dups = counts.dsack_dups.saturating_add(segments);
        // More duplicates than were ever sent again are the network's, or invented.
        if counts.dsack_dups > self.counters.total_retrans { 0 } else { segments }
    }

    /// How many of the `segments` in a block were sent again, as far as is still known: none but those can have been sent in vain. No
    /// more are looked at than the peer is charged with.
    fn resent_in(&self, block: &SackBlock, segments: u32, una_before: SeqNum) -> u32 {
        if !block.right.after(una_before) {
            return segments;
        }
        let board = &self.recovery.board;
        let first = board.index_from(block.left);
        let records = (first..first + segments as usize).map_while(|index| board.get(index));
        let within = records.take_while(|record| record.start.before(block.right));
        within.filter(|record| record.is(Marks::EVER_RESENT)).count() as u32
    }
}
