//! The urgent byte: a place in RecvQ where reading stops, and a byte that can be read apart (RFC 6093).

use crate::sync::Ordering;
use crate::{RecvQ, RecvQReader, SlotHeader};

/// What `recv(MSG_OOB)` finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrgentByte {
    /// There is none that could be read apart: none came, it was taken, it was passed, or it is read in line.
    None,
    /// It was announced and has not come.
    Awaited,
    /// This one.
    Here(u8),
}

impl RecvQ {
    /// SO_OOBINLINE.
    pub fn set_inline(&self, on: bool) {
        self.header().urgent.is_inline.store(u32::from(on), Ordering::Relaxed);
    }

    /// Tells that the byte `offset` bytes after tail is urgent. There is one at a time: the newest.
    pub fn mark_urgent(&self, offset: usize) {
        let mark = self.tail().wrapping_add(offset as u64).wrapping_add(1);
        self.header().urgent.mark.store(mark, Ordering::Release);
    }
}

/// Bytes from head to the urgent byte; nothing if there is none, or if it was passed. It may not have come yet.
#[must_use]
#[inline]
pub fn distance_to_mark(header: &SlotHeader) -> Option<u64> {
    let place = header.urgent.mark.load(Ordering::Acquire).checked_sub(1)?;
    place.checked_sub(header.receiver.recv_head.load(Ordering::Relaxed))
}

/// Whether the next byte is the urgent one, has come, and is not to be read with the others.
#[must_use]
#[inline]
pub fn is_hidden_next(header: &SlotHeader) -> bool {
    let head = header.receiver.recv_head.load(Ordering::Relaxed);
    let has_come = header.engine.recv_tail.load(Ordering::Acquire) > head;
    distance_to_mark(header) == Some(0) && has_come && header.urgent.is_inline.load(Ordering::Relaxed) == 0
}

/// Whether there is an urgent byte that was neither taken nor passed: then poll() says POLLPRI.
#[must_use]
#[inline]
pub fn is_urgent_here(header: &SlotHeader) -> bool {
    let Some(distance) = distance_to_mark(header) else { return false };
    let place = header.receiver.recv_head.load(Ordering::Relaxed).wrapping_add(distance);
    let is_taken = header.urgent.taken.load(Ordering::Relaxed) == place.wrapping_add(1);
    !is_taken && header.engine.recv_tail.load(Ordering::Acquire) > place
}

impl RecvQReader {
    /// SIOCATMARK: whether the next byte is the urgent one.
    #[must_use]
    pub fn is_at_mark(&self) -> bool {
        distance_to_mark(self.header()) == Some(0)
    }

    /// Bytes to skip behind the first `before`, and then how many may be read: reading stops before the urgent byte, and passes it
    /// unless it is read in line.
    #[must_use]
    pub fn before_mark(&self, before: usize) -> (usize, usize) {
        let header = self.header();
        let distance = distance_to_mark(header)
            .and_then(|distance| distance.checked_sub(before as u64))
            .unwrap_or(u64::MAX);
        if distance > 0 {
            return (0, usize::try_from(distance).unwrap_or(usize::MAX));
        }
        let is_inline = header.urgent.is_inline.load(Ordering::Relaxed) != 0;
        match (is_inline, self.len() > before) {
            (true, _) => (0, usize::MAX),
            (false, true) => (1, usize::MAX),
            // It may come at any time.
            (false, false) => (0, 0),
        }
    }

    /// recv(MSG_OOB). The byte stays with `MSG_PEEK`.
    pub fn take_urgent(&self, is_peek: bool) -> UrgentByte {
        let urgent = &self.header().urgent;
        let mark = urgent.mark.load(Ordering::Acquire);
        let is_taken = urgent.taken.load(Ordering::Relaxed) == mark;
        let is_inline = urgent.is_inline.load(Ordering::Relaxed) != 0;
        let Some(distance) = distance_to_mark(self.header()).filter(|_| !is_taken && !is_inline) else {
            return UrgentByte::None;
        };
        let mut byte = [0];
        let skip = usize::try_from(distance).unwrap_or(usize::MAX);
        if self.len() <= skip || self.peek(skip, &mut byte) == 0 {
            return UrgentByte::Awaited;
        }
        if !is_peek {
            urgent.taken.store(mark, Ordering::Relaxed);
        }
        UrgentByte::Here(byte[0])
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
