//! The edge between C's pointers and Rust's references.

use crate::errno::Errno;
use libc::{c_int, c_void, iovec, socklen_t};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::BorrowedFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

/// Linux moves at most this many bytes in one call (MAX_RW_COUNT).
pub const MOST_BYTES: usize = 0x7fff_f000;
/// UIO_MAXIOV.
pub const MOST_BUFFERS: usize = 1024;

/// Sets errno.
pub fn set_errno(number: c_int) {
    // SAFETY: always a valid pointer, to this thread's errno.
    let place = unsafe { libc::__errno_location() };
    // SAFETY: as above; no other thread writes there.
    unsafe { place.write(number) };
}

/// Whether a thread can be cancelled.
#[derive(Clone, Copy, Debug)]
pub struct CancelState(c_int);

impl CancelState {
    pub const DISABLED: Self = Self(1);
}

/// Whether this thread can be cancelled from now on. Returns what was so before.
pub fn set_cancel_state(CancelState(state): CancelState) -> CancelState {
    unsafe extern "C-unwind" {
        fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
    }
    let mut before = 0;
    // SAFETY: the pointer is valid; a state that there is not is refused.
    unsafe { pthread_setcancelstate(state, &raw mut before) };
    CancelState(before)
}

/// A descriptor as the caller named it. The caller answers for its being open, as with every POSIX call; if it is not,
/// the kernel says EBADF.
pub fn borrow(fd: c_int) -> BorrowedFd<'static> {
    debug_assert!(fd >= 0, "only descriptors that the table knows are borrowed");
    // SAFETY: not -1; a descriptor that was closed meanwhile makes calls fail and no memory unsafe.
    unsafe { BorrowedFd::borrow_raw(fd) }
}

/// As [`borrow`], for a descriptor that may be negative.
pub fn borrow_checked(fd: c_int) -> Result<BorrowedFd<'static>, Errno> {
    if fd < 0 { Err(Errno::BADF) } else { Ok(borrow(fd)) }
}

/// A place for a value that threads read without a lock, in signal handlers and forked children too. A value that is followed by another is never
/// freed.
#[derive(Debug)]
pub struct Lasting<T: 'static>(AtomicPtr<T>);

impl<T: Send + Sync + 'static> Lasting<T> {
    /// Nothing is there yet.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()))
    }

    /// The value that was put there last.
    pub fn get(&self) -> Option<&'static T> {
        let value = self.0.load(Ordering::Acquire);
        // SAFETY: null, or what `put` has leaked, which nobody changes or frees.
        unsafe { value.as_ref() }
    }

    /// Puts a value there.
    pub fn put(&self, value: T) -> &'static T {
        let value: &'static T = Box::leak(Box::new(value));
        self.0.store(std::ptr::from_ref(value).cast_mut(), Ordering::Release);
        value
    }
}

/// Registers handlers for `fork()`.
pub fn at_fork(before: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    // SAFETY: the three are functions without arguments that live as long as the library, which is never unloaded. It
    // can only fail for want of memory, and then a forked child has no engine.
    let _ = unsafe { libc::pthread_atfork(Some(before), Some(parent), Some(child)) };
}

/// The number of a descriptor.
pub fn number(descriptor: BorrowedFd<'_>) -> c_int {
    std::os::fd::AsRawFd::as_raw_fd(&descriptor)
}

/// A word that forked children share with this process. There are many, which are given out in turn.
pub fn shared_word() -> &'static AtomicU32 {
    const LEN: usize = 4096;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    static PAGE: OnceLock<&'static [AtomicU32]> = OnceLock::new();
    static ALONE: AtomicU32 = AtomicU32::new(0);
    let page = PAGE.get_or_init(|| {
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping at an address that the kernel chooses.
        let page = unsafe { libc::mmap(std::ptr::null_mut(), LEN, protection, flags, -1, 0) };
        if page == libc::MAP_FAILED {
            return std::slice::from_ref(&ALONE);
        }
        // SAFETY: the page is aligned, all zero, stays for ever, and nothing but these atomics is in it.
        unsafe { std::slice::from_raw_parts(page.cast(), LEN / size_of::<AtomicU32>()) }
    });
    &page[NEXT.fetch_add(1, Ordering::Relaxed) as usize % page.len()]
}

/// Any number.
pub fn random_number() -> u64 {
    let mut bytes = [0; 8];
    // SAFETY: the buffer is valid. Without randomness the address will do.
    let _ = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), libc::GRND_NONBLOCK) };
    u64::from_ne_bytes(bytes) ^ (&raw const bytes).addr() as u64
}

/// Raises a signal for the calling thread.
pub fn raise(signal: c_int) {
    // SAFETY: no memory is involved.
    let _ = unsafe { libc::raise(signal) };
}

/// The caller's bytes.
///
/// # Safety
/// `data` is NULL or points to `length` bytes that stay as they are during `'a`.
pub unsafe fn bytes<'a>(data: *const c_void, length: usize) -> Result<&'a [u8], Errno> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), length.min(MOST_BYTES)) })
}

/// The caller's bytes, to be written.
///
/// # Safety
/// `data` is NULL or points to `length` bytes that are nobody else's during `'a`.
pub unsafe fn bytes_mut<'a>(data: *mut c_void, length: usize) -> Result<&'a mut [u8], Errno> {
    if length == 0 {
        return Ok(&mut []);
    }
    if data.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), length.min(MOST_BYTES)) })
}

/// `count` elements.
///
/// # Safety
/// `data` is NULL or points to `count` elements that are nobody else's during `'a`.
pub unsafe fn elements<'a, T>(data: *mut T, count: usize) -> Result<&'a mut [T], Errno> {
    if count == 0 {
        return Ok(&mut []);
    }
    if data.is_null() || count > MOST_BYTES / size_of::<T>() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(data, count) })
}

/// The buffers of an I/O vector, empty ones left out, cut at [`MOST_BYTES`] in sum. `too_many` is the error for more than
/// [`MOST_BUFFERS`].
///
/// # Safety
/// As [`bytes`], for the vector and each of its buffers.
pub unsafe fn gather<'a>(
    vector: *const iovec,
    count: usize,
    too_many: Errno,
) -> Result<Vec<IoSlice<'a>>, Errno> {
    // SAFETY: the caller's promise.
    let parts = unsafe { parts(vector, count, too_many) }?;
    // SAFETY: the caller's promise, for each part.
    let slice = |(base, length): (*mut c_void, usize)| unsafe { bytes(base, length) }.map(IoSlice::new);
    parts.into_iter().map(slice).collect()
}

/// As [`gather`], for receiving.
///
/// # Safety
/// As [`bytes_mut`], for the vector and each of its buffers.
pub unsafe fn scatter<'a>(
    vector: *const iovec,
    count: usize,
    too_many: Errno,
) -> Result<Vec<IoSliceMut<'a>>, Errno> {
    // SAFETY: the caller's promise.
    let parts = unsafe { parts(vector, count, too_many) }?;
    // SAFETY: the caller's promise, for each part.
    let slice =
        |(base, length): (*mut c_void, usize)| unsafe { bytes_mut(base, length) }.map(IoSliceMut::new);
    parts.into_iter().map(slice).collect()
}

unsafe fn parts(
    vector: *const iovec,
    count: usize,
    too_many: Errno,
) -> Result<Vec<(*mut c_void, usize)>, Errno> {
    if count > MOST_BUFFERS {
        return Err(too_many);
    }
    // SAFETY: the caller's promise.
    let vector = unsafe { elements(vector.cast_mut(), count) }?;
    let mut room = MOST_BYTES;
    let mut parts = Vec::with_capacity(count);
    for buffer in vector.iter() {
        if isize::try_from(buffer.iov_len).is_err() {
            return Err(Errno::INVAL);
        }
        let length = buffer.iov_len.min(room);
        room -= length;
        if length > 0 {
            parts.push((buffer.iov_base, length));
        }
    }
    Ok(parts)
}

/// What a pointer points to, or EFAULT.
///
/// # Safety
/// `pointer` is NULL or points to a `T` that may be unaligned.
pub unsafe fn read<T: Copy>(pointer: *const T) -> Result<T, Errno> {
    if pointer.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { pointer.read_unaligned() })
}

/// Writes through a pointer, or EFAULT.
///
/// # Safety
/// As [`read`].
pub unsafe fn write<T: Copy>(pointer: *mut T, value: T) -> Result<(), Errno> {
    if pointer.is_null() {
        return Err(Errno::FAULT);
    }
    // SAFETY: the caller's promise.
    unsafe { pointer.write_unaligned(value) };
    Ok(())
}

/// The room that a pair of value and length pointers offers.
///
/// # Safety
/// As [`read`], for `length`.
pub unsafe fn room(length: *mut socklen_t) -> Result<usize, Errno> {
    // SAFETY: the caller's promise.
    let room = unsafe { read(length) }?;
    i32::try_from(room).map_err(|_| Errno::INVAL)?;
    Ok(room as usize)
}

/// Gives a value back as Linux does: as much as there is room for, and `told` as its length.
///
/// # Safety
/// `data` is NULL or has room for `*length` bytes; `length` is valid.
pub unsafe fn give(
    data: *mut c_void,
    length: *mut socklen_t,
    value: &[u8],
    told: usize,
) -> Result<(), Errno> {
    // SAFETY: the caller's promise.
    let room = unsafe { room(length) }?;
    let count = room.min(value.len());
    // SAFETY: the caller's promise; `count` is not more than the room.
    let place = unsafe { bytes_mut(data, count) }?;
    place.copy_from_slice(&value[..count]);
    let told = socklen_t::try_from(told).map_err(|_| Errno::INVAL)?;
    // SAFETY: the caller's promise.
    unsafe { write(length, told) }
}

/// The descriptors that a message brought.
///
/// # Safety
/// `message` is as the kernel filled it.
pub unsafe fn rights(message: *const libc::msghdr) -> Vec<c_int> {
    let mut found = Vec::new();
    // SAFETY: the caller's promise.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: CMSG_FIRSTHDR and CMSG_NXTHDR give only headers that lie in the buffer.
        let current = unsafe { header.read_unaligned() };
        if current.cmsg_level == libc::SOL_SOCKET && current.cmsg_type == libc::SCM_RIGHTS {
            // SAFETY: as above.
            let data = unsafe { libc::CMSG_DATA(header) }.cast::<c_int>();
            let prefix = data.addr() - header.addr();
            let count = current.cmsg_len.saturating_sub(prefix) / size_of::<c_int>();
            for index in 0..count {
                // SAFETY: the kernel wrote `count` descriptors there.
                let place = unsafe { data.add(index) };
                // SAFETY: as above.
                found.push(unsafe { place.read_unaligned() });
            }
        }
        // SAFETY: as above.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
    found
}

unsafe extern "C" {
    fn vasprintf(text: *mut *mut libc::c_char, format: *const libc::c_char, arguments: *mut c_void) -> c_int;
}

/// What a format and its arguments print.
///
/// # Safety
/// As `vasprintf()`.
pub unsafe fn print(format: *const libc::c_char, arguments: *mut c_void) -> Result<Vec<u8>, Errno> {
    let mut text = std::ptr::null_mut();
    // SAFETY: the caller's promise.
    let length = unsafe { vasprintf(&raw mut text, format, arguments) };
    let Ok(length) = usize::try_from(length) else { return Err(Errno::last()) };
    // SAFETY: as long as it said.
    let bytes = unsafe { bytes(text.cast(), length) }?.to_vec();
    // SAFETY: it is ours to free, and a copy was made.
    unsafe { libc::free(text.cast()) };
    Ok(bytes)
}
