//! What loom checks in place of the real memory: a header of loom's atomics, and bytes whose races it reports.
#![allow(unsafe_code)]

use alloc::vec::Vec;
use core::fmt;

use loom::cell::UnsafeCell;

use crate::info::InfoCopy;
use crate::slot::SlotHeader;

/// A run of bytes.
#[derive(Clone, Copy)]
pub(crate) enum Run<'a> {
    Bytes(&'a [u8]),
    Cells(&'a [UnsafeCell<u8>]),
}

impl<'a> Run<'a> {
    pub(crate) const fn empty() -> Self {
        Self::Bytes(&[])
    }

    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Cells(cells) => cells.len(),
        }
    }

    pub(crate) fn slice(&self, offset: usize, len: usize) -> Self {
        let start = offset.min(self.len());
        let end = start + len.min(self.len() - start);
        match self {
            Self::Bytes(bytes) => Self::Bytes(&bytes[start..end]),
            Self::Cells(cells) => Self::Cells(&cells[start..end]),
        }
    }

    pub(crate) fn copy_to(&self, out: &mut [u8]) -> usize {
        let len = self.len().min(out.len());
        out.iter_mut().zip(0..len).for_each(|(out, index)| *out = self.byte(index));
        len
    }

    fn byte(&self, index: usize) -> u8 {
        match self {
            Self::Bytes(bytes) => bytes[index],
            // SAFETY: loom fails the model if another thread writes.
            Self::Cells(cells) => cells[index].with(|byte| unsafe { *byte }),
        }
    }
}

impl<'a> From<&'a [u8]> for Run<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(bytes)
    }
}

impl fmt::Debug for Run<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Run").field("len", &self.len()).finish()
    }
}

/// Memory of one slot.
#[derive(Debug)]
pub(crate) struct Region {
    header: SlotHeader,
    info: InfoCopy,
    bytes: Vec<UnsafeCell<u8>>,
}

// SAFETY: loom fails the model if two threads race.
unsafe impl Send for Region {}
// SAFETY: as for `Send`.
unsafe impl Sync for Region {}

impl Region {
    pub(crate) fn zeroed(len: usize) -> Option<Self> {
        let bytes = (0..len).map(|_| UnsafeCell::new(0)).collect();
        Some(Self { header: SlotHeader::default(), info: InfoCopy::default(), bytes })
    }

    pub(crate) fn header(&self, _at: usize) -> &SlotHeader {
        &self.header
    }

    pub(crate) fn info(&self, _at: usize) -> &InfoCopy {
        &self.info
    }

    pub(crate) fn run(&self, at: usize, len: usize) -> Run<'_> {
        Run::Cells(&self.bytes[at..at + len])
    }

    pub(crate) fn write(&self, at: usize, run: &Run<'_>) {
        for (cell, index) in self.bytes[at..at + run.len()].iter().zip(0..) {
            let byte = run.byte(index);
            // SAFETY: loom fails the model if another thread accesses the byte.
            cell.with_mut(|cell| unsafe { *cell = byte });
        }
    }
}
