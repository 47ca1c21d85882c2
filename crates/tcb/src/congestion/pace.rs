//! Pacing: when the next segment may leave, so that they do not leave in bursts.

use core::time::Duration;
use sockeye_clock::Instant;

/// Segments at the beginning that are not paced (as Linux): the initial window goes out at once.
const UNPACED: u8 = 10;
/// A burst is what the rate gives in 2⁻¹⁰ seconds (as Linux's tcp_tso_autosize), but so many segments at least …
const BURST_SHIFT: u32 = 10;
const MIN_BURST: u32 = 2;
/// … and no more than so many bytes.
const MAX_BURST: u64 = 65_536;

/// What says how fast segments leave.
#[derive(Clone, Copy, Debug)]
enum Rate {
    /// No round trip was measured.
    Unknown,
    /// Bytes a second.
    Known(u64),
    /// So many bytes in each round trip. Every ACK says so, and hardly anybody asks: the division waits until then.
    PerRoundTrip { bytes: u64, srtt: Duration },
}

/// The rate, and the departure times that follow from it.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    rate: Rate,
    /// SO_MAX_PACING_RATE, bytes a second.
    pub(crate) max: u64,
    /// Whether departures are held back.
    pub(crate) is_on: bool,
    /// When the next burst may begin.
    next: Instant,
    /// Bytes that may still leave with the burst that has begun.
    burst: u64,
    /// Segments sent, as far as they matter.
    sent: u8,
}

impl Pace {
    pub(crate) const fn new(now: Instant, max: u64, is_on: bool) -> Self {
        Self { rate: Rate::Unknown, max, is_on, next: now, burst: 0, sent: 0 }
    }

    /// Bytes a second, within the limit; `u64::MAX` for "as fast as can be".
    pub(crate) fn rate(&self) -> u64 {
        let rate = match self.rate {
            Rate::Unknown => u64::MAX,
            Rate::Known(rate) => rate,
            Rate::PerRoundTrip { bytes, srtt } => rate_of(bytes, srtt),
        };
        rate.min(self.max)
    }

    pub(crate) fn set_rate(&mut self, rate: u64) {
        self.rate = Rate::Known(rate.max(1));
    }

    /// `bytes` leave in each round trip of `srtt`.
    pub(crate) fn set_round_trip(&mut self, bytes: u64, srtt: Duration) {
        // Who is paced asks for each segment.
        self.rate =
            if self.is_on { Rate::Known(rate_of(bytes, srtt)) } else { Rate::PerRoundTrip { bytes, srtt } };
    }

    /// When a segment may leave that would like to leave now.
    pub(crate) fn departure(&self, now: Instant) -> Instant {
        if !self.is_on || self.rate() == u64::MAX || self.burst > 0 { now } else { self.next.max(now) }
    }

    /// A segment with `len` bytes of text left.
    pub(crate) fn on_sent(&mut self, now: Instant, len: u32, mss: u32) {
        self.sent = self.sent.saturating_add(1);
        if !self.is_on || self.sent <= UNPACED {
            return;
        }
        let rate = self.rate();
        if rate == u64::MAX {
            return;
        }
        if self.burst == 0 {
            self.burst = u64::from(self.quantum(mss));
            // A timer that is late must not cost rate; but no more than half of it comes back.
            let length = time_for(self.burst, rate);
            let late = now.since(self.next).min(length / 2);
            self.next = self.next.max(now) - late;
        }
        self.burst = self.burst.saturating_sub(u64::from(len.max(1)));
        self.next += time_for(u64::from(len), rate);
    }

    /// Bytes that leave in one burst.
    pub(crate) fn quantum(&self, mss: u32) -> u32 {
        let bytes = (self.rate() >> BURST_SHIFT).min(MAX_BURST).max(u64::from(mss) * u64::from(MIN_BURST));
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// A train of ACKs can be longer than the path by what a burst takes (as Linux's hystart_ack_delay).
    pub(crate) fn ack_delay(&self) -> Duration {
        let rate = self.rate();
        if rate == u64::MAX {
            return Duration::ZERO;
        }
        time_for(MAX_BURST * 4, rate).min(Duration::from_millis(1))
    }
}

/// Bytes a second of `bytes` in each `time`: at least 1, and never "as fast as can be".
fn rate_of(bytes: u64, time: Duration) -> u64 {
    let rate = u128::from(bytes) * 1_000_000_000 / time.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX - 1).clamp(1, u64::MAX - 1)
}

/// How long `bytes` take at `rate` bytes a second.
fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(rate.max(1));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}
