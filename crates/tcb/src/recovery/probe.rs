//! Tail loss probes (RFC 8985, section 7): after some silence the last segment, or new text, is sent, so that the peer's answer shows
//! what is lost without a time-out.

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::news::News;
use super::timeout::MIN_TIMEOUT;
use super::{Marks, Phase, Record, Recovery};
use crate::Tcb;
use crate::timers::Timer;

/// The probe that is out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TailProbe {
    /// SND.NXT when it was sent (`TLP.end_seq`).
    end: Option<SeqNum>,
    /// It was a retransmission (`TLP.is_retrans`).
    is_resent: bool,
    /// The timer expired: one is to be sent.
    pub(super) is_due: bool,
}

impl TailProbe {
    /// Whether none is out.
    pub(super) const fn is_over(&self) -> bool {
        self.end.is_none()
    }

    pub(super) const fn end(&mut self) {
        self.end = None;
    }

    /// Retransmissions in the network for it.
    pub(super) const fn resent(&self) -> u32 {
        (self.end.is_some() && self.is_resent) as u32
    }

    pub(super) fn is_for(&self, end: SeqNum) -> bool {
        self.end == Some(end)
    }
}

impl Recovery {
    /// Whether a probe is to be sent now.
    pub(crate) const fn is_probe_due(&self) -> bool {
        self.probe.is_due
    }

    /// The segment to probe with, if there is no new text.
    pub(crate) fn last_sent(&self) -> Option<Record> {
        self.board.last().copied()
    }

    /// A probe goes out: new text, or the last segment again.
    pub(crate) fn on_probe_sent(&mut self, nxt: SeqNum, is_resent: bool) {
        self.probe = TailProbe { end: Some(nxt), is_resent, is_due: false };
        self.counts.probes = self.counts.probes.saturating_add(1);
    }

    /// There is nothing to probe with.
    pub(crate) const fn forget_probe(&mut self) {
        self.probe.is_due = false;
    }

    /// The last segment goes out again as a probe. It counts as in the network once.
    pub(crate) fn on_last_resent(&mut self, now: Instant, pipe: u32) {
        let Some(index) = (self.board.segments() as usize).checked_sub(1) else { return };
        let stamp = self.rate.on_sent(now, pipe, 0);
        self.board.on_resent(now, index, stamp, Marks::EVER_RESENT);
    }
}

impl Tcb {
    /// RFC 8985, 7.2. The retransmission timer runs.
    pub(crate) fn schedule_probe(&mut self, now: Instant) {
        let is_wanted = self.recovery.config.tail_loss_probe
            && self.recovery.has_sack()
            && self.recovery.segments() > 0
            && self.pending.is_none()
            && matches!(self.recovery.phase, Phase::Open | Phase::Cwr);
        if !is_wanted {
            self.timers.stop(Timer::Probe);
            return;
        }
        let wait = match self.rtt.srtt() {
            Some(srtt) if self.recovery.segments() == 1 => srtt * 2 + self.config.rto_min,
            Some(srtt) => srtt * 2 + MIN_TIMEOUT,
            None => Duration::from_secs(1),
        };
        // Not after the time-out, which it is to save.
        let at = (now + wait).min(self.timers.at(Timer::Retransmit));
        self.timers.set(Timer::Probe, at);
    }

    /// RFC 8985, 7.3: the timer expired.
    pub(crate) fn on_probe_timeout(&mut self, now: Instant) {
        // One probe at a time.
        if self.recovery.segments() == 0 || self.recovery.probe.end.is_some() {
            return;
        }
        self.recovery.probe.is_due = true;
        // The retransmission timer starts anew with the probe.
        self.timers.set(Timer::Retransmit, now + self.rtt.rto().get());
    }

    /// RFC 8985, 7.4: whether the probe repaired a loss.
    pub(crate) fn process_probe_answer(&mut self, news: &News) {
        let Some(end) = self.recovery.probe.end else { return };
        if self.snd.una.before(end) {
            return;
        }
        let is_pure_duplicate = !news.has_advanced() && news.is_duplicate && !news.has_sacked;
        if !self.recovery.probe.is_resent || news.is_probe_dsack {
            self.recovery.probe.end();
        } else if self.snd.una.after(end) {
            // No duplicate of the probe was told: the original was lost.
            self.recovery.probe.end();
            self.reduce_for_probe();
        } else if is_pure_duplicate {
            self.recovery.probe.end();
        }
    }
}
