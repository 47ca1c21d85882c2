//! `dup fcntl ioctl`: calls about the descriptor rather than the connection.

use crate::engine::{self, TABLE};
use crate::epoll::{self, SETS};
use crate::errno::{self, Errno, guard};
use crate::fork;
use crate::lifecycle::keep_for_calls;
use crate::table::Found;
use crate::{numbers, raw, real};
use libc::{c_int, c_long, c_ulong, c_void};
use sockeye_host::{is_apart, make_room};

/// `SIOCOUTQ`, which is `TIOCOUTQ`.
const SIOCOUTQ: c_ulong = libc::TIOCOUTQ;
const SIOCOUTQNSD: c_ulong = 0x894b;
const SIOCATMARK: c_ulong = 0x8905;
/// Who is told of urgent data: the kernel keeps that with the token.
const OWNERS: [c_ulong; 4] = [0x8901, 0x8902, 0x8903, 0x8904];
const FIONREAD: c_ulong = libc::FIONREAD;
const FIONBIO: c_ulong = libc::FIONBIO;
const FIOCLEX: c_ulong = libc::FIOCLEX;
const FIONCLEX: c_ulong = libc::FIONCLEX;

/// As `dup()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_dup(fd: c_int) -> c_int {
    let _change = is_known(fd).then(numbers::change);
    // SAFETY: no pointers.
    let new = unsafe { real::dup(fd) };
    note_copy(fd, new)
}

/// As `dup2()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_dup2(fd: c_int, new: c_int) -> c_int {
    if !is_free(new) {
        return errno::fail(Errno::BUSY);
    }
    let _change = (is_known(fd) || is_known(new)).then(numbers::change);
    leave(fd, new);
    // SAFETY: no pointers.
    let result = unsafe { real::dup2(fd, new) };
    if fd == new { result } else { note_copy(fd, result) }
}

/// As `dup3()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_dup3(fd: c_int, new: c_int, flags: c_int) -> c_int {
    if !is_free(new) {
        return errno::fail(Errno::BUSY);
    }
    let _change = (is_known(fd) || is_known(new)).then(numbers::change);
    leave(fd, new);
    // SAFETY: no pointers.
    let result = unsafe { real::dup3(fd, new, flags) };
    note_copy(fd, result)
}

fn is_known(fd: c_int) -> bool {
    TABLE.has(fd) || SETS.has(fd)
}

/// Sees to it that a number which is free for all that the program knows is so. If it cannot be, there is an error for that: the kernel has
/// it for a number at which another thread is about to open a file.
fn is_free(fd: c_int) -> bool {
    !is_apart(fd) || fork::is_borrowing_memory() || make_room(fd).is_ok()
}

/// As `fcntl()`. O_ASYNC is EINVAL; whatever concerns only the descriptor is the kernel's, on the token.
///
/// # Safety
/// `argument` is what the command asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    let is_ours = TABLE.has(fd);
    match command {
        libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => {
            let _change = is_known(fd).then(numbers::change);
            // SAFETY: the arguments are numbers.
            return note_copy(fd, unsafe { real::fcntl(fd, command, argument) });
        }
        libc::F_GETFL if is_ours => return guard(|| flags(fd)),
        libc::F_SETFL if is_ours => return guard(|| set_flags(fd, argument)),
        libc::F_GETFD | libc::F_SETFD => {}
        // The kernel keeps who is told by a signal, say, with the token.
        _ if is_ours => {
            let shared = guard(|| numbers::share(fd).map(|()| 0));
            if shared != 0 {
                return shared;
            }
        }
        _ => {}
    }
    // SAFETY: the caller's arguments as they came.
    unsafe { real::fcntl(fd, command, argument) }
}

/// As `ioctl()`: FIONREAD, SIOCOUTQ, SIOCOUTQNSD, SIOCATMARK, FIONBIO, FIOCLEX, FIONCLEX, FIOSETOWN, FIOGETOWN, SIOCSPGRP and SIOCGPGRP;
/// any other is ENOTTY.
///
/// # Safety
/// `argument` is what the request asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    let is_owners = OWNERS.contains(&request);
    if is_owners && guard(|| numbers::share(fd).map(|()| 0)) != 0 {
        return -1;
    }
    if !TABLE.has(fd) || request == FIOCLEX || request == FIONCLEX || is_owners {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::ioctl(fd, request, argument) };
    }
    // SAFETY: the caller's promise.
    guard(|| unsafe { control(fd, request, argument) })
}

/// As `sockatmark()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_sockatmark(fd: c_int) -> c_int {
    let mut is_at_mark: c_int = 0;
    // SAFETY: the request writes a number.
    match unsafe { sockeye_ioctl(fd, SIOCATMARK, (&raw mut is_at_mark).cast()) } {
        0 => is_at_mark,
        failed => failed,
    }
}

/// Before `new` becomes what `fd` is: calls that are under way in what it was go on, as with `close()`.
fn leave(fd: c_int, new: c_int) {
    if fd == new || !TABLE.has(new) || fork::is_borrowing_memory() {
        return;
    }
    // SAFETY: no pointers. What is no descriptor replaces none.
    let is_open = unsafe { real::fcntl(fd, libc::F_GETFD, 0) } >= 0;
    let (true, Found::Ours(socket)) = (is_open, TABLE.find(new)) else { return };
    if socket.is_of_one_descriptor() {
        keep_for_calls(new, &socket);
    } else {
        epoll::forget_descriptor(new, &socket);
    }
}

/// `new` is now what `fd` is, if it is a descriptor. If the table has no room for it, it is closed again: EMFILE.
fn note_copy(fd: c_int, new: c_int) -> c_int {
    if new < 0 || !(is_known(fd) || is_known(new)) || fork::is_borrowing_memory() {
        return new;
    }
    guard(|| {
        // A set that does not fit is the kernel's alone under that descriptor, so it must be so under all.
        if SETS.duplicate(fd, new).is_err() {
            epoll::leave_to_kernel(fd);
        }
        TABLE.duplicate(fd, new).map_err(|_| {
            let _ = real::close_once(new);
            Errno::MFILE
        })?;
        Ok(new)
    })
}

/// F_GETFL.
fn flags(fd: c_int) -> Result<c_int, Errno> {
    let socket = engine::find(fd)?;
    if socket.has_token() {
        // SAFETY: no pointers.
        return Ok(unsafe { real::fcntl(fd, libc::F_GETFL, 0) });
    }
    Ok(libc::O_RDWR | if socket.is_nonblocking() { libc::O_NONBLOCK } else { 0 })
}

/// F_SETFL.
fn set_flags(fd: c_int, flags: c_long) -> Result<c_int, Errno> {
    /// Those that F_SETFL changes, but for O_NONBLOCK, are the kernel's.
    const KERNELS: c_int = libc::O_APPEND | libc::O_DIRECT | libc::O_NOATIME;
    if flags & c_long::from(libc::O_ASYNC) != 0 {
        return Err(Errno::INVAL);
    }
    let socket = engine::find(fd)?;
    if flags & c_long::from(KERNELS) != 0 {
        numbers::share(fd)?;
    }
    if socket.has_token() {
        // SAFETY: no pointers.
        let result = unsafe { real::fcntl(fd, libc::F_SETFL, flags) };
        if result != 0 {
            return Ok(result);
        }
    }
    socket.set_nonblocking(flags & c_long::from(libc::O_NONBLOCK) != 0);
    Ok(0)
}

unsafe fn control(fd: c_int, request: c_ulong, argument: *mut c_void) -> Result<c_int, Errno> {
    let socket = engine::find(fd)?;
    let count = match request {
        FIONREAD | SIOCOUTQ | SIOCOUTQNSD if socket.is_listening() => return Err(Errno::INVAL),
        FIONREAD => socket.available(),
        SIOCOUTQ => socket.unacknowledged(),
        SIOCOUTQNSD => socket.unsent().map_err(errno::of)?,
        SIOCATMARK => usize::from(socket.is_at_mark()),
        FIONBIO => {
            // SAFETY: the caller's promise.
            let on = unsafe { raw::read(argument.cast::<c_int>()) }? != 0;
            if socket.has_token() {
                rustix::io::ioctl_fionbio(raw::borrow(fd), on).map_err(Errno::from_kernel)?;
            }
            socket.set_nonblocking(on);
            return Ok(0);
        }
        _ => return Err(Errno::NOTTY),
    };
    let count = c_int::try_from(count).unwrap_or(c_int::MAX);
    // SAFETY: the caller's promise.
    unsafe { raw::write(argument.cast::<c_int>(), count) }?;
    Ok(0)
}
