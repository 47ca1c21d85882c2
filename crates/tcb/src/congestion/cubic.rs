//! CUBIC (RFC 9438) in whole numbers: segments and milliseconds.
//!
//! ```text
//!  cwnd
//!    |         concave          |       convex
//!  W_max - - - - - -_.-------------.-- - - - - /
//!    |        .-'                            .'
//!    |      /                             _.'
//!    |     |                     W_cubic(t) = C (t - K)³ + W_max
//!    +-----+---------------------+------------------- t
//!          0                     K
//! ```

use core::time::Duration;
use sockeye_clock::Instant;

use super::hystart::{Exit, RoundTrip, Slow};
use super::pace::Pace;
use super::window::Window;
use super::{AckSample, HyStart};

/// 1 / C for a time in milliseconds: C = 0.4 segments / s³ (RFC 9438, 5).
const PER_C: u64 = 2_500_000_000;
/// beta = 0.7, of 1024 (as Linux).
const BETA: u32 = 717;
/// W_cubic is not computed anew more often for the same cwnd, as Linux.
const REFRESH: Duration = Duration::from_nanos(1_000_000_000 / 32);
/// Before the first loss: one segment for so many at least, as Linux.
const MAX_BEFORE_LOSS: u32 = 20;
/// RFC 9438, 4.2: cwnd grows by half a round trip at most.
const MIN_PRICE: u32 = 2;
/// Round trips just after a reduction are those of the queue that was.
const AFTER_EPOCH: Duration = Duration::from_secs(1);

/// The variables of RFC 9438, section 4.1.2. Windows are segments.
#[derive(Clone, Debug)]
pub(crate) struct Cubic {
    /// The window at which something was lost, fast convergence applied. 0 before any loss.
    w_max: u32,
    /// The window before the last reduction.
    cwnd_prior: u32,
    /// W_max and cwnd_prior before the last reduction, in case it was spurious.
    undo: (u32, u32),
    epoch: Option<Epoch>,
    /// The least round trip.
    min_rtt: Option<Duration>,
    /// Segments that must be acknowledged for one more in cwnd.
    price: u32,
    /// For which cwnd, and when, it was computed.
    priced: (u32, Instant),
    slow: Slow,
}

/// A stretch of congestion avoidance.
#[derive(Clone, Debug)]
struct Epoch {
    start: Instant,
    /// K, milliseconds.
    k: u64,
    /// W_max, or cwnd if that is more: the plateau.
    origin: u32,
    /// W_est: what Reno would have.
    w_est: u32,
    /// Bytes acknowledged that W_est has not yet grown by.
    acked: u32,
}

impl Cubic {
    pub(crate) fn new(now: Instant, hystart: HyStart) -> Self {
        Self {
            w_max: 0,
            cwnd_prior: 0,
            undo: (0, 0),
            epoch: None,
            min_rtt: None,
            price: 0,
            priced: (0, now),
            slow: Slow::new(now, hystart),
        }
    }

    /// Every ACK, whether cwnd may grow or not.
    pub(crate) fn observe(&mut self, window: &mut Window, sample: &AckSample, pace: &Pace) {
        let Some(rtt) = sample.rtt else { return };
        if self.epoch.as_ref().is_some_and(|epoch| sample.now.since(epoch.start) < AFTER_EPOCH) {
            return;
        }
        let rtt = rtt.max(Duration::from_micros(1));
        let min_rtt = self.min_rtt.map_or(rtt, |least| least.min(rtt));
        self.min_rtt = Some(min_rtt);
        let path = RoundTrip { rtt, least: min_rtt, pace };
        if window.is_slow_start() && self.slow.on_rtt(window, sample, path) == Exit::Now {
            window.ssthresh = window.cwnd;
        }
    }

    /// `acked` bytes arrived, and cwnd is in use.
    pub(crate) fn grow(&mut self, window: &mut Window, now: Instant, acked: u32) {
        let left = if window.is_slow_start() {
            let (whole, shrunk) = (acked, self.slow.share(acked));
            let left = window.slow_start(shrunk);
            if shrunk < whole { 0 } else { left }
        } else {
            acked
        };
        if left > 0 {
            self.update(window, now, left);
            window.avoid(left, self.price);
        }
    }

    /// RFC 9438, 4.2 to 4.5.
    fn update(&mut self, window: &Window, now: Instant, acked: u32) {
        let cwnd = window.segments();
        if let Some(epoch) = &mut self.epoch {
            epoch.acked = epoch.acked.saturating_add(acked);
            if self.priced.0 == cwnd && now.since(self.priced.1) <= REFRESH {
                return;
            }
        }
        self.priced = (cwnd, now);
        let (w_max, min_rtt) = (self.w_max, self.min_rtt.unwrap_or_default());
        let epoch = self.epoch.get_or_insert_with(|| Epoch::new(now, cwnd, w_max, acked));
        // RFC 9438, 4.2: where the curve is one round trip later.
        let target = epoch.w_cubic(now.since(epoch.start) + min_rtt);
        let mut price = if target > cwnd { cwnd / (target - cwnd) } else { cwnd.saturating_mul(100) };
        if w_max == 0 {
            price = price.min(MAX_BEFORE_LOSS);
        }
        // RFC 9438, 4.3: no slower than Reno.
        epoch.grow_w_est(window, self.cwnd_prior);
        if epoch.w_est > cwnd {
            price = price.min(cwnd / (epoch.w_est - cwnd));
        }
        self.price = price.max(MIN_PRICE);
    }

    /// RFC 9438, 4.6 and 4.7: the new ssthresh, in segments.
    pub(crate) fn after_loss(&mut self, window: &Window) -> u32 {
        let cwnd = window.segments();
        self.undo = (self.w_max, self.cwnd_prior);
        self.epoch = None;
        self.cwnd_prior = cwnd;
        // Fast convergence: another flow needs room.
        self.w_max = if cwnd < self.w_max { scale(cwnd, (1024 + BETA) / 2) } else { cwnd };
        scale(cwnd, BETA)
    }

    /// RFC 9438, 4.8: after a time-out the curve begins anew.
    pub(crate) const fn on_timeout(&mut self, now: Instant) {
        self.w_max = 0;
        self.cwnd_prior = 0;
        self.epoch = None;
        self.min_rtt = None;
        self.price = 0;
        self.priced = (0, now);
        self.slow.restart(now);
    }

    /// RFC 9438, 4.9.
    pub(crate) const fn undo(&mut self) {
        (self.w_max, self.cwnd_prior) = self.undo;
        self.epoch = None;
    }

    /// RFC 9438, 5.8: a silence is no time in which the window could have been tried.
    pub(crate) fn on_restart(&mut self, now: Instant, silence: Duration) {
        if let Some(epoch) = &mut self.epoch {
            epoch.start = (epoch.start + silence).min(now);
        }
    }
}

impl Epoch {
    fn new(now: Instant, cwnd: u32, w_max: u32, acked: u32) -> Self {
        let below = w_max.saturating_sub(cwnd);
        // RFC 9438, figure 2.
        let k = cube_root(u64::from(below) * PER_C);
        Self { start: now, k, origin: w_max.max(cwnd), w_est: cwnd, acked }
    }

    /// RFC 9438, figure 1.
    fn w_cubic(&self, time: Duration) -> u32 {
        // Beyond a quarter of an hour the cube is out of any window's reach.
        let t = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).min(1 << 20);
        let distance = t.abs_diff(self.k).min(1 << 20);
        let delta = u32::try_from(distance.pow(3) / PER_C).unwrap_or(u32::MAX);
        if t < self.k { self.origin.saturating_sub(delta) } else { self.origin.saturating_add(delta) }
    }

    /// RFC 9438, figure 4: alpha = 3 (1 - beta) / (1 + beta) = 9 / 17 until Reno would be where cwnd was before, then 1.
    fn grow_w_est(&mut self, window: &Window, cwnd_prior: u32) {
        let cwnd = window.segments();
        loop {
            let has_caught_up = cwnd_prior > 0 && self.w_est >= cwnd_prior;
            let segments = if has_caught_up { cwnd } else { cwnd.saturating_mul(17) / 9 };
            let price = segments.saturating_mul(window.mss);
            if self.acked <= price {
                return;
            }
            self.acked -= price;
            self.w_est = self.w_est.saturating_add(1);
        }
    }
}

fn scale(segments: u32, of_1024: u32) -> u32 {
    u32::try_from(u64::from(segments) * u64::from(of_1024) / 1024).unwrap_or(u32::MAX)
}

/// The whole part of the cube root, a bit at a time.
pub(super) fn cube_root(value: u64) -> u64 {
    let mut root = 0u64;
    for bit in (0..22).rev() {
        let candidate = root | 1 << bit;
        let is_within = candidate.checked_pow(3).is_some_and(|cube| cube <= value);
        if is_within {
            root = candidate;
        }
    }
    root
}
