//! When an ACK is due (3.8.6.3).

use core::time::Duration;
use sockeye_clock::Instant;

/// Segments acknowledged at once when a flow begins, as Linux does: the sender's window grows faster.
const QUICK_ACKS: u8 = 16;

/// Answers in a row after which the next one is waited for.
const PING_PONG: u8 = 3;

/// Whether an ACK is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    No,
    Later,
    Now,
}

/// Whether a segment carries PSH: its sender has no more text for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Push {
    Set,
    Clear,
}

/// The ACKs owed to the peer.
#[derive(Debug)]
pub(crate) struct AckPolicy {
    due: Due,
    /// How often in a row the program answered one piece of the peer's with one of its own: an ACK can then ride on the
    /// answer.
    answers: u8,
    /// Pieces, each ended by a PSH, that the peer sent since we last sent text.
    pieces: u8,
    /// Bytes of text received and not acknowledged.
    pending: u32,
    /// The largest segment seen: an estimate of the peer's full segment (RMSS).
    full: u32,
    quick: u8,
    last_text: Option<Instant>,
}

impl AckPolicy {
    pub(crate) const fn new() -> Self {
        Self { due: Due::No, answers: 0, pieces: 0, pending: 0, full: 0, quick: QUICK_ACKS, last_text: None }
    }

    /// `len` bytes of text came in order; `idle` is how long a silence begins a new flow. Returns whether a timer is to run.
    pub(crate) fn on_text(&mut self, now: Instant, len: u32, push: Push, idle: Duration) -> bool {
        if self.last_text.is_some_and(|last| now.since(last) > idle) && !self.is_ping_pong() {
            self.quick = QUICK_ACKS;
        }
        if push == Push::Set {
            self.pieces = self.pieces.saturating_add(1);
        }
        if self.pieces > 1 {
            self.answers = 0;
        }
        self.last_text = Some(now);
        self.full = self.full.max(len);
        self.pending = self.pending.saturating_add(len);
        let is_full = self.pending >= self.full.saturating_mul(2);
        if is_full || (push == Push::Set && self.pending > self.full) {
            // SHLD-19 (3.8.6.3): no later than every second full-sized segment.
            self.due = Due::Now;
        } else if !self.is_ping_pong() && (self.quick > 0 || push == Push::Set) {
            // After a PSH there is nothing more to wait for: the sender may itself wait, for room in its SendQ.
            self.quick = self.quick.saturating_sub(1);
            self.due = Due::Now;
        } else if self.due == Due::No {
            // SHLD-18 (3.8.6.3).
            self.due = Due::Later;
            return true;
        }
        false
    }

    /// The largest segment seen, an estimate of the peer's full segment; bytes.
    pub(crate) const fn rcv_mss(&self) -> u32 {
        self.full
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

    fn is_ping_pong(&self) -> bool {
        self.answers >= PING_PONG
    }

    /// Text goes out. It may be an answer.
    pub(crate) fn on_text_sent(&mut self, now: Instant, delay: Duration) {
        let is_answer = self.pieces == 1 && self.last_text.is_some_and(|last| now.since(last) < delay);
        if is_answer {
            self.answers = (self.answers + 1).min(PING_PONG);
        }
        self.pieces = 0;
    }

    /// MUST-40 (3.8.6.3): the delay is over. There was no answer for the ACK to ride on.
    pub(crate) const fn on_timeout(&mut self) {
        if matches!(self.due, Due::Later) {
            self.due = Due::Now;
            self.answers = 0;
        }
    }
}
