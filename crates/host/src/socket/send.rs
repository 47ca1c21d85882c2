//! send(): into SendQ.

use super::payload::{CHUNK, Payload, Source};
use super::wait::{Ended, Side, after_signal, deadline};
use super::{Call, CallError, FileError, Socket};
use crate::proto::Request;
use crate::table::condition;
use sockeye_buffer::{Condition, LockGuard, SendQWriter};
use sockeye_clock::monotonic;
use sockeye_stack::{Error, Mark};
use std::io::IoSlice;
use std::os::fd::BorrowedFd;
use std::sync::atomic::Ordering;
use std::thread::yield_now;
use std::time::Duration;

/// How long a blocked writer waits for a third of the room before it takes any.
const CALM: Duration = Duration::from_millis(10);

impl Socket {
    /// send(), write(), writev(): bytes taken. Blocks until all are taken, unless told otherwise.
    ///
    /// # Errors
    /// As Linux; `BrokenPipe` is where SIGPIPE is due.
    pub fn send(&self, call: Call<'_>, buffers: &[IoSlice<'_>]) -> Result<usize, CallError> {
        let sent = self.send_all(call, buffers)?;
        self.report_zero_copy(call, sent);
        Ok(sent)
    }

    /// MSG_ZEROCOPY: the error queue is to tell when what was sent is acknowledged.
    pub(super) fn report_zero_copy(&self, call: Call<'_>, sent: usize) {
        if call.zero_copy && sent > 0 {
            let offset = self.header().sender.send_tail.load(Ordering::Relaxed);
            // The bytes are taken, whatever becomes of the report.
            let _ = self.way.tell(Request::Mark { tag: self.tag(), mark: Mark::ZeroCopy, offset });
        }
    }

    fn send_all(&self, call: Call<'_>, buffers: &[IoSlice<'_>]) -> Result<usize, CallError> {
        match self.condition()? & condition::DEFERRED {
            0 => self.send_rest(call, &mut { buffers }, 0),
            _ => self.open_with_text(call, buffers, None),
        }
    }

    /// sendfile(): up to `count` bytes of a file from `start` on, read straight into SendQ. Fewer if the file ends.
    ///
    /// # Errors
    /// As `send()`; what the system says of the file.
    pub fn send_file(
        &self,
        call: Call<'_>,
        file: BorrowedFd<'_>,
        start: u64,
        count: usize,
    ) -> Result<usize, FileError> {
        if self.condition().is_ok_and(|word| word & condition::DEFERRED != 0) {
            return self.open_with_file(call, file, start, count);
        }
        let mut part = Source::new(count, |writer: &SendQWriter, done, most| {
            writer.write_from(file, Some(start + done as u64), most)
        });
        match (self.send_rest(call, &mut part, 0)?, part.end()) {
            (0, Some(Err(error))) => Err(FileError::File(error)),
            (sent, _) => Ok(sent),
        }
    }

    /// The SYN takes the first bytes, as many as a program would have written at once.
    fn open_with_file(
        &self,
        call: Call<'_>,
        file: BorrowedFd<'_>,
        start: u64,
        count: usize,
    ) -> Result<usize, FileError> {
        let mut bytes = vec![0; count.min(CHUNK)];
        let read = rustix::io::pread(file, &mut bytes, start).map_err(FileError::File)?;
        Ok(self.send(call, &[IoSlice::new(&bytes[..read])])?)
    }

    /// Sends what comes behind the first `done` bytes, which are sent: the count of all.
    pub(super) fn send_rest(
        &self,
        call: Call<'_>,
        payload: &mut impl Payload,
        done: usize,
    ) -> Result<usize, CallError> {
        let wanted = payload.len();
        let deadline = deadline(self.send_timeout());
        let (mut done, mut side) = (done, Side::Sender);
        loop {
            let word = self.condition()?;
            match self.check_sendable(word) {
                Ok(()) => {}
                Err(_) if done > 0 => return Ok(done),
                Err(error) => return Err(error.into()),
            }
            if word & Condition::CONNECTED != 0 {
                let put = self.put(call, payload, done)?;
                done += put;
                if done == wanted || payload.is_over() {
                    return Ok(done);
                }
                if put > 0 {
                    continue;
                }
            }
            if !self.may_block(call) {
                self.after_short_write(call);
                return if done > 0 { Ok(done) } else { Err(Error::WouldBlock.into()) };
            }
            let is_ready = || self.has_room(side) || self.is_ended(word);
            let calm_until = (side == Side::Sender).then(|| monotonic() + CALM);
            let until = [deadline, calm_until].into_iter().flatten().min();
            match self.wait(side, until, after_signal(deadline, done), is_ready) {
                Ok(()) => {}
                // A reader that stands still may never free a third: what room there is counts.
                Err(Ended::TimedOut) if until == calm_until && until != deadline => side = Side::EagerSender,
                Err(ended) => return ended.after(done),
            }
        }
    }

    /// Linux's order: a pending error once, then EPIPE.
    fn check_sendable(&self, word: u32) -> Result<(), Error> {
        if self.header().engine.error.load(Ordering::Relaxed) != 0
            && let Some(error) = self.take_error()
        {
            return Err(error);
        }
        let is_open = word & (Condition::CONNECTED | Condition::CONNECTING) != 0;
        if !is_open || word & (Condition::SEND_SHUT | Condition::CLOSED) != 0 {
            return Err(Error::BrokenPipe);
        }
        if self.way.is_alive() { Ok(()) } else { Err(Error::HostGone) }
    }

    /// Copies a chunk from behind the first `done` bytes, and rings.
    fn put(&self, call: Call<'_>, payload: &mut impl Payload, done: usize) -> Result<usize, Error> {
        let lock = self.lock_send()?;
        if !lock.is_held() {
            return Err(Error::WouldBlock);
        }
        self.mark(call, payload.len() - done)?;
        let put = payload.put(&self.at.writer, done);
        if put > 0 {
            self.ring();
        }
        self.after_write(call);
        Ok(put)
    }

    /// Waits for the lock of writers, and for the engine if it is just giving the memory of an idle connection back: see [`crate::idle`].
    pub(super) fn lock_send(&self) -> Result<LockGuard<'_>, Error> {
        loop {
            let lock = self.at.slot.lock_send();
            // After the lock: either this sees the engine, or the engine sees that the lock is taken. On x86 to take it is a fence.
            #[cfg(not(target_arch = "x86_64"))]
            std::sync::atomic::fence(Ordering::SeqCst);
            if self.condition()? & condition::FORGETTING == 0 {
                if lock.is_inherited() {
                    self.way.tell(Request::Unmark { tag: self.tag() })?;
                }
                return Ok(lock);
            }
            drop(lock);
            if !self.way.is_alive() {
                return Err(Error::HostGone);
            }
            yield_now();
        }
    }

    /// Says what is special about the chunk that is put next, of `rest` bytes that are left. The send lock is held, so there will be no
    /// less room for it.
    fn mark(&self, call: Call<'_>, rest: usize) -> Result<(), Error> {
        let is_stamped = self.condition()? & condition::STAMPS != 0;
        if !(call.more || call.end_of_record || call.urgent || is_stamped) {
            return Ok(());
        }
        let free = self.at.writer.free();
        let put = rest.min(CHUNK).min(free);
        let offset = self.header().sender.send_tail.load(Ordering::Relaxed) + put as u64;
        let tag = self.tag();
        if call.more && put > 0 {
            self.way.tell(Request::Mark { tag, mark: Mark::More, offset })?;
        }
        // Of a call that does not wait this is all that is taken.
        if is_stamped && put > 0 && (put == rest || (put == free && !self.may_block(call))) {
            self.way.tell(Request::Mark { tag, mark: Mark::Stamp, offset })?;
        }
        if call.urgent && put == rest {
            self.way.tell(Request::Mark { tag, mark: Mark::Urgent, offset })?;
        }
        if call.end_of_record && put == rest {
            self.way.tell(Request::Mark { tag, mark: Mark::EndOfRecord, offset })?;
        }
        Ok(())
    }

    /// Whether a blocked writer goes on: as Linux, not at once for a little room.
    fn has_room(&self, side: Side) -> bool {
        let header = self.header();
        let word = header.engine.condition.load(Ordering::Relaxed);
        word & Condition::CONNECTED != 0
            && (side == Side::EagerSender || sockeye_buffer::is_writable(header, word))
            && self.at.writer.free() > 0
    }
}
