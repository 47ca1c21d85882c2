//! Counts by valgrind's callgrind, which emulates the processor: the same on every machine, whatever else it does.

use crate::works::Work;
use std::path::Path;
use std::process::Command;

/// How callgrind knows what counts: by the name of `works::counted_part`, mangled or not.
pub(crate) const COUNTED: &str = "*counted_part*";

/// The C library chooses its memcpy() and the like by what the processor can do. Without these features, which have other names in
/// other versions of it, it takes those that run on every x86-64.
const PLAIN_PROCESSOR: &str = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX_Usable,-AVX2_Usable,-AVX_Fast_Unaligned_Load,-ERMS,-FSRM,\
                               -SSSE3,-SSE4_1,-SSE4_2,-Fast_Unaligned_Copy";

/// Instructions of the counted part of a work, done by this program under callgrind with Sockeye's library preloaded.
pub(crate) fn count(work: Work, library: &Path) -> Result<u64, String> {
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let (Some(folder), Some(name)) = (program.parent(), program.file_name()) else {
        return Err(format!("no program: {}", program.display()));
    };
    let library = library.canonicalize().map_err(|error| format!("{}: {error}", library.display()))?;
    // Arguments lie on the heap, and how long they are decides how malloc() cuts up what follows: no path is among them.
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(Path::new(".").join(name))
        .arg(work.name())
        .current_dir(folder)
        .env("LD_PRELOAD", library)
        .env("SOCKEYE_MODE", "embedded")
        .env("GLIBC_TUNABLES", PLAIN_PROCESSOR)
        .env_remove("SOCKEYE_NETWORK")
        .env_remove("SOCKEYE_AS")
        .env_remove("SOCKEYE_LOG")
        .output()
        .map_err(|error| format!("cannot run valgrind: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("the work `{}` failed under valgrind:\n{log}", work.name()));
    }
    collected(&log).ok_or_else(|| format!("valgrind does not say how much it counted:\n{log}"))
}

/// Whether there is a valgrind.
pub(crate) fn is_there() -> bool {
    Command::new("valgrind").arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The count in callgrind's log. None if it is zero: then the function was not found.
fn collected(log: &str) -> Option<u64> {
    let line = log.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok().filter(|&count| count > 0)
}

#[cfg(test)]
mod tests;
