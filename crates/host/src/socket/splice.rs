//! splice(): from a pipe into SendQ, and from RecvQ into a pipe.
//!
//! No call waits for a pipe while it holds a lock of the socket: under a lock it only moves what can be moved at once.

use super::payload::Source;
use super::recv::Looked;
use super::wait::{Side, after_signal, deadline};
use super::{Call, CallError, FileError, Socket};
use crate::raw::without_sigpipe;
use crate::table::condition;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread, retry_on_intr};
use sockeye_buffer::{SendQWriter, distance_to_mark};
use sockeye_stack::Error;
use std::os::fd::BorrowedFd;

/// One end of a pipe.
#[derive(Clone, Copy, Debug)]
pub struct PipeEnd<'a> {
    /// Its descriptor.
    pub descriptor: BorrowedFd<'a>,
    /// Whether the call must not wait for the pipe: SPLICE_F_NONBLOCK, or O_NONBLOCK of the pipe. The socket has an O_NONBLOCK of its own.
    pub dont_wait: bool,
}

impl Socket {
    /// splice() from a pipe: waits for text in the pipe and sends it, at most `count` bytes. 0 is the end of the pipe.
    ///
    /// # Errors
    /// As `send()`; what the system says of the pipe.
    pub fn send_from_pipe(
        &self,
        call: Call<'_>,
        pipe: PipeEnd<'_>,
        count: usize,
    ) -> Result<usize, FileError> {
        loop {
            let held = self.wait_for_pipe_text(pipe)?;
            if held == 0 {
                return Ok(0);
            }
            if self.condition().is_ok_and(|word| word & condition::DEFERRED != 0) {
                // The SYN goes without text: text that it did not take could not go back into the pipe.
                self.open_with_text(call, &[], None)?;
            }
            let mut part = Source::new(count.min(held), |writer: &SendQWriter, _, most| {
                match writer.write_from_pipe(pipe.descriptor, most) {
                    // Another reader has taken the rest.
                    Err(Errno::AGAIN) => Ok(0),
                    read => read,
                }
            });
            match (self.send_rest(call, &mut part, 0)?, part.end()) {
                (0, Some(Err(error))) => return Err(FileError::File(error)),
                (0, Some(Ok(()))) => {}
                (sent, _) => return Ok(sent),
            }
        }
    }

    /// splice() to a pipe: waits for room in the pipe and for text, and moves the text that is there, at most `most` bytes. 0 is end of
    /// file, or the urgent byte, which splice() does not pass.
    ///
    /// # Errors
    /// As `recv()`; what the system says of the pipe. With EPIPE, SIGPIPE is due.
    pub fn recv_to_pipe(&self, call: Call<'_>, pipe: PipeEnd<'_>, most: usize) -> Result<usize, FileError> {
        let deadline = deadline(self.recv_timeout());
        loop {
            // As Linux: without room in the pipe nobody looks at the socket.
            self.wait_for_pipe_room(pipe)?;
            // The word before the bytes: what it says came after them.
            let word = self.condition()?;
            match self.pour(call, pipe, most) {
                Ok(0) => {}
                // Another writer has filled the pipe.
                Err(FileError::File(Errno::AGAIN)) => continue,
                poured => return poured,
            }
            match self.look(word, 0)? {
                Looked::Over => {
                    self.note_end(call, word);
                    return Ok(0);
                }
                Looked::Wait => {}
            }
            if !self.may_block(call) {
                self.after_read(call);
                return Err(Error::WouldBlock.into());
            }
            let reader = &self.at.reader;
            if reader.is_at_mark() && !reader.is_empty() {
                return Ok(0);
            }
            let is_ready = || !reader.is_empty() || self.is_ended(word);
            if let Err(ended) = self.wait(Side::Receiver, deadline, after_signal(deadline, 0), is_ready) {
                return Ok(ended.after(0)?);
            }
        }
    }

    /// Moves the text before the urgent byte, as much as the pipe has room for.
    fn pour(&self, call: Call<'_>, pipe: PipeEnd<'_>, most: usize) -> Result<usize, FileError> {
        let lock = self.at.slot.lock_recv();
        if !lock.is_held() {
            return Err(Error::WouldBlock.into());
        }
        let reader = &self.at.reader;
        let distance = distance_to_mark(self.header()).unwrap_or(u64::MAX);
        let most = most.min(usize::try_from(distance).unwrap_or(usize::MAX));
        if most == 0 || reader.is_empty() {
            return Ok(0);
        }
        let poured = without_sigpipe(|| retry_on_intr(|| reader.peek_to_pipe(pipe.descriptor, most)));
        let poured = poured.map_err(FileError::File)?;
        let must_ring = reader.consume(poured);
        self.after_read(call);
        if must_ring {
            self.ring();
        }
        Ok(poured)
    }

    /// Bytes in the pipe, once there are some; 0 at its end.
    fn wait_for_pipe_text(&self, pipe: PipeEnd<'_>) -> Result<usize, FileError> {
        loop {
            let held = ioctl_fionread(pipe.descriptor).map_err(FileError::File)?;
            if held > 0 {
                return Ok(usize::try_from(held).unwrap_or(usize::MAX));
            }
            // poll() without POLLIN says that the pipe has no writer any more.
            if !self.wait_for_pipe(pipe, PollFlags::IN)?.contains(PollFlags::IN) {
                return Ok(0);
            }
        }
    }

    fn wait_for_pipe_room(&self, pipe: PipeEnd<'_>) -> Result<(), FileError> {
        let events = self.wait_for_pipe(pipe, PollFlags::OUT)?;
        // The pipe has no reader any more.
        if events.contains(PollFlags::ERR) { Err(FileError::File(Errno::PIPE)) } else { Ok(()) }
    }

    /// Waits until poll() reports something of the pipe; returns that.
    fn wait_for_pipe(&self, pipe: PipeEnd<'_>, events: PollFlags) -> Result<PollFlags, FileError> {
        const NO_TIME: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut polled = [PollFd::from_borrowed_fd(pipe.descriptor, events)];
        match poll(&mut polled, pipe.dont_wait.then_some(&NO_TIME)) {
            Ok(0) => Err(Error::WouldBlock.into()),
            Ok(_) => Ok(polled[0].revents()),
            Err(Errno::INTR) => Err(CallError::Interrupted.into()),
            Err(error) => Err(FileError::File(error)),
        }
    }
}

impl From<Error> for FileError {
    fn from(error: Error) -> Self {
        Self::Call(error.into())
    }
}
