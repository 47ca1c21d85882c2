//! Calls that the tool makes past its interface.

use super::interface::CURRENT;
use super::memory::{borrow, guard};
use super::sockets::{getsockopt, is_foreign};
use libc::{c_char, c_int, c_void, socklen_t, ssize_t};
use sockeye_posix::Errno;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::atomic::Ordering;

/// The userdata, if the descriptor is one of ours.
pub(super) fn current(fd: c_int) -> Option<*mut c_void> {
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
        let sent = shared.send(to, &buffer[..read], 0)?;
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
