//! A mutex that a program may fork over.
//!
//! The state of an ordinary mutex is partly elsewhere (queues of waiters, which the child inherits without their threads).
//! This one is a word. The thread that forks takes it first, so that the child finds what it guards whole, and the child frees it
//! with one store.

mod raw;

use parking_lot::lock_api::{Mutex, MutexGuard};
use raw::Word;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How long the thread that forks waits for the mutex. It goes on without: a signal handler may fork in the middle of a call
/// of ours, and must not wait for itself.
const PATIENCE: Duration = Duration::from_millis(300);

/// Holds a [`ForkMutex`] until it is dropped.
pub type Guard<'a, T> = MutexGuard<'a, Word, T>;

/// A mutex that a program may fork over.
#[derive(Debug)]
pub struct ForkMutex<T> {
    mutex: Mutex<Word, T>,
    /// The thread that forks holds it.
    is_taken: AtomicBool,
}

impl<T> ForkMutex<T> {
    /// A free mutex.
    pub const fn new(value: T) -> Self {
        Self { mutex: Mutex::new(value), is_taken: AtomicBool::new(false) }
    }

    /// Waits for the mutex.
    pub fn lock(&self) -> Guard<'_, T> {
        self.mutex.lock()
    }

    /// Takes the mutex if nobody has it.
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        self.mutex.try_lock()
    }

    /// Takes it for the time of the fork, and says what `look` sees. `None` if it could not be taken.
    pub fn before_fork<U>(&self, look: impl Fn(&T) -> U) -> Option<U> {
        let guard = self.mutex.try_lock_for(PATIENCE)?;
        let seen = look(&guard);
        std::mem::forget(guard);
        self.is_taken.store(true, Ordering::Relaxed);
        Some(seen)
    }

    /// Gives it back, if it was taken.
    pub fn after_fork_in_parent(&self) {
        if self.is_taken.swap(false, Ordering::Relaxed) {
            raw::free(&self.mutex);
        }
    }

    /// Frees it, whoever held it: that thread does not exist here.
    pub fn after_fork_in_child(&self) {
        self.is_taken.store(false, Ordering::Relaxed);
        if self.mutex.is_locked() {
            raw::free(&self.mutex);
        }
    }
}

#[cfg(test)]
mod tests;
