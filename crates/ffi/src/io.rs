//! `read write readv writev recv send recvfrom sendto`: bytes.
//!
//! | flag | receiving | sending |
//! |---|---|---|
//! | `MSG_DONTWAIT` | honoured | honoured |
//! | `MSG_NOSIGNAL` | no effect, as on Linux | honoured |
//! | `MSG_PEEK`, `MSG_WAITALL`, `MSG_TRUNC` | honoured; `MSG_TRUNC` discards, as on Linux | EOPNOTSUPP |
//! | `MSG_MORE`, `MSG_EOR` | EOPNOTSUPP | honoured |
//! | `MSG_CONFIRM` | EOPNOTSUPP | no effect, as on Linux for streams |
//! | `MSG_OOB` | the urgent byte, unless SO_OOBINLINE is on | the last byte is urgent |
//! | `MSG_ERRQUEUE` | the oldest report; without the packet that it is about | EOPNOTSUPP |
//! | `MSG_ZEROCOPY` | EOPNOTSUPP | with SO_ZEROCOPY, the error queue tells when the bytes are acknowledged; they are copied |
//! | `MSG_FASTOPEN` | EOPNOTSUPP | opens the connection, with text in the SYN if the server's cookie is known (RFC 7413) |
//! | any other | EOPNOTSUPP | EOPNOTSUPP |

use crate::engine::{self, TABLE};
use crate::errno::{self, Errno, guard};
use crate::table::Guard;
use crate::{names, raw, real};
use libc::{c_int, c_void, iovec, size_t, sockaddr, socklen_t, ssize_t};
use sockeye_clock::time_of_day_at;
use sockeye_host::{Call, CallError, FileError, PipeEnd, Socket};
use sockeye_posix::address::Structure;
use sockeye_posix::control::{self, Wanted};
use sockeye_posix::report;
use sockeye_stack::Error;
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;

const RECV_FLAGS: c_int = libc::MSG_PEEK
    | libc::MSG_DONTWAIT
    | libc::MSG_WAITALL
    | libc::MSG_TRUNC
    | libc::MSG_NOSIGNAL
    | libc::MSG_ERRQUEUE
    | libc::MSG_CMSG_CLOEXEC;
const SEND_FLAGS: c_int = libc::MSG_DONTWAIT
    | libc::MSG_NOSIGNAL
    | libc::MSG_MORE
    | libc::MSG_EOR
    | libc::MSG_OOB
    | libc::MSG_CONFIRM
    | libc::MSG_ZEROCOPY
    | libc::MSG_FASTOPEN;
/// Bytes discarded at a time for MSG_TRUNC.
const DISCARD: usize = 16 * 1024;

/// As `read()`.
///
/// # Safety
/// `buffer` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_read(fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::read(fd, buffer, length) };
    }
    // SAFETY: the caller's promise.
    guard(|| unsafe { recv_one(fd, buffer, length, 0) })
}

/// As `write()`.
///
/// # Safety
/// `buffer` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::write(fd, buffer, length) };
    }
    // SAFETY: the caller's promise.
    guard(|| unsafe { send_one(fd, buffer, length, 0) })
}

/// As `recv()`. See the table of flags above.
///
/// # Safety
/// `buffer` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_recv(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::recv(fd, buffer, length, flags) };
    }
    // SAFETY: the caller's promise.
    guard(|| unsafe { recv_one(fd, buffer, length, flags) })
}

/// As `send()`. After a reset or a shutdown for writing: EPIPE, and SIGPIPE unless MSG_NOSIGNAL is given.
///
/// # Safety
/// `buffer` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_send(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::send(fd, buffer, length, flags) };
    }
    // SAFETY: the caller's promise.
    guard(|| unsafe { send_one(fd, buffer, length, flags) })
}

/// As `recvfrom()`: a stream has no address to tell, and `*address_length` becomes 0.
///
/// # Safety
/// `buffer` points to `length` bytes; `address_length` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_recvfrom(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    flags: c_int,
    address: *mut sockaddr,
    address_length: *mut socklen_t,
) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::recvfrom(fd, buffer, length, flags, address, address_length) };
    }
    guard(|| {
        if !address.is_null() {
            // SAFETY: the caller's promise.
            unsafe { raw::room(address_length) }?;
        }
        // SAFETY: the caller's promise.
        let count = unsafe { recv_one(fd, buffer, length, flags) }?;
        if !address.is_null() {
            // SAFETY: the caller's promise.
            unsafe { raw::write(address_length, 0) }?;
        }
        Ok(count)
    })
}

/// As `sendto()`: the address is ignored on a stream, as Linux does, unless MSG_FASTOPEN asks for a connection to it.
///
/// # Safety
/// `buffer` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_sendto(
    fd: c_int,
    buffer: *const c_void,
    length: size_t,
    flags: c_int,
    address: *const sockaddr,
    address_length: socklen_t,
) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::sendto(fd, buffer, length, flags, address, address_length) };
    }
    guard(|| {
        // SAFETY: the caller's promise.
        let name = unsafe { names::bytes_of(address, address_length) }?;
        // SAFETY: the caller's promise.
        let buffer = unsafe { raw::bytes(buffer, length) }?;
        send_to(fd, &[IoSlice::new(buffer)], flags, name)
    })
}

/// As `readv()`.
///
/// # Safety
/// `vector` points to `count` valid buffers.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_readv(fd: c_int, vector: *const iovec, count: c_int) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::readv(fd, vector, count) };
    }
    guard(|| {
        let count = usize::try_from(count).map_err(|_| Errno::INVAL)?;
        // SAFETY: the caller's promise.
        let mut buffers = unsafe { raw::scatter(vector, count, Errno::INVAL) }?;
        recv(fd, &mut buffers, 0)
    })
}

/// As `writev()`.
///
/// # Safety
/// `vector` points to `count` valid buffers.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_writev(fd: c_int, vector: *const iovec, count: c_int) -> ssize_t {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::writev(fd, vector, count) };
    }
    guard(|| {
        let count = usize::try_from(count).map_err(|_| Errno::INVAL)?;
        // SAFETY: the caller's promise.
        let buffers = unsafe { raw::gather(vector, count, Errno::INVAL) }?;
        send(fd, &buffers, 0)
    })
}

/// The fortified `read()` of `_FORTIFY_SOURCE`.
///
/// # Safety
/// `buffer` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_read_chk(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    room: size_t,
) -> ssize_t {
    check_room(length, room);
    // SAFETY: the caller's promise.
    unsafe { sockeye_read(fd, buffer, length) }
}

/// The fortified `recv()`.
///
/// # Safety
/// `buffer` points to `length` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_recv_chk(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    room: size_t,
    flags: c_int,
) -> ssize_t {
    check_room(length, room);
    // SAFETY: the caller's promise.
    unsafe { sockeye_recv(fd, buffer, length, flags) }
}

/// The fortified `recvfrom()`.
///
/// # Safety
/// As [`sockeye_recvfrom`].
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "the C library's signature")]
pub unsafe extern "C-unwind" fn sockeye_recvfrom_chk(
    fd: c_int,
    buffer: *mut c_void,
    length: size_t,
    room: size_t,
    flags: c_int,
    address: *mut sockaddr,
    address_length: *mut socklen_t,
) -> ssize_t {
    check_room(length, room);
    // SAFETY: the caller's promise.
    unsafe { sockeye_recvfrom(fd, buffer, length, flags, address, address_length) }
}

/// What the C library does when a fortified call would overflow its buffer: it ends the program.
pub fn check_room(length: size_t, room: size_t) {
    if length > room {
        let _ = rustix::io::write(raw::borrow(2), b"*** buffer overflow detected ***: terminated\n");
        std::process::abort();
    }
}

unsafe fn recv_one(fd: c_int, buffer: *mut c_void, length: size_t, flags: c_int) -> Result<ssize_t, Errno> {
    if flags & libc::MSG_ERRQUEUE != 0 {
        return take_report(fd).map(|_| 0);
    }
    if flags & libc::MSG_OOB != 0 {
        // SAFETY: the caller's promise.
        let buffer = unsafe { raw::bytes_mut(buffer, length) }?;
        return recv_urgent(fd, &mut [IoSliceMut::new(buffer)], flags);
    }
    if flags & libc::MSG_TRUNC != 0 {
        // Nothing is written, so the buffer may be NULL.
        let (socket, call) = receiver(fd, flags)?;
        let count = discard(&socket, call, length.min(raw::MOST_BYTES));
        return Ok(count.map_err(errno::of_transfer)?.cast_signed());
    }
    // SAFETY: the caller's promise.
    let buffer = unsafe { raw::bytes_mut(buffer, length) }?;
    recv(fd, &mut [IoSliceMut::new(buffer)], flags)
}

unsafe fn send_one(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int) -> Result<ssize_t, Errno> {
    // SAFETY: the caller's promise.
    let buffer = unsafe { raw::bytes(buffer, length) }?;
    send(fd, &[IoSlice::new(buffer)], flags)
}

/// Receives into buffers.
///
/// # Errors
/// As Linux, and as the table of flags says.
pub fn recv(fd: c_int, buffers: &mut [IoSliceMut<'_>], flags: c_int) -> Result<ssize_t, Errno> {
    if flags & libc::MSG_ERRQUEUE != 0 {
        return take_report(fd).map(|_| 0);
    }
    if flags & libc::MSG_OOB != 0 {
        return recv_urgent(fd, buffers, flags);
    }
    let (socket, call) = receiver(fd, flags)?;
    let count = if flags & libc::MSG_TRUNC != 0 {
        discard(&socket, call, buffers.iter().map(|buffer| buffer.len()).sum())
    } else {
        socket.recv(call, buffers)
    };
    Ok(count.map_err(errno::of_transfer)?.cast_signed())
}

/// MSG_OOB: the urgent byte, as Linux without waiting for it. With no room for it, it is taken all the same.
fn recv_urgent(fd: c_int, buffers: &mut [IoSliceMut<'_>], flags: c_int) -> Result<ssize_t, Errno> {
    let socket = engine::find(fd)?;
    let call = Call { token: engine::token(fd), peek: flags & libc::MSG_PEEK != 0, ..Call::default() };
    let Some(byte) = socket.recv_urgent(call).map_err(errno::of)? else {
        return Ok(0);
    };
    match buffers.iter_mut().find(|buffer| !buffer.is_empty()) {
        Some(buffer) => {
            buffer[0] = byte;
            Ok(1)
        }
        None => Ok(0),
    }
}

/// A report of the error queue, as the parts of a message.
#[derive(Debug)]
pub struct Told {
    /// Control messages.
    pub control: Vec<u8>,
    /// Of the message.
    pub flags: c_int,
    /// Where what it is about was on its way to.
    pub name: Option<Structure>,
}

/// The oldest report of the error queue.
///
/// # Errors
/// EAGAIN if there is none.
pub fn take_report(fd: c_int) -> Result<Told, Errno> {
    let socket = engine::find(fd)?;
    let report = socket.take_report().map_err(errno::of)?;
    let (control, flags) = report::encode(report, socket.family(), time_of_day_at);
    Ok(Told { control, flags, name: report::name(report, socket.family()) })
}

/// What `recvmsg()` tells beside `count` bytes: when they arrived, if SO_TIMESTAMP or its kin is on, and what is left, if TCP_INQ is.
///
/// # Errors
/// EBADF.
pub fn control(fd: c_int, flags: c_int, count: usize) -> Result<Vec<u8>, Errno> {
    let socket = engine::find(fd)?;
    let wanted = Wanted(socket.wanted_times());
    let mut control = Vec::new();
    if wanted != Wanted::default() && count > 0 {
        let arrival = socket.arrival(flags & libc::MSG_PEEK != 0, count);
        control = wanted.messages(time_of_day_at(arrival).as_nanos());
    }
    if let Some((bytes, is_over)) = socket.left_to_read() {
        control.extend(control::left_to_read(bytes, is_over));
    }
    Ok(control)
}

/// The socket, and how to call it with these flags.
fn receiver(fd: c_int, flags: c_int) -> Result<(Guard<Socket>, Call<'static>), Errno> {
    let socket = engine::find(fd)?;
    if flags & !RECV_FLAGS != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    let call = Call {
        token: engine::token(fd),
        dont_wait: flags & libc::MSG_DONTWAIT != 0,
        peek: flags & libc::MSG_PEEK != 0,
        wait_all: flags & libc::MSG_WAITALL != 0,
        ..Call::default()
    };
    Ok((socket, call))
}

/// Sends from buffers. Where SIGPIPE is due it is raised for this thread, as Linux does.
///
/// # Errors
/// As Linux, and as the table of flags says.
pub fn send(fd: c_int, buffers: &[IoSlice<'_>], flags: c_int) -> Result<ssize_t, Errno> {
    send_to(fd, buffers, flags, &[])
}

/// As [`send`], with an address for MSG_FASTOPEN; empty for none.
///
/// # Errors
/// As [`send`].
pub fn send_to(fd: c_int, buffers: &[IoSlice<'_>], flags: c_int, name: &[u8]) -> Result<ssize_t, Errno> {
    let socket = engine::find(fd)?;
    if flags & !SEND_FLAGS != 0 {
        return Err(Errno::OPNOTSUPP);
    }
    let call = Call {
        token: engine::token(fd),
        dont_wait: flags & libc::MSG_DONTWAIT != 0,
        more: flags & libc::MSG_MORE != 0,
        end_of_record: flags & libc::MSG_EOR != 0,
        urgent: flags & libc::MSG_OOB != 0,
        zero_copy: flags & libc::MSG_ZEROCOPY != 0,
        ..Call::default()
    };
    let sent = match flags & libc::MSG_FASTOPEN {
        0 => socket.send(call, buffers),
        _ => socket.send_fast_open(call, buffers, names::to_open(name, socket.family())?),
    };
    match sent {
        Ok(count) => Ok(count.cast_signed()),
        Err(error) => Err(not_sent(socket, error, flags)),
    }
}

/// Sends a part of a file, without passing it through memory of the program's.
///
/// # Errors
/// As [`send`]; what the system says of the file.
pub fn send_file(fd: c_int, file: BorrowedFd<'_>, start: u64, count: usize) -> Result<usize, Errno> {
    let socket = engine::find(fd)?;
    let call = Call { token: engine::token(fd), ..Call::default() };
    socket.send_file(call, file, start, count).map_err(|error| match error {
        FileError::Call(error) => not_sent(socket, error, 0),
        // As of whatever cannot be mapped.
        FileError::File(rustix::io::Errno::ISDIR) => Errno::INVAL,
        FileError::File(error) => Errno::from_kernel(error),
    })
}

/// Sends what a pipe holds, without passing it through memory of the program's.
///
/// # Errors
/// As [`send`]; what the system says of the pipe.
pub fn send_from_pipe(fd: c_int, pipe: PipeEnd<'_>, count: usize, flags: c_int) -> Result<usize, Errno> {
    let socket = engine::find(fd)?;
    let call = Call { token: engine::token(fd), more: flags & libc::MSG_MORE != 0, ..Call::default() };
    socket.send_from_pipe(call, pipe, count).map_err(|error| match error {
        FileError::Call(error) => not_sent(socket, error, flags),
        FileError::File(error) => Errno::from_kernel(error),
    })
}

/// Moves what there is to read into a pipe. Where nobody reads that, SIGPIPE is raised for this thread, as Linux does.
///
/// # Errors
/// As [`recv`]; what the system says of the pipe.
pub fn recv_to_pipe(fd: c_int, pipe: PipeEnd<'_>, count: usize) -> Result<usize, Errno> {
    let socket = engine::find(fd)?;
    let call = Call { token: engine::token(fd), ..Call::default() };
    socket.recv_to_pipe(call, pipe, count).map_err(|error| match error {
        FileError::Call(error) => errno::of_transfer(error),
        FileError::File(error) => {
            // As in `not_sent`.
            drop(socket);
            if error == rustix::io::Errno::PIPE {
                raw::raise(libc::SIGPIPE);
            }
            Errno::from_kernel(error)
        }
    })
}

/// The number for what was not sent, after the signal that it may bring.
fn not_sent(socket: Guard<Socket>, error: CallError, flags: c_int) -> Errno {
    // The handler may jump out of the call: nothing must be held.
    drop(socket);
    if error == CallError::Failed(Error::BrokenPipe) && flags & libc::MSG_NOSIGNAL == 0 {
        raw::raise(libc::SIGPIPE);
    }
    errno::of_transfer(error)
}

/// MSG_TRUNC on a stream: what would have been received is thrown away.
fn discard(socket: &Socket, call: Call<'_>, length: usize) -> Result<usize, CallError> {
    let mut scratch = [0; DISCARD];
    if call.peek {
        let mut copy = vec![0; length.min(socket.available().max(DISCARD))];
        return socket.recv(call, &mut [IoSliceMut::new(&mut copy)]);
    }
    let mut total = 0;
    loop {
        let room = (length - total).min(DISCARD);
        let dont_wait = call.dont_wait || (total > 0 && !call.wait_all);
        let count =
            match socket.recv(Call { dont_wait, ..call }, &mut [IoSliceMut::new(&mut scratch[..room])]) {
                Ok(count) => count,
                Err(_) if total > 0 => return Ok(total),
                Err(error) => return Err(error),
            };
        total += count;
        // A short count means that there is no more for now; none, that there never will be.
        if total == length || count < room {
            return Ok(total);
        }
    }
}
