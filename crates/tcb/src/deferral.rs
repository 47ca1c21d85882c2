//! A short burst waits for the next ACK if that is about to come, and leaves with what it makes room for (Linux's
//! `tcp_tso_should_defer`): a sender whose window is nearly full sends few long bursts rather than many short ones.
//!
//! No timer ends the wait: something is outstanding, and whatever happens to it, an ACK or a time-out, brings the sender back here.

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use crate::Tcb;
use crate::recovery::Phase;
use crate::tcb::Fin;

/// A program that has not sent for so long does not wait: its bursts are no stream.
const RECENT: Duration = Duration::from_millis(1);
/// An ACK that comes later than that is not waited for.
const SOON: Duration = Duration::from_millis(1);
/// Segments that make up a burst if windows are not divided (tcp_tso_win_divisor 0).
const UNDIVIDED: u32 = 3;

/// What keeps a burst short for which another would be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    /// No burst waits.
    No,
    /// cwnd.
    Cwnd,
    /// The peer's window.
    Window,
    /// More text would fit.
    Text,
}

impl Tcb {
    /// Whether the text at SND.NXT, which the windows let through, waits to leave in a longer burst.
    pub(crate) fn defers_burst(&mut self, now: Instant) -> bool {
        if !self.config.push_bursts || self.burst.has(self.snd.nxt) {
            return false;
        }
        let waits = self.reason_to_wait(now);
        self.burst.waits = waits;
        waits != Waits::No
    }

    fn reason_to_wait(&mut self, now: Instant) -> Waits {
        let (from, wnd, cwnd) = (self.snd.nxt, self.snd.wnd, self.congestion.cwnd());
        let window = self.snd.usable();
        let room = cwnd.saturating_sub(self.pipe());
        let limit = window.min(room);
        if self.is_worth_a_burst(limit, wnd.min(cwnd)) || !self.is_ack_near(now) {
            return Waits::No;
        }
        let unsent = u32::try_from(self.unsent()).unwrap_or(u32::MAX);
        self.begin_buffer(from, window, unsent);
        let in_buffer = self.burst.buffer_end().since(from);
        let len = self.marks.cut(from, unsent.min(in_buffer));
        let is_last = len == unsent;
        let size = self.segment_size();
        // One segment is Nagle's matter. A buffer that grows no more leaves when all of it can.
        let is_complete = !is_last && limit >= len;
        if len <= size || is_complete || limit >= self.longest_burst().saturating_mul(size) {
            return Waits::No;
        }
        match (room < window, limit <= len) {
            (true, true) => Waits::Cwnd,
            (false, true) => Waits::Window,
            (_, false) if is_last && self.is_finished(from + len) => Waits::No,
            (_, false) => Waits::Text,
        }
    }

    /// Whether nothing will be added to the text that ends at `end`: a FIN follows, or another record.
    fn is_finished(&self, end: SeqNum) -> bool {
        self.snd.fin != Fin::None || self.marks.is_record_end(end)
    }

    /// Whether `limit` bytes are a good part of the smaller `window`.
    fn is_worth_a_burst(&self, limit: u32, window: u32) -> bool {
        match self.config.burst_divisor {
            0 => limit > UNDIVIDED * self.segment_size(),
            divisor => limit >= window / divisor,
        }
    }

    /// Whether the sender is busy, and the next ACK is expected soon.
    fn is_ack_near(&self, now: Instant) -> bool {
        if matches!(self.recovery.phase(), Phase::Recovery | Phase::Loss)
            || now.since(self.snd.last_sent) > RECENT
        {
            return false;
        }
        let (Some(sent), Some(srtt)) = (self.recovery.first_sent(), self.rtt.srtt()) else { return false };
        // Without delay there is nothing to wait for.
        (sent + srtt).since(now) < SOON.min(srtt / 2)
    }
}
