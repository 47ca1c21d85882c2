//! `bind connect getsockname getpeername`: calls with an address.

use crate::engine::{self, TABLE};
use crate::errno::{self, Errno, guard};
use crate::{raw, real};
use libc::{c_int, sockaddr, socklen_t};
use sockeye_host::{Call, Socket};
use sockeye_posix::address::{self, Structure, Use};
use sockeye_stack::Family;
use std::net::SocketAddr;

/// As `bind()`.
///
/// # Safety
/// `address` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_bind(
    fd: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::bind(fd, address, length) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        // SAFETY: the caller's promise.
        let address = unsafe { address_of(address, length, socket.family(), Use::Bind) }?;
        socket.bind(address).map_err(errno::of)?;
        Ok(0)
    })
}

/// As `connect()`. `AF_UNSPEC`, which would dissolve a connection, is EAFNOSUPPORT.
///
/// # Safety
/// `address` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_connect(
    fd: c_int,
    address: *const sockaddr,
    length: socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::connect(fd, address, length) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        // SAFETY: the caller's promise.
        let address = unsafe { address_of(address, length, socket.family(), Use::Connect) }?;
        socket
            .connect(Call { token: engine::token(fd), ..Call::default() }, address)
            .map_err(errno::of_call)?;
        Ok(0)
    })
}

/// As `getsockname()`.
///
/// # Safety
/// `address` points to `*length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_getsockname(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::getsockname(fd, address, length) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        let local = socket.local_address().map_err(errno::of)?;
        // SAFETY: the caller's promise.
        unsafe { give_address(address, length, local, &socket) }?;
        Ok(0)
    })
}

/// As `getpeername()`.
///
/// # Safety
/// `address` points to `*length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_getpeername(
    fd: c_int,
    address: *mut sockaddr,
    length: *mut socklen_t,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::getpeername(fd, address, length) };
    }
    guard(|| {
        let socket = engine::find(fd)?;
        let peer = socket.peer_address().map_err(errno::of)?;
        // SAFETY: the caller's promise.
        unsafe { give_address(address, length, peer, &socket) }?;
        Ok(0)
    })
}

unsafe fn address_of(
    address: *const sockaddr,
    length: socklen_t,
    family: Family,
    usage: Use,
) -> Result<SocketAddr, Errno> {
    if address.is_null() && length > 0 {
        return Err(Errno::FAULT);
    }
    // SAFETY: the caller's promise.
    address::parse(unsafe { bytes_of(address, length) }?, family, usage)
}

/// The bytes of an address; none where there is no address.
///
/// # Safety
/// `address` is NULL or points to `length` bytes.
pub unsafe fn bytes_of<'a>(address: *const sockaddr, length: socklen_t) -> Result<&'a [u8], Errno> {
    if address.is_null() {
        return Ok(&[]);
    }
    if length as usize > address::MAX_LENGTH {
        return Err(Errno::INVAL);
    }
    // SAFETY: the caller's promise.
    unsafe { raw::bytes(address.cast(), length as usize) }
}

/// Where MSG_FASTOPEN shall connect to.
///
/// # Errors
/// EOPNOTSUPP for AF_UNSPEC, as on Linux; what `connect()` says of other addresses.
pub fn to_open(name: &[u8], family: Family) -> Result<Option<SocketAddr>, Errno> {
    match name {
        [] => Ok(None),
        name if address::is_unspecified_family(name) => Err(Errno::OPNOTSUPP),
        name => address::parse(name, family, Use::Connect).map(Some),
    }
}

/// Gives an address back with the length it has, even if there was room only for a part.
///
/// # Safety
/// `place` points to `*length` bytes.
pub unsafe fn give_address(
    place: *mut sockaddr,
    length: *mut socklen_t,
    address: SocketAddr,
    socket: &Socket,
) -> Result<(), Errno> {
    let structure = Structure::new(address, socket.family());
    let bytes = structure.as_bytes();
    // SAFETY: the caller's promise.
    unsafe { raw::give(place.cast(), length, bytes, bytes.len()) }
}
