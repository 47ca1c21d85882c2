//! `vfork posix_spawn system popen exec clone`: before another process, or another program, has this one's descriptors, its sockets are
//! shared ([`numbers::share_all`]). Then the C library's own function goes on, with its caller's registers and stack as they were.
//! (`fork()` and what calls it have handlers: see [`crate::fork`].)

#[cfg(target_arch = "x86_64")]
use crate::{errno::Errno, numbers, raw, real};
#[cfg(target_arch = "x86_64")]
use std::{
    ffi::{CStr, c_int, c_void},
    sync::atomic::{AtomicPtr, Ordering},
};

/// Whether these functions are seen. Where they are not, each socket is shared from the start.
pub const ARE_SEEN: bool = cfg!(target_arch = "x86_64");

/// Looks up the C library's functions, before anybody is amid one.
#[cfg(not(target_arch = "x86_64"))]
pub fn look_up() {}

#[cfg(target_arch = "x86_64")]
macro_rules! seen {
    ($($index:literal $name:ident;)*) => {
        const NAMES: &[&CStr] = &[$(
            match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            }
        ),*];
        $(
            #[doc = concat!("As `", stringify!($name), "()`, whatever its arguments.")]
            ///
            /// # Safety
            /// As of the C function.
            #[unsafe(naked)]
            #[unsafe(no_mangle)]
            pub unsafe extern "C" fn $name() {
                core::arch::naked_asm!(
                    "endbr64",
                    "push rbp",
                    "push rdi",
                    "push rsi",
                    "push rdx",
                    "push rcx",
                    "push r8",
                    "push r9",
                    "push rax",
                    "sub rsp, 8",
                    concat!("mov edi, ", $index),
                    "call {prepare}",
                    "mov r11, rax",
                    "add rsp, 8",
                    "pop rax",
                    "pop r9",
                    "pop r8",
                    "pop rcx",
                    "pop rdx",
                    "pop rsi",
                    "pop rdi",
                    "pop rbp",
                    "jmp r11",
                    prepare = sym prepare,
                )
            }
        )*
    };
}

#[cfg(target_arch = "x86_64")]
seen! {
    0 vfork;
    1 clone;
    2 posix_spawn;
    3 posix_spawnp;
    4 system;
    5 popen;
    6 execve;
    7 execv;
    8 execvp;
    9 execvpe;
    10 execl;
    11 execle;
    12 execlp;
    13 fexecve;
    14 execveat;
}

#[cfg(target_arch = "x86_64")]
static ADDRESSES: [AtomicPtr<c_void>; NAMES.len()] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; NAMES.len()];

/// Shares the sockets. Returns where to go on.
#[cfg(target_arch = "x86_64")]
extern "C" fn prepare(index: u32) -> *mut c_void {
    // A panic here would end a program that only wants another.
    let _ = crate::cancel::catch(numbers::share_all);
    let address = ADDRESSES[index as usize].load(Ordering::Acquire);
    if address.is_null() { look_up_one(index as usize) } else { address }
}

/// Looks up the C library's functions, before anybody is amid one.
#[cfg(target_arch = "x86_64")]
pub fn look_up() {
    for index in 0..NAMES.len() {
        look_up_one(index);
    }
}

#[cfg(target_arch = "x86_64")]
fn look_up_one(index: usize) -> *mut c_void {
    let found = real::address_of(NAMES[index]);
    let address = if found.is_null() { missing as *mut c_void } else { found };
    ADDRESSES[index].store(address, Ordering::Release);
    address
}

/// Stands for a function that the C library does not have.
#[cfg(target_arch = "x86_64")]
extern "C" fn missing() -> c_int {
    raw::set_errno(Errno::NOSYS.number());
    -1
}
