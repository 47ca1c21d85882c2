//! `sockeye netstat --memory`: what all sockets hold together.

use sockeye_host::HostMemory;
use sockeye_stack::{Counters, MemoryUsage};
use std::fmt::Write as _;

/// The lines of each host; under its name, if there are several.
pub(super) fn report(hosts: &[HostMemory]) -> String {
    let is_named = hosts.len() > 1;
    hosts.iter().fold(String::new(), |mut text, HostMemory { host, usage, counters }| {
        if is_named {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "Host {host}");
        }
        text + &lines(usage, counters)
    })
}

/// The line of /proc/net/sockstat, the bytes that it counts in pages, and the counters that /proc/net/netstat has for them.
fn lines(usage: &MemoryUsage, counters: &Counters) -> String {
    let MemoryUsage { in_use, orphans, time_waits, allocated, held, orphaned } = usage;
    let mem = usage.pages();
    let mut text = format!(
        "TCP: inuse {in_use} orphan {orphans} tw {time_waits} alloc {allocated} mem {mem}\n\
         Bytes: queued {held} orphaned {orphaned}\n\
         TcpExt:"
    );
    let named = [
        ("TCPMemoryPressures", counters.memory_pressures),
        ("PruneCalled", counters.prune_called),
        ("RcvPruned", counters.recv_pruned),
        ("OfoPruned", counters.out_of_order_pruned),
        ("TCPRcvQDrop", counters.recv_drops),
        ("TCPOFODrop", counters.out_of_order_drops),
        ("TCPAbortOnMemory", counters.aborts_on_memory),
    ];
    for (name, count) in named {
        let _ = write!(text, " {name} {count}");
    }
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str) -> HostMemory {
        let usage =
            MemoryUsage { in_use: 5, orphans: 1, time_waits: 3, allocated: 7, held: 4097, orphaned: 12 };
        let counters = Counters { memory_pressures: 2, aborts_on_memory: 9, ..Counters::default() };
        HostMemory { host: name.to_owned(), usage, counters }
    }

    #[test]
    fn the_first_line_is_sockstats() {
        let expected = "\
TCP: inuse 5 orphan 1 tw 3 alloc 7 mem 2
Bytes: queued 4097 orphaned 12
TcpExt: TCPMemoryPressures 2 PruneCalled 0 RcvPruned 0 OfoPruned 0 TCPRcvQDrop 0 TCPOFODrop 0 TCPAbortOnMemory 9
";
        assert_eq!(report(&[host("server")]), expected);
    }

    #[test]
    fn several_hosts_are_named() {
        let text = report(&[host("server"), host("client")]);
        assert!(text.starts_with("Host server\nTCP: ") && text.contains("\nHost client\nTCP: "), "{text}");
    }
}
