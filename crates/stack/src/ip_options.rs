//! What a program chooses about the packets of a socket.

use crate::options::IpOptions;
use std::net::IpAddr;

/// IP_MTU_DISCOVER and IPV6_MTU_DISCOVER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PmtuDiscovery {
    /// Routers may fragment.
    Dont,
    /// They may not, unless the path's MTU is locked.
    Want,
    /// They may not.
    Do,
    /// They may not, and what they tell does not bound segments: our link does.
    Probe,
    /// As `Probe`, what they tell is not even looked at, and they may fragment.
    Interface,
    /// As `Interface`.
    Omit,
}

/// What a program chooses about packets of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FamilyOptions {
    /// IP_TOS, IPV6_TCLASS: the Diffserv field, without ECN (MUST-48, 3.9.2).
    pub(crate) traffic_class: u8,
    /// IP_TTL, IPV6_UNICAST_HOPS; the host's if the program does not say (MUST-49, 3.9.2).
    pub(crate) hop_limit: Option<u8>,
    /// IP_MINTTL, IPV6_MINHOPCOUNT: what comes with less is not looked at (RFC 5082). 0 for all.
    pub(crate) min_hop_limit: u8,
    /// IP_MTU_DISCOVER, IPV6_MTU_DISCOVER.
    pub(crate) discovery: PmtuDiscovery,
    /// IP_RECVERR, IPV6_RECVERR: errors that come back are told at once.
    pub(crate) reports_errors: bool,
}

impl IpOptions {
    /// Those that count for packets to and from `remote`. An IPv6 socket has both: its peers may be IPv4 ones.
    pub(crate) const fn of(&self, remote: IpAddr) -> FamilyOptions {
        match remote {
            IpAddr::V4(_) => FamilyOptions {
                traffic_class: self.type_of_service,
                hop_limit: self.time_to_live,
                min_hop_limit: self.min_time_to_live,
                discovery: PmtuDiscovery::of(self.mtu_discover),
                reports_errors: self.receive_errors,
            },
            IpAddr::V6(_) => FamilyOptions {
                traffic_class: self.traffic_class,
                hop_limit: self.hop_limit,
                min_hop_limit: self.min_hop_limit,
                discovery: PmtuDiscovery::of(self.mtu_discover6),
                reports_errors: self.receive_errors6,
            },
        }
    }
}

impl PmtuDiscovery {
    /// Linux's IP_PMTUDISC numbers.
    const fn of(number: u8) -> Self {
        match number {
            0 => Self::Dont,
            1 => Self::Want,
            2 => Self::Do,
            3 => Self::Probe,
            4 => Self::Interface,
            _ => Self::Omit,
        }
    }

    /// Whether routers are told not to fragment. `is_locked`: the path's MTU is what it is whatever they say.
    pub(crate) const fn forbids_fragments(self, is_locked: bool) -> bool {
        match self {
            Self::Dont | Self::Interface | Self::Omit => false,
            Self::Want => !is_locked,
            Self::Do | Self::Probe => true,
        }
    }

    /// Whether segments are cut to what routers tell.
    pub(crate) const fn follows_path(self) -> bool {
        matches!(self, Self::Dont | Self::Want | Self::Do)
    }

    /// Whether what routers tell is looked at.
    pub(crate) const fn believes_routers(self) -> bool {
        !matches!(self, Self::Interface | Self::Omit)
    }
}
