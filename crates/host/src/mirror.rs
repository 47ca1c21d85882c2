//! What the engine tells about a socket: condition bits, wakes, and readiness on the token of a socket that is polled.

use crate::table::{Entry, condition};
use sockeye_buffer::{Condition, Mark, SlotHeader, futex, is_hidden_next, is_urgent_here};
use sockeye_stack::{Error, SocketEvent};
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// What `armed` says once the socket is polled.
pub(crate) const ARMED: u32 = 1;
/// What it says once it is in an epoll set with EPOLLET.
pub(crate) const ARMED_FOR_EDGES: u32 = 2;

/// What `tx_token` says: the program makes EMPTY FILLING and that FULL, the engine makes FULL EMPTY.
pub(crate) const EMPTY: u32 = 0;
/// A program is just filling it.
pub(crate) const FILLING: u32 = 1;
/// It is not writable.
pub(crate) const FULL: u32 = 2;
/// Edges shown by so many bytes more are reason to take them away: some 270 would be all that fit.
pub(crate) const MANY_EDGES: u32 = 64;

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
            && is_writable(header, header.engine.condition.load(Ordering::Relaxed))
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
        let header = self.slot.header();
        let Some(token) = &self.token else { return };
        fence(Ordering::SeqCst);
        let readiness = &header.readiness;
        if is_readable(header) && readiness.rx_token.swap(1, Ordering::SeqCst) == 0 {
            token.show_readable();
        }
        // It was announced before it came, and what was shown then may have been taken away by who found nothing.
        let is_announced = header.urgent.mark.load(Ordering::Relaxed) == self.urgent_mark;
        if is_announced && is_urgent_here(header) && readiness.urgent_token.swap(1, Ordering::SeqCst) == 0 {
            token.show_urgent();
        }
        let word = header.engine.condition.load(Ordering::Relaxed);
        // Who is filling it rings when it is full.
        if is_writable(header, word) && readiness.tx_token.load(Ordering::SeqCst) == FULL {
            token.show_writable();
            readiness.tx_token.store(EMPTY, Ordering::SeqCst);
        }
        if word & (Condition::END_OF_FILE | Condition::RECV_SHUT | Condition::CLOSED) != 0 && !self.fin_shown
        {
            token.show_fin();
            self.fin_shown = true;
        }
        // What ended with an error that nobody has read is shown by a reset.
        if is_hung_up(word) && held(header) == 0 && header.engine.error.load(Ordering::SeqCst) == 0 {
            self.show_hang_up();
        }
    }

    /// What arrives is an edge of its own for who is told of edges, also while the token is readable.
    fn show_edge(&self) {
        let readiness = &self.slot.header().readiness;
        if readiness.armed.load(Ordering::Relaxed) == ARMED_FOR_EDGES
            && readiness.rx_token.load(Ordering::SeqCst) == 1
            && let Some(token) = &self.token
        {
            token.show_readable();
            readiness.shown_edges.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Who was filling the token is gone.
    pub(crate) fn mend_token(&mut self) {
        let filled = &self.slot.header().readiness.tx_token;
        if let Some(token) = self.token.as_ref().filter(|_| filled.load(Ordering::SeqCst) == FILLING) {
            token.show_writable();
            filled.store(EMPTY, Ordering::SeqCst);
        }
        self.mirror();
    }

    /// Urgent data were announced: whoever F_SETOWN names is told by the kernel (SIGURG), also if nobody polls.
    fn show_urgent(&mut self) {
        self.wake_readers();
        self.urgent_mark = self.slot.header().urgent.mark.load(Ordering::Relaxed);
        if let Some(token) = &self.token {
            self.slot.header().readiness.urgent_token.store(1, Ordering::SeqCst);
            token.show_urgent();
        }
    }

    /// Who polls looks at the words once the token says anything.
    fn show_report(&self) {
        let readiness = &self.slot.header().readiness;
        if readiness.armed.load(Ordering::Relaxed) != 0
            && readiness.rx_token.swap(1, Ordering::SeqCst) == 0
            && let Some(token) = &self.token
        {
            token.show_readable();
        }
    }

    /// Both directions are shut and everything is read: shown as a reset is, but without the bytes that make the kernel say so.
    fn show_hang_up(&mut self) {
        if let Some(token) = self.token.as_ref().filter(|_| !self.armers.is_empty()) {
            token.empty();
            self.change_condition(condition::TOKEN_CLOSED, 0);
            self.token = None;
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
            token.show_fin();
            return;
        }
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
        if is_eager || is_writable(header, header.engine.condition.load(Ordering::Relaxed)) {
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

/// Whether both directions of what was a connection are shut.
pub(crate) fn is_hung_up(condition: u32) -> bool {
    const RECV: u32 = Condition::END_OF_FILE | Condition::RECV_SHUT | Condition::CLOSED;
    condition & RECV != 0 && condition & Condition::SEND_SHUT != 0
}

/// Whether there is something to read or to accept.
pub(crate) fn is_readable(header: &SlotHeader) -> bool {
    let held = held(header);
    let low_water = u64::from(header.readiness.recv_low_water.load(Ordering::Relaxed).max(1));
    let limit = u64::from(header.engine.recv_limit.load(Ordering::Relaxed).max(1));
    held >= low_water.min(limit) || header.waiting() > 0
}

/// Bytes in RecvQ.
pub(crate) fn held(header: &SlotHeader) -> u64 {
    let head = header.receiver.recv_head.load(Ordering::Relaxed);
    let held = header.engine.recv_tail.load(Ordering::Acquire).saturating_sub(head);
    // The urgent byte that is next is passed, not read.
    held.saturating_sub(u64::from(is_hidden_next(header)))
}

/// Linux's rule: at least a third of SO_SNDBUF is free; or writing fails at once.
pub(crate) fn is_writable(header: &SlotHeader, condition: u32) -> bool {
    if condition & (Condition::SEND_SHUT | Condition::CLOSED) != 0 {
        return true;
    }
    if condition & Condition::CONNECTED == 0 {
        return condition & (Condition::CONNECTING | Condition::LISTENING) == 0;
    }
    let head = header.engine.send_head.load(Ordering::Acquire);
    let sent = header.sender.send_tail.load(Ordering::Acquire).saturating_sub(head);
    let limit = u64::from(header.engine.send_limit.load(Ordering::Relaxed));
    limit.saturating_sub(sent).saturating_mul(3) >= limit && header.is_unsent_low()
}
