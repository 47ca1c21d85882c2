//! Descriptors of ours in a process that does not know of them: out of its way, and safe from what it does to all of its own.

use crate::raw;
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, IntoRawFd, OwnedFd};
use std::sync::atomic::{AtomicI32, AtomicU64, Ordering};

/// Programs count on small numbers for their own.
const FIRST: i32 = 960;
/// Numbers that can be known as ours. A process may have more, whose descriptors are then only out of the way.
const KNOWN: usize = 1 << 16;
const WORD: usize = 64;

/// Descriptors that can be moved again. A process may have more, which stay where they are.
const MOVABLE: usize = 4096;
const FREE: i32 = -1;

/// A bit for each number that is ours.
static NUMBERS: [AtomicU64; KNOWN / WORD] = [const { AtomicU64::new(0) }; KNOWN / WORD];
/// Where each descriptor is. No lock: children of `fork()` and signal handlers come here, too.
static PLACES: [AtomicI32; MOVABLE] = [const { AtomicI32::new(FREE) }; MOVABLE];

/// A descriptor that the program does not know of.
#[derive(Debug)]
pub struct Apart {
    number: Number,
}

#[derive(Debug)]
enum Number {
    /// In that place.
    In(&'static AtomicI32),
    Fixed(i32),
}

impl Apart {
    /// Moves a new descriptor out of the program's way, if its limit of descriptors leaves room there.
    #[must_use]
    pub fn new(descriptor: OwnedFd) -> Self {
        let moved = rustix::io::fcntl_dupfd_cloexec(&descriptor, FIRST).unwrap_or(descriptor).into_raw_fd();
        mark(moved);
        let take = |place: &&AtomicI32| {
            place.compare_exchange(FREE, moved, Ordering::SeqCst, Ordering::SeqCst).is_ok()
        };
        Self { number: PLACES.iter().find(take).map_or(Number::Fixed(moved), Number::In) }
    }

    /// Forgets a descriptor that the program has closed behind our back: its number may be another file's by now.
    pub(crate) fn disown(self) {
        self.withdraw();
        std::mem::forget(self);
    }

    fn number(&self) -> i32 {
        match self.number {
            Number::In(place) => place.load(Ordering::SeqCst),
            Number::Fixed(number) => number,
        }
    }

    /// It is no longer known as ours. Returns its number.
    fn withdraw(&self) -> i32 {
        let number = match self.number {
            Number::In(place) => place.swap(FREE, Ordering::SeqCst),
            Number::Fixed(number) => number,
        };
        unmark(number);
        number
    }
}

impl AsFd for Apart {
    fn as_fd(&self) -> BorrowedFd<'_> {
        raw::borrow(self.number())
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        drop(raw::own(self.withdraw()));
    }
}

/// Moves our descriptor away from a number that the program wants for a file of its own, and frees the number.
///
/// # Errors
/// `BUSY` if it cannot be moved.
pub fn make_room(number: i32) -> Result<(), Errno> {
    if !is_apart(number) {
        return Ok(());
    }
    let is_here = |place: &&AtomicI32| place.load(Ordering::SeqCst) == number;
    let place = PLACES.iter().find(is_here).ok_or(Errno::BUSY)?;
    let copy = rustix::io::fcntl_dupfd_cloexec(raw::borrow(number), FIRST).map_err(|_| Errno::BUSY)?;
    let moved = copy.as_raw_fd();
    mark(moved);
    if place.compare_exchange(number, moved, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
        let _ = copy.into_raw_fd();
        unmark(number);
        drop(raw::own(number));
    } else {
        // It was dropped meanwhile, or another thread moves it.
        unmark(moved);
    }
    Ok(())
}

/// Whether a number is that of a descriptor which the program does not know of.
#[must_use]
pub fn is_apart(number: i32) -> bool {
    place(number).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
}

/// The numbers from `first` to `last` that are.
pub fn apart_between(first: u32, last: u32) -> impl Iterator<Item = u32> {
    let known = u32::try_from(KNOWN).unwrap_or(u32::MAX);
    (first.min(known)..last.saturating_add(1).min(known)).filter(|&number| is_apart(number.cast_signed()))
}

fn mark(number: i32) {
    if let Some((word, bit)) = place(number) {
        word.fetch_or(bit, Ordering::Relaxed);
    }
}

fn unmark(number: i32) {
    if let Some((word, bit)) = place(number) {
        word.fetch_and(!bit, Ordering::Relaxed);
    }
}

fn place(number: i32) -> Option<(&'static AtomicU64, u64)> {
    let number = usize::try_from(number).ok()?;
    Some((NUMBERS.get(number / WORD)?, 1 << (number % WORD)))
}

#[cfg(test)]
mod tests;
