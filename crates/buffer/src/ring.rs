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

/// So small a part of a ring is passed through before it is worth going back to its start.
const NEAR: usize = 16;

/// log2 of the smallest ring that holds `bytes`, within what rings can be.
pub(crate) fn order_for(bytes: usize) -> u32 {
    bytes.clamp(1 << MIN_ORDER, 1 << MAX_ORDER).next_power_of_two().ilog2()
}

/// A ring of `2^order` bytes, at `[2^order, 2^(order + 1))` in its area.
///
/// Positions run freely from 0 as bytes pass; the byte of a position is at the low `order` bits of what it is behind the origin.
///
/// ```text
///            2^order                                   2^(order + 1)
///  area --------|-------------------------------------------|
///               |==== tail          head ===================|
///            (tail - origin) mod 2^order  (head - origin) mod 2^order
/// ```
///
/// While a ring is empty its producer may move the origin to where it goes on. What passes through then stays in the same, warm memory, and
/// the rest of the ring is never touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    area: usize,
    order: u32,
    origin: u64,
}

impl Ring {
    /// A ring in the area at `area` of its region.
    pub(crate) fn new(area: usize, order: u32, origin: u64) -> Self {
        Self { area, order, origin }
    }

    pub(crate) fn origin(self) -> u64 {
        self.origin
    }

    /// Whether an empty ring is to go on at its start rather than at `position`: not for little.
    #[inline]
    pub(crate) fn is_far(self, position: u64) -> bool {
        self.index(position) > self.capacity() / NEAR
    }

    /// The same with its start at `position`.
    pub(crate) fn restarted(self, position: u64) -> Self {
        Self { origin: position, ..self }
    }

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
        let start = self.area + self.capacity();
        Text::of_runs(region.run(start + index, first), region.run(start, len - first))
    }

    /// Where the `len` bytes from `position` on are in the region, and how many there: two places, for they may wrap.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    pub(crate) fn places(self, position: u64, len: usize) -> [(usize, usize); 2] {
        let index = self.index(position);
        let len = len.min(self.capacity());
        let first = len.min(self.capacity() - index);
        let start = self.area + self.capacity();
        [(start + index, first), (start, len - first)]
    }

    /// Copies `text`, at most as long as the ring, to `position`.
    pub(crate) fn write(self, region: &Region, position: u64, text: &Text<'_>) {
        let mut position = position;
        for run in text.slice(0, self.capacity()).runs() {
            let index = self.index(position);
            let first = run.slice(0, self.capacity() - index);
            let second = run.slice(first.len(), run.len() - first.len());
            let start = self.area + self.capacity();
            region.write(start + index, &first);
            region.write(start, &second);
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
