//! A mailbox: how a process asks the engine something, one request after the other, without the kernel.
//!
//! ```text
//!   program   IDLE ──ask──▶ ASKED ──withdraw──▶ IDLE        ANSWERED ──put_away──▶ IDLE
//!   engine                  ASKED ──take──▶ TAKEN ──answer──▶ ANSWERED
//! ```
//!
//! The engine closes it when it does not look any more: what is asked then is never executed, and what was answered stays so.
//!
//! The bytes of the request, and then those of its answer, are in the same place: whose turn it is owns them. The engine copies what it
//! takes before it looks at it, and believes no length; a program that scribbles over its mailbox misleads nobody but itself.
//!
//! Why nobody sleeps for ever: the engine says ANSWERED, then looks whether somebody sleeps. The program says that it sleeps, then looks
//! whose turn it is. With a SeqCst fence between the two steps of each, one of them sees the other.

#[cfg(all(feature = "std", not(any(miri, loom))))]
use crate::raw::{Region, Run};
use crate::sync::{AtomicU32, Ordering, fence};

/// Nobody wants anything.
const IDLE: u32 = 0;
/// A request is there.
const ASKED: u32 = 1;
/// The engine executes it.
const TAKEN: u32 = 2;
/// Its answer is there.
const ANSWERED: u32 = 3;

/// Longest request or answer, bytes.
pub const LONGEST: usize = 4096 - size_of::<MailboxWords>();
/// The length of an answer that comes by another way.
const ELSEWHERE: u32 = u32::MAX;

/// The words of a mailbox, and what is done with them.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct MailboxWords {
    /// Futex: whose turn it is.
    turn: AtomicU32,
    /// 1 while the program sleeps, or is about to, until it has an answer.
    asleep: AtomicU32,
    /// Of what is there, bytes.
    len: AtomicU32,
    /// 1 once the engine does not look any more.
    closed: AtomicU32,
}

/// What has become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing yet.
    Pending,
    /// The answer has so many bytes.
    Answered(usize),
    /// The answer comes by another way.
    Elsewhere,
    /// The engine has closed the mailbox.
    Closed,
}

/// The program's side.
impl MailboxWords {
    /// Says that a request of so many bytes is there. Then, if the host says that it sleeps, it must be woken.
    pub fn ask(&self, len: usize) {
        self.len.store(len as u32, Ordering::Relaxed);
        self.turn.store(ASKED, Ordering::SeqCst);
    }

    /// Takes the request back. `false` if the engine was faster.
    pub fn withdraw(&self) -> bool {
        self.turn.compare_exchange(ASKED, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// What has become of the request.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        // In this order: what was answered before the mailbox was closed is seen.
        let is_closed = self.closed.load(Ordering::SeqCst) != 0;
        match (self.turn.load(Ordering::SeqCst), is_closed) {
            (ANSWERED, _) => match self.len.load(Ordering::Relaxed) {
                ELSEWHERE => Outcome::Elsewhere,
                len => Outcome::Answered((len as usize).min(LONGEST)),
            },
            (_, true) => Outcome::Closed,
            (_, false) => Outcome::Pending,
        }
    }

    /// The futex, which is woken.
    #[must_use]
    pub fn futex(&self) -> &AtomicU32 {
        &self.turn
    }

    /// Says that the program is about to sleep. Who says so looks at the outcome once more, and only if that is pending sleeps on the
    /// futex, as long as it is what is returned.
    pub fn fall_asleep(&self) -> u32 {
        let turn = self.turn.load(Ordering::SeqCst);
        self.asleep.store(1, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        turn
    }

    /// The answer was read: the mailbox is free for the next request.
    pub fn put_away(&self) {
        self.asleep.store(0, Ordering::Relaxed);
        self.turn.store(IDLE, Ordering::Relaxed);
    }
}

/// The engine's side.
impl MailboxWords {
    /// Whether there is a request.
    #[inline]
    #[must_use]
    pub fn is_asked(&self) -> bool {
        self.turn.load(Ordering::SeqCst) == ASKED
    }

    /// Takes the request, if there is one: its length.
    pub fn take(&self) -> Option<usize> {
        self.turn.compare_exchange(ASKED, TAKEN, Ordering::SeqCst, Ordering::SeqCst).ok()?;
        Some((self.len.load(Ordering::Relaxed) as usize).min(LONGEST))
    }

    /// Says that the answer is there, of so many bytes, or (`None`) that it comes by another way. Whether the program sleeps and must be
    /// woken.
    pub fn answer(&self, len: Option<usize>) -> bool {
        self.len.store(len.map_or(ELSEWHERE, |len| len as u32), Ordering::Relaxed);
        self.turn.store(ANSWERED, Ordering::SeqCst);
        self.wake()
    }

    /// The engine does not look any more. Whether the program sleeps and must be woken.
    pub fn close(&self) -> bool {
        self.closed.store(1, Ordering::SeqCst);
        self.wake()
    }

    fn wake(&self) -> bool {
        // With the fence in `fall_asleep`.
        fence(Ordering::SeqCst);
        self.asleep.load(Ordering::Relaxed) != 0 && self.asleep.swap(0, Ordering::SeqCst) != 0
    }
}

/// A process's mailbox, in memory that it shares with the host.
#[cfg(all(feature = "std", not(any(miri, loom))))]
#[derive(Debug)]
pub struct Mailbox {
    region: Region,
    file: Option<std::os::fd::OwnedFd>,
}

/// Where the bytes are.
#[cfg(all(feature = "std", not(any(miri, loom))))]
const BYTES: usize = size_of::<MailboxWords>();

#[cfg(all(feature = "std", not(any(miri, loom))))]
impl Mailbox {
    /// A new one; for the host.
    ///
    /// # Errors
    /// What the system says.
    pub fn create() -> std::io::Result<Self> {
        let (region, file) = crate::shared::create("sockeye-mailbox", BYTES + LONGEST)?;
        Ok(Self { region, file: Some(file) })
    }

    /// Maps one that a host created. The descriptor is not kept.
    ///
    /// # Errors
    /// `InvalidData` for memory that is no mailbox; otherwise what the system says.
    pub fn map(file: impl std::os::fd::AsFd) -> std::io::Result<Self> {
        Ok(Self { region: crate::shared::map(file, BYTES + LONGEST)?, file: None })
    }

    /// The memory's descriptor, to be sent to the program; once.
    pub fn take_fd(&mut self) -> Option<std::os::fd::OwnedFd> {
        self.file.take()
    }

    /// Writes a request, or an answer. For whose turn it is; then it says so. `false` if it is too long.
    #[must_use]
    pub fn write(&self, bytes: &[u8]) -> bool {
        let fits = bytes.len() <= LONGEST;
        if fits {
            self.region.write(BYTES, &Run::from(bytes));
        }
        fits
    }

    /// Copies the first `out.len()` bytes of what is there, at most [`LONGEST`].
    pub fn read(&self, out: &mut [u8]) {
        self.region.run(BYTES, LONGEST.min(out.len())).copy_to(out);
    }
}

#[cfg(all(feature = "std", not(any(miri, loom))))]
impl core::ops::Deref for Mailbox {
    type Target = MailboxWords;

    #[inline]
    fn deref(&self) -> &MailboxWords {
        self.region.words(0)
    }
}

#[cfg(all(test, feature = "std", not(any(miri, loom))))]
mod tests;
