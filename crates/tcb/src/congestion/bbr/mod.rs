//! BBR version 3 (draft-ietf-ccwg-bbr): a model of the path (its rate and its delay) instead of a reaction to each loss.
//!
//! ```text
//!   Startup --> Drain --> Down --> Cruise --> Refill --> Up --+
//!                           ^                                 |
//!                           +---------------------------------+
//!   every five seconds without a shorter round trip: ProbeRtt, and back
//! ```
//!
//! Rates are bytes a second, volumes bytes, gains per cent.

mod cycle;
mod model;
mod probe_rtt;
mod short_term;

use core::time::Duration;
use sockeye_clock::Instant;

use super::AckSample;
use super::pace::Pace;
use super::window::Window;
use crate::Phase;
use cycle::Cycle;
use model::{Aggregation, FullPipe, MaxBandwidth};
use probe_rtt::MinRtt;
use short_term::ShortTerm;

/// BBR.MinPipeCwnd: segments.
const MIN_PIPE: u32 = 4;
/// BBR.StartupPacingGain: 4 ln 2.
const STARTUP_GAIN: u64 = 277;
/// Drain is given up after so many rounds: then others fill the queue, too.
const DRAIN_ROUNDS: u32 = 3;
/// BBR.DrainPacingGain.
const DRAIN_GAIN: u64 = 50;
/// BBR.DefaultCwndGain.
const CWND_GAIN: u64 = 200;
/// BBR.PacingMarginPercent: a little below the rate, so that no queue stays.
const PACING_MARGIN: u64 = 1;
/// BBR.LossThresh: per cent of what was in flight.
const LOSS_THRESHOLD: u64 = 2;
/// BBR.Headroom: per cent left to others.
const HEADROOM: u64 = 15;
/// The round trip that the first rate is computed from when none was measured.
const NOMINAL_RTT: Duration = Duration::from_millis(1);

/// BBR.state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Startup,
    Drain,
    /// ProbeBW_DOWN: less than arrives, to empty the queue.
    Down,
    /// ProbeBW_CRUISE: as much as arrives.
    Cruise,
    /// ProbeBW_REFILL: a round trip to fill the pipe.
    Refill,
    /// ProbeBW_UP: more, to see whether more arrives.
    Up,
    ProbeRtt,
}

impl State {
    const fn is_probe_bw(self) -> bool {
        matches!(self, Self::Down | Self::Cruise | Self::Refill | Self::Up)
    }

    /// Whether it tries how much there is: then losses do not shrink the short-term bounds.
    const fn is_probing(self) -> bool {
        matches!(self, Self::Startup | Self::Refill | Self::Up)
    }

    const fn pacing_gain(self) -> u64 {
        match self {
            Self::Startup => STARTUP_GAIN,
            Self::Drain => DRAIN_GAIN,
            Self::Down => 90,
            Self::Cruise | Self::Refill | Self::ProbeRtt => 100,
            Self::Up => 125,
        }
    }

    const fn cwnd_gain(self) -> u64 {
        match self {
            Self::Startup | Self::Drain | Self::Down | Self::Cruise | Self::Refill => CWND_GAIN,
            Self::Up => 225,
            Self::ProbeRtt => 50,
        }
    }
}

/// The model and the state machine.
#[derive(Clone, Debug)]
pub(crate) struct Bbr {
    state: State,
    bandwidth: MaxBandwidth,
    full_pipe: FullPipe,
    aggregation: Aggregation,
    min_rtt: MinRtt,
    short_term: ShortTerm,
    cycle: Cycle,
    /// C.delivered at which the round ends, and whether this ACK began one.
    round_ends: u64,
    is_round_start: bool,
    /// BBR.inflight_longterm (inflight_hi): the most that was in flight without much loss. `u32::MAX` until there was loss.
    inflight_hi: u32,
    /// cwnd before recovery or ProbeRTT.
    prior_cwnd: u32,
    /// What can be taken back if a loss was none.
    undo: Option<(u32, ShortTerm)>,
    is_idle_restart: bool,
    has_rtt: bool,
    phase: Phase,
}

/// An ACK with all that the model needs of it.
#[derive(Clone, Copy, Debug)]
struct Ack<'a> {
    sample: &'a AckSample,
    /// RS.delivery_rate; 0 if it was not measured.
    rate: u64,
    is_cwnd_limited: bool,
    cwnd: u32,
    mss: u32,
}

impl Bbr {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            state: State::Startup,
            bandwidth: MaxBandwidth::default(),
            full_pipe: FullPipe::default(),
            aggregation: Aggregation::new(now),
            min_rtt: MinRtt::new(now),
            short_term: ShortTerm::new(),
            cycle: Cycle::new(now),
            round_ends: 0,
            is_round_start: false,
            inflight_hi: u32::MAX,
            prior_cwnd: 0,
            undo: None,
            is_idle_restart: false,
            has_rtt: false,
            phase: Phase::Open,
        }
    }

    #[cfg(test)]
    pub(crate) const fn state(&self) -> State {
        self.state
    }

    /// BBRUpdateOnACK.
    pub(crate) fn on_ack(
        &mut self,
        window: &mut Window,
        pace: &mut Pace,
        sample: &AckSample,
        is_cwnd_limited: bool,
    ) {
        let rate = sample.rate.as_ref().map_or(0, super::RateSample::rate);
        let ack = Ack { sample, rate, is_cwnd_limited, cwnd: window.cwnd, mss: window.mss };
        self.follow_phase(window, sample.phase);
        self.update_round(&ack);
        self.update_model(window, &ack);
        self.set_pacing_rate(window, pace);
        self.set_cwnd(window, pace, sample.delivered);
        if rate > 0 {
            self.short_term.end_ack(&ack);
        }
        self.cycle.has_loss |= sample.lost > 0;
    }

    /// BBRUpdateRound.
    fn update_round(&mut self, ack: &Ack<'_>) {
        self.is_round_start = false;
        if let Some(rate) = &ack.sample.rate
            && rate.prior_delivered >= self.round_ends
        {
            self.start_round(rate.total_delivered);
            self.cycle.rounds = self.cycle.rounds.saturating_add(1);
            self.is_round_start = true;
        }
    }

    const fn start_round(&mut self, delivered: u64) {
        self.round_ends = delivered;
    }

    /// BBRUpdateModelAndState.
    fn update_model(&mut self, window: &mut Window, ack: &Ack<'_>) {
        if ack.rate > 0 {
            self.update_signals(ack);
        }
        self.check_startup(window, ack);
        self.check_drain(window, ack);
        self.update_cycle(ack);
        self.update_min_rtt(window, ack);
    }

    /// BBRUpdateLatestDeliverySignals, BBRUpdateCongestionSignals, BBRUpdateACKAggregation.
    fn update_signals(&mut self, ack: &Ack<'_>) {
        if ack.sample.lost > 0 {
            // First of all: this ACK does not end the round that the loss begins.
            self.short_term.note_loss(ack.sample.rate.map_or(0, |rate| rate.total_delivered));
        }
        self.short_term.begin_ack(ack);
        let is_limited =
            ack.sample.rate.is_some_and(|rate| rate.is_app_limited) || self.state == State::ProbeRtt;
        if !is_limited || ack.rate >= self.bandwidth.get() {
            self.bandwidth.take(ack.rate);
        }
        if self.short_term.is_round_start() {
            if !self.state.is_probing() {
                self.short_term.adapt(self.bandwidth.get(), ack.cwnd);
            }
            self.short_term.end_round();
        }
        let is_full = self.full_pipe.is_reached;
        let bandwidth = self.bandwidth();
        self.aggregation.update(ack, bandwidth, self.is_round_start, is_full);
    }

    /// BBR.bw.
    fn bandwidth(&self) -> u64 {
        self.bandwidth.get().min(self.short_term.bandwidth)
    }

    /// BBRBDPMultiple.
    fn bdp(&self, window: &Window, bandwidth: u64, gain: u64) -> u32 {
        let Some(min_rtt) = self.min_rtt.get() else { return window.initial };
        let bytes = u128::from(bandwidth) * min_rtt.as_nanos() / 1_000_000_000 * u128::from(gain) / 100;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// BBRQuantizationBudget: what both ends hold of a burst.
    fn quantized(&self, mss: u32, pace_quantum: u32, inflight: u32) -> u32 {
        let inflight = inflight.max(pace_quantum.saturating_mul(3)).max(MIN_PIPE.saturating_mul(mss));
        if self.state == State::Up { inflight.saturating_add(2 * mss) } else { inflight }
    }

    /// BBRInflight.
    fn inflight(&self, window: &Window, bandwidth: u64, gain: u64) -> u32 {
        let floor = MIN_PIPE.saturating_mul(window.mss);
        self.bdp(window, bandwidth, gain).max(floor)
    }

    /// BBRInflightWithHeadroom.
    fn with_headroom(&self, mss: u32) -> u32 {
        if self.inflight_hi == u32::MAX {
            return u32::MAX;
        }
        let headroom = (percent(self.inflight_hi, HEADROOM)).max(mss);
        self.inflight_hi.saturating_sub(headroom).max(MIN_PIPE.saturating_mul(mss))
    }
}

/// Startup and Drain.
impl Bbr {
    /// BBRCheckStartupDone, BBRCheckFullBWReached, BBRCheckStartupHighLoss.
    fn check_startup(&mut self, window: &mut Window, ack: &Ack<'_>) {
        self.check_startup_loss(window, ack);
        let is_limited = ack.sample.rate.is_none_or(|rate| rate.is_app_limited);
        if !is_limited {
            self.full_pipe.update(ack.rate, self.is_round_start);
        }
        if self.state == State::Startup && self.full_pipe.is_reached {
            self.state = State::Drain;
            self.cycle.rounds = 0;
            // Only for those who look: startup is over.
            window.ssthresh = self.inflight(window, self.bandwidth.get(), 100);
            self.short_term.reset_signals();
            self.cycle.has_loss = false;
        }
    }

    fn check_startup_loss(&mut self, window: &Window, ack: &Ack<'_>) {
        if self.full_pipe.is_reached {
            return;
        }
        let is_often = self.short_term.count_loss(ack) && ack.sample.phase == Phase::Recovery;
        if is_often && (is_inflight_too_high(ack) || is_marked_too_often(ack)) {
            self.full_pipe.is_reached = true;
            let bdp = self.inflight(window, self.bandwidth.get(), 100);
            self.inflight_hi = bdp.max(self.short_term.inflight_latest());
        }
    }

    /// BBRCheckDrainDone: the queue is gone, or others keep it full.
    fn check_drain(&mut self, window: &Window, ack: &Ack<'_>) {
        let is_drained = ack.sample.flight <= self.inflight(window, self.bandwidth.get(), 100);
        if self.state == State::Drain && (is_drained || self.cycle.rounds > DRAIN_ROUNDS) {
            self.start_down(ack);
        }
    }
}

/// What the model means for the sender.
impl Bbr {
    /// BBRSetPacingRate; BBRInitPacingRate before there is a rate.
    fn set_pacing_rate(&mut self, window: &Window, pace: &mut Pace) {
        let gain = self.state.pacing_gain();
        let bandwidth = self.bandwidth();
        if bandwidth == 0 || !self.has_rtt {
            self.has_rtt = self.min_rtt.get().is_some();
            let rtt = self.min_rtt.get().unwrap_or(NOMINAL_RTT).as_nanos().max(1);
            let initial = u128::from(window.cwnd) * 1_000_000_000 / rtt;
            pace.set_rate(paced(u64::try_from(initial).unwrap_or(u64::MAX), STARTUP_GAIN));
            return;
        }
        let rate = paced(bandwidth, gain);
        if self.full_pipe.is_reached || rate > pace.rate() {
            pace.set_rate(rate);
        }
    }

    /// BBRSetCwnd.
    fn set_cwnd(&mut self, window: &mut Window, pace: &Pace, delivered: u32) {
        let target = self.bdp(window, self.bandwidth(), self.state.cwnd_gain());
        let target = target.saturating_add(self.aggregation.extra(self.bandwidth()));
        let target = self.quantized(window.mss, pace.quantum(window.mss), target);
        let grown = window.cwnd.saturating_add(delivered);
        if delivered > 0 {
            if self.full_pipe.is_reached {
                window.cwnd = grown.min(target);
            } else if window.cwnd < target || window.cwnd < window.initial.saturating_mul(2) {
                window.cwnd = grown;
            }
        }
        let floor = MIN_PIPE.saturating_mul(window.mss);
        let cap = match self.state {
            State::ProbeRtt => self.probe_rtt_cwnd(window).min(self.with_headroom(window.mss)),
            State::Cruise => self.with_headroom(window.mss),
            State::Down | State::Refill | State::Up => self.inflight_hi,
            State::Startup | State::Drain => u32::MAX,
        };
        // After a time-out cwnd begins with one segment, whatever the model says.
        let floor = if self.phase == Phase::Loss { window.mss } else { floor };
        window.cwnd = window.cwnd.max(floor).min(cap.min(self.short_term.inflight).max(floor));
    }

    /// BBRSaveCwnd.
    fn save_cwnd(&mut self, cwnd: u32) {
        let is_good = !matches!(self.phase, Phase::Recovery | Phase::Loss) && self.state != State::ProbeRtt;
        self.prior_cwnd = if is_good { cwnd } else { self.prior_cwnd.max(cwnd) };
    }

    /// BBROnExitRecovery.
    fn follow_phase(&mut self, window: &mut Window, phase: Phase) {
        let was_repairing = matches!(self.phase, Phase::Recovery | Phase::Loss);
        if was_repairing && matches!(phase, Phase::Open | Phase::Disorder) {
            window.cwnd = window.cwnd.max(self.prior_cwnd);
        }
        self.phase = phase;
    }

    /// BBROnEnterFastRecovery: cwnd stays; the model decides.
    pub(crate) fn on_loss_detected(&mut self, window: &Window) {
        self.save_cwnd(window.cwnd);
        self.undo = Some((self.inflight_hi, self.short_term.clone()));
    }

    /// An echo of congestion counts as a loss in this round (RFC 3168, 5).
    pub(crate) fn on_ecn_echo(&mut self) {
        self.short_term.note_loss(self.round_ends);
        self.cycle.has_loss = true;
        if self.state == State::Up {
            self.cycle.is_too_high = true;
        }
    }

    /// BBROnEnterRTO.
    pub(crate) fn on_timeout(&mut self, window: &mut Window) {
        self.save_cwnd(window.cwnd);
        self.full_pipe.forget();
        self.phase = Phase::Loss;
        if !self.state.is_probing() && self.short_term.inflight == u32::MAX {
            self.short_term.inflight = self.prior_cwnd;
        }
        window.cwnd = window.mss;
    }

    /// BBRHandleSpuriousLossDetection.
    pub(crate) fn undo(&mut self, window: &mut Window) {
        self.full_pipe.forget();
        if let Some((inflight_hi, short_term)) = self.undo.take() {
            self.inflight_hi = self.inflight_hi.max(inflight_hi);
            self.short_term.undo(&short_term);
        }
        window.cwnd = window.cwnd.max(self.prior_cwnd);
    }

    /// BBRHandleRestartFromIdle.
    pub(crate) fn on_restart(&mut self, now: Instant, pace: &mut Pace) {
        self.is_idle_restart = true;
        self.aggregation.restart(now);
        if self.state.is_probe_bw() && self.bandwidth() > 0 {
            pace.set_rate(paced(self.bandwidth(), 100));
        }
    }
}

/// BBRIsInflightTooHigh, by the newest segment that arrived.
fn is_inflight_too_high(ack: &Ack<'_>) -> bool {
    ack.sample.rate.is_some_and(|rate| is_too_much(rate.lost, rate.flight_at_send))
}

/// Whether so many bytes were lost of so many in flight that it was too much.
fn is_too_much(lost: u64, flight: u32) -> bool {
    lost > 0 && lost > u64::from(flight) * LOSS_THRESHOLD / 100
}

/// As Linux: more than half of what arrived was marked.
fn is_marked_too_often(ack: &Ack<'_>) -> bool {
    ack.sample.rate.is_some_and(|rate| rate.delivered_ce * 2 > rate.delivered)
}

fn paced(bandwidth: u64, gain: u64) -> u64 {
    let rate = u128::from(bandwidth) * u128::from(gain) * u128::from(100 - PACING_MARGIN) / 10_000;
    u64::try_from(rate).unwrap_or(u64::MAX - 1)
}

fn percent(bytes: u32, of: u64) -> u32 {
    u32::try_from(u64::from(bytes) * of / 100).unwrap_or(u32::MAX)
}
