//! R2 (MUST-20, 3.8.3): how long text is sent again in vain.

use core::time::Duration;
use sockeye_clock::Instant;

use crate::Tcb;
use crate::tcb::Holder;

/// The RTO of the path that counts of retransmissions are meant for (Linux's `TCP_RTO_MIN`).
const USUAL_RTO: Duration = Duration::from_millis(200);

/// How long `retries` retransmissions take where the RTO is `USUAL_RTO` at first and `most` at last: until the last of them has timed
/// out.
fn patience(retries: u32, most: Duration) -> Duration {
    let (mut total, mut rto) = (Duration::ZERO, USUAL_RTO.min(most));
    for count in 0..=retries {
        if rto == most {
            return total.saturating_add(most.saturating_mul((retries - count).saturating_add(1)));
        }
        total = total.saturating_add(rto);
        rto = rto.saturating_mul(2).min(most);
    }
    total
}

impl Tcb {
    /// As Linux reads `tcp_retries2`: R2 is as long over a short path as over a long one, and that of a path whose RTO is 200 ms. The
    /// first time-out ends nothing. MUST-21 (3.8.3): as Linux, TCP_USER_TIMEOUT takes its place, but an orphan has no user.
    pub(crate) fn has_reached_r2(&self, now: Instant) -> bool {
        let is_user_s = self.config.user_timeout.is_some() && self.holder != Holder::Nobody;
        !is_user_s
            && self.snd.retransmissions > 0
            && now.since(self.snd.stalled) >= patience(self.config.retries2, self.config.rto_max)
    }
}

#[cfg(test)]
mod tests {
    use super::patience;
    use core::time::Duration;

    #[test]
    fn patience_is_linux_s() {
        let most = Duration::from_secs(120);
        for (retries, millis) in [(0, 200), (1, 600), (3, 3000), (8, 102_200), (15, 924_600), (16, 1_044_600)]
        {
            assert_eq!(patience(retries, most), Duration::from_millis(millis), "{retries}");
        }
        assert_eq!(patience(3, Duration::from_millis(100)), Duration::from_millis(400));
        assert_eq!(patience(u32::MAX, Duration::MAX), Duration::MAX);
        assert_eq!(patience(u32::MAX, Duration::from_millis(1)), Duration::from_millis(u32::MAX.into()));
    }
}
