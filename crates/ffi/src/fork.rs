//! What happens to the table and the engine across `fork()`, `vfork()` and `exec()`.
//!
//! * `fork()`: the child has a copy of the table. Handlers registered with `pthread_atfork()` see to it that nobody
//!   was just making a way to the engine, and tell the engine's client side to open a connection of its own. References
//!   that other threads of the parent held stay counted in the child, as ghosts: there the entry is never used again.
//! * `vfork()`: the child *is* the parent as far as memory goes, and no handler runs. It is known by its process number and
//!   may only close and duplicate before `exec()`: it does so in the kernel, and the table stays the parent's.
//! * `exec()`: the new program finds the tokens that it inherited when the library starts.
//!
//! Before all of them the sockets are shared: see [`crate::numbers`] and [`crate::processes`].

use crate::cancel::{self, catch};
use crate::engine::{self, MAKING, TABLE};
use crate::{epoll, numbers, processes, ready, stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// The process that this memory belongs to; 0 before the start.
static PROCESS: AtomicU32 = AtomicU32::new(0);
/// The thread that forks took [`MAKING`].
static TOOK: AtomicBool = AtomicBool::new(false);

/// Runs when the library is loaded.
#[used]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = start;

extern "C" fn start() {
    // A panic here would end a program that may not even want sockets.
    let _ = catch(|| {
        cancel::look_up();
        prepare_process();
        processes::look_up();
        note_inherited_tokens();
        stdio::replace_standard_streams();
    });
}

/// Remembers the process and registers the handlers, once.
pub fn prepare_process() {
    if PROCESS.compare_exchange(0, std::process::id(), Ordering::AcqRel, Ordering::Acquire).is_ok() {
        crate::raw::at_fork(before, after_in_parent, after_in_child);
    }
}

/// The process that this memory belongs to.
#[must_use]
pub fn process() -> u32 {
    PROCESS.load(Ordering::Acquire)
}

/// Whether this is the child of `vfork()`, which must leave the table alone.
#[must_use]
pub fn is_borrowing_memory() -> bool {
    let process = PROCESS.load(Ordering::Acquire);
    process != 0 && process != std::process::id()
}

fn note_inherited_tokens() {
    let Ok(open) = std::fs::read_dir("/proc/self/fd") else {
        // Without /proc the usual descriptors must do.
        (0..256).for_each(engine::note_if_token);
        return;
    };
    let numbers: Vec<i32> = open
        .flatten()
        .filter_map(|entry| entry.file_name().to_str().and_then(|name| name.parse().ok()))
        .collect();
    numbers.into_iter().filter(|&fd| !TABLE.has(fd)).for_each(engine::note_if_token);
}

extern "C" fn before() {
    let _ = catch(|| {
        numbers::share_all();
        if !MAKING.is_mine() {
            std::mem::forget(MAKING.lock());
            TOOK.store(true, Ordering::Relaxed);
        }
        epoll::before_fork();
        ready::before_fork();
        engine::before_fork();
    });
}

extern "C" fn after_in_parent() {
    let _ = catch(|| {
        engine::after_fork_in_parent();
        ready::after_fork_in_parent();
        epoll::after_fork_in_parent();
        if TOOK.swap(false, Ordering::Relaxed) {
            MAKING.free();
        }
    });
}

extern "C" fn after_in_child() {
    let _ = catch(|| {
        TOOK.store(false, Ordering::Relaxed);
        MAKING.free();
        numbers::after_fork_in_child();
        PROCESS.store(std::process::id(), Ordering::Release);
        engine::after_fork_in_child();
        ready::after_fork_in_child();
        TABLE.after_fork_in_child();
        epoll::after_fork_in_child();
    });
}
