//! What the network keeps of a host.

use crate::Settings;
use crate::counters::Counters;
use crate::demux::Demux;
use crate::fast_open::{BlackHole, CookieCache};
use crate::isn::Isn;
use crate::keyed::Keyed;
use crate::ports::{PortChoice, Ports};
use crate::route::{Routes, Via};
use crate::{FastOpenKeys, HostConfig, HostId};
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
    pub(crate) counters: Counters,
    /// With which cookies are made unless others are set.
    pub(crate) fast_open_keys: FastOpenKeys,
    pub(crate) cookies: CookieCache,
    pub(crate) black_hole: BlackHole,
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
            counters: Counters::default(),
            fast_open_keys: FastOpenKeys::random(rng),
            cookies: CookieCache::new(Keyed::new(rng)),
            black_hole: BlackHole::default(),
            capture: None,
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
pub(crate) fn mtu(via: Via, host: &Host, wires: &[Wire]) -> usize {
    match via {
        Via::Loopback => host.settings.loopback_mtu,
        Via::Link(index) => wires.get(index).map_or(0, |wire| wire.link.mtu()),
    }
}
