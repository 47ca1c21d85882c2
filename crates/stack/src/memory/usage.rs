//! What a host holds, in the words of `/proc/net/sockstat`.

use super::MemoryBounds;
use crate::network::Network;
use crate::socket::Phase;
use crate::{Counters, HostId};
use serde::{Deserialize, Serialize};

/// Sockets of a host, and what their queues hold, as in Linux's `/proc/net/sockstat`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryUsage {
    /// Listeners and connections, orphans too, but not those in TIME-WAIT.
    pub in_use: u64,
    /// Connections that no program holds.
    pub orphans: u64,
    /// Connections in TIME-WAIT.
    pub time_waits: u64,
    /// All sockets.
    pub allocated: u64,
    /// Bytes in all queues: not acknowledged, or not read, or out of order.
    pub held: u64,
    /// Of these, bytes of orphans.
    pub orphaned: u64,
}

impl MemoryUsage {
    /// What all queues hold, in pages: the unit of `net.ipv4.tcp_mem`.
    #[must_use]
    pub const fn pages(&self) -> u64 {
        self.held.div_ceil(MemoryBounds::PAGE)
    }
}

impl Network {
    /// What a host holds; `None` if there is no such host. Programs read and write without telling, so this looks at their rings, and what
    /// that makes due the next flush does.
    pub fn memory_usage(&mut self, host: HostId) -> Option<MemoryUsage> {
        self.look_at_rings();
        let here = self.hosts.get(host.0 as usize)?;
        let mut usage = MemoryUsage {
            orphans: here.orphans.into(),
            time_waits: here.time_waits.into(),
            allocated: here.memory.sockets(),
            ..MemoryUsage::default()
        };
        for (_, socket) in self.sockets.iter().filter(|(_, socket)| socket.host == host) {
            let held = socket.held() as u64;
            usage.held += held;
            usage.orphaned += if socket.is_orphan { held } else { 0 };
            usage.in_use += match socket.phase {
                Phase::Listening(_) | Phase::Connecting(_) | Phase::Connected(_) => 1,
                Phase::Idle | Phase::Over(_) => 0,
            };
        }
        Some(usage)
    }

    /// What happened on a host; `None` if there is no such host.
    #[must_use]
    pub fn counters(&self, host: HostId) -> Option<Counters> {
        let host = self.hosts.get(host.0 as usize)?;
        Some(Counters { memory_pressures: host.memory.pressures(), ..host.counters })
    }
}
