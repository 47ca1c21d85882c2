//! `pthread_cancel()`: a thread is not cancelled while it is in a call of ours.
//!
//! The C library unwinds the stack of a cancelled thread from the cancellation point that it reaches: from its `close()`, say, by which also
//! a descriptor of ours is closed. Our frames stop each unwinding, and then the C library aborts the program. So where a program cancels threads
//! at all, our calls put that off until they return: the next cancellation point is soon enough.

use crate::raw::{CancelState, set_cancel_state};
use crate::real;
use libc::{c_int, pthread_t};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// The program has cancelled a thread. Most never do, and need not pay for it.
static CANCELS: AtomicBool = AtomicBool::new(false);

/// As `pthread_cancel()`. A thread that is in a call of Sockeye's is cancelled at the next cancellation point after that.
///
/// # Safety
/// As of the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_pthread_cancel(thread: pthread_t) -> c_int {
    CANCELS.store(true, Ordering::SeqCst);
    // SAFETY: the caller's argument as it came.
    unsafe { real::pthread_cancel(thread) }
}

/// Runs what a cancelled thread must not unwind through. `None` after a panic.
pub fn catch<T>(call: impl FnOnce() -> T) -> Option<T> {
    let _off = CANCELS.load(Ordering::Relaxed).then(PutOff::new);
    catch_unwind(AssertUnwindSafe(call)).ok()
}

/// While it is there, this thread is not cancelled.
struct PutOff {
    before: CancelState,
}

impl PutOff {
    fn new() -> Self {
        Self { before: set_cancel_state(CancelState::DISABLED) }
    }
}

impl Drop for PutOff {
    fn drop(&mut self) {
        set_cancel_state(self.before);
    }
}
