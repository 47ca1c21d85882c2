//! Memory that another thread or process may write at any time: the only pointers to it.
#![allow(unsafe_code)]

#[cfg(any(not(feature = "std"), miri))]
use alloc::alloc::{alloc_zeroed, dealloc};
#[cfg(any(not(feature = "std"), miri))]
use core::alloc::Layout;
use core::marker::PhantomData;
use core::ptr::{self, NonNull};

#[cfg(feature = "std")]
use rustix::mm::{MapFlags, ProtFlags};

use crate::info::InfoCopy;
use crate::slot::SlotHeader;

/// Types made of atomic words only.
///
/// # Safety
/// `repr(C)`, every bit pattern is a value, and every byte that is not padding is inside an atomic.
pub(crate) unsafe trait Words {}

// SAFETY: `SlotHeader` and its lines are `repr(C)` and consist of atomic integers.
unsafe impl Words for SlotHeader {}
// SAFETY: as for `SlotHeader`.
unsafe impl Words for crate::AcceptQueue {}
// SAFETY: as for `SlotHeader`.
unsafe impl Words for InfoCopy {}
// SAFETY: as for `SlotHeader`.
unsafe impl Words for crate::ready_list::ListWords {}
// SAFETY: as for `SlotHeader`.
unsafe impl Words for crate::mailbox::MailboxesWords {}
// SAFETY: as for `SlotHeader`.
#[cfg(feature = "std")]
unsafe impl Words for crate::arena::ArenaHeader {}
// SAFETY: as for `SlotHeader`.
#[cfg(all(feature = "std", not(miri)))]
unsafe impl Words for crate::host_page::HostWords {}

/// A run of bytes that may change while they are copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run<'a> {
    start: *const u8,
    len: usize,
    memory: PhantomData<&'a [u8]>,
}

// SAFETY: a run can only be copied from, from any thread, and its lifetime keeps the memory.
unsafe impl Send for Run<'_> {}
// SAFETY: as for `Send`.
unsafe impl Sync for Run<'_> {}

impl<'a> Run<'a> {
    pub(crate) const fn empty() -> Self {
        Self { start: ptr::dangling(), len: 0, memory: PhantomData }
    }

    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) fn slice(&self, offset: usize, len: usize) -> Self {
        let offset = offset.min(self.len);
        // SAFETY: `offset` is within the run.
        let start = unsafe { self.start.add(offset) };
        Self { start, len: len.min(self.len - offset), memory: PhantomData }
    }

    pub(crate) fn copy_to(&self, out: &mut [u8]) -> usize {
        let len = self.len.min(out.len());
        // SAFETY: both hold `len` bytes. The source may be written meanwhile by a process that breaks the protocol: then
        // the bytes copied are any bytes, which is all that is promised of them.
        unsafe { copy(self.start, out.as_mut_ptr(), len) };
        len
    }
}

impl<'a> From<&'a [u8]> for Run<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self { start: bytes.as_ptr(), len: bytes.len(), memory: PhantomData }
    }
}

/// C libraries copy so much by vector registers, and more by `rep movsb`.
const PIECE: usize = 2048;
/// With `rep movsb` AMD's Zen processors take twenty times as long if the destination is less than this behind the source, modulo a page.
/// Text in a ring gets into such a place at any time, and the next stays there if its writer writes and its reader reads by whole pages.
const TOO_NEAR: usize = 32;
const PAGE: usize = 4096;

/// Copies bytes. If the two overlap, what is there afterwards is any bytes.
///
/// # Safety
/// As of [`ptr::copy`].
unsafe fn copy(from: *const u8, to: *mut u8, len: usize) {
    let distance = to.addr().wrapping_sub(from.addr()) % PAGE;
    let most = if (1..TOO_NEAR).contains(&distance) { PIECE } else { len };
    let mut at = 0;
    while at < len {
        let piece = most.min(len - at);
        // SAFETY: the piece is within what the caller vouches for.
        let from = unsafe { from.add(at) };
        // SAFETY: as above.
        let to = unsafe { to.add(at) };
        // SAFETY: as above.
        unsafe { ptr::copy(from, to, piece) };
        at += piece;
    }
}

/// Where a region's memory came from, and so how it is given back.
#[derive(Debug)]
enum Origin {
    #[cfg(any(not(feature = "std"), miri))]
    Heap { block: NonNull<u8>, layout: Layout },
    #[cfg(feature = "std")]
    Mapping,
}

/// What a mapping may be used for.
#[cfg(feature = "std")]
// Under Miri nothing maps what it may only read.
#[cfg_attr(miri, allow(dead_code))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    ReadOnly,
    ReadWrite,
}

/// Reserved memory, all zero at first. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Region {
    base: NonNull<u8>,
    len: usize,
    origin: Origin,
}

// SAFETY: the memory is only reached through atomics and raw copies, which any thread may do.
unsafe impl Send for Region {}
// SAFETY: as for `Send`.
unsafe impl Sync for Region {}

impl Region {
    /// `len` bytes of private memory that cost nothing until touched.
    #[cfg(all(feature = "std", not(miri)))]
    pub(crate) fn zeroed(len: usize) -> Option<Self> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let start = unsafe {
            rustix::mm::mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags)
        };
        let region = Self { base: NonNull::new(start.ok()?.cast())?, len, origin: Origin::Mapping };
        // One byte must not cost a huge page; a kernel without huge pages refuses, and that is well.
        // SAFETY: the range is the mapping just made, and the advice does not change its content.
        let _ = unsafe { rustix::mm::madvise(start.ok()?, len, rustix::mm::Advice::LinuxNoHugepage) };
        Some(region)
    }

    /// `len` bytes of private memory.
    #[cfg(any(not(feature = "std"), miri))]
    pub(crate) fn zeroed(len: usize) -> Option<Self> {
        // Aligned by hand: allocators zero lazily only for small alignments.
        let align = align_of::<SlotHeader>();
        let layout = Layout::from_size_align(len.checked_add(align)?, 16).ok()?;
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let pad = block.as_ptr().align_offset(align).min(align);
        // SAFETY: the block is `align` bytes longer than the region.
        let base = unsafe { block.add(pad) };
        Some(Self { base, len, origin: Origin::Heap { block, layout } })
    }

    /// The first `len` bytes of a file. Its size must be sealed, else touching the memory can kill the process.
    #[cfg(feature = "std")]
    pub(crate) fn map(
        file: std::os::fd::BorrowedFd<'_>,
        len: usize,
        access: Access,
    ) -> std::io::Result<Self> {
        let protection = match access {
            Access::ReadOnly => ProtFlags::READ,
            Access::ReadWrite => ProtFlags::READ | ProtFlags::WRITE,
        };
        let flags = MapFlags::SHARED | MapFlags::NORESERVE;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let start = unsafe { rustix::mm::mmap(ptr::null_mut(), len, protection, flags, file, 0)? };
        let base = NonNull::new(start.cast()).ok_or(std::io::ErrorKind::OutOfMemory)?;
        Ok(Self { base, len, origin: Origin::Mapping })
    }

    /// Gives `len` bytes of private memory, of whole pages, back to the system: they are 0 from now on.
    #[cfg(all(feature = "std", not(miri)))]
    pub(crate) fn forget(&self, at: usize, len: usize) -> rustix::io::Result<()> {
        let start = self.at(at, len).as_ptr().cast();
        // SAFETY: the range is within the mapping; nobody relies on what is there, as the caller says.
        unsafe { rustix::mm::madvise(start, len, rustix::mm::Advice::LinuxDontNeed) }
    }

    #[inline]
    pub(crate) fn header(&self, at: usize) -> &SlotHeader {
        self.words(at)
    }

    #[inline]
    pub(crate) fn info(&self, at: usize) -> &InfoCopy {
        self.words(at)
    }

    /// The atomic words at `at`.
    #[inline]
    pub(crate) fn words<T: Words>(&self, at: usize) -> &T {
        let words = self.at(at, size_of::<T>()).cast::<T>();
        assert!(words.is_aligned(), "words must be aligned");
        // SAFETY: in bounds and aligned as just checked; `Words` are valid whatever the bytes are and whoever writes them.
        unsafe { words.as_ref() }
    }

    /// The bytes `[at, at + len)`.
    #[inline]
    pub(crate) fn run(&self, at: usize, len: usize) -> Run<'_> {
        Run { start: self.at(at, len).as_ptr(), len, memory: PhantomData }
    }

    /// Copies `run` to `at`.
    #[inline]
    pub(crate) fn write(&self, at: usize, run: &Run<'_>) {
        let to = self.at(at, run.len);
        // SAFETY: both hold `run.len` bytes, and may overlap. Who breaks the protocol and accesses them meanwhile finds
        // or leaves any bytes, which is all that is promised of them.
        unsafe { copy(run.start, to.as_ptr(), run.len) };
    }

    /// Reads from a file, or from `offset` of it, into bytes at two places (each: where, and how many). They are nobody else's meanwhile.
    #[cfg(all(feature = "std", not(miri)))]
    pub(crate) fn read_from(
        &self,
        file: std::os::fd::BorrowedFd<'_>,
        offset: Option<u64>,
        places: [(usize, usize); 2],
    ) -> rustix::io::Result<usize> {
        let mut parts = self.parts(places, std::io::IoSliceMut::new);
        match offset {
            Some(offset) => rustix::io::preadv(file, &mut parts, offset),
            None => rustix::io::readv(file, &mut parts),
        }
    }

    /// Copies what a pipe holds, without waiting, to bytes at two places. They are nobody else's meanwhile.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    pub(crate) fn read_from_pipe(
        &self,
        pipe: std::os::fd::BorrowedFd<'_>,
        places: [(usize, usize); 2],
    ) -> rustix::io::Result<usize> {
        let parts = self.parts(places, rustix::pipe::IoSliceRaw::from_slice_mut);
        let most = places[0].1 + places[1].1;
        crate::pipe::with_output(pipe, most, |output| {
            // SAFETY: out of an end that is only to read from the kernel copies, and it keeps no pages.
            unsafe { rustix::pipe::vmsplice(output, &parts, rustix::pipe::SpliceFlags::NONBLOCK) }
        })
    }

    /// Writes bytes at two places to a pipe, without waiting.
    #[cfg(all(feature = "std", not(any(miri, loom))))]
    pub(crate) fn write_to_pipe(
        &self,
        pipe: std::os::fd::BorrowedFd<'_>,
        places: [(usize, usize); 2],
    ) -> rustix::io::Result<usize> {
        let parts = self.parts(places, |bytes| std::io::IoSlice::new(bytes));
        crate::pipe::write(pipe, &parts)
    }

    /// What `part` makes of the bytes at two places, for the kernel to read or to write.
    #[cfg(all(feature = "std", not(miri)))]
    fn parts<'a, T>(&'a self, places: [(usize, usize); 2], part: impl Fn(&'a mut [u8]) -> T) -> [T; 2] {
        places.map(|(at, len)| {
            let start = self.at(at, len).as_ptr();
            // SAFETY: in bounds, and always some bytes or other. Who breaks the protocol and accesses them meanwhile finds or leaves any
            // bytes, as the kernel does; nothing here looks at them.
            part(unsafe { core::slice::from_raw_parts_mut(start, len) })
        })
    }

    /// The address of `len` bytes at `at`.
    #[inline]
    fn at(&self, at: usize, len: usize) -> NonNull<u8> {
        assert!(at <= self.len && len <= self.len - at, "outside of the region");
        // SAFETY: in bounds as just checked.
        unsafe { self.base.add(at) }
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        match self.origin {
            #[cfg(any(not(feature = "std"), miri))]
            Origin::Heap { block, layout } => {
                // SAFETY: allocated with this layout, and the last handle is gone.
                unsafe { dealloc(block.as_ptr(), layout) };
            }
            #[cfg(feature = "std")]
            Origin::Mapping => {
                // SAFETY: mapped with this length, and the last handle is gone. It cannot fail for a whole mapping.
                let _ = unsafe { rustix::mm::munmap(self.base.as_ptr().cast(), self.len) };
            }
        }
    }
}
