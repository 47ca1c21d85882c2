//! Calls that make, name, set and end sockets.

use super::memory::{bytes, guard, room};
use crate::drive::Shared;
use libc::{c_int, c_long, c_ulong, c_void, sockaddr, socklen_t};
use sockeye_posix::Errno;

/// Whether the kernel has the descriptor, and we do not.
pub(super) fn is_foreign(shared: &Shared, fd: c_int) -> bool {
    !shared.lock().table.has(fd)
}

pub(super) unsafe extern "C" fn socket(userdata: *mut c_void, domain: c_int, kind: c_int, _: c_int) -> c_int {
    guard(userdata, |shared| shared.call(|world| world.make_socket(domain, kind)))
}

pub(super) unsafe extern "C" fn bind(
    userdata: *mut c_void,
    fd: c_int,
    at: *const sockaddr,
    len: socklen_t,
) -> c_int {
    guard(userdata, |shared| {
        let address = bytes(at.cast(), len as usize)?;
        shared.call(|world| world.bind(fd, address)).map(|()| 0)
    })
}

pub(super) unsafe extern "C" fn listen(userdata: *mut c_void, fd: c_int, backlog: c_int) -> c_int {
    guard(userdata, |shared| shared.call(|world| world.listen(fd, backlog)).map(|()| 0))
}

pub(super) unsafe extern "C" fn accept(
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

pub(super) fn give_address(at: *mut sockaddr, len: *mut socklen_t, address: &[u8]) -> Result<(), Errno> {
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

pub(super) unsafe extern "C" fn connect(
    userdata: *mut c_void,
    fd: c_int,
    at: *const sockaddr,
    len: socklen_t,
) -> c_int {
    guard(userdata, |shared| shared.connect(fd, bytes(at.cast(), len as usize)?).map(|()| 0))
}

pub(super) unsafe extern "C" fn fcntl(
    userdata: *mut c_void,
    fd: c_int,
    command: c_int,
    argument: c_long,
) -> c_int {
    guard(userdata, |shared| shared.call(|world| world.fcntl(fd, command, argument as c_int)))
}

pub(super) unsafe extern "C" fn ioctl(
    userdata: *mut c_void,
    fd: c_int,
    request: c_ulong,
    at: *mut c_int,
) -> c_int {
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

pub(super) unsafe extern "C" fn close(userdata: *mut c_void, fd: c_int) -> c_int {
    guard(userdata, |shared| {
        if is_foreign(shared, fd) {
            // SAFETY: the tool closes what it opened.
            return if unsafe { libc::close(fd) } == 0 { Ok(0) } else { Err(Errno::last()) };
        }
        shared.call(|world| world.close(fd)).map(|()| 0)
    })
}

pub(super) unsafe extern "C" fn shutdown(userdata: *mut c_void, fd: c_int, how: c_int) -> c_int {
    guard(userdata, |shared| shared.call(|world| world.shutdown(fd, how)).map(|()| 0))
}

pub(super) unsafe extern "C" fn getsockopt(
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

pub(super) unsafe extern "C" fn setsockopt(
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
