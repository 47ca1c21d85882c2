//! What the network keeps of a host.

use crate::Settings;
use crate::challenge::ChallengeAllowance;
use crate::counters::Counters;
use crate::demux::Demux;
use crate::fast_open::{BlackHole, CookieCache};
use crate::icmp_limit::IcmpLimit;
use crate::isn::Isn;
use crate::keyed::Keyed;
use crate::memory::MemoryAccount;
use crate::options::Options;
use crate::path_mtus::PathMtus;
use crate::ports::{PortChoice, Ports};
use crate::route::{Path, Routes, Via};
use crate::syn_cookies::SynCookies;
use crate::{FastOpenKeys, HostConfig, HostId, Network, RouteMetrics};
use rand::RngCore;
use sockeye_link::{Capture, Interface, Link};
use std::net::IpAddr;

/// A host.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) routes: Routes,
    pub(crate) demux: Demux,
    pub(crate) ports: Ports,
    pub(crate) port_choice: PortChoice,
    pub(crate) listener_choice: Keyed,
    pub(crate) isn: Isn,
    /// Where timestamp clocks start.
    timestamp_offsets: Keyed,
    pub(crate) counters: Counters,
    pub(crate) memory: MemoryAccount,
    /// With which cookies are made unless others are set.
    pub(crate) fast_open_keys: FastOpenKeys,
    pub(crate) cookies: CookieCache,
    pub(crate) black_hole: BlackHole,
    pub(crate) challenges: ChallengeAllowance,
    pub(crate) syn_cookies: SynCookies,
    /// Connections that no program holds.
    pub(crate) orphans: u32,
    /// Connections in TIME-WAIT.
    pub(crate) time_waits: u32,
    pub(crate) paths: PathMtus,
    pub(crate) icmp_limit: IcmpLimit,
    /// Of flow labels and identifications.
    pub(crate) labels: Keyed,
    /// Whether any socket ever wanted a least hop limit.
    pub(crate) checks_hop_limits: bool,
    /// Where what stays on the host is recorded.
    pub(crate) capture: Option<(Capture, Interface)>,
}

impl Host {
    pub(crate) fn new(config: &HostConfig, rng: &mut impl RngCore) -> Self {
        let addresses: Vec<IpAddr> = config.addresses.iter().map(IpAddr::to_canonical).collect();
        Self {
            name: config.name.clone(),
            settings: config.settings.clone(),
            routes: Routes::new(addresses),
            demux: Demux::new(Keyed::new(rng)),
            ports: Ports::new(Keyed::new(rng), config.settings.ports),
            port_choice: PortChoice::new(Keyed::new(rng), Keyed::new(rng)),
            listener_choice: Keyed::new(rng),
            isn: Isn::new(rng),
            timestamp_offsets: Keyed::new(rng),
            counters: Counters::default(),
            memory: MemoryAccount::new(config.settings.memory_bounds()),
            fast_open_keys: FastOpenKeys::random(rng),
            cookies: CookieCache::new(Keyed::new(rng)),
            black_hole: BlackHole::default(),
            challenges: ChallengeAllowance::default(),
            syn_cookies: SynCookies::new(rng),
            orphans: 0,
            time_waits: 0,
            paths: PathMtus::new(),
            icmp_limit: IcmpLimit::new(Keyed::new(rng)),
            labels: Keyed::new(rng),
            checks_hop_limits: false,
            capture: None,
        }
    }
}

impl Host {
    /// Where the timestamp clock of a connection starts: a secret, but the same for all connections between two addresses, so that the
    /// next one's timestamps are later (RFC 6191, RFC 7323, 5.4).
    pub(crate) fn timestamp_offset(&self, path: &Path) -> u32 {
        let between = (path.tuple.local.ip(), path.tuple.remote.ip());
        match self.settings.timestamps {
            1 => self.timestamp_offsets.secret_of(&between) as u32,
            _ => 0,
        }
    }
}

/// One direction of a link between two hosts.
pub(crate) struct Wire {
    /// The host where its packets arrive.
    pub(crate) to: HostId,
    pub(crate) link: Box<dyn Link>,
}

/// Largest IP packet on the way, bytes.
pub(crate) fn mtu(via: Via, host: &Host, wires: &[Wire]) -> u32 {
    let bytes = match via {
        Via::Loopback => host.settings.loopback_mtu,
        Via::Link(index) => wires.get(index).map_or(0, |wire| wire.link.mtu()),
    };
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// What a path means to a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PathView {
    /// Largest IP packet to send, bytes.
    pub(crate) mtu: u32,
    /// MSS to announce, bytes.
    pub(crate) recv_mss: u16,
    /// The MSS of a peer that announces none (MUST-15, 3.7.1).
    pub(crate) default_mss: u16,
    /// Length of the IP header.
    pub(crate) ip_header: u8,
    /// Initial window, segments, if the route says.
    pub(crate) initial_window: Option<u32>,
}

impl Host {
    /// What is known of `path`, for a socket with these options.
    pub(crate) fn path_view(&self, options: &Options, path: &Path, wires: &[Wire]) -> PathView {
        let remote = path.tuple.remote.ip();
        let link = mtu(path.via, self, wires);
        let follows = options.ip.of(remote).discovery.follows_path();
        let known = self.paths.mtu(remote, link).bytes;
        let metrics = self.paths.metrics(remote);
        // An IPv4 packet has 65535 bytes at most; an IPv6 payload, too.
        let (ip_header, most, default_mss, least_mss) = match remote {
            IpAddr::V4(_) => (20u8, 65_535, 536, self.settings.path.min_advertised_mss),
            IpAddr::V6(_) => (40, 65_535 + 40, 1220, 1220),
        };
        // MUST-67 (3.7.1): MMS_R - 20, or what the route or the program says.
        let headers = u32::from(ip_header) + 20;
        let mss = u16::try_from(known.min(most).saturating_sub(headers)).unwrap_or(u16::MAX);
        let link_mss = u16::try_from(link.min(most).saturating_sub(headers)).unwrap_or(u16::MAX);
        let mss = metrics.advertised_mss.unwrap_or_else(|| mss.max(least_mss.min(link_mss)));
        PathView {
            mtu: if follows { known } else { link }.min(most),
            recv_mss: mss.min(options.mss_limit()).max(1),
            default_mss,
            ip_header,
            initial_window: metrics.initial_window,
        }
    }
}

impl Network {
    /// Says how a host's route to `destination` differs from what the link would make of it (`ip route change`). Connections follow.
    pub fn set_route_metrics(&mut self, host: HostId, destination: IpAddr, metrics: RouteMetrics) {
        if let Some(host) = self.hosts.get_mut(host.0 as usize) {
            host.paths.set_metrics(destination.to_canonical(), metrics);
        }
    }
}
