//! Robust, process-shared mutexes of the C library in the words of a lock.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

use crate::sync::AtomicU32;

/// A lock's words.
type Words = [AtomicU32; 16];

const _: () = assert!(size_of::<libc::pthread_mutex_t>() <= size_of::<Words>());

fn mutex(words: &Words) -> *mut libc::pthread_mutex_t {
    words.as_ptr().cast_mut().cast()
}

pub(super) fn init(words: &Words) {
    let mut attributes = MaybeUninit::uninit();
    let attributes = attributes.as_mut_ptr();
    // SAFETY: a place for attributes.
    unsafe { libc::pthread_mutexattr_init(attributes) };
    // SAFETY: initialised attributes, and a valid value.
    unsafe { libc::pthread_mutexattr_settype(attributes, libc::PTHREAD_MUTEX_ERRORCHECK) };
    // SAFETY: initialised attributes, and a valid value.
    unsafe { libc::pthread_mutexattr_setrobust(attributes, libc::PTHREAD_MUTEX_ROBUST) };
    // SAFETY: initialised attributes, and a valid value.
    unsafe { libc::pthread_mutexattr_setpshared(attributes, libc::PTHREAD_PROCESS_SHARED) };
    // SAFETY: the words are aligned, large enough, and may be written through a shared reference.
    unsafe { libc::pthread_mutex_init(mutex(words), attributes) };
    // SAFETY: initialised attributes.
    unsafe { libc::pthread_mutexattr_destroy(attributes) };
}

/// From whom the mutex was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    Nobody,
    /// From a thread that has died.
    Dead,
}

/// Takes the mutex, from a dead owner too. The error is the error number.
pub(super) fn lock(words: &Words) -> Result<From, i32> {
    // SAFETY: the words were initialised as a mutex; destroyed ones make the call fail or wait.
    match unsafe { libc::pthread_mutex_lock(mutex(words)) } {
        0 => Ok(From::Nobody),
        libc::EOWNERDEAD => {
            // SAFETY: this thread just got the mutex. Nothing needs mending: positions are published whole.
            match unsafe { libc::pthread_mutex_consistent(mutex(words)) } {
                0 => Ok(From::Dead),
                error => Err(error),
            }
        }
        error => Err(error),
    }
}

pub(super) fn unlock(words: &Words) {
    // SAFETY: the words were initialised as a mutex, which checks whether this thread holds it.
    unsafe { libc::pthread_mutex_unlock(mutex(words)) };
}
