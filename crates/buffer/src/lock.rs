//! The locks that programs' threads and processes take around their halves of a slot.

use crate::sync::AtomicU32;

#[cfg(all(feature = "std", not(any(miri, loom))))]
mod raw;

/// Room for one lock in shared memory. Only programs take it; the engine never waits for it.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct LockLine {
    words: [AtomicU32; 16],
}

#[cfg(all(feature = "std", not(any(miri, loom))))]
pub use held::LockGuard;

#[cfg(all(feature = "std", not(any(miri, loom))))]
mod held {
    use core::marker::PhantomData;

    use super::{LockLine, raw};

    impl LockLine {
        /// Makes it free, whatever it was. Nobody else may use it meanwhile.
        pub(crate) fn reset(&self) {
            raw::init(&self.words);
        }

        /// Waits for the lock. A holder that died releases it: what it had not published was not sent, and not read.
        pub(crate) fn lock(&self) -> LockGuard<'_> {
            let taken = raw::lock(&self.words).ok();
            LockGuard { line: self, taken, thread: PhantomData }
        }

        /// Releases it, if this thread holds it and has forgotten the guard.
        pub(crate) fn release(&self) {
            raw::unlock(&self.words);
        }

        /// The word that is the holder's thread, and that the kernel marks when the holder dies.
        pub(crate) fn owner(&self) -> &crate::sync::AtomicU32 {
            &self.words[0]
        }
    }

    /// A lock is released when this is dropped, in the thread that took it.
    #[must_use = "the lock is released when this is dropped"]
    #[derive(Debug)]
    pub struct LockGuard<'a> {
        line: &'a LockLine,
        taken: Option<raw::From>,
        thread: PhantomData<*const ()>,
    }

    impl LockGuard<'_> {
        /// Whether the lock is held. It is not if this thread holds it already (a signal handler that interrupted a call on the same
        /// socket; fail with EDEADLK then, and do not touch the ring), or if a program has destroyed the shared memory.
        #[must_use]
        pub fn is_held(&self) -> bool {
            self.taken.is_some()
        }

        /// Whether the holder before has died with it.
        #[must_use]
        pub fn is_inherited(&self) -> bool {
            self.taken == Some(raw::From::Dead)
        }
    }

    impl Drop for LockGuard<'_> {
        fn drop(&mut self) {
            if self.is_held() {
                raw::unlock(&self.line.words);
            }
        }
    }
}

#[cfg(all(test, feature = "std", not(any(miri, loom))))]
mod tests;
