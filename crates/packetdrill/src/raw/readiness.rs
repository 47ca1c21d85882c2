//! Calls that wait for many sockets.

use super::memory::guard;
use libc::{c_int, c_void, nfds_t, pollfd};
use sockeye_posix::Errno;
use std::slice;

pub(super) unsafe extern "C" fn poll(
    userdata: *mut c_void,
    at: *mut pollfd,
    count: nfds_t,
    millis: c_int,
) -> c_int {
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

pub(super) unsafe extern "C" fn epoll_create(userdata: *mut c_void, size: c_int) -> c_int {
    guard(userdata, |shared| {
        if size <= 0 {
            return Err(Errno::INVAL);
        }
        shared.call(|world| world.table.add_epoll())
    })
}

pub(super) unsafe extern "C" fn epoll_ctl(
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

pub(super) unsafe extern "C" fn epoll_wait(
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
