//! What the program says of the bytes in SendQ besides what they are: hold them back, or keep them apart.
//!
//! ```text
//!      una            nxt                                      end of SendQ
//!  -----|--------------|-------------|----------------|-------------|
//!                                 record           record     more: MSG_MORE
//!                                  end              end        until here
//! ```

use alloc::collections::VecDeque;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use crate::Tcb;
use crate::tcb::Fin;

/// Ends of records that are kept. Those beyond are forgotten: their bytes are sent all the same, perhaps with others.
const MAX_RECORDS: usize = 1024;

/// Something that the program says of the bytes before a place in its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// MSG_MORE: what comes before goes out with what follows, if that comes soon. An ACK, or a time-out, ends the wait.
    More,
    /// MSG_OOB: the last byte before is urgent (3.8.5).
    Urgent,
    /// MSG_EOR: a record ends here. No segment carries bytes from both sides.
    EndOfRecord,
}

/// MSG_MORE.
#[derive(Clone, Copy, Debug)]
struct More {
    until: SeqNum,
    /// No ACK came meanwhile.
    holds: bool,
}

/// What the program has said.
#[derive(Debug)]
pub(crate) struct Marks {
    /// TCP_CORK.
    cork: bool,
    /// SND.UP: the number after the urgent byte, until that is acknowledged.
    urgent: Option<SeqNum>,
    more: Option<More>,
    /// Text before this goes out, whatever holds the rest.
    pushed_out: SeqNum,
    /// The end of the newest segment that had PSH, or was due to have it.
    psh: SeqNum,
    /// PSH is due with the end of the packet buffer.
    is_push_due: bool,
    /// Ends of records that are not acknowledged, in order.
    records: VecDeque<SeqNum>,
}

impl Marks {
    pub(crate) const fn new(una: SeqNum) -> Self {
        Self {
            cork: false,
            urgent: None,
            more: None,
            pushed_out: una,
            psh: una,
            is_push_due: false,
            records: VecDeque::new(),
        }
    }

    /// An ACK came: nothing waits for MSG_MORE's sake any longer.
    pub(crate) fn on_ack(&mut self, una: SeqNum) {
        if let Some(more) = &mut self.more {
            more.holds = false;
            if more.until.before(una) {
                self.more = None;
            }
        }
        if self.urgent.is_some_and(|up| !up.after(una)) {
            self.urgent = None;
        }
        if self.pushed_out.before(una) {
            self.pushed_out = una;
        }
        while self.records.front().is_some_and(|end| !end.after(una)) {
            self.records.pop_front();
        }
    }

    /// What is held goes out now, as if more had come.
    pub(crate) const fn on_override(&mut self) {
        self.more = None;
    }

    /// How much of the text at `from` a segment carries that ends with its record.
    pub(crate) fn cut(&self, from: SeqNum, text: u32) -> u32 {
        let next = self.records.partition_point(|end| !end.after(from));
        self.records.get(next).map_or(text, |end| text.min(end.since(from)))
    }

    /// Whether a record ends there.
    pub(crate) fn is_record_end(&self, end: SeqNum) -> bool {
        let place = self.records.partition_point(|record| record.before(end));
        self.records.get(place) == Some(&end)
    }

    pub(crate) fn end_record(&mut self, end: SeqNum) {
        let is_next = self.records.back().is_none_or(|last| last.before(end));
        if is_next && self.records.len() < MAX_RECORDS {
            self.records.push_back(end);
        }
    }

    fn is_held(&self, end: SeqNum) -> bool {
        let more = self.more.is_some_and(|more| more.holds && !end.after(more.until));
        (self.cork || more) && end.after(self.pushed_out)
    }
}

impl Tcb {
    /// Says something of the bytes before `offset` of the stream that the program sends. Before they are published, or they may be
    /// gone.
    pub fn mark(&mut self, mark: Mark, offset: u64) {
        // The SYN takes the first number; SendQ holds less than the numbers wrap at.
        let end = self.snd.iss + 1 + offset as u32;
        let ahead = end.since(self.snd.una) as usize;
        if ahead == 0 || ahead > self.sendq.limit().max(self.sendq.len()) {
            return;
        }
        match mark {
            Mark::More => self.marks.more = Some(More { until: end, holds: true }),
            Mark::EndOfRecord => self.marks.end_record(end),
            Mark::Urgent => self.marks.urgent = Some(end),
        }
    }

    /// Forgets what was said of bytes that are not there: who said so has died before it published them, and what comes next is another's.
    pub fn unmark(&mut self) {
        let end = self.text_end();
        let Marks { more, urgent, records, .. } = &mut self.marks;
        *more = more.filter(|more| !more.until.after(end));
        *urgent = urgent.filter(|up| !up.after(end));
        while records.back().is_some_and(|record| record.after(end)) {
            records.pop_back();
        }
    }

    /// Whether urgent text waits to be acknowledged: as Linux it is not held back.
    pub(crate) const fn is_urgent(&self) -> bool {
        self.marks.urgent.is_some()
    }

    /// The urgent pointer of a segment that begins at `seq` (MUST-30, 3.8.5), if it has one: MUST-62, it names the octet after the
    /// urgent one. Of urgent text that is further away than it can tell, it tells as much as it can if all text up to there is sent
    /// (as Linux).
    pub(crate) fn urgent_pointer(&self, seq: SeqNum) -> Option<u16> {
        let is_there = |up: &SeqNum| seq.before(*up) && !up.after(self.text_end());
        let up = self.marks.urgent.filter(is_there)?;
        let distance = up.since(seq);
        let far = u32::from(u16::MAX);
        if distance > far && !(seq + far).after(self.snd.nxt) {
            return None;
        }
        let distance = distance.min(far) as u16;
        Some(if self.config.stdurg { distance.saturating_sub(1) } else { distance })
    }

    /// How many bytes of the stream that the program sends are acknowledged, and how many were sent.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let acknowledged = self.sendq.head();
        (acknowledged, acknowledged + (self.text_held() - self.unsent()) as u64)
    }

    /// TCP_CORK. As Linux, taking it off pushes what waits only if TCP_NODELAY is set; else Nagle decides.
    pub fn set_cork(&mut self, _now: Instant, on: bool) {
        self.marks.cork = on;
        if !on && !self.config.nagle {
            self.push_out();
        }
    }

    /// What is in SendQ now goes out as soon as the windows allow.
    pub(crate) fn push_out(&mut self) {
        self.marks.pushed_out = self.text_end();
    }

    /// Whether the program wants the last text in SendQ to wait for more.
    pub(crate) fn is_held_by_program(&self) -> bool {
        self.marks.is_held(self.text_end())
    }

    /// MUST-61, SHLD-27 (3.9.1.2): PSH with the last byte there is, however many SENDs it ends, unless more is to come; as Linux
    /// also with the end of a record or of a burst, and after half of the peer's largest window without: with the end of the packet
    /// buffer that was filled up to there.
    pub(crate) fn take_push(&mut self, end: SeqNum) -> bool {
        let is_last = end == self.text_end() && self.marks.more.is_none_or(|more| end.after(more.until));
        let is_overdue = end.after(self.marks.psh + (self.snd.max_wnd / 2).max(self.snd.mss));
        let is_end = is_last || self.marks.is_record_end(end);
        let has_buffers = self.config.push_bursts;
        if is_overdue && (!has_buffers || self.burst.is_full_at(end)) {
            self.marks.psh = end;
            self.marks.is_push_due = true;
        } else if is_end && end.after(self.marks.psh) {
            self.marks.psh = end;
        }
        let is_due = self.marks.is_push_due && (!has_buffers || self.burst.is_buffer_end(end));
        self.marks.is_push_due &= !is_due;
        is_end || is_due
    }

    /// The number after the last byte of text.
    pub(crate) fn text_end(&self) -> SeqNum {
        match self.snd.fin {
            Fin::Acknowledged => self.snd.una,
            Fin::None | Fin::Queued | Fin::Sent => self.snd.una + self.text_held() as u32,
        }
    }
}
