//! Round-trip time and retransmission time-out (RFC 6298).

use core::time::Duration;
use sockeye_wire::SeqNum;

use crate::Config;

/// A round trip longer than this is as good as none.
const LONGEST: Duration = Duration::from_mins(10);

/// A retransmission time-out, always within the bounds it was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rto(Duration);

impl Rto {
    pub(crate) const fn get(self) -> Duration {
        self.0
    }

    /// Doubled `times` times, within `bounds` (RFC 6298, 5.5).
    pub(crate) fn backed_off(self, times: u32, bounds: Bounds) -> Self {
        bounds.clamp(self.0.saturating_mul(1u32.checked_shl(times).unwrap_or(u32::MAX)))
    }
}

/// The bounds of every [`Rto`] of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    min: Duration,
    max: Duration,
}

impl Bounds {
    pub(crate) fn of(config: &Config) -> Self {
        Self { min: config.rto_min.min(config.rto_max), max: config.rto_max }
    }

    pub(crate) fn clamp(self, time: Duration) -> Rto {
        Rto(time.clamp(self.min, self.max))
    }
}

/// SRTT, RTTVAR, and the RTO with its backoff.
#[derive(Clone, Debug)]
pub(crate) struct RttEstimator {
    /// Once there was a sample.
    smoothed: Option<Smoothed>,
    /// Without backoff.
    base: Rto,
    /// With it.
    rto: Rto,
    bounds: Bounds,
    backoff: u32,
}

/// The smoothed values, as Linux keeps them: four times the variation, and its largest value of the last round trips, so that one
/// good round trip does not make the time-out short. Nanoseconds: every ACK computes with them.
#[derive(Clone, Copy, Debug)]
struct Smoothed {
    srtt: u64,
    /// Four times RTTVAR.
    mdev: u64,
    /// The largest of this round trip.
    mdev_max: u64,
    /// What the time-out uses: it falls slowly, and not below the floor.
    variance: u64,
    /// When this is acknowledged, the round trip is over.
    round_end: Option<SeqNum>,
}

impl RttEstimator {
    /// Before any sample, the RTO is `initial` (RFC 6298, 2.1).
    pub(crate) fn new(config: &Config, initial: Duration) -> Self {
        let bounds = Bounds::of(config);
        let rto = bounds.clamp(initial);
        Self { smoothed: None, base: rto, rto, bounds, backoff: 0 }
    }

    /// A measured round trip of which nothing more is known. Karn's algorithm (MUST-18) is the caller's: it gives none that is
    /// ambiguous.
    pub(crate) fn on_sample(&mut self, rtt: Duration) {
        self.take_sample(rtt, None);
    }

    /// A measured round trip, while SND.UNA and SND.NXT are these.
    pub(crate) fn on_sample_in(&mut self, rtt: Duration, una: SeqNum, nxt: SeqNum) {
        self.take_sample(rtt, Some((una, nxt)));
    }

    fn take_sample(&mut self, rtt: Duration, window: Option<(SeqNum, SeqNum)>) {
        let rtt = nanos(rtt.min(LONGEST));
        let floor = nanos(self.bounds.min);
        let smoothed = match &mut self.smoothed {
            Some(smoothed) => {
                smoothed.take(rtt);
                smoothed.end_round(window, floor);
                smoothed
            }
            None => {
                // RFC 6298, 2.2: RTTVAR = R / 2.
                let variance = (rtt * 2).max(floor);
                let round_end = window.map(|(_, nxt)| nxt);
                self.smoothed.insert(Smoothed {
                    srtt: rtt,
                    mdev: rtt * 2,
                    mdev_max: variance,
                    variance,
                    round_end,
                })
            }
        };
        // As Linux the floor is under the variance term, not the sum: a path of constant delay keeps a margin for the
        // peer's delayed ACKs.
        self.base = self.bounds.clamp(Duration::from_nanos(smoothed.srtt.saturating_add(smoothed.variance)));
        self.rto = self.base;
        self.backoff = 0;
    }

    /// The upper bound is another one from now on.
    pub(crate) fn set_max(&mut self, max: Duration) {
        self.bounds = Bounds { min: self.bounds.min.min(max), max };
        self.base = self.bounds.clamp(self.base.get());
        self.rto = self.base.backed_off(self.backoff, self.bounds);
    }

    /// The time-out with its backoff.
    pub(crate) const fn rto(&self) -> Rto {
        self.rto
    }

    /// The time-out backed off `times` times more.
    pub(crate) fn rto_backed_off(&self, times: u32) -> Rto {
        self.rto.backed_off(times, self.bounds)
    }

    /// The timer expired: doubled until a sample comes (RFC 6298, 5.5; Karn's algorithm).
    pub(crate) fn on_timeout(&mut self) {
        self.backoff = self.backoff.saturating_add(1);
        self.rto = self.base.backed_off(self.backoff, self.bounds);
    }

    /// The timer expired, and starts again as it was before it was doubled.
    pub(crate) fn forget_backoff(&mut self) {
        self.backoff = 0;
        self.rto = self.base;
    }

    /// Doublings since the last sample.
    pub(crate) const fn backoff(&self) -> u32 {
        self.backoff
    }

    /// RFC 6069, section 4: one doubling is taken back. Says whether there was one.
    pub(crate) fn revert_backoff(&mut self) -> bool {
        let had = self.backoff > 0;
        if had {
            self.backoff -= 1;
            self.rto = self.base.backed_off(self.backoff, self.bounds);
        }
        had
    }

    /// The smoothed round-trip time, once there was a sample.
    pub(crate) fn srtt(&self) -> Option<Duration> {
        self.smoothed.as_ref().map(|smoothed| Duration::from_nanos(smoothed.srtt))
    }

    /// Four times the variation, as it was last smoothed.
    pub(crate) fn variation(&self) -> Duration {
        Duration::from_nanos(self.smoothed.as_ref().map_or(0, |smoothed| smoothed.mdev))
    }
}

/// Nanoseconds, as far as 64 bits tell them: 584 years.
const fn nanos(time: Duration) -> u64 {
    time.as_secs().saturating_mul(1_000_000_000).saturating_add(time.subsec_nanos() as u64)
}

impl Smoothed {
    /// RFC 6298, 2.3: alpha = 1/8, beta = 1/4; but a round trip that is shorter than expected counts less, so that it does not
    /// lengthen the time-out.
    fn take(&mut self, rtt: u64) {
        let error = rtt.abs_diff(self.srtt);
        let is_shorter = rtt < self.srtt;
        self.srtt = (self.srtt * 7 + rtt) / 8;
        let expected = self.mdev / 4;
        self.mdev = if error > expected {
            let excess = error - expected;
            self.mdev + if is_shorter { excess / 8 } else { excess }
        } else {
            self.mdev - (expected - error)
        };
        if self.mdev > self.mdev_max {
            self.mdev_max = self.mdev;
            self.variance = self.variance.max(self.mdev_max);
        }
    }

    fn end_round(&mut self, window: Option<(SeqNum, SeqNum)>, floor: u64) {
        let is_over = match (window, self.round_end) {
            (Some((una, _)), Some(end)) => una.after(end),
            (None, _) | (_, None) => true,
        };
        if is_over {
            if self.mdev_max < self.variance {
                self.variance -= (self.variance - self.mdev_max) / 4;
            }
            self.round_end = window.map(|(_, nxt)| nxt);
            self.mdev_max = floor;
        }
    }
}

#[cfg(test)]
mod tests;
