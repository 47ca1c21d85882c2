//! Paths that swallow SYNs with text, and what follows them.

use sockeye_clock::Instant;
use std::time::Duration;

/// The pause doubles at most so often.
const MAX_DOUBLINGS: u32 = 6;

/// Whether clients of a host pause Fast Open because time-outs followed its use (tcp_fastopen_blackhole_timeout_sec).
#[derive(Debug, Default)]
pub(crate) struct BlackHole {
    /// Since when, and how often it happened in a row.
    since: Option<(Instant, u32)>,
}

impl BlackHole {
    /// Fast Open was used, and time-outs followed.
    pub(crate) fn on_suspicion(&mut self, now: Instant, pause: Duration) {
        if !pause.is_zero() {
            let times = self.since.map_or(0, |(_, times)| times);
            self.since = Some((now, times.saturating_add(1)));
        }
    }

    /// A server took text from a SYN.
    pub(crate) const fn on_success(&mut self) {
        self.since = None;
    }

    pub(crate) fn is_paused(&self, now: Instant, pause: Duration) -> bool {
        self.since.is_some_and(|(since, times)| {
            let doublings = times.saturating_sub(1).min(MAX_DOUBLINGS);
            now.since(since) < pause.saturating_mul(1 << doublings)
        })
    }
}
