//! Reads from pipes and writes to pipes that never wait, whatever O_NONBLOCK says.

use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl};
use rustix::io::{Errno, ReadWriteFlags, Result, pwritev2, retry_on_intr, writev};
use rustix::pipe::{PipeFlags, SpliceFlags, pipe_with, splice};

/// Calls `read` with an end of a pipe that is open for reading only: `pipe` itself, or another one that gets the first `most` bytes of it.
/// `read` must not wait, and must take at least `most` bytes if the pipe holds so many.
pub(crate) fn with_output(
    pipe: BorrowedFd<'_>,
    most: usize,
    read: impl Fn(BorrowedFd<'_>) -> Result<usize>,
) -> Result<usize> {
    if fcntl_getfl(pipe)? & OFlags::RWMODE == OFlags::RDONLY {
        return read(pipe);
    }
    let (output, input) = new()?;
    match splice(pipe, None, input, None, most, SpliceFlags::NONBLOCK)? {
        0 => Ok(0),
        // The bytes are in no other place any more: a signal must not keep them from being read.
        _ => retry_on_intr(|| read(output.as_fd())),
    }
}

/// Writes as much to a pipe as it has room for; returns how much. EAGAIN if the pipe is full.
pub(crate) fn write(pipe: BorrowedFd<'_>, parts: &[IoSlice<'_>]) -> Result<usize> {
    /// The offset that stands for the file's own position.
    const HERE: u64 = u64::MAX;
    // A write to a pipe of packets makes packets, of which a reader may lose a part. splice() makes none.
    if !fcntl_getfl(pipe)?.contains(OFlags::DIRECT) {
        match pwritev2(pipe, parts, HERE, ReadWriteFlags::NOWAIT) {
            // The pipe has a name, or splice() was called for its end, or the kernel is older than 6.4.
            Err(Errno::OPNOTSUPP) => {}
            written => return written,
        }
    }
    // Every kernel moves from pipe to pipe without waiting. Bytes that do not fit are copies, and end with the pipe between.
    let (output, input) = new()?;
    let count = writev(input, parts)?;
    splice(output, None, pipe, None, count, SpliceFlags::NONBLOCK)
}

/// A pipe that nobody else knows of: its end for reading, and its end for writing.
fn new() -> Result<(OwnedFd, OwnedFd)> {
    pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
}

#[cfg(test)]
mod tests;
