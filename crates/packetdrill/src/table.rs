//! Descriptors: sockets and epoll sets. Others are the kernel's.

use crate::epoll::Epoll;
use rustix::event::EventfdFlags;
use sockeye_posix::Errno;
use std::collections::HashMap;
use std::os::fd::{AsRawFd, OwnedFd};

/// What a descriptor of ours is.
#[derive(Debug)]
enum Entry {
    /// The socket's tag.
    Socket {
        _held: OwnedFd,
        tag: u64,
    },
    Epoll {
        _held: OwnedFd,
        set: Epoll,
    },
}

/// The descriptors.
#[derive(Debug, Default)]
pub(crate) struct Table {
    entries: HashMap<i32, Entry>,
}

impl Table {
    /// A descriptor for the socket under `tag`.
    pub(crate) fn add_socket(&mut self, tag: u64) -> Result<i32, Errno> {
        let held = placeholder()?;
        let fd = held.as_raw_fd();
        self.entries.insert(fd, Entry::Socket { _held: held, tag });
        Ok(fd)
    }

    /// A descriptor for a new epoll set.
    pub(crate) fn add_epoll(&mut self) -> Result<i32, Errno> {
        let held = placeholder()?;
        let fd = held.as_raw_fd();
        self.entries.insert(fd, Entry::Epoll { _held: held, set: Epoll::default() });
        Ok(fd)
    }

    /// Whether the descriptor is one of ours.
    pub(crate) fn has(&self, fd: i32) -> bool {
        self.entries.contains_key(&fd)
    }

    /// The tag of the socket under `fd`.
    pub(crate) fn tag(&self, fd: i32) -> Result<u64, Errno> {
        match self.entries.get(&fd) {
            Some(Entry::Socket { tag, .. }) => Ok(*tag),
            Some(Entry::Epoll { .. }) => Err(Errno::NOTSOCK),
            None => Err(Errno::BADF),
        }
    }

    /// The epoll set under `fd`.
    pub(crate) fn epoll(&mut self, fd: i32) -> Result<&mut Epoll, Errno> {
        match self.entries.get_mut(&fd) {
            Some(Entry::Epoll { set, .. }) => Ok(set),
            Some(Entry::Socket { .. }) => Err(Errno::INVAL),
            None => Err(Errno::BADF),
        }
    }

    /// Takes the descriptor out; it is closed with what this returns. Says which socket it was.
    pub(crate) fn remove(&mut self, fd: i32) -> Option<Option<u64>> {
        let entry = self.entries.remove(&fd)?;
        for other in self.entries.values_mut() {
            if let Entry::Epoll { set, .. } = other {
                set.forget(fd);
            }
        }
        Some(match entry {
            Entry::Socket { tag, .. } => Some(tag),
            Entry::Epoll { .. } => None,
        })
    }

    /// Tells every epoll set that the socket under `tag` was woken for these events.
    pub(crate) fn wake(&mut self, tag: u64, events: u32) {
        if events == 0 {
            return;
        }
        for entry in self.entries.values_mut() {
            if let Entry::Epoll { set, .. } = entry {
                set.wake(tag, events);
            }
        }
    }

    /// Leaves the descriptors to the tool, which closes them without telling when it ends.
    pub(crate) fn leave(&mut self) {
        self.entries.drain().for_each(std::mem::forget);
    }
}

/// A descriptor whose number is ours.
fn placeholder() -> Result<OwnedFd, Errno> {
    rustix::event::eventfd(0, EventfdFlags::CLOEXEC).map_err(Errno::from_kernel)
}
