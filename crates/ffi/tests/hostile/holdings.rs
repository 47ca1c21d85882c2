//! What a host process has, and what it does while it ought to do nothing.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::time::Duration;

/// A part of what was there before that may be there in addition afterwards: one of so many.
const PART: u64 = 20;

/// What a host process has.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holdings {
    /// Memory of its own, and that which it shares with programs, whoever of them has touched it; KiB.
    pub memory: u64,
    /// Pages of its program, KiB.
    program: u64,
    pub descriptors: u64,
}

impl Holdings {
    pub fn of(host: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{host}/status")).unwrap_or_default();
        let line = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        Self {
            memory: line("RssAnon:") + shared(host),
            program: line("RssFile:"),
            descriptors: fs::read_dir(format!("/proc/{host}/fd")).map_or(0, Iterator::count) as u64,
        }
    }

    /// Whether this is not more than `before` and 5 %. Pages of the program are a part of what was resident before, but not of what
    /// must come back: which of them were touched says nothing.
    pub fn is_back(&self, before: &Self) -> bool {
        self.memory <= before.memory + (before.memory + before.program) / PART
            && self.descriptors <= before.descriptors + before.descriptors / PART
    }
}

/// Shared memory of a process, KiB: of each file once, touched by whomever. Only root may look at mapped files that have no descriptor.
fn shared(process: u32) -> u64 {
    let folders = ["map_files", "fd"].map(|name| format!("/proc/{process}/{name}"));
    let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    let files = entries.filter(|entry| {
        fs::read_link(entry.path()).is_ok_and(|name| name.to_string_lossy().contains("memfd:sockeye-"))
    });
    let files = files.filter_map(|entry| fs::metadata(entry.path()).ok());
    let blocks: HashMap<u64, u64> = files.map(|file| (file.ino(), file.blocks())).collect();
    blocks.values().sum::<u64>() / 2
}

/// Processor time of a process that has one thread.
pub fn processor(process: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{process}/schedstat")).unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|word| word.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}
