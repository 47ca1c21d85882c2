//! The timestamps option (RFC 7323).

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::Timestamps;

/// Bytes of the option with its padding in every segment.
pub(crate) const OPTION_LEN: u32 = 12;

/// TS.Recent is not believed when it is older (RFC 7323, 5.5).
const STALE_AFTER: Duration = Duration::from_hours(24 * 24);

/// Our timestamp clock: milliseconds, from a place of the connection's own (RFC 7323, 5.4 and 7.1: it must not tell how long the
/// host is up, nor tell connections behind one address apart). It does not stand at 0 when time begins, because 0 in TSecr often
/// means "none".
pub(crate) fn clock(now: Instant, offset: u32) -> u32 {
    (now.as_millis() as u32).wrapping_add(1).wrapping_add(offset)
}

/// The round trip that the echo of our timestamp shows (RTTM, RFC 7323 section 4).
pub(crate) fn round_trip(now: Instant, offset: u32, echo: u32) -> Option<Duration> {
    let millis = clock(now, offset).wrapping_sub(echo);
    (echo != 0 && millis < 1 << 31).then(|| Duration::from_millis(u64::from(millis)))
}

/// Whether timestamp `value` is older than `than`, round the circle.
pub(crate) const fn is_older(value: u32, than: u32) -> bool {
    (value.wrapping_sub(than) as i32) < 0
}

/// The peer's newest timestamp, TS.Recent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recent {
    value: u32,
    at: Instant,
}

impl Recent {
    pub(crate) const fn new(now: Instant, value: u32) -> Self {
        Self { value, at: now }
    }

    pub(crate) const fn value(&self) -> u32 {
        self.value
    }

    /// PAWS (RFC 7323, 5.3): whether `value` is from before TS.Recent. A TS.Recent of 0 is none: there are peers whose SYN says 0 (as
    /// Linux).
    pub(crate) fn is_newer_than(&self, now: Instant, value: u32) -> bool {
        is_older(value, self.value) && self.value != 0 && now.since(self.at) < STALE_AFTER
    }

    /// Whether `value` is from before TS.Recent by no more than `time`: the peer's clock ticks every millisecond, or faster.
    pub(crate) fn is_at_most(&self, time: Duration, value: u32) -> bool {
        Duration::from_millis(u64::from(self.value.wrapping_sub(value))) <= time
    }

    /// The option to send.
    pub(crate) fn option(&self, now: Instant, offset: u32) -> Timestamps {
        Timestamps { value: clock(now, offset), echo: self.value }
    }
}
