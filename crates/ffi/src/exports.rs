//! The POSIX names. Each is the `sockeye_*` function of its family under another name.

use crate::cancel::sockeye_pthread_cancel;
use crate::descriptors::{
    sockeye_dup, sockeye_dup2, sockeye_dup3, sockeye_fcntl, sockeye_ioctl, sockeye_sockatmark,
};
use crate::epoll::{
    sockeye_epoll_create, sockeye_epoll_create1, sockeye_epoll_ctl, sockeye_epoll_pwait,
    sockeye_epoll_pwait2, sockeye_epoll_wait,
};
use crate::io::{
    sockeye_read, sockeye_read_chk, sockeye_readv, sockeye_recv, sockeye_recv_chk, sockeye_recvfrom,
    sockeye_recvfrom_chk, sockeye_send, sockeye_sendto, sockeye_write, sockeye_writev,
};
use crate::lifecycle::{
    sockeye_accept, sockeye_accept4, sockeye_close, sockeye_close_range, sockeye_closefrom, sockeye_listen,
    sockeye_shutdown, sockeye_socket,
};
use crate::message::{sockeye_recvmmsg, sockeye_recvmsg, sockeye_sendmmsg, sockeye_sendmsg};
use crate::names::{sockeye_bind, sockeye_connect, sockeye_getpeername, sockeye_getsockname};
use crate::options::{sockeye_getsockopt, sockeye_setsockopt};
use crate::ready::{sockeye_poll, sockeye_poll_chk, sockeye_ppoll, sockeye_ppoll_chk};
use crate::select::{sockeye_pselect, sockeye_select};
use crate::sendfile::sockeye_sendfile;
use crate::splice::sockeye_splice;
use crate::stdio::{sockeye_fdopen, sockeye_fileno};
use libc::{
    FILE, c_char, c_int, c_long, c_uint, c_ulong, c_void, epoll_event, fd_set, iovec, mmsghdr, msghdr,
    nfds_t, off_t, off64_t, pollfd, pthread_t, sigset_t, size_t, sockaddr, socklen_t, ssize_t, timespec,
    timeval,
};

macro_rules! posix_names {
    ($($name:ident = $function:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        #[doc = concat!("[`", stringify!($function), "`] under the C library's name.")]
        ///
        /// # Safety
        /// As that function.
        #[unsafe(no_mangle)]
        #[allow(clippy::too_many_arguments, reason = "the C library's signature")]
        pub unsafe extern "C-unwind" fn $name($($argument: $type),*) $(-> $result)? {
            // SAFETY: the same promise.
            unsafe { $function($($argument),*) }
        }
    )*};
}

posix_names! {
    socket = sockeye_socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int;
    bind = sockeye_bind(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int;
    listen = sockeye_listen(fd: c_int, backlog: c_int) -> c_int;
    accept = sockeye_accept(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int;
    accept4 = sockeye_accept4(fd: c_int, address: *mut sockaddr, length: *mut socklen_t, flags: c_int) -> c_int;
    connect = sockeye_connect(fd: c_int, address: *const sockaddr, length: socklen_t) -> c_int;
    shutdown = sockeye_shutdown(fd: c_int, how: c_int) -> c_int;
    getsockname = sockeye_getsockname(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int;
    getpeername = sockeye_getpeername(fd: c_int, address: *mut sockaddr, length: *mut socklen_t) -> c_int;
    getsockopt = sockeye_getsockopt(fd: c_int, level: c_int, name: c_int, value: *mut c_void, length: *mut socklen_t) -> c_int;
    setsockopt = sockeye_setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, length: socklen_t) -> c_int;

    close = sockeye_close(fd: c_int) -> c_int;
    close_range = sockeye_close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int;
    closefrom = sockeye_closefrom(first: c_int);
    dup = sockeye_dup(fd: c_int) -> c_int;
    dup2 = sockeye_dup2(fd: c_int, new: c_int) -> c_int;
    dup3 = sockeye_dup3(fd: c_int, new: c_int, flags: c_int) -> c_int;
    fcntl = sockeye_fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int;
    fcntl64 = sockeye_fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int;
    ioctl = sockeye_ioctl(fd: c_int, request: c_ulong, argument: *mut c_void) -> c_int;
    sockatmark = sockeye_sockatmark(fd: c_int) -> c_int;
    fdopen = sockeye_fdopen(fd: c_int, mode: *const c_char) -> *mut FILE;
    fileno = sockeye_fileno(stream: *mut FILE) -> c_int;
    fileno_unlocked = sockeye_fileno(stream: *mut FILE) -> c_int;

    read = sockeye_read(fd: c_int, buffer: *mut c_void, length: size_t) -> ssize_t;
    write = sockeye_write(fd: c_int, buffer: *const c_void, length: size_t) -> ssize_t;
    readv = sockeye_readv(fd: c_int, vector: *const iovec, count: c_int) -> ssize_t;
    writev = sockeye_writev(fd: c_int, vector: *const iovec, count: c_int) -> ssize_t;
    recv = sockeye_recv(fd: c_int, buffer: *mut c_void, length: size_t, flags: c_int) -> ssize_t;
    send = sockeye_send(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int) -> ssize_t;
    recvfrom = sockeye_recvfrom(fd: c_int, buffer: *mut c_void, length: size_t, flags: c_int, address: *mut sockaddr, address_length: *mut socklen_t) -> ssize_t;
    sendto = sockeye_sendto(fd: c_int, buffer: *const c_void, length: size_t, flags: c_int, address: *const sockaddr, address_length: socklen_t) -> ssize_t;
    recvmsg = sockeye_recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> ssize_t;
    sendmsg = sockeye_sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> ssize_t;
    recvmmsg = sockeye_recvmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int;
    sendmmsg = sockeye_sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int;
    sendfile = sockeye_sendfile(to: c_int, from: c_int, offset: *mut off_t, count: size_t) -> ssize_t;
    sendfile64 = sockeye_sendfile(to: c_int, from: c_int, offset: *mut off_t, count: size_t) -> ssize_t;
    splice = sockeye_splice(from: c_int, from_offset: *mut off64_t, to: c_int, to_offset: *mut off64_t, length: size_t, flags: c_uint) -> ssize_t;
    __read_chk = sockeye_read_chk(fd: c_int, buffer: *mut c_void, length: size_t, room: size_t) -> ssize_t;
    __recv_chk = sockeye_recv_chk(fd: c_int, buffer: *mut c_void, length: size_t, room: size_t, flags: c_int) -> ssize_t;
    __recvfrom_chk = sockeye_recvfrom_chk(fd: c_int, buffer: *mut c_void, length: size_t, room: size_t, flags: c_int, address: *mut sockaddr, address_length: *mut socklen_t) -> ssize_t;

    pthread_cancel = sockeye_pthread_cancel(thread: pthread_t) -> c_int;

    poll = sockeye_poll(fds: *mut pollfd, count: nfds_t, timeout: c_int) -> c_int;
    ppoll = sockeye_ppoll(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t) -> c_int;
    __poll_chk = sockeye_poll_chk(fds: *mut pollfd, count: nfds_t, timeout: c_int, room: size_t) -> c_int;
    __ppoll_chk = sockeye_ppoll_chk(fds: *mut pollfd, count: nfds_t, timeout: *const timespec, mask: *const sigset_t, room: size_t) -> c_int;
    select = sockeye_select(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *mut timeval) -> c_int;
    pselect = sockeye_pselect(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set, timeout: *const timespec, mask: *const sigset_t) -> c_int;
    epoll_create = sockeye_epoll_create(size: c_int) -> c_int;
    epoll_create1 = sockeye_epoll_create1(flags: c_int) -> c_int;
    epoll_ctl = sockeye_epoll_ctl(epoll: c_int, operation: c_int, fd: c_int, event: *mut epoll_event) -> c_int;
    epoll_wait = sockeye_epoll_wait(epoll: c_int, events: *mut epoll_event, most: c_int, timeout: c_int) -> c_int;
    epoll_pwait = sockeye_epoll_pwait(epoll: c_int, events: *mut epoll_event, most: c_int, timeout: c_int, mask: *const sigset_t) -> c_int;
    epoll_pwait2 = sockeye_epoll_pwait2(epoll: c_int, events: *mut epoll_event, most: c_int, timeout: *const timespec, mask: *const sigset_t) -> c_int;
}
