//! connect() and accept().

use super::wait::{Ended, Side, after_signal, deadline};
use super::{Accepted, Call, CallError, Holder, Socket};
use crate::proto::{Handle, Reply, Request};
use crate::table::condition;
use sockeye_buffer::Condition;
use sockeye_buffer::accept_queue::{Claimant, Found, Waiting};
use sockeye_stack::Error;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

impl Socket {
    /// connect(): `InProgress` if it does not block; `AlreadyInProgress` when called again meanwhile. The first call after the end of
    /// such an open tells how it ended.
    ///
    /// # Errors
    /// As Linux.
    pub fn connect(&self, call: Call<'_>, address: SocketAddr) -> Result<(), CallError> {
        let word = self.condition()?;
        if self.is_opening() && word & condition::DEFERRED == 0 {
            return self.connect_again(call, word);
        }
        if is_idle(word) {
            self.before_connect(call);
        }
        let asked = self.way.tell(Request::Connect { tag: self.tag(), address });
        self.after_write(call);
        asked?;
        if self.condition()? & condition::DEFERRED != 0 {
            // RFC 7413: there is a cookie, so the SYN waits for text.
            return Ok(());
        }
        if !self.may_block(call) {
            return Err(Error::InProgress.into());
        }
        self.wait_until_connected()
    }

    /// connect() while an open is under way, or after one that nobody has been told the end of.
    fn connect_again(&self, call: Call<'_>, word: u32) -> Result<(), CallError> {
        match word & Condition::CONNECTING {
            0 => self.opened(word).map_err(CallError::from),
            _ if self.may_block(call) => self.wait_until_connected(),
            _ => Err(Error::AlreadyInProgress.into()),
        }
    }

    /// How an open ended: told once.
    fn opened(&self, word: u32) -> Result<(), Error> {
        self.header().readiness.opening.store(0, Ordering::SeqCst);
        if word & (Condition::CONNECTED | Condition::CLOSED) == Condition::CONNECTED {
            return Ok(());
        }
        Err(self.take_error().unwrap_or(Error::ConnectionAborted))
    }

    /// Whether nobody has been told yet how an open ended.
    pub(super) fn is_opening(&self) -> bool {
        self.header().readiness.opening.load(Ordering::SeqCst) != 0
    }

    pub(super) fn wait_until_connected(&self) -> Result<(), CallError> {
        let deadline = deadline(self.send_timeout());
        loop {
            let word = self.condition()?;
            if word & Condition::CONNECTING == 0 {
                return self.opened(word).map_err(CallError::from);
            }
            if !self.way.is_alive() {
                return Err(Error::HostGone.into());
            }
            match self.wait(Side::Sender, deadline, after_signal(deadline, 0), || self.is_ended(word)) {
                Ok(()) => {}
                Err(Ended::TimedOut) => return Err(Error::InProgress.into()),
                Err(Ended::Interrupted) => return Err(CallError::Interrupted),
            }
        }
    }

    /// accept(): blocks as O_NONBLOCK, SO_RCVTIMEO and `call` say. What the program needs for the connection, a descriptor, it gets by
    /// `prepare` once there is one: if it cannot be had, the connection stays in the queue.
    ///
    /// # Errors
    /// As Linux; what `prepare` says.
    pub fn accept<T>(
        &self,
        call: Call<'_>,
        prepare: impl Fn() -> Result<T, Error>,
    ) -> Result<(Accepted, T), CallError> {
        let deadline = deadline(self.recv_timeout());
        loop {
            let word = self.condition()?;
            if word & Condition::LISTENING == 0 || word & Condition::RECV_SHUT != 0 {
                return Err(Error::InvalidArgument.into());
            }
            if !self.way.is_alive() {
                return Err(Error::HostGone.into());
            }
            if self.has_waiting() {
                let prepared = prepare()?;
                match self.take_waiting() {
                    Err(Error::WouldBlock) => {}
                    taken => {
                        self.after_accept(call);
                        return Ok((taken?, prepared));
                    }
                }
            }
            if !self.may_block(call) {
                self.after_accept(call);
                return Err(Error::WouldBlock.into());
            }
            let is_ready = || self.has_waiting() || self.is_ended(word);
            match self.wait(Side::Receiver, deadline, after_signal(deadline, 0), is_ready) {
                Ok(()) => {}
                Err(Ended::TimedOut) => return Err(Error::WouldBlock.into()),
                Err(Ended::Interrupted) => return Err(CallError::Interrupted),
            }
        }
    }

    fn has_waiting(&self) -> bool {
        self.header().waiting() > 0
    }

    fn take_waiting(&self) -> Result<Accepted, Error> {
        // The engine gives connections only to who has the listener, as it is told once by this.
        let is_known = self.watch().is_ok();
        if let Some(by) = is_known.then(|| self.way.claimant()).flatten() {
            if let Some(waiting) = self.take_offered(by) {
                return self.accepted(by, waiting);
            }
            self.way.give_back_claimant(by);
        }
        match self.way.call(Request::Accept { tag: self.tag() })?.reply {
            Reply::Accepted(handle, peer) => {
                Ok(Accepted { socket: Self::new(self.way.clone(), handle, Holder::ThisProcess)?, peer })
            }
            _ => Err(Error::HostGone),
        }
    }
}

impl Socket {
    /// Takes the connection that has waited longest, if the engine offers it.
    fn take_offered(&self, by: Claimant) -> Option<Waiting> {
        let head = &self.header().receiver.accept_head;
        loop {
            let position = head.load(Ordering::Acquire);
            let found = self.at.slot.accept_queue().take(position, by);
            if found == Found::Nothing {
                if head.load(Ordering::Acquire) == position {
                    return None;
                }
                continue;
            }
            // Whoever is killed here is helped by the next.
            let _ = head.compare_exchange(
                position,
                position.wrapping_add(1),
                Ordering::SeqCst,
                Ordering::Relaxed,
            );
            if let Found::Taken(waiting) = found {
                return Some(waiting);
            }
        }
    }

    /// The socket of a connection that this process has taken.
    fn accepted(&self, by: Claimant, waiting: Waiting) -> Result<Accepted, Error> {
        // Before anything is asked of the connection.
        self.way.note(&self.at);
        let Waiting { tag, arena, index, peer } = waiting;
        let handle = Handle { tag, arena, index, family: self.family(), watch: by.watch().into() };
        Ok(Accepted { socket: Self::new(self.way.clone(), handle, Holder::ThisProcess)?, peer })
    }
}

/// Whether a condition word is that of a socket which may be opened.
pub(super) fn is_idle(word: u32) -> bool {
    word & (Condition::CONNECTING | Condition::CONNECTED | Condition::LISTENING) == 0
}
