//! Memory that two processes share: a file without a name, its size sealed, that is mapped by both.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};

use crate::raw::{Access, Region};

/// New memory of `len` bytes, all zero, and its descriptor, to be sent to the other process.
pub(crate) fn create(name: &str, len: usize) -> io::Result<(Region, OwnedFd)> {
    let file = rustix::fs::memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    rustix::fs::ftruncate(&file, len as u64)?;
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
    let region = Region::map(file.as_fd(), len, Access::ReadWrite)?;
    Ok((region, file))
}

/// Maps memory of `len` bytes that another process made. `InvalidData` if it has another size, or one that may change: touching it could
/// then kill this process.
pub(crate) fn map(file: impl AsFd, len: usize) -> io::Result<Region> {
    let file = file.as_fd();
    let seals = rustix::fs::fcntl_get_seals(file).map_err(|_| io::ErrorKind::InvalidData)?;
    let has_len = usize::try_from(rustix::fs::fstat(file)?.st_size).is_ok_and(|size| size == len);
    if !seals.contains(SealFlags::SHRINK) || !has_len {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Region::map(file, len, Access::ReadWrite)
}
