//! `poll ppoll epoll_ctl`: readiness.
//!
//! A poll of Sockeye sockets and others is one poll of the kernel, on the tokens. Before it each socket is *armed*: from
//! then on the engine keeps the token as ready as the socket is. If a socket is ready by its shared words already, the
//! kernel is only asked about the others, without waiting. After it the answer for a Sockeye socket is read from its
//! words; if nothing is left of what the kernel said, the wait goes on.
//!
//! An epoll set is the kernel's own: sockets are armed when they are put in, and `epoll_wait()` is the kernel's.

use crate::engine::{self, TABLE};
use crate::errno::{Errno, guard};
use crate::{io, raw, real};
use libc::{c_int, c_short, epoll_event, nfds_t, pollfd, sigset_t, size_t, timespec};
use sockeye_clock::monotonic;
use sockeye_host::{Readiness, Socket};
use std::time::Duration;

/// As `poll()`.
///
/// # Safety
/// `fds` points to `count` elements.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int {
    // SAFETY: the caller's promise.
    if !unsafe { has_ours(fds, count) } {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::poll(fds, count, timeout) };
    }
    guard(|| {
        // SAFETY: the caller's promise.
        let fds = unsafe { elements(fds, count) }?;
        wait(fds, u64::try_from(timeout).ok().map(Duration::from_millis), None)
    })
}

/// As `ppoll()`.
///
/// # Safety
/// `fds` points to `count` elements, `timeout` and `mask` are NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_ppoll(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller's promise.
    if !unsafe { has_ours(fds, count) } {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::ppoll(fds, count, timeout, mask) };
    }
    guard(|| {
        // SAFETY: the caller's promise.
        let fds = unsafe { elements(fds, count) }?;
        // SAFETY: the caller's promise.
        let timeout = unsafe { duration(timeout) }?;
        // SAFETY: the caller's promise.
        wait(fds, timeout, unsafe { mask.as_ref() })
    })
}

/// The fortified `poll()`.
///
/// # Safety
/// As [`sockeye_poll`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_poll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: c_int,
    room: size_t,
) -> c_int {
    io::check_room(usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(size_of::<pollfd>()), room);
    // SAFETY: the caller's promise.
    unsafe { sockeye_poll(fds, count, timeout) }
}

/// The fortified `ppoll()`.
///
/// # Safety
/// As [`sockeye_ppoll`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_ppoll_chk(
    fds: *mut pollfd,
    count: nfds_t,
    timeout: *const timespec,
    mask: *const sigset_t,
    room: size_t,
) -> c_int {
    io::check_room(usize::try_from(count).unwrap_or(usize::MAX).saturating_mul(size_of::<pollfd>()), room);
    // SAFETY: the caller's promise.
    unsafe { sockeye_ppoll(fds, count, timeout, mask) }
}

/// As `epoll_create()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_epoll_create(size: c_int) -> c_int {
    // SAFETY: no pointers.
    unsafe { real::epoll_create(size) }
}

/// As `epoll_create1()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_epoll_create1(flags: c_int) -> c_int {
    // SAFETY: no pointers.
    unsafe { real::epoll_create1(flags) }
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
    if TABLE.has(fd) && operation != libc::EPOLL_CTL_DEL {
        // SAFETY: valid, if it is not NULL. The kernel says EFAULT to NULL.
        let asked = unsafe { event.as_ref() }.map_or(0, |event| event.events);
        let armed = guard(|| {
            let socket = engine::find(fd)?;
            // If the host process is gone the token has hung up, which is what the set will say.
            let _ = socket.arm(raw::borrow(fd));
            if asked & libc::EPOLLET as u32 != 0 {
                socket.show_edges();
            }
            Ok(0)
        });
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
    // SAFETY: the caller's arguments as they came.
    unsafe { real::epoll_wait(epoll, events, most, timeout) }
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
    // SAFETY: the caller's arguments as they came.
    unsafe { real::epoll_pwait(epoll, events, most, timeout, mask) }
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
    // SAFETY: the caller's arguments as they came.
    unsafe { real::epoll_pwait2(epoll, events, most, timeout, mask) }
}

/// Waits until something is ready: the count, 0 when the time is over.
///
/// # Errors
/// As `ppoll()`.
pub fn wait(fds: &mut [pollfd], timeout: Option<Duration>, mask: Option<&sigset_t>) -> Result<c_int, Errno> {
    let deadline = timeout.map(|timeout| monotonic() + timeout);
    loop {
        let left = deadline.map(|deadline| deadline.since(monotonic()));
        let at_once = arm(fds);
        // The kernel is asked even if all is known: about the others, about closed descriptors, and for the mask.
        real::poll_once(fds, if at_once { Some(Duration::ZERO) } else { left }, mask)?;
        let ready = correct(fds);
        if ready > 0 || left.is_some_and(|left| left.is_zero()) {
            return Ok(ready);
        }
        if deadline.is_some_and(|deadline| monotonic() >= deadline) {
            return Ok(0);
        }
    }
}

/// Whether a C program's array names one of our sockets.
unsafe fn has_ours(fds: *mut pollfd, count: nfds_t) -> bool {
    // SAFETY: the caller's promise.
    unsafe { elements(fds, count) }.is_ok_and(|fds| fds.iter().any(|entry| TABLE.has(entry.fd)))
}

unsafe fn elements<'a>(fds: *mut pollfd, count: nfds_t) -> Result<&'a mut [pollfd], Errno> {
    // SAFETY: the caller's promise.
    unsafe { raw::elements(fds, usize::try_from(count).map_err(|_| Errno::INVAL)?) }
}

/// A relative time; `None` waits for ever.
///
/// # Safety
/// `time` is NULL or valid.
///
/// # Errors
/// EINVAL if it is negative or has a second's worth of nanoseconds.
pub unsafe fn duration(time: *const timespec) -> Result<Option<Duration>, Errno> {
    if time.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let time = unsafe { raw::read(time) }?;
    let seconds = u64::try_from(time.tv_sec).map_err(|_| Errno::INVAL)?;
    let nanos =
        u32::try_from(time.tv_nsec).ok().filter(|&nanos| nanos < 1_000_000_000).ok_or(Errno::INVAL)?;
    Ok(Some(Duration::new(seconds, nanos)))
}

/// Arms our sockets. Whether one of them is ready already.
fn arm(fds: &[pollfd]) -> bool {
    let mut ready = false;
    for entry in fds.iter().filter(|entry| TABLE.has(entry.fd)) {
        // A descriptor that cannot be used at all is ready to say so.
        ready |= engine::find(entry.fd).map_or(true, |socket| {
            answer(&socket, entry.events) != 0
                || socket.arm(raw::borrow(entry.fd)).is_err()
                || answer(&socket, entry.events) != 0
        });
    }
    ready
}

/// Puts our sockets' true answers in the place of the kernel's. How many entries have one.
fn correct(fds: &mut [pollfd]) -> c_int {
    let mut count = 0;
    for entry in fds {
        if TABLE.has(entry.fd) && entry.revents & libc::POLLNVAL == 0 {
            entry.revents = match engine::find(entry.fd) {
                Ok(socket) => answer(&socket, entry.events) | failure(&socket, entry),
                Err(_) => libc::POLLERR | libc::POLLHUP,
            };
        }
        count += c_int::from(entry.revents != 0);
    }
    count
}

/// POLLERR if the engine is gone: the kernel then says that the token has hung up although the words show nothing yet.
fn failure(socket: &Socket, entry: &pollfd) -> c_short {
    let hung_up = entry.revents & libc::POLLHUP != 0 && socket.arm(raw::borrow(entry.fd)).is_err();
    if hung_up { libc::POLLERR | libc::POLLHUP | entry.events & (libc::POLLIN | libc::POLLOUT) } else { 0 }
}

fn answer(socket: &Socket, events: c_short) -> c_short {
    revents(socket.readiness(), events)
}

/// What `poll()` says of a readiness to one who asked for `events`.
fn revents(readiness: Readiness, events: c_short) -> c_short {
    let mut all = 0;
    if readiness.readable {
        all |= libc::POLLIN | libc::POLLRDNORM;
    }
    if readiness.writable {
        all |= libc::POLLOUT | libc::POLLWRNORM;
    }
    if readiness.urgent {
        all |= libc::POLLPRI;
    }
    if readiness.peer_closed {
        all |= libc::POLLRDHUP;
    }
    if readiness.hang_up {
        all |= libc::POLLHUP;
    }
    if readiness.error {
        all |= libc::POLLERR;
    }
    all & (events | libc::POLLHUP | libc::POLLERR)
}

#[cfg(test)]
mod tests;
