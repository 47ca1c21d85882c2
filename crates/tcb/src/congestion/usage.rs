//! Whether cwnd is used: one that is not says nothing about the network, and must not grow (RFC 7661).

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::window::Window;

/// How much of cwnd was in use in the window of data that is running.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    /// cwnd held text back.
    is_limited: bool,
    /// Text was sent since the last look.
    has_sent: bool,
    /// The most that was outstanding, bytes.
    most: u32,
    /// SND.NXT when that was noted: it ends with its ACK.
    until: Option<SeqNum>,
    /// The most that was outstanding since cwnd was last used in full, bytes.
    used: u32,
    /// When cwnd was last used in full, or taken down.
    stamp: Instant,
}

/// What a flush of the sender leaves behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flushed {
    pub(crate) now: Instant,
    /// SND.UNA.
    pub(crate) una: SeqNum,
    /// SND.NXT.
    pub(crate) nxt: SeqNum,
    /// The estimate of what is in the network, bytes.
    pub(crate) pipe: u32,
    pub(crate) rto: Duration,
    /// Whether the program has nothing more to send, and no loss is being repaired.
    pub(crate) is_starved: bool,
    /// Whether cwnd has room, but not for a burst that is worth sending.
    pub(crate) is_deferred: bool,
}

impl Usage {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { is_limited: false, has_sent: false, most: 0, until: None, used: 0, stamp: now }
    }

    pub(crate) const fn on_sent(&mut self) {
        self.has_sent = true;
    }

    /// Whether cwnd is worth growing.
    pub(crate) const fn is_limited(&self, window: &Window) -> bool {
        // In slow start cwnd may become twice what was outstanding, so that a flow that sends little by little still gets on.
        self.is_limited || (window.is_slow_start() && window.cwnd < self.most.saturating_mul(2))
    }

    /// Whether cwnd itself held text back.
    pub(crate) const fn is_cwnd_limited(&self) -> bool {
        self.is_limited
    }

    /// Whether it matters that nothing more can be sent now.
    pub(crate) const fn is_news(&self, window: &Window, pipe: u32) -> bool {
        self.has_sent || pipe.saturating_add(window.mss) > window.cwnd
    }

    /// Nothing more can be sent now. Returns whether cwnd is to be taken down to what is used.
    pub(crate) fn on_flush(&mut self, window: &Window, flushed: &Flushed) -> bool {
        let is_limited = flushed.is_deferred || flushed.pipe.saturating_add(window.mss) > window.cwnd;
        if !core::mem::take(&mut self.has_sent) && !is_limited {
            return false;
        }
        let outstanding = flushed.nxt.since(flushed.una);
        let is_new_window = self.until.is_none_or(|until| !flushed.una.before(until));
        if is_new_window || is_limited || (!self.is_limited && outstanding > self.most) {
            self.is_limited = is_limited;
            self.most = outstanding;
            self.until = Some(flushed.nxt);
        }
        if self.is_limited(window) {
            self.used = 0;
            self.stamp = flushed.now;
            return false;
        }
        self.used = self.used.max(outstanding);
        flushed.is_starved && flushed.now.since(self.stamp) >= flushed.rto
    }

    /// RFC 7661, in Linux's way: cwnd goes half way down to what was used in the last RTO.
    pub(crate) fn take_down(&mut self, window: &mut Window, now: Instant) {
        let used = self.used.max(window.initial);
        if used < window.cwnd {
            window.remember_in_ssthresh();
            window.cwnd = window.cwnd / 2 + used / 2;
        }
        self.used = 0;
        self.stamp = now;
    }

    /// cwnd was set anew after a silence.
    pub(crate) const fn on_restart(&mut self, now: Instant) {
        self.used = 0;
        self.stamp = now;
    }
}
