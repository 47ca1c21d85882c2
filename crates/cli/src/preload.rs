//! Whether the library can be preloaded into a program.

use object::NativeEndian;
use object::elf::{FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};
use rustix::fs::{Access, access};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Mode bits of a file that runs as its owner, or as its group.
const SET_USER_ID: u32 = 0o4000;
const SET_GROUP_ID: u32 = 0o2000;

/// Why the library cannot be preloaded into the program, which then runs over the kernel's TCP; `None` if it can be, or if it is not
/// needed, or if nobody can tell. What a script or a shell starts is not looked at.
pub(crate) fn obstacle(program: &OsStr) -> Option<&'static str> {
    let path = found(program)?;
    let file = fs::read(&path).ok()?;
    let obstacle = match linkage(&file)? {
        Linkage::Static if !is_dynamic_linker(&path) => "is statically linked",
        Linkage::Static => return None,
        Linkage::Dynamic if changes_user(&path) => "runs as another user or group",
        Linkage::Dynamic => return None,
    };
    (!has_library(&file)).then_some(obstacle)
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

/// `None` if it is no whole ELF file of this machine's kind.
fn linkage(file: &[u8]) -> Option<Linkage> {
    let header = FileHeader64::<NativeEndian>::parse(file).ok()?;
    let parts = header.program_headers(NativeEndian, file).ok()?;
    let has_interpreter = parts.iter().any(|part| part.p_type(NativeEndian) == PT_INTERP);
    Some(if has_interpreter { Linkage::Dynamic } else { Linkage::Static })
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

/// Whether a program was linked with the library, `libsockeye.so` or `libsockeye.a`, and so needs no preloading.
pub(crate) fn has_library(program: &[u8]) -> bool {
    ["libsockeye.so", "SOCKEYE_SOCKET"]
        .iter()
        .any(|name| program.windows(name.len()).any(|window| window == name.as_bytes()))
}

#[cfg(test)]
mod tests;
