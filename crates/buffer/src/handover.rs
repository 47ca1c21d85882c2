//! Work for an engine that only one thread at a time can run: who finds it running leaves the work to that thread.

use crate::sync::{AtomicU32, Ordering};

/// Times that a thread does what others left to it, before it stops.
const ROUNDS: u32 = 8;

/// Whether somebody has left work.
///
/// ```text
///  try to lock:  locked -> run, unlock -+-> settle: until nothing is left, or another thread has the lock
///                not    -> leave work --+
/// ```
#[derive(Debug, Default)]
pub struct Handover {
    is_left: AtomicU32,
}

impl Handover {
    /// Says that there is work, where the engine will find it, for who has the lock. Then [`settle`](Self::settle).
    pub fn leave(&self) {
        self.is_left.swap(1, Ordering::AcqRel);
    }

    /// To be called by who has the lock, before it looks for work.
    pub fn take(&self) {
        // A swap: what was left before is seen by who looks now.
        self.is_left.swap(0, Ordering::AcqRel);
    }

    /// To be called by each thread that has unlocked, or has left work: `try_work` tries to lock, and if it could, [takes](Self::take), does
    /// the work, unlocks, and returns `true`. Returns `false` if there may still be work that nobody will do.
    #[must_use]
    pub fn settle(&self, mut try_work: impl FnMut() -> bool) -> bool {
        for _ in 0..ROUNDS {
            // This look follows unlocking, and leaving work precedes trying to lock. Both change the word: so either the work is seen
            // here, or who left it has seen this look, and finds the lock free.
            if self.is_left.fetch_or(0, Ordering::AcqRel) == 0 || !try_work() {
                return true;
            }
        }
        false
    }
}
