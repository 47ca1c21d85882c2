//! The program's part in keeping the token's readiness true.

use super::{Call, Socket};
use crate::proto::Request;
use crate::table::condition;
use crate::token::End;
use sockeye_buffer::token::{ARMED_FOR_EDGES, program};
use sockeye_buffer::{is_readable, is_urgent_here};
use sockeye_stack::Error;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::Ordering;

impl Socket {
    /// Called before the token is given to select, poll or epoll: from now on its kernel readiness follows the socket's (first
    /// call: one request to the engine). Called again before each poll/select it brings the token up to date.
    ///
    /// # Errors
    /// `HostGone`.
    pub fn arm(&self, token: BorrowedFd<'_>) -> Result<(), Error> {
        let epoch = self.way.epoch();
        if self.armed_in.load(Ordering::Acquire) != epoch {
            program::prepare(self.header(), &End(token));
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
        if lock.is_held() && !is_readable(self.header()) && !is_urgent_here(self.header()) {
            self.after_read(call);
        }
        Ok(())
    }

    /// Called after [`arm`](Self::arm) when the token is put into an epoll set with EPOLLET: what arrives while it is readable is
    /// shown too.
    pub fn show_edges(&self) {
        self.header().readiness.armed.fetch_max(ARMED_FOR_EDGES, Ordering::SeqCst);
    }

    /// Before a connection is begun: however soon it is there, the token shows it as a change.
    pub(super) fn before_connect(&self, call: Call<'_>) {
        if let Some(token) = self.mirrored(call) {
            program::fill(self.header(), &token);
        }
    }

    /// Bytes were read, or there were none. For a caller that holds the receive lock, unless there were none.
    pub(super) fn after_read(&self, call: Call<'_>) {
        if self.mirrored(call).is_some_and(|token| program::after_read(self.header(), &token)) {
            self.ring();
        }
    }

    /// The urgent byte may have been taken or passed. For a caller that holds the receive lock.
    pub(super) fn after_urgent(&self, call: Call<'_>) {
        let header = self.header();
        if !program::is_urgent_over(header) {
            return;
        }
        let Some(token) = self.token_of(call) else { return };
        if program::after_urgent(header, &token) {
            self.ring();
        }
        if !is_readable(header) {
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
        if self.mirrored(call).is_some_and(|token| program::after_write(self.header(), &token)) {
            self.ring();
        }
    }

    /// Not all that was to be written was: as on Linux the next room is told, also if there is some by now.
    pub(super) fn after_short_write(&self, call: Call<'_>) {
        if program::after_short_write(self.header(), self.mirrored(call).as_ref()) {
            self.ring();
        }
    }

    /// Asks to be told of room in SendQ. Whether there is some already.
    pub(super) fn wants_room(&self) -> bool {
        program::wants_room(self.header())
    }

    /// Whether the token shows a reset, and so cannot tell the engine that this process is done with it.
    pub(super) fn is_token_closed(&self) -> bool {
        self.armed_in.load(Ordering::Relaxed) == self.way.epoch()
            && self.condition().is_ok_and(|word| word & condition::TOKEN_CLOSED != 0)
    }

    /// The token, if its readiness follows the socket's.
    fn mirrored<'a>(&'a self, call: Call<'a>) -> Option<End<'a>> {
        let is_armed = self.header().readiness.armed.load(Ordering::Relaxed) != 0;
        if is_armed { self.token_of(call) } else { None }
    }

    /// The token, if the engine's end of it is open.
    fn token_of<'a>(&'a self, call: Call<'a>) -> Option<End<'a>> {
        let is_closed = || self.condition().map_or(true, |word| word & condition::TOKEN_CLOSED != 0);
        let token = self.kept.get().map(AsFd::as_fd).or(call.token);
        token.filter(|_| !is_closed()).map(End)
    }
}
