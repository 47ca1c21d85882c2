//! What the engine tells about a socket: condition bits, wakes, and readiness on the token of a socket that is polled.

use crate::table::{Entry, condition};
use crate::token::EngineEnd;
use sockeye_buffer::token::{self, TokenEnd as _};
use sockeye_buffer::{Condition, Mark, futex, is_readable, is_writable};
use sockeye_stack::{Error, SocketEvent};
use std::sync::atomic::{AtomicU32, Ordering, fence};

impl Entry {
    /// Has who watches look at what [`apply`](Self::apply) has told.
    pub(crate) fn announce(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Readable | SocketEvent::Acceptable | SocketEvent::Urgent => self.post(Mark::RX),
            SocketEvent::Writable => self.post_room(),
            SocketEvent::Remembered | SocketEvent::Drained => {}
            SocketEvent::Connected
            | SocketEvent::EndOfFile
            | SocketEvent::Failed(_)
            | SocketEvent::ReportQueued
            | SocketEvent::Reported(_)
            | SocketEvent::Closed => self.post(Mark::STATE),
        }
        self.mirror();
    }

    /// Marks what happened in the ready lists of all who watch.
    pub(crate) fn post(&self, mark: Mark) {
        self.watchers.iter().for_each(|watcher| watcher.post(mark));
    }

    /// Tells of room in SendQ, if there is some and somebody wants to know.
    pub(crate) fn post_room(&self) {
        let header = self.slot.header();
        let no_space = &header.readiness.no_space;
        // With the fence of who sets it: either it is seen here, or the room is seen there.
        fence(Ordering::SeqCst);
        if no_space.load(Ordering::Relaxed) != 0
            && is_writable(header, self.condition())
            && no_space.swap(0, Ordering::SeqCst) != 0
        {
            self.post(Mark::TX);
        }
    }

    /// SO_RCVLOWAT has changed: as Linux, what is readable now is told as if it had just come.
    pub(crate) fn on_low_water(&self) {
        if is_readable(self.slot.header()) {
            self.post(Mark::RX);
            self.show_edge();
        }
    }

    /// Tells the program what happened, in the slot's words, and wakes who waits in a call. Then [`announce`](Self::announce).
    pub(crate) fn apply(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Connected => {
                self.change_condition(Condition::CONNECTED, Condition::CONNECTING | condition::DEFERRED);
                self.wake_readers();
                self.wake_writers();
            }
            SocketEvent::Readable => {
                self.wake_readers();
                self.show_edge();
            }
            SocketEvent::Urgent => self.show_urgent(),
            SocketEvent::Remembered => self.change_condition(condition::SOFT_ERROR, 0),
            SocketEvent::Acceptable => {
                self.slot.header().engine.accept_tail.fetch_add(1, Ordering::SeqCst);
                self.wake_readers();
                self.show_edge();
            }
            SocketEvent::Writable => self.wake_writers_if_room(),
            SocketEvent::EndOfFile => {
                self.change_condition(Condition::END_OF_FILE, 0);
                self.wake_readers();
            }
            SocketEvent::Drained => {
                self.change_condition(Condition::DRAINED, 0);
                self.wake_writers();
            }
            SocketEvent::Failed(error) => self.on_failed(error),
            SocketEvent::ReportQueued => {
                self.change_condition(condition::REPORTS, 0);
                self.wake_readers();
                self.show_report();
            }
            SocketEvent::Reported(error) => {
                self.slot.header().engine.error.store(error.code(), Ordering::SeqCst);
                self.wake_readers();
                self.wake_writers();
            }
            SocketEvent::Closed => {
                if self.condition() & Condition::CONNECTED != 0 {
                    self.change_condition(Condition::CLOSED | Condition::SEND_SHUT, 0);
                }
                self.wake_readers();
                self.wake_writers();
            }
        }
    }

    /// A failed open leaves a socket that may try again; anything later ends it.
    fn on_failed(&mut self, error: Error) {
        self.slot.header().engine.error.store(error.code(), Ordering::SeqCst);
        let ended = match self.condition() & (Condition::CONNECTED | Condition::CONNECTING) {
            0 => 0,
            Condition::CONNECTING => condition::FAILED,
            _ => Condition::CLOSED | Condition::SEND_SHUT,
        };
        self.change_condition(ended, Condition::CONNECTING | condition::DEFERRED);
        self.wake_readers();
        self.wake_writers();
        self.show_reset();
    }

    /// Brings the token of a socket that is polled up to date.
    pub(crate) fn mirror(&mut self) {
        if self.slot.header().readiness.armed.load(Ordering::Relaxed) != 0 {
            self.mirror_to_token();
        }
    }

    fn mirror_to_token(&mut self) {
        let word = self.condition();
        let Some(token) = &self.token else { return };
        if self.shown.show(self.slot.header(), word, &token.end()) {
            self.show_hang_up();
        }
    }

    /// What arrives is an edge of its own for who is told of edges, also while the token is readable.
    fn show_edge(&self) {
        if let Some(token) = &self.token {
            token::show_edge(self.slot.header(), &token.end());
        }
    }

    /// Who was filling the token, or draining it, is gone.
    pub(crate) fn mend_token(&mut self) {
        let header = self.slot.header();
        if header.readiness.armed.load(Ordering::Relaxed) != 0
            && let Some(token) = &self.token
        {
            token::mend(header, &token.end());
            self.mirror();
        }
    }

    /// Urgent data were announced: whoever F_SETOWN names is told by the kernel (SIGURG), also if nobody polls.
    fn show_urgent(&mut self) {
        self.wake_readers();
        let end = self.token.as_ref().map(EngineEnd::end);
        self.shown.show_urgent(self.slot.header(), end.as_ref());
    }

    /// Who polls looks at the words once the token says anything.
    fn show_report(&self) {
        if let Some(token) = &self.token {
            token::show_report(self.slot.header(), &token.end());
        }
    }

    /// Both directions are shut and everything is read.
    fn show_hang_up(&mut self) {
        if let Some(token) = self.token.as_ref().filter(|_| !self.armers.is_empty()) {
            token::show_hang_up(&token.end());
            self.close_token();
        }
    }

    /// A reset is shown by closing the engine's end. From then on only the processes that armed it can tell that it is closed.
    pub(crate) fn show_reset(&mut self) {
        let Some(token) = &self.token else { return };
        if self.slot.header().readiness.armed.load(Ordering::Relaxed) == 0 {
            return;
        }
        if self.armers.is_empty() {
            // Who armed it is gone, and a forked child that uses it has not told: without the token nobody would tell its end.
            token.end().shut();
            return;
        }
        self.close_token();
    }

    fn close_token(&mut self) {
        self.change_condition(condition::TOKEN_CLOSED, 0);
        self.token = None;
    }

    pub(crate) fn wake_readers(&self) {
        let header = self.slot.header();
        wake(&header.receiver.rx_wait, &header.engine.rx_seq);
    }

    pub(crate) fn wake_writers(&self) {
        let header = self.slot.header();
        wake(&header.sender.tx_wait, &header.engine.tx_seq);
    }

    /// As Linux: a writer that waits is not woken for a little room, unless it has waited for long.
    fn wake_writers_if_room(&self) {
        let header = self.slot.header();
        // As in `wake`.
        fence(Ordering::SeqCst);
        let is_eager = header.sender.tx_wait.load(Ordering::Relaxed) == EAGER;
        if is_eager || is_writable(header, self.condition()) {
            self.wake_writers();
        }
    }
}

/// What `tx_wait` holds for a writer that takes any room.
pub(crate) const EAGER: u32 = 2;

/// With the fence in the program's wait: either its flag is seen here, or it sees what was published before this.
fn wake(waiting: &AtomicU32, sequence: &AtomicU32) {
    fence(Ordering::SeqCst);
    if waiting.load(Ordering::Relaxed) != 0 && waiting.swap(0, Ordering::SeqCst) != 0 {
        sequence.fetch_add(1, Ordering::SeqCst);
        futex::wake_all(sequence);
    }
}
