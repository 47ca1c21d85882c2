//! `sendmsg recvmsg sendmmsg recvmmsg`: messages; and tokens that arrive in messages of kernel sockets.

use crate::engine::{self, TABLE};
use crate::epoll;
use crate::errno::{Errno, guard};
use crate::io::{self, Told};
use crate::{names, numbers, raw, real};
use libc::{c_int, c_uint, mmsghdr, msghdr, socklen_t, ssize_t, timespec};
use sockeye_clock::{Instant, monotonic};
use sockeye_posix::address::Structure;
use sockeye_posix::control;
use std::time::Duration;

/// As `sendmsg()`. Ancillary data are EINVAL: a stream of this kind carries none.
///
/// # Safety
/// `message` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's promise.
        unsafe { prepare_rights(message) };
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::sendmsg(fd, message, flags) };
    }
    // SAFETY: the caller's promise.
    guard(|| unsafe { send(fd, message, flags) })
}

/// As `recvmsg()`. Sockeye sockets that arrive as SCM_RIGHTS over a kernel socket are Sockeye sockets here too.
///
/// # Safety
/// `message` is valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t {
    if TABLE.has(fd) {
        // SAFETY: the caller's promise.
        return guard(|| unsafe { recv(fd, message, flags) });
    }
    // SAFETY: the caller's arguments as they came.
    let count = unsafe { real::recvmsg(fd, message, flags) };
    if count >= 0 {
        // SAFETY: the kernel has just filled it.
        unsafe { note_rights(message) };
    }
    count
}

/// What goes to another process is the kernel's to judge, and to hold.
unsafe fn prepare_rights(message: *const msghdr) {
    // SAFETY: valid, if it is not NULL.
    if unsafe { message.as_ref() }.is_some_and(|message| !message.msg_control.is_null()) {
        // SAFETY: the caller's promise: its control messages are as the kernel wants them.
        for fd in unsafe { raw::rights(message) } {
            epoll::leave_to_kernel(fd);
            // What cannot be shared arrives as a descriptor of no use.
            let _ = numbers::share(fd);
        }
    }
}

/// As `sendmmsg()`.
///
/// # Safety
/// `messages` points to `count` valid messages.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_sendmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { send_foreign(fd, messages, count, flags) };
    }
    guard(|| {
        // SAFETY: the caller's promise.
        let messages = unsafe { raw::elements(messages, (count as usize).min(raw::MOST_BUFFERS)) }?;
        each(messages, |header| {
            // SAFETY: the caller's promise.
            unsafe { send(fd, header, flags) }.map(Some)
        })
    })
}

/// `sendmmsg()` of another descriptor.
unsafe fn send_foreign(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int {
    // SAFETY: the caller's promise.
    let headers = unsafe { raw::elements(messages, (count as usize).min(raw::MOST_BUFFERS)) };
    for message in headers.unwrap_or_default() {
        // SAFETY: the caller's promise.
        unsafe { prepare_rights(&raw const message.msg_hdr) };
    }
    // SAFETY: the caller's arguments as they came.
    unsafe { real::sendmmsg(fd, messages, count, flags) }
}

/// As `recvmmsg()`. As on Linux the timeout is looked at after each message only.
///
/// # Safety
/// `messages` points to `count` valid messages, `timeout` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_recvmmsg(
    fd: c_int,
    messages: *mut mmsghdr,
    count: c_uint,
    flags: c_int,
    timeout: *mut timespec,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        let received = unsafe { real::recvmmsg(fd, messages, count, flags, timeout) };
        if received > 0 {
            // SAFETY: the kernel has just filled that many.
            unsafe { note_all_rights(messages, received.unsigned_abs() as usize) };
        }
        return received;
    }
    guard(|| {
        // SAFETY: the caller's promise.
        let messages = unsafe { raw::elements(messages, (count as usize).min(raw::MOST_BUFFERS)) }?;
        // SAFETY: the caller's promise.
        let deadline = unsafe { deadline(timeout) }?;
        let mut flags_now = flags & !libc::MSG_WAITFORONE;
        each(messages, |header| {
            // SAFETY: the caller's promise.
            let count = unsafe { recv(fd, header, flags_now) }?;
            if flags & libc::MSG_WAITFORONE != 0 {
                flags_now |= libc::MSG_DONTWAIT;
            }
            let is_over = count == 0 || deadline.is_some_and(|deadline| monotonic() >= deadline);
            Ok((!is_over).then_some(count))
        })
    })
}

/// Runs a call for each message, until one fails or says `None`; an error counts only if it is the first's.
fn each(
    messages: &mut [mmsghdr],
    mut call: impl FnMut(*mut msghdr) -> Result<Option<ssize_t>, Errno>,
) -> Result<c_int, Errno> {
    let mut done = 0;
    for message in messages {
        match call(&raw mut message.msg_hdr) {
            Ok(Some(count)) => message.msg_len = c_uint::try_from(count).unwrap_or(c_uint::MAX),
            Ok(None) => return Ok(done + 1),
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => return Ok(done),
        }
        done += 1;
    }
    Ok(done)
}

unsafe fn deadline(timeout: *const timespec) -> Result<Option<Instant>, Errno> {
    if timeout.is_null() {
        return Ok(None);
    }
    // SAFETY: the caller's promise.
    let timeout = unsafe { raw::read(timeout) }?;
    let seconds = u64::try_from(timeout.tv_sec).map_err(|_| Errno::INVAL)?;
    let nanos =
        u32::try_from(timeout.tv_nsec).ok().filter(|&nanos| nanos < 1_000_000_000).ok_or(Errno::INVAL)?;
    Ok(Some(monotonic() + Duration::new(seconds, nanos)))
}

unsafe fn send(fd: c_int, message: *const msghdr, flags: c_int) -> Result<ssize_t, Errno> {
    // SAFETY: the caller's promise.
    let header = unsafe { raw::read(message) }?;
    if header.msg_controllen != 0 {
        return Err(Errno::INVAL);
    }
    // SAFETY: the caller's promise.
    let buffers = unsafe { raw::gather(header.msg_iov, header.msg_iovlen, Errno::MSGSIZE) }?;
    // SAFETY: the caller's promise.
    let name = unsafe { names::bytes_of(header.msg_name.cast_const().cast(), header.msg_namelen) }?;
    io::send_to(fd, &buffers, flags, name)
}

unsafe fn recv(fd: c_int, message: *mut msghdr, flags: c_int) -> Result<ssize_t, Errno> {
    // SAFETY: the caller's promise.
    let mut header = unsafe { raw::read(message) }?;
    if flags & libc::MSG_ERRQUEUE != 0 {
        // SAFETY: the caller's promise.
        return unsafe { recv_report(fd, message, header) };
    }
    // SAFETY: the caller's promise.
    let mut buffers = unsafe { raw::scatter(header.msg_iov, header.msg_iovlen, Errno::MSGSIZE) }?;
    let count = io::recv(fd, &mut buffers, flags)?;
    header.msg_namelen = 0;
    header.msg_flags = flags & libc::MSG_CMSG_CLOEXEC;
    let control = io::control(fd, flags, count.unsigned_abs())?;
    // The bytes are read: that there is no place for more is no reason to lose them.
    let room = if header.msg_control.is_null() { 0 } else { header.msg_controllen };
    let (told, is_all) = control::fitting(&control, room);
    header.msg_controllen = told;
    if !is_all {
        header.msg_flags |= libc::MSG_CTRUNC;
    }
    // SAFETY: the caller's promise: as many bytes as `msg_controllen` said are there.
    let place = unsafe { raw::bytes_mut(header.msg_control, header.msg_controllen) }?;
    place.copy_from_slice(&control[..place.len()]);
    // SAFETY: the caller's promise.
    unsafe { raw::write(message, header) }?;
    Ok(count)
}

/// The oldest report of the error queue: control messages, and no bytes.
unsafe fn recv_report(fd: c_int, message: *mut msghdr, mut header: msghdr) -> Result<ssize_t, Errno> {
    // SAFETY: the caller's promise.
    let room = unsafe { raw::bytes_mut(header.msg_control, header.msg_controllen) }?;
    let name_room = match header.msg_name.is_null() {
        true => &mut [],
        // SAFETY: the caller's promise.
        false => unsafe { raw::bytes_mut(header.msg_name, header.msg_namelen as usize) }?,
    };
    let Told { control, flags, name } = io::take_report(fd)?;
    let name = name.as_ref().map_or(&[][..], Structure::as_bytes);
    let told = name_room.len().min(name.len());
    name_room[..told].copy_from_slice(&name[..told]);
    let count = room.len().min(control.len());
    room[..count].copy_from_slice(&control[..count]);
    header.msg_namelen =
        if header.msg_name.is_null() { 0 } else { socklen_t::try_from(name.len()).unwrap_or(0) };
    header.msg_controllen = count;
    header.msg_flags = flags | if count < control.len() { libc::MSG_CTRUNC } else { 0 };
    // SAFETY: the caller's promise.
    unsafe { raw::write(message, header) }?;
    Ok(0)
}

unsafe fn note_all_rights(messages: *mut mmsghdr, count: usize) {
    // SAFETY: the caller's promise.
    let Ok(messages) = (unsafe { raw::elements(messages, count) }) else { return };
    for message in messages {
        // SAFETY: the caller's promise.
        unsafe { note_rights(&message.msg_hdr) };
    }
}

/// Finds the tokens among the descriptors that a message brought.
unsafe fn note_rights(message: *const msghdr) {
    // SAFETY: the caller's promise.
    for fd in unsafe { raw::rights(message) } {
        engine::note_if_token(fd);
    }
}
