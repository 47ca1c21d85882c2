//! `open64()`, as the shell of a script's commands calls it. The library is preloaded into it, too, so this comes first.
#![allow(unsafe_code)]

use core::ffi::{CStr, c_char, c_int};

/// As `open64()`. Its third argument is passed as any other on the platforms that the tool is built for.
///
/// # Safety
/// As `open64()`: `path` ends with 0.
#[unsafe(export_name = "open64")]
pub unsafe extern "C" fn interposed_open64(path: *const c_char, flags: c_int, mode: libc::mode_t) -> c_int {
    if path.is_null() {
        // SAFETY: the kernel refuses it.
        return unsafe { libc::openat(libc::AT_FDCWD, path, flags, mode) };
    }
    // SAFETY: the caller's promise.
    let asked = unsafe { CStr::from_ptr(path) };
    let path = super::instead_of(asked).unwrap_or(asked);
    // SAFETY: `path` is a string that outlives the call.
    unsafe { libc::openat(libc::AT_FDCWD, path.as_ptr(), flags, mode) }
}
