//! The table of functions that the tool calls, and the host behind it.

use crate::drive::Shared;
use crate::flags::Flags;
use crate::report::Reports;
use crate::settings::{SettingsFile, VARIABLE};
use crate::world::World;
use libc::{c_char, c_int, c_long, c_longlong, c_uint, c_ulong, c_void, iovec, msghdr, nfds_t, pollfd};
use libc::{sockaddr, socklen_t, ssize_t, timeval};
use std::ffi::CStr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::outside::{gettimeofday, netdev_receive, netdev_send, usleep};
use super::readiness::{epoll_create, epoll_ctl, epoll_wait, poll};
use super::sockets::{
    accept, bind, close, connect, fcntl, getsockopt, ioctl, listen, setsockopt, shutdown, socket,
};
use super::transfer::{
    pipe, read, readv, recv, recvfrom, recvmsg, send, sendmsg, sendto, splice, write, writev,
};

/// `struct packetdrill_interface`: what the tool calls, in its order.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct Interface {
    pub userdata: *mut c_void,
    pub free: unsafe extern "C" fn(*mut c_void),
    pub socket: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int) -> c_int,
    pub bind: unsafe extern "C" fn(*mut c_void, c_int, *const sockaddr, socklen_t) -> c_int,
    pub listen: unsafe extern "C" fn(*mut c_void, c_int, c_int) -> c_int,
    pub accept: unsafe extern "C" fn(*mut c_void, c_int, *mut sockaddr, *mut socklen_t) -> c_int,
    pub connect: unsafe extern "C" fn(*mut c_void, c_int, *const sockaddr, socklen_t) -> c_int,
    pub read: unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize) -> ssize_t,
    pub readv: unsafe extern "C" fn(*mut c_void, c_int, *const iovec, c_int) -> ssize_t,
    pub recv: unsafe extern "C" fn(*mut c_void, c_int, *mut c_void, usize, c_int) -> ssize_t,
    pub recvfrom: unsafe extern "C" fn(
        *mut c_void,
        c_int,
        *mut c_void,
        usize,
        c_int,
        *mut sockaddr,
        *mut socklen_t,
    ) -> ssize_t,
    pub recvmsg: unsafe extern "C" fn(*mut c_void, c_int, *mut msghdr, c_int) -> ssize_t,
    pub write: unsafe extern "C" fn(*mut c_void, c_int, *const c_void, usize) -> ssize_t,
    pub writev: unsafe extern "C" fn(*mut c_void, c_int, *const iovec, c_int) -> ssize_t,
    pub send: unsafe extern "C" fn(*mut c_void, c_int, *const c_void, usize, c_int) -> ssize_t,
    pub sendto: unsafe extern "C" fn(
        *mut c_void,
        c_int,
        *const c_void,
        usize,
        c_int,
        *const sockaddr,
        socklen_t,
    ) -> ssize_t,
    pub sendmsg: unsafe extern "C" fn(*mut c_void, c_int, *const msghdr, c_int) -> ssize_t,
    /// Variadic in C: what comes in registers is the same.
    pub fcntl: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_long) -> c_int,
    /// Variadic in C.
    pub ioctl: unsafe extern "C" fn(*mut c_void, c_int, c_ulong, *mut c_int) -> c_int,
    pub close: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    pub shutdown: unsafe extern "C" fn(*mut c_void, c_int, c_int) -> c_int,
    pub getsockopt:
        unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *mut c_void, *mut socklen_t) -> c_int,
    pub setsockopt: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *const c_void, socklen_t) -> c_int,
    pub poll: unsafe extern "C" fn(*mut c_void, *mut pollfd, nfds_t, c_int) -> c_int,
    pub netdev_send: unsafe extern "C" fn(*mut c_void, *const c_void, usize) -> c_int,
    pub netdev_receive: unsafe extern "C" fn(*mut c_void, *mut c_void, *mut usize, *mut c_longlong) -> c_int,
    pub usleep: unsafe extern "C" fn(*mut c_void, c_uint) -> c_int,
    pub gettimeofday: unsafe extern "C" fn(*mut c_void, *mut timeval, *mut c_void) -> c_int,
    pub epoll_create: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
    pub epoll_ctl: unsafe extern "C" fn(*mut c_void, c_int, c_int, c_int, *mut libc::epoll_event) -> c_int,
    pub epoll_wait: unsafe extern "C" fn(*mut c_void, c_int, *mut libc::epoll_event, c_int, c_int) -> c_int,
    pub pipe: unsafe extern "C" fn(*mut c_void, *mut c_int) -> c_int,
    pub splice: unsafe extern "C" fn(*mut c_void, c_int, *mut i64, c_int, *mut i64, usize, c_uint) -> ssize_t,
}

/// What the tool calls once: makes the host and fills in `interface`.
///
/// # Safety
/// `flags` is NULL or a string; `interface` points to a `struct packetdrill_interface`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn packetdrill_interface_init(flags: *const c_char, interface: *mut Interface) {
    let made = catch_unwind(|| {
        let flags = match flags.is_null() {
            true => String::new(),
            // SAFETY: the caller's promise.
            false => unsafe { CStr::from_ptr(flags) }.to_string_lossy().into_owned(),
        };
        let flags = Flags::parse(&flags);
        let path: Option<PathBuf> = std::env::var_os(VARIABLE).map(Into::into);
        let settings = SettingsFile::new(path.clone(), flags.is_verbose);
        World::new(&flags, settings, Reports::new(path))
    });
    let world = match made {
        Ok(Ok(world)) => world,
        Ok(Err(_)) | Err(_) => std::process::abort(),
    };
    // The tool has locked all memory, and rings are mostly reserved.
    // SAFETY: no pointers.
    unsafe { libc::munlockall() };
    let shared = Box::into_raw(Box::new(Shared::new(world)));
    CURRENT.store(shared, Ordering::Release);
    let userdata = shared.cast();
    // SAFETY: the caller's promise.
    unsafe { interface.write(table(userdata)) };
}

pub(super) fn table(userdata: *mut c_void) -> Interface {
    Interface {
        userdata,
        free,
        socket,
        bind,
        listen,
        accept,
        connect,
        read,
        readv,
        recv,
        recvfrom,
        recvmsg,
        write,
        writev,
        send,
        sendto,
        sendmsg,
        fcntl,
        ioctl,
        close,
        shutdown,
        getsockopt,
        setsockopt,
        poll,
        netdev_send,
        netdev_receive,
        usleep,
        gettimeofday,
        epoll_create,
        epoll_ctl,
        epoll_wait,
        pipe,
        splice,
    }
}

pub(super) unsafe extern "C" fn free(userdata: *mut c_void) {
    if userdata.is_null() {
        return;
    }
    CURRENT.store(ptr::null_mut(), Ordering::Release);
    // SAFETY: it was made by `packetdrill_interface_init`, and this is the last call.
    let shared = unsafe { Box::from_raw(userdata.cast::<Shared>()) };
    let _ = catch_unwind(AssertUnwindSafe(move || shared.lock().table.leave()));
}

/// For the calls that the tool makes past its interface.
pub(super) static CURRENT: AtomicPtr<Shared> = AtomicPtr::new(ptr::null_mut());
