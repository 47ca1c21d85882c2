//! Window policy: how much may be in flight, and how fast it leaves. What is lost is [`recovery`](crate::recovery)'s.
//!
//! | file | what |
//! |---|---|
//! | `choice` | which algorithm (TCP_CONGESTION), and its settings |
//! | `window` | cwnd and ssthresh, which every algorithm has |
//! | `usage` | whether cwnd is used (RFC 7661) |
//! | `pace` | when the next segment may leave |
//! | `gate` | where it meets the connection |
//! | `reno`, `cubic` with `hystart`, `dctcp` | how cwnd grows and shrinks |
//! | `bbr` | cwnd and rate from a model of the path |

mod bbr;
mod choice;
mod cubic;
mod dctcp;
mod gate;
mod hystart;
mod pace;
mod reno;
mod sample;
mod usage;
mod window;

use core::time::Duration;
use sockeye_clock::Instant;

pub use choice::{CongestionConfig, CongestionControl, HyStart};
pub(crate) use sample::{AckSample, LossSample, RateSample};
pub(crate) use usage::Flushed;

use alloc::boxed::Box;
use bbr::Bbr;
use cubic::Cubic;
use dctcp::Dctcp;
use pace::Pace;
use usage::Usage;
use window::Window;

/// The congestion control of a connection: the part that all algorithms share, and the one that was chosen.
#[derive(Clone, Debug)]
pub(crate) struct Congestion {
    window: Window,
    usage: Usage,
    pace: Pace,
    algorithm: Algorithm,
    config: CongestionConfig,
    /// cwnd came down, and the peer does not know it (RFC 3168, 6.1.2).
    has_reduced: bool,
}

/// The algorithms, with what each remembers.
#[derive(Clone, Debug)]
enum Algorithm {
    Reno,
    Cubic(Cubic),
    /// It remembers much more than the others.
    Bbr(Box<Bbr>),
    Dctcp(Dctcp),
}

/// Which expiry of the timer for the same segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// The first.
    First,
    /// A later one.
    Repeated,
}

impl Algorithm {
    fn new(now: Instant, config: &CongestionConfig) -> Self {
        match config.control {
            CongestionControl::Reno => Self::Reno,
            CongestionControl::Cubic => Self::Cubic(Cubic::new(now, config.hystart)),
            CongestionControl::Bbr => Self::Bbr(Box::new(Bbr::new(now))),
            CongestionControl::Dctcp => Self::Dctcp(Dctcp::new()),
        }
    }
}

impl Congestion {
    /// `initial` is the initial window (RFC 5681, 3.1; RFC 6928), bytes.
    pub(crate) fn new(now: Instant, initial: u32, mss: u32, config: CongestionConfig) -> Self {
        Self {
            window: Window::new(initial, mss),
            usage: Usage::new(now),
            pace: Pace::new(now, config.max_pacing_rate, is_paced(&config)),
            algorithm: Algorithm::new(now, &config),
            config,
            has_reduced: false,
        }
    }

    /// TCP_CONGESTION on a live connection: cwnd and ssthresh stay, as on Linux.
    pub(crate) fn choose(&mut self, now: Instant, control: CongestionControl) {
        if control != self.config.control {
            self.config.control = control;
            self.algorithm = Algorithm::new(now, &self.config);
            self.pace.is_on = is_paced(&self.config);
        }
    }

    pub(crate) const fn control(&self) -> CongestionControl {
        self.config.control
    }

    /// SO_MAX_PACING_RATE, bytes a second.
    pub(crate) fn limit_rate(&mut self, max: u64) {
        self.config.max_pacing_rate = max;
        self.pace.max = max;
        // As Linux: a socket that was ever paced stays so.
        self.config.is_paced |= max != u64::MAX;
        self.pace.is_on = is_paced(&self.config);
    }

    /// Bytes that may be in flight.
    pub(crate) const fn cwnd(&self) -> u32 {
        self.window.cwnd
    }

    /// Bytes; `u32::MAX` before any loss.
    pub(crate) const fn ssthresh(&self) -> u32 {
        self.window.ssthresh
    }

    /// Bytes a second; `u64::MAX` for no limit.
    pub(crate) fn pacing_rate(&self) -> u64 {
        self.pace.rate()
    }

    pub(crate) const fn is_slow_start(&self) -> bool {
        self.window.is_slow_start()
    }

    /// What proportional rate reduction allows now (RFC 6937).
    pub(crate) const fn set_cwnd(&mut self, cwnd: u32) {
        // BBR's model says how much may be in flight, also while losses are repaired.
        if !matches!(self.algorithm, Algorithm::Bbr(_)) {
            self.window.cwnd = cwnd;
        }
    }

    /// The MSS changed with the path's MTU: cwnd is bytes and stays.
    pub(crate) const fn set_mss(&mut self, mss: u32) {
        self.window.mss = mss;
    }

    /// Whether a segment of `len` may join `pipe` bytes in the network. One segment always may. A segment is not cut to fit.
    pub(crate) const fn has_room(&self, pipe: u32, len: u32) -> bool {
        pipe == 0 || pipe.saturating_add(len) <= self.window.cwnd
    }

    /// When a segment may leave: now, or later if it is paced.
    pub(crate) fn departure(&self, now: Instant) -> Instant {
        self.pace.departure(now)
    }
}

/// What happens to it.
impl Congestion {
    /// An ACK came that acknowledged or SACKed something.
    pub(crate) fn on_ack(&mut self, sample: &AckSample) {
        match &mut self.algorithm {
            Algorithm::Reno => {}
            Algorithm::Cubic(cubic) => cubic.observe(&mut self.window, sample, &self.pace),
            Algorithm::Dctcp(dctcp) => dctcp.observe(sample),
            Algorithm::Bbr(bbr) => {
                let is_limited = self.usage.is_cwnd_limited();
                return bbr.on_ack(&mut self.window, &mut self.pace, sample, is_limited);
            }
        }
        let may_grow = sample.is_progress && !sample.phase.is_reducing();
        if may_grow && self.usage.is_limited(&self.window) {
            self.grow(sample.now, sample.delivered);
        }
    }

    fn grow(&mut self, now: Instant, acked: u32) {
        match &mut self.algorithm {
            Algorithm::Cubic(cubic) => cubic.grow(&mut self.window, now, acked),
            Algorithm::Reno | Algorithm::Dctcp(_) => reno::grow(&mut self.window, acked),
            Algorithm::Bbr(_) => {}
        }
    }

    /// The pacing rate that follows from cwnd, as Linux computes it. `flight` is what is outstanding.
    pub(crate) fn on_round_trip(&mut self, srtt: Duration, flight: u32) {
        if matches!(self.algorithm, Algorithm::Bbr(_)) {
            return;
        }
        let is_early = self.window.cwnd < self.window.ssthresh / 2;
        let per_cent = if is_early { self.config.pacing_ss_ratio } else { self.config.pacing_ca_ratio };
        let bytes = u64::from(self.window.cwnd.max(flight)) * u64::from(per_cent) / 100;
        self.pace.set_round_trip(bytes, srtt);
    }

    /// A loss was found: fast recovery begins.
    pub(crate) fn on_loss_detected(&mut self) {
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            self.has_reduced = true;
            return bbr.on_loss_detected(&self.window);
        }
        let segments = self.after_loss();
        self.reduce_to(segments);
        self.window.cwnd = self.window.ssthresh;
    }

    /// The peer echoed congestion (RFC 3168, 6.1.2): once for each round trip. Proportional rate reduction takes cwnd down.
    pub(crate) fn on_ecn_echo(&mut self) {
        let segments = match &mut self.algorithm {
            Algorithm::Bbr(bbr) => {
                self.has_reduced = true;
                return bbr.on_ecn_echo();
            }
            Algorithm::Dctcp(dctcp) => dctcp.after_echo(&self.window),
            Algorithm::Reno | Algorithm::Cubic(_) => self.after_loss(),
        };
        self.reduce_to(segments);
    }

    /// Fast recovery, or the reduction for an echo, is over.
    pub(crate) const fn on_recovered(&mut self) {
        if matches!(self.algorithm, Algorithm::Bbr(_)) {
            return;
        }
        self.window.cwnd = self.window.ssthresh;
    }

    /// The retransmission timer expired. Only the first expiry for a segment sets ssthresh (RFC 5681, 3.1).
    pub(crate) fn on_timeout(&mut self, now: Instant, expiry: Expiry) {
        if let Algorithm::Bbr(bbr) = &mut self.algorithm {
            self.has_reduced = true;
            return bbr.on_timeout(&mut self.window);
        }
        if expiry == Expiry::First {
            let segments = self.after_loss();
            self.reduce_to(segments);
        }
        self.window.cwnd = self.window.mss;
        if let Algorithm::Cubic(cubic) = &mut self.algorithm {
            cubic.on_timeout(now);
        }
    }

    fn reduce_to(&mut self, segments: u32) {
        self.window.reduce_to(segments);
        self.has_reduced = true;
    }

    /// Whether cwnd came down since this was last asked.
    pub(crate) const fn take_reduced(&mut self) -> bool {
        core::mem::replace(&mut self.has_reduced, false)
    }

    fn after_loss(&mut self) -> u32 {
        match &mut self.algorithm {
            Algorithm::Cubic(cubic) => cubic.after_loss(&self.window),
            // RFC 8257, 3.4: to a loss DCTCP responds like any other TCP.
            Algorithm::Reno | Algorithm::Dctcp(_) | Algorithm::Bbr(_) => reno::after_loss(&self.window),
        }
    }

    /// What was taken for a loss was none.
    pub(crate) fn on_undo(&mut self) {
        self.has_reduced = false;
        match &mut self.algorithm {
            Algorithm::Bbr(bbr) => return bbr.undo(&mut self.window),
            Algorithm::Cubic(cubic) => cubic.undo(),
            Algorithm::Reno | Algorithm::Dctcp(_) => {}
        }
        self.window.undo();
    }

    /// Text is sent after nothing was in flight; `silence` is how long nothing was sent.
    pub(crate) fn on_restart(&mut self, now: Instant, silence: Duration, rto: Duration) {
        match &mut self.algorithm {
            Algorithm::Bbr(bbr) => return bbr.on_restart(now, &mut self.pace),
            Algorithm::Cubic(cubic) => cubic.on_restart(now, silence),
            Algorithm::Reno | Algorithm::Dctcp(_) => {}
        }
        if self.config.slow_start_after_idle && silence > rto {
            self.restart_window(now, silence, rto);
        }
    }

    /// RFC 5681, 4.1, in Linux's way (RFC 2861): cwnd halves for each RTO of silence, down to the restart window.
    fn restart_window(&mut self, now: Instant, silence: Duration, rto: Duration) {
        let window = &mut self.window;
        window.remember_in_ssthresh();
        let floor = window.initial.min(window.cwnd);
        let halvings = silence.as_nanos().saturating_sub(1) / rto.as_nanos().max(1);
        let halvings = u32::try_from(halvings).unwrap_or(u32::MAX);
        window.cwnd = window.cwnd.checked_shr(halvings).unwrap_or(0).max(floor);
        self.usage.on_restart(now);
    }

    /// A segment with text left.
    pub(crate) fn on_sent(&mut self, now: Instant, len: u32) {
        self.usage.on_sent();
        self.pace.on_sent(now, len, self.window.mss);
    }

    /// Whether [`Self::on_flush`] has anything to do.
    pub(crate) const fn is_usage_news(&self, pipe: u32) -> bool {
        self.usage.is_news(&self.window, pipe)
    }

    /// Nothing more can be sent now.
    pub(crate) fn on_flush(&mut self, flushed: &Flushed) {
        let is_unused = self.usage.on_flush(&self.window, flushed);
        let may_decay = self.config.slow_start_after_idle && !matches!(self.algorithm, Algorithm::Bbr(_));
        if is_unused && may_decay {
            self.usage.take_down(&mut self.window, flushed.now);
        }
    }
}

/// Whether departures are held back.
const fn is_paced(config: &CongestionConfig) -> bool {
    config.is_paced || config.max_pacing_rate != u64::MAX || matches!(config.control, CongestionControl::Bbr)
}

#[cfg(test)]
mod tests;
