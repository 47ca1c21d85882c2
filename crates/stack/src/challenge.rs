//! How many challenge ACKs a host sends (RFC 5961, section 7).

use rand::{Rng, RngCore};
use sockeye_clock::Instant;
use std::time::Duration;

/// For how long an allowance is.
const PERIOD: Duration = Duration::from_secs(1);

/// The host's allowance (tcp_challenge_ack_limit). It is another number each second, for who could count it out would learn from what is
/// left whether a guess of his was answered (CVE-2016-5696).
#[derive(Debug, Default)]
pub(crate) struct ChallengeAllowance {
    since: Option<Instant>,
    left: u32,
}

impl ChallengeAllowance {
    /// Whether one more may go out, of `limit` in a second on average. The largest number is no limit.
    pub(crate) fn takes(&mut self, now: Instant, limit: u32, rng: &mut impl RngCore) -> bool {
        if limit >= i32::MAX as u32 {
            return true;
        }
        if self.since.is_none_or(|since| now.since(since) >= PERIOD) {
            self.since = Some(now);
            self.left = limit.div_ceil(2) + rng.random_range(0..=limit);
        }
        let is_left = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_left
    }
}

#[cfg(test)]
mod tests;
