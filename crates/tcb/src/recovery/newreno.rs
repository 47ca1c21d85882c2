//! Fast retransmit and NewReno fast recovery (RFC 5681 section 3.2, RFC 6582).
//!
//! cwnd is not inflated by duplicate ACKs: they make [`pipe`](super::Recovery::pipe) smaller instead, which lets the same
//! segments out.

use sockeye_wire::SeqNum;

use super::{DUP_THRESHOLD, Finding, Phase, Recovery, Urgency};

impl Recovery {
    /// A duplicate ACK (RFC 5681, section 2).
    pub(crate) fn on_duplicate_ack(&mut self, una: SeqNum, nxt: SeqNum, mss: u32) -> Finding {
        if self.phase == Phase::Loss {
            // Duplicates of what was sent again after a time-out prove nothing (RFC 6582, section 4).
            return Finding::Nothing;
        }
        self.dup_acks = self.dup_acks.saturating_add(1);
        if self.phase == Phase::Recovery || self.dup_acks < DUP_THRESHOLD {
            return Finding::Nothing;
        }
        self.phase = Phase::Recovery;
        self.recovery_point = nxt;
        self.mark_first(una, nxt, mss);
        Finding::LossDetected
    }

    /// SND.UNA moved up to `una` by `acked`.
    pub(crate) fn on_ack(&mut self, una: SeqNum, nxt: SeqNum, acked: u32, mss: u32) -> Finding {
        self.forget_before(una);
        match self.phase {
            Phase::Open | Phase::Disorder | Phase::Cwr => {
                self.dup_acks = 0;
                Finding::Nothing
            }
            Phase::Recovery if una.before(self.recovery_point) => {
                // RFC 6582, 3.3: one of the segments acknowledged was the retransmitted one, the others had made
                // duplicate ACKs.
                self.dup_acks = self.dup_acks.saturating_sub((acked / mss).saturating_sub(1));
                self.mark_first(una, nxt, mss);
                Finding::PartialAck
            }
            Phase::Recovery => {
                self.phase = Phase::Open;
                self.dup_acks = 0;
                self.lost_to = self.lost_from;
                Finding::Recovered
            }
            Phase::Loss => {
                if una.after(self.recovery_point) || una == nxt {
                    self.phase = Phase::Open;
                }
                Finding::Nothing
            }
        }
    }

    fn mark_first(&mut self, una: SeqNum, nxt: SeqNum, mss: u32) {
        self.lost_from = una;
        self.lost_to = una + nxt.since(una).min(mss);
        self.urgency = Urgency::AtOnce;
    }
}
