//! Mailboxes: how a process asks the engine something without the kernel. Each is for one request after the other; a process has
//! several, so that its threads do not wait for each other's answers.
//!
//! ```text
//!   program   IDLE ──ask──▶ ASKED ──withdraw──▶ IDLE        ANSWERED ──put_away──▶ IDLE
//!   engine                  ASKED ──take──▶ TAKEN ──answer──▶ ANSWERED
//! ```
//!
//! One word says in which mailboxes there may be requests: the program sets a bit after it has said ASKED, and the engine takes the bits
//! before it takes the requests.
//!
//! The engine closes a mailbox when it does not look any more: what is asked then is never executed, and what was answered stays so.
//!
//! The bytes of the request, and then those of its answer, are in the same place: whose turn it is owns them. The engine copies what it
//! takes before it looks at it, and believes no length; a program that scribbles over its mailbox misleads nobody but itself.
//!
//! Why nobody sleeps for ever: the engine says ANSWERED, then looks whether somebody sleeps. The program says that it sleeps, then looks
//! whose turn it is. With a SeqCst fence between the two steps of each, one of them sees the other.

use crate::bits::bits;
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

/// Mailboxes of a process.
#[cfg(not(loom))]
pub const BOXES: usize = 8;
/// As few as a model can do with.
#[cfg(loom)]
pub const BOXES: usize = 2;
/// Longest request or answer, bytes.
pub const LONGEST: usize = 4096;
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

/// The words of all mailboxes of a process.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct MailboxesWords {
    /// One bit for each mailbox that may have a request.
    asked: AtomicU32,
    boxes: [MailboxWords; BOXES],
}

impl MailboxesWords {
    /// The words of a mailbox. There are [`BOXES`].
    #[must_use]
    pub fn words(&self, index: usize) -> &MailboxWords {
        &self.boxes[index % BOXES]
    }

    /// Says that a request of so many bytes is in a mailbox. Then, if the host says that it sleeps, it must be woken. For the program.
    pub fn ask(&self, index: usize, len: usize) {
        self.words(index).ask(len);
        self.asked.fetch_or(1 << (index % BOXES), Ordering::SeqCst);
    }

    /// Whether there may be requests. For the engine.
    #[inline]
    #[must_use]
    pub fn are_asked(&self) -> bool {
        self.asked.load(Ordering::SeqCst) != 0
    }

    /// The mailboxes that may have requests, which are then the caller's to take. For the engine.
    pub fn take_asked(&self) -> impl Iterator<Item = usize> + use<> {
        let asked = self.asked.swap(0, Ordering::SeqCst);
        bits(asked.into()).map(|index| index as usize).filter(|&index| index < BOXES)
    }
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
    fn ask(&self, len: usize) {
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

/// The mailboxes of a process, in memory that it shares with the host.
#[cfg(all(feature = "std", not(any(miri, loom))))]
#[derive(Debug)]
pub struct Mailboxes {
    region: Region,
    file: Option<std::os::fd::OwnedFd>,
}

/// Bytes of the memory. Pages that nobody touches cost nothing.
#[cfg(all(feature = "std", not(any(miri, loom))))]
const LEN: usize = size_of::<MailboxesWords>() + BOXES * LONGEST;

#[cfg(all(feature = "std", not(any(miri, loom))))]
impl Mailboxes {
    /// New ones; for the host.
    ///
    /// # Errors
    /// What the system says.
    pub fn create() -> std::io::Result<Self> {
        let (region, file) = crate::shared::create("sockeye-mailboxes", LEN)?;
        Ok(Self { region, file: Some(file) })
    }

    /// Maps those that a host created. The descriptor is not kept.
    ///
    /// # Errors
    /// `InvalidData` for memory that is no mailboxes; otherwise what the system says.
    pub fn map(file: impl std::os::fd::AsFd) -> std::io::Result<Self> {
        Ok(Self { region: crate::shared::map(file, LEN)?, file: None })
    }

    /// The memory's descriptor, to be sent to the program; once.
    pub fn take_fd(&mut self) -> Option<std::os::fd::OwnedFd> {
        self.file.take()
    }

    /// One of the [`BOXES`].
    #[must_use]
    pub fn mailbox(&self, index: usize) -> Mailbox<'_> {
        Mailbox { all: self, index: index % BOXES }
    }
}

#[cfg(all(feature = "std", not(any(miri, loom))))]
impl core::ops::Deref for Mailboxes {
    type Target = MailboxesWords;

    #[inline]
    fn deref(&self) -> &MailboxesWords {
        self.region.words(0)
    }
}

/// One mailbox.
#[cfg(all(feature = "std", not(any(miri, loom))))]
#[derive(Clone, Copy, Debug)]
pub struct Mailbox<'a> {
    all: &'a Mailboxes,
    index: usize,
}

#[cfg(all(feature = "std", not(any(miri, loom))))]
impl Mailbox<'_> {
    /// Writes a request, or an answer. For whose turn it is; then it says so. `false` if it is too long.
    #[must_use]
    pub fn write(&self, bytes: &[u8]) -> bool {
        let fits = bytes.len() <= LONGEST;
        if fits {
            self.all.region.write(self.bytes(), &Run::from(bytes));
        }
        fits
    }

    /// Copies the first `out.len()` bytes of what is there, at most [`LONGEST`].
    pub fn read(&self, out: &mut [u8]) {
        self.all.region.run(self.bytes(), LONGEST.min(out.len())).copy_to(out);
    }

    /// Says that a request of so many bytes is there. Then, if the host says that it sleeps, it must be woken. For the program.
    pub fn ask(&self, len: usize) {
        self.all.ask(self.index, len);
    }

    /// Where the bytes are.
    fn bytes(&self) -> usize {
        size_of::<MailboxesWords>() + self.index * LONGEST
    }
}

#[cfg(all(feature = "std", not(any(miri, loom))))]
impl core::ops::Deref for Mailbox<'_> {
    type Target = MailboxWords;

    #[inline]
    fn deref(&self) -> &MailboxWords {
        self.all.words(self.index)
    }
}

#[cfg(all(test, feature = "std", not(any(miri, loom))))]
mod tests;
