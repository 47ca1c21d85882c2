//! `select pselect`, by way of [`ready::wait`].

use crate::engine::TABLE;
use crate::errno::{Errno, guard};
use crate::{raw, ready, real};
use libc::{c_int, c_short, c_ulong, fd_set, pollfd, sigset_t, timespec, timeval};
use sockeye_clock::monotonic;
use std::time::Duration;

const BITS: usize = c_ulong::BITS as usize;
/// What makes a descriptor readable, writable and exceptional to Linux's `select()`.
const READ: c_short =
    libc::POLLRDNORM | libc::POLLRDBAND | libc::POLLIN | libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
const WRITE: c_short = libc::POLLWRBAND | libc::POLLWRNORM | libc::POLLOUT | libc::POLLERR | libc::POLLNVAL;
const EXCEPT: c_short = libc::POLLPRI | libc::POLLNVAL;

/// As `select()`: the time that is left is written back, as on Linux.
///
/// # Safety
/// The sets are NULL or have room for `count` bits, `timeout` is NULL or valid.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn sockeye_select(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *mut timeval,
) -> c_int {
    // SAFETY: the caller's promise.
    let sets = unsafe { Sets::new(count, read, write, except) };
    let Some(sets) = sets.filter(Sets::has_ours) else {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::select(count, read, write, except, timeout) };
    };
    guard(|| {
        // SAFETY: the caller's promise.
        let time = if timeout.is_null() { None } else { Some(unsafe { raw::read(timeout) }?) };
        let time = time.map(duration).transpose()?;
        let start = monotonic();
        let ready = sets.wait(time, None);
        if let Some(time) = time {
            let left = time.saturating_sub(monotonic().since(start));
            let left = timeval {
                tv_sec: left.as_secs().try_into().unwrap_or(libc::time_t::MAX),
                tv_usec: left.subsec_micros().into(),
            };
            // SAFETY: the caller's promise.
            unsafe { raw::write(timeout, left) }?;
        }
        ready
    })
}

/// As `pselect()`.
///
/// # Safety
/// The sets are NULL or have room for `count` bits, `timeout` and `mask` are NULL or valid.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "the C library's signature")]
pub unsafe extern "C-unwind" fn sockeye_pselect(
    count: c_int,
    read: *mut fd_set,
    write: *mut fd_set,
    except: *mut fd_set,
    timeout: *const timespec,
    mask: *const sigset_t,
) -> c_int {
    // SAFETY: the caller's promise.
    let sets = unsafe { Sets::new(count, read, write, except) };
    let Some(sets) = sets.filter(Sets::has_ours) else {
        // SAFETY: the caller's arguments as they came.
        return unsafe { real::pselect(count, read, write, except, timeout, mask) };
    };
    guard(|| {
        // SAFETY: the caller's promise.
        let timeout = unsafe { ready::duration(timeout) }?;
        // SAFETY: the caller's promise.
        sets.wait(timeout, unsafe { mask.as_ref() })
    })
}

/// The three sets of a call, as far as they are given.
struct Sets<'a> {
    count: usize,
    read: &'a mut [c_ulong],
    write: &'a mut [c_ulong],
    except: &'a mut [c_ulong],
}

impl Sets<'_> {
    /// `None` if the kernel would refuse them.
    unsafe fn new(count: c_int, read: *mut fd_set, write: *mut fd_set, except: *mut fd_set) -> Option<Self> {
        let count = usize::try_from(count).ok()?;
        let words = |set: *mut fd_set| {
            let words = if set.is_null() { 0 } else { count.div_ceil(BITS) };
            // SAFETY: the caller's promise.
            unsafe { raw::elements(set.cast::<c_ulong>(), words) }.ok()
        };
        Some(Self { count, read: words(read)?, write: words(write)?, except: words(except)? })
    }

    fn has_ours(&self) -> bool {
        (0..self.count).any(|fd| self.events(fd) != 0 && TABLE.has(fd_of(fd)))
    }

    fn events(&self, fd: usize) -> c_short {
        let mut events = 0;
        if is_set(self.read, fd) {
            events |= libc::POLLIN;
        }
        if is_set(self.write, fd) {
            events |= libc::POLLOUT;
        }
        if is_set(self.except, fd) {
            events |= libc::POLLPRI;
        }
        events
    }

    /// Waits, then leaves in the sets what is ready. On an error they stay as they were.
    fn wait(self, timeout: Option<Duration>, mask: Option<&sigset_t>) -> Result<c_int, Errno> {
        let mut fds: Vec<pollfd> = (0..self.count)
            .map(|fd| pollfd { fd: fd_of(fd), events: self.events(fd), revents: 0 })
            .filter(|entry| entry.events != 0)
            .collect();
        let deadline = timeout.map(|timeout| monotonic() + timeout);
        let ours: Vec<c_int> = fds.iter().map(|entry| entry.fd).filter(|&fd| TABLE.has(fd)).collect();
        loop {
            let left = deadline.map(|deadline| deadline.since(monotonic()));
            ready::wait(&mut fds, left, mask)?;
            // What another thread closes meanwhile is ready, as on Linux.
            let is_wrong = |entry: &pollfd| entry.revents & libc::POLLNVAL != 0 && !ours.contains(&entry.fd);
            if fds.iter().any(is_wrong) {
                return Err(Errno::BADF);
            }
            // A hang-up wakes poll() but is nothing to one who asks only whether he can write.
            let is_ready = fds.iter().any(|entry| chosen(entry).iter().any(|&ready| ready));
            if is_ready || deadline.is_some_and(|deadline| monotonic() >= deadline) {
                return Ok(self.fill(&fds));
            }
            fds.iter_mut().filter(|entry| entry.revents != 0).for_each(|entry| entry.fd = -1);
        }
    }

    fn fill(self, fds: &[pollfd]) -> c_int {
        self.read.fill(0);
        self.write.fill(0);
        self.except.fill(0);
        let mut count = 0;
        for entry in fds {
            let sets = [&mut *self.read, &mut *self.write, &mut *self.except];
            for (set, _) in sets.into_iter().zip(chosen(entry)).filter(|(_, ready)| *ready) {
                let fd = entry.fd.unsigned_abs() as usize;
                set[fd / BITS] |= 1 << (fd % BITS);
                count += 1;
            }
        }
        count
    }
}

/// Whether an entry is readable, writable, exceptional, as far as it was asked.
fn chosen(entry: &pollfd) -> [bool; 3] {
    [(libc::POLLIN, READ), (libc::POLLOUT, WRITE), (libc::POLLPRI, EXCEPT)]
        .map(|(asked, meaning)| entry.events & asked != 0 && entry.revents & meaning != 0)
}

fn is_set(set: &[c_ulong], fd: usize) -> bool {
    set.get(fd / BITS).is_some_and(|word| word >> (fd % BITS) & 1 != 0)
}

fn fd_of(fd: usize) -> c_int {
    c_int::try_from(fd).unwrap_or(c_int::MAX)
}

fn duration(time: timeval) -> Result<Duration, Errno> {
    let seconds = u64::try_from(time.tv_sec).map_err(|_| Errno::INVAL)?;
    let micros = u64::try_from(time.tv_usec).map_err(|_| Errno::INVAL)?;
    Ok(Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros)))
}
