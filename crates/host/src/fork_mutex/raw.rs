//! The word of a [`ForkMutex`](super::ForkMutex).
#![allow(unsafe_code)]

use parking_lot::lock_api::{GuardSend, Mutex, RawMutex, RawMutexTimed};
use sockeye_buffer::futex;
use sockeye_clock::{Instant, monotonic};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const FREE: u32 = 0;
const HELD: u32 = 1;
/// Held, and somebody may sleep until it is free: who has slept says so, for others may sleep as well.
const AWAITED: u32 = 2;

/// The whole state of a mutex.
#[derive(Debug)]
pub struct Word(AtomicU32);

// SAFETY: `lock` and `try_lock` return only to the thread that changed the word from FREE, and only `unlock` makes it FREE again.
unsafe impl RawMutex for Word {
    #[allow(clippy::declare_interior_mutable_const, reason = "how `lock_api` asks for it")]
    const INIT: Self = Self(AtomicU32::new(FREE));

    type GuardMarker = GuardSend;

    fn lock(&self) {
        if self.try_lock() {
            return;
        }
        while self.0.swap(AWAITED, Ordering::Acquire) != FREE {
            let _ = futex::wait(&self.0, AWAITED, None);
        }
    }

    fn try_lock(&self) -> bool {
        self.0.compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    unsafe fn unlock(&self) {
        if self.0.swap(FREE, Ordering::Release) == AWAITED {
            // One: of hundreds, all but one would find it held again.
            futex::wake_one(&self.0);
        }
    }

    fn is_locked(&self) -> bool {
        self.0.load(Ordering::Relaxed) != FREE
    }
}

// SAFETY: as above.
unsafe impl RawMutexTimed for Word {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_for(&self, patience: Duration) -> bool {
        self.try_lock_until(monotonic() + patience)
    }

    fn try_lock_until(&self, deadline: Instant) -> bool {
        while self.0.swap(AWAITED, Ordering::Acquire) != FREE {
            let left = deadline.since(monotonic());
            if left.is_zero() {
                return false;
            }
            let _ = futex::wait(&self.0, AWAITED, Some(left));
        }
        true
    }
}

/// Frees a mutex whose guard was forgotten, or whose holder does not exist in this process.
pub(super) fn free<T>(mutex: &Mutex<Word, T>) {
    // SAFETY: the callers are the thread that forgot the guard, and the only thread of a forked child, which has no guard.
    unsafe { mutex.force_unlock() };
}
