//! What the receiver tells of text that came out of order (RFC 2018) or twice (RFC 2883).
//!
//! ```text
//!       RCV.NXT
//!  ---------|     [ block ]      [ block ]  [ block ]
//!   in order    the list keeps a number inside each of the newest blocks, the newest first
//! ```
//!
//! RecvQ alone knows where blocks begin and end: blocks that grow together need no care here, and what is told is always held.

use arrayvec::ArrayVec;
use sockeye_buffer::RecvQ;
use sockeye_wire::{SackBlock, SackBlocks, SeqNum};

use crate::tcb::Rcv;

/// Blocks that are remembered, as many as the longest option holds.
const BLOCKS: usize = 4;
/// Bytes of the option beside its blocks, with padding.
const OPTION_LEN: u32 = 4;
/// Bytes of a block.
const BLOCK_LEN: u32 = 8;
/// Bytes of options, and of the timestamps among them.
const ALL_OPTIONS: u32 = 40;

/// Which blocks the next ACKs carry.
#[derive(Debug, Default)]
pub(crate) struct Sack {
    /// Both SYNs had the option.
    is_permitted: bool,
    /// Whether duplicates are told (tcp_dsack).
    is_dsack_on: bool,
    /// A sequence number within each of the blocks that changed last, the newest first.
    newest: ArrayVec<SeqNum, BLOCKS>,
    /// What came twice and was not told yet.
    duplicate: Option<SackBlock>,
}

impl Sack {
    pub(crate) fn new(is_permitted: bool, is_dsack_on: bool) -> Self {
        Self { is_permitted, is_dsack_on, ..Self::default() }
    }

    /// Whether both SYNs had the option.
    pub(crate) const fn is_permitted(&self) -> bool {
        self.is_permitted
    }

    /// The block at `seq` has grown, or is new: "the first SACK block […] MUST specify the contiguous block of data containing the
    /// segment which triggered this ACK" (RFC 2018, section 4). Returns whether it is one that is remembered.
    pub(crate) fn on_out_of_order(&mut self, seq: SeqNum, rcv: &Rcv, recvq: &RecvQ) -> bool {
        if !self.is_permitted {
            return false;
        }
        let Some(block) = block_at(seq, rcv, recvq) else { return false };
        let remembered = self.newest.len();
        self.newest.retain(|within| !is_within(*within, block));
        let is_known = self.newest.len() < remembered;
        if self.newest.is_full() {
            self.newest.pop();
        }
        self.newest.insert(0, seq);
        is_known
    }

    /// Whether a duplicate is still to be told.
    pub(crate) const fn has_duplicate(&self) -> bool {
        self.duplicate.is_some()
    }

    /// RCV.NXT has moved.
    pub(crate) fn on_in_order(&mut self, nxt: SeqNum) {
        if !self.newest.is_empty() {
            self.newest.retain(|within| !within.before(nxt));
        }
    }

    /// Text out of order was given up.
    pub(crate) fn on_pruned(&mut self, rcv: &Rcv, recvq: &RecvQ) {
        self.newest.retain(|within| block_at(*within, rcv, recvq).is_some());
    }

    /// RFC 2883, section 4: the text from `left` to `right` came again. The first duplicate since the last ACK is told, with those that
    /// touch it (as Linux), so that a sender that sent much in vain hears of all of it.
    pub(crate) fn on_duplicate(&mut self, left: SeqNum, right: SeqNum) {
        if !self.is_permitted || !self.is_dsack_on || !left.before(right) {
            return;
        }
        let told = self.duplicate.get_or_insert(SackBlock { left, right });
        if left.after(told.right) || right.before(told.left) {
            return;
        }
        if left.before(told.left) {
            told.left = left;
        }
        if right.after(told.right) {
            told.right = right;
        }
    }

    /// Bytes that the option takes of the next segment, whose other options take `others`.
    pub(crate) fn option_len(&self, others: u32) -> u32 {
        let blocks = self.newest.len() + usize::from(self.duplicate.is_some());
        let room = ALL_OPTIONS.saturating_sub(others + OPTION_LEN) / BLOCK_LEN;
        match (blocks as u32).min(room) {
            0 => 0,
            blocks => OPTION_LEN + BLOCK_LEN * blocks,
        }
    }

    /// Whether there is something to tell.
    pub(crate) fn has_any(&self) -> bool {
        self.duplicate.is_some() || !self.newest.is_empty()
    }

    /// The blocks for a segment that goes out now: a duplicate first, which is told once (RFC 2883, section 4), then the newest
    /// blocks, which are told again and again, because ACKs are lost (RFC 2018, section 4). What is too much for the header is cut
    /// when it is written.
    pub(crate) fn take_blocks(&mut self, rcv: &Rcv, recvq: &RecvQ) -> SackBlocks {
        let duplicate = self.duplicate.take();
        let newest = self.newest.iter().filter_map(|seq| block_at(*seq, rcv, recvq));
        duplicate.into_iter().chain(newest).take(BLOCKS).collect()
    }

    /// Panics if the list contradicts what RecvQ holds.
    pub(crate) fn assert_invariants(&self, rcv: &Rcv, recvq: &RecvQ) {
        for (index, seq) in self.newest.iter().enumerate() {
            let block = block_at(*seq, rcv, recvq);
            assert!(block.is_some(), "what is told is held");
            let again = self.newest.iter().skip(index + 1);
            assert!(
                again.clone().all(|other| block_at(*other, rcv, recvq) != block),
                "no block is told twice"
            );
        }
    }
}

fn is_within(seq: SeqNum, block: SackBlock) -> bool {
    !seq.before(block.left) && seq.before(block.right)
}

/// The block that holds `seq`. A FIN right behind it belongs to it (as Linux).
fn block_at(seq: SeqNum, rcv: &Rcv, recvq: &RecvQ) -> Option<SackBlock> {
    if seq.before(rcv.nxt) {
        return None;
    }
    let range = recvq.out_of_order_at(seq.since(rcv.nxt) as usize)?;
    let (left, end) = (rcv.nxt + range.start as u32, rcv.nxt + range.end as u32);
    let right = if rcv.fin == Some(end) { end + 1 } else { end };
    Some(SackBlock { left, right })
}
