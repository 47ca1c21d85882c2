//! The stream functions that the C library calls back.

use crate::io::{sockeye_read, sockeye_write};
use crate::lifecycle::sockeye_close;
use libc::{FILE, c_char, c_int, c_void, off64_t, size_t, ssize_t};

#[repr(C)]
struct CookieFunctions {
    read: Option<unsafe extern "C-unwind" fn(*mut c_void, *mut c_char, size_t) -> ssize_t>,
    write: Option<unsafe extern "C-unwind" fn(*mut c_void, *const c_char, size_t) -> ssize_t>,
    seek: Option<unsafe extern "C-unwind" fn(*mut c_void, *mut off64_t, c_int) -> c_int>,
    close: Option<unsafe extern "C-unwind" fn(*mut c_void) -> c_int>,
}

unsafe extern "C" {
    fn fopencookie(cookie: *mut c_void, mode: *const c_char, functions: CookieFunctions) -> *mut FILE;
    static mut stdin: *mut FILE;
    static mut stdout: *mut FILE;
    static mut stderr: *mut FILE;
}

/// A stream over the descriptor at `place`.
///
/// # Safety
/// `mode` is a C string.
pub unsafe fn open(place: usize, mode: *const c_char) -> *mut FILE {
    let functions = CookieFunctions { read: Some(read), write: Some(write), seek: None, close: Some(close) };
    // SAFETY: the cookie is a number that only the functions below look at; the rest is the caller's promise.
    unsafe { fopencookie(std::ptr::without_provenance_mut(place), mode, functions) }
}

/// Puts a stream over the socket `fd` in the place of a standard stream. The program has not started yet.
pub fn replace_standard_stream(fd: c_int) {
    let mode = if fd == 0 { c"r" } else { c"w" };
    // SAFETY: a C string.
    let stream = unsafe { super::open(fd, mode.as_ptr()) };
    if stream.is_null() {
        return;
    }
    match fd {
        // SAFETY: no other thread runs yet, and the C library lets the variable be set.
        0 => unsafe { stdin = stream },
        // SAFETY: as above.
        1 => unsafe { stdout = stream },
        _ => {
            // SAFETY: the stream was just opened.
            let _ = unsafe { libc::setvbuf(stream, std::ptr::null_mut(), libc::_IONBF, 0) };
            // SAFETY: as above.
            unsafe { stderr = stream };
        }
    }
}

unsafe extern "C-unwind" fn read(cookie: *mut c_void, buffer: *mut c_char, length: size_t) -> ssize_t {
    // SAFETY: the C library's buffer.
    unsafe { sockeye_read(super::descriptor(cookie.addr()), buffer.cast(), length) }
}

/// Writes all: to the C library a short count is an error. It wants 0, not -1, for failure.
unsafe extern "C-unwind" fn write(cookie: *mut c_void, buffer: *const c_char, length: size_t) -> ssize_t {
    let mut written = 0;
    while written < length {
        // SAFETY: `written` is less than the length of the C library's buffer.
        let rest = unsafe { buffer.add(written) };
        // SAFETY: as above.
        let count = unsafe { sockeye_write(super::descriptor(cookie.addr()), rest.cast(), length - written) };
        match usize::try_from(count) {
            Ok(count) if count > 0 => written += count,
            _ => break,
        }
    }
    written.cast_signed()
}

unsafe extern "C-unwind" fn close(cookie: *mut c_void) -> c_int {
    let fd = super::descriptor(cookie.addr());
    super::release(cookie.addr());
    // SAFETY: no pointers.
    unsafe { sockeye_close(fd) }
}
