//! The allocator of this test: the system's, and a count of what each thread takes and has.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static TAKEN: Cell<u64> = const { Cell::new(0) };
    static HELD: Cell<i64> = const { Cell::new(0) };
}

/// Counts what the thread does.
#[derive(Debug)]
pub struct Counting;

/// How often this thread has taken memory.
pub fn taken() -> u64 {
    TAKEN.get()
}

/// Bytes that this thread has taken and not given back.
pub fn held() -> i64 {
    HELD.get()
}

fn count(taken: u64, bytes: i64) {
    // A thread that ends has no counters any more.
    let _ = TAKEN.try_with(|counter| counter.set(counter.get() + taken));
    let _ = HELD.try_with(|counter| counter.set(counter.get() + bytes));
}

// SAFETY: all memory is the system allocator's; the counters take none.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(1, layout.size() as i64);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        count(0, -(layout.size() as i64));
        // SAFETY: the caller's promise is handed on.
        unsafe { System.dealloc(memory, layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(1, size as i64 - layout.size() as i64);
        // SAFETY: the caller's promise is handed on.
        unsafe { System.realloc(memory, layout, size) }
    }
}
