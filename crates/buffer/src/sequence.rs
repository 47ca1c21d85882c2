//! A sequence lock: words that one side writes and the other reads, each time all of one writing.

use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Writes words for readers who are to take none from before for one from after: whoever sees one of the new ones sees the odd number before
/// them, and whoever sees the even one sees them all.
pub(crate) fn write<const N: usize>(sequence: &AtomicU32, words: &[AtomicU64; N], values: [u64; N]) {
    let odd = sequence.load(Ordering::Relaxed).wrapping_add(1) | 1;
    sequence.store(odd, Ordering::Relaxed);
    fence(Ordering::Release);
    for (word, value) in words.iter().zip(values) {
        word.store(value, Ordering::Relaxed);
    }
    sequence.store(odd.wrapping_add(1), Ordering::Release);
}

/// The words of one writing; `None` if one was under way.
pub(crate) fn read<const N: usize>(sequence: &AtomicU32, words: &[AtomicU64; N]) -> Option<[u64; N]> {
    let before = sequence.load(Ordering::Acquire);
    let values = core::array::from_fn(|at| words[at].load(Ordering::Relaxed));
    fence(Ordering::Acquire);
    let after = sequence.load(Ordering::Relaxed);
    (before == after && before.is_multiple_of(2)).then_some(values)
}
