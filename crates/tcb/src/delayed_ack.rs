//! When an ACK is due (3.8.6.3).

use core::time::Duration;
use sockeye_clock::Instant;

/// Segments acknowledged at once when a flow begins, as Linux does: the sender's window grows faster.
const QUICK_ACKS: u8 = 16;

/// Whether an ACK is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    No,
    Later,
    Now,
}

/// Whether the program answers what it receives, so that an ACK can ride on the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    OneWay,
    PingPong,
}

/// The ACKs owed to the peer.
#[derive(Debug)]
pub(crate) struct AckPolicy {
    due: Due,
    flow: Flow,
    /// Bytes of text received and not acknowledged.
    pending: u32,
    /// The largest segment seen: an estimate of the peer's full segment (RMSS).
    full: u32,
    quick: u8,
    last_text: Option<Instant>,
}

impl AckPolicy {
    pub(crate) const fn new() -> Self {
        Self { due: Due::No, flow: Flow::OneWay, pending: 0, full: 0, quick: QUICK_ACKS, last_text: None }
    }

    /// `len` bytes of text came in order. Returns whether a timer is to run.
    pub(crate) fn on_text(&mut self, now: Instant, len: u32, idle: Duration) -> bool {
        if self.last_text.is_some_and(|last| now.since(last) > idle) && self.flow == Flow::OneWay {
            self.quick = QUICK_ACKS;
        }
        self.last_text = Some(now);
        self.full = self.full.max(len);
        self.pending = self.pending.saturating_add(len);
        // SHLD-19 (3.8.6.3): no later than every second full-sized segment.
        if self.pending >= self.full.saturating_mul(2) {
            self.due = Due::Now;
        } else if self.quick > 0 && self.flow == Flow::OneWay {
            self.quick -= 1;
            self.due = Due::Now;
        } else if self.due == Due::No {
            // SHLD-18 (3.8.6.3).
            self.due = Due::Later;
            return true;
        }
        false
    }

    pub(crate) const fn owe_now(&mut self) {
        self.due = Due::Now;
    }

    pub(crate) fn is_due_now(&self) -> bool {
        self.due == Due::Now
    }

    /// A segment with an ACK goes out.
    pub(crate) const fn on_ack_sent(&mut self) {
        self.due = Due::No;
        self.pending = 0;
    }

    /// Text goes out: if it answers text of the peer's, the flow goes both ways.
    pub(crate) fn on_text_sent(&mut self, now: Instant, delay: Duration) {
        if self.last_text.is_some_and(|last| now.since(last) < delay) {
            self.flow = Flow::PingPong;
        }
    }

    /// MUST-40 (3.8.6.3): the delay is over. There was no answer for the ACK to ride on.
    pub(crate) const fn on_timeout(&mut self) {
        if matches!(self.due, Due::Later) {
            self.due = Due::Now;
            self.flow = Flow::OneWay;
        }
    }
}
