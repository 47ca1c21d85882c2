//! The ready list: how an engine tells a process which of its sockets may have become ready.
//!
//! A process *watches* sockets: each has a number there, its *watch*. The threads that wait in one epoll set, or in one poll(), are a
//! *group*. A watch says which groups it belongs to, and the engine marks what happened to the socket in each of them:
//!
//! ```text
//!  of a watch:   groups    one bit for each group                 written by the program, read by the engine
//!  of a group:   asleep    1 while somebody sleeps or is about to
//!                top       one bit for each word of the summary   set by the engine last, taken (swapped to 0) first
//!                summary   one bit for each word of marks         set by the engine before the top, taken after it
//!                marks     two bits for each watch: RX, TX        set by the engine before the summary, taken after it
//! ```
//!
//! Marks are bits, not entries of a queue: they can neither overflow nor be told twice, and a program that scribbles over them
//! misleads nobody but itself. A mark says only that it is worth looking; the slot's own words say what is so.
//!
//! Why no mark is lost: the engine publishes what happened, marks, then reads `asleep`. The program sets `asleep`, then reads the
//! top. With a SeqCst fence between the two steps of each, one of them sees the other.

use crate::bits::bits;
#[cfg(not(loom))]
use crate::raw::Region;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Groups of a process.
#[cfg(not(loom))]
pub const GROUPS: u32 = 64;
/// As few as a model can do with.
#[cfg(loom)]
pub const GROUPS: u32 = 1;
/// Sockets that a process can watch.
#[cfg(not(loom))]
pub const WATCHES: u32 = 65_536;
/// As few as a model can do with.
#[cfg(loom)]
pub const WATCHES: u32 = 32;

/// Watches in a word of marks.
const IN_WORD: u32 = 32;
/// Words of marks of a group.
const WORDS: usize = (WATCHES / IN_WORD) as usize;
/// Words of its summary: as many as the top has bits at most.
const SUMMARIES: usize = WORDS.div_ceil(64);
const _: () = assert!(SUMMARIES <= 64);

/// What happened to a socket: bits of a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u64);

impl Mark {
    /// Something can be read or accepted.
    pub const RX: Self = Self(1);
    /// There is room to write.
    pub const TX: Self = Self(2);
    /// The socket's state has changed: both may be so.
    pub const STATE: Self = Self(3);

    /// Whether it may have become readable.
    #[must_use]
    pub fn is_rx(self) -> bool {
        self.0 & Self::RX.0 != 0
    }

    /// Whether it may have become writable.
    #[must_use]
    pub fn is_tx(self) -> bool {
        self.0 & Self::TX.0 != 0
    }
}

/// The words of a ready list, and what is done with them.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct ListWords {
    groups: [GroupWords; GROUPS as usize],
    watches: [AtomicU64; WATCHES as usize],
}

#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
struct GroupWords {
    asleep: AtomicU32,
    top: AtomicU64,
    summary: [AtomicU64; SUMMARIES],
    marks: [AtomicU64; WORDS],
}

/// A process's ready list, in memory that it shares with the engine.
#[derive(Debug)]
#[cfg(not(loom))]
pub struct ReadyList {
    region: Region,
    #[cfg(feature = "std")]
    file: Option<std::os::fd::OwnedFd>,
}

/// Bytes of the list. Pages that nobody touches cost nothing.
#[cfg(not(loom))]
const LEN: usize = size_of::<ListWords>();

#[cfg(not(loom))]
impl ReadyList {
    /// A list for an engine and a program in one process. `None` where there is no memory.
    #[must_use]
    pub fn on_heap() -> Option<Self> {
        Some(Self {
            region: Region::zeroed(LEN)?,
            #[cfg(feature = "std")]
            file: None,
        })
    }

    /// A list in new shared memory; for the host.
    ///
    /// # Errors
    /// What the system says.
    #[cfg(all(feature = "std", not(miri)))]
    pub fn create() -> std::io::Result<Self> {
        let (region, file) = crate::shared::create("sockeye-ready", LEN)?;
        Ok(Self { region, file: Some(file) })
    }

    /// Maps a list that a host created. The descriptor is not kept.
    ///
    /// # Errors
    /// `InvalidData` for memory that is no such list or whose size is not sealed; otherwise what the system says.
    #[cfg(all(feature = "std", not(miri)))]
    pub fn map(file: impl std::os::fd::AsFd) -> std::io::Result<Self> {
        Ok(Self { region: crate::shared::map(file, LEN)?, file: None })
    }

    /// The memory's descriptor, to be sent to the client. It is kept until [`forget_file`](Self::forget_file).
    #[cfg(feature = "std")]
    #[must_use]
    pub fn fd(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.file.as_ref().map(std::os::fd::AsFd::as_fd)
    }

    /// Closes the memory's descriptor: the client has one.
    #[cfg(feature = "std")]
    pub fn forget_file(&mut self) {
        self.file = None;
    }
}

#[cfg(all(any(test, feature = "fuzzing"), feature = "std", not(any(miri, loom))))]
impl ReadyList {
    pub(crate) fn region(&self) -> &Region {
        &self.region
    }
}

#[cfg(not(loom))]
impl core::ops::Deref for ReadyList {
    type Target = ListWords;

    #[inline]
    fn deref(&self) -> &ListWords {
        self.region.words(0)
    }
}

/// The engine's side.
impl ListWords {
    /// Marks what happened to the socket `watch`, which the engine has published before. Returns the groups (bits) in which somebody
    /// sleeps who must be woken; each is returned once for each time that it said it sleeps.
    #[inline]
    pub fn post(&self, watch: u32, mark: Mark) -> u64 {
        let Some(groups) = self.watches.get(watch as usize) else { return 0 };
        // With the fence in `join`: either its group is seen here, or who joined sees what was published.
        fence(Ordering::SeqCst);
        let mut woken = 0;
        for group in bits(groups.load(Ordering::Relaxed)) {
            if self.post_to(group, watch, mark) {
                woken |= 1 << group;
            }
        }
        woken
    }

    fn post_to(&self, group: u32, watch: u32, mark: Mark) -> bool {
        let Some(words) = self.groups.get(group as usize) else { return false };
        let (word, shift) = place(watch);
        let set = mark.0 << shift;
        // What is marked already is in the summary, or is just being taken; and what is in the summary is in the top, or is.
        if words.marks[word].fetch_or(set, Ordering::SeqCst) & set != set
            && words.summary[word / 64].fetch_or(1 << (word % 64), Ordering::SeqCst) == 0
        {
            words.top.fetch_or(1 << (word / 64), Ordering::SeqCst);
        }
        // With the fence in `fall_asleep`.
        fence(Ordering::SeqCst);
        words.asleep.load(Ordering::Relaxed) != 0 && words.asleep.swap(0, Ordering::SeqCst) != 0
    }

    /// Makes a watch as new for another socket.
    pub fn clear(&self, watch: u32) {
        if let Some(groups) = self.watches.get(watch as usize) {
            groups.store(0, Ordering::SeqCst);
        }
    }
}

/// The program's side.
impl ListWords {
    /// `group` is to be told of the socket `watch`. Who calls this then looks at the socket.
    pub fn join(&self, watch: u32, group: u32) {
        if let Some(groups) = self.watches.get(watch as usize) {
            groups.fetch_or(1 << group, Ordering::SeqCst);
            fence(Ordering::SeqCst);
        }
    }

    /// `group` is to be told no more of the socket `watch`. It may be once more.
    pub fn leave(&self, watch: u32, group: u32) {
        if let Some(groups) = self.watches.get(watch as usize) {
            groups.fetch_and(!(1 << group), Ordering::SeqCst);
        }
    }

    /// The groups (bits) that are told of the socket `watch`.
    #[must_use]
    pub fn groups_of(&self, watch: u32) -> u64 {
        self.watches.get(watch as usize).map_or(0, |groups| groups.load(Ordering::Relaxed))
    }

    /// Takes the marks of `group`: each watch, and what happened to it.
    pub fn take(&self, group: u32, mut each: impl FnMut(u32, Mark)) {
        let Some(words) = self.groups.get(group as usize) else { return };
        if words.top.load(Ordering::Relaxed) == 0 {
            return;
        }
        for index in bits(words.top.swap(0, Ordering::SeqCst)) {
            let Some(summary) = words.summary.get(index as usize) else { continue };
            for bit in bits(summary.swap(0, Ordering::SeqCst)) {
                let word = (index * 64 + bit) as usize;
                let Some(marks) = words.marks.get(word) else { continue };
                each_mark(word, marks.swap(0, Ordering::SeqCst), &mut each);
            }
        }
    }

    /// Whether `group` has a mark that was not taken.
    #[must_use]
    pub fn has_marks(&self, group: u32) -> bool {
        self.groups.get(group as usize).is_some_and(|words| words.top.load(Ordering::SeqCst) != 0)
    }

    /// Says that somebody of `group` is about to sleep. Who says so then looks once more, and sleeps only if there is nothing.
    pub fn fall_asleep(&self, group: u32) {
        if let Some(words) = self.groups.get(group as usize) {
            words.asleep.store(1, Ordering::SeqCst);
            fence(Ordering::SeqCst);
        }
    }

    /// Nobody of `group` sleeps.
    pub fn wake_up(&self, group: u32) {
        if let Some(words) = self.groups.get(group as usize) {
            words.asleep.store(0, Ordering::Relaxed);
        }
    }

    /// Makes a group as new.
    pub fn clear_group(&self, group: u32) {
        self.wake_up(group);
        self.take(group, |_, _| {});
    }
}

/// The word of a watch's marks, and where they are in it.
fn place(watch: u32) -> (usize, u32) {
    ((watch / IN_WORD) as usize, watch % IN_WORD * 2)
}

/// Tells the marks of a word.
fn each_mark(word: usize, mut marks: u64, each: &mut impl FnMut(u32, Mark)) {
    while marks != 0 {
        let at = marks.trailing_zeros() / 2;
        each(word as u32 * IN_WORD + at, Mark(marks >> (at * 2) & Mark::STATE.0));
        marks &= !(Mark::STATE.0 << (at * 2));
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
