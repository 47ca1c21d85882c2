//! When an ACK is due (3.8.6.3), as Linux decides it.
//!
//! | what came in order | the ACK |
//! |---|---|
//! | more than one full segment since the last ACK (SHLD-19) | now |
//! | text in quick mode: a flow begins, or begins again, or an ACK was lost | now |
//! | text with PSH of a peer that nobody answers | now: the peer may have to wait for it |
//! | anything else (SHLD-18) | with the next text, or after the delay |
//!
//! The delay follows the time between segments, within bounds. A program that answers makes the connection *interactive*: its answer
//! will carry the ACK, until once it does not.

use core::time::Duration;
use sockeye_clock::Instant;

use crate::Config;

/// ACKs sent at once when a flow begins: the sender's window grows faster.
const QUICK_ACKS: u32 = 16;
/// The least that a full segment is taken for, and the most before a larger one was seen; bytes.
const RMSS_BOUNDS: (u32, u32) = (88, 536);
/// The longest delay (MUST-40: below 0.5 s), and the longest when there is no more text to wait for.
const MAX_DELAY: Duration = Duration::from_millis(500);
const MAX_DELAY_PUSHED: Duration = Duration::from_millis(200);

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

/// Text that arrived in order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// Bytes of text in the segment.
    pub(crate) len: u32,
    /// Bytes by which RCV.NXT moved.
    pub(crate) moved: u32,
    pub(crate) push: Push,
    /// RCV.WND.
    pub(crate) window: u32,
    /// The RTO: a longer silence begins a new flow.
    pub(crate) rto: Duration,
}

/// The ACKs owed to the peer.
#[derive(Debug)]
pub(crate) struct AckPolicy {
    due: Due,
    /// Text with PSH came that is not acknowledged.
    is_pushed: bool,
    /// Answers of the program in a row, up to `interactive_after`: each to one piece of the peer's, so that an ACK can ride on it.
    answers: u8,
    /// Pieces, each ended by a PSH, that the peer sent since we last sent text.
    pieces: u8,
    /// Answers that make the connection interactive (tcp_pingpong_thresh).
    interactive_after: u8,
    /// ACKs that are still sent at once.
    quick: u8,
    /// Bytes of text received and not acknowledged.
    pending: u32,
    /// RMSS: an estimate of the peer's full segment.
    rcv_mss: u32,
    /// Length of the last segment, if it was none for a full one.
    last_len: u32,
    /// The MSS that was announced: no segment is taken for a larger one.
    advertised_mss: u32,
    /// The delay, and its bounds. 0 before any text came.
    delay: Duration,
    min_delay: Duration,
    max_delay: Duration,
    last_text: Option<Instant>,
}

impl AckPolicy {
    /// `eff_snd_mss` is the text in our own full segments, `window` RCV.WND.
    pub(crate) fn new(config: &Config, eff_snd_mss: u32, window: u32) -> Self {
        let advertised_mss = u32::from(config.recv_mss);
        let guess = advertised_mss.min(eff_snd_mss).min(window / 2).min(RMSS_BOUNDS.1).max(RMSS_BOUNDS.0);
        // Sooner than the peer can retransmit, if it is set as we are.
        let before_rto = config.rto_min.max(Duration::from_millis(2)) - Duration::from_millis(1);
        Self {
            due: Due::No,
            is_pushed: false,
            answers: 0,
            pieces: 0,
            interactive_after: config.interactive_after.max(1),
            quick: 0,
            pending: 0,
            rcv_mss: guess,
            last_len: 0,
            advertised_mss,
            delay: Duration::ZERO,
            min_delay: config.delayed_ack,
            max_delay: config.delayed_ack_max.min(before_rto),
            last_text: None,
        }
    }

    /// Text came in order. Returns whether a timer is to run.
    pub(crate) fn on_text(&mut self, now: Instant, arrival: Arrival) -> bool {
        self.measure(arrival.len, arrival.push);
        self.follow(now, arrival);
        self.pending = self.pending.saturating_add(arrival.moved);
        self.is_pushed |= arrival.push == Push::Set;
        self.pieces = self.pieces.saturating_add(u8::from(arrival.push == Push::Set));
        if self.pieces > 1 {
            // It goes on before there is an answer, and may have to wait for the ACK: Linux has it wait.
            self.answers = 0;
        }
        if self.pending > self.rcv_mss || self.is_quick() {
            // SHLD-19 (3.8.6.3): no later than every second full-sized segment.
            self.due = Due::Now;
        } else if arrival.push == Push::Set && !self.is_interactive() {
            // After a PSH there is nothing more to wait for: the sender may itself wait, for room in its SendQ.
            self.due = Due::Now;
        } else if self.due == Due::No {
            // SHLD-18 (3.8.6.3).
            self.due = Due::Later;
            return true;
        }
        false
    }

    /// The largest segment is a full one. A smaller one that comes twice in a row is, too, if it does not end what the program wrote.
    fn measure(&mut self, len: u32, push: Push) {
        let last = core::mem::take(&mut self.last_len);
        if len >= self.rcv_mss {
            self.rcv_mss = len.min(self.advertised_mss);
        } else if len >= RMSS_BOUNDS.1 || (len >= RMSS_BOUNDS.0 && push == Push::Clear) {
            self.last_len = len;
            if len == last {
                self.rcv_mss = len;
            }
        }
    }

    /// The delay follows the time between segments.
    fn follow(&mut self, now: Instant, arrival: Arrival) {
        let gap = self.last_text.replace(now).map(|last| now.since(last));
        match gap {
            None => {
                self.add_quick(arrival.window);
                self.delay = self.min_delay;
            }
            Some(gap) if gap <= self.min_delay / 2 => self.delay = self.delay / 2 + self.min_delay / 2,
            Some(gap) if gap < self.delay => self.delay = (self.delay / 2 + gap).min(arrival.rto),
            // The sender's window begins to grow anew.
            Some(gap) if gap > arrival.rto => self.add_quick(arrival.window),
            Some(_) => {}
        }
    }

    fn add_quick(&mut self, window: u32) {
        let acks = (window / (2 * self.rcv_mss)).clamp(2, QUICK_ACKS) as u8;
        self.quick = self.quick.max(acks);
    }

    /// The peer is out of step: it sent again what had come. Its next segments are acknowledged at once.
    pub(crate) fn enter_quick_mode(&mut self, window: u32) {
        self.add_quick(window);
        self.answers = 0;
        self.delay = self.min_delay;
    }

    /// A handshake is complete, and text has waited for it. As Linux: it is an answer.
    pub(crate) fn on_open_with_text(&mut self, now: Instant, window: u32) {
        self.enter_quick_mode(window);
        self.last_text = Some(now);
        self.pieces = 1;
    }

    /// RecvQ fills up: the peer need not be hurried.
    pub(crate) const fn leave_quick_mode(&mut self) {
        self.quick = 0;
    }

    /// TCP_QUICKACK as Linux reads it: 0 makes the connection interactive; any other number does the opposite, and an ACK that is
    /// owed goes out; if it was owed and the number is even, that was all.
    pub(crate) const fn set_quick_ack(&mut self, value: u32) {
        if value == 0 {
            self.answers = self.interactive_after;
            return;
        }
        self.answers = 0;
        if !matches!(self.due, Due::No) {
            self.due = Due::Now;
            if value.is_multiple_of(2) {
                self.answers = self.interactive_after;
            }
        }
    }

    /// What TCP_QUICKACK reads: whether the connection is not interactive.
    pub(crate) const fn is_quick_ack(&self) -> bool {
        !self.is_interactive()
    }

    /// The largest segment seen, an estimate of the peer's full segment; bytes.
    pub(crate) const fn rcv_mss(&self) -> u32 {
        self.rcv_mss
    }

    /// How long an ACK waits now (ATO). `srtt` is the smoothed round-trip time: it is no use to wait longer.
    pub(crate) fn delay(&self, srtt: Option<Duration>) -> Duration {
        let most = if self.is_pushed || self.is_interactive() { MAX_DELAY_PUSHED } else { MAX_DELAY };
        let most = srtt.map_or(most, |srtt| most.min(srtt.max(self.min_delay)));
        self.delay.min(most.max(self.min_delay)).min(self.max_delay)
    }

    pub(crate) const fn owe_now(&mut self) {
        self.due = Due::Now;
    }

    pub(crate) fn is_due_now(&self) -> bool {
        self.due == Due::Now
    }

    /// A segment with an ACK goes out.
    pub(crate) const fn on_ack_sent(&mut self) {
        if !matches!(self.due, Due::No) && self.quick > 0 {
            self.quick -= 1;
            if self.quick == 0 {
                self.delay = self.min_delay;
            }
        }
        self.due = Due::No;
        self.is_pushed = false;
        self.pending = 0;
    }

    const fn is_interactive(&self) -> bool {
        self.answers >= self.interactive_after
    }

    pub(crate) const fn is_quick(&self) -> bool {
        self.quick > 0 && !self.is_interactive()
    }

    /// Text goes out. Soon after text came, it is an answer.
    pub(crate) fn on_text_sent(&mut self, now: Instant) {
        let is_soon = self.last_text.is_some_and(|last| now.since(last) < self.delay);
        if is_soon && self.pieces == 1 {
            self.answers = self.answers.saturating_add(1).min(self.interactive_after);
        }
        self.pieces = 0;
    }

    /// MUST-40 (3.8.6.3): the delay is over. There was no answer for the ACK to ride on.
    pub(crate) fn on_timeout(&mut self, rto: Duration) {
        if self.due != Due::Later {
            return;
        }
        self.due = Due::Now;
        if self.is_interactive() {
            self.answers = 0;
            self.delay = self.min_delay;
        } else {
            self.delay = (self.delay * 2).min(rto);
        }
    }
}
