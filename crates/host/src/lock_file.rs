//! The files beside a socket by which processes agree who serves there, and who starts a host process.
//!
//! Files of others may have these names, too. A lock file is a regular file of this user that is empty or holds a [`Record`]: all else is
//! refused, and stays as it is. It is made with its lock held, so that whoever finds one that is empty and free knows that it was there before:
//! that one is used, and left behind empty.

use crate::path::{beside, is_at};
use crate::place::{self, Identity};
use rustix::fs::{FileType, FlockOperation, Mode, OFlags, Stat, flock, fstat, lstat};
use rustix::io::Errno;
use std::fmt::{self, Display};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Every record begins so.
const MARK: &str = "sockeye lock";
/// No record is longer, bytes.
const LONGEST: usize = 128;
/// A host process has made its socket so soon after it noted that it would, or never.
const SOON: u64 = 10_000_000_000;

/// A file whose lock this process holds.
#[derive(Debug)]
pub(crate) struct LockFile {
    path: PathBuf,
    file: OwnedFd,
    origin: Origin,
}

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    /// Made by a process of ours, which removes it in the end.
    Made,
    /// It was there: it stays.
    Found,
}

/// Why a lock file cannot be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// It is something else.
    Foreign,
    /// Another user has it.
    OfAnotherUser,
    System(Errno),
}

impl Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => out.write_str("what is there is no lock file of a host process"),
            Self::OfAnotherUser => out.write_str("it is another user's"),
            Self::System(error) => write!(out, "cannot open the lock file: {error}"),
        }
    }
}

impl From<Errno> for Refused {
    fn from(error: Errno) -> Self {
        Self::System(error)
    }
}

/// What the lock file says of the socket beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// The holder of the lock has made none.
    NoSocket,
    /// It is about to, from this time of the file system on (ns).
    Binding(u64),
    /// It has made this one.
    Serving(Made),
}

/// Which file it is, also if its number is given to another one later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    number: u64,
    /// ns.
    at: u64,
}

impl From<&Stat> for Made {
    fn from(stat: &Stat) -> Self {
        Self { number: stat.st_ino, at: time_of(stat) }
    }
}

impl Record {
    /// Whether a process that held the lock has made this file.
    pub(crate) fn names(self, stat: &Stat) -> bool {
        match self {
            Self::NoSocket => false,
            // Killed in between: it may be any file of that time.
            Self::Binding(since) => (since..since.saturating_add(SOON)).contains(&time_of(stat)),
            Self::Serving(made) => made == Made::from(stat),
        }
    }
}

impl LockFile {
    /// Takes the lock; `None` if another process has it, or just had.
    pub(crate) fn try_take(path: &Path) -> Result<Option<Self>, Refused> {
        let stat = match lstat(path) {
            Err(Errno::NOENT) => return Self::make(path),
            stat => stat?,
        };
        // Not opened: that alone may do something to a pipe or a device.
        check_own_file(&stat)?;
        let flags = OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let file = match rustix::fs::open(path, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(Refused::Foreign),
            file => file?,
        };
        check_own_file(&fstat(&file)?)?;
        let text = read(&file)?;
        if !text.is_empty() && !text.starts_with(MARK) {
            return Err(Refused::Foreign);
        }
        let is_taken = flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok();
        // A file that was removed meanwhile locks nobody out.
        if !is_taken || !is_at(&file, path) {
            return Ok(None);
        }
        let origin = origin_of(&read(&file)?);
        Ok(Some(Self { path: path.to_owned(), file, origin }))
    }

    /// A new one, which nobody sees before it is locked.
    fn make(path: &Path) -> Result<Option<Self>, Refused> {
        let aside = beside(path, &place::unique(".new"));
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::open(&aside, flags, mode)?;
        // Whatever the program's umask is.
        let _ = rustix::fs::fchmod(&file, mode);
        let made =
            flock(&file, FlockOperation::NonBlockingLockExclusive).and_then(|()| place::rename(&aside, path));
        match made {
            Ok(()) => Ok(Some(Self { path: path.to_owned(), file, origin: Origin::Made })),
            Err(error) => {
                let _ = rustix::fs::unlink(&aside);
                // Another process was faster.
                if error == Errno::EXIST { Ok(None) } else { Err(error.into()) }
            }
        }
    }

    /// Whether the path still leads to it.
    pub(crate) fn is_there(&self) -> bool {
        is_at(&self.file, &self.path)
    }

    /// What it says.
    pub(crate) fn record(&self) -> Record {
        let Ok(text) = read(&self.file) else { return Record::NoSocket };
        let mut words = text.lines().next().unwrap_or_default().split(' ').skip(3);
        let is_binding = words.next() == Some("binding");
        let mut number = || words.next()?.parse().ok();
        match (is_binding, number(), number()) {
            (true, _, _) => {
                fstat(&self.file).map_or(Record::NoSocket, |stat| Record::Binding(time_of(&stat)))
            }
            (false, Some(number), Some(at)) => Record::Serving(Made { number, at }),
            (false, _, _) => Record::NoSocket,
        }
    }

    /// Notes that a socket is about to be made.
    pub(crate) fn note_binding(&self) {
        self.write("binding");
    }

    /// Notes which socket was made.
    pub(crate) fn note_socket(&self, made: Made) {
        let Made { number, at } = made;
        self.write(&format!("serving {number} {at}"));
    }

    /// If it cannot be written, on a full disk, a host that is killed leaves a socket that is to be removed by hand.
    fn write(&self, what: &str) {
        let origin = match self.origin {
            Origin::Made => "made",
            Origin::Found => "found",
        };
        let text = format!("{MARK} {origin} {what}\n");
        let is_written = rustix::io::pwrite(&self.file, text.as_bytes(), 0) == Ok(text.len());
        let len = if is_written { text.len() as u64 } else { 0 };
        let _ = rustix::fs::ftruncate(&self.file, len);
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        match self.origin {
            Origin::Made => {
                // Who has it open, and waits for it, finds that it is no more.
                if let Ok(stat) = fstat(&self.file) {
                    place::remove(&self.path, Identity::from(&stat));
                }
            }
            Origin::Found => {
                if read(&self.file).is_ok_and(|text| text.starts_with(MARK)) {
                    let _ = rustix::fs::ftruncate(&self.file, 0);
                }
            }
        }
    }
}

fn origin_of(text: &str) -> Origin {
    if text.split(' ').nth(2) == Some("made") { Origin::Made } else { Origin::Found }
}

fn check_own_file(stat: &Stat) -> Result<(), Refused> {
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        Err(Refused::Foreign)
    } else if stat.st_uid != rustix::process::geteuid().as_raw() {
        Err(Refused::OfAnotherUser)
    } else {
        Ok(())
    }
}

/// When its content was changed last, ns: for a socket, when it was made.
fn time_of(stat: &Stat) -> u64 {
    let seconds = u64::try_from(stat.st_mtime).unwrap_or(0);
    seconds.saturating_mul(1_000_000_000).saturating_add(stat.st_mtime_nsec)
}

/// The beginning of what is in it; what is no text counts as a text that is no record.
fn read(file: impl AsFd) -> Result<String, Errno> {
    let mut bytes = [0; LONGEST];
    let len = rustix::io::pread(file, &mut bytes[..], 0)?;
    Ok(String::from_utf8_lossy(&bytes[..len]).into_owned())
}

#[cfg(test)]
mod tests;
