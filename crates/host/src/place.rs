//! The place of a socket in the file system, where others may put things, too.

use crate::lock_file::Record;
use crate::path::beside;
use rustix::fs::{CWD, FileType, RenameFlags, Stat, lstat, renameat_with, unlink};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity(u64, u64);

impl Identity {
    /// Of what lies there.
    pub(crate) fn of(path: &Path) -> Result<Self, Errno> {
        Ok(Self::from(&lstat(path)?))
    }
}

impl From<&Stat> for Identity {
    fn from(stat: &Stat) -> Self {
        Self(stat.st_dev, stat.st_ino)
    }
}

/// Why a place cannot be had, as the end of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// By something that is no socket.
    ByFile,
    /// By a socket that another program serves.
    ByProgram,
    /// By a socket that no host process has made. Whether its program lives, and serves it later, cannot be known.
    Unrecorded,
}

/// Frees the place of a socket: what a host that was killed has left, as the record of its lock file says, goes, and nothing else.
pub(crate) fn free(path: &Path, record: Record) -> Result<(), Taken> {
    let Ok(stat) = lstat(path) else { return Ok(()) };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
        return Err(Taken::ByFile);
    }
    if is_served(path) {
        return Err(Taken::ByProgram);
    }
    if !record.names(&stat) {
        return Err(Taken::Unrecorded);
    }
    remove(path, Identity::from(&stat));
    Ok(())
}

/// Removes what lies there, if it is still that file. What another process has put there in the meantime stays.
pub(crate) fn remove(path: &Path, identity: Identity) {
    if Identity::of(path) != Ok(identity) {
        return;
    }
    // What is moved away cannot be changed for another any more.
    let aside = beside(path, &unique(".old"));
    if rename(path, &aside).is_err() {
        return;
    }
    if Identity::of(&aside) == Ok(identity) {
        let _ = unlink(&aside);
    } else {
        // If there is something again, this one stays beside it.
        let _ = rename(&aside, path);
    }
}

/// Gives a file another name, which no file has.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Errno> {
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE)
}

/// A suffix that no other file has: a number of a process is another one's in another container.
pub(crate) fn unique(suffix: &str) -> String {
    format!("{suffix}-{:016x}", RandomState::new().hash_one(suffix))
}

/// Whether a program listens there, of whatever type its socket is.
pub(crate) fn is_served(path: &Path) -> bool {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let connected = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
        .and_then(|socket| rustix::net::connect(&socket, &SocketAddrUnix::new(path)?));
    !matches!(connected, Err(Errno::CONNREFUSED | Errno::NOENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lock_file::Made;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    /// The record of who has made what is there.
    fn made(path: &Path) -> Record {
        Record::Serving(Made::from(&lstat(path).unwrap()))
    }

    #[test]
    fn a_socket_that_nobody_serves_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert_eq!(free(&path, Record::NoSocket), Ok(()), "there is nothing");
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(free(&path, made(&path)), Ok(()));
        assert!(std::fs::read_dir(&folder).unwrap().next().is_none(), "nothing is left");
    }

    #[test]
    fn what_is_another_s_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("file"), "precious").unwrap();
        std::fs::create_dir(path("folder")).unwrap();
        std::os::unix::fs::symlink(path("file"), path("link")).unwrap();
        for name in ["file", "folder", "link"] {
            assert_eq!(free(&path(name), made(&path(name))), Err(Taken::ByFile), "{name}");
            assert!(path(name).exists(), "{name}");
        }
        let _listener = UnixListener::bind(path("listener")).unwrap();
        let _datagrams = UnixDatagram::bind(path("datagrams")).unwrap();
        for name in ["listener", "datagrams"] {
            assert_eq!(free(&path(name), made(&path(name))), Err(Taken::ByProgram), "{name}");
            assert!(path(name).exists(), "{name}");
        }
    }

    /// Its program may be about to listen: `connect()` says the same of it as of one that is dead.
    #[test]
    fn a_socket_that_no_host_has_made_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        drop(UnixListener::bind(path("left")).unwrap());
        let records = [Record::NoSocket, Record::Binding(0), made(&path("left"))];
        for kind in [SocketType::STREAM, SocketType::SEQPACKET, SocketType::DGRAM] {
            let socket = rustix::net::socket(AddressFamily::UNIX, kind, None).unwrap();
            let name = path(&format!("{kind:?}"));
            rustix::net::bind(&socket, &SocketAddrUnix::new(&name).unwrap()).unwrap();
            for record in records {
                assert!(free(&name, record).is_err(), "{name:?} {record:?}");
                assert!(name.exists(), "{name:?}");
            }
        }
    }

    #[test]
    fn what_came_in_the_meantime_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        let identity = Identity::of(&path).unwrap();
        std::fs::rename(&path, folder.path().join("kept")).unwrap();
        std::fs::write(&path, "another").unwrap();
        remove(&path, identity);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "another");
    }
}
