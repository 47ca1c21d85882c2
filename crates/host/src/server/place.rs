//! The place of a socket in the file system, where others may put things, too.

use crate::path::beside;
use rustix::fs::{CWD, FileType, RenameFlags, Stat, lstat, renameat_with, unlink};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::path::Path;

/// Which file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    /// Of what lies there.
    pub(super) fn of(path: &Path) -> Result<Self, Errno> {
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
pub(super) enum Taken {
    /// By something that is no socket.
    ByFile,
    /// By a socket that another program serves.
    ByProgram,
}

/// Frees the place of a socket: what a host that was killed has left goes, and nothing else.
pub(super) fn free(path: &Path) -> Result<(), Taken> {
    let Ok(stat) = lstat(path) else { return Ok(()) };
    if FileType::from_raw_mode(stat.st_mode) != FileType::Socket {
        return Err(Taken::ByFile);
    }
    if is_served(path) {
        return Err(Taken::ByProgram);
    }
    remove(path, Identity::from(&stat));
    Ok(())
}

/// Removes what lies there, if it is still that file. What another process has put there in the meantime stays.
pub(super) fn remove(path: &Path, identity: Identity) {
    if Identity::of(path) != Ok(identity) {
        return;
    }
    // What is moved away cannot be changed for another any more.
    let aside = beside(path, &format!(".old-{}", std::process::id()));
    if renameat_with(CWD, path, CWD, &aside, RenameFlags::NOREPLACE).is_err() {
        return;
    }
    if Identity::of(&aside) == Ok(identity) {
        let _ = unlink(&aside);
    } else {
        // If there is something again, this one stays beside it.
        let _ = renameat_with(CWD, &aside, CWD, path, RenameFlags::NOREPLACE);
    }
}

/// Whether a program listens there, of whatever type its socket is.
fn is_served(path: &Path) -> bool {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let connected = rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)
        .and_then(|socket| rustix::net::connect(&socket, &SocketAddrUnix::new(path)?));
    !matches!(connected, Err(Errno::CONNREFUSED | Errno::NOENT))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::{UnixDatagram, UnixListener};

    #[test]
    fn a_socket_that_nobody_serves_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert_eq!(free(&path), Ok(()), "there is nothing");
        drop(UnixListener::bind(&path).unwrap());
        assert_eq!(free(&path), Ok(()));
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
            assert_eq!(free(&path(name)), Err(Taken::ByFile), "{name}");
            assert!(path(name).exists(), "{name}");
        }
        let _listener = UnixListener::bind(path("listener")).unwrap();
        let _datagrams = UnixDatagram::bind(path("datagrams")).unwrap();
        for name in ["listener", "datagrams"] {
            assert_eq!(free(&path(name)), Err(Taken::ByProgram), "{name}");
            assert!(path(name).exists(), "{name}");
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
