//! `pthread_cancel()`: a thread is not cancelled while it is in a call of ours.
//!
//! The C library unwinds the stack of a cancelled thread from the cancellation point that it reaches: from its `close()`, say, by which also
//! a descriptor of ours is closed. Our frames stop each unwinding, and then the C library aborts the program. So where a program may cancel
//! threads, our calls put that off until they return: the next cancellation point is soon enough. That costs as much as a tenth of a short `send()`,
//! so a program of which nothing calls `pthread_cancel()` does without.

mod imports;

use crate::raw::{CancelState, set_cancel_state};
use crate::real;
use libc::{c_int, pthread_t};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// The program may cancel threads. Known before its first call, for a thread may be in one when the first is cancelled.
static MAY_CANCEL: AtomicBool = AtomicBool::new(true);

/// Finds out whether the program may cancel threads, when the library is loaded.
pub fn look_up() {
    MAY_CANCEL.store(imports::is_imported(c"pthread_cancel"), Ordering::SeqCst);
}

/// As `pthread_cancel()`. A thread that is in a call of Sockeye's is cancelled at the next cancellation point after that.
///
/// # Safety
/// As of the C function.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_pthread_cancel(thread: pthread_t) -> c_int {
    // Who calls it may have been loaded since, or have looked it up.
    MAY_CANCEL.store(true, Ordering::SeqCst);
    // SAFETY: the caller's argument as it came.
    unsafe { real::pthread_cancel(thread) }
}

/// Runs what a cancelled thread must not unwind through. `None` after a panic.
pub fn catch<T>(call: impl FnOnce() -> T) -> Option<T> {
    let _off = MAY_CANCEL.load(Ordering::Relaxed).then(PutOff::new);
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
