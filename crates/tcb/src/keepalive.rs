//! Keep-alive (3.8.4).

use sockeye_clock::Instant;

use crate::timers::Timer;
use crate::{State, Tcb};

/// What is known about whether the peer lives.
#[derive(Debug)]
pub(crate) struct Probing {
    /// When the peer last said something.
    heard: Instant,
    /// Probes since.
    unanswered: u32,
}

impl Probing {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { heard: now, unanswered: 0 }
    }

    /// When the peer last said something.
    pub(crate) const fn heard(&self) -> Instant {
        self.heard
    }

    /// The peer said something.
    pub(crate) const fn on_heard(&mut self, now: Instant) {
        self.heard = now;
        self.unanswered = 0;
    }
}

impl Tcb {
    /// MUST-24, MUST-27 (3.8.4): per connection, with times of its own.
    pub(crate) fn start_keep_alive(&mut self, now: Instant) {
        match self.config.keep_alive {
            Some(keep_alive) if self.state != State::Closed => {
                self.probing.unanswered = 0;
                self.timers.set(Timer::KeepAlive, (self.probing.heard + keep_alive.idle).max(now));
            }
            Some(_) | None => self.timers.stop(Timer::KeepAlive),
        }
    }

    /// The timer is not moved by each segment that arrives: it looks, when it expires, how long ago the last one was.
    pub(crate) fn on_keep_alive_timeout(&mut self, now: Instant) {
        let Some(keep_alive) = self.config.keep_alive else { return };
        let silent = now.since(self.probing.heard);
        // MUST-26 (3.8.4): only when nothing was heard for the interval; text that is outstanding probes by itself.
        if self.has_unfinished() {
            self.timers.set(Timer::KeepAlive, now + keep_alive.idle);
            return;
        }
        if silent < keep_alive.idle {
            self.timers.set(Timer::KeepAlive, self.probing.heard + keep_alive.idle);
            return;
        }
        // MUST-29 (3.8.4): one lost probe, or lost ACK of one, proves nothing.
        let is_spent = match self.config.user_timeout {
            Some(timeout) => self.probing.unanswered > 0 && silent >= timeout,
            None => self.probing.unanswered >= keep_alive.count,
        };
        if is_spent {
            self.owed.reset = self.state.is_reset_needed();
            self.time_out();
            return;
        }
        // SHLD-12 (3.8.4): without data.
        self.owed.probe = true;
        self.probing.unanswered += 1;
        self.timers.set(Timer::KeepAlive, now + keep_alive.interval);
    }
}
