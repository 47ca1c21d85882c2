//! The C library's functions that the standard library does not offer.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Places for events: as many as a server asks for.
const EVENTS: usize = 64;

/// An epoll set by the C library's names, so that a preloaded library is called.
pub(crate) struct EpollSet {
    epoll: OwnedFd,
    events: [libc::epoll_event; EVENTS],
}

impl EpollSet {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: no pointers.
        let epoll = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: it is new, and nobody else's.
        let epoll = unsafe { OwnedFd::from_raw_fd(epoll) };
        Ok(Self { epoll, events: [libc::epoll_event { events: 0, u64: 0 }; EVENTS] })
    }

    /// Adds a socket, for what arrives there.
    pub(crate) fn add(&self, socket: &impl AsRawFd, number: usize) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: number as u64 };
        // SAFETY: `event` is valid for the call.
        check(unsafe {
            libc::epoll_ctl(self.epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event)
        })?;
        Ok(())
    }

    /// Waits for ever. Returns how many sockets are ready, and the number of the first.
    pub(crate) fn wait(&mut self) -> io::Result<(usize, u64)> {
        let (events, most) = (self.events.as_mut_ptr(), EVENTS as libc::c_int);
        // SAFETY: `events` has room for so many.
        let count = check(unsafe { libc::epoll_wait(self.epoll.as_raw_fd(), events, most, -1) })?;
        Ok((count.unsigned_abs() as usize, self.events[0].u64))
    }
}

/// Whether Sockeye's functions are in this process.
pub(crate) fn has_sockeye() -> bool {
    // SAFETY: the name is a C string.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"sockeye_socket".as_ptr()) };
    !found.is_null()
}

/// Raises the limit of open descriptors as far as this process may.
pub(crate) fn raise_descriptor_limit() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    limit.rlim_cur = limit.rlim_max;
    // SAFETY: as above.
    check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })?;
    Ok(())
}

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
