//! What is the program's side's alone: options that the engine knows nothing of, which all who share the socket see.

use super::Socket;
use sockeye_buffer::arrival_of;
use sockeye_clock::{Instant, monotonic};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The engine notes so soon when text arrived that a program already sees.
const NOTED_WITHIN: Duration = Duration::from_millis(1);

impl Socket {
    /// Options that are kept and nothing else: bits for what differs from a new socket's.
    #[must_use]
    pub fn kept(&self) -> u64 {
        self.header().readiness.kept.load(Ordering::Relaxed)
    }

    /// Keeps options.
    pub fn set_kept(&self, bits: u64) {
        self.header().readiness.kept.store(bits, Ordering::Relaxed);
    }

    /// What is told of arrivals, in the caller's numbers; 0 for nothing.
    #[must_use]
    pub fn wanted_times(&self) -> u32 {
        self.header().arrivals.wanted.load(Ordering::Relaxed)
    }

    /// From now on the engine notes when text arrives, unless it is 0.
    pub fn set_wanted_times(&self, wanted: u32) {
        self.header().arrivals.wanted.store(wanted, Ordering::Relaxed);
    }

    /// When the last byte arrived of what was just read, or peeked at, which is `count` bytes. Now, as on Linux, where nobody has noted that.
    #[must_use]
    pub fn arrival(&self, is_peek: bool, count: usize) -> Instant {
        let header = self.header();
        let head = header.receiver.recv_head.load(Ordering::Relaxed);
        // SO_PEEK_OFF has moved behind what was peeked at.
        let peeked = self.peek_offset().map_or(count as u64, u64::from);
        let end = if is_peek { head.wrapping_add(peeked) } else { head };
        // Text is there a little before the engine notes it.
        self.lookout.look(NOTED_WITHIN, || arrival_of(header, end).is_some());
        arrival_of(header, end).map_or_else(monotonic, Instant::from_nanos)
    }

    /// SO_PEEK_OFF: how far into the text that is there MSG_PEEK begins; `None` is off.
    #[must_use]
    pub fn peek_offset(&self) -> Option<u32> {
        self.header().readiness.peek_offset.load(Ordering::Relaxed).checked_sub(1)
    }

    /// SO_PEEK_OFF.
    pub fn set_peek_offset(&self, offset: Option<u32>) {
        let word = offset.map_or(0, |offset| offset.saturating_add(1));
        self.header().readiness.peek_offset.store(word, Ordering::Relaxed);
    }

    /// So many bytes were peeked at, or read: what comes next is another, or nearer.
    pub(super) fn move_peek_offset(&self, is_peek: bool, bytes: usize) {
        if let Some(offset) = self.peek_offset() {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let moved = if is_peek { offset.saturating_add(bytes) } else { offset.saturating_sub(bytes) };
            self.set_peek_offset(Some(moved));
        }
    }
}
