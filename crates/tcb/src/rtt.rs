//! Round-trip time and retransmission time-out (RFC 6298).

use core::time::Duration;

use crate::Config;

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
    /// SRTT and RTTVAR, once there was a sample.
    smoothed: Option<(Duration, Duration)>,
    /// Without backoff.
    base: Rto,
    /// With it.
    rto: Rto,
    bounds: Bounds,
    backoff: u32,
}

impl RttEstimator {
    /// Before any sample, the RTO is `initial` (RFC 6298, 2.1).
    pub(crate) fn new(config: &Config, initial: Duration) -> Self {
        let bounds = Bounds::of(config);
        let rto = bounds.clamp(initial);
        Self { smoothed: None, base: rto, rto, bounds, backoff: 0 }
    }

    /// A measured round trip. Karn's algorithm (MUST-18) is the caller's: it gives none that is ambiguous.
    pub(crate) fn on_sample(&mut self, rtt: Duration) {
        let (srtt, rttvar) = match self.smoothed {
            // RFC 6298, 2.2.
            None => (rtt, rtt / 2),
            // RFC 6298, 2.3: beta = 1/4, alpha = 1/8.
            Some((srtt, rttvar)) => ((srtt * 7 + rtt) / 8, (rttvar * 3 + srtt.abs_diff(rtt)) / 4),
        };
        self.smoothed = Some((srtt, rttvar));
        // As Linux the floor is under the variance term, not the sum: a path of constant delay keeps a margin for the
        // peer's delayed ACKs.
        self.base = self.bounds.clamp(srtt + (rttvar * 4).max(self.bounds.min));
        self.rto = self.base;
        self.backoff = 0;
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
        self.smoothed.map(|(srtt, _)| srtt)
    }
}

#[cfg(test)]
mod tests;
