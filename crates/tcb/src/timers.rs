//! One table of timers.

use sockeye_clock::Instant;

/// The timers a connection can have running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Tail loss probe (RFC 8985, 7.3). It comes before the time-out that it may save.
    Probe,
    /// RACK's reordering window ends (RFC 8985, 6.3).
    Reorder,
    /// RFC 6298.
    Retransmit,
    /// Zero-window probes (3.8.6.1) and the override of silly-window avoidance (3.8.6.2.1).
    Persist,
    /// Delayed ACK (3.8.6.3).
    DelayedAck,
    /// ACKs of text out of order, put together.
    CompressedAck,
    /// Keep-alive (3.8.4).
    KeepAlive,
    /// TCP_USER_TIMEOUT (3.8.3).
    User,
    /// FIN-WAIT-2 of an orphan.
    FinWait2,
    /// A paced segment may leave.
    Pace,
}

impl Timer {
    pub(crate) const ALL: [Self; 10] = [
        Self::Probe,
        Self::Reorder,
        Self::Retransmit,
        Self::Persist,
        Self::DelayedAck,
        Self::CompressedAck,
        Self::KeepAlive,
        Self::User,
        Self::FinWait2,
        Self::Pace,
    ];
}

/// When each timer expires; [`Instant::MAX`] for one that is not running.
#[derive(Clone, Debug)]
pub(crate) struct Timers([Instant; Timer::ALL.len()]);

impl Timers {
    pub(crate) const fn new() -> Self {
        Self([Instant::MAX; Timer::ALL.len()])
    }

    pub(crate) const fn set(&mut self, timer: Timer, at: Instant) {
        self.0[timer as usize] = at;
    }

    pub(crate) const fn stop(&mut self, timer: Timer) {
        self.0[timer as usize] = Instant::MAX;
    }

    pub(crate) const fn stop_all(&mut self) {
        *self = Self::new();
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.0[timer as usize] != Instant::MAX
    }

    /// When it expires.
    pub(crate) const fn at(&self, timer: Timer) -> Instant {
        self.0[timer as usize]
    }

    /// Whether `timer` has expired; if so it is stopped.
    pub(crate) fn take_expired(&mut self, timer: Timer, now: Instant) -> bool {
        let expired = self.is_set(timer) && self.0[timer as usize] <= now;
        if expired {
            self.stop(timer);
        }
        expired
    }

    /// When the first one expires.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().copied().min().filter(|at| *at != Instant::MAX)
    }
}
