//! RecvQ: bytes that have arrived and that the program has not read, with their out-of-order successors.

use crate::Text;
use core::ops::Range;

/// The engine's half: the producer, with the assembler of out-of-order ranges.
///
/// ```text
///  head (hostile)          tail (RCV.NXT)                                head seen + limit
///     |------- len() ---------|------------- window() ----------------------|
///                             |   [ out of order ]     [ out of order ]     |
/// ```
#[derive(Debug)]
pub struct RecvQ {}

impl RecvQ {
    /// Bytes it may hold: the SO_RCVBUF in force.
    #[must_use]
    pub fn limit(&self) -> usize {
        unimplemented!()
    }

    /// Bytes in order that the program has not read, by the head last seen.
    #[must_use]
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    /// Whether nothing waits to be read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that may be placed after tail: limit - len.
    #[must_use]
    pub fn window(&self) -> usize {
        unimplemented!()
    }

    /// Loads the program's head once, clamps it to `[seen head, tail]`, and returns how many bytes were read since.
    pub fn refresh(&mut self) -> usize {
        unimplemented!()
    }

    /// Copies `text` to its place, `offset` bytes after tail, cut at the window. Bytes already held are not written again. If
    /// bytes at tail thereby become contiguous, publishes the new tail with one store.
    /// Returns by how many bytes the tail moved.
    pub fn place(&mut self, offset: usize, text: &Text<'_>) -> usize {
        let _ = (offset, text);
        unimplemented!()
    }

    /// The out-of-order ranges, as offsets from tail, in order; at most a constant number is kept.
    pub fn out_of_order(&self) -> impl Iterator<Item = Range<usize>> + '_ {
        core::iter::empty()
    }

    /// Asks the program to ring when it has read up to `bytes` more bytes than the head last seen
    /// (a window update is then worth sending). `None`: no need to ring.
    pub fn ring_after(&mut self, bytes: Option<usize>) {
        let _ = bytes;
        unimplemented!()
    }

    /// Changes the limit (bytes) as [`SendQ::set_limit`](crate::SendQ::set_limit) does. The window never shrinks below what
    /// was offered: the caller offers less as bytes arrive.
    pub fn set_limit(&mut self, limit: usize) {
        let _ = limit;
        unimplemented!()
    }
}

/// The program's half: the consumer. Stateless like the writer; callers serialise on the slot's receive lock.
#[derive(Clone, Debug)]
pub struct RecvQReader {}

impl RecvQReader {
    /// Bytes that can be read now.
    #[must_use]
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Copies up to `out.len()` bytes, beginning `skip` bytes after head, without consuming them.
    pub fn peek(&self, skip: usize, out: &mut [u8]) -> usize {
        let _ = (skip, out);
        unimplemented!()
    }

    /// Consumes `len` bytes (clamped) with one store of head; says whether the engine wants the doorbell rung.
    pub fn consume(&self, len: usize) -> bool {
        let _ = len;
        unimplemented!()
    }
}
