//! BBR's probing for bandwidth: Down, Cruise, Refill, Up.

use core::time::Duration;
use sockeye_clock::Instant;

use super::{Ack, Bbr, LOSS_THRESHOLD, MIN_PIPE, State};
use super::{is_inflight_too_high, is_marked_too_often, is_too_much, percent};
use crate::congestion::LossSample;

/// Between two probings, at least …
const WAIT: Duration = Duration::from_secs(2);
/// … and so much more, by chance.
const MORE_WAIT_MILLIS: u32 = 1000;
/// A Reno flow would probe once in so many rounds as it has segments; but no less often than this.
const MOST_ROUNDS: u32 = 63;
/// BBR.Beta, per cent.
const BETA: u64 = 70;

/// What the ACKs that come tell of probing (BBR.ack_phase).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AckPhase {
    Nothing,
    Refilling,
    ProbeStarting,
    ProbeFeedback,
    ProbeStopping,
}

/// Where the cycle stands.
#[derive(Clone, Debug)]
pub(super) struct Cycle {
    start: Instant,
    wait: Duration,
    /// Rounds since the last probing.
    pub(super) rounds: u32,
    ack_phase: AckPhase,
    /// Whether samples show what probing did.
    has_samples: bool,
    /// The last probing found too much.
    was_too_high: bool,
    /// An echo says that this one does.
    pub(super) is_too_high: bool,
    /// The last probing ended for fear of the bound.
    was_risky: bool,
    /// How fast inflight_hi grows: rounds, bytes for one segment, bytes since the last one.
    up_rounds: u32,
    up_price: u32,
    up_acked: u32,
    pub(super) has_loss: bool,
    /// For chance: xorshift.
    random: u32,
}

impl Cycle {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            start: now,
            wait: WAIT,
            rounds: 0,
            ack_phase: AckPhase::Nothing,
            has_samples: false,
            was_too_high: false,
            is_too_high: false,
            was_risky: false,
            up_rounds: 0,
            up_price: u32::MAX,
            up_acked: 0,
            has_loss: false,
            random: now.as_nanos() as u32 | 1,
        }
    }

    /// Probing is cut short.
    pub(super) const fn stop(&mut self) {
        self.ack_phase = AckPhase::ProbeStopping;
    }

    const fn random(&mut self) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random
    }
}

impl Bbr {
    /// BBRUpdateProbeBWCyclePhase.
    pub(super) fn update_cycle(&mut self, ack: &Ack<'_>) {
        if !self.full_pipe.is_reached || self.adapt_long_term(ack) {
            return;
        }
        let state = self.state;
        match state {
            State::Cruise if self.is_time_to_probe(ack) => self.start_refill(ack),
            State::Down if self.is_time_to_probe(ack) => self.start_refill(ack),
            State::Down if self.is_time_to_cruise(ack) => self.start_cruise(),
            State::Refill if self.is_round_start => {
                self.cycle.has_samples = true;
                self.start_up(ack);
            }
            State::Up if self.is_time_to_go_down(ack) => {
                self.cycle.was_too_high = false;
                self.start_down(ack);
            }
            State::Startup
            | State::Drain
            | State::Down
            | State::Cruise
            | State::Refill
            | State::Up
            | State::ProbeRtt => {}
        }
    }

    /// BBRAdaptLongTermModel. Says whether it has changed the state.
    fn adapt_long_term(&mut self, ack: &Ack<'_>) -> bool {
        if self.is_round_start && self.end_ack_phase(ack) {
            return true;
        }
        self.judge_loss(ack);
        let is_marked = is_marked_too_often(ack) || core::mem::take(&mut self.cycle.is_too_high);
        if is_marked && let Some(rate) = ack.sample.rate {
            self.handle_inflight_too_high(ack, rate.flight_at_send, rate.is_app_limited);
        }
        if is_marked || is_inflight_too_high(ack) || self.inflight_hi == u32::MAX {
            return false;
        }
        // A higher volume was safe, in whatever phase.
        if let Some(rate) = &ack.sample.rate {
            self.inflight_hi = self.inflight_hi.max(rate.flight_at_send);
        }
        if self.state == State::Up {
            self.raise_inflight_hi(ack);
        }
        false
    }

    /// What a new round means for the ACKs of probing. Says whether it has changed the state.
    fn end_ack_phase(&mut self, ack: &Ack<'_>) -> bool {
        match self.cycle.ack_phase {
            AckPhase::ProbeStarting => self.cycle.ack_phase = AckPhase::ProbeFeedback,
            AckPhase::ProbeStopping => {
                self.cycle.has_samples = false;
                self.cycle.ack_phase = AckPhase::Nothing;
                let is_limited = ack.sample.rate.is_none_or(|rate| rate.is_app_limited);
                if self.state.is_probe_bw() && !is_limited {
                    self.bandwidth.advance();
                }
                // It was safe up to the bound: on, beyond it.
                if self.state.is_probe_bw() && self.cycle.was_risky && !self.cycle.was_too_high {
                    self.start_refill(ack);
                    return true;
                }
            }
            AckPhase::Nothing | AckPhase::Refilling | AckPhase::ProbeFeedback => {}
        }
        false
    }

    /// BBRHandleLostPacket: a loss is judged by what was in flight when the lost segment was sent, not the one that arrived.
    fn judge_loss(&mut self, ack: &Ack<'_>) {
        if let Some(loss) = &ack.sample.loss
            && is_too_much(loss.lost.into(), loss.flight_at_send)
        {
            self.handle_inflight_too_high(ack, inflight_at_loss(loss), loss.is_app_limited);
        }
    }

    /// BBRHandleInflightTooHigh: once for each probing.
    fn handle_inflight_too_high(&mut self, ack: &Ack<'_>, flight_at_send: u32, is_app_limited: bool) {
        if !core::mem::take(&mut self.cycle.has_samples) {
            return;
        }
        self.cycle.was_too_high = true;
        if !is_app_limited {
            let target = self.target_inflight(ack);
            self.inflight_hi = flight_at_send.max(percent(target, BETA));
        }
        if self.state == State::Up {
            self.start_down(ack);
        }
    }

    /// BBRProbeInflightLongtermUpward: by one segment, then two, four, … a round.
    fn raise_inflight_hi(&mut self, ack: &Ack<'_>) {
        if !ack.is_cwnd_limited || ack.cwnd < self.inflight_hi {
            return;
        }
        self.cycle.up_acked = self.cycle.up_acked.saturating_add(ack.sample.delivered);
        let segments = self.cycle.up_acked / self.cycle.up_price.max(1);
        self.cycle.up_acked -= segments * self.cycle.up_price;
        self.inflight_hi = self.inflight_hi.saturating_add(segments.saturating_mul(ack.mss));
        if self.is_round_start {
            self.raise_slope(ack.cwnd, ack.mss);
        }
    }

    /// BBRRaiseInflightLongtermSlope.
    fn raise_slope(&mut self, cwnd: u32, mss: u32) {
        let growth = 1u32.checked_shl(self.cycle.up_rounds).unwrap_or(u32::MAX);
        self.cycle.up_rounds = (self.cycle.up_rounds + 1).min(30);
        self.cycle.up_price = (cwnd / growth).max(mss);
    }

    /// BBRTargetInflight.
    fn target_inflight(&self, ack: &Ack<'_>) -> u32 {
        self.bdp_bytes(self.bandwidth(), ack.mss).min(ack.cwnd)
    }

    fn bdp_bytes(&self, bandwidth: u64, mss: u32) -> u32 {
        let nanos = self.min_rtt.get().unwrap_or_default().as_nanos();
        let bytes = u128::from(bandwidth) * nanos / 1_000_000_000;
        u32::try_from(bytes).unwrap_or(u32::MAX).max(MIN_PIPE.saturating_mul(mss))
    }

    /// BBRIsTimeToProbeBW: by the clock, or after as many rounds as Reno would wait.
    fn is_time_to_probe(&self, ack: &Ack<'_>) -> bool {
        let is_late = ack.sample.now.since(self.cycle.start) > self.cycle.wait;
        let segments = self.target_inflight(ack) / ack.mss.max(1);
        is_late || self.cycle.rounds >= segments.min(MOST_ROUNDS)
    }

    /// BBRIsTimeToCruise.
    fn is_time_to_cruise(&self, ack: &Ack<'_>) -> bool {
        let flight = ack.sample.flight;
        flight <= self.with_headroom(ack.mss) && flight <= self.bdp_bytes(self.bandwidth.get(), ack.mss)
    }

    /// BBRIsTimeToGoDown.
    fn is_time_to_go_down(&mut self, ack: &Ack<'_>) -> bool {
        if self.cycle.was_too_high && ack.sample.flight_before >= self.inflight_hi {
            self.cycle.was_risky = true;
            return true;
        }
        if ack.is_cwnd_limited && ack.cwnd >= self.inflight_hi {
            // The bound holds the rate back, not the path.
            self.full_pipe.restart(ack.rate);
            return false;
        }
        self.full_pipe.is_now
    }

    /// BBRStartProbeBW_DOWN.
    pub(super) fn start_down(&mut self, ack: &Ack<'_>) {
        self.short_term.reset_signals();
        self.cycle.has_loss = false;
        self.cycle.up_price = u32::MAX;
        // BBRPickProbeWait.
        self.cycle.rounds = self.cycle.random() % 2;
        let more = self.cycle.random() % MORE_WAIT_MILLIS;
        self.cycle.wait = WAIT + Duration::from_millis(u64::from(more));
        self.cycle.start = ack.sample.now;
        self.cycle.stop();
        self.begin_round_now(ack);
        self.state = State::Down;
    }

    /// BBRStartProbeBW_CRUISE.
    pub(super) fn start_cruise(&mut self) {
        if self.short_term.inflight != u32::MAX {
            self.short_term.inflight = self.short_term.inflight.min(self.inflight_hi);
        }
        self.state = State::Cruise;
    }

    /// BBRStartProbeBW_REFILL.
    fn start_refill(&mut self, ack: &Ack<'_>) {
        self.short_term.reset();
        self.cycle.up_rounds = 0;
        self.cycle.up_acked = 0;
        self.cycle.was_risky = false;
        self.cycle.ack_phase = AckPhase::Refilling;
        self.begin_round_now(ack);
        self.state = State::Refill;
    }

    /// BBRStartProbeBW_UP.
    fn start_up(&mut self, ack: &Ack<'_>) {
        self.cycle.ack_phase = AckPhase::ProbeStarting;
        self.cycle.start = ack.sample.now;
        self.begin_round_now(ack);
        self.full_pipe.restart(ack.rate);
        self.state = State::Up;
        self.raise_slope(ack.cwnd, ack.mss);
    }
}

/// BBRInflightAtLoss: how much was in flight when the losses crossed the threshold, perhaps within the segment itself.
fn inflight_at_loss(loss: &LossSample) -> u32 {
    let before = loss.flight_at_send.saturating_sub(loss.len);
    let lost_before = loss.lost.saturating_sub(loss.len);
    let tolerated = u64::from(before) * LOSS_THRESHOLD;
    let prefix = tolerated.saturating_sub(u64::from(lost_before) * 100) / (100 - LOSS_THRESHOLD);
    before.saturating_add(u32::try_from(prefix).unwrap_or(u32::MAX))
}
