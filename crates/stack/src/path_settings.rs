//! Settings of a host about packets and paths.

use serde::{Deserialize, Serialize};
use sockeye_tcb::{MtuProbing, ProbeMode};
use std::time::Duration;

/// Settings of a host about packets and paths, with the names that Linux gives them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PathSettings {
    /// net.ipv4.ip_no_pmtu_disc: 0 and 3 believe routers that tell an MTU, anything else does not, and lets routers fragment.
    pub no_pmtu_discovery: u8,
    /// net.ipv4.route.mtu_expires: for how long an MTU that a router told is believed (600 s; RFC 1191, section 6.3).
    pub mtu_expires: Duration,
    /// net.ipv4.route.min_pmtu: the least MTU that a router may tell (552 bytes). If it tells less, packets may be fragmented.
    pub min_pmtu: u32,
    /// net.ipv4.route.min_adv_mss: the least MSS to announce (256 bytes), whatever the path's MTU is.
    pub min_advertised_mss: u16,
    /// tcp_mtu_probing: 0 off, 1 once large packets seem to vanish, 2 always (RFC 4821).
    pub mtu_probing: u8,
    /// tcp_base_mss: what probing begins with (1024 bytes).
    pub base_mss: u16,
    /// tcp_mtu_probe_floor: what probing falls back to at least (48 bytes).
    pub mtu_probe_floor: u16,
    /// tcp_probe_interval: after this probing begins anew (600 s).
    pub probe_interval: Duration,
    /// tcp_probe_threshold: probing ends when the unknown is narrower (8 bytes).
    pub probe_threshold: u16,
    /// tcp_min_snd_mss: the least MSS that a peer or a path can make us use, options included (48 bytes).
    pub min_snd_mss: u16,
    /// tcp_stdurg: the urgent pointer names the last byte of urgent text, as RFC 1122 had it, not the one after it.
    pub stdurg: bool,
    /// net.ipv6.auto_flowlabels: packets carry a flow label of their connection (RFC 6438).
    pub auto_flow_labels: bool,
    /// net.ipv4.icmp_ratelimit: least time between two errors to one address (1 s).
    pub icmp_rate_limit: Duration,
    /// net.ipv4.icmp_msgs_per_sec: errors to all addresses together, a second (1000).
    pub icmp_per_second: u32,
    /// net.ipv4.icmp_msgs_burst: so many of them may come at once (50).
    pub icmp_burst: u32,
}

impl Default for PathSettings {
    fn default() -> Self {
        Self {
            no_pmtu_discovery: 0,
            mtu_expires: Duration::from_secs(600),
            min_pmtu: 552,
            min_advertised_mss: 256,
            mtu_probing: 0,
            base_mss: 1024,
            mtu_probe_floor: 48,
            probe_interval: Duration::from_secs(600),
            probe_threshold: 8,
            min_snd_mss: 48,
            stdurg: false,
            auto_flow_labels: true,
            icmp_rate_limit: Duration::from_secs(1),
            icmp_per_second: 1000,
            icmp_burst: 50,
        }
    }
}

impl PathSettings {
    pub(crate) const fn probing(&self) -> MtuProbing {
        MtuProbing {
            mode: match self.mtu_probing {
                0 => ProbeMode::Off,
                1 => ProbeMode::OnBlackHole,
                _ => ProbeMode::Always,
            },
            base_mss: self.base_mss,
            floor: self.mtu_probe_floor,
            threshold: self.probe_threshold,
            min_snd_mss: self.min_snd_mss,
            interval: self.probe_interval,
        }
    }
}
