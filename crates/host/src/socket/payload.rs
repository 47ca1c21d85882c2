//! What is sent: bytes of the program, or of a file.

use rustix::io::Errno;
use sockeye_buffer::SendQWriter;
use std::io::IoSlice;
use std::os::fd::BorrowedFd;

/// Bytes copied before they are published, so that the engine sends some while others are copied.
pub(super) const CHUNK: usize = 64 * 1024;

/// What is sent.
pub(super) trait Payload {
    /// Bytes of all of it.
    fn len(&self) -> usize;

    /// Copies a chunk from behind the first `done` bytes into SendQ: how much.
    fn put(&mut self, writer: &SendQWriter, done: usize) -> usize;

    /// Whether there is less of it than was thought.
    fn is_over(&self) -> bool {
        false
    }
}

impl Payload for &[IoSlice<'_>] {
    fn len(&self) -> usize {
        self.iter().map(|buffer| buffer.len()).sum()
    }

    fn put(&mut self, writer: &SendQWriter, done: usize) -> usize {
        let (mut skip, mut put) = (done, 0);
        for buffer in *self {
            let offset = skip.min(buffer.len());
            skip -= offset;
            let rest = &buffer[offset..];
            let part = &rest[..rest.len().min(CHUNK - put)];
            let copied = writer.write(part);
            put += copied;
            if copied < part.len() || put == CHUNK {
                break;
            }
        }
        put
    }
}

/// A part of a file, which is read into SendQ itself.
#[derive(Debug)]
pub(super) struct FilePart<'a> {
    pub(super) file: BorrowedFd<'a>,
    pub(super) start: u64,
    pub(super) count: usize,
    /// How it ended before its time.
    pub(super) end: Option<Result<(), Errno>>,
}

impl Payload for FilePart<'_> {
    fn len(&self) -> usize {
        self.count
    }

    fn put(&mut self, writer: &SendQWriter, done: usize) -> usize {
        let most = (self.count - done).min(CHUNK);
        if most == 0 || writer.free() == 0 {
            return 0;
        }
        let read =
            rustix::io::retry_on_intr(|| writer.write_from(self.file, Some(self.start + done as u64), most));
        match read {
            Ok(0) => self.end = Some(Ok(())),
            Ok(_) => {}
            Err(error) => self.end = Some(Err(error)),
        }
        read.unwrap_or(0)
    }

    fn is_over(&self) -> bool {
        self.end.is_some()
    }
}
