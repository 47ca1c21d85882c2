//! The memory of the machine.

use sockeye_stack::{HostConfig, MemoryBounds, NetworkConfig};
use std::fs;

/// The network with the bounds that Linux would have on this machine (`net.ipv4.tcp_mem`), where the configuration says none.
pub(crate) fn with_memory(config: &NetworkConfig) -> NetworkConfig {
    let mut config = config.clone();
    let bounds = buffer_pages().map(MemoryBounds::of_machine);
    let choose = |host: &mut HostConfig| host.settings.memory = host.settings.memory.or(bounds);
    config.hosts.iter_mut().for_each(choose);
    config
}

/// Pages of 4096 bytes that the kernel's buffers could have: all memory but what each zone keeps free (`nr_free_buffer_pages`). `None`
/// where there is no /proc.
fn buffer_pages() -> Option<u64> {
    let kilobytes = field(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:").next()?;
    let zones = fs::read_to_string("/proc/zoneinfo").unwrap_or_default();
    let kept: u64 = field(&zones, "high").sum();
    Some((kilobytes * 1024 / MemoryBounds::PAGE).saturating_sub(kept))
}

/// The numbers of the lines that begin with this word.
fn field<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = u64> + 'a {
    text.lines().filter_map(move |line| {
        let mut words = line.split_ascii_whitespace();
        let is_wanted = words.next() == Some(name);
        words.next().filter(|_| is_wanted)?.parse().ok()
    })
}

#[cfg(test)]
mod tests;
