//! `socket listen accept shutdown close`: how sockets come and go.

use crate::engine::{self, TABLE};
use crate::epoll::{self, SETS};
use crate::errno::{self, Errno, guard};
use crate::fork;
use crate::table::Guard;
use crate::{names, numbers, processes, raw, real};
use libc::{c_int, c_uint, sockaddr, socklen_t};
use sockeye_host::{Call, Socket, apart_between, is_apart};
use sockeye_stack::{Family, Shutdown};
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd};

const TYPE_MASK: c_int = 0xf;
const KNOWN_FLAGS: c_int = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;

/// As `socket()`. Stream sockets of `AF_INET` and `AF_INET6` are Sockeye's, with protocol 0 or `IPPROTO_TCP`; all others are
/// the kernel's. ENETDOWN, with a line on stderr, if there is no host process and none can be started.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int {
    let Some(family) = our_family(domain, kind, protocol) else {
        // SAFETY: no pointers.
        return unsafe { real::socket(domain, kind, protocol) };
    };
    guard(|| {
        let number = numbers::reserve(kind).map_err(errno::of)?;
        install(engine::socket(family)?, number, kind)
    })
}

/// As `listen()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_listen(fd: c_int, backlog: c_int) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: no pointers.
        return unsafe { real::listen(fd, backlog) };
    }
    guard(|| {
        engine::find(fd)?.listen(backlog).map_err(errno::of)?;
        Ok(0)
    })
}

/// As `accept()`.
///
/// # Safety
/// `address` is NULL or points to `*length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_accept(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::accept(fd, address, length) };
    }
    // SAFETY: the caller's promise.
    guard(|| unsafe { accept(fd, address, length, 0) })
}

/// As `accept4()`. As on Linux, nothing is inherited from the listener's O_NONBLOCK.
///
/// # Safety
/// `address` is NULL or points to `*length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_accept4(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::accept4(fd, address, length, flags) };
    }
    // SAFETY: the caller's promise.
    guard(|| unsafe { accept(fd, address, length, flags) })
}

/// As `shutdown()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_shutdown(fd: c_int, how: c_int) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: no pointers.
        return unsafe { real::shutdown(fd, how) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        let how = match how {
            libc::SHUT_RD => Shutdown::Read,
            libc::SHUT_WR => Shutdown::Write,
            libc::SHUT_RDWR => Shutdown::Both,
            _ => return Err(Errno::INVAL),
        };
        socket.shutdown(how).map_err(errno::of)?;
        Ok(0)
    })
}

/// Whether closing a number concerns the kernel alone.
pub fn is_kernels(fd: c_int) -> bool {
    !(is_apart(fd) || TABLE.has(fd) || SETS.has(fd)) || fork::is_borrowing_memory()
}

/// As `close()`. The connection is closed with the last descriptor of all processes; SO_LINGER is honoured.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_close(fd: c_int) -> c_int {
    if is_kernels(fd) {
        // SAFETY: no pointers.
        return unsafe { real::close(fd) };
    }
    guard(|| {
        if is_apart(fd) {
            // The program has opened nothing there.
            return Err(Errno::BADF);
        }
        let change = numbers::change();
        let left = leave(fd);
        let result = real::close_once(fd);
        drop(change);
        left.into_iter().for_each(close_if_alone);
        Ok(result)
    })
}

/// Takes `fd` out of the table, before the kernel closes it: as soon as that is done, another thread may get its number. Returns the
/// socket if this was its last descriptor here. Calls that are under way in it go on, and it is closed after them.
fn leave(fd: c_int) -> Option<Guard<Socket>> {
    drop(SETS.remove(fd));
    let removed = TABLE.remove(fd)?;
    if !removed.was_last {
        epoll::forget_descriptor(fd, &removed.guard);
        return None;
    }
    keep_for_calls(fd, &removed.guard);
    Some(removed.guard)
}

/// To be called before the last descriptor of a socket goes: no set has it any more, and calls that are under way in it go on.
pub fn keep_for_calls(fd: c_int, socket: &Guard<Socket>) {
    epoll::forget_socket(socket);
    if socket.is_in_use() {
        socket.keep_token(raw::borrow(fd));
    }
}

/// Closes a socket that has no descriptor here any more, unless the last of the calls in it will.
fn close_if_alone(socket: Guard<Socket>) {
    if !socket.is_in_use() {
        socket.close();
    }
}

/// As `close_range()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    let closes = flags & c_int::try_from(libc::CLOSE_RANGE_CLOEXEC).unwrap_or(0) == 0;
    if first > last || !closes || fork::is_borrowing_memory() {
        // SAFETY: no pointers.
        return unsafe { real::close_range(first, last, flags) };
    }
    guard(|| {
        let end = last.saturating_add(1).min(TABLE.end().max(SETS.end()));
        let change = numbers::change();
        let left: Vec<_> = (first..end).filter_map(|fd| leave(fd.cast_signed())).collect();
        let result = close_all_but_apart(first, last, flags);
        drop(change);
        left.into_iter().for_each(close_if_alone);
        Ok(result)
    })
}

/// `close_range()` around the descriptors that the program does not know of.
fn close_all_but_apart(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    let mut from = first;
    for apart in apart_between(first, last) {
        if from < apart {
            // SAFETY: no pointers.
            let result = unsafe { real::close_range(from, apart - 1, flags) };
            if result != 0 {
                return result;
            }
        }
        from = apart + 1;
    }
    if from > last {
        return 0;
    }
    // SAFETY: no pointers.
    unsafe { real::close_range(from, last, flags) }
}

/// As `closefrom()`.
///
/// # Safety
/// None is needed.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_closefrom(first: c_int) {
    // SAFETY: no pointers.
    let _ = unsafe { sockeye_close_range(first.max(0).unsigned_abs(), c_uint::MAX, 0) };
}

fn our_family(domain: c_int, kind: c_int, protocol: c_int) -> Option<Family> {
    let is_stream = kind & TYPE_MASK == libc::SOCK_STREAM && kind & !(TYPE_MASK | KNOWN_FLAGS) == 0;
    if !is_stream || (protocol != 0 && protocol != libc::IPPROTO_TCP) {
        return None;
    }
    match domain {
        libc::AF_INET => Some(Family::V4),
        libc::AF_INET6 => Some(Family::V6),
        _ => None,
    }
}

unsafe fn accept(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
    flags: c_int,
) -> Result<c_int, Errno> {
    if flags & !KNOWN_FLAGS != 0 {
        return Err(Errno::INVAL);
    }
    let listener = engine::find(fd)?;
    if !address.is_null() {
        // A connection must not be lost to a pointer that cannot be used: look before.
        // SAFETY: the caller's promise.
        unsafe { raw::room(length) }?;
    }
    let call = Call { token: engine::token(fd), ..Call::default() };
    let (accepted, number) = listener.accept(call, || numbers::reserve(flags)).map_err(errno::of_call)?;
    if !address.is_null() {
        // SAFETY: the caller's promise.
        unsafe { names::give_address(address, length, accepted.peer, &listener) }?;
    }
    install(accepted.socket, number, flags)
}

/// Gives a new socket its number.
fn install(socket: Socket, number: OwnedFd, flags: c_int) -> Result<c_int, Errno> {
    socket.set_nonblocking(flags & libc::SOCK_NONBLOCK != 0);
    TABLE.insert(number.as_raw_fd(), socket).map_err(|_| Errno::MFILE)?;
    if !processes::ARE_SEEN {
        numbers::share(number.as_raw_fd())?;
    }
    Ok(number.into_raw_fd())
}
