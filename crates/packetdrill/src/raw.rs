//! The C interface: each function is a panic guard, a conversion, and one safe call.
#![allow(unsafe_code)]

use crate::drive::Shared;
use crate::flags::Flags;
use crate::report::Reports;
use crate::settings::{SettingsFile, VARIABLE};
use crate::transfer::Received;
use crate::world::World;
use libc::{c_char, c_int, c_long, c_longlong, c_uint, c_ulong, c_void, iovec, msghdr, nfds_t, pollfd};
use libc::{sockaddr, socklen_t, ssize_t, timeval};
use sockeye_posix::Errno;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

/// `struct packetdrill_interface`: what the tool calls, in its order.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Interface {
    pub userdata: *mut c_void,
    pub free: unsafe extern "C" fn(*mut c_void),
    pub socket: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int) -> c_int,
    pub bind: unsafe extern "C" fn(*mut c_void, c_int, *const sockaddr, socklen_t) -> c_int,
    pub listen: unsafe extern "C" fn(*mut c_void, c_int, c_int) -> c_int,
    pub accept: unsafe extern "C" fn(*mut c_void, c_int, *mut sockaddr, *mut socklen_t) -> c_int,
    pub connect: unsafe extern "C" fn(*mut c_void, c_int, *const sockaddr, socklen_t) -> c_int,
    pub read: unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize) -> ssize_t,
    pub readv: unsafe extern "C" fn(*mut c_void, c_int, *const iovec, c_int) -> ssize_t,
    pub recv: unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize, c_int) -> ssize_t,
    pub recvfrom: unsafe extern "C" fn(
        *mut c_void,
        c_int,
        *mut c_void,
        usize,
        c_int,
        *mut sockaddr,
        *mut socklen_t,
    ) -> ssize_t,
    pub recvmsg: unsafe extern "C" fn(*mut c_void, c_int, *mut msghdr, c_int) -> ssize_t,
    pub write: unsafe extern "C" fn(*mut c_void, c_int, *const c_void, usize) -> ssize_t,
    pub writev: unsafe extern "C" fn(*mut c_void, c_int, *const iovec, c_int) -> ssize_t,
    pub send: unsafe extern "C" fn(*mut c_void, c_int, *const c_void, usize, c_int) -> ssize_t,
    pub sendto: unsafe extern "C" fn(
        *mut c_void,
        c_int,
        *const c_void,
        usize,
        c_int,
        *const sockaddr,
        socklen_t,
    ) -> ssize_t,
    pub sendmsg: unsafe extern "C" fn(*mut c_void, c_int, *const msghdr, c_int) -> ssize_t,
    /// Variadic in C: what comes in registers is the same.
    pub fcntl: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_long) -> c_int,
    /// Variadic in C.
    pub ioctl: unsafe extern "C" fn(*mut c_void, c_int, c_ulong, *mut c_int) -> c_int,
    pub close: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    pub shutdown: unsafe extern "C" fn(*mut c_void, c_int, c_int) -> c_int,
    pub getsockopt:
        unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int,
    pub setsockopt: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *const c_void, socklen_t) -> c_int,
    pub poll: unsafe extern "C" fn(*mut c_void, *mut pollfd, nfds_t, c_int) -> c_int,
    pub netdev_send: unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> c_int,
    pub netdev_receive: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut usize, *mut c_longlong) -> c_int,
    pub usleep: unsafe extern "C" fn(*mut c_void, c_uint) -> c_int,
    pub gettimeofday: unsafe extern "C" fn(*mut c_void, *mut timeval, *mut c_void) -> c_int,
    pub epoll_create: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    pub epoll_ctl: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *mut libc::epoll_event) -> c_int,
    pub epoll_wait: unsafe extern "C" fn(*mut c_void, c_int, *mut libc::epoll_event, c_int, c_int) -> c_int,
    pub pipe: unsafe extern "C" fn(*mut c_void, *mut c_int) -> c_int,
    pub splice: unsafe extern "C" fn(*mut c_void, c_int, *mut i64, c_int, *mut i64, usize, c_uint) -> ssize_t,
}

/// What the tool calls once: makes the host and fills in `interface`.
///
/// # Safety
/// `flags` is NULL or a string; `interface` points to a `struct packetdrill_interface`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn packetdrill_interface_init(flags: *const c_char, interface: *mut Interface) {
    let made = catch_unwind(|| {
        let flags = match flags.is_null() {
            true => String::new(),
            // SAFETY: the caller's promise.
            false => unsafe { CStr::from_ptr(flags) }.to_string_lossy().into_owned(),
        };
        let flags = Flags::parse(&flags);
        let path: Option<PathBuf> = std::env::var_os(VARIABLE).map(Into::into);
        let settings = SettingsFile::new(path.clone(), flags.is_verbose);
        World::new(&flags, settings, Reports::new(path))
    });
    let world = match made {
        Ok(Ok(world)) => world,
        Ok(Err(_)) | Err(_) => std::process::abort(),
    };
    // The tool has locked all memory, and rings are mostly reserved.
    // SAFETY: no pointers.
    unsafe { libc::munlockall() };
    let shared = Box::into_raw(Box::new(Shared::new(world)));
    CURRENT.store(shared, Ordering::Release);
    let userdata = shared.cast();
    // SAFETY: the caller's promise.
    unsafe { interface.write(table(userdata)) };
}

fn table(userdata: *mut c_void) -> Interface {
    Interface {
        userdata,
        free,
        socket,
        bind,
        listen,
        accept,
        connect,
        read,
        readv,
        recv,
        recvfrom,
        recvmsg,
        write,
        writev,
        send,
        sendto,
        sendmsg,
        fcntl,
        ioctl,
        close,
        shutdown,
        getsockopt,
        setsockopt,
        poll,
        netdev_send,
        netdev_receive,
        usleep,
        gettimeofday,
        epoll_create,
        epoll_ctl,
        epoll_wait,
        pipe,
        splice,
    }
}

/// Runs a call: the value, or -1 with errno set. A panic is our mistake, and EIO.
fn guard<T: From<i8>>(userdata: *mut c_void, call: impl FnOnce(&Shared) -> Result<T, Errno>) -> T {
    // SAFETY: every function gets the userdata that was filled in, until `free`.
    let shared = unsafe { &*userdata.cast::<Shared>() };
    let errno = match catch_unwind(AssertUnwindSafe(|| call(shared))) {
        Ok(Ok(value)) => return value,
        Ok(Err(errno)) => errno,
        Err(_) => Errno::IO,
    };
    // SAFETY: there is one for each thread.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: it is writable as long as the thread lives.
    unsafe { *place = errno.number() };
    T::from(-1)
}

/// The caller's bytes.
fn bytes<'a>(at: *const c_void, len: usize) -> Result<&'a [u8], Errno> {
    if len == 0 {
        return Ok(&[]);
    }
    if at.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the tool's buffers are as long as it says.
    Ok(unsafe { slice::from_raw_parts(at.cast(), len) })
}

/// The caller's room.
fn room<'a>(at: *mut c_void, len: usize) -> Result<&'a mut [u8], Errno> {
    if len == 0 {
        return Ok(&mut []);
    }
    if at.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the tool's buffers are as long as it says.
    Ok(unsafe { slice::from_raw_parts_mut(at.cast(), len) })
}

fn vectors<'a>(at: *const iovec, count: usize) -> Result<&'a [iovec], Errno> {
    if count == 0 {
        return Ok(&[]);
    }
    if at.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the tool's vectors are as many as it says.
    Ok(unsafe { slice::from_raw_parts(at, count) })
}

fn gather(vectors: &[iovec]) -> Result<Vec<u8>, Errno> {
    let mut all = Vec::new();
    for vector in vectors {
        all.extend_from_slice(bytes(vector.iov_base, vector.iov_len)?);
    }
    Ok(all)
}

fn scatter(vectors: &[iovec], mut from: &[u8]) -> Result<(), Errno> {
    for vector in vectors {
        let count = from.len().min(vector.iov_len);
        room(vector.iov_base, count)?.copy_from_slice(&from[..count]);
        from = &from[count..];
    }
    Ok(())
}

fn length(vectors: &[iovec]) -> usize {
    vectors.iter().map(|vector| vector.iov_len).sum()
}

/// Whether the kernel has the descriptor, and we do not.
fn is_foreign(shared: &Shared, fd: c_int) -> bool {
    !shared.lock().table.has(fd)
}

fn receive(shared: &Shared, fd: c_int, vectors: &[iovec], flags: c_int) -> Result<Received, Errno> {
    // As Linux: what cannot be given stays.
    let is_bad = vectors.iter().any(|vector| vector.iov_base.is_null() && vector.iov_len > 0);
    let flags = if is_bad { flags | libc::MSG_PEEK } else { flags };
    let received = shared.recv(fd, length(vectors), flags)?;
    scatter(vectors, &received.bytes)?;
    Ok(received)
}

fn send_bytes(shared: &Shared, fd: c_int, bytes: &[u8], flags: c_int) -> Result<usize, Errno> {
    shared.send(fd, bytes, flags)
}

fn one(at: *const c_void, len: usize) -> iovec {
    iovec { iov_base: at.cast_mut(), iov_len: len }
}

unsafe extern "C" fn free(userdata: *mut c_void) {
    if userdata.is_null() {
        return;
    }
    CURRENT.store(ptr::null_mut(), Ordering::Release);
    // SAFETY: it was made by `packetdrill_interface_init`, and this is the last call.
    let shared = unsafe { Box::from_raw(userdata.cast::<Shared>()) };
    let _ = catch_unwind(AssertUnwindSafe(move || shared.lock().table.leave()));
}

unsafe extern "C" fn socket(userdata: *mut c_void, domain: c_int, kind: c_int, _: c_int) -> c_int {
    guard(userdata, |shared| shared.call(|world| world.make_socket(domain, kind)))
}

unsafe extern "C" fn bind(userdata: *mut c_void, fd: c_int, at: *const sockaddr, len: socklen_t) -> c_int {
    guard(userdata, |shared| {
        let address = bytes(at.cast(), len as usize)?;
        shared.call(|world| world.bind(fd, address)).map(|()| 0)
    })
}

unsafe extern "C" fn listen(userdata: *mut c_void, fd: c_int, backlog: c_int) -> c_int {
    guard(userdata, |shared| shared.call(|world| world.listen(fd, backlog)).map(|()| 0))
}

unsafe extern "C" fn accept(
    userdata: *mut c_void,
    fd: c_int,
    at: *mut sockaddr,
    len: *mut socklen_t,
) -> c_int {
    guard(userdata, |shared| {
        let (fd, address) = shared.accept(fd)?;
        give_address(at, len, address.as_bytes())?;
        Ok(fd)
    })
}

fn give_address(at: *mut sockaddr, len: *mut socklen_t, address: &[u8]) -> Result<(), Errno> {
    if at.is_null() || len.is_null() {
        return Ok(());
    }
    // SAFETY: it is not NULL.
    let given = unsafe { len.read() } as usize;
    let count = given.min(address.len());
    room(at.cast(), count)?.copy_from_slice(&address[..count]);
    // SAFETY: it is not NULL.
    unsafe { len.write(address.len() as socklen_t) };
    Ok(())
}

unsafe extern "C" fn connect(userdata: *mut c_void, fd: c_int, at: *const sockaddr, len: socklen_t) -> c_int {
    guard(userdata, |shared| shared.connect(fd, bytes(at.cast(), len as usize)?).map(|()| 0))
}

unsafe extern "C" fn read(userdata: *mut c_void, fd: c_int, at: *mut c_void, len: usize) -> ssize_t {
    guard(userdata, |shared| {
        if is_foreign(shared, fd) {
            let count = rustix::io::read(borrow(fd), room(at, len)?).map_err(Errno::from_kernel)?;
            return Ok(count.cast_signed());
        }
        Ok(receive(shared, fd, &[one(at, len)], 0)?.count.cast_signed())
    })
}

unsafe extern "C" fn readv(userdata: *mut c_void, fd: c_int, at: *const iovec, count: c_int) -> ssize_t {
    guard(userdata, |shared| {
        let vectors = vectors(at, usize::try_from(count).map_err(|_| Errno::INVAL)?)?;
        Ok(receive(shared, fd, vectors, 0)?.count.cast_signed())
    })
}

unsafe extern "C" fn recv(
    userdata: *mut c_void,
    fd: c_int,
    at: *mut c_void,
    len: usize,
    flags: c_int,
) -> ssize_t {
    guard(userdata, |shared| Ok(receive(shared, fd, &[one(at, len)], flags)?.count.cast_signed()))
}

unsafe extern "C" fn recvfrom(
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

unsafe extern "C" fn recvmsg(
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

unsafe extern "C" fn write(userdata: *mut c_void, fd: c_int, at: *const c_void, len: usize) -> ssize_t {
    guard(userdata, |shared| {
        if is_foreign(shared, fd) {
            let count = rustix::io::write(borrow(fd), bytes(at, len)?).map_err(Errno::from_kernel)?;
            return Ok(count.cast_signed());
        }
        Ok(send_bytes(shared, fd, bytes(at, len)?, 0)?.cast_signed())
    })
}

unsafe extern "C" fn writev(userdata: *mut c_void, fd: c_int, at: *const iovec, count: c_int) -> ssize_t {
    guard(userdata, |shared| {
        let all = gather(vectors(at, usize::try_from(count).map_err(|_| Errno::INVAL)?)?)?;
        Ok(send_bytes(shared, fd, &all, 0)?.cast_signed())
    })
}

unsafe extern "C" fn send(
    userdata: *mut c_void,
    fd: c_int,
    at: *const c_void,
    len: usize,
    flags: c_int,
) -> ssize_t {
    guard(userdata, |shared| Ok(send_bytes(shared, fd, bytes(at, len)?, flags)?.cast_signed()))
}

unsafe extern "C" fn sendto(
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

unsafe extern "C" fn sendmsg(
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

unsafe extern "C" fn fcntl(userdata: *mut c_void, fd: c_int, command: c_int, argument: c_long) -> c_int {
    guard(userdata, |shared| shared.call(|world| world.fcntl(fd, command, argument as c_int)))
}

unsafe extern "C" fn ioctl(userdata: *mut c_void, fd: c_int, request: c_ulong, at: *mut c_int) -> c_int {
    guard(userdata, |shared| {
        // SAFETY: the tool gives a number, if it gives anything that is read.
        let argument = (request == libc::FIONBIO && !at.is_null()).then(|| unsafe { at.read() });
        let number = shared.call(|world| world.ioctl(fd, request, argument))?;
        if let Some(number) = number {
            room(at.cast(), 4)?.copy_from_slice(&number.to_ne_bytes());
        }
        Ok(0)
    })
}

unsafe extern "C" fn close(userdata: *mut c_void, fd: c_int) -> c_int {
    guard(userdata, |shared| {
        if is_foreign(shared, fd) {
            // SAFETY: the tool closes what it opened.
            return if unsafe { libc::close(fd) } == 0 { Ok(0) } else { Err(Errno::last()) };
        }
        shared.call(|world| world.close(fd)).map(|()| 0)
    })
}

unsafe extern "C" fn shutdown(userdata: *mut c_void, fd: c_int, how: c_int) -> c_int {
    guard(userdata, |shared| shared.call(|world| world.shutdown(fd, how)).map(|()| 0))
}

unsafe extern "C" fn getsockopt(
    userdata: *mut c_void,
    fd: c_int,
    level: c_int,
    name: c_int,
    at: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    guard(userdata, |shared| {
        // SAFETY: the tool's number.
        let given = unsafe { len.as_mut() }.ok_or(Errno::FAULT)?;
        if given.cast_signed() < 0 {
            return Err(Errno::INVAL);
        }
        let room_for = *given as usize;
        let value = shared.call(|world| world.read_option(fd, level, name, room_for))?;
        let count = (*given as usize).min(value.len());
        room(at, count)?.copy_from_slice(&value[..count]);
        *given = count as socklen_t;
        Ok(0)
    })
}

unsafe extern "C" fn setsockopt(
    userdata: *mut c_void,
    fd: c_int,
    level: c_int,
    name: c_int,
    at: *const c_void,
    len: socklen_t,
) -> c_int {
    guard(userdata, |shared| {
        if len.cast_signed() < 0 {
            return Err(Errno::INVAL);
        }
        let value = bytes(at, len as usize)?;
        shared.call(|world| world.set_option(fd, level, name, value)).map(|()| 0)
    })
}

unsafe extern "C" fn poll(userdata: *mut c_void, at: *mut pollfd, count: nfds_t, millis: c_int) -> c_int {
    guard(userdata, |shared| {
        if at.is_null() && count > 0 {
            return Err(Errno::FAULT);
        }
        let entries = match count {
            0 => &mut [][..],
            // SAFETY: the tool's entries are as many as it says.
            count => unsafe { slice::from_raw_parts_mut(at, count as usize) },
        };
        let wanted: Vec<(c_int, i16)> = entries.iter().map(|entry| (entry.fd, entry.events)).collect();
        let (count, events) = shared.poll(&wanted, millis)?;
        for (entry, events) in entries.iter_mut().zip(events) {
            entry.revents = events;
        }
        Ok(c_int::try_from(count).unwrap_or(c_int::MAX))
    })
}

unsafe extern "C" fn netdev_send(userdata: *mut c_void, at: *const c_void, len: usize) -> c_int {
    guard(userdata, |shared| {
        shared.packet_arrives(bytes(at, len)?.to_vec());
        Ok(0)
    })
}

unsafe extern "C" fn netdev_receive(
    userdata: *mut c_void,
    at: *mut c_void,
    len: *mut usize,
    micros: *mut c_longlong,
) -> c_int {
    guard(userdata, |shared| {
        // SAFETY: the tool's number.
        let len = unsafe { len.as_mut() }.ok_or(Errno::FAULT)?;
        // SAFETY: the tool's number.
        let micros = unsafe { micros.as_mut() }.ok_or(Errno::FAULT)?;
        // Nothing will come: an empty packet ends the wait, for the tool tries a failed call for ever.
        let Some((sent, packet)) = shared.next_packet() else {
            *len = 0;
            return Ok(0);
        };
        let count = packet.len().min(*len);
        room(at, count)?.copy_from_slice(&packet[..count]);
        *len = count;
        *micros = sent.as_micros().cast_signed();
        Ok(0)
    })
}

unsafe extern "C" fn usleep(userdata: *mut c_void, micros: c_uint) -> c_int {
    guard(userdata, |shared| {
        shared.sleep(Duration::from_micros(u64::from(micros)));
        Ok(0)
    })
}

unsafe extern "C" fn gettimeofday(userdata: *mut c_void, at: *mut timeval, _: *mut c_void) -> c_int {
    guard(userdata, |shared| {
        let micros = shared.look_at_clock().as_micros().cast_signed();
        let time = timeval { tv_sec: micros / 1_000_000, tv_usec: micros % 1_000_000 };
        if at.is_null() {
            return Err(Errno::FAULT);
        }
        // SAFETY: it is not NULL.
        unsafe { at.write(time) };
        Ok(0)
    })
}

unsafe extern "C" fn epoll_create(userdata: *mut c_void, size: c_int) -> c_int {
    guard(userdata, |shared| {
        if size <= 0 {
            return Err(Errno::INVAL);
        }
        shared.call(|world| world.table.add_epoll())
    })
}

unsafe extern "C" fn epoll_ctl(
    userdata: *mut c_void,
    epoll: c_int,
    op: c_int,
    fd: c_int,
    event: *mut libc::epoll_event,
) -> c_int {
    guard(userdata, |shared| {
        // SAFETY: NULL or the tool's event.
        let event = unsafe { event.as_ref() }.map(|event| (event.events, event.u64));
        shared.call(|world| world.epoll_ctl(epoll, op, fd, event)).map(|()| 0)
    })
}

unsafe extern "C" fn epoll_wait(
    userdata: *mut c_void,
    epoll: c_int,
    events: *mut libc::epoll_event,
    count: c_int,
    millis: c_int,
) -> c_int {
    guard(userdata, |shared| {
        let ready = shared.epoll_wait(epoll, count, millis)?;
        for (index, &(bits, data)) in ready.iter().enumerate() {
            // SAFETY: there are `count` of them, and not more are ready.
            let at = unsafe { events.add(index) };
            // SAFETY: as above.
            unsafe { at.write_unaligned(libc::epoll_event { events: bits, u64: data }) };
        }
        Ok(c_int::try_from(ready.len()).unwrap_or(c_int::MAX))
    })
}

unsafe extern "C" fn pipe(userdata: *mut c_void, at: *mut c_int) -> c_int {
    guard(userdata, |_| {
        // SAFETY: the tool's two numbers.
        if unsafe { libc::pipe(at) } == 0 { Ok(0) } else { Err(Errno::last()) }
    })
}

unsafe extern "C" fn splice(
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
            return Ok(send_bytes(shared, to, &buffer[..count], dont_wait)?.cast_signed());
        }
        if shared.call(|world| world.is_at_urgent(from))? {
            return Ok(0);
        }
        let received = shared.recv(from, len.min(65_536), dont_wait)?;
        let count = rustix::io::write(borrow(to), &received.bytes).map_err(Errno::from_kernel)?;
        Ok(count.cast_signed())
    })
}

/// A descriptor of the tool's.
fn borrow<'a>(fd: c_int) -> std::os::fd::BorrowedFd<'a> {
    // SAFETY: -1 alone is not allowed; the tool has opened what it names.
    unsafe { std::os::fd::BorrowedFd::borrow_raw(fd.max(0)) }
}

/// For the calls that the tool makes past its interface.
static CURRENT: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());

/// The userdata, if the descriptor is one of ours.
fn current(fd: c_int) -> Option<*mut c_void> {
    let at = CURRENT.load(Ordering::Acquire);
    // SAFETY: NULL, or filled in until `free`.
    let shared = unsafe { at.as_ref() }?;
    (!is_foreign(shared, fd)).then_some(at.cast())
}

/// The tool reads TCP_INFO for the code in scripts with the C library's `getsockopt()`; preloaded, this comes first.
///
/// # Safety
/// As `getsockopt()`.
#[unsafe(export_name = "getsockopt")]
pub unsafe extern "C" fn interposed_getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    at: *mut c_void,
    len: *mut socklen_t,
) -> c_int {
    match current(fd) {
        // SAFETY: the caller's arguments as they came.
        Some(userdata) => unsafe { getsockopt(userdata, fd, level, name, at, len) },
        // SAFETY: the caller's arguments as they came.
        None => unsafe { libc::syscall(libc::SYS_getsockopt, fd, level, name, at, len) as c_int },
    }
}

/// The tool has no `sendfile()` in its interface; preloaded, this comes first.
///
/// # Safety
/// As `sendfile()`.
#[unsafe(export_name = "sendfile")]
pub unsafe extern "C" fn interposed_sendfile(
    to: c_int,
    from: c_int,
    offset: *mut libc::off_t,
    count: usize,
) -> ssize_t {
    let Some(userdata) = current(to) else {
        // SAFETY: the caller's arguments as they came.
        return unsafe { libc::syscall(libc::SYS_sendfile, to, from, offset, count) as ssize_t };
    };
    guard(userdata, |shared| {
        // SAFETY: NULL or the caller's number.
        let offset = unsafe { offset.as_mut() };
        let mut buffer = vec![0; count.min(1 << 20)];
        let at = offset.as_ref().map_or(0, |offset| offset.cast_unsigned());
        let read = rustix::io::pread(borrow(from), &mut buffer[..], at).map_err(Errno::from_kernel)?;
        let sent = send_bytes(shared, to, &buffer[..read], 0)?;
        if let Some(offset) = offset {
            *offset += sent.cast_signed() as libc::off_t;
        }
        Ok(sent.cast_signed())
    })
}

/// The tool runs a script's commands with `system()`, and they are written for a shell that is bash; preloaded, this comes first.
///
/// # Safety
/// As `system()`.
#[unsafe(export_name = "system")]
pub unsafe extern "C" fn interposed_system(command: *const c_char) -> c_int {
    if command.is_null() {
        return 1;
    }
    // SAFETY: the caller's string.
    let command = OsStr::from_bytes(unsafe { CStr::from_ptr(command) }.to_bytes());
    let run = |shell: &str| Command::new(shell).arg("-c").arg(command).status();
    run("bash").or_else(|_| run("sh")).map_or(-1, |status| status.into_raw())
}
