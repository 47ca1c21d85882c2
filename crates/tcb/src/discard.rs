//! Why segments are discarded, counted.

/// Why a step of the ladder discarded a segment, or the rest of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Discard {
    /// The connection is already closed.
    Closed,
    /// Outside the receive window (3.10.7.4, first step).
    OutsideWindow,
    /// An old timestamp (RFC 7323, section 5).
    OldTimestamp,
    /// A RST in the window that does not hit RCV.NXT (RFC 5961, section 3).
    ResetNotExact,
    /// A RST in TIME-WAIT (RFC 1337).
    ResetInTimeWait,
    /// The reset was obeyed.
    Reset,
    /// A SYN on a synchronized connection (RFC 5961, section 4).
    Syn,
    /// No ACK.
    NoAck,
    /// An ACK of something not sent.
    AckOfUnsent,
    /// An ACK older than any that can be in flight (RFC 5961, section 5).
    OldAck,
    /// The ACK closed the connection.
    Finished,
    /// Text after a FIN, or in a state that takes none.
    UnexpectedText,
    /// Text for a program that is gone.
    Orphan,
    /// Text for which the host has no memory.
    NoMemory,
}

/// Discarded segments of one connection, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discards([u32; Discard::NoMemory as usize + 1]);

impl Discards {
    pub(crate) fn count(&mut self, discard: Discard) {
        let counter = &mut self.0[discard as usize];
        *counter = counter.saturating_add(1);
    }

    /// How many were discarded for `reason`.
    #[must_use]
    pub const fn of(&self, reason: Discard) -> u32 {
        self.0[reason as usize]
    }

    /// How many were discarded in all.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.0.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }
}
