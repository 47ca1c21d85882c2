//! Which text has arrived out of order.

use alloc::vec::Vec;
use core::ops::Range;

/// How many separate ranges are kept. Enough for the losses of one round trip on a long fat path (1% of 100,000 segments); a bound
/// on the cost of a hostile peer: 16 KiB for each connection, of which a segment moves a part, and ten comparisons to find its place.
pub(crate) const MAX_RANGES: usize = 1024;
/// Ranges for which memory is kept when none are held.
const KEPT_RANGES: usize = 32;

/// The ranges of positions held beyond tail: in order, not empty, not touching each other or tail.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    ranges: Vec<Range<u64>>,
}

impl Assembler {
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    pub(crate) fn ranges(&self) -> &[Range<u64>] {
        &self.ranges
    }

    /// Bytes held.
    pub(crate) fn len(&self) -> u64 {
        self.ranges.iter().map(|held| held.end - held.start).sum()
    }

    /// The end of the last range.
    pub(crate) fn end(&self) -> Option<u64> {
        self.ranges.last().map(|range| range.end)
    }

    /// The range that holds `position`.
    pub(crate) fn containing(&self, position: u64) -> Option<&Range<u64>> {
        let index = self.ranges.partition_point(|held| held.end <= position);
        self.ranges.get(index).filter(|held| held.start <= position)
    }

    /// The first part of `range` that is held.
    pub(crate) fn first_held(&self, range: &Range<u64>) -> Option<Range<u64>> {
        let index = self.ranges.partition_point(|held| held.end <= range.start);
        let held = self.ranges.get(index)?;
        let part = held.start.max(range.start)..held.end.min(range.end);
        (!part.is_empty()).then_some(part)
    }

    /// Whether `range` can be added: it joins one that is held, or there is room for another.
    pub(crate) fn accepts(&self, range: &Range<u64>) -> bool {
        self.ranges.len() < MAX_RANGES || !self.touched(range).is_empty()
    }

    /// The parts of `range` that are not held.
    pub(crate) fn gaps(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let touched = self.touched(&range);
        let starts =
            core::iter::once(range.start).chain(self.ranges[touched.clone()].iter().map(|held| held.end));
        let ends = self.ranges[touched].iter().map(|held| held.start).chain(core::iter::once(range.end));
        starts.zip(ends).filter(|(start, end)| start < end).map(|(start, end)| start..end)
    }

    /// Adds `range`, which must be acceptable and beyond tail.
    pub(crate) fn add(&mut self, range: Range<u64>) {
        let touched = self.touched(&range);
        let joined = match self.ranges[touched.clone()] {
            [] => range,
            [ref first, ..] => {
                let last = &self.ranges[touched.end - 1];
                first.start.min(range.start)..last.end.max(range.end)
            }
        };
        self.ranges.splice(touched, core::iter::once(joined));
    }

    /// Forgets what is held from `position` on.
    pub(crate) fn truncate(&mut self, position: u64) {
        let kept = self.ranges.partition_point(|held| held.start < position);
        self.ranges.truncate(kept);
        if let Some(last) = self.ranges.last_mut() {
            last.end = last.end.min(position);
        }
        self.release_room();
    }

    /// Takes out what has become contiguous with `tail`, and returns where that ends.
    pub(crate) fn advance(&mut self, tail: u64) -> u64 {
        let reached = self.ranges.partition_point(|held| held.start <= tail);
        let end = self.ranges.drain(..reached).map(|held| held.end).fold(tail, u64::max);
        self.release_room();
        end
    }

    fn release_room(&mut self) {
        if self.ranges.is_empty() && self.ranges.capacity() > KEPT_RANGES {
            self.ranges = Vec::new();
        }
    }

    /// The indices of the ranges that overlap or adjoin `range`.
    fn touched(&self, range: &Range<u64>) -> Range<usize> {
        let start = self.ranges.partition_point(|held| held.end < range.start);
        let end = self.ranges.partition_point(|held| held.start <= range.end);
        start..end
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
