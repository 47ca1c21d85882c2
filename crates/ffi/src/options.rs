//! `getsockopt setsockopt`.
//!
//! docs/options.md says which options there are. Any other is ENOPROTOOPT. Lengths are Linux's: too short to set is EINVAL, too short to
//! read gets a part.

use crate::engine::{self, TABLE};
use crate::errno::{self, Errno, guard};
use crate::{raw, real};
use libc::{c_int, c_void, socklen_t};
use sockeye_host::Socket;
use sockeye_posix::address::Structure;
use sockeye_posix::control::Wanted;
use sockeye_posix::kept::Kept;
use sockeye_posix::options::{self, Privilege};
use sockeye_stack::{Family, OptionName, SocketOption};

/// `SO_RCVTIMEO_NEW` and `SO_SNDTIMEO_NEW`: the same as the old ones where `time_t` has 64 bits.
const SO_RCVTIMEO_NEW: c_int = 66;
const SO_SNDTIMEO_NEW: c_int = 67;

/// As `getsockopt()`. See docs/options.md.
///
/// # Safety
/// `value` points to `*length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_getsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *mut c_void,
    length: *mut socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::getsockopt(fd, level, name, value, length) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        // SAFETY: the caller's promise. SO_ERROR is told once, so the room is looked at before.
        let room = unsafe { raw::room(length) }?;
        let bytes = read(&socket, level, name, room)?;
        let count = room.min(bytes.len());
        // SAFETY: the caller's promise.
        unsafe { raw::give(value, length, &bytes[..count], count) }?;
        Ok(0)
    })
}

/// As `setsockopt()`. See docs/options.md. As on Linux the buffer size in force is twice the one asked for.
///
/// # Safety
/// `value` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    length: socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::setsockopt(fd, level, name, value, length) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        // As Linux, to which the length is an `int`.
        let length = usize::try_from(length.cast_signed()).map_err(|_| Errno::INVAL)?;
        // SAFETY: the caller's promise.
        let bytes = unsafe { raw::bytes(value, length) }?;
        set(&socket, level, name, bytes)?;
        Ok(0)
    })
}

fn read(socket: &Socket, level: c_int, name: c_int, room: usize) -> Result<Vec<u8>, Errno> {
    if let Some(option) = options::name(level, name, socket.family()) {
        return socket.option(option).map(|option| options::encode(option, room)).map_err(errno::of);
    }
    match (level, name) {
        (libc::IPPROTO_TCP, libc::TCP_INFO) => {
            return Ok(socket.tcp_info().map_err(errno::of)?.to_bytes().to_vec());
        }
        (libc::IPPROTO_IPV6, _) if socket.family() == Family::V4 => {}
        (libc::IPPROTO_IP, libc::IP_MTU) | (libc::IPPROTO_IPV6, libc::IPV6_MTU) => {
            let info = socket.tcp_info().map_err(errno::of)?;
            // Without a connection there is no path.
            return if info.pmtu == 0 { Err(Errno::NOTCONN) } else { Ok(info.pmtu.to_ne_bytes().to_vec()) };
        }
        _ => {}
    }
    if is_time(level, name) {
        let is_on = Wanted(socket.wanted_times()).has(name);
        return Ok(c_int::from(is_on).to_ne_bytes().to_vec());
    }
    if let Some(kept) = Kept::find(level, name, socket.family()) {
        return Ok(kept.read(socket.kept(), room));
    }
    if let Some(bytes) = options::constant(level, name, socket.family(), room) {
        return Ok(bytes);
    }
    if level != libc::SOL_SOCKET {
        return Err(options::unreadable(level, name, socket.family()));
    }
    let number = match name {
        libc::SO_ERROR => socket.take_any_error().map_or(0, |error| errno::of(error).number()),
        libc::SO_DOMAIN => match socket.family() {
            Family::V4 => libc::AF_INET,
            Family::V6 => libc::AF_INET6,
        },
        libc::SO_ACCEPTCONN => c_int::from(socket.is_listening()),
        libc::SO_PEEK_OFF => {
            socket.peek_offset().map_or(-1, |offset| c_int::try_from(offset).unwrap_or(c_int::MAX))
        }
        libc::SO_RCVLOWAT => c_int::try_from(socket.recv_low_water()).unwrap_or(c_int::MAX),
        libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW => return Ok(options::encode_time(socket.recv_timeout())),
        libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW => return Ok(options::encode_time(socket.send_timeout())),
        libc::SO_PEERNAME => {
            let peer = socket.peer_address().map_err(errno::of)?;
            return Ok(Structure::new(peer, socket.family()).as_bytes().to_vec());
        }
        libc::SO_COOKIE if room < 8 => return Err(Errno::INVAL),
        libc::SO_COOKIE => return Ok(socket.cookie().to_ne_bytes().to_vec()),
        _ => return Err(options::unreadable(level, name, socket.family())),
    };
    Ok(number.to_ne_bytes().to_vec())
}

fn set(socket: &Socket, level: c_int, name: c_int, bytes: &[u8]) -> Result<(), Errno> {
    if let Some(option) = options::name(level, name, socket.family()) {
        // As Linux: what is malformed is so before it is forbidden.
        let value = options::decode(option, bytes)?;
        let is_kept_for_root = matches!(option, OptionName::Priority | OptionName::Mark);
        if let Some(errno) = is_kept_for_root.then(|| refusal(level, name, bytes)).flatten() {
            return Err(errno);
        }
        return set_in_engine(socket, value);
    }
    if is_time(level, name) {
        let is_on = options::number(bytes)? != 0;
        socket.set_wanted_times(Wanted(socket.wanted_times()).with(name, is_on).0);
        return Ok(());
    }
    if let Some(kept) = Kept::find(level, name, socket.family()) {
        socket.set_kept(kept.set(socket.kept(), bytes, privilege())?);
        return Ok(());
    }
    match (level, name) {
        (libc::SOL_SOCKET, libc::SO_SNDBUFFORCE | libc::SO_RCVBUFFORCE) => {
            return force_size(socket, name, options::number(bytes)?);
        }
        (libc::SOL_SOCKET, libc::SO_PEEK_OFF) => {
            socket.set_peek_offset(u32::try_from(options::number(bytes)?).ok());
        }
        (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => {
            // Linux: negative means all, 0 means 1.
            let bytes = u32::try_from(options::number(bytes)?).unwrap_or(c_int::MAX.unsigned_abs());
            socket.set_recv_low_water(bytes.max(1));
        }
        (libc::SOL_SOCKET, libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW) => {
            socket.set_recv_timeout(options::decode_time(bytes)?);
        }
        (libc::SOL_SOCKET, libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW) => {
            socket.set_send_timeout(options::decode_time(bytes)?);
        }
        (_, _) => return refusal(level, name, bytes).map_or(Ok(()), Err),
    }
    Ok(())
}

/// Sets an option that the engine keeps.
fn set_in_engine(socket: &Socket, value: SocketOption) -> Result<(), Errno> {
    socket.set_option(value).map_err(errno::of)?;
    if let SocketOption::Timestamping(flags) = value {
        socket.set_wanted_times(Wanted(socket.wanted_times()).with_flags(flags).0);
    }
    Ok(())
}

/// SO_SNDBUFFORCE and SO_RCVBUFFORCE. Rings have room for what wmem_max and rmem_max allow, and no more, whoever asks.
fn force_size(socket: &Socket, name: c_int, size: c_int) -> Result<(), Errno> {
    if privilege() == Privilege::None {
        return Err(Errno::PERM);
    }
    let size = size.max(0).cast_unsigned();
    set_in_engine(
        socket,
        match name {
            libc::SO_SNDBUFFORCE => SocketOption::SendBuffer(size),
            _ => SocketOption::ReceiveBuffer(size),
        },
    )
}

/// SO_TIMESTAMP, SO_TIMESTAMPNS, and the new ones of both.
fn is_time(level: c_int, name: c_int) -> bool {
    level == libc::SOL_SOCKET && matches!(name, libc::SO_TIMESTAMP | libc::SO_TIMESTAMPNS | 63 | 64)
}

fn refusal(level: c_int, name: c_int, bytes: &[u8]) -> Option<Errno> {
    options::refusal(level, name, bytes, privilege())
}

fn privilege() -> Privilege {
    if rustix::process::geteuid().is_root() { Privilege::Root } else { Privilege::None }
}
