//! One segment that is outstanding.

use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::rate::Stamp;

/// What is known of a segment that is outstanding, as it was cut when it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record {
    /// Its first sequence number.
    pub(crate) start: SeqNum,
    /// The sequence number after its last.
    pub(crate) end: SeqNum,
    /// When it was last sent.
    pub(crate) sent: Instant,
    /// What the delivery rate was when it was last sent.
    pub(crate) stamp: Stamp,
    /// What became of it.
    pub(crate) marks: Marks,
    /// The segments sent before and after it, by id.
    pub(super) earlier: u32,
    pub(super) later: u32,
    /// The first id from here on that may not be SACKed.
    pub(super) next_hole: u32,
}

impl Record {
    /// Sequence numbers it takes up.
    pub(crate) const fn len(&self) -> u32 {
        self.end.since(self.start)
    }

    /// Bytes of text in it, if all text ends at `text_end`: a FIN behind that is none.
    pub(crate) fn text_len(&self, text_end: SeqNum) -> u32 {
        if self.end.after(text_end) { self.len() - 1 } else { self.len() }
    }

    pub(crate) const fn is(&self, mark: Marks) -> bool {
        self.marks.has(mark)
    }

    /// Whether it was sent after what was sent at `sent` and ends at `end` (RFC 8985, 6.2 step 2).
    pub(crate) fn is_sent_after(&self, sent: Instant, end: SeqNum) -> bool {
        self.sent > sent || (self.sent == sent && self.end.after(end))
    }
}

/// What became of a segment: a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks(u8);

impl Marks {
    /// The peer has it, out of order (RFC 2018).
    pub(crate) const SACKED: Self = Self(1);
    /// It counts as lost.
    pub(crate) const LOST: Self = Self(1 << 1);
    /// It was lost and is in the network again.
    pub(crate) const RESENT: Self = Self(1 << 2);
    /// It was sent more than once (Karn).
    pub(crate) const EVER_RESENT: Self = Self(1 << 3);
    /// Only a part of it was sent again: the window took no more.
    pub(crate) const PARTIAL: Self = Self(1 << 4);
    /// It ends what was sent together, or was sent alone.
    pub(crate) const BURST_END: Self = Self(1 << 6);
    /// It is in the list in the order of sending.
    pub(super) const LISTED: Self = Self(1 << 5);

    pub(crate) const fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    pub(super) const fn set(&mut self, mark: Self) {
        self.0 |= mark.0;
    }

    pub(super) const fn clear(&mut self, mark: Self) {
        self.0 &= !mark.0;
    }
}
