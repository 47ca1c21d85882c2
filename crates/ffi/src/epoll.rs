//! `epoll_create epoll_ctl epoll_wait`: sets.
//!
//! A set of Sockeye sockets is answered from shared memory: the engine marks in the process's ready list what happened
//! ([`sockeye_host::Group`]), and `epoll_wait()` looks at the marks. Other descriptors are in the kernel's set, which is entered to
//! sleep, and in each call if it has members, so that none of them starves.
//!
//! ```text
//!            epoll_wait()
//!                 |
//!       marks? queued members? ---- yes --> answer (and what the kernel's set says, if it has members)
//!                 | no
//!       look for some microseconds, if that has paid
//!                 | no
//!       say `asleep`, look again
//!                 | no
//!       the kernel's epoll_wait(): other descriptors, and the bell that the engine rings for who sleeps
//! ```
//!
//! What the kernel must judge is a set of the kernel's alone, in which each socket is by its token: a set
//! inside another or in a poll(), one that was passed to another process, or that a forked child goes on with.

mod members;
mod set;
mod wait;

use crate::engine::TABLE;
use crate::errno::{self, Errno, guard};
use crate::table::{Found, Guard, Table};
use crate::{raw, ready, real};
use libc::{c_int, epoll_event, sigset_t, timespec};
pub use set::Set;
use sockeye_host::{ForkMutex, Socket};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// The sets of this process, by their descriptors.
pub static SETS: Table<Arc<Set>> = Table::new();

/// All of them, for what happens to a socket in whichever set it is.
static ALL: ForkMutex<Vec<Weak<Set>>> = ForkMutex::new(Vec::new());

/// As `epoll_create()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_epoll_create(size: c_int) -> c_int {
    // SAFETY: no pointers.
    note_set(unsafe { real::epoll_create(size) })
}

/// As `epoll_create1()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_epoll_create1(flags: c_int) -> c_int {
    // SAFETY: no pointers.
    note_set(unsafe { real::epoll_create1(flags) })
}

/// As `epoll_ctl()`.
///
/// # Safety
/// `event` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_epoll_ctl(
    epoll: c_int,
    operation: c_int,
    fd: c_int,
    event: *mut epoll_event,
) -> c_int {
    if SETS.has(fd) && operation == libc::EPOLL_CTL_ADD {
        leave_to_kernel(fd);
    }
    let (Found::Ours(set), is_ours) = (SETS.find(epoll), TABLE.has(fd)) else {
        // SAFETY: the caller's promise.
        return unsafe { control_unknown_set(epoll, operation, fd, event) };
    };
    if !is_ours {
        // SAFETY: the caller's arguments as they came.
        let result = unsafe { real::epoll_ctl(epoll, operation, fd, event) };
        if result == 0 {
            set.count_foreign(operation);
        }
        return result;
    }
    guard(|| {
        let event = match operation {
            libc::EPOLL_CTL_DEL => epoll_event { events: 0, u64: 0 },
            // SAFETY: the caller's promise.
            _ => unsafe { raw::read(event) }?,
        };
        set.control(epoll, operation, fd, event)?;
        Ok(0)
    })
}

/// A set that was inherited by exec() or received, or that is none: the kernel's, in which our sockets are by their tokens.
unsafe fn control_unknown_set(epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int {
    if TABLE.has(fd) && operation != libc::EPOLL_CTL_DEL {
        // SAFETY: valid, if it is not NULL. The kernel says EFAULT to NULL.
        let asked = unsafe { event.as_ref() }.map_or(0, |event| event.events);
        let armed = guard(|| set::arm(fd, asked).map(|()| 0));
        if armed != 0 {
            return armed;
        }
    }
    // SAFETY: the caller's arguments as they came.
    unsafe { real::epoll_ctl(epoll, operation, fd, event) }
}

/// As `epoll_wait()`.
///
/// # Safety
/// `events` points to `most` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_epoll_wait(
    epoll: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
) -> c_int {
    let Found::Ours(set) = SETS.find(epoll) else {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::epoll_wait(epoll, events, most, timeout) };
    };
    // SAFETY: the caller's promise.
    unsafe { wait(&set, epoll, (events, most), to_duration(timeout), None) }
}

/// As `epoll_pwait()`.
///
/// # Safety
/// `events` points to `most` elements, `mask` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_epoll_pwait(
    epoll: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: c_int,
    mask: *const sigset_t,
) -> c_int {
    let Found::Ours(set) = SETS.find(epoll) else {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::epoll_pwait(epoll, events, most, timeout, mask) };
    };
    // SAFETY: the caller's promise.
    let mask = unsafe { mask.as_ref() };
    // SAFETY: the caller's promise.
    unsafe { wait(&set, epoll, (events, most), to_duration(timeout), mask) }
}

/// As `epoll_pwait2()`.
///
/// # Safety
/// `events` points to `most` elements, `timeout` and `mask` are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_epoll_pwait2(
    epoll: c_int,
    events: *mut epoll_event,
    most: c_int,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    let Found::Ours(set) = SETS.find(epoll) else {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::epoll_pwait2(epoll, events, most, timeout, mask) };
    };
    // SAFETY: the caller's promise.
    let mask = unsafe { mask.as_ref() };
    // SAFETY: the caller's promise.
    match unsafe { ready::duration(timeout) } {
        // SAFETY: the caller's promise.
        Ok(timeout) => unsafe { wait(&set, epoll, (events, most), timeout, mask) },
        Err(errno) => errno::fail(errno),
    }
}

unsafe fn wait(
    set: &Set,
    epoll: c_int,
    (events, most): (*mut epoll_event, c_int),
    timeout: Option<Duration>,
    mask: Option<&sigset_t>,
) -> c_int {
    guard(|| {
        let most = usize::try_from(most).ok().filter(|&most| most > 0).ok_or(Errno::INVAL)?;
        // SAFETY: the caller's promise.
        let events = unsafe { raw::elements(events, most) }?;
        let count = set.wait(epoll, events, timeout, mask)?;
        Ok(c_int::try_from(count).unwrap_or(c_int::MAX))
    })
}

/// A negative time is for ever.
fn to_duration(millis: c_int) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}

/// Enters a new set under its descriptor. One that does not fit into the table is the kernel's alone.
fn note_set(epoll: c_int) -> c_int {
    if epoll >= 0 {
        let set = Arc::new(Set::new());
        let weak = Arc::downgrade(&set);
        if SETS.insert(epoll, set).is_ok() {
            let mut all = ALL.lock();
            all.retain(|set| set.strong_count() > 0);
            all.push(weak);
        }
    }
    epoll
}

/// A set becomes part of another, of a poll(), or another process's: from now on the kernel judges it.
pub fn leave_to_kernel(epoll: c_int) {
    if let Found::Ours(set) = SETS.find(epoll) {
        set.leave_to_kernel(epoll);
    }
}

/// The last descriptor of this process for a socket is about to be closed: no set has it any more.
pub fn forget_socket(socket: &Guard<Socket>) {
    if socket.has_joined() {
        each_set(|set| set.forget_socket(socket));
    }
}

/// A descriptor of a socket that has others is about to be closed, and its number may come back as another socket's.
pub fn forget_descriptor(fd: c_int, socket: &Guard<Socket>) {
    if socket.has_joined() {
        each_set(|set| set.forget_descriptor(fd));
    }
}

fn each_set(act: impl FnMut(Arc<Set>)) {
    let sets: Vec<_> = ALL.lock().iter().filter_map(Weak::upgrade).collect();
    sets.into_iter().for_each(act);
}

/// Before `fork()`: no other thread is amid a change of a set.
pub fn before_fork() {
    ALL.before_fork(|sets| sets.iter().filter_map(Weak::upgrade).for_each(|set| set.before_fork()));
}

/// In the parent after `fork()`.
pub fn after_fork_in_parent() {
    ALL.after_fork_in_parent();
    each_set(|set| set.after_fork_in_parent());
}

/// In a child after `fork()`.
pub fn after_fork_in_child() {
    ALL.after_fork_in_child();
    each_set(|set| set.after_fork_in_child());
}
