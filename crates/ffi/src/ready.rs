//! `poll ppoll`: readiness.
//!
//! A poll of Sockeye sockets is answered from their shared words. To sleep it becomes a group of the process's ready list
//! ([`sockeye_host::Group`]) for the time of the call, and polls the group's bell in the kernel, together with descriptors of other
//! kinds. These are asked in each call, also in one whose answer is known, so they cannot starve.
//!
//! Where no group is to be had the kernel polls the tokens: before it each socket is *armed*, so that from then on the engine keeps
//! the token as ready as the socket is, and after it the answer for a Sockeye socket is read from its words. One for which there is no
//! descriptor left is looked at every few milliseconds.

mod poll;

use crate::engine::{self, TABLE};
use crate::epoll::{self, SETS};
use crate::errno::{Errno, guard};
use crate::{io, numbers, raw, real};
use libc::{c_int, c_short, nfds_t, pollfd, sigset_t, size_t, timespec};
pub use poll::{after_fork_in_child, after_fork_in_parent, before_fork};
use sockeye_clock::{Instant, monotonic};
use sockeye_host::{Readiness, Socket};
use std::time::Duration;

/// How long to sleep where a socket has neither a group nor a token: no descriptor is left, here or in the host process.
const SLICE: Duration = Duration::from_millis(10);

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

/// Waits until something is ready: the count, 0 when the time is over.
///
/// # Errors
/// As `ppoll()`.
pub fn wait(fds: &mut [pollfd], timeout: Option<Duration>, mask: Option<&sigset_t>) -> Result<c_int, Errno> {
    fds.iter().filter(|entry| SETS.has(entry.fd)).for_each(|entry| epoll::leave_to_kernel(entry.fd));
    let deadline = timeout.map(|timeout| monotonic() + timeout);
    let ours = poll::Ours::find(fds);
    match poll::Watching::start(&ours) {
        Some(watching) => ours.wait(fds, deadline, mask, &watching),
        None => wait_by_tokens(fds, deadline, mask),
    }
}

/// Waits where no group is to be had: the kernel judges the tokens.
fn wait_by_tokens(
    fds: &mut [pollfd],
    deadline: Option<Instant>,
    mask: Option<&sigset_t>,
) -> Result<c_int, Errno> {
    loop {
        let left = deadline.map(|deadline| deadline.since(monotonic()));
        let mut all = fds.to_vec();
        let most = arm(&mut all);
        let time = left.map_or(most, |left| Some(most.map_or(left, |most| most.min(left))));
        // The kernel is asked even if all is known: about the others, about closed descriptors, and for the mask.
        real::poll_once(&mut all, time, mask)?;
        fds.iter_mut().zip(all).for_each(|(entry, told)| entry.revents = told.revents);
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
    unsafe { elements(fds, count) }
        .is_ok_and(|fds| fds.iter().any(|entry| TABLE.has(entry.fd) || SETS.has(entry.fd)))
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

/// Arms our sockets, for the kernel to judge them. Returns how long it may do so: no time if one of them is ready already, and not long if
/// one has no token, which is taken out.
fn arm(fds: &mut [pollfd]) -> Option<Duration> {
    let mut most = None;
    for entry in fds.iter_mut().filter(|entry| TABLE.has(entry.fd)) {
        // A descriptor that cannot be used at all is ready to say so.
        let Ok(socket) = engine::find(entry.fd) else { return Some(Duration::ZERO) };
        if answer(&socket, entry.events) != 0 {
            return Some(Duration::ZERO);
        }
        match numbers::arm(entry.fd, &socket) {
            Ok(()) if answer(&socket, entry.events) == 0 => {}
            Ok(()) | Err(Errno::NETDOWN) => return Some(Duration::ZERO),
            Err(_) => {
                entry.fd = -1;
                most = Some(SLICE);
            }
        }
    }
    most
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

/// POLLERR if the engine is gone: the kernel then says that the token has hung up although the words show nothing yet. Of a socket that has
/// none it says so always.
fn failure(socket: &Socket, entry: &pollfd) -> c_short {
    let may_be_gone = entry.revents & libc::POLLHUP != 0 && socket.has_token();
    if may_be_gone && numbers::arm(entry.fd, socket) == Err(Errno::NETDOWN) {
        libc::POLLERR | libc::POLLHUP | entry.events & (libc::POLLIN | libc::POLLOUT)
    } else {
        0
    }
}

fn answer(socket: &Socket, events: c_short) -> c_short {
    revents(socket.readiness(), events)
}

/// What epoll's masks say, whose lower half is poll's. A socket that is asked for room and has none will tell of it.
pub fn events_of(socket: &Socket, asked: u32) -> u32 {
    let low = |asked: u32| asked as u16 as c_short;
    let told = answer(socket, low(asked));
    let wants_room = low(asked) & ROOM != 0 && told & ROOM == 0;
    let told = if wants_room && socket.wait_for_room() { answer(socket, low(asked)) } else { told };
    u32::from(told.cast_unsigned())
}

/// What says that there is room.
const ROOM: c_short = libc::POLLOUT | libc::POLLWRNORM | libc::POLLWRBAND;

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
