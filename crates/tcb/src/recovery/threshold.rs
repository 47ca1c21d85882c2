//! Losses by number (RFC 6675), when RACK is off: a segment is lost if enough of those after it have arrived.

use super::record::Marks;
use super::scoreboard::Scoreboard;

/// How far losses were marked: it only moves right, so that no record is looked at twice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Threshold {
    /// The id of the first record that was not looked at.
    next: u32,
    /// Records before it that are SACKed.
    sacked: u32,
}

impl Threshold {
    /// The record at `index` was newly SACKed.
    pub(super) fn on_sacked(&mut self, board: &Scoreboard, index: usize) {
        if index < board.index(self.next) {
            self.sacked += 1;
        }
    }

    /// The first record is about to be removed.
    pub(super) const fn on_removed(&mut self, board: &Scoreboard, is_sacked: bool) {
        if board.index(self.next) == 0 {
            self.next = board.id_after(self.next);
        } else if is_sacked {
            self.sacked = self.sacked.saturating_sub(1);
        }
    }

    /// All SACKs are forgotten.
    pub(super) const fn reset(&mut self, board: &Scoreboard) {
        self.next = board.id_of_first();
        self.sacked = 0;
    }

    /// `IsLost` for every segment: more than `degree` SACKed ones follow it. The first is lost in any case once fast retransmit
    /// begins. Returns the sequence numbers newly lost.
    pub(super) fn mark(&mut self, board: &mut Scoreboard, degree: u32, is_entering: bool) -> u32 {
        let sacked = board.sacked().segments;
        let mut lost = 0;
        if let Some(leave) = sacked.checked_sub(degree) {
            lost += self.advance(board, leave);
        } else if is_entering {
            lost += board.mark_lost(0);
        }
        lost
    }

    /// Marks what is before the SACKed record that follows `leave` others.
    fn advance(&mut self, board: &mut Scoreboard, leave: u32) -> u32 {
        let mut lost = 0;
        loop {
            let index = board.index(self.next);
            let Some(record) = board.get(index) else { return lost };
            if record.is(Marks::SACKED) {
                if self.sacked >= leave {
                    return lost;
                }
                self.sacked += 1;
            } else if !record.is(Marks::LOST) {
                lost += board.mark_lost(index);
            }
            self.next = board.id_after(self.next);
        }
    }
}
