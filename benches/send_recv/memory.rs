//! Memory and processor time of processes and of the kernel.

use rustix::process::Pid;
use std::fs;

/// Memory in use, bytes.
#[derive(Clone, Copy)]
pub(crate) struct Memory {
    pub(crate) all: f64,
    /// Of these, the page tables of the processes.
    pub(crate) page_tables: f64,
}

/// Memory of these processes, which are private pages (`Pss_Anon`) and page tables (`VmPTE`), and memory of the whole machine, which is
/// the kernel's objects (`Slab`) and shared memory without a file (`Shmem`). The rest of `/proc/meminfo` is cached files, and the memory of
/// other programs.
pub(crate) fn in_use(processes: &[Pid]) -> Result<Memory, String> {
    let mut kilobytes = field("/proc/meminfo", "Slab:")? + field("/proc/meminfo", "Shmem:")?;
    let mut page_tables = 0.0;
    for process in processes {
        let process = process.as_raw_nonzero();
        kilobytes += field(&format!("/proc/{process}/smaps_rollup"), "Pss_Anon:")?;
        page_tables += field(&format!("/proc/{process}/status"), "VmPTE:")?;
    }
    Ok(Memory { all: (kilobytes + page_tables) * 1024.0, page_tables: page_tables * 1024.0 })
}

/// Nanoseconds that all threads of a process have run. `/proc/PID/stat` counts hundredths of a second, too coarse for an idle process.
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
