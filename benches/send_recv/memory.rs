//! Memory and processor time of processes and of the kernel.

use rustix::process::Pid;
use std::fs;

/// Bytes that these processes have for themselves, and that the kernel has for all: what the private pages (`Pss_Anon`), the page tables
/// (`VmPTE`), the kernel's objects (`Slab`) and the shared memory without a file (`Shmem`) of the machine come to. The rest of
/// `/proc/meminfo` would add only what other programs do: files that are cached, and memory of processes that are not ours.
pub(crate) fn in_use(processes: &[Pid]) -> Result<f64, String> {
    let mut kilobytes = field("/proc/meminfo", "Slab:")? + field("/proc/meminfo", "Shmem:")?;
    for process in processes {
        let process = process.as_raw_nonzero();
        kilobytes += field(&format!("/proc/{process}/smaps_rollup"), "Pss_Anon:")?;
        kilobytes += field(&format!("/proc/{process}/status"), "VmPTE:")?;
    }
    Ok(kilobytes * 1024.0)
}

/// Nanoseconds that all threads of a process have run. `/proc/PID/stat` has the same by hundredths of a second, which hides what an idle
/// process does.
pub(crate) fn ran(process: Pid) -> Result<f64, String> {
    let directory = format!("/proc/{}/task", process.as_raw_nonzero());
    let threads = fs::read_dir(&directory).map_err(|error| format!("{directory}: {error}"))?;
    let times = threads.flatten().map(|thread| {
        let text = read(&thread.path().join("schedstat").display().to_string())?;
        text.split(' ').next().and_then(|time| time.parse::<f64>().ok()).ok_or("no time in schedstat".into())
    });
    times.sum()
}

/// The number of a line such as `Slab: 371 kB`.
fn field(file: &str, name: &str) -> Result<f64, String> {
    let text = read(file)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| format!("{file} has no {name}"))
}

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))
}
