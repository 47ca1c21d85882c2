//! The program's part in keeping the token's readiness true.

use super::{Call, Socket};
use crate::mirror::{EMPTY, FILLING, FULL, MANY_EDGES};
use crate::proto::Request;
use crate::table::condition;
use crate::{mirror, token};
use sockeye_buffer::{Condition, is_urgent_here};
use sockeye_stack::Error;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{Ordering, fence};

impl Socket {
    /// Called before the token is given to select, poll or epoll: from now on its kernel readiness follows the socket's (first
    /// call: one request to the engine). Called again before each poll/select it brings the token up to date.
    ///
    /// # Errors
    /// `HostGone`.
    pub fn arm(&self, token: BorrowedFd<'_>) -> Result<(), Error> {
        let epoch = self.way.epoch();
        if self.armed_in.load(Ordering::Acquire) != epoch {
            if self.header().readiness.prepared.swap(1, Ordering::SeqCst) == 0 {
                token::prepare(token);
            }
            self.way.tell(Request::Arm { tag: self.tag() })?;
            self.armed_in.store(epoch, Ordering::Release);
        } else if !self.way.is_alive() {
            return Err(Error::HostGone);
        }
        let call = Call { token: Some(token), ..Call::default() };
        let lock = self.at.slot.lock_send();
        if lock.is_held() {
            self.after_write(call);
        }
        drop(lock);
        let lock = self.at.slot.lock_recv();
        if lock.is_held() && !mirror::is_readable(self.header()) && !is_urgent_here(self.header()) {
            self.after_read(call);
        }
        Ok(())
    }

    /// Called after [`arm`](Self::arm) when the token is put into an epoll set with EPOLLET: what arrives while it is readable is
    /// shown too.
    pub fn show_edges(&self) {
        self.header().readiness.armed.fetch_max(mirror::ARMED_FOR_EDGES, Ordering::SeqCst);
    }

    /// Before a connection is begun: however soon it is there, the token shows it as a change.
    pub(super) fn before_connect(&self, call: Call<'_>) {
        let Some(token) = self.mirrored(call) else { return };
        self.fill_token(token);
    }

    /// Makes the token not writable, unless it is so or somebody is at it.
    fn fill_token(&self, token: BorrowedFd<'_>) {
        let filled = &self.header().readiness.tx_token;
        if filled.compare_exchange(EMPTY, FILLING, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            token::fill(token);
            filled.store(FULL, Ordering::SeqCst);
        }
    }

    /// Bytes were read, or there were none. For a caller that holds the receive lock, unless there were none.
    pub(super) fn after_read(&self, call: Call<'_>) {
        let Some(token) = self.mirrored(call) else { return };
        let header = self.header();
        let word = header.engine.condition.load(Ordering::SeqCst);
        if word & (Condition::END_OF_FILE | Condition::RECV_SHUT) != 0 {
            // Readable for ever; and if it is shut for writing, too, the token has hung up once all is read.
            if mirror::is_hung_up(word) && mirror::held(header) == 0 {
                self.ring();
            }
            return;
        }
        if header.readiness.rx_token.swap(0, Ordering::SeqCst) == 0 && mirror::is_readable(header) {
            return;
        }
        fence(Ordering::SeqCst);
        if mirror::is_readable(header) || is_urgent_here(header) {
            // The byte stays, and what arrives next is an edge of its own, for which there must be room.
            if header.readiness.shown_edges.load(Ordering::Relaxed) > MANY_EDGES {
                header.readiness.shown_edges.store(0, Ordering::SeqCst);
                token::take_surplus(token);
            }
            return;
        }
        match header.readiness.urgent_token.swap(0, Ordering::SeqCst) {
            0 => token::drain(token),
            _ => token::drain_urgent(token),
        }
        // What the engine has shown since may be among what was just taken, also if somebody has read what it was about.
        header.readiness.rx_token.store(0, Ordering::SeqCst);
        header.readiness.urgent_token.store(0, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        if mirror::is_readable(header) || is_urgent_here(header) {
            self.ring();
        }
    }

    /// The urgent byte may have been taken or passed. For a caller that holds the receive lock.
    pub(super) fn after_urgent(&self, call: Call<'_>) {
        let header = self.header();
        if header.readiness.urgent_token.load(Ordering::Relaxed) == 0 || is_urgent_here(header) {
            return;
        }
        let Some(token) = self.token_of(call) else { return };
        header.readiness.urgent_token.store(0, Ordering::SeqCst);
        token::take_urgent(token);
        fence(Ordering::SeqCst);
        if is_urgent_here(header) {
            // It came meanwhile, and its byte may be the one just taken.
            self.ring();
        }
        if !mirror::is_readable(header) {
            self.after_read(call);
        }
    }

    /// A connection was accepted, or there was none.
    pub(super) fn after_accept(&self, call: Call<'_>) {
        let lock = self.at.slot.lock_recv();
        if lock.is_held() {
            self.after_read(call);
        }
    }

    /// Bytes were written, or a connection begun: if the socket is not writable, neither is the token. For a caller that holds
    /// the send lock, or that nobody else can write beside.
    pub(super) fn after_write(&self, call: Call<'_>) {
        let Some(token) = self.mirrored(call) else { return };
        let header = self.header();
        if self.is_writable() {
            if header.readiness.tx_token.load(Ordering::SeqCst) != EMPTY {
                self.ring();
            }
            return;
        }
        self.fill_token(token);
        fence(Ordering::SeqCst);
        if self.is_writable() {
            // There was room before the token was full: the engine has not emptied it.
            self.ring();
        }
    }

    /// Not all that was to be written was: as on Linux the next room is told, also if there is some by now.
    pub(super) fn after_short_write(&self, call: Call<'_>) {
        if let Some(token) = self.mirrored(call) {
            self.fill_token(token);
        }
        if self.wants_room() {
            self.ring();
        }
    }

    /// Asks to be told of room in SendQ. Whether there is some already.
    pub(super) fn wants_room(&self) -> bool {
        self.header().readiness.no_space.store(1, Ordering::SeqCst);
        // With the fence in the engine's `post_room`.
        fence(Ordering::SeqCst);
        self.is_writable()
    }

    /// Whether the token shows a reset, and so cannot tell the engine that this process is done with it.
    pub(super) fn is_token_closed(&self) -> bool {
        self.armed_in.load(Ordering::Relaxed) == self.way.epoch()
            && self.condition().is_ok_and(|word| word & condition::TOKEN_CLOSED != 0)
    }

    fn is_writable(&self) -> bool {
        let header = self.header();
        mirror::is_writable(header, header.engine.condition.load(Ordering::SeqCst))
    }

    /// The token, if its readiness follows the socket's.
    fn mirrored<'a>(&'a self, call: Call<'a>) -> Option<BorrowedFd<'a>> {
        let is_armed = self.header().readiness.armed.load(Ordering::Relaxed) != 0;
        if is_armed { self.token_of(call) } else { None }
    }

    /// The token, if the engine's end of it is open.
    fn token_of<'a>(&'a self, call: Call<'a>) -> Option<BorrowedFd<'a>> {
        let is_closed = || self.condition().map_or(true, |word| word & condition::TOKEN_CLOSED != 0);
        let token = self.kept.get().map(AsFd::as_fd).or(call.token);
        token.filter(|_| !is_closed())
    }
}
