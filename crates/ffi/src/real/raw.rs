//! Each function is looked up with `dlsym(RTLD_NEXT)` on its first call; the look-up takes no lock of ours and calls none
//! of our functions, so it also works before the library's own start.

use crate::errno::Errno;
use libc::{c_char, c_int, c_long, c_uint, c_ulong, c_void, size_t, socklen_t, ssize_t};
use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

/// The address of the next definition of `name`, remembered in `cell`; null if there is none.
fn resolve(cell: &AtomicPtr<c_void>, name: &CStr) -> *mut c_void {
    let known = cell.load(Ordering::Acquire);
    if !known.is_null() {
        return known;
    }
    let found = address_of(name);
    cell.store(found, Ordering::Release);
    found
}

fn missing() -> i8 {
    crate::raw::set_errno(Errno::NOSYS.number());
    -1
}

macro_rules! real {
    ($($name:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {$(
        #[doc = concat!("The C library's `", stringify!($name), "`; ENOSYS if it has none.")]
        ///
        /// # Safety
        /// As of the C function.
        #[inline]
        #[allow(clippy::too_many_arguments, reason = "the C library's signature")]
        pub unsafe fn $name($($argument: $type),*) -> $result {
            static CELL: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
            const NAME: &CStr = match CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                Ok(name) => name,
                Err(_) => c"",
            };
            let address = resolve(&CELL, NAME);
            if address.is_null() {
                return missing().into();
            }
            // SAFETY: the C library's function of this name has this type.
            let function = unsafe {
                std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn($($type),*) -> $result>(address)
            };
            // SAFETY: the caller answers for the arguments.
            unsafe { function($($argument),*) }
        }
    )*};
}

real! {
    socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    bind(fd: c_int, address: *const libc::sockaddr, length: socklen_t) -> c_int;
    listen(fd: c_int, backlog: c_int) -> c_int;
    accept(fd: c_int, address: *mut libc::sockaddr, length: *mut socklen_t) -> c_int;
    accept4(fd: c_int, address: *mut libc::sockaddr, length: *mut socklen_t, flags: c_int) -> c_int;
    connect(fd: c_int, address: *const libc::sockaddr, length: socklen_t) -> c_int;
    shutdown(fd: c_int, how: c_int) -> c_int;
    getsockname(fd: c_int, address: *mut libc::sockaddr, length: *mut socklen_t) -> c_int;
    getpeername(fd: c_int, address: *mut libc::sockaddr, length: *mut socklen_t) -> c_int;
    getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int;
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int;
    close(fd: c_int) -> c_int;
    dup(fd: c_int) -> c_int;
    dup2(fd: c_int, new: c_int) -> c_int;
    dup3(fd: c_int, new: c_int, flags: c_int) -> c_int;
    close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int;
    read(fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t;
    write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t;
    readv(fd: c_int, vector: *const libc::iovec, count: c_int) -> ssize_t;
    writev(fd: c_int, vector: *const libc::iovec, count: c_int) -> ssize_t;
    recv(fd: c_int, buffer: *mut c_void, length: size_t, flags: c_int) -> ssize_t;
    send(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int) -> ssize_t;
    recvfrom(fd: c_int, buffer: *mut c_void, length: size_t, flags: c_int, address: *mut libc::sockaddr, address_length: *mut socklen_t) -> ssize_t;
    sendto(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int, address: *const libc::sockaddr, address_length: socklen_t) -> ssize_t;
    recvmsg(fd: c_int, message: *mut libc::msghdr, flags: c_int) -> ssize_t;
    sendmsg(fd: c_int, message: *const libc::msghdr, flags: c_int) -> ssize_t;
    recvmmsg(fd: c_int, messages: *mut libc::mmsghdr, count: c_uint, flags: c_int, timeout: *mut libc::timespec) -> c_int;
    sendmmsg(fd: c_int, messages: *mut libc::mmsghdr, count: c_uint, flags: c_int) -> c_int;
    sendfile(to: c_int, from: c_int, offset: *mut libc::off_t, count: size_t) -> ssize_t;
    vdprintf(fd: c_int, format: *const c_char, arguments: *mut c_void) -> c_int;
    splice(from: c_int, from_offset: *mut libc::off64_t, to: c_int, to_offset: *mut libc::off64_t, length: size_t, flags: c_uint) -> ssize_t;
    poll(fds: *mut libc::pollfd, count: libc::nfds_t, timeout: c_int) -> c_int;
    ppoll(fds: *mut libc::pollfd, count: libc::nfds_t, timeout: *const libc::timespec, mask: *const libc::sigset_t) -> c_int;
    select(count: c_int, read: *mut libc::fd_set, write: *mut libc::fd_set, except: *mut libc::fd_set, timeout: *mut libc::timeval) -> c_int;
    pselect(count: c_int, read: *mut libc::fd_set, write: *mut libc::fd_set, except: *mut libc::fd_set, timeout: *const libc::timespec, mask: *const libc::sigset_t) -> c_int;
    epoll_create(size: c_int) -> c_int;
    syscall(number: c_long, argument: c_long) -> c_long;
    pthread_cancel(thread: libc::pthread_t) -> c_int;
    epoll_create1(flags: c_int) -> c_int;
    epoll_wait(epoll: c_int, events: *mut libc::epoll_event, most: c_int, timeout: c_int) -> c_int;
    epoll_pwait(epoll: c_int, events: *mut libc::epoll_event, most: c_int, timeout: c_int, mask: *const libc::sigset_t) -> c_int;
    epoll_pwait2(epoll: c_int, events: *mut libc::epoll_event, most: c_int, timeout: *const libc::timespec, mask: *const libc::sigset_t) -> c_int;
    epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut libc::epoll_event) -> c_int;
}

/// The C library's `fcntl`. The argument travels as one machine word, whatever the command makes of it.
///
/// # Safety
/// As of the C function.
#[inline]
pub unsafe fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    static CELL: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let address = resolve(&CELL, c"fcntl");
    if address.is_null() {
        return missing().into();
    }
    // SAFETY: `fcntl` has this type.
    let function = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn(c_int, c_int, ...) -> c_int>(address)
    };
    // SAFETY: the caller answers for the arguments.
    unsafe { function(fd, command, argument) }
}

/// The C library's `ioctl`.
///
/// # Safety
/// As of the C function.
#[inline]
pub unsafe fn ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int {
    static CELL: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let address = resolve(&CELL, c"ioctl");
    if address.is_null() {
        return missing().into();
    }
    // SAFETY: `ioctl` has this type.
    let function = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn(c_int, c_ulong, ...) -> c_int>(address)
    };
    // SAFETY: the caller answers for the arguments.
    unsafe { function(fd, request, argument) }
}

/// The C library's `fdopen`; null if it has none.
///
/// # Safety
/// As of the C function.
pub unsafe fn fdopen(fd: c_int, mode: *const c_char) -> *mut libc::FILE {
    static CELL: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let address = resolve(&CELL, c"fdopen");
    if address.is_null() {
        let _ = missing();
        return std::ptr::null_mut();
    }
    // SAFETY: `fdopen` has this type.
    let function = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn(c_int, *const c_char) -> *mut libc::FILE>(
            address,
        )
    };
    // SAFETY: the caller answers for the arguments.
    unsafe { function(fd, mode) }
}

/// The C library's `fileno`.
///
/// # Safety
/// As of the C function.
pub unsafe fn fileno(stream: *mut libc::FILE) -> c_int {
    static CELL: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
    let address = resolve(&CELL, c"fileno");
    if address.is_null() {
        return missing().into();
    }
    // SAFETY: `fileno` has this type.
    let function = unsafe {
        std::mem::transmute::<*mut c_void, unsafe extern "C-unwind" fn(*mut libc::FILE) -> c_int>(address)
    };
    // SAFETY: the caller answers for the arguments.
    unsafe { function(stream) }
}

/// Adds a descriptor to the kernel's set.
///
/// # Errors
/// As `epoll_ctl()`.
pub fn epoll_add(epoll: c_int, fd: c_int, event: libc::epoll_event) -> Result<(), Errno> {
    control(epoll, libc::EPOLL_CTL_ADD, fd, event)
}

/// Changes what the kernel's set asks of a descriptor.
///
/// # Errors
/// As `epoll_ctl()`.
pub fn epoll_modify(epoll: c_int, fd: c_int, event: libc::epoll_event) -> Result<(), Errno> {
    control(epoll, libc::EPOLL_CTL_MOD, fd, event)
}

/// Takes a descriptor out of the kernel's set.
///
/// # Errors
/// As `epoll_ctl()`.
pub fn epoll_remove(epoll: c_int, fd: c_int) -> Result<(), Errno> {
    control(epoll, libc::EPOLL_CTL_DEL, fd, libc::epoll_event { events: 0, u64: 0 })
}

fn control(epoll: c_int, operation: c_int, fd: c_int, mut event: libc::epoll_event) -> Result<(), Errno> {
    // SAFETY: the event is valid.
    let result = unsafe { epoll_ctl(epoll, operation, fd, &raw mut event) };
    if result < 0 { Err(Errno::last()) } else { Ok(()) }
}

/// Bytes of the kernel's signal sets.
const MASK_SIZE: usize = 8;

/// One `epoll_wait()` of the kernel. Not by the C library: there a thread that is cancelled would unwind through our frames.
///
/// # Errors
/// As `epoll_pwait2()`.
pub fn epoll_wait_for(
    epoll: c_int,
    out: &mut [libc::epoll_event],
    timeout: Option<Duration>,
    mask: Option<&libc::sigset_t>,
) -> Result<usize, Errno> {
    let most = c_int::try_from(out.len()).unwrap_or(c_int::MAX);
    let mask = mask.map_or(std::ptr::null(), std::ptr::from_ref);
    let millis = match timeout {
        None => -1,
        Some(Duration::ZERO) => 0,
        Some(timeout) => {
            let (call, time) = (libc::SYS_epoll_pwait2, timespec(timeout));
            // SAFETY: the slice is valid for its length, the others are NULL or valid.
            let count = unsafe {
                libc::syscall(call, epoll, out.as_mut_ptr(), most, &raw const time, mask, MASK_SIZE)
            };
            match usize::try_from(count).map_err(|_| Errno::last()) {
                // Before Linux 5.11, or where a filter does not know the call.
                Err(Errno::NOSYS) => c_int::try_from(timeout.as_millis() + 1).unwrap_or(c_int::MAX),
                result => return result,
            }
        }
    };
    let call = libc::SYS_epoll_pwait;
    // SAFETY: as above.
    let count = unsafe { libc::syscall(call, epoll, out.as_mut_ptr(), most, millis, mask, MASK_SIZE) };
    usize::try_from(count).map_err(|_| Errno::last())
}

/// Makes the open descriptor `fd` a copy of `descriptor`; its close-on-exec flag stays.
pub fn replace(descriptor: BorrowedFd<'_>, fd: c_int) {
    // SAFETY: no pointers.
    let flags = unsafe { fcntl(fd, libc::F_GETFD, 0) };
    if flags >= 0 {
        let flags = if flags & libc::FD_CLOEXEC != 0 { libc::O_CLOEXEC } else { 0 };
        // SAFETY: no pointers. It cannot fail: `fd` is open, and another one.
        unsafe { dup3(descriptor.as_raw_fd(), fd, flags) };
    }
}

/// One `close()` of the kernel; not by the C library's `close()`, as in [`epoll_wait_for`], nor by our `syscall()`.
pub fn close_once(fd: c_int) -> c_int {
    // SAFETY: no pointers.
    unsafe { syscall(libc::SYS_close, fd.into()) as c_int }
}

/// The address of the C library's function of that name; null if it has none.
#[must_use]
pub fn address_of(name: &CStr) -> *mut c_void {
    // SAFETY: `name` is a C string, and RTLD_NEXT is a handle that is always valid.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

fn timespec(time: Duration) -> libc::timespec {
    libc::timespec {
        tv_sec: time.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}

/// One `ppoll()` of the kernel; not by the C library, as in [`epoll_wait_for`].
///
/// # Errors
/// As `ppoll()`.
pub fn poll_once(
    fds: &mut [libc::pollfd],
    timeout: Option<Duration>,
    mask: Option<&libc::sigset_t>,
) -> Result<c_int, Errno> {
    // The kernel writes there what is left of it.
    let mut timeout = timeout.map(timespec);
    let timeout = timeout.as_mut().map_or(std::ptr::null_mut(), std::ptr::from_mut);
    let mask = mask.map_or(std::ptr::null(), std::ptr::from_ref);
    let (first, many) = (fds.as_mut_ptr(), fds.len() as libc::nfds_t);
    // SAFETY: the slice is valid for its length, the others are NULL or valid.
    let count = unsafe { libc::syscall(libc::SYS_ppoll, first, many, timeout, mask, MASK_SIZE) };
    c_int::try_from(count).ok().filter(|&count| count >= 0).ok_or_else(Errno::last)
}
