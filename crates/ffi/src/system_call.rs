//! `syscall()`: what programs ask of the kernel by number. libuv closes its descriptors so.
//!
//! Only what closes and copies numbers comes here (x86-64). It takes the way of the C function of that name; everything else goes to the
//! kernel at once, as by the C library's own `syscall()`.

#[cfg(target_arch = "x86_64")]
use crate::{
    descriptors::{sockeye_dup, sockeye_dup2, sockeye_dup3},
    lifecycle::{is_kernels, sockeye_close, sockeye_close_range},
    raw, real,
};
#[cfg(target_arch = "x86_64")]
use libc::{SYS_close, SYS_close_range, SYS_dup, SYS_dup2, SYS_dup3, c_int, c_long};

/// As `syscall()`, whatever its arguments.
///
/// # Safety
/// As of the C function.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn syscall(number: c_long) -> c_long {
    core::arch::naked_asm!(
        "endbr64",
        "mov eax, edi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov r11, [rip + {close}@GOTPCREL]",
        "cmp eax, {number_close}",
        "je 2f",
        "mov r11, [rip + {dup}@GOTPCREL]",
        "cmp eax, {number_dup}",
        "je 2f",
        "mov r11, [rip + {dup2}@GOTPCREL]",
        "cmp eax, {number_dup2}",
        "je 2f",
        "mov r11, [rip + {dup3}@GOTPCREL]",
        "cmp eax, {number_dup3}",
        "je 2f",
        "mov r11, [rip + {close_range}@GOTPCREL]",
        "cmp eax, {number_close_range}",
        "je 2f",
        // The kernel's registers for the last three.
        "mov r10, r8",
        "mov r8, r9",
        "mov r9, [rsp + 8]",
        "syscall",
        "cmp rax, -4095",
        "jae 3f",
        "ret",
        // Our function has the first three arguments in their places. It gives an int.
        "2:",
        "sub rsp, 8",
        "call r11",
        "add rsp, 8",
        "cdqe",
        "ret",
        "3:",
        "mov rdi, rax",
        "jmp {fail}",
        close = sym close,
        dup = sym sockeye_dup,
        dup2 = sym sockeye_dup2,
        dup3 = sym sockeye_dup3,
        close_range = sym sockeye_close_range,
        fail = sym fail,
        number_close = const SYS_close,
        number_dup = const SYS_dup,
        number_dup2 = const SYS_dup2,
        number_dup3 = const SYS_dup3,
        number_close_range = const SYS_close_range,
    )
}

/// Nobody is cancelled in a system call by number.
#[cfg(target_arch = "x86_64")]
extern "C" fn close(fd: c_int) -> c_int {
    if is_kernels(fd) {
        return real::close_once(fd);
    }
    // SAFETY: no pointers.
    unsafe { sockeye_close(fd) }
}

/// The kernel has refused.
#[cfg(target_arch = "x86_64")]
extern "C" fn fail(result: c_long) -> c_long {
    raw::set_errno(c_int::try_from(-result).unwrap_or(libc::ENOSYS));
    -1
}
