//! recv(): out of RecvQ.

use super::wait::{Side, after_signal, deadline};
use super::{Call, CallError, Socket};
use crate::table::condition;
use sockeye_buffer::{Condition, Flag, UrgentByte, distance_to_mark};
use sockeye_stack::Error;
use std::io::IoSliceMut;
use std::sync::atomic::Ordering;

/// What a look at a RecvQ without enough bytes says.
pub(super) enum Looked {
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
                self.note_end(call, word);
                return Ok(done);
            }
            if done > 0 && self.is_stopped(call, start + done) {
                return Ok(done);
            }
            match self.look(word, done)? {
                Looked::Over => {
                    self.note_end(call, word);
                    return Ok(done);
                }
                Looked::Wait => {}
            }
            if !self.may_block(call) {
                self.after_read(call);
                return if done > 0 { Ok(done) } else { Err(Error::WouldBlock.into()) };
            }
            let place = self.place(call, start, done);
            let has_more = || match call.peek {
                true => self.at.reader.len() > place,
                false => sockeye_buffer::held(self.header()) > 0,
            };
            let is_ready = || has_more() || self.is_ended(word);
            if let Err(ended) = self.wait(Side::Receiver, deadline, after_signal(deadline, done), is_ready) {
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

    /// Where the next byte is, counted from the head. A peek that begins at the urgent byte passes it, unless it is read in line.
    fn place(&self, call: Call<'_>, start: usize, done: usize) -> usize {
        if call.peek { start + self.at.reader.before_mark(start).0 + done } else { 0 }
    }

    /// Whether the next byte is the urgent one: of a peek, behind the first `before` bytes.
    fn is_stopped(&self, call: Call<'_>, before: usize) -> bool {
        let distance = if call.peek { before as u64 } else { 0 };
        distance_to_mark(self.header()) == Some(distance)
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
        if done > 0 && self.is_stopped(call, start + done) {
            // As Linux: what was read before the urgent byte is a read of its own.
            return Ok(0);
        }
        let (hidden, _) = reader.before_mark(0);
        if hidden > 0 && !call.peek {
            if reader.consume(hidden) {
                self.ring();
            }
            self.after_urgent(call);
        }
        let before = self.place(call, start, done);
        let (skip, most) = reader.before_mark(before);
        if skip > 0 {
            // It has just come: the next look passes it.
            return Ok(0);
        }
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

    /// After a read: by what the condition said before, has it come to the end of file? With the last byte it has, as on Linux, where a FIN
    /// joins text that waits.
    pub(super) fn note_end(&self, call: Call<'_>, word: u32) {
        let is_at_end = word & Condition::END_OF_FILE != 0 && !call.peek && self.at.reader.is_empty();
        let flags = &self.header().readiness.flags;
        if is_at_end && flags.load(Ordering::Relaxed) & Flag::END_FOUND == 0 {
            flags.fetch_or(Flag::END_FOUND, Ordering::Relaxed);
        }
    }

    /// There are no more bytes now: by what the condition said before, will there be?
    pub(super) fn look(&self, word: u32, done: usize) -> Result<Looked, Error> {
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
            let has_failed = has(condition::FAILED) && self.is_opening();
            if has_failed || has(Condition::CLOSED | Condition::RECV_SHUT) {
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
