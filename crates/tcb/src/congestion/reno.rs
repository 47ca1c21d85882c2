//! Reno (RFC 5681), with the end of fast recovery of RFC 6582.

use sockeye_clock::Instant;

use super::{AckSample, Congestion};

impl Congestion {
    /// An ACK came (MUST-19: slow start and congestion avoidance).
    pub(crate) fn on_ack(&mut self, sample: &AckSample) {
        if sample.phase.is_reducing() || sample.acked == 0 {
            return;
        }
        let (acked, flight) = (sample.acked, sample.flight_before);
        // A window that is not used says nothing about the network (RFC 7661).
        if self.is_slow_start() {
            if flight >= self.cwnd / 2 {
                // RFC 5681, equation 2.
                self.cwnd = self.cwnd.saturating_add(acked.min(self.mss));
            }
            return;
        }
        if flight.saturating_add(self.mss) < self.cwnd {
            return;
        }
        // RFC 5681, 3.1: one segment for each window acknowledged, by counting bytes.
        self.acked = self.acked.saturating_add(acked);
        if self.acked >= self.cwnd {
            self.acked -= self.cwnd;
            self.cwnd = self.cwnd.saturating_add(self.mss);
        }
    }

    /// A loss was found, with `flight` bytes outstanding (RFC 5681, equation 4).
    pub(crate) fn on_loss_detected(&mut self, _now: Instant, flight: u32) {
        self.prior = (self.cwnd, self.ssthresh);
        self.ssthresh = self.half(flight);
        self.cwnd = self.ssthresh;
        self.acked = 0;
    }

    /// Fast recovery is over with `flight` bytes outstanding: no burst (RFC 6582, 3.3, option 1).
    pub(crate) fn on_recovered(&mut self, _now: Instant, flight: u32) {
        self.cwnd = self.ssthresh.min(flight.max(self.mss).saturating_add(self.mss));
    }

    /// The retransmission timer expired with `flight` bytes outstanding. Only the `first` expiry for a segment sets ssthresh
    /// (RFC 5681, 3.1).
    pub(crate) fn on_timeout(&mut self, _now: Instant, flight: u32, expiry: Expiry) {
        if expiry == Expiry::First {
            self.prior = (self.cwnd, self.ssthresh);
            self.ssthresh = self.half(flight);
        }
        self.cwnd = self.mss;
        self.acked = 0;
    }

    fn half(&self, flight: u32) -> u32 {
        (flight / 2).max(self.mss.saturating_mul(2))
    }
}

/// Which expiry of the timer for the same segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// The first.
    First,
    /// A later one.
    Repeated,
}
