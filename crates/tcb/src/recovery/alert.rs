//! The phases: what an ACK changes in them, apart from what it acknowledges.
//!
//! ```text
//!            SACK, duplicate ACK              loss
//!     Open <---------------------> Disorder -------> Recovery
//!      |  ^                           |                 |
//!  echo|  +------------- CWR <--------+ echo            | all of it acknowledged: Open
//!      +-----------------^
//!     any --- time-out ---> Loss --- all of it acknowledged, or spurious ---> Open
//! ```

use core::time::Duration;
use sockeye_clock::Instant;

use super::news::News;
use super::timeout::{Frto, MIN_TIMEOUT, RENEGING_WAIT};
use super::{Marks, Phase, rack};
use crate::Tcb;
use crate::timers::Timer;

/// Whether the phase has to look further at an ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has not.
    Done,
    /// It has.
    Continue,
}

impl Tcb {
    /// What the ACK says about losses.
    pub(crate) fn process_losses(&mut self, news: &mut News) {
        if !news.is_dubious() && self.recovery.phase == Phase::Open {
            return;
        }
        if news.ece {
            self.recovery.undo.set_restorable(false);
        }
        if news.is_reneging && self.recovery.phase != Phase::Loss {
            self.process_reneging(news);
        }
        if self.end_phase(news) == Verdict::Done || self.process_in_phase(news) == Verdict::Done {
            return;
        }
        if self.recovery.phase == Phase::Recovery && !self.recovery.is_rack() && self.recovery.has_sack() {
            self.mark_by_number(false);
        }
    }

    /// As Linux: what was SACKed and is not there will be sent again soon, and not before: the receiver may only be slow.
    fn process_reneging(&mut self, news: &mut News) {
        let wait = self.rtt.srtt().unwrap_or_default() / 2;
        self.timers.set(Timer::Retransmit, news.now + wait.max(RENEGING_WAIT));
        news.restarts_timer = false;
    }

    /// All that was outstanding when the phase began is acknowledged.
    fn end_phase(&mut self, news: &News) -> Verdict {
        if self.recovery.phase == Phase::Open {
            self.recovery.undo.first_resent = None;
            return Verdict::Continue;
        }
        if self.snd.una.before(self.recovery.recovery_point) {
            return Verdict::Continue;
        }
        match self.recovery.phase {
            // Something sent after the reduction is acknowledged: the peer has seen CWR.
            Phase::Cwr if self.snd.una != self.recovery.recovery_point => {
                self.end_reduction();
                self.recovery.enter(Phase::Open);
            }
            Phase::Recovery => {
                if !self.recovery.has_sack() {
                    self.recovery.forget_dup_acks();
                }
                if self.try_undo_recovery(news) == Verdict::Done {
                    return Verdict::Done;
                }
                self.end_reduction();
            }
            Phase::Open | Phase::Disorder | Phase::Cwr | Phase::Loss => {}
        }
        Verdict::Continue
    }

    fn process_in_phase(&mut self, news: &mut News) -> Verdict {
        match self.recovery.phase {
            Phase::Recovery => self.process_in_recovery(news),
            Phase::Loss => {
                self.process_in_loss(news);
                self.identify_losses(news);
                if self.recovery.phase == Phase::Open || news.is_lost_again {
                    return self.look_for_recovery(news);
                }
                Verdict::Done
            }
            Phase::Open | Phase::Disorder | Phase::Cwr => {
                self.count_duplicates(news);
                if self.recovery.phase != Phase::Cwr {
                    self.try_undo_by_dsack();
                }
                self.identify_losses(news);
                self.look_for_recovery(news)
            }
        }
    }

    fn process_in_recovery(&mut self, news: &mut News) -> Verdict {
        if !news.has_advanced() {
            if !self.recovery.has_sack() && news.is_duplicate {
                self.recovery.on_duplicate_ack(self.snd.mss);
            }
        } else if self.try_undo_partial(news) == Verdict::Done {
            return Verdict::Done;
        }
        if self.try_undo_by_dsack() {
            self.try_to_open(news);
        }
        self.identify_losses(news);
        if self.recovery.phase == Phase::Recovery {
            return Verdict::Continue;
        }
        // Taken back; if there is a loss beside, a recovery begins anew.
        self.look_for_recovery(news)
    }

    /// Without SACK duplicate ACKs are counted, up to the next that is none.
    fn count_duplicates(&mut self, news: &News) {
        if self.recovery.has_sack() {
            return;
        }
        if news.has_advanced() {
            self.recovery.forget_dup_acks();
        }
        if news.is_duplicate {
            self.recovery.on_duplicate_ack(self.snd.mss);
        }
    }

    /// Begins a recovery if a loss is proven.
    fn look_for_recovery(&mut self, news: &News) -> Verdict {
        let by_number = !self.recovery.is_rack()
            && self.recovery.phase != Phase::Loss
            && self.recovery.sacked() + 1 > self.recovery.reordering.degree();
        if self.recovery.lost().segments == 0 && !by_number {
            self.try_to_open(news);
            return Verdict::Done;
        }
        let is_first = matches!(self.recovery.phase, Phase::Open | Phase::Disorder);
        if is_first && self.takes_loss_for_probe() {
            return Verdict::Done;
        }
        self.enter_recovery(news.ece);
        if by_number && self.recovery.has_sack() {
            self.mark_by_number(true);
        }
        Verdict::Continue
    }

    fn try_to_open(&mut self, news: &News) {
        if !self.recovery.is_any_resent() {
            self.recovery.undo.first_resent = None;
        }
        if news.ece {
            self.enter_cwr();
        }
        if self.recovery.phase != Phase::Cwr {
            self.keep_open();
        }
    }

    /// What is lost now.
    fn identify_losses(&mut self, news: &mut News) {
        if self.recovery.segments() == 0 {
            return;
        }
        if !self.recovery.has_sack() {
            let lost = self.recovery.mark_first_lost(news.has_advanced());
            self.recovery.rate.on_lost(lost);
        } else if self.recovery.is_rack() {
            let resent = self.recovery.resent().segments;
            if self.recovery.rack.take_advanced() && self.mark_by_time(news.now) {
                news.restarts_timer = false;
            }
            news.is_lost_again |= resent > self.recovery.resent().segments;
        }
    }

    fn mark_by_number(&mut self, is_entering: bool) {
        let recovery = &mut self.recovery;
        let degree = recovery.reordering.degree();
        let lost = recovery.threshold.mark(&mut recovery.board, degree, is_entering);
        recovery.rate.on_lost(lost);
    }

    /// RACK (RFC 8985, 6.2). Returns whether a segment needs more time: a timer is set.
    pub(super) fn mark_by_time(&mut self, now: Instant) -> bool {
        let window = self.reordering_window();
        let recovery = &mut self.recovery;
        let found = recovery.rack.detect(now, &mut recovery.board, window);
        recovery.rate.on_lost(found.lost);
        match found.wait {
            Some(wait) => {
                // As Linux: its timers are no finer.
                let wait = wait + MIN_TIMEOUT;
                self.timers.set(Timer::Reorder, now + wait.min(self.rtt.rto().get()));
                true
            }
            None => {
                self.timers.stop(Timer::Reorder);
                false
            }
        }
    }

    /// RFC 8985, 6.2 step 4.
    fn reordering_window(&self) -> Duration {
        let recovery = &self.recovery;
        if recovery.reordering.seen() == 0 {
            // Nothing speaks for reordering: no time is lost in recovery, nor when enough segments have overtaken.
            let is_recovering = matches!(recovery.phase, Phase::Recovery | Phase::Loss);
            let is_enough = recovery.sacked() >= recovery.reordering.degree();
            if is_recovering || (is_enough && !recovery.config.no_dup_threshold) {
                return Duration::ZERO;
            }
        }
        recovery.rack.window(recovery.min_rtt(), self.rtt.srtt())
    }
}

/// Taking reductions back.
impl Tcb {
    /// Everything is acknowledged. Without SACK the phase stays until something more is (RFC 6582, section 4: no false fast
    /// retransmits).
    pub(super) fn try_undo_recovery(&mut self, news: &News) -> Verdict {
        if self.recovery.undo.may_undo(news.echo) {
            self.undo_reduction();
        } else if self.recovery.rack.persist > 0 {
            self.recovery.rack.persist -= 1;
        }
        if self.is_held_without_sack() {
            return Verdict::Done;
        }
        self.recovery.enter(Phase::Open);
        Verdict::Continue
    }

    pub(super) fn is_held_without_sack(&mut self) -> bool {
        let is_held = !self.recovery.has_sack() && self.snd.una == self.recovery.recovery_point;
        if is_held && !self.recovery.is_any_resent() {
            self.recovery.undo.first_resent = None;
        }
        is_held
    }

    /// DSACKs told that every retransmission was in vain (RFC 3708).
    fn try_undo_by_dsack(&mut self) -> bool {
        let is_undone = self.recovery.undo.is_all_in_vain();
        if is_undone {
            self.recovery.rack.persist = rack::PERSIST.min(self.recovery.rack.persist + 1);
            self.undo_reduction();
        }
        is_undone
    }

    /// A partial ACK whose echo is from before the first retransmission: a hole was filled late.
    fn try_undo_partial(&mut self, news: &News) -> Verdict {
        if self.recovery.undo.marker().is_none() || !self.recovery.undo.is_original(news.echo) {
            return Verdict::Continue;
        }
        self.note_reordering(news.una_before);
        // Retransmissions are still in the network: nothing more is marked lost or sent again meanwhile.
        if self.recovery.resent().segments > 0 {
            return Verdict::Done;
        }
        // Without an undo the recovery goes on; all of it can still be taken back when it ends.
        if !self.recovery.board.take_walk() {
            return Verdict::Continue;
        }
        if !self.recovery.is_any_resent() {
            self.recovery.undo.first_resent = None;
        }
        self.recovery.unmark_lost();
        self.undo_reduction();
        self.keep_open();
        Verdict::Continue
    }

    /// The time-out was spurious, or nothing tells that it was not.
    pub(super) fn try_undo_loss(&mut self, news: &News, is_spurious: bool) -> bool {
        if !is_spurious && !self.recovery.undo.may_undo(news.echo) {
            return false;
        }
        self.recovery.unmark_lost();
        self.undo_reduction();
        self.recovery.counts.spurious_timeouts = self.recovery.counts.spurious_timeouts.saturating_add(1);
        self.snd.retransmissions = 0;
        if !self.is_held_without_sack() && (is_spurious || self.recovery.has_sack()) {
            self.recovery.enter(Phase::Open);
            self.recovery.frto = Frto::Off;
        }
        true
    }

    /// Whether the first segment was SACKed: the peer took it back.
    pub(super) fn is_first_sacked(&self) -> bool {
        self.recovery.board.first().is_some_and(|first| first.is(Marks::SACKED))
    }
}
