//! recv(): out of RecvQ.

use super::wait::{Side, deadline};
use super::{Call, CallError, Socket};
use crate::mirror;
use sockeye_buffer::{Condition, UrgentByte};
use sockeye_stack::Error;
use std::io::IoSliceMut;
use std::sync::atomic::Ordering;

/// What a look at a RecvQ without enough bytes says.
enum Looked {
    /// The call is over with what it has.
    Over,
    /// More may come.
    Wait,
}

impl Socket {
    /// recv(), read(), readv(): bytes; 0 is end of file.
    ///
    /// # Errors
    /// As Linux.
    pub fn recv(&self, call: Call<'_>, buffers: &mut [IoSliceMut<'_>]) -> Result<usize, CallError> {
        let start = self.peek_offset().filter(|_| call.peek).map_or(0, |offset| offset as usize);
        let received = self.recv_from(call, buffers, start)?;
        self.move_peek_offset(call.peek, received);
        Ok(received)
    }

    /// As `recv()`; a peek begins `start` bytes behind the head.
    fn recv_from(
        &self,
        call: Call<'_>,
        buffers: &mut [IoSliceMut<'_>],
        start: usize,
    ) -> Result<usize, CallError> {
        let wanted: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let enough = match call.wait_all {
            true => wanted,
            false => wanted.min(self.recv_low_water() as usize),
        };
        let deadline = deadline(self.recv_timeout());
        let mut done = 0;
        loop {
            // The word before the bytes: what it says came after them.
            let word = self.condition()?;
            done += self.take(call, buffers, (start, done))?;
            if done >= enough && (done > 0 || wanted == 0) {
                return Ok(done);
            }
            if done > 0 && self.is_at_mark() {
                return Ok(done);
            }
            match self.look(word, done)? {
                Looked::Over => return Ok(done),
                Looked::Wait => {}
            }
            if !self.may_block(call) {
                self.after_read(call);
                return if done > 0 { Ok(done) } else { Err(Error::WouldBlock.into()) };
            }
            let held = if call.peek { (start + done) as u64 } else { 0 };
            let is_ready = || mirror::held(self.header()) > held || self.is_ended(word);
            if let Err(ended) = self.wait(Side::Receiver, deadline, is_ready) {
                return ended.after(done);
            }
        }
    }

    /// recv(MSG_OOB): the urgent byte; `None` after the end of the stream.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none to be read apart, `WouldBlock` if it was announced and has not come, `NotConnected`.
    pub fn recv_urgent(&self, call: Call<'_>) -> Result<Option<u8>, Error> {
        let word = self.condition()?;
        if word & (Condition::CONNECTED | Condition::CONNECTING) == 0 {
            return Err(Error::NotConnected);
        }
        let lock = self.at.slot.lock_recv();
        if !lock.is_held() {
            return Err(Error::WouldBlock);
        }
        let urgent = self.at.reader.take_urgent(call.peek);
        self.after_urgent(call);
        match urgent {
            UrgentByte::Here(byte) => Ok(Some(byte)),
            UrgentByte::None => Err(Error::InvalidArgument),
            UrgentByte::Awaited if word & (Condition::CLOSED | Condition::RECV_SHUT) != 0 => Ok(None),
            UrgentByte::Awaited => Err(Error::WouldBlock),
        }
    }

    /// SIOCATMARK: whether the next byte is the urgent one.
    #[must_use]
    pub fn is_at_mark(&self) -> bool {
        self.at.reader.is_at_mark()
    }

    /// Copies what there is behind the first `done` bytes of `buffers`. A peek begins `start` bytes behind the head again.
    fn take(
        &self,
        call: Call<'_>,
        buffers: &mut [IoSliceMut<'_>],
        (start, done): (usize, usize),
    ) -> Result<usize, Error> {
        let lock = self.at.slot.lock_recv();
        if !lock.is_held() {
            return Err(Error::WouldBlock);
        }
        let reader = &self.at.reader;
        let (hidden, most) = reader.before_mark();
        if done > 0 && (hidden > 0 || reader.is_at_mark()) {
            // As Linux: what was read before the urgent byte is a read of its own.
            return Ok(0);
        }
        if hidden > 0 && !call.peek && reader.consume(hidden) {
            self.ring();
        }
        let before = if call.peek { start + done + hidden } else { 0 };
        let (mut skip, mut taken) = (done, 0);
        for buffer in buffers {
            let offset = skip.min(buffer.len());
            skip -= offset;
            let rest = &mut buffer[offset..];
            let room = rest.len().min(most.saturating_sub(taken));
            let rest = &mut rest[..room];
            let copied = reader.peek(before + taken, rest);
            taken += copied;
            if copied < rest.len() || taken == most {
                break;
            }
        }
        if call.peek || taken == 0 {
            return Ok(taken);
        }
        let must_ring = reader.consume(taken);
        self.after_urgent(call);
        self.after_read(call);
        if must_ring {
            self.ring();
        }
        Ok(taken)
    }

    /// There are no more bytes now: by what the condition said before, will there be?
    fn look(&self, word: u32, done: usize) -> Result<Looked, Error> {
        let has = |bits: u32| word & bits != 0;
        if has(Condition::END_OF_FILE) {
            return Ok(Looked::Over);
        }
        if done > 0 && has(Condition::CLOSED | Condition::RECV_SHUT) {
            return Ok(Looked::Over);
        }
        if done == 0 {
            let is_pending = self.header().engine.error.load(Ordering::Relaxed) != 0;
            if let Some(error) = is_pending.then(|| self.take_error()).flatten() {
                return Err(error);
            }
            if has(Condition::CLOSED | Condition::RECV_SHUT) {
                return Ok(Looked::Over);
            }
            if !has(Condition::CONNECTED | Condition::CONNECTING) {
                return Err(Error::NotConnected);
            }
        }
        match (self.way.is_alive(), done) {
            (true, _) => Ok(Looked::Wait),
            (false, 0) => Err(Error::HostGone),
            (false, _) => Ok(Looked::Over),
        }
    }

    /// Whether the condition has changed, or an error is pending: the caller looks again.
    pub(super) fn is_ended(&self, word: u32) -> bool {
        self.header().engine.condition.load(Ordering::SeqCst) != word
            || self.header().engine.error.load(Ordering::SeqCst) != 0
    }
}
