//! `fdopen fileno`: streams over sockets.
//!
//! The C library's streams read and write through its own inner functions, which would touch the token. So a stream over a
//! Sockeye socket is one with functions of its own (`fopencookie()`). That holds for streams made by `fdopen()`, and for
//! `stdin`, `stdout` and `stderr` of a program that was started with sockets as descriptors 0, 1 and 2.

mod raw;

use crate::engine::TABLE;
use crate::errno::{self, Errno};
use crate::real;
use libc::{FILE, c_char, c_int};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

/// Streams over sockets that can be open at once.
const STREAMS: usize = 1024;
const EMPTY: usize = 0;
const RESERVED: usize = 1;

/// Addresses of open streams, and their descriptors. No lock: `fileno()` is called in children of `fork()`.
static ADDRESSES: [AtomicUsize; STREAMS] = [const { AtomicUsize::new(EMPTY) }; STREAMS];
static DESCRIPTORS: [AtomicI32; STREAMS] = [const { AtomicI32::new(-1) }; STREAMS];
/// One more than the highest place ever used.
static END: AtomicUsize = AtomicUsize::new(0);

/// As `fdopen()`.
///
/// # Safety
/// `mode` is a C string.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_fdopen(fd: c_int, mode: *const c_char) -> *mut FILE {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::fdopen(fd, mode) };
    }
    // SAFETY: the caller's promise.
    unsafe { open(fd, mode) }
}

/// As `fileno()`.
///
/// # Safety
/// `stream` is open.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_fileno(stream: *mut FILE) -> c_int {
    let known = ADDRESSES[..END.load(Ordering::Acquire)]
        .iter()
        .position(|address| address.load(Ordering::Acquire) == stream.addr());
    match known {
        Some(place) => DESCRIPTORS[place].load(Ordering::Acquire),
        // SAFETY: the caller's promise.
        None => unsafe { real::fileno(stream) },
    }
}

/// Opens the standard streams anew if their descriptors are sockets.
pub fn replace_standard_streams() {
    for fd in 0..=2 {
        if TABLE.has(fd) {
            raw::replace_standard_stream(fd);
        }
    }
}

unsafe fn open(fd: c_int, mode: *const c_char) -> *mut FILE {
    let Some(place) = reserve(fd) else {
        errno::fail::<c_int>(Errno::MFILE);
        return std::ptr::null_mut();
    };
    // SAFETY: the caller's promise.
    let stream = unsafe { raw::open(place, mode) };
    ADDRESSES[place].store(if stream.is_null() { EMPTY } else { stream.addr() }, Ordering::Release);
    stream
}

fn reserve(fd: c_int) -> Option<usize> {
    let is_mine = |address: &AtomicUsize| {
        address.compare_exchange(EMPTY, RESERVED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    };
    let place = ADDRESSES.iter().position(is_mine)?;
    DESCRIPTORS[place].store(fd, Ordering::Release);
    END.fetch_max(place + 1, Ordering::AcqRel);
    Some(place)
}

/// The descriptor of an open stream.
fn descriptor(place: usize) -> c_int {
    DESCRIPTORS.get(place).map_or(-1, |descriptor| descriptor.load(Ordering::Acquire))
}

/// Forgets a stream that is being closed.
fn release(place: usize) {
    if let Some(address) = ADDRESSES.get(place) {
        address.store(EMPTY, Ordering::Release);
    }
}
