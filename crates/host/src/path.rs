//! Where a host process listens.

use crate::SetupError;
use rustix::fs::{AtFlags, CWD, Mode};
use rustix::io::Errno;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// The socket of the host process for these options. Its folder exists when this returns.
pub(crate) fn socket_path(socket: Option<&Path>, network: Option<&Path>) -> Result<PathBuf, SetupError> {
    if let Some(socket) = socket {
        let socket = std::path::absolute(socket).unwrap_or_else(|_| socket.to_owned());
        if let Some(folder) = socket.parent().filter(|folder| !folder.exists()) {
            make_private(folder)?;
        }
        return Ok(socket);
    }
    let folder = default_folder();
    make_private(&folder)?;
    check_private(&folder)?;
    Ok(folder.join(file_name(network)?))
}

/// `$XDG_RUNTIME_DIR/sockeye`, or a folder of the user's in `/tmp`.
fn default_folder() -> PathBuf {
    let own = rustix::process::geteuid();
    let runtime =
        std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|folder| folder.is_absolute());
    // Under su or sudo the variable may be that of another user.
    let runtime =
        runtime.filter(|folder| rustix::fs::stat(folder).is_ok_and(|status| status.st_uid == own.as_raw()));
    runtime.map_or_else(|| format!("/tmp/sockeye-{}", own.as_raw()).into(), |folder| folder.join("sockeye"))
}

/// One host process for each network file.
fn file_name(network: Option<&Path>) -> Result<String, SetupError> {
    let Some(network) = network else { return Ok("default.sock".into()) };
    let canonical = network.canonicalize().map_err(|error| {
        SetupError(format!(
            "{}: cannot read the network file: {error}; name a file that exists",
            network.display()
        ))
    })?;
    let mut hasher = DefaultHasher::new();
    canonical.hash(&mut hasher);
    Ok(format!("{:016x}.sock", hasher.finish()))
}

pub(crate) fn make_private(folder: &Path) -> Result<(), SetupError> {
    match rustix::fs::mkdir(folder, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(SetupError(format!(
            "{}: cannot make the folder for the socket of the host process: {error}; choose a socket with --socket or SOCKEYE_SOCKET",
            folder.display()
        ))),
    }
}

/// Nobody else may put a socket there.
fn check_private(folder: &Path) -> Result<(), SetupError> {
    let status = rustix::fs::statat(CWD, folder, AtFlags::SYMLINK_NOFOLLOW)
        .map_err(|error| SetupError(format!("{}: {error}", folder.display())))?;
    let own = rustix::process::geteuid().as_raw();
    let fault = fault_of(status.st_mode, status.st_uid, own);
    fault.map_or(Ok(()), |fault| {
        let folder = folder.display();
        Err(SetupError(format!(
            "{folder}: {fault}; remove it, or choose a socket with --socket or SOCKEYE_SOCKET"
        )))
    })
}

fn fault_of(mode: u32, owner: u32, own: u32) -> Option<&'static str> {
    if mode & libc::S_IFMT != libc::S_IFDIR {
        Some("is not a folder")
    } else if owner != own {
        Some("belongs to another user")
    } else if mode & 0o077 != 0 {
        Some("is open to other users (its mode should be 0700)")
    } else {
        None
    }
}

/// Whether this open file is what the path names. A lock file that was removed locks nobody out.
pub(crate) fn is_at(file: impl AsFd, path: &Path) -> bool {
    let (Ok(open), Ok(named)) = (rustix::fs::fstat(file), rustix::fs::lstat(path)) else { return false };
    (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino)
}

/// The path with `suffix` added to its last part.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests;
