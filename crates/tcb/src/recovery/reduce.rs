//! cwnd comes down for a loss or an echo of congestion, and up again if it was a mistake.

use super::news::News;
use super::prr::{Delivery, Prr};
use super::{Phase, Recovery};
use crate::Tcb;

impl Recovery {
    /// The phase changes; `recovery_point` ends it.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.phase = phase;
    }
}

impl Tcb {
    /// A reduction begins: once for what is outstanding now.
    fn begin_reduction(&mut self) {
        self.recovery.recovery_point = self.snd.nxt;
        self.recovery.probe.end();
        self.recovery.prr = Prr::begin(self.congestion.cwnd());
    }

    /// What can be taken back later (RFC 3522): retransmissions that are in the network may still cause DSACKs.
    pub(super) fn begin_undo(&mut self) {
        let in_flight = self.recovery.resent().segments + self.recovery.probe.resent();
        self.recovery.undo.begin(self.snd.una, in_flight);
    }

    /// A loss is proven (RFC 6675, 5; RFC 5681, 3.2).
    pub(super) fn enter_recovery(&mut self, ece: bool) {
        self.begin_undo();
        if self.recovery.phase.is_reducing() {
            // The reduction for an echo goes on.
            self.recovery.undo.set_restorable(false);
        } else {
            self.recovery.undo.set_restorable(!ece);
            self.begin_reduction();
            self.congestion_on_loss();
        }
        self.recovery.enter(Phase::Recovery);
    }

    fn congestion_on_loss(&mut self) {
        let cwnd = self.congestion.cwnd();
        self.congestion.on_loss_detected();
        // It comes down by what arrives, not at once.
        self.congestion.set_cwnd(cwnd);
    }

    /// The peer echoes congestion (RFC 3168, 6.1.2), or the host's own queue is full: once for what is outstanding.
    pub(crate) fn enter_cwr(&mut self) {
        self.recovery.undo.set_restorable(false);
        if matches!(self.recovery.phase, Phase::Open | Phase::Disorder) {
            self.recovery.undo.forget();
            self.begin_reduction();
            self.congestion.on_ecn_echo();
            self.recovery.enter(Phase::Cwr);
        }
    }

    /// The reduction is complete: cwnd is ssthresh, unless it was taken back.
    pub(super) fn end_reduction(&mut self) {
        if self.recovery.phase == Phase::Cwr || self.recovery.undo.marker().is_some() {
            self.congestion.on_recovered();
        }
    }

    /// A probe repaired a loss that nothing else showed: cwnd comes down as for any loss (RFC 8985, 7.4.2).
    pub(super) fn reduce_for_probe(&mut self) {
        self.begin_reduction();
        self.congestion_on_loss();
        self.recovery.enter(Phase::Cwr);
        self.end_reduction();
        self.keep_open();
    }

    /// Open, or Disorder while something is out of order.
    pub(super) fn keep_open(&mut self) {
        let has_gaps = self.recovery.sacked() > 0 || self.recovery.lost().segments > 0;
        let phase = if has_gaps || self.recovery.is_any_resent() { Phase::Disorder } else { Phase::Open };
        if self.recovery.phase != phase {
            self.recovery.enter(phase);
            self.recovery.recovery_point = self.snd.nxt;
        }
    }

    /// Takes the last reduction back.
    pub(super) fn undo_reduction(&mut self) {
        if self.recovery.undo.can_restore() {
            self.congestion.on_undo();
            self.recovery.counts.undone = self.recovery.counts.undone.saturating_add(1);
        }
        self.recovery.undo.forget();
        self.recovery.rack.look_again();
    }

    /// What the ACK leaves of cwnd while a reduction runs (RFC 6937).
    pub(super) fn reduce_by(&mut self, news: &News, delivered: u32, lost: u32) {
        let pipe = self.pipe();
        let cwnd = self.recovery.prr.cwnd(Delivery {
            delivered,
            pipe,
            ssthresh: self.congestion.ssthresh(),
            mss: self.snd.mss,
            // An echo of congestion is answered conservatively.
            is_safe: news.has_advanced() && lost == 0 && self.recovery.phase == Phase::Recovery,
        });
        if let Some(cwnd) = cwnd {
            self.congestion.set_cwnd(cwnd);
        }
    }
}
