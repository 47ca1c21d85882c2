//! TCP_INFO of a connection: a copy that the engine keeps while programs ask for it often.
//!
//! It is not in the header, which has no room for it, but in the page before SendQ's far rings, which nothing else uses: of a socket whose
//! TCP_INFO nobody asks for often that page is never touched, and costs no memory.

use crate::Slot;
use crate::sequence;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Words of a copy. What they mean is the stack's affair.
#[cfg(not(loom))]
pub const INFO_WORDS: usize = 46;
/// Words of a copy; a model must be small.
#[cfg(loom)]
pub const INFO_WORDS: usize = 2;

/// Times in it that go on while their state lasts.
pub const INFO_TIMES: usize = 3;

/// Times that a reader looks before it asks the engine: that writes for less than a microsecond, unless its thread lost its processor.
const LOOKS: usize = 64;

/// What [`EngineLine::info`](crate::slot::EngineLine::info) says once a copy is kept.
const KEPT: u32 = 1;
/// What it says when one was kept, and is not now.
const GIVEN_UP: u32 = 2;

/// A copy under a sequence lock. [`EngineLine::info`](crate::slot::EngineLine::info) says whether there is one.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub(crate) struct InfoCopy {
    /// Odd while the engine writes.
    sequence: AtomicU32,
    words: [AtomicU64; INFO_WORDS],
    readers: ReaderLine,
}

/// What programs that read the copy write.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
struct ReaderLine {
    /// 1 if the copy was read since the engine looked.
    is_read: AtomicU32,
    /// The longest times that were told.
    told: [AtomicU64; INFO_TIMES],
}

impl Slot {
    /// The engine's: this is what programs find from now on.
    pub fn tell_info(&self, words: [u64; INFO_WORDS]) {
        let copy = self.info_copy();
        let state = &self.header().engine.info;
        if state.load(Ordering::Relaxed) == 0 {
            // The page is as the last socket left it.
            copy.readers.told.iter().for_each(|word| word.store(0, Ordering::Relaxed));
        }
        sequence::write(&copy.sequence, &copy.words, words);
        // Release: whoever sees this sees the copy, or a later one.
        state.store(KEPT, Ordering::Release);
    }

    /// The engine's: the copy is not kept any longer.
    pub fn forget_info(&self) {
        let state = &self.header().engine.info;
        if state.load(Ordering::Relaxed) != 0 {
            state.store(GIVEN_UP, Ordering::Release);
        }
    }

    /// The engine's: whether a program has read the copy since this was last asked.
    #[must_use]
    pub fn was_info_read(&self) -> bool {
        let is_read = &self.info_copy().readers.is_read;
        is_read.load(Ordering::Relaxed) != 0 && is_read.swap(0, Ordering::Relaxed) != 0
    }

    /// The program's: the copy as it was at some instant of this call; `None` if none is kept, or one is just written.
    #[must_use]
    pub fn info(&self) -> Option<[u64; INFO_WORDS]> {
        // Acquire: the first copy is there. One that is given up after this was as good as new when this call began.
        if self.header().engine.info.load(Ordering::Acquire) != KEPT {
            return None;
        }
        let copy = self.info_copy();
        let is_read = &copy.readers.is_read;
        if is_read.load(Ordering::Relaxed) == 0 {
            is_read.store(1, Ordering::Relaxed);
        }
        (0..LOOKS).find_map(|_| sequence::read(&copy.sequence, &copy.words))
    }

    /// The program's: times that are to be told, or longer ones that were told before. A time that goes on in the copy may have ended in the
    /// engine before the instant up to which a program counts it; told times grow only.
    #[must_use]
    pub fn told_times(&self, times: [u64; INFO_TIMES]) -> [u64; INFO_TIMES] {
        if self.header().engine.info.load(Ordering::Acquire) == 0 {
            return times;
        }
        let told = &self.info_copy().readers.told;
        core::array::from_fn(|at| match told[at].load(Ordering::Relaxed) {
            before if before >= times[at] => before,
            _ => told[at].fetch_max(times[at], Ordering::Relaxed).max(times[at]),
        })
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
