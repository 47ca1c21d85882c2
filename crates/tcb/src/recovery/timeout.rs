//! The retransmission time-out (RFC 6298), and whether it was spurious (F-RTO, RFC 5682, with SACK).

use core::time::Duration;
use sockeye_clock::Instant;

use super::Phase;
use super::news::News;
use crate::Tcb;
use crate::congestion::Expiry;
use crate::timers::Timer;

/// The least a timer waits, as Linux's: two ticks of its clock.
pub(super) const MIN_TIMEOUT: Duration = Duration::from_millis(2);
/// How long a peer that took back a SACK is given at least.
pub(super) const RENEGING_WAIT: Duration = Duration::from_millis(10);

/// Where F-RTO stands (RFC 5682, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frto {
    /// It is not used for this time-out, or it has its answer.
    Off,
    /// Step 1: the first segment was sent again.
    Running,
    /// Step 2b: new text is sent instead of old, if there is some.
    SendNew,
}

impl Tcb {
    /// 3.10.8, retransmission timeout; RFC 6298, 5.4 to 5.7.
    pub(crate) fn enter_loss(&mut self, now: Instant) {
        let phase = self.recovery.phase;
        let is_new = matches!(phase, Phase::Open | Phase::Disorder | Phase::Cwr);
        let is_disordered = matches!(phase, Phase::Open | Phase::Disorder);
        let sacked = self.recovery.sacked();
        let has_retransmitted = self.snd.retransmissions > 0;
        let is_first = is_disordered
            || !self.recovery.recovery_point.after(self.snd.una)
            || (phase == Phase::Loss && !has_retransmitted);
        // RFC 5681, 3.1: ssthresh comes down once for a window.
        let expiry = if is_first { Expiry::First } else { Expiry::Repeated };
        self.congestion.on_timeout(now, expiry);
        if is_first {
            self.recovery.undo.set_restorable(true);
        }
        self.mark_timed_out(now);
        if is_first {
            self.begin_undo();
        }
        // RFC 5681, 3.1: the loss window, beside what was sent too late to have been lost.
        self.congestion.set_cwnd(self.pipe().saturating_add(self.snd.mss));
        if is_disordered {
            self.recovery.reordering.on_timeout(sacked);
        }
        self.recovery.enter(Phase::Loss);
        self.recovery.recovery_point = self.snd.nxt;
        self.recovery.probe.end();
        let is_frto = self.recovery.config.frto && (is_new || has_retransmitted);
        self.recovery.frto = if is_frto { Frto::Running } else { Frto::Off };
        self.timers.stop(Timer::Probe);
        self.timers.stop(Timer::Reorder);
    }

    /// What counts as lost after a time-out: all, but for what was sent so recently that its ACK is not late.
    fn mark_timed_out(&mut self, now: Instant) {
        let is_reneging = self.is_first_sacked();
        if is_reneging {
            // RFC 2018, section 8: the peer has not what it SACKed.
            self.recovery.board.forget_sacks();
            self.recovery.threshold.reset(&self.recovery.board);
            self.recovery.counts.renegings = self.recovery.counts.renegings.saturating_add(1);
        }
        self.recovery.forget_dup_acks();
        let recovery = &mut self.recovery;
        recovery.board.grant_walk();
        let is_rack = recovery.config.rack && !is_reneging;
        for index in 0..recovery.board.segments() as usize {
            let Some(record) = recovery.board.get(index) else { break };
            let is_recent =
                is_rack && index > 0 && !recovery.rack.remaining(now, record.sent, Duration::ZERO).is_zero();
            if !is_recent {
                let lost = recovery.board.mark_lost(index);
                recovery.rate.on_lost(lost);
            }
        }
    }

    /// The window closed over what was sent (MUST-34): all of it is sent again when it opens.
    pub(crate) fn lose_all(&mut self, now: Instant) {
        self.mark_timed_out(now);
        self.recovery.enter(Phase::Loss);
        self.recovery.undo.forget();
        self.recovery.recovery_point = self.snd.nxt;
        self.recovery.probe.end();
        self.recovery.frto = Frto::Off;
        self.timers.stop(Timer::Probe);
        self.timers.stop(Timer::Reorder);
    }

    /// An ACK in phase Loss.
    pub(super) fn process_in_loss(&mut self, news: &News) {
        if news.has_advanced() && self.try_undo_loss(news, false) {
            return;
        }
        let has_recovered = !self.snd.una.before(self.recovery.recovery_point);
        if self.recovery.frto != Frto::Off && self.process_frto(news, has_recovered) {
            return;
        }
        if has_recovered {
            // RFC 5682, 3.1, step 2a.
            self.try_undo_recovery(news);
            return;
        }
        if self.recovery.has_sack() {
            return;
        }
        if self.snd.nxt.after(self.recovery.recovery_point) && news.is_duplicate {
            self.recovery.on_duplicate_ack(self.snd.mss);
        } else if news.has_advanced() {
            self.recovery.forget_dup_acks();
        }
    }

    /// Whether F-RTO has decided what to do with the ACK.
    fn process_frto(&mut self, news: &News, has_recovered: bool) -> bool {
        if self.recovery.frto == Frto::SendNew {
            self.recovery.frto = Frto::Running;
        }
        // Step 3b: what was never sent again arrived, so it was not lost.
        if news.has_original && self.try_undo_loss(news, true) {
            return true;
        }
        if self.snd.nxt.after(self.recovery.recovery_point) {
            if news.has_sacked || news.is_duplicate {
                // Step 3a: the loss was real.
                self.recovery.frto = Frto::Off;
            }
            return false;
        }
        if news.has_advanced() && !has_recovered {
            self.recovery.recovery_point = self.snd.nxt;
            // Step 2b; without new text or window the conventional recovery goes on.
            let can_send = self.unsent() > 0 && self.snd.usable() > 0;
            self.recovery.frto = if can_send { Frto::SendNew } else { Frto::Off };
            return can_send;
        }
        false
    }

    /// Whether new text was to be sent for F-RTO and there was none after all.
    pub(crate) fn stop_waiting_for_new_text(&mut self) -> bool {
        let is_in_vain =
            self.recovery.frto == Frto::SendNew && !self.snd.nxt.after(self.recovery.recovery_point);
        if is_in_vain {
            self.recovery.frto = Frto::Off;
        }
        is_in_vain
    }

    /// RACK's timer (RFC 8985, 6.3): segments that waited for their turn are lost now.
    pub(crate) fn on_reorder_timeout(&mut self, now: Instant) {
        let (pipe, lost) = (self.pipe(), self.recovery.rate.lost());
        self.mark_by_time(now);
        if self.pipe() != pipe && self.recovery.phase != Phase::Recovery {
            self.enter_recovery(false);
            let news = self.no_news(now);
            let lost = u32::try_from(self.recovery.rate.lost() - lost).unwrap_or(u32::MAX);
            self.reduce_by(&news, self.snd.mss, lost);
        }
        if let Some(sent) = self.recovery.first_sent() {
            self.timers.set(Timer::Retransmit, (sent + self.rtt.rto().get()).max(now + MIN_TIMEOUT));
        }
    }
}
