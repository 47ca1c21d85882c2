//! Connections that have been idle for a while give the memory of their rings back to the system.
//!
//! The engine is the only one that writes to RecvQ. To SendQ the program writes, whenever it likes, under a lock that the engine must not
//! take: a program can scribble over it, or stop while it holds it. So the engine says in the condition word that it is about to
//! forget the memory, and then looks at the lock: either it sees that somebody has it, and leaves the memory alone, or who
//! takes it after that sees the word, lets go, and tries again. A program that is killed has written nothing that counts; an engine that is
//! killed takes the connection along.

use crate::engine::Engine;
use crate::table::condition;
use sockeye_clock::Instant;
use sockeye_stack::SocketId;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

/// Who has not sent or received anything for so long is idle.
const PERIOD: Duration = Duration::from_secs(5);
/// What an idle connection may keep, bytes of its far rings.
const KEPT: u64 = 32 * 1024;
/// Sockets that are looked at between two looks at doorbells, and how many of them may give memory back: that takes many times as long.
const AT_ONCE: usize = 512;
const FORGOTTEN_AT_ONCE: usize = 8;

/// Where a queue is that holds nothing.
const NOWHERE: [(usize, usize); 2] = [(0, 0); 2];

/// What has passed through a connection, as far as its memory is concerned.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// When it was last looked at.
    seen: Passed,
    /// When its memory was last given back.
    forgotten: Passed,
}

/// Bytes that have passed through each queue.
type Passed = (u64, u64);

/// By how much memory of the rings has been touched since.
fn bytes_since(passed: Passed, earlier: Passed) -> u64 {
    // A connection that begins anew begins at 0.
    passed.0.saturating_sub(earlier.0) + passed.1.saturating_sub(earlier.1)
}

/// The look at all sockets that is due.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    /// `None` while nothing has happened since all idle ones have given back what they had.
    pub(crate) due: Option<Instant>,
    next: usize,
    /// Some were not idle.
    has_busy: bool,
}

impl Sweep {
    /// Something happens.
    pub(crate) fn note_traffic(&mut self, now: Instant) {
        self.due.get_or_insert(now + PERIOD);
    }
}

/// What was found of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// It has not touched much memory since it was given back, or it holds text.
    Nothing,
    /// It has, and is not idle, or somebody has its lock.
    Busy,
    /// It was idle.
    Forgotten,
}

impl Engine {
    /// Looks at some more sockets, if that is due.
    pub(crate) fn sweep(&mut self, now: Instant) {
        if self.idle.due.is_none_or(|due| due > now) {
            return;
        }
        let places = self.table.lock().places();
        let end = (self.idle.next + AT_ONCE).min(places);
        let mut forgotten = 0;
        while self.idle.next < end && forgotten < FORGOTTEN_AT_ONCE {
            match self.look_whether_idle(self.idle.next) {
                Found::Nothing => {}
                Found::Busy => self.idle.has_busy = true,
                Found::Forgotten => forgotten += 1,
            }
            self.idle.next += 1;
        }
        if self.idle.next < places {
            self.idle.due = Some(now);
            return;
        }
        let has_busy = std::mem::take(&mut self.idle.has_busy);
        self.idle = Sweep { due: has_busy.then(|| now + PERIOD), ..Sweep::default() };
    }

    /// The last holder of a connection is gone: but for what is left to send, it needs no memory any more. Before it is closed.
    pub(crate) fn forget_but_text(&self, tag: u64, id: SocketId) {
        let (Some(passed), Some(places)) = (self.network.passed(id), self.network.text_places(id)) else {
            return;
        };
        let mut table = self.table.lock();
        let Some(entry) = table.entry_mut(tag) else { return };
        // What has all been acknowledged is over soon, and its memory is good for the next connection.
        let is_kept =
            places.iter().all(|(_, len)| *len == 0) || bytes_since(passed, entry.traffic.forgotten) <= KEPT;
        if !is_kept {
            let slot = entry.place();
            table.memory.forget_rings(slot, places);
        }
    }

    fn look_whether_idle(&self, place: usize) -> Found {
        let mut table = self.table.lock();
        let Some(entry) = table.entry_at(place) else { return Found::Nothing };
        let Some(id) = entry.id else { return Found::Nothing };
        let Some(passed) = self.network.passed(id) else { return Found::Nothing };
        if bytes_since(passed, entry.traffic.forgotten) <= KEPT {
            return Found::Nothing;
        }
        if passed != entry.traffic.seen {
            entry.traffic.seen = passed;
            return Found::Busy;
        }
        if !self.network.is_drained(id) {
            return Found::Nothing;
        }
        entry.change_condition(condition::FORGETTING, 0);
        fence(Ordering::SeqCst);
        // What was written under the lock was told before it was free.
        let is_free = !entry.slot.is_send_locked() && self.network.is_drained(id);
        let slot = entry.place();
        if is_free {
            entry.traffic.forgotten = passed;
            table.memory.forget_rings(slot, NOWHERE);
        }
        if let Some(entry) = table.entry_at(place) {
            entry.change_condition(0, condition::FORGETTING);
        }
        if is_free { Found::Forgotten } else { Found::Busy }
    }
}
