//! connect() and accept().

use super::wait::{Ended, Side, deadline};
use super::{Accepted, Call, CallError, Socket};
use crate::proto::{Reply, Request};
use sockeye_buffer::Condition;
use sockeye_stack::Error;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

impl Socket {
    /// connect(): `InProgress` if it does not block; `AlreadyInProgress` when called again meanwhile.
    ///
    /// # Errors
    /// As Linux.
    pub fn connect(&self, call: Call<'_>, address: SocketAddr) -> Result<(), CallError> {
        let word = self.condition()?;
        let is_open = word & (Condition::CONNECTING | Condition::CONNECTED) != 0;
        if !is_open && let Some(error) = self.take_error() {
            // How the last attempt ended.
            return Err(error.into());
        }
        if !is_open {
            self.before_connect(call);
        }
        match self.way.tell(Request::Connect { tag: self.tag(), address }) {
            Ok(()) => {}
            // Interrupted, and called again.
            Err(Error::AlreadyInProgress) if self.may_block(call) => {}
            Err(error) => {
                self.after_write(call);
                return Err(error.into());
            }
        }
        self.after_write(call);
        if !self.may_block(call) {
            return Err(Error::InProgress.into());
        }
        self.wait_until_connected()
    }

    fn wait_until_connected(&self) -> Result<(), CallError> {
        let deadline = deadline(self.send_timeout());
        loop {
            let word = self.condition()?;
            if word & Condition::CONNECTED != 0 {
                return Ok(());
            }
            if word & Condition::CONNECTING == 0 {
                return Err(self.take_error().unwrap_or(Error::ConnectionAborted).into());
            }
            if !self.way.is_alive() {
                return Err(Error::HostGone.into());
            }
            match self.wait(Side::Sender, deadline, || self.is_ended(word)) {
                Ok(()) => {}
                Err(Ended::TimedOut) => return Err(Error::InProgress.into()),
                Err(Ended::Interrupted) => return Err(CallError::Interrupted),
            }
        }
    }

    /// accept(): blocks as O_NONBLOCK, SO_RCVTIMEO and `call` say.
    ///
    /// # Errors
    /// As Linux.
    pub fn accept(&self, call: Call<'_>) -> Result<Accepted, CallError> {
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
                match self.take_waiting() {
                    Err(Error::WouldBlock) => {}
                    taken => {
                        self.after_accept(call);
                        return Ok(taken?);
                    }
                }
            }
            if !self.may_block(call) {
                self.after_accept(call);
                return Err(Error::WouldBlock.into());
            }
            let is_ready = || self.has_waiting() || self.is_ended(word);
            match self.wait(Side::Receiver, deadline, is_ready) {
                Ok(()) => {}
                Err(Ended::TimedOut) => return Err(Error::WouldBlock.into()),
                Err(Ended::Interrupted) => return Err(CallError::Interrupted),
            }
        }
    }

    fn has_waiting(&self) -> bool {
        self.header().engine.accept_len.load(Ordering::Acquire) > 0
    }

    fn take_waiting(&self) -> Result<Accepted, Error> {
        let answer = self.way.call(Request::Accept { tag: self.tag(), token: self.token })?;
        match answer.reply {
            Reply::Accepted(handle, peer) => {
                let socket = Self::new(self.way.clone(), handle, self.token)?;
                Ok(Accepted { socket, token: answer.descriptors.into_iter().next(), peer })
            }
            _ => Err(Error::HostGone),
        }
    }
}
