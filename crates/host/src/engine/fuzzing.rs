//! The bodies of the fuzz targets `control` and `words`: programs that ask and write anything, on an engine in virtual time, beside two that
//! keep to the rules. After each step the parts of the engine agree with each other; at the end nothing is left of those programs.

mod ask;
mod bystanders;
mod control;
mod guest;
mod residue;
mod words;

use arbitrary::Arbitrary;
use sockeye_clock::Instant;
use sockeye_stack::{HostConfig, LinkBetween, NetworkConfig};
use std::net::IpAddr;

use super::{Engine, Storage};
use crate::quota::Quota;

pub use control::{Control, control};
pub use words::{Words, words};

/// The names of the hosts, and their addresses. The others are on the first.
const HOSTS: [(&str, [u8; 4]); 2] = [("a", [10, 0, 0, 1]), ("b", [10, 0, 0, 2])];

/// An engine with two hosts and a link between them.
fn engine(now: Instant) -> Engine {
    let host = |(name, address): (&str, [u8; 4])| HostConfig {
        name: name.into(),
        addresses: vec![IpAddr::from(address)],
        ..HostConfig::default()
    };
    let between = (HOSTS[0].0.into(), HOSTS[1].0.into());
    let config = NetworkConfig {
        hosts: HOSTS.map(host).into(),
        links: vec![LinkBetween { between, config: sockeye_link::LinkConfig::default() }],
    };
    Engine::seeded(now, &config, Storage::Shared(Quota::NONE), 1).expect("memory and descriptors")
}

/// Whether a connection is accepted by a request, or waits for somebody to take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
enum Accept {
    Yes,
    No,
}

/// How much time passes.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Time {
    Micros(u8),
    Millis(u8),
    Seconds(u8),
}

impl From<Time> for std::time::Duration {
    fn from(time: Time) -> Self {
        match time {
            Time::Micros(count) => Self::from_micros(count.into()),
            Time::Millis(count) => Self::from_millis(count.into()),
            Time::Seconds(count) => Self::from_secs(count.into()),
        }
    }
}

#[cfg(test)]
mod tests;
