//! What a host knows of the paths to other hosts: MTUs that routers told (RFC 1191, RFC 8201), and metrics of routes.

use crate::PathSettings;
use hashbrown::HashMap;
use sockeye_clock::Instant;
use std::net::IpAddr;

/// Destinations that are remembered at most. Whoever can make us believe an MTU must have seen a segment of ours (RFC 5927), but
/// there may be many who have.
const MAX_LEARNED: usize = 4096;
/// MTU of every IPv6 link (RFC 8200, section 5).
const MIN_V6_MTU: u32 = 1280;
/// MTU of every IPv4 link (RFC 791, section 3.2).
const MIN_V4_MTU: u32 = 68;

/// What a route says of the paths that it leads to; what is `None` follows from the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteMetrics {
    /// `mtu`: the largest packet, bytes.
    pub mtu: Option<u32>,
    /// `mtu lock`: routers are not believed, and may fragment.
    pub is_mtu_locked: bool,
    /// `advmss`: the MSS to announce, bytes.
    pub advertised_mss: Option<u16>,
    /// `initcwnd`: the initial window, segments.
    pub initial_window: Option<u32>,
}

/// The largest packet on a path, and whether more than that may be sent to be fragmented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PathMtu {
    pub(crate) bytes: u32,
    /// Routers may fragment: the bit that forbids it is not set unless the program insists.
    pub(crate) is_locked: bool,
}

#[derive(Clone, Copy, Debug)]
struct Learned {
    mtu: PathMtu,
    expires: Instant,
}

/// What a host knows of the paths to other hosts.
#[derive(Debug)]
pub(crate) struct PathMtus {
    learned: HashMap<IpAddr, Learned>,
    metrics: HashMap<IpAddr, RouteMetrics>,
    generation: u32,
    /// No entry expires before.
    next_expiry: Instant,
}

impl PathMtus {
    pub(crate) fn new() -> Self {
        Self { learned: HashMap::new(), metrics: HashMap::new(), generation: 0, next_expiry: Instant::MAX }
    }

    /// Changes when anything that is known changes: connections then ask anew. What has expired is forgotten.
    pub(crate) fn generation(&mut self, now: Instant) -> u32 {
        self.forget_expired(now);
        self.generation
    }

    /// RFC 1191, section 6.3: what was told long ago is no longer true. To be called before what is known is asked for.
    pub(crate) fn forget_expired(&mut self, now: Instant) {
        if now >= self.next_expiry {
            self.learned.retain(|_, learned| learned.expires > now);
            self.next_expiry =
                self.learned.values().map(|learned| learned.expires).min().unwrap_or(Instant::MAX);
            self.generation = self.generation.wrapping_add(1);
        }
    }

    pub(crate) fn metrics(&self, destination: IpAddr) -> RouteMetrics {
        self.metrics.get(&destination).copied().unwrap_or_default()
    }

    pub(crate) fn set_metrics(&mut self, destination: IpAddr, metrics: RouteMetrics) {
        self.metrics.insert(destination, metrics);
        self.generation = self.generation.wrapping_add(1);
    }

    /// The path to `destination` over a link whose MTU is `link` bytes.
    pub(crate) fn mtu(&self, destination: IpAddr, link: u32) -> PathMtu {
        let metrics = self.metrics(destination);
        let known = PathMtu { bytes: metrics.mtu.unwrap_or(link), is_locked: metrics.is_mtu_locked };
        match self.learned.get(&destination) {
            Some(learned) if learned.mtu.bytes < known.bytes && !known.is_locked => learned.mtu,
            Some(_) | None => known,
        }
    }

    /// A router told that packets to `destination` must have `mtu` bytes at most. Says what is believed; nothing if it is no news.
    pub(crate) fn learn(
        &mut self,
        now: Instant,
        (destination, link): (IpAddr, u32),
        mtu: u32,
        settings: &PathSettings,
    ) -> Option<PathMtu> {
        let before = self.mtu(destination, link);
        // RFC 1191, section 3; RFC 8201, section 4: it can only become smaller.
        if before.is_locked || mtu >= before.bytes {
            return None;
        }
        let least = settings.min_pmtu.max(MIN_V4_MTU);
        let mtu = match destination {
            // As Linux: below its floor, or from a router that does not say (RFC 1191, section 4), fragments are the lesser evil.
            IpAddr::V4(_) if mtu < least => PathMtu { bytes: least.min(before.bytes), is_locked: true },
            IpAddr::V4(_) => PathMtu { bytes: mtu, is_locked: false },
            // RFC 8201, section 4: never below what every link carries.
            IpAddr::V6(_) => PathMtu { bytes: mtu.max(MIN_V6_MTU).min(before.bytes), is_locked: false },
        };
        if mtu == before {
            return None;
        }
        if self.learned.len() >= MAX_LEARNED && !self.learned.contains_key(&destination) {
            self.make_room(now);
        }
        let expires = now + settings.mtu_expires;
        self.learned.insert(destination, Learned { mtu, expires });
        self.next_expiry = self.next_expiry.min(expires);
        self.generation = self.generation.wrapping_add(1);
        Some(mtu)
    }

    fn make_room(&mut self, now: Instant) {
        self.learned.retain(|_, learned| learned.expires > now);
        if self.learned.len() >= MAX_LEARNED {
            let first = self.learned.iter().min_by_key(|(_, learned)| learned.expires).map(|(ip, _)| *ip);
            first.map(|ip| self.learned.remove(&ip));
        }
    }
}

#[cfg(test)]
mod tests;
