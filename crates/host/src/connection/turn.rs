//! Turns at a process's mailboxes: which thread has which.

use crate::fork_mutex::{ForkMutex, Guard};
use crate::proto::{FIRST_MAILBOX, Request};
use sockeye_buffer::mailbox::BOXES;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Who has which mailbox. Taken before any other lock of the connection.
#[derive(Debug)]
pub(super) struct Turns {
    boxes: [ForkMutex<()>; BOXES],
    /// Times that all were taken.
    crowded: AtomicUsize,
}

/// A mailbox that is the caller's until this is dropped.
pub(super) struct Turn<'a> {
    index: usize,
    _held: Guard<'a, ()>,
}

impl Turn<'_> {
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    /// Whether the control socket is the caller's, too.
    pub(super) const fn is_first(&self) -> bool {
        self.index == FIRST_MAILBOX
    }
}

impl Default for Turns {
    fn default() -> Self {
        Self { boxes: [const { ForkMutex::new(()) }; BOXES], crowded: AtomicUsize::new(0) }
    }
}

impl Turns {
    /// Waits for a mailbox that `request` may go by.
    pub(super) fn wait(&self, request: &Request) -> Turn<'_> {
        if !request.is_plain() {
            return self.wait_for_first();
        }
        let others = FIRST_MAILBOX + 1..BOXES;
        let free = |index: usize| Some(Turn { index, _held: self.boxes[index].try_lock()? });
        others.clone().find_map(free).unwrap_or_else(|| {
            let index = others.start + self.crowded.fetch_add(1, Ordering::Relaxed) % others.len();
            Turn { index, _held: self.boxes[index].lock() }
        })
    }

    /// Waits for the mailbox that any request may go by.
    pub(super) fn wait_for_first(&self) -> Turn<'_> {
        Turn { index: FIRST_MAILBOX, _held: self.boxes[FIRST_MAILBOX].lock() }
    }

    /// Sees to it that no thread is amid a request.
    pub(super) fn before_fork(&self) {
        // The first last: who has another may be about to wait for it.
        for mutex in self.boxes.iter().rev() {
            // If it cannot be had, this is a signal handler amid a request.
            let _ = mutex.before_fork(|()| ());
        }
    }

    pub(super) fn after_fork_in_parent(&self) {
        self.boxes.iter().for_each(ForkMutex::after_fork_in_parent);
    }

    pub(super) fn after_fork_in_child(&self) {
        self.boxes.iter().for_each(ForkMutex::after_fork_in_child);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn each_request_has_a_mailbox_of_its_own_while_there_are_any() {
        let turns = Turns::default();
        let plain: Vec<_> = (1..BOXES).map(|_| turns.wait(&Request::Wake)).collect();
        assert!(plain.iter().map(Turn::index).eq(1..BOXES));
        let first = turns.wait(&Request::Token);
        assert!(first.is_first());
        assert!(turns.boxes.iter().all(|mutex| mutex.try_lock().is_none()));
        thread::scope(|scope| {
            let late = scope.spawn(|| turns.wait(&Request::Wake).index());
            drop(plain);
            assert_ne!(late.join().unwrap(), FIRST_MAILBOX, "the first is for answers by the control socket");
        });
        drop(first);
        assert_eq!(turns.wait(&Request::Wake).index(), 1);
    }
}
