//! Waiting for words in shared memory to change.

use core::time::Duration;

use crate::sync::{AtomicU32, Ordering};

mod raw;

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// A word changed or was woken, or perhaps neither: look again.
    Woken,
    /// The time is up.
    TimedOut,
    /// A signal handler ran, and not one with SA_RESTART unless the wait was timed.
    Interrupted,
}

/// How long one word is waited for while another must be looked at too, where the kernel cannot wait for both.
const SLICE: Duration = Duration::from_millis(50);

/// Wakes all who wait on `word`, in any process.
pub fn wake_all(word: &AtomicU32) {
    raw::wake(word, i32::MAX);
}

/// Wakes one who waits on `word`, in any process.
pub fn wake_one(word: &AtomicU32) {
    raw::wake(word, 1);
}

/// Waits until `word` is woken, unless it is not `expected` any more.
pub fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> Waited {
    outcome(raw::wait(word, expected, timeout))
}

/// Waits until `first` or `second` is woken, unless one is not as expected any more, or until a time of CLOCK_MONOTONIC. Where the kernel
/// cannot wait for both, `second` is looked at again and again, and the time does not matter.
pub fn wait_either(
    first: &AtomicU32,
    expected_first: u32,
    second: &AtomicU32,
    expected_second: u32,
    until: Option<Duration>,
) -> Waited {
    match raw::wait_for_any([(first, expected_first), (second, expected_second)], until) {
        // Before Linux 5.16, or where a filter does not know the call.
        Err(libc::ENOSYS | libc::EPERM) => {
            wait_in_slices(first, expected_first, || second.load(Ordering::Acquire) != expected_second)
        }
        result => outcome(result),
    }
}

/// As [`wait`] until a time of CLOCK_MONOTONIC, but that it goes on after a signal handler with SA_RESTART. (Where the kernel cannot do that,
/// before Linux 5.16, it ends, and it may end early.)
pub fn wait_until(word: &AtomicU32, expected: u32, until: Duration) -> Waited {
    match raw::wait_for_any([(word, expected)], Some(until)) {
        Err(libc::ENOSYS | libc::EPERM) => match wait(word, expected, Some(SLICE)) {
            Waited::TimedOut => Waited::Woken,
            waited => waited,
        },
        result => outcome(result),
    }
}

fn wait_in_slices(word: &AtomicU32, expected: u32, is_changed: impl Fn() -> bool) -> Waited {
    loop {
        if is_changed() {
            return Waited::Woken;
        }
        match wait(word, expected, Some(SLICE)) {
            Waited::TimedOut => {}
            waited @ (Waited::Woken | Waited::Interrupted) => return waited,
        }
    }
}

fn outcome(result: Result<(), i32>) -> Waited {
    match result {
        Err(libc::ETIMEDOUT) => Waited::TimedOut,
        Err(libc::EINTR) => Waited::Interrupted,
        Ok(()) | Err(_) => Waited::Woken,
    }
}

#[cfg(all(test, not(miri)))]
mod tests;
