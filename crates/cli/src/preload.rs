//! Whether the library can be preloaded into a program.

use rustix::fs::{Access, access};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Length of an ELF header of 64 bits.
const HEADER: usize = 64;
/// `p_type` of the program header that names the dynamic linker.
const PT_INTERP: u32 = 3;
/// Mode bits of a file that runs as its owner, or as its group.
const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;

/// Why the library cannot be preloaded into the program, which then runs over the kernel's TCP; `None` if it can be, or if it is not
/// needed, or if nobody can tell. What a script or a shell starts is not looked at.
pub(crate) fn obstacle(program: &OsStr) -> Option<&'static str> {
    let path = found(program)?;
    let linkage = linkage(&File::open(&path).ok()?).ok()??;
    let obstacle = match linkage {
        Linkage::Static if !is_dynamic_linker(&path) => "is statically linked",
        Linkage::Static => return None,
        Linkage::Dynamic if changes_user(&path) => "runs as another user or group",
        Linkage::Dynamic => return None,
    };
    (!has_library(&path)).then_some(obstacle)
}

/// The file that `exec` takes for the program.
fn found(program: &OsStr) -> Option<PathBuf> {
    if program.as_encoded_bytes().contains(&b'/') {
        return Some(program.into());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file() && access(path, Access::EXEC_OK).is_ok())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Linkage {
    /// The kernel starts a dynamic linker, which preloads.
    Dynamic,
    Static,
}

/// `None` if the file is no ELF file of this machine's kind.
fn linkage(file: &File) -> io::Result<Option<Linkage>> {
    let mut header = [0; HEADER];
    if file.read_exact_at(&mut header, 0).is_err() {
        // Too short for one.
        return Ok(None);
    }
    // 64 bits, and the bytes in this machine's order.
    let order = if cfg!(target_endian = "little") { 1 } else { 2 };
    if header[..6] != [0x7f, b'E', b'L', b'F', 2, order] {
        return Ok(None);
    }
    let half = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
    let mut table = [0; 8];
    table.copy_from_slice(&header[32..40]);
    let (table, entry, count) = (u64::from_ne_bytes(table), half(54), half(56));
    for index in 0..u64::from(count) {
        let mut kind = [0; 4];
        file.read_exact_at(&mut kind, table.saturating_add(index * u64::from(entry)))?;
        if u32::from_ne_bytes(kind) == PT_INTERP {
            return Ok(Some(Linkage::Dynamic));
        }
    }
    Ok(Some(Linkage::Static))
}

/// The dynamic linker, run as a program, preloads although nothing is named as its own interpreter.
fn is_dynamic_linker(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b"ld-") || name.starts_with(b"ld.so")
}

/// The dynamic linker ignores LD_PRELOAD then.
fn changes_user(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|file| {
        let mode = file.mode();
        (mode & SET_USER_ID != 0 && file.uid() != rustix::process::getuid().as_raw())
            || (mode & SET_GROUP_ID != 0 && file.gid() != rustix::process::getgid().as_raw())
    })
}

/// Whether the program was linked with the library, `libsockeye.so` or `libsockeye.a`, and so needs no preloading.
fn has_library(path: &Path) -> bool {
    let bytes = fs::read(path).unwrap_or_default();
    ["libsockeye.so", "SOCKEYE_SOCKET"]
        .iter()
        .any(|name| bytes.windows(name.len()).any(|window| window == name.as_bytes()))
}

#[cfg(test)]
mod tests;
