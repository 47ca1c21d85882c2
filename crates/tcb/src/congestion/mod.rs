//! Window policy: how much may be in flight. What is lost is [`recovery`](crate::recovery)'s.

mod reno;
mod sample;

use sockeye_clock::Instant;

pub(crate) use reno::Expiry;
pub(crate) use sample::AckSample;

/// The congestion window, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Congestion {
    cwnd: u32,
    ssthresh: u32,
    /// Bytes acknowledged since cwnd last grew in congestion avoidance.
    acked: u32,
    initial: u32,
    mss: u32,
    /// cwnd and ssthresh before the last reduction, for [`Self::on_undo`].
    prior: (u32, u32),
}

impl Congestion {
    /// `initial` is the initial window (RFC 5681, 3.1; RFC 6928).
    pub(crate) const fn new(initial: u32, mss: u32) -> Self {
        Self { cwnd: initial, ssthresh: u32::MAX, acked: 0, initial, mss, prior: (0, u32::MAX) }
    }

    pub(crate) const fn cwnd(&self) -> u32 {
        self.cwnd
    }

    /// What proportional rate reduction allows now (RFC 6937).
    pub(crate) const fn set_cwnd(&mut self, cwnd: u32) {
        self.cwnd = cwnd;
    }

    /// Segments have another size from now on. The windows are bytes, so they stay.
    pub(crate) const fn set_mss(&mut self, mss: u32) {
        self.mss = mss;
    }

    pub(crate) const fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    /// Whether a segment of `len` may join `pipe` bytes in the network. One segment always may. A segment is not cut to fit.
    pub(crate) const fn has_room(&self, pipe: u32, len: u32) -> bool {
        pipe == 0 || pipe.saturating_add(len) <= self.cwnd
    }

    /// Nothing was sent for an RTO (RFC 5681, 4.1): the restart window.
    pub(crate) fn on_idle(&mut self, _now: Instant) {
        self.cwnd = self.cwnd.min(self.initial);
    }

    pub(crate) const fn is_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }
}

#[cfg(test)]
mod tests;
