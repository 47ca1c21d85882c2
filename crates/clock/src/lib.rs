//! Instants in nanoseconds, and the one place that reads a clock.
//!
//! Everything below the crates `host` and `ffi` is told the time; only this crate asks for it, and only with
//! the feature `std`.
#![forbid(unsafe_code)]
#![no_std]

use core::fmt;
use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// A moment, in nanoseconds since an origin that the reader of the clock chose.
///
/// In production the origin is that of `CLOCK_MONOTONIC`; in a simulation it is the start of the run. An
/// instant reaches 584 years.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The origin.
    pub const ZERO: Self = Self(0);
    /// The last instant that can be told.
    pub const MAX: Self = Self(u64::MAX);

    /// The instant `nanos` nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant `micros` microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// The instant `millis` milliseconds after the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole milliseconds since the origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// The time from `earlier` to `self`; zero if `earlier` is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A duration too long for the type ends at [`Instant::MAX`].
impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, duration: Duration) {
        *self = *self + duration;
    }
}

/// A duration that reaches before the origin ends at [`Instant::ZERO`].
impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000_000, self.0 / 1_000 % 1_000_000)
    }
}

/// The time now by `CLOCK_MONOTONIC`.
#[cfg(feature = "std")]
#[must_use]
pub fn monotonic() -> Instant {
    read(rustix::time::ClockId::Monotonic)
}

/// The time of day, as an instant whose origin is the Unix epoch. For captures and logs, never for timers.
#[cfg(feature = "std")]
#[must_use]
pub fn time_of_day() -> Instant {
    read(rustix::time::ClockId::Realtime)
}

/// The time of day at `then`, an instant of [`monotonic`], near the present.
#[cfg(feature = "std")]
#[must_use]
pub fn time_of_day_at(then: Instant) -> Instant {
    /// The clocks are read so often, at most, for both to be of one moment: this thread may lose its processor between.
    const TRIES: u32 = 16;
    const MOMENT: Duration = Duration::from_micros(1);
    let mut best = (Duration::MAX, Instant::ZERO, Instant::ZERO);
    for _ in 0..TRIES {
        let (before, today, after) = (monotonic(), time_of_day(), monotonic());
        let apart = after.since(before);
        if apart < best.0 {
            best = (apart, before + apart / 2, today);
        }
        if apart <= MOMENT {
            break;
        }
    }
    let (_, now, today) = best;
    if then <= now { today - now.since(then) } else { today + then.since(now) }
}

#[cfg(feature = "std")]
fn read(id: rustix::time::ClockId) -> Instant {
    let time = rustix::time::clock_gettime(id);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u64::try_from(time.tv_nsec).unwrap_or(0);
    Instant(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

#[cfg(test)]
mod tests;
