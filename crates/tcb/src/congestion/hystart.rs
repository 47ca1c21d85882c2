//! When slow start ends although nothing is lost: the classic HyStart of Linux, or HyStart++ (RFC 9406).

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::pace::Pace;
use super::window::Window;
use super::{AckSample, HyStart};

/// Samples of a round before its least round trip counts (RFC 9406, 4.2: N_RTT_SAMPLE).
const SAMPLES: u8 = 8;
/// MIN_RTT_THRESH and MAX_RTT_THRESH (RFC 9406, 4.2; classic HyStart has the same).
const THRESHOLDS: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(16));
/// CSS_GROWTH_DIVISOR (RFC 9406, 4.2).
const CSS_DIVISOR: u32 = 4;
/// CSS_ROUNDS (RFC 9406, 4.2).
const CSS_ROUNDS: u8 = 5;
/// Classic: smaller windows are not looked at, segments.
const LOW_WINDOW: u32 = 16;
/// Classic: ACKs no further apart than this are one train.
const TRAIN_GAP: Duration = Duration::from_millis(2);

/// What an ACK told of the path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RoundTrip<'a> {
    pub(crate) rtt: Duration,
    /// The least one.
    pub(crate) least: Duration,
    /// Pacing may stretch a train of ACKs.
    pub(crate) pace: &'a Pace,
}

/// Whether slow start is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Now,
    NotYet,
}

/// Slow start, round by round.
#[derive(Clone, Debug)]
pub(crate) struct Slow {
    kind: HyStart,
    /// It has ended slow start once.
    is_done: bool,
    /// SND.NXT when the round began: the ACK of it ends it. `None` until the first ACK.
    end: Option<SeqNum>,
    started: Instant,
    /// The last ACK of the train.
    train: Instant,
    /// The least round trip of this round and of the last one.
    least: Option<Duration>,
    least_before: Option<Duration>,
    samples: u8,
    css: Option<Css>,
}

/// Conservative slow start (RFC 9406, 4.2).
#[derive(Clone, Debug)]
struct Css {
    /// cssBaselineMinRtt.
    baseline: Duration,
    rounds: u8,
}

impl Slow {
    pub(crate) const fn new(now: Instant, kind: HyStart) -> Self {
        Self {
            kind,
            is_done: false,
            end: None,
            started: now,
            train: now,
            least: None,
            least_before: None,
            samples: 0,
            css: None,
        }
    }

    /// After a time-out there is a slow start again. RFC 9406, 4.3: HyStart++ is for the first one only.
    pub(crate) const fn restart(&mut self, now: Instant) {
        let kind = if matches!(self.kind, HyStart::PlusPlus) { HyStart::Off } else { self.kind };
        *self = Self::new(now, kind);
    }

    /// What counts of `acked` bytes for slow start.
    pub(crate) const fn share(&self, acked: u32) -> u32 {
        if self.css.is_some() { acked.div_ceil(CSS_DIVISOR) } else { acked }
    }

    /// A round trip was measured in slow start.
    pub(crate) fn on_rtt(&mut self, window: &Window, sample: &AckSample, path: RoundTrip<'_>) -> Exit {
        if self.is_done {
            return Exit::NotYet;
        }
        let exit = match self.kind {
            HyStart::Off => Exit::NotYet,
            HyStart::Classic => self.classic(window, sample, path),
            HyStart::PlusPlus => self.plus_plus(sample, path.rtt),
        };
        self.is_done = exit == Exit::Now;
        exit
    }

    fn is_new_round(&self, sample: &AckSample) -> bool {
        self.end.is_none_or(|end| sample.una.after(end))
    }

    fn begin_round(&mut self, sample: &AckSample) {
        self.end = Some(sample.nxt);
        self.started = sample.now;
        self.train = sample.now;
        self.least_before = self.least.take();
        self.samples = 0;
    }
}

/// As Linux.
impl Slow {
    fn classic(&mut self, window: &Window, sample: &AckSample, path: RoundTrip<'_>) -> Exit {
        // Nor do their rounds begin: the first one does when the window is large enough, wherever that is in a round trip.
        if window.segments() < LOW_WINDOW {
            return Exit::NotYet;
        }
        if self.is_new_round(sample) {
            self.begin_round(sample);
        }
        if sample.now.since(self.train) <= TRAIN_GAP {
            self.train = sample.now;
            // The train is as long as half the path: what is in flight fills it.
            if sample.now.since(self.started) > (path.least + path.pace.ack_delay()) / 2 {
                return Exit::Now;
            }
        }
        let least = self.least.map_or(path.rtt, |least| least.min(path.rtt));
        self.least = Some(least);
        if self.samples < SAMPLES {
            self.samples += 1;
            return Exit::NotYet;
        }
        if least > path.least + threshold(path.least) { Exit::Now } else { Exit::NotYet }
    }
}

/// RFC 9406, 4.2.
impl Slow {
    fn plus_plus(&mut self, sample: &AckSample, rtt: Duration) -> Exit {
        if self.is_new_round(sample) {
            if let Some(css) = &mut self.css {
                css.rounds += 1;
                if css.rounds >= CSS_ROUNDS {
                    self.css = None;
                    return Exit::Now;
                }
            }
            self.begin_round(sample);
        }
        let least = self.least.map_or(rtt, |least| least.min(rtt));
        self.least = Some(least);
        self.samples = self.samples.saturating_add(1);
        if self.samples < SAMPLES {
            return Exit::NotYet;
        }
        match (&self.css, self.least_before) {
            // The delay came from somewhere else: on with slow start.
            (Some(css), _) if least < css.baseline => self.css = None,
            (Some(_), _) | (None, None) => {}
            (None, Some(before)) => {
                if least >= before + threshold(before) {
                    self.css = Some(Css { baseline: least, rounds: 0 });
                }
            }
        }
        Exit::NotYet
    }
}

/// RttThresh.
fn threshold(rtt: Duration) -> Duration {
    (rtt / 8).clamp(THRESHOLDS.0, THRESHOLDS.1)
}
