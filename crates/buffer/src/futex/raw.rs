//! The futex system calls. Words may be in memory shared with other processes, so none is private.
#![allow(unsafe_code)]

use core::ptr;
use core::time::Duration;

use crate::sync::AtomicU32;

/// What `futex_waitv` takes for each word.
#[repr(C)]
struct Waiter {
    value: u64,
    address: u64,
    flags: u32,
    reserved: u32,
}

/// The word has 32 bits.
const FUTEX2_SIZE_U32: u32 = 2;

pub(super) fn wake(word: &AtomicU32, count: i32) {
    // SAFETY: wakes waiters on this address; nothing is written.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAKE, count) };
}

pub(super) fn wait(word: &AtomicU32, expected: u32, timeout: Option<Duration>) -> Result<(), i32> {
    let timeout = timeout.map(timespec);
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the word and the time live until the call returns.
    result(unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), libc::FUTEX_WAIT, expected, timeout) })
}

pub(super) fn wait_for_any<const N: usize>(
    words: [(&AtomicU32, u32); N],
    until: Option<Duration>,
) -> Result<(), i32> {
    let waiters = words.map(|(word, expected)| Waiter {
        value: expected.into(),
        address: word.as_ptr() as u64,
        flags: FUTEX2_SIZE_U32,
        reserved: 0,
    });
    let until = until.map(timespec);
    let until = until.as_ref().map_or(ptr::null(), ptr::from_ref);
    let (first, clock) = (waiters.as_ptr(), libc::CLOCK_MONOTONIC);
    // SAFETY: the waiters, their words and the time live until the call returns.
    result(unsafe { libc::syscall(libc::SYS_futex_waitv, first, waiters.len(), 0, until, clock) })
}

fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

fn result(returned: libc::c_long) -> Result<(), i32> {
    match returned {
        0.. => Ok(()),
        _ => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)),
    }
}
