//! Groups: the threads of a process that wait together, in one epoll set or in one poll().

use crate::apart::Apart;
use crate::raw;
use crate::transport::Way;
use sockeye_buffer::{Mark, ReadyList};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Times that somebody may sleep before the bell is emptied: it holds a byte for each at most, and must not become full.
const SLEEPS: u32 = 1024;

/// A group of a process's ready list: what happened to the sockets that it watches, and a bell that wakes its sleepers.
///
/// The bell is readable from the start. Put it into an epoll set with EPOLLET, or ask poll() for it and [`drain`](Self::drain) it each
/// time: then it wakes who sleeps when it rings, and with EPOLLHUP when the engine is gone.
#[derive(Debug)]
pub struct Group {
    way: Way,
    epoch: u32,
    list: Arc<ReadyList>,
    number: u32,
    bell: Option<Apart>,
    sleeps: AtomicU32,
}

/// A group that nobody uses, kept for the next.
#[derive(Debug)]
pub(crate) struct Spare {
    number: u32,
    bell: Apart,
}

impl Group {
    pub(crate) fn new(way: Way, list: Arc<ReadyList>, Spare { number, bell }: Spare) -> Self {
        list.clear_group(number);
        let epoch = way.epoch();
        Self { way, epoch, list, number, bell: Some(bell), sleeps: AtomicU32::new(0) }
    }

    /// What wakes sleepers.
    #[must_use]
    pub fn bell(&self) -> BorrowedFd<'_> {
        // It is there until the group is dropped.
        match &self.bell {
            Some(bell) => bell.as_fd(),
            None => raw::no_descriptor(),
        }
    }

    /// Whether sockets of `instance`, an engine, belong here.
    #[must_use]
    pub fn is_of(&self, instance: u64) -> bool {
        self.way.instance() == instance
    }

    /// Whether it was made in this process, and not in one that has forked since.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.way.epoch() == self.epoch
    }

    /// Whether the engine still lives.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.way.is_alive()
    }

    /// Takes the marks: each watch, and what happened to it.
    pub fn take(&self, each: impl FnMut(u32, Mark)) {
        self.list.take(self.number, each);
    }

    /// Whether there are marks.
    #[must_use]
    pub fn has_marks(&self) -> bool {
        self.list.has_marks(self.number)
    }

    /// Says that somebody is about to sleep. Who says so then looks once more, and sleeps only if there is nothing.
    pub fn fall_asleep(&self) {
        if self.sleeps.fetch_add(1, Ordering::Relaxed).is_multiple_of(SLEEPS) {
            self.silence();
        }
        self.list.fall_asleep(self.number);
    }

    /// Nobody sleeps.
    pub fn wake_up(&self) {
        self.list.wake_up(self.number);
    }

    /// Takes out of the bell what it need not hold: all but one byte.
    pub fn silence(&self) {
        let held = rustix::io::ioctl_fionread(self.bell()).unwrap_or(0);
        let mut sink = [0; 4096];
        let surplus = usize::try_from(held).unwrap_or(0).saturating_sub(1).min(sink.len());
        if surplus > 0 {
            // Another thread may have been faster.
            let _ = rustix::io::read(self.bell(), &mut sink[..surplus]);
        }
    }

    /// Takes everything out of the bell: it is readable when it rings next.
    pub fn drain(&self) {
        // It does not wait: the pipe is the engine's, made so.
        let _ = rustix::io::read(self.bell(), &mut [0; 4096]);
    }

    pub(crate) fn join(&self, watch: u32) {
        self.list.join(watch, self.number);
    }

    pub(crate) fn leave(&self, watch: u32) {
        self.list.leave(watch, self.number);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(bell) = self.bell.take() {
            if self.is_own() {
                // A forked child leaves its parent's words alone.
                self.list.wake_up(self.number);
            }
            self.way.give_back_group(self.epoch, Spare { number: self.number, bell });
        }
    }
}

/// The groups of a process: which are free.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    spare: Vec<Spare>,
    made: u32,
}

impl Groups {
    pub(crate) fn take_spare(&mut self) -> Option<Spare> {
        self.spare.pop()
    }

    /// Whether one is free, or can be made.
    pub(crate) fn has_more(&self) -> bool {
        !self.spare.is_empty() || self.next().is_some()
    }

    /// The number of the next one to make. `None` if there are too many.
    pub(crate) fn next(&self) -> Option<u32> {
        (self.made < sockeye_buffer::GROUPS).then_some(self.made)
    }

    /// One with that number and a new bell.
    pub(crate) fn add(&mut self, number: u32, bell: OwnedFd) -> Spare {
        self.made = self.made.max(number + 1);
        Spare { number, bell: Apart::new(bell) }
    }

    pub(crate) fn give_back(&mut self, spare: Spare) {
        self.spare.push(spare);
    }

    /// Forgets all, whose numbers somebody has closed, and others may have by now.
    pub(crate) fn disown(self) {
        self.spare.into_iter().for_each(|spare| spare.bell.disown());
    }
}
