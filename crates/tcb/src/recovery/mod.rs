//! Loss detection: what is lost and must be sent again. How much may be in flight is [`congestion`](crate::congestion)'s.
//!
//! ```text
//!     SND.UNA          lost.from        lost.to      recovery_point           SND.NXT
//!        |---- in flight ---|-- to send again --|--------- in flight ------------|
//! ```
//!
//! Without SACK the marks are one range. A scoreboard of SACKed ranges takes its place here when there is one.

mod newreno;
mod phase;

use sockeye_wire::SeqNum;

pub use phase::Phase;

/// Duplicate ACKs that prove a loss (RFC 5681, 3.2).
const DUP_THRESHOLD: u32 = 3;

/// Whether a retransmission waits for room in cwnd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It waits.
    WhenCwndAllows,
    /// It is sent at once (RFC 6582, steps 3.2 and 3.3).
    AtOnce,
}

/// What an ACK says about losses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing.
    Nothing,
    /// A loss was detected: the congestion window must shrink.
    LossDetected,
    /// The repair goes on.
    PartialAck,
    /// The repair is complete.
    Recovered,
}

/// What is lost, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Recovery {
    phase: Phase,
    /// Duplicate ACKs that stand for segments which have left the network.
    dup_acks: u32,
    /// SND.NXT when the loss was found (`recover` + 1 in RFC 6582).
    recovery_point: SeqNum,
    lost_from: SeqNum,
    lost_to: SeqNum,
    urgency: Urgency,
}

impl Recovery {
    pub(crate) const fn new(iss: SeqNum) -> Self {
        Self {
            phase: Phase::Open,
            dup_acks: 0,
            recovery_point: iss,
            lost_from: iss,
            lost_to: iss,
            urgency: Urgency::WhenCwndAllows,
        }
    }

    pub(crate) const fn phase(&self) -> Phase {
        self.phase
    }

    /// The sequence numbers to send again, if any: from, to, how urgently.
    pub(crate) fn lost(&self) -> Option<(SeqNum, SeqNum, Urgency)> {
        self.has_lost().then_some((self.lost_from, self.lost_to, self.urgency))
    }

    pub(crate) const fn has_lost(&self) -> bool {
        self.lost_from.before(self.lost_to)
    }

    /// The estimate of what is in the network: what is outstanding, less what is lost and what has arrived out of order.
    pub(crate) const fn pipe(&self, flight: u32, mss: u32) -> u32 {
        let lost = if self.has_lost() { self.lost_to.since(self.lost_from) } else { 0 };
        flight.saturating_sub(lost).saturating_sub(self.dup_acks.saturating_mul(mss))
    }

    /// The first `len` sequence numbers of the lost ones were sent again.
    pub(crate) fn on_retransmit(&mut self, len: u32) {
        self.lost_from += len;
        self.urgency = Urgency::WhenCwndAllows;
    }

    /// The retransmission timer expired, or the window closed over what was sent: all of it counts as lost (RFC 6298, 5.4;
    /// RFC 6582, section 4: `recover` is set so that duplicates of these retransmissions start no fast retransmit).
    pub(crate) const fn on_timeout(&mut self, una: SeqNum, nxt: SeqNum) {
        self.phase = Phase::Loss;
        self.dup_acks = 0;
        self.recovery_point = nxt;
        self.lost_from = una;
        self.lost_to = nxt;
        self.urgency = Urgency::WhenCwndAllows;
    }

    /// Segments of more than `mss` bytes do not get through any more: those in flight are lost. It is no sign of congestion.
    pub(crate) const fn on_path_mss(&mut self, una: SeqNum, nxt: SeqNum, _mss: u32) {
        self.on_timeout(una, nxt);
    }

    /// Nothing before `una` is lost any more.
    fn forget_before(&mut self, una: SeqNum) {
        if self.lost_from.before(una) {
            self.lost_from = una;
        }
        if self.lost_to.before(self.lost_from) {
            self.lost_to = self.lost_from;
        }
    }

    pub(crate) fn assert_invariants(&self, una: SeqNum, nxt: SeqNum) {
        if self.has_lost() {
            assert!(!self.lost_from.before(una), "lost text is not acknowledged");
            assert!(!self.lost_to.after(nxt), "lost text was sent");
            assert_ne!(self.phase, Phase::Open, "a loss is being repaired");
        }
    }
}

#[cfg(test)]
mod tests;
