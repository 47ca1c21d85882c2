//! How long the connection was busy, and what limited it meanwhile (RFC 4898's SndLimTime, as tcp_info has it).

use core::time::Duration;
use sockeye_clock::Instant;

use crate::Tcb;
use crate::deferral::Waits;

/// What a connection with text to deliver waits for. The later ones are told before the earlier ones, as on Linux.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Limit {
    /// There is no text to deliver.
    #[default]
    Idle,
    /// The network.
    Busy,
    /// The peer's window.
    Window,
    /// SendQ: the program would send more.
    SendQ,
}

/// The time spent in each.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chrono {
    limit: Limit,
    since: Instant,
    /// Nanoseconds.
    busy: u64,
    window: u64,
    sendq: u64,
}

impl Chrono {
    fn change(&mut self, now: Instant, limit: Limit) {
        if limit == self.limit {
            return;
        }
        (self.busy, self.window, self.sendq) = self.nanos(now);
        self.limit = limit;
        self.since = now;
    }

    pub(crate) fn limit(&self) -> Limit {
        self.limit
    }

    /// Busy at all; of it limited by the window, and by SendQ.
    pub(crate) fn spent(&self, now: Instant) -> (Duration, Duration, Duration) {
        let (busy, window, sendq) = self.nanos(now);
        (Duration::from_nanos(busy), Duration::from_nanos(window), Duration::from_nanos(sendq))
    }

    fn nanos(&self, now: Instant) -> (u64, u64, u64) {
        let time = now.as_nanos().saturating_sub(self.since.as_nanos());
        let (busy, window, sendq) = (self.busy, self.window, self.sendq);
        match self.limit {
            Limit::Idle => (busy, window, sendq),
            Limit::Busy => (busy + time, window, sendq),
            Limit::Window => (busy + time, window + time, sendq),
            Limit::SendQ => (busy + time, window, sendq + time),
        }
    }
}

impl Tcb {
    /// To be called when nothing more can be sent now.
    pub(crate) fn note_limit(&mut self, now: Instant) {
        let (held, unsent) = (self.text_held(), self.unsent());
        let limit = if held == 0 {
            Limit::Idle
        } else if unsent == 0 {
            if self.is_send_full() { Limit::SendQ } else { Limit::Busy }
        } else {
            let is_short = (self.snd.usable() as usize) < unsent.min(self.segment_size() as usize);
            // As Linux: cwnd is looked at first.
            let has_room = self.congestion.has_room(self.pipe(), self.segment_size());
            if (is_short && has_room) || self.burst.waits == Waits::Window {
                Limit::Window
            } else {
                Limit::Busy
            }
        };
        self.chrono.change(now, limit);
    }
}
