//! What is sent: bytes of the program, or of a file.

use rustix::io::Errno;
use sockeye_buffer::SendQWriter;
use std::io::IoSlice;

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

/// Bytes of a file or a pipe, which are read into SendQ itself.
#[derive(Debug)]
pub(super) struct Source<R> {
    count: usize,
    read: R,
    end: Option<Result<(), Errno>>,
}

impl<R: Fn(&SendQWriter, usize, usize) -> rustix::io::Result<usize>> Source<R> {
    /// `count` bytes, or fewer. `read` reads them into SendQ, from behind the first so many bytes and no more than so many; 0 is that
    /// there are no more.
    pub(super) const fn new(count: usize, read: R) -> Self {
        Self { count, read, end: None }
    }

    /// How it ended before its time.
    pub(super) const fn end(&self) -> Option<Result<(), Errno>> {
        self.end
    }
}

impl<R: Fn(&SendQWriter, usize, usize) -> rustix::io::Result<usize>> Payload for Source<R> {
    fn len(&self) -> usize {
        self.count
    }

    fn put(&mut self, writer: &SendQWriter, done: usize) -> usize {
        let most = (self.count - done).min(CHUNK);
        if most == 0 || writer.free() == 0 {
            return 0;
        }
        let read = rustix::io::retry_on_intr(|| (self.read)(writer, done, most));
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
