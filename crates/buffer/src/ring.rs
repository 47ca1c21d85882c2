//! The geometry of rings: where the byte of a position is.

use core::ops::Range;

use crate::Text;
use crate::raw::Region;

/// log2 of the smallest ring.
#[cfg(not(loom))]
pub(crate) const MIN_ORDER: u32 = 12;
/// log2 of the smallest ring; a model must be small.
#[cfg(loom)]
pub(crate) const MIN_ORDER: u32 = 2;
/// log2 of the largest ring.
pub(crate) const MAX_ORDER: u32 = 30;
/// log2 of the near ring.
#[cfg(not(loom))]
pub(crate) const NEAR_ORDER: u32 = 9;
/// log2 of the near ring; a model must be small.
#[cfg(loom)]
pub(crate) const NEAR_ORDER: u32 = 1;

/// Bytes that a near ring holds.
pub(crate) const NEAR: usize = 1 << NEAR_ORDER;

/// The part of a far ring that is passed through before it is worth going back to its start.
const PASSED: usize = 16;

/// log2 of the smallest far ring that holds `bytes`, within what rings can be.
pub(crate) fn order_for(bytes: usize) -> u32 {
    bytes.clamp(1 << MIN_ORDER, 1 << MAX_ORDER).next_power_of_two().ilog2()
}

/// log2 of the smallest ring that holds `bytes`, near or far.
pub(crate) fn least_order(bytes: usize) -> u32 {
    if bytes <= NEAR { NEAR_ORDER } else { order_for(bytes) }
}

/// A ring of `2^order` bytes.
///
/// Positions run freely from 0 as bytes pass; the byte of a position is at the low `order` bits of what it is behind the origin.
///
/// ```text
///    start                                         start + 2^order
///  ----|-------------------------------------------|
///      |==== tail          head ===================|
///   (tail - origin) mod 2^order  (head - origin) mod 2^order
/// ```
///
/// Each queue has a near ring, beside the slot's header, whose origin is always 0, and a far one for each order, at
/// `[2^order, 2^(order + 1))` in its area. The producer chooses the smallest that has room for what is held, so that what passes through
/// stays in little memory, which is warm. From a ring that becomes too small it copies what is held to a larger one, of the same origin if
/// both are far ones, and writes to the old one no more: who reads there meanwhile finds what is held. While the queue is empty it may choose
/// any ring and origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    start: usize,
    order: u32,
    origin: u64,
}

impl Ring {
    /// The near ring that is at `start`.
    pub(crate) fn near(start: usize) -> Self {
        Self { start, order: NEAR_ORDER, origin: 0 }
    }

    /// The far ring of this order in the area at `area` of its region.
    pub(crate) fn far(area: usize, order: u32, origin: u64) -> Self {
        Self { start: area + (1 << order), order, origin }
    }

    pub(crate) fn is_near(self) -> bool {
        self.order == NEAR_ORDER
    }

    pub(crate) fn origin(self) -> u64 {
        self.origin
    }

    /// Whether so much of a far ring was passed through that it is worth going back to its start, once it is empty, or to another ring.
    #[inline]
    pub(crate) fn is_passed(self, position: u64) -> bool {
        self.index(position) > self.capacity() / PASSED
    }

    /// What the word of the ring in use says.
    #[inline]
    pub(crate) fn order(self) -> u32 {
        self.order
    }

    pub(crate) fn capacity(self) -> usize {
        1 << self.order
    }

    /// The `len` bytes from `position` on.
    pub(crate) fn text(self, region: &Region, position: u64, len: usize) -> Text<'_> {
        let index = self.index(position);
        let len = len.min(self.capacity());
        let first = len.min(self.capacity() - index);
        Text::of_runs(region.run(self.start + index, first), region.run(self.start, len - first))
    }

    /// Where the `len` bytes from `position` on are in the region, and how many there: two places, for they may wrap.
    #[cfg(not(loom))]
    pub(crate) fn places(self, position: u64, len: usize) -> [(usize, usize); 2] {
        let index = self.index(position);
        let len = len.min(self.capacity());
        let first = len.min(self.capacity() - index);
        [(self.start + index, first), (self.start, len - first)]
    }

    /// Copies `text`, at most as long as the ring, to `position`.
    pub(crate) fn write(self, region: &Region, position: u64, text: &Text<'_>) {
        let mut position = position;
        for run in text.slice(0, self.capacity()).runs() {
            let index = self.index(position);
            let first = run.slice(0, self.capacity() - index);
            let second = run.slice(first.len(), run.len() - first.len());
            region.write(self.start + index, &first);
            region.write(self.start, &second);
            position = position.wrapping_add(run.len() as u64);
        }
    }

    /// Copies the bytes of `positions` to their places in `other`.
    pub(crate) fn move_to(self, other: Ring, region: &Region, positions: Range<u64>) {
        let len = usize::try_from(positions.end.wrapping_sub(positions.start)).unwrap_or(usize::MAX);
        other.write(region, positions.start, &self.text(region, positions.start, len));
    }

    pub(crate) fn index(self, position: u64) -> usize {
        // Below the capacity, which is a `usize`.
        (position.wrapping_sub(self.origin) & (self.capacity() as u64 - 1)) as usize
    }
}
