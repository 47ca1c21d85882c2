//! Calls that move bytes.

use super::memory::{borrow, bytes, gather, guard, length, room, scatter, vectors};
use super::sockets::is_foreign;
use crate::drive::Shared;
use crate::transfer::Received;
use libc::{c_int, c_uint, c_void, iovec, msghdr, sockaddr, socklen_t, ssize_t};
use sockeye_posix::Errno;

pub(super) fn receive(
    shared: &Shared,
    fd: c_int,
    vectors: &[iovec],
    flags: c_int,
) -> Result<Received, Errno> {
    // As Linux: what cannot be given stays.
    let is_bad = vectors.iter().any(|vector| vector.iov_base.is_null() && vector.iov_len > 0);
    let flags = if is_bad { flags | libc::MSG_PEEK } else { flags };
    let received = shared.recv(fd, length(vectors), flags)?;
    scatter(vectors, &received.bytes)?;
    Ok(received)
}

pub(super) fn one(at: *const c_void, len: usize) -> iovec {
    iovec { iov_base: at.cast_mut(), iov_len: len }
}

pub(super) unsafe extern "C" fn read(
    userdata: *mut c_void,
    fd: c_int,
    at: *mut c_void,
    len: usize,
) -> ssize_t {
    guard(userdata, |shared| {
        if is_foreign(shared, fd) {
            let count = rustix::io::read(borrow(fd), room(at, len)?).map_err(Errno::from_kernel)?;
            return Ok(count.cast_signed());
        }
        Ok(receive(shared, fd, &[one(at, len)], 0)?.count.cast_signed())
    })
}

pub(super) unsafe extern "C" fn readv(
    userdata: *mut c_void,
    fd: c_int,
    at: *const iovec,
    count: c_int,
) -> ssize_t {
    guard(userdata, |shared| {
        let vectors = vectors(at, usize::try_from(count).map_err(|_| Errno::INVAL)?)?;
        Ok(receive(shared, fd, vectors, 0)?.count.cast_signed())
    })
}

pub(super) unsafe extern "C" fn recv(
    userdata: *mut c_void,
    fd: c_int,
    at: *mut c_void,
    len: usize,
    flags: c_int,
) -> ssize_t {
    guard(userdata, |shared| Ok(receive(shared, fd, &[one(at, len)], flags)?.count.cast_signed()))
}

pub(super) unsafe extern "C" fn recvfrom(
    userdata: *mut c_void,
    fd: c_int,
    at: *mut c_void,
    len: usize,
    flags: c_int,
    _: *mut sockaddr,
    _: *mut socklen_t,
) -> ssize_t {
    guard(userdata, |shared| Ok(receive(shared, fd, &[one(at, len)], flags)?.count.cast_signed()))
}

pub(super) unsafe extern "C" fn recvmsg(
    userdata: *mut c_void,
    fd: c_int,
    message: *mut msghdr,
    flags: c_int,
) -> ssize_t {
    guard(userdata, |shared| {
        // SAFETY: the tool's message.
        let message = unsafe { message.as_mut() }.ok_or(Errno::FAULT)?;
        let received = receive(shared, fd, vectors(message.msg_iov, message.msg_iovlen)?, flags)?;
        let count = received.control.len().min(message.msg_controllen);
        if count > 0 {
            room(message.msg_control, count)?.copy_from_slice(&received.control[..count]);
        }
        message.msg_controllen = count;
        message.msg_flags = received.flags;
        Ok(received.count.cast_signed())
    })
}

pub(super) unsafe extern "C" fn write(
    userdata: *mut c_void,
    fd: c_int,
    at: *const c_void,
    len: usize,
) -> ssize_t {
    guard(userdata, |shared| {
        if is_foreign(shared, fd) {
            let count = rustix::io::write(borrow(fd), bytes(at, len)?).map_err(Errno::from_kernel)?;
            return Ok(count.cast_signed());
        }
        Ok(shared.send(fd, bytes(at, len)?, 0)?.cast_signed())
    })
}

pub(super) unsafe extern "C" fn writev(
    userdata: *mut c_void,
    fd: c_int,
    at: *const iovec,
    count: c_int,
) -> ssize_t {
    guard(userdata, |shared| {
        let all = gather(vectors(at, usize::try_from(count).map_err(|_| Errno::INVAL)?)?)?;
        Ok(shared.send(fd, &all, 0)?.cast_signed())
    })
}

pub(super) unsafe extern "C" fn send(
    userdata: *mut c_void,
    fd: c_int,
    at: *const c_void,
    len: usize,
    flags: c_int,
) -> ssize_t {
    guard(userdata, |shared| Ok(shared.send(fd, bytes(at, len)?, flags)?.cast_signed()))
}

pub(super) unsafe extern "C" fn sendto(
    userdata: *mut c_void,
    fd: c_int,
    at: *const c_void,
    len: usize,
    flags: c_int,
    name: *const sockaddr,
    name_len: socklen_t,
) -> ssize_t {
    guard(userdata, |shared| {
        let name = if name.is_null() { None } else { Some(bytes(name.cast(), name_len as usize)?) };
        Ok(shared.send_to(fd, bytes(at, len)?, flags, name)?.cast_signed())
    })
}

pub(super) unsafe extern "C" fn sendmsg(
    userdata: *mut c_void,
    fd: c_int,
    message: *const msghdr,
    flags: c_int,
) -> ssize_t {
    guard(userdata, |shared| {
        // SAFETY: the tool's message.
        let message = unsafe { message.as_ref() }.ok_or(Errno::FAULT)?;
        let all = gather(vectors(message.msg_iov, message.msg_iovlen)?)?;
        let (name, name_len) = (message.msg_name, message.msg_namelen as usize);
        let name = if name.is_null() { None } else { Some(bytes(name, name_len)?) };
        Ok(shared.send_to(fd, &all, flags, name)?.cast_signed())
    })
}

pub(super) unsafe extern "C" fn pipe(userdata: *mut c_void, at: *mut c_int) -> c_int {
    guard(userdata, |_| {
        // SAFETY: the tool's two numbers.
        if unsafe { libc::pipe(at) } == 0 { Ok(0) } else { Err(Errno::last()) }
    })
}

pub(super) unsafe extern "C" fn splice(
    userdata: *mut c_void,
    from: c_int,
    _: *mut i64,
    to: c_int,
    _: *mut i64,
    len: usize,
    flags: c_uint,
) -> ssize_t {
    guard(userdata, |shared| {
        let dont_wait = if flags & libc::SPLICE_F_NONBLOCK == 0 { 0 } else { libc::MSG_DONTWAIT };
        if is_foreign(shared, from) {
            let mut buffer = vec![0; len.min(65_536)];
            let count = rustix::io::read(borrow(from), &mut buffer[..]).map_err(Errno::from_kernel)?;
            return Ok(shared.send(to, &buffer[..count], dont_wait)?.cast_signed());
        }
        if shared.call(|world| world.is_at_urgent(from))? {
            return Ok(0);
        }
        let received = shared.recv(from, len.min(65_536), dont_wait)?;
        let count = rustix::io::write(borrow(to), &received.bytes).map_err(Errno::from_kernel)?;
        Ok(count.cast_signed())
    })
}
