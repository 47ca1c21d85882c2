//! Probing of windows that are closed, or open only a crack (3.8.6.1, 3.8.6.2.1).

use core::time::Duration;
use sockeye_clock::Instant;

use crate::Tcb;
use crate::tcb::{Fin, Holder};
use crate::timers::Timer;

/// The override time-out of the sender's silly-window avoidance (3.8.6.2.1: 0.1 to 1.0 seconds).
const OVERRIDE: Duration = Duration::from_millis(200);
/// Its upper bound.
const MAX_OVERRIDE: Duration = Duration::from_secs(1);

/// Probes of a shut window that an orphan makes, answered or not: a quarter of an hour. (Linux gives it up after a few minutes, when
/// the interval is at its longest; what a program left behind is worth more patience here.)
const ORPHAN_PROBES: u32 = 15;

/// How long text waits for the host's own queue before it tries again (Linux's TCP_RESOURCE_PROBE_INTERVAL).
pub(crate) const RESOURCE_INTERVAL: Duration = Duration::from_millis(500);

/// The state of probing.
#[derive(Debug, Default)]
pub(crate) struct Persist {
    /// Doublings of the interval.
    backoff: u32,
    /// Probes since the peer last said anything.
    unanswered: u32,
    /// Probes of this closed window since the program is gone.
    of_orphan: u32,
    /// The host's own queue takes nothing.
    pub(crate) is_blocked: bool,
}

impl Persist {
    /// Probes since the peer last said anything.
    pub(crate) const fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// The peer said something.
    pub(crate) const fn on_answer(&mut self) {
        self.unanswered = 0;
    }
}

impl Tcb {
    /// Whether there is something to send that the window holds back.
    fn is_held_by_window(&self) -> bool {
        self.unsent() > 0 || self.snd.fin == Fin::Queued || self.recovery.has_lost()
    }

    /// Nothing more can be sent now: if no ACK is on its way that could change that, the timer must.
    pub(crate) fn arm_persist(&mut self, now: Instant) {
        let is_watched = self.timers.is_set(Timer::Retransmit) || self.timers.is_set(Timer::Pace);
        if is_watched || !self.is_held_by_window() {
            self.stop_persist();
        } else if !self.timers.is_set(Timer::Persist) {
            let wait = if self.snd.wnd == 0 {
                // SHLD-29 and SHLD-30 (3.8.6.1): first after the RTO, then at intervals that double.
                self.rtt.rto_backed_off(self.persist.backoff).get()
            } else {
                // As Linux: what its window-probe timer begins with.
                self.rtt.rto().get().clamp(OVERRIDE, MAX_OVERRIDE)
            };
            self.timers.set(Timer::Persist, now + wait);
        }
    }

    /// Tells whether the host's own queue takes nothing now: text then stays, and is tried again every half second. An ACK or a reset
    /// is not kept: it is dropped, as it may be anywhere.
    pub const fn set_blocked(&mut self, is_blocked: bool) {
        self.persist.is_blocked = is_blocked;
    }

    /// As Linux an attempt that the own queue refused counts as a probe, but its interval does not double.
    fn wait_for_queue(&mut self, now: Instant) {
        if self.timers.at(Timer::User) <= now {
            return;
        }
        if self.persist.unanswered >= self.config.retries2 {
            return self.time_out();
        }
        self.persist.unanswered += 1;
        self.timers.set(Timer::Persist, now + RESOURCE_INTERVAL);
    }

    /// The window opened or closed, or there is nothing to probe for.
    pub(crate) fn stop_persist(&mut self) {
        self.timers.stop(Timer::Persist);
        self.persist.backoff = 0;
        self.persist.of_orphan = 0;
        self.owed.silly = false;
    }

    /// 3.8.6.1. What fits is sent, however little; if nothing fits, a probe.
    pub(crate) fn on_persist_timeout(&mut self, now: Instant) {
        if self.persist.is_blocked && self.snd.wnd > 0 {
            return self.wait_for_queue(now);
        }
        if self.snd.wnd > 0 {
            self.owed.silly = true;
            return;
        }
        // MUST-37 (3.8.6.1): for ever, as long as the peer answers.
        // But an orphan has no program that could end it, and a peer that keeps its window shut would pin it (RFC 6429, section 3).
        let is_pinned = self.persist.of_orphan >= ORPHAN_PROBES;
        if is_pinned || self.persist.unanswered >= self.config.retries2 {
            self.time_out();
            return;
        }
        // MUST-35, MUST-36 (3.8.6.1).
        self.owed.probe = true;
        self.persist.unanswered += 1;
        self.persist.of_orphan += u32::from(self.holder == Holder::Nobody);
        self.persist.backoff = self.persist.backoff.saturating_add(1);
        self.timers.set(Timer::Persist, now + self.rtt.rto_backed_off(self.persist.backoff).get());
    }
}
