//! How SO_SNDBUF is counted: in bytes of text, or as Linux does, in the memory of the packet buffers that the text is packed in.

use sockeye_wire::SeqNum;

use crate::{Event, Strain, Tcb};

/// What the bytes of SO_SNDBUF are bytes of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SendAccounting {
    /// Of text: SendQ holds SO_SNDBUF bytes, exactly.
    #[default]
    Bytes,
    /// Of packet buffers, as Linux: a new buffer is begun while all those that there are, each with its overhead, take up less than
    /// SO_SNDBUF, and then it is filled. So a write may pass SO_SNDBUF by nearly a buffer, or stay below it if buffers are small.
    Packets,
}

impl SendAccounting {
    /// What the ring needs so that SendQ may have a limit of `size`, bytes.
    #[must_use]
    pub const fn room(self, size: usize) -> usize {
        match self {
            Self::Bytes => size,
            Self::Packets => size.saturating_add(MAX_BUFFER as usize),
        }
    }
}

/// No packet buffer holds more (GSO_MAX_SIZE), bytes.
const MAX_BUFFER: u32 = 65_535;
/// Up to here the peer's window may be filled by one buffer, bytes.
const SMALL_WINDOW: u32 = 536;
/// A buffer without text: a 1 KiB block with the headers, and its descriptor.
const OVERHEAD: usize = 1024 + DESCRIPTOR;
const DESCRIPTOR: usize = 256;
/// Room for headers and for the list of fragments beside a segment of text.
const BESIDE_TEXT: usize = 640;
/// SendQ grows for at least so many segments (RFC 6928).
const INITIAL_SEGMENTS: usize = 10;

/// The text of `size` bytes of packet buffers, if `flight` bytes have left, text up to `sent` bytes leaves at once, and the rest is
/// packed `goal` bytes to a buffer. A buffer is filled up as often as something leaves from its head.
const fn text_limit(size: usize, flight: usize, sent: usize, goal: usize) -> usize {
    let used = memory(sent, goal);
    if used < size {
        sent + (size - used).div_ceil(goal + OVERHEAD) * goal
    } else if memory(flight, goal) < size {
        sent + goal
    } else {
        size.div_ceil(goal + OVERHEAD) * goal
    }
}

/// The memory of `text` bytes in buffers of `goal` bytes.
const fn memory(text: usize, goal: usize) -> usize {
    text + text.div_ceil(goal) * OVERHEAD
}

/// The memory of one segment of `mss` bytes, as SendQ's growth counts it.
const fn segment_memory(mss: usize) -> usize {
    (mss + BESIDE_TEXT).next_power_of_two() + DESCRIPTOR
}

/// The state of [`SendAccounting::Packets`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    /// SO_SNDBUF in force, bytes.
    size: usize,
    /// SND.UNA when it was last looked at.
    una: SeqNum,
    /// Whether too little was free then for the program to be told to write.
    is_full: bool,
    /// Whether SendQ was full, and the program, which waits, was not told to write since.
    is_held: bool,
}

impl Account {
    pub(crate) const fn new(size: usize, una: SeqNum) -> Self {
        Self { size, una, is_full: false, is_held: false }
    }

    /// Whether the program may not write.
    pub(crate) const fn is_held(&self) -> bool {
        self.is_held
    }
}

impl Tcb {
    /// SO_SNDBUF in force, bytes.
    #[must_use]
    pub fn send_limit(&self) -> usize {
        match self.config.send_accounting {
            SendAccounting::Bytes => self.sendq.limit(),
            SendAccounting::Packets => self.account.size,
        }
    }

    /// SO_SNDBUF was set to `size` bytes, and SendQ's limit to the [room](SendAccounting::room) for them: it keeps its size from now
    /// on.
    pub fn fix_send_buffer(&mut self, size: usize) {
        self.tuning.stop_send();
        self.account.size = size;
        if self.config.send_accounting == SendAccounting::Packets {
            self.account.is_held = false;
            self.sendq.set_limit(self.packed_limit());
        }
    }

    /// To be called when nothing more can be sent now. The limit of SendQ only grows, because the program may be writing.
    pub(crate) fn account(&mut self) {
        if self.config.send_accounting == SendAccounting::Bytes {
            return;
        }
        let is_acked = core::mem::replace(&mut self.account.una, self.snd.una) != self.snd.una;
        if is_acked && self.account.is_full {
            self.expand();
        }
        let limit = self.packed_limit();
        if limit > self.sendq.limit() {
            self.sendq.set_limit(limit);
            self.events.push(Event::Writable);
        }
        self.hold_program();
    }

    /// A program that has filled SendQ is told to write when enough is free, and does not write before: as on Linux, where it sleeps.
    fn hold_program(&mut self) {
        let held = self.text_held();
        self.account.is_full = !self.has_send_room(held);
        let is_held = self.account.is_full && (self.account.is_held || held >= self.sendq.allowed());
        let was_held = core::mem::replace(&mut self.account.is_held, is_held);
        if is_held || was_held {
            self.sendq.hold(is_held);
        }
        if was_held && !is_held {
            self.events.push(Event::Writable);
        }
    }

    /// Whether SendQ has no room for what the program would write.
    #[must_use]
    #[inline]
    pub fn is_send_full(&self) -> bool {
        self.account.is_held || self.text_held() >= self.sendq.allowed()
    }

    /// Whether a program that waits for room is told to write if SendQ holds `held` bytes: as on Linux, when a third of SO_SNDBUF is
    /// free.
    #[must_use]
    pub fn has_send_room(&self, held: usize) -> bool {
        let (used, size) = match self.config.send_accounting {
            SendAccounting::Bytes => (held, self.sendq.allowed()),
            SendAccounting::Packets => (memory(held, self.buffer_goal() as usize), self.account.size),
        };
        used.saturating_mul(3) <= size.saturating_mul(2)
    }

    /// A program waits for room: two congestion windows of segments, unless cwnd is full, so that the network is what limits.
    fn expand(&mut self) {
        if self.memory.strain != Strain::Relaxed {
            return;
        }
        let (cwnd, mss) = (self.congestion.cwnd() as usize, self.snd.mss as usize);
        if self.pipe() as usize + mss > cwnd {
            return;
        }
        let segments = (cwnd / mss).max(INITIAL_SEGMENTS);
        let wanted = segments.saturating_mul(2 * segment_memory(mss)).min(self.tuning.send_most());
        self.account.size = self.account.size.max(wanted);
    }

    fn packed_limit(&self) -> usize {
        let size = self.segment_size().max(1);
        let sent = self.congestion.cwnd().min(self.snd.wnd) / size * size;
        let flight = self.text_held() - self.unsent();
        text_limit(self.account.size, flight, sent as usize, self.buffer_goal() as usize)
    }

    /// What Linux fills one packet buffer with: whole segments, and half of the peer's largest window at most, bytes.
    pub(crate) fn buffer_goal(&self) -> u32 {
        let (size, window) = (self.segment_size().max(1), self.snd.max_wnd);
        let half = if window > SMALL_WINDOW { window / 2 } else { window };
        (MAX_BUFFER.min(half) / size * size).max(size)
    }
}

#[cfg(test)]
mod tests {
    use super::{SendAccounting, segment_memory, text_limit};

    /// A buffer is begun while those before it take up less than all the memory, whatever it then holds.
    fn by_the_rule(size: usize, sent: usize, goal: usize) -> usize {
        let (mut text, mut memory) = (sent, sent + sent.div_ceil(goal) * 1280);
        while memory < size {
            text += goal;
            memory += goal + 1280;
        }
        text
    }

    #[test]
    fn a_buffer_is_begun_while_there_is_memory() {
        for size in [4608, 20_000, 50_000, 165_888, 1 << 20] {
            for sent in [0, 1000, 1976] {
                for goal in [988, 1460, 16_000, 64_240] {
                    assert_eq!(
                        text_limit(size, sent, sent, goal),
                        by_the_rule(size, sent, goal),
                        "{size} {sent} {goal}"
                    );
                }
            }
        }
    }

    #[test]
    fn large_buffers_pass_the_size_and_small_ones_stay_below_it() {
        assert!(text_limit(100_000, 0, 0, 64_240) > 100_000);
        assert!(text_limit(100_000, 0, 0, 536) < 100_000);
    }

    #[test]
    fn what_leaves_at_once_may_be_more_than_the_size() {
        assert_eq!(text_limit(20_000, 100_000, 100_000, 64_000), 64_000);
        // One buffer is begun, and filled up while the 90,000 leave.
        assert_eq!(text_limit(20_000, 10_000, 100_000, 64_000), 164_000);
    }

    #[test]
    fn a_segment_takes_a_power_of_two_and_its_descriptor() {
        assert_eq!((segment_memory(536), segment_memory(1460)), (2048 + 256, 4096 + 256));
    }

    #[test]
    fn bytes_need_no_room_beside_them() {
        assert_eq!(SendAccounting::default().room(21_720), 21_720);
        assert_eq!(SendAccounting::Packets.room(21_720), 21_720 + 65_535);
    }
}
