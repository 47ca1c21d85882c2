//! Proportional rate reduction (RFC 6937, with the choice of bound of RFC 9937): cwnd comes down to ssthresh over one round trip, by
//! what arrives.

/// The counts of one reduction. Bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prr {
    /// RecoverFS: cwnd before the reduction, as Linux has it.
    prior_cwnd: u32,
    /// Delivered since the reduction began.
    delivered: u32,
    /// Sent since then.
    out: u32,
}

/// What one ACK told, for the reduction. Bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    /// Newly delivered.
    pub(crate) delivered: u32,
    /// In the network.
    pub(crate) pipe: u32,
    pub(crate) ssthresh: u32,
    pub(crate) mss: u32,
    /// SND.UNA moved, and nothing new is lost: retransmissions arrive (`SafeACK` in RFC 9937).
    pub(crate) is_safe: bool,
}

impl Prr {
    pub(crate) const fn begin(prior_cwnd: u32) -> Self {
        Self { prior_cwnd, delivered: 0, out: 0 }
    }

    pub(crate) const fn on_sent(&mut self, len: u32) {
        self.out = self.out.saturating_add(len);
    }

    /// What cwnd is after this ACK; `None` if it delivered nothing.
    pub(crate) fn cwnd(&mut self, ack: Delivery) -> Option<u32> {
        if ack.delivered == 0 || self.prior_cwnd == 0 {
            return None;
        }
        self.delivered = self.delivered.saturating_add(ack.delivered);
        let target = ack.ssthresh - ack.ssthresh % ack.mss;
        let allowed = if ack.pipe > target {
            // In proportion, and in whole segments.
            let share = u64::from(target) * u64::from(self.delivered);
            let share = share.div_ceil(u64::from(self.prior_cwnd));
            let share = share.div_ceil(u64::from(ack.mss)) * u64::from(ack.mss);
            u32::try_from(share).unwrap_or(u32::MAX).saturating_sub(self.out)
        } else {
            // The conservative bound: no more than arrives. The slow start bound is one segment wider.
            let bound = self.delivered.saturating_sub(self.out).max(ack.delivered);
            let bound = if ack.is_safe { bound.saturating_add(ack.mss) } else { bound };
            bound.min(ack.ssthresh - ack.pipe)
        };
        // The first retransmission waits for nothing.
        let allowed = if self.out == 0 { allowed.max(ack.mss) } else { allowed };
        Some(ack.pipe.saturating_add(allowed))
    }
}
