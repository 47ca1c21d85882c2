//! Bursts: the segments that Linux hands to its link as one. The last of several has PSH, so that a receiver that gathers segments does
//! not wait for more; where bursts end can be seen on the wire by that alone.

use sockeye_wire::SeqNum;

use crate::Tcb;
use crate::deferral::Waits;
use crate::recovery::{Marks, Record};

/// The longest burst (GSO_MAX_SIZE less the headers), bytes.
const MAX_BURST: u64 = 65_535;
/// A burst lasts about a millisecond: sk_pacing_shift.
const PACING_SHIFT: u32 = 10;
/// tcp_tso_rtt_log: over short paths bursts are longer, by half for each so many µs (as a shift).
const RTT_SHIFT: u32 = 9;

/// The burst that is being sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    end: SeqNum,
    /// Whether it has more than one segment.
    is_long: bool,
    /// The end of the segment that was sent again last.
    resent: Option<SeqNum>,
    /// What a longer one is waited for with.
    pub(crate) waits: Waits,
    /// The end of the packet buffer that is being sent: no burst goes on after it.
    buffer_end: SeqNum,
    /// From here on that buffer was filled segment by segment, as text left from its head.
    filled: SeqNum,
    /// So much of the next one will have been filled that way, bytes.
    refill: u32,
    /// The end of the text that there was when the last burst began.
    packed_end: SeqNum,
}

impl Burst {
    pub(crate) const fn new(una: SeqNum) -> Self {
        Self {
            end: una,
            is_long: false,
            resent: None,
            waits: Waits::No,
            buffer_end: una,
            filled: una,
            refill: 0,
            packed_end: una,
        }
    }

    /// What ends at `end` leaves by itself, and the packet buffer with it.
    const fn alone(end: SeqNum) -> Self {
        Self { packed_end: end, ..Self::new(end) }
    }

    /// Nothing more can be sent now.
    pub(crate) const fn pause(&mut self) {
        self.resent = None;
    }

    /// Whether the segment at `from` is of it.
    pub(crate) fn has(&self, from: SeqNum) -> bool {
        self.end.after(from)
    }

    /// The end of the packet buffer that is being sent.
    pub(crate) const fn buffer_end(&self) -> SeqNum {
        self.buffer_end
    }

    /// Whether it ends there.
    pub(crate) fn is_end(&self, end: SeqNum) -> bool {
        self.end == end
    }

    /// Whether PSH ends it there.
    pub(crate) fn is_pushed_at(&self, end: SeqNum) -> bool {
        self.is_long && self.is_end(end)
    }

    /// Whether the packet buffer that is being sent was full at some time when its text went up to `end`.
    pub(crate) fn is_full_at(&self, end: SeqNum) -> bool {
        !self.filled.after(end)
    }

    /// Whether the packet buffer that is being sent ends there.
    pub(crate) fn is_buffer_end(&self, end: SeqNum) -> bool {
        !self.buffer_end.after(end)
    }
}

impl Tcb {
    /// `len` bytes of new text go out at `from`: of this burst, or the first of another.
    pub(crate) fn note_burst(&mut self, from: SeqNum, len: u32) {
        if !self.config.push_bursts || self.burst.has(from) {
            return;
        }
        let size = self.segment_size();
        if len > size || self.unsent() <= size as usize {
            // A probe of the path's MTU leaves by itself, and so does what is no more than a segment.
            self.burst = Burst::alone(from + len);
            return;
        }
        let usable = self.snd.usable();
        let unsent = u32::try_from(self.unsent()).unwrap_or(u32::MAX);
        self.begin_buffer(from, usable, unsent);
        let room = self.burst_segments().saturating_mul(size).min(self.burst.buffer_end.since(from));
        let text = self.marks.cut(from, unsent.min(usable).min(room));
        // A rest that is no full segment waits, or goes with the others.
        let rest = text % size;
        let is_rest_held = rest > 0 && !self.is_worth_sending_last();
        let text = if is_rest_held { text - rest } else { text };
        self.burst = Burst {
            end: from + text.max(len),
            is_long: text.max(len) > size,
            resent: None,
            waits: Waits::No,
            packed_end: from + unsent,
            ..self.burst
        };
    }

    /// `record` is sent again, with `pipe` bytes in the network: whether it ends a burst of which more than it is sent again. So it
    /// does before what the peer has, and where cwnd is full.
    pub(crate) fn is_burst_end_again(&mut self, record: &Record, pipe: u32) -> bool {
        if !self.config.push_bursts {
            return false;
        }
        let next = self.recovery.after_next_to_send().map(Record::len);
        let has_next = next.is_some_and(|len| self.congestion.has_room(pipe + record.len(), len));
        let is_end = !has_next || record.is(Marks::BURST_END);
        let goes_on = self.burst.resent == Some(record.start);
        self.burst.resent = (!is_end).then_some(record.end);
        goes_on && is_end
    }

    /// Finds where the packet buffer with `from` ends. Of new text what may leave at once does so, and the next buffer begins there:
    /// it is filled up as much as has left.
    pub(crate) fn begin_buffer(&mut self, from: SeqNum, usable: u32, unsent: u32) {
        let is_new = !self.burst.packed_end.after(from);
        if self.burst.buffer_end.after(from) && !is_new {
            return;
        }
        let (size, goal) = (self.segment_size(), self.buffer_goal());
        let room = self.congestion.cwnd().saturating_sub(self.pipe()).min(usable) / size * size;
        let (len, refill) = if is_new && unsent > room {
            let len = goal.min(room.max(size));
            (len, len)
        } else {
            (goal, 0)
        };
        let buffer_end = from + len;
        let refilled = if is_new { 0 } else { self.burst.refill };
        self.burst = Burst { buffer_end, filled: buffer_end - refilled, refill, ..self.burst };
    }

    /// How long a burst is now, segments: half of cwnd at most.
    fn burst_segments(&self) -> u32 {
        let (cwnd, size) = (self.congestion.cwnd(), self.segment_size());
        let room = cwnd.saturating_sub(self.pipe()) / size;
        self.longest_burst().min((cwnd / size / 2).max(1)).min(room.max(1))
    }

    /// Linux's `tcp_tso_autosize`, segments.
    pub(crate) fn longest_burst(&self) -> u32 {
        let (cwnd, size) = (u64::from(self.congestion.cwnd()), u64::from(self.segment_size()));
        let srtt = self.rtt.srtt().map_or(0, |srtt| srtt.as_micros() as u64);
        // Twice cwnd a round trip in slow start, 1.2 times after it.
        let share = if self.congestion.is_slow_start() { 200 } else { 120 };
        let rate = (cwnd * share / 100).saturating_mul(1_000_000).checked_div(srtt).unwrap_or(u64::MAX);
        let rate = rate.min(self.congestion.pacing_rate());
        let shift = self.recovery.min_rtt().map_or(0, |rtt| (rtt.as_micros() >> RTT_SHIFT).min(63) as u32);
        let bytes = (rate >> PACING_SHIFT).saturating_add(MAX_BURST >> shift).min(MAX_BURST);
        u32::try_from(bytes / size).unwrap_or(u32::MAX).max(self.config.min_burst)
    }
}
