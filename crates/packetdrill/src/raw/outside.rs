//! What is not a program's: packets, and time.

use super::memory::{bytes, guard, room};
use libc::{c_int, c_longlong, c_uint, c_void, timeval};
use sockeye_posix::Errno;
use std::time::Duration;

pub(super) unsafe extern "C" fn netdev_send(userdata: *mut c_void, at: *const c_void, len: usize) -> c_int {
    guard(userdata, |shared| {
        shared.packet_arrives(bytes(at, len)?.to_vec());
        Ok(0)
    })
}

pub(super) unsafe extern "C" fn netdev_receive(
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

pub(super) unsafe extern "C" fn usleep(userdata: *mut c_void, micros: c_uint) -> c_int {
    guard(userdata, |shared| {
        shared.sleep(Duration::from_micros(u64::from(micros)));
        Ok(0)
    })
}

pub(super) unsafe extern "C" fn gettimeofday(
    userdata: *mut c_void,
    at: *mut timeval,
    _: *mut c_void,
) -> c_int {
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
