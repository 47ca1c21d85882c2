//! `dprintf vdprintf`: the C library's would write to the token behind our back.
//!
//! Rust has no variadic functions to offer, so `dprintf()` itself is a few instructions that make a `va_list` of the
//! registers, for x86-64. Elsewhere `dprintf()` to a Sockeye socket is not supported; `vdprintf()` is.

use crate::engine::TABLE;
use crate::errno::{Errno, guard};
use crate::{io, raw, real};
use libc::{c_char, c_int, c_void};
use std::io::IoSlice;

/// As `vdprintf()`. A `va_list` argument is a pointer on x86-64 and on AArch64.
///
/// # Safety
/// `format` is a C string, and `arguments` are those that it asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_vdprintf(
    fd: c_int,
    format: *const c_char,
    arguments: *mut c_void,
) -> c_int {
    if !TABLE.has(fd) {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::vdprintf(fd, format, arguments) };
    }
    guard(|| {
        // SAFETY: the caller's promise.
        let text = unsafe { raw::print(format, arguments) }?;
        let mut sent = 0;
        while sent < text.len() {
            let count = io::send(fd, &[IoSlice::new(&text[sent..])], 0)?;
            sent += count.unsigned_abs();
        }
        c_int::try_from(sent).map_err(|_| Errno::INVAL)
    })
}

/// `vdprintf()`.
///
/// # Safety
/// As [`sockeye_vdprintf`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn vdprintf(fd: c_int, format: *const c_char, arguments: *mut c_void) -> c_int {
    // SAFETY: the same promise.
    unsafe { sockeye_vdprintf(fd, format, arguments) }
}

/// The fortified `vdprintf()`.
///
/// # Safety
/// As [`sockeye_vdprintf`].
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn __vdprintf_chk(
    fd: c_int,
    _flag: c_int,
    format: *const c_char,
    arguments: *mut c_void,
) -> c_int {
    // SAFETY: the same promise.
    unsafe { sockeye_vdprintf(fd, format, arguments) }
}

/// The body of a variadic function: the registers go to a save area above a `va_list`, as the System V ABI lays them out
/// (gp_offset, fp_offset, overflow_arg_area, reg_save_area), and the `va_list` goes to [`sockeye_vdprintf`].
#[cfg(target_arch = "x86_64")]
macro_rules! variadic {
    ($named:literal, $format:literal) => {
        core::arch::naked_asm!(
            "sub rsp, 216",
            "mov [rsp + 32], rdi",
            "mov [rsp + 40], rsi",
            "mov [rsp + 48], rdx",
            "mov [rsp + 56], rcx",
            "mov [rsp + 64], r8",
            "mov [rsp + 72], r9",
            "test al, al",
            "je 2f",
            "movaps [rsp + 80], xmm0",
            "movaps [rsp + 96], xmm1",
            "movaps [rsp + 112], xmm2",
            "movaps [rsp + 128], xmm3",
            "movaps [rsp + 144], xmm4",
            "movaps [rsp + 160], xmm5",
            "movaps [rsp + 176], xmm6",
            "movaps [rsp + 192], xmm7",
            "2:",
            concat!("mov dword ptr [rsp], ", $named),
            "mov dword ptr [rsp + 4], 48",
            "lea rax, [rsp + 224]",
            "mov [rsp + 8], rax",
            "lea rax, [rsp + 32]",
            "mov [rsp + 16], rax",
            concat!("mov rsi, ", $format),
            "mov rdx, rsp",
            "call {print}",
            "add rsp, 216",
            "ret",
            print = sym sockeye_vdprintf,
        )
    };
}

/// As `dprintf()`.
///
/// # Safety
/// As of the C function.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sockeye_dprintf(fd: c_int, format: *const c_char) -> c_int {
    variadic!("16", "rsi")
}

/// `dprintf()`.
///
/// # Safety
/// As of the C function.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dprintf(fd: c_int, format: *const c_char) -> c_int {
    variadic!("16", "rsi")
}

/// The fortified `dprintf()`.
///
/// # Safety
/// As of the C function.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn __dprintf_chk(fd: c_int, flag: c_int, format: *const c_char) -> c_int {
    variadic!("24", "rdx")
}
