//! BBR's short-term bounds (bw_shortterm and inflight_shortterm): after losses that no probing caused, no more is sent than what
//! arrives now, or 0.7 of what was sent, until the next probing.

use super::{Ack, PACING_MARGIN, percent};

/// BBR.Beta, per cent.
const BETA: u64 = 70;
/// Losses of a round in Startup that mean too much (BBR.StartupFullLossCnt).
const STARTUP_LOSSES: u8 = 6;

/// The bounds, and what they are computed from.
#[derive(Clone, Debug)]
pub(super) struct ShortTerm {
    /// `u64::MAX` for none.
    pub(super) bandwidth: u64,
    /// `u32::MAX` for none.
    pub(super) inflight: u32,
    /// BBR.bw_latest and BBR.inflight_latest: what arrived in this round.
    bandwidth_latest: u64,
    inflight_latest: u32,
    /// C.delivered at which the round ends.
    round_ends: u64,
    is_round_start: bool,
    has_loss: bool,
    /// ACKs of this round that showed a loss.
    losses: u8,
}

impl ShortTerm {
    pub(super) const fn new() -> Self {
        Self {
            bandwidth: u64::MAX,
            inflight: u32::MAX,
            bandwidth_latest: 0,
            inflight_latest: 0,
            round_ends: 1,
            is_round_start: false,
            has_loss: false,
            losses: 0,
        }
    }

    pub(super) const fn is_round_start(&self) -> bool {
        self.is_round_start
    }

    pub(super) const fn inflight_latest(&self) -> u32 {
        self.inflight_latest
    }

    /// BBRUpdateLatestDeliverySignals.
    pub(super) fn begin_ack(&mut self, ack: &Ack<'_>) {
        self.is_round_start = false;
        let Some(rate) = &ack.sample.rate else { return };
        self.bandwidth_latest = self.bandwidth_latest.max(ack.rate);
        self.inflight_latest = self.inflight_latest.max(u32::try_from(rate.delivered).unwrap_or(u32::MAX));
        if rate.prior_delivered >= self.round_ends {
            self.round_ends = rate.total_delivered;
            self.is_round_start = true;
        }
    }

    /// BBRAdvanceLatestDeliverySignals.
    pub(super) fn end_ack(&mut self, ack: &Ack<'_>) {
        if let Some(rate) = ack.sample.rate.as_ref().filter(|_| self.is_round_start) {
            self.bandwidth_latest = ack.rate;
            self.inflight_latest = u32::try_from(rate.delivered).unwrap_or(u32::MAX);
        }
    }

    /// BBRNoteLoss: the first loss begins a round, so that all of what arrives beside it is seen.
    pub(super) const fn note_loss(&mut self, delivered: u64) {
        if !self.has_loss && delivered > self.round_ends {
            self.round_ends = delivered;
        }
        self.has_loss = true;
    }

    /// Whether so many ACKs of a round, which ends, have shown losses.
    pub(super) fn count_loss(&mut self, ack: &Ack<'_>) -> bool {
        if ack.sample.lost > 0 {
            self.losses = self.losses.saturating_add(1);
        }
        let is_many = self.is_round_start && self.losses >= STARTUP_LOSSES;
        if self.is_round_start {
            self.losses = 0;
        }
        is_many
    }

    /// BBRAdaptLowerBoundsFromCongestion.
    pub(super) fn adapt(&mut self, max_bandwidth: u64, cwnd: u32) {
        if !self.has_loss {
            return;
        }
        if self.bandwidth == u64::MAX {
            self.bandwidth = max_bandwidth;
        }
        if self.inflight == u32::MAX {
            self.inflight = cwnd;
        }
        let cut = u64::try_from(u128::from(self.bandwidth) * u128::from(BETA) / 100).unwrap_or(u64::MAX);
        // What our own pacing holds back is no news of the path. The draft expects a round with X% of loss to cost X%, no more.
        let unheld = (self.bandwidth_latest * 100 / (100 - PACING_MARGIN)).min(self.bandwidth);
        self.bandwidth = self.bandwidth_latest.max(unheld).max(cut).max(1);
        self.inflight = self.inflight_latest.max(percent(self.inflight, BETA));
    }

    pub(super) const fn end_round(&mut self) {
        self.has_loss = false;
    }

    /// BBRResetShortTermModel.
    pub(super) const fn reset(&mut self) {
        self.bandwidth = u64::MAX;
        self.inflight = u32::MAX;
    }

    /// BBRResetCongestionSignals.
    pub(super) const fn reset_signals(&mut self) {
        self.has_loss = false;
        self.bandwidth_latest = 0;
        self.inflight_latest = 0;
    }

    /// The bounds of `before`, if they were wider.
    pub(super) fn undo(&mut self, before: &Self) {
        self.has_loss = false;
        self.bandwidth = self.bandwidth.max(before.bandwidth);
        self.inflight = self.inflight.max(before.inflight);
    }
}
