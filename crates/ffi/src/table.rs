//! Which descriptors are Sockeye's.
//!
//! ```text
//!             slots                     entries (never freed, used again)
//!   fd 0   foreign                    ┌──────────────────────────────────┐
//!   fd 3   entry 0 ──────────────────▶│ references 3 = 2 slots + 1 call  │
//!   fd 4   foreign                    │ socket                           │
//!   fd 5   entry 0 ──────────────────▶│                                  │
//!   fd 6   adopt on first use         └──────────────────────────────────┘
//! ```
//!
//! Every `read()` and `write()` of the process passes here, also those of signal handlers and of the children of
//! `fork()`, so there is no lock: not to look up, not to change. Why that is right:
//!
//! 1. An entry's memory is never freed, so its counter may be tried at any time.
//! 2. A slot that names an entry owns one of the entry's references. A look-up reads the slot, takes a reference unless the
//!    count is 0, then reads the slot *again*. If it still names the entry, the slot owned a reference between the two
//!    reads, so the entry was alive and stays so while the look-up's reference lasts. If not, the reference is given back
//!    and the look-up starts over.
//! 3. If the entry was freed and filled again between the two reads and the slot names it again, then the descriptor
//!    means the new socket now, and that is what the look-up gives.
//! 4. Who takes a name out of a slot and then asks whether the entry is in use sees each look-up that found it there: both steps of both
//!    are sequentially consistent.
//! 5. The value is dropped by whoever gives back the last reference, and only then is the entry put on the free list.
//!
//! The arrays are zero at the start and so cost no memory until a page of them is used.

mod raw;

use raw::Entry;
pub use raw::Guard;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};

/// Descriptors from here on cannot be Sockeye's: four times what Linux gives a process unless told otherwise.
pub const DESCRIPTORS: usize = 1 << 20;

const FOREIGN: u32 = 0;
const INHERITED: u32 = 1;
const FIRST_ENTRY: u32 = 2;

/// The table of a process: from descriptors to shared `T`s.
#[derive(Debug)]
pub struct Table<T: Send + Sync + 'static> {
    slots: [AtomicU32; DESCRIPTORS],
    entries: [AtomicPtr<Entry<T>>; DESCRIPTORS],
    /// Entries ever made.
    made: AtomicU32,
    /// Free list: the first entry's number + 1 (0: none) in the low half, a count of changes in the high half.
    free: AtomicU64,
    /// One more than the highest descriptor ever put in.
    end: AtomicU32,
}

/// What a descriptor is.
#[derive(Debug)]
pub enum Found<T: Send + Sync + 'static> {
    /// The C library's.
    Foreign,
    /// A token that was inherited or received and that nobody has used yet.
    Inherited,
    /// Ours.
    Ours(Guard<T>),
}

impl<T: Send + Sync + 'static> Guard<T> {
    /// Whether one descriptor of this process names it.
    #[must_use]
    pub fn is_of_one_descriptor(&self) -> bool {
        self.descriptor_count() == 1
    }

    /// How many descriptors of this process name it.
    #[must_use]
    pub fn descriptor_count(&self) -> usize {
        self.descriptors().load(Ordering::Relaxed) as usize
    }
}

/// What [`Table::remove`] took out.
#[derive(Debug)]
pub struct Removed<T: Send + Sync + 'static> {
    /// The socket.
    pub guard: Guard<T>,
    /// No other descriptor of this process names it.
    pub was_last: bool,
}

/// The table has no room for the descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl<T: Send + Sync + 'static> Table<T> {
    /// An empty table, for a static.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "24 MB do not belong on a stack")]
    pub const fn new() -> Self {
        Self {
            slots: [const { AtomicU32::new(FOREIGN) }; DESCRIPTORS],
            entries: [const { AtomicPtr::new(std::ptr::null_mut()) }; DESCRIPTORS],
            made: AtomicU32::new(0),
            free: AtomicU64::new(0),
            end: AtomicU32::new(0),
        }
    }

    /// Whether a descriptor is not the C library's.
    #[inline]
    #[must_use]
    pub fn has(&self, fd: i32) -> bool {
        self.slot(fd).is_some_and(|slot| slot.load(Ordering::Acquire) != FOREIGN)
    }

    /// What a descriptor is.
    #[must_use]
    pub fn find(&'static self, fd: i32) -> Found<T> {
        let Some(slot) = self.slot(fd) else { return Found::Foreign };
        loop {
            let number = match slot.load(Ordering::Acquire) {
                FOREIGN => return Found::Foreign,
                INHERITED => return Found::Inherited,
                name => name - FIRST_ENTRY,
            };
            let Some(guard) = Guard::try_new(self, number) else { continue };
            if slot.load(Ordering::SeqCst) == number + FIRST_ENTRY {
                return Found::Ours(guard);
            }
        }
    }

    /// Puts in a new socket under its first descriptor. Whatever the table said of `fd` is out of date.
    ///
    /// # Errors
    /// `fd` is too high.
    pub fn insert(&'static self, fd: i32, value: T) -> Result<(), Full> {
        let slot = self.slot_to_set(fd)?;
        let number = self.fill(value)?;
        self.replace(slot, number + FIRST_ENTRY);
        Ok(())
    }

    /// Puts in the socket of a descriptor that was marked as inherited. If somebody else did meanwhile, `value` is dropped.
    ///
    /// # Errors
    /// `fd` is too high.
    pub fn adopt(&'static self, fd: i32, value: T) -> Result<(), Full> {
        let slot = self.slot_to_set(fd)?;
        let number = self.fill(value)?;
        let taken =
            slot.compare_exchange(INHERITED, number + FIRST_ENTRY, Ordering::AcqRel, Ordering::Acquire);
        if taken.is_err() {
            self.let_go(number);
        }
        Ok(())
    }

    /// Marks a descriptor as a token that was inherited or received.
    ///
    /// # Errors
    /// `fd` is too high.
    pub fn mark_inherited(&'static self, fd: i32) -> Result<(), Full> {
        let slot = self.slot_to_set(fd)?;
        self.replace(slot, INHERITED);
        Ok(())
    }

    /// `to` has become a copy of `from`, which may be foreign.
    ///
    /// # Errors
    /// `from` is ours and `to` is too high.
    pub fn duplicate(&'static self, from: i32, to: i32) -> Result<(), Full> {
        match self.find(from) {
            Found::Foreign => {
                if let Some(slot) = self.slot(to) {
                    self.replace(slot, FOREIGN);
                }
            }
            Found::Inherited => self.mark_inherited(to)?,
            Found::Ours(guard) => {
                let slot = self.slot_to_set(to)?;
                guard.descriptors().fetch_add(1, Ordering::Relaxed);
                self.replace(slot, guard.keep() + FIRST_ENTRY);
            }
        }
        Ok(())
    }

    /// Forgets a descriptor that is about to be closed. `None` if it is not ours or nobody used it yet.
    pub fn remove(&'static self, fd: i32) -> Option<Removed<T>> {
        let name = self.slot(fd)?.swap(FOREIGN, Ordering::SeqCst);
        let guard = Guard::from_kept(self, name.checked_sub(FIRST_ENTRY)?);
        let was_last = guard.descriptors().fetch_sub(1, Ordering::Relaxed) == 1;
        Some(Removed { guard, was_last })
    }

    /// In a forked child: calls of the parent's threads use nothing here. (If a signal handler forks amid a call, that call counts as none.)
    pub fn after_fork_in_child(&'static self) {
        (0..self.made.load(Ordering::Relaxed)).for_each(|number| Entry::of(self, number).forget_calls());
    }

    /// One more than the highest descriptor ever put in.
    #[must_use]
    pub fn end(&self) -> u32 {
        self.end.load(Ordering::Acquire)
    }

    fn slot(&self, fd: i32) -> Option<&AtomicU32> {
        self.slots.get(usize::try_from(fd).ok()?)
    }

    fn slot_to_set(&self, fd: i32) -> Result<&AtomicU32, Full> {
        let slot = self.slot(fd).ok_or(Full)?;
        self.end.fetch_max(fd.unsigned_abs() + 1, Ordering::AcqRel);
        Ok(slot)
    }

    fn replace(&'static self, slot: &AtomicU32, name: u32) {
        let before = slot.swap(name, Ordering::AcqRel);
        if let Some(number) = before.checked_sub(FIRST_ENTRY) {
            self.let_go(number);
        }
    }

    /// Drops the reference that a slot held.
    fn let_go(&'static self, number: u32) {
        let guard = Guard::from_kept(self, number);
        guard.descriptors().fetch_sub(1, Ordering::Relaxed);
    }

    /// An entry with one reference, to be owned by a slot.
    fn fill(&'static self, value: T) -> Result<u32, Full> {
        let number = match self.pop_free() {
            Some(number) => number,
            None => self.make_entry()?,
        };
        Entry::fill(self, number, value);
        Ok(number)
    }

    fn make_entry(&'static self) -> Result<u32, Full> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let Some(place) = self.entries.get(number as usize) else {
            self.made.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        };
        place.store(Box::into_raw(Box::new(Entry::new())), Ordering::Release);
        Ok(number)
    }

    /// The count of changes in the head makes the exchange fail if the list was changed and changed back meanwhile.
    fn pop_free(&'static self) -> Option<u32> {
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            let number = low_half(head).checked_sub(1)?;
            let next = Entry::of(self, number).next_free().load(Ordering::Relaxed);
            match self.free.compare_exchange_weak(
                head,
                changed(head, next),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return Some(number),
                Err(now) => head = now,
            }
        }
    }

    fn push_free(&'static self, number: u32) {
        let mut head = self.free.load(Ordering::Acquire);
        loop {
            Entry::of(self, number).next_free().store(low_half(head), Ordering::Relaxed);
            let new = changed(head, number + 1);
            match self.free.compare_exchange_weak(head, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return,
                Err(now) => head = now,
            }
        }
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the half is what is meant")]
const fn low_half(head: u64) -> u32 {
    head as u32
}

const fn changed(head: u64, first: u32) -> u64 {
    ((head >> 32).wrapping_add(1) << 32) | first as u64
}

#[cfg(test)]
mod tests;
