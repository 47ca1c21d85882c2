//! The program's part in ready lists.

use super::Socket;
use crate::Group;
use crate::proto::{Reply, Request};
use crate::watch::NO_WATCH;
use sockeye_stack::Error;
use std::sync::atomic::Ordering;

impl Socket {
    /// A group of this process's ready list at the socket's engine.
    ///
    /// # Errors
    /// `TooManyFiles` where there are too many groups or descriptors, `HostGone`.
    pub fn group(&self) -> Result<Group, Error> {
        self.way.group()
    }

    /// Which engine it is of.
    #[must_use]
    pub fn instance(&self) -> u64 {
        self.way.instance()
    }

    /// `group`, which is of the same engine, is told of this socket from now on: the number by which. Look at the socket after this.
    ///
    /// # Errors
    /// `TooManyFiles` where this process watches too many sockets; `HostGone`.
    pub fn join(&self, group: &Group) -> Result<u32, Error> {
        let watch = self.watch()?;
        self.has_joined.store(true, Ordering::Relaxed);
        group.join(watch);
        Ok(watch)
    }

    /// Whether any group was ever told of it.
    #[must_use]
    pub fn has_joined(&self) -> bool {
        self.has_joined.load(Ordering::Relaxed)
    }

    /// `group` is not told any more.
    pub fn leave(&self, group: &Group) {
        if let Ok(watch) = self.watch() {
            group.leave(watch);
        }
    }

    /// Asks that the groups are told when a third of SendQ is free. Whether it is already.
    #[must_use]
    pub fn wait_for_room(&self) -> bool {
        self.wants_room()
    }

    /// Whether the socket has ended although this process has not closed it by these functions: its slot is another's, or nobody's.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.condition().is_err() && self.way.is_alive()
    }

    pub(super) fn watch(&self) -> Result<u32, Error> {
        let word = self.watch.load(Ordering::Acquire);
        let epoch = self.way.epoch();
        if (word >> 32) as u32 == epoch {
            return if word as u32 == NO_WATCH { Err(Error::TooManyFiles) } else { Ok(word as u32) };
        }
        let Reply::Watch(watch) = self.way.call(Request::Watch { tag: self.tag() })?.reply else {
            return Err(Error::HostGone);
        };
        // The request may have opened a session of its own.
        let epoch = self.way.epoch();
        self.watch.store(u64::from(epoch) << 32 | u64::from(watch), Ordering::Release);
        if watch == NO_WATCH { Err(Error::TooManyFiles) } else { Ok(watch) }
    }
}
