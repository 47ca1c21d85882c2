//! The page by which a host tells its clients whether it sleeps, and whether it lives.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, Mode, OFlags, SealFlags};

use crate::futex;
use crate::lock::LockLine;
use crate::raw::{Access, Region};
use crate::sync::{AtomicU32, Ordering};

/// Bytes of the page.
const LEN: usize = 4096;
/// Set by the kernel in the liveness word when the thread that holds it ends, however it ends.
const OWNER_DIED: u32 = 0x4000_0000;
/// Tells the kernel that someone may wait on the liveness word.
const WAITERS: u32 = 0x8000_0000;
/// The bits of the liveness word that are the thread.
const THREAD: u32 = 0x3fff_ffff;

/// The page's words.
#[repr(C, align(64))]
#[derive(Debug)]
pub(crate) struct HostWords {
    sleeping: SleepingLine,
    liveness: LockLine,
}

/// A line of its own: it changes often.
#[repr(C, align(64))]
#[derive(Debug)]
struct SleepingLine {
    word: AtomicU32,
}

/// One page of memory that the host writes and all clients can read.
///
/// The liveness word is the first of a robust mutex that the host's main thread holds as long as it has the page. So the kernel itself marks
/// the word, and wakes one waiter, when that thread ends, by SIGKILL too. Who is woken so wakes all others with
/// [`futex::wake_all`]; lest it be killed as well before it does, or keep it to itself, each client has a page of
/// its own to wait for.
#[derive(Debug)]
pub struct HostPage {
    region: Region,
    /// The host's: open for reading only.
    file: Option<OwnedFd>,
    access: Access,
}

impl HostPage {
    /// A new page; for the host. Nobody else can ever map it for writing.
    ///
    /// # Errors
    /// What the system says.
    pub fn create() -> io::Result<Self> {
        let file = rustix::fs::memfd_create("sockeye-host", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
        rustix::fs::ftruncate(&file, LEN as u64)?;
        let region = Region::map(file.as_fd(), LEN, Access::ReadWrite)?;
        rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW)?;
        // A kernel before 5.1 does not know this seal; there the read-only descriptor has to do.
        let _ = rustix::fs::fcntl_add_seals(&file, SealFlags::FUTURE_WRITE);
        rustix::fs::fcntl_add_seals(&file, SealFlags::SEAL)?;
        // Opened before any client can change who may.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        let page = Self { region, file: Some(file), access: Access::ReadWrite };
        page.words().liveness.reset();
        Ok(page)
    }

    /// The only descriptor, which can only read, for the only client.
    pub fn take_fd(&mut self) -> Option<OwnedFd> {
        self.file.take()
    }

    /// A descriptor for a client, which can only read.
    ///
    /// # Errors
    /// What the system says; `Unsupported` where the page was mapped and not created, or its descriptor taken.
    pub fn fd_read_only(&self) -> io::Result<OwnedFd> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        Ok(rustix::io::fcntl_dupfd_cloexec(file, 0)?)
    }

    /// Maps a host's page for reading; for the client. The descriptor is not kept.
    ///
    /// # Errors
    /// `InvalidData` for memory that is not such a page or whose size is not sealed; otherwise what the system says.
    pub fn map(file: impl AsFd) -> io::Result<Self> {
        let file = file.as_fd();
        let seals = rustix::fs::fcntl_get_seals(file).map_err(|_| io::ErrorKind::InvalidData)?;
        if !seals.contains(SealFlags::SHRINK) || rustix::fs::fstat(file)?.st_size != LEN as i64 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let access = Access::ReadOnly;
        Ok(Self { region: Region::map(file, LEN, access)?, file: None, access })
    }

    /// Ties the liveness word to the calling thread, which is to live as long as the host serves.
    ///
    /// # Errors
    /// `Unsupported` where the page was mapped, and where the C library's mutexes are not as expected.
    pub fn enroll(&self) -> io::Result<()> {
        if self.access == Access::ReadOnly {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let thread = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        let guard = self.words().liveness.lock();
        let is_held = guard.is_held() || self.liveness().load(Ordering::Relaxed) & THREAD == thread;
        // Kept until the thread dies.
        core::mem::forget(guard);
        let word = self.liveness().fetch_or(WAITERS, Ordering::SeqCst);
        (is_held && word & THREAD == thread).then_some(()).ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    /// Says whether the host is going to sleep, so that clients must wake it. The host looks at the doorbells again after
    /// saying so. Does nothing on a client's side.
    pub fn set_sleeping(&self, is_sleeping: bool) {
        if self.access == Access::ReadWrite {
            self.words().sleeping.word.store(is_sleeping.into(), Ordering::SeqCst);
        }
    }

    /// Whether the host sleeps, or is about to.
    #[must_use]
    pub fn is_sleeping(&self) -> bool {
        self.words().sleeping.word.load(Ordering::SeqCst) != 0
    }

    /// Whether the thread that enrolled still lives. `false` before anyone enrolled.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        let word = self.liveness().load(Ordering::Acquire);
        word & THREAD != 0 && word & OWNER_DIED == 0
    }

    /// The word to wait on, beside one's own: it changes when the host dies. On a client's side it can only be read.
    #[must_use]
    pub fn liveness(&self) -> &AtomicU32 {
        self.words().liveness.owner()
    }

    fn words(&self) -> &HostWords {
        self.region.words(0)
    }
}

impl Drop for HostPage {
    fn drop(&mut self) {
        if self.access == Access::ReadWrite {
            // The kernel cannot mark what is not mapped any more.
            self.words().liveness.release();
            futex::wake_all(self.liveness());
        }
    }
}

#[cfg(test)]
mod tests;
