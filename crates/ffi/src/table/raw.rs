//! Entries of the table: memory that is never freed, with a count of references.

use super::Table;
use std::cell::UnsafeCell;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering, fence};

/// A counted value. While `references` is 0 the value is not there.
#[derive(Debug)]
pub struct Entry<T> {
    references: AtomicU32,
    descriptors: AtomicU32,
    /// References of calls that only the parent of this process is in.
    ghosts: AtomicU32,
    next_free: AtomicU32,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: the value is written while `references` is 0 and only by the one that took the entry off the free list, and
// dropped only by the one that gave back the last reference; in between it is only shared, as `T: Sync` allows.
unsafe impl<T: Send + Sync> Sync for Entry<T> {}

impl<T: Send + Sync + 'static> Entry<T> {
    pub(super) const fn new() -> Self {
        Self {
            references: AtomicU32::new(0),
            descriptors: AtomicU32::new(0),
            ghosts: AtomicU32::new(0),
            next_free: AtomicU32::new(0),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The entry of a number that a slot or the free list gave.
    pub(super) fn of(table: &'static Table<T>, number: u32) -> &'static Self {
        let entry = table.entries[number as usize].load(Ordering::Acquire);
        // SAFETY: a number is given out only after its entry was made, and entries are never freed.
        unsafe { &*entry }
    }

    /// Puts a value into an entry that came off the free list or is new, with one reference.
    pub(super) fn fill(table: &'static Table<T>, number: u32, value: T) {
        let entry = Self::of(table, number);
        // SAFETY: the count is 0, and the entry belongs to this call alone, so nobody looks at the value.
        unsafe { (*entry.value.get()).write(value) };
        entry.descriptors.store(1, Ordering::Relaxed);
        entry.ghosts.store(0, Ordering::Relaxed);
        entry.references.store(1, Ordering::Release);
    }

    /// In a forked child: what no slot holds was held by a thread that does not exist here.
    pub(super) fn forget_calls(&self) {
        let references = self.references.load(Ordering::Relaxed);
        let descriptors = self.descriptors.load(Ordering::Relaxed);
        self.ghosts.store(references.saturating_sub(descriptors), Ordering::Relaxed);
    }

    pub(super) const fn next_free(&self) -> &AtomicU32 {
        &self.next_free
    }
}

/// A reference to a value of the table.
#[derive(Debug)]
pub struct Guard<T: Send + Sync + 'static> {
    table: &'static Table<T>,
    entry: &'static Entry<T>,
    number: u32,
}

impl<T: Send + Sync + 'static> Guard<T> {
    /// A new reference, unless the entry is empty.
    #[inline]
    pub(super) fn try_new(table: &'static Table<T>, number: u32) -> Option<Self> {
        let entry = Entry::of(table, number);
        let mut count = entry.references.load(Ordering::Relaxed);
        while count != 0 {
            match entry.references.compare_exchange_weak(
                count,
                count + 1,
                Ordering::SeqCst,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Some(Self { table, entry, number }),
                Err(now) => count = now,
            }
        }
        None
    }

    /// The reference that a slot held, now in these hands.
    pub(super) fn from_kept(table: &'static Table<T>, number: u32) -> Self {
        Self { table, entry: Entry::of(table, number), number }
    }

    /// Leaves the reference to a slot. Gives the entry's number.
    pub(super) fn keep(self) -> u32 {
        let number = self.number;
        std::mem::forget(self);
        number
    }

    /// Whether both are references to the same value.
    pub fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.entry, other.entry)
    }

    /// Whether others than slots hold references beside this one: calls in other threads.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        let references = self.entry.references.load(Ordering::SeqCst);
        let known =
            self.descriptors().load(Ordering::Relaxed) + self.entry.ghosts.load(Ordering::Relaxed) + 1;
        references > known
    }

    /// In a forked child: this reference is one that lives on here.
    pub fn is_no_call(&self) {
        let less = |ghosts: u32| ghosts.checked_sub(1);
        let _ = self.entry.ghosts.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// How many slots name the entry.
    pub(super) const fn descriptors(&self) -> &AtomicU32 {
        &self.entry.descriptors
    }
}

impl<T: Send + Sync + 'static> Deref for Guard<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this guard holds a reference, so the value is there, and it is only shared.
        let value = unsafe { &*self.entry.value.get() };
        // SAFETY: it was written before the count became 1.
        unsafe { value.assume_init_ref() }
    }
}

impl<T: Send + Sync + 'static> Drop for Guard<T> {
    #[inline]
    fn drop(&mut self) {
        if self.entry.references.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: this was the last reference, and a count of 0 lets nobody take another.
        let value = unsafe { &mut *self.entry.value.get() };
        // SAFETY: it was written before the count became 1, and is not looked at again.
        unsafe { value.assume_init_drop() };
        self.table.push_free(self.number);
    }
}
