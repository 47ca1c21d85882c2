//! What every algorithm has: cwnd and ssthresh, and the two ways of growing.

/// ssthresh never falls below so many segments (RFC 5681, equation 4).
const MIN_SSTHRESH: u32 = 2;

/// cwnd and ssthresh, in bytes.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) cwnd: u32,
    /// `u32::MAX` until something was lost.
    pub(crate) ssthresh: u32,
    pub(crate) mss: u32,
    /// The initial window.
    pub(crate) initial: u32,
    /// Bytes acknowledged that have not yet made cwnd grow in congestion avoidance.
    credit: u32,
    /// cwnd and ssthresh before the last reduction, in case it was spurious.
    prior: Option<(u32, u32)>,
}

impl Window {
    pub(crate) const fn new(initial: u32, mss: u32) -> Self {
        Self { cwnd: initial, ssthresh: u32::MAX, mss, initial, credit: 0, prior: None }
    }

    pub(crate) const fn is_slow_start(&self) -> bool {
        self.cwnd < self.ssthresh
    }

    /// cwnd in whole segments, at least one.
    pub(crate) fn segments(&self) -> u32 {
        (self.cwnd / self.mss).max(1)
    }

    /// RFC 5681, equation 2, counting bytes (RFC 3465) without a limit for each ACK, as Linux: the pace of the ACKs, not their number, is
    /// the sender's clock. Returns the bytes that are left for congestion avoidance.
    pub(crate) fn slow_start(&mut self, acked: u32) -> u32 {
        let grown = self.cwnd.saturating_add(acked).min(self.ssthresh.max(self.cwnd));
        let left = acked - (grown - self.cwnd);
        self.cwnd = grown;
        left
    }

    /// One segment for each `per` segments that are acknowledged (RFC 5681, 3.1: by counting bytes).
    pub(crate) fn avoid(&mut self, acked: u32, per: u32) {
        let price = per.max(1).saturating_mul(self.mss);
        // The price may have fallen since the credit was given: no burst.
        if self.credit >= price {
            self.credit = 0;
            self.cwnd = self.cwnd.saturating_add(self.mss);
        }
        self.credit = self.credit.saturating_add(acked);
        let segments = self.credit / price;
        self.credit -= segments * price;
        self.cwnd = self.cwnd.saturating_add(segments.saturating_mul(self.mss));
    }

    /// A reduction to `segments` is decided on. What was before is kept for [`Self::undo`].
    pub(crate) fn reduce_to(&mut self, segments: u32) {
        self.save();
        self.ssthresh = segments.max(MIN_SSTHRESH).saturating_mul(self.mss);
        self.credit = 0;
    }

    pub(crate) const fn save(&mut self) {
        self.prior = Some((self.cwnd, self.ssthresh));
    }

    /// The last reduction was for nothing.
    pub(crate) fn undo(&mut self) {
        if let Some((cwnd, ssthresh)) = self.prior.take() {
            self.cwnd = self.cwnd.max(cwnd);
            self.ssthresh = self.ssthresh.max(ssthresh);
        }
    }

    /// What slow start may come back to after a silence: three quarters of cwnd at least (RFC 2861, section 2).
    pub(crate) fn remember_in_ssthresh(&mut self) {
        self.ssthresh = self.ssthresh.max(self.cwnd / 2 + self.cwnd / 4);
    }
}
