//! BBR's delay: the least round trip, and ProbeRTT, which empties the queue to measure it.

use core::time::Duration;
use sockeye_clock::Instant;

use super::{Ack, Bbr, MIN_PIPE, State};
use crate::congestion::window::Window;

/// BBR.MinRTTFilterLen.
const MIN_RTT_FILTER: Duration = Duration::from_secs(10);
/// BBR.ProbeRTTInterval.
const INTERVAL: Duration = Duration::from_secs(5);
/// BBR.ProbeRTTDuration.
const DURATION: Duration = Duration::from_millis(200);

/// BBR.min_rtt and BBR.probe_rtt_min_delay.
#[derive(Clone, Debug)]
pub(super) struct MinRtt {
    least: Option<Duration>,
    least_at: Instant,
    recent: Option<Duration>,
    recent_at: Instant,
    /// When ProbeRTT may end, once little enough is in flight; and whether a round has passed since.
    done_at: Option<Instant>,
    has_round: bool,
}

impl MinRtt {
    pub(super) const fn new(now: Instant) -> Self {
        Self { least: None, least_at: now, recent: None, recent_at: now, done_at: None, has_round: false }
    }

    pub(super) const fn get(&self) -> Option<Duration> {
        self.least
    }

    /// BBRUpdateMinRTT. Returns whether no shorter round trip was seen for so long that it must be probed for.
    fn update(&mut self, now: Instant, rtt: Option<Duration>) -> bool {
        let is_expired = now.since(self.recent_at) > INTERVAL;
        if let Some(rtt) = rtt
            && (is_expired || self.recent.is_none_or(|recent| rtt < recent))
        {
            self.recent = Some(rtt);
            self.recent_at = now;
        }
        let is_less = match (self.recent, self.least) {
            (Some(recent), Some(least)) => recent <= least,
            (recent, None) => recent.is_some(),
            (None, Some(_)) => false,
        };
        if is_less || now.since(self.least_at) > MIN_RTT_FILTER {
            self.least = self.recent;
            self.least_at = self.recent_at;
        }
        is_expired
    }
}

impl Bbr {
    /// BBRUpdateMinRTT and BBRCheckProbeRTT.
    pub(super) fn update_min_rtt(&mut self, window: &mut Window, ack: &Ack<'_>) {
        let now = ack.sample.now;
        let is_expired = self.min_rtt.update(now, ack.sample.rtt);
        if is_expired && !self.is_idle_restart && self.state != State::ProbeRtt {
            self.save_cwnd(window.cwnd);
            self.state = State::ProbeRtt;
            self.min_rtt.done_at = None;
            self.cycle.stop();
            self.begin_round_now(ack);
        }
        if self.state == State::ProbeRtt {
            self.probe_rtt(window, ack);
        }
        if ack.sample.delivered > 0 {
            self.is_idle_restart = false;
        }
    }

    fn probe_rtt(&mut self, window: &mut Window, ack: &Ack<'_>) {
        let now = ack.sample.now;
        match self.min_rtt.done_at {
            None if ack.sample.flight <= self.probe_rtt_cwnd(window) => {
                self.min_rtt.done_at = Some(now + DURATION);
                self.min_rtt.has_round = false;
                self.begin_round_now(ack);
            }
            None => {}
            Some(done_at) => {
                self.min_rtt.has_round |= self.is_round_start;
                if self.min_rtt.has_round && now > done_at {
                    self.min_rtt.recent_at = now;
                    window.cwnd = window.cwnd.max(self.prior_cwnd);
                    self.exit_probe_rtt(ack);
                }
            }
        }
    }

    /// BBRExitProbeRTT.
    fn exit_probe_rtt(&mut self, ack: &Ack<'_>) {
        self.short_term.reset();
        if self.full_pipe.is_reached {
            self.start_down(ack);
            self.start_cruise();
        } else {
            self.state = State::Startup;
        }
    }

    /// BBRProbeRTTCwnd.
    pub(super) fn probe_rtt_cwnd(&self, window: &Window) -> u32 {
        let half = self.bdp(window, self.bandwidth(), State::ProbeRtt.cwnd_gain());
        half.max(MIN_PIPE.saturating_mul(window.mss))
    }

    /// A round begins with what is sent from now on.
    pub(super) fn begin_round_now(&mut self, ack: &Ack<'_>) {
        if let Some(rate) = &ack.sample.rate {
            self.start_round(rate.total_delivered);
        }
    }
}
