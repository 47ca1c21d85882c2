//! What a link does to packets.

use serde::{Deserialize, Serialize};
use std::time::Duration;
use thiserror::Error;

/// Smallest MTU of a link: what every IPv4 host must be able to take (RFC 791, section 3.1).
pub const MIN_MTU: usize = 576;
/// Smallest MTU of any IPv4 link (RFC 791, section 3.2).
pub const MIN_INNER_MTU: usize = 68;
/// Largest MTU of a link: an IPv6 header and the longest payload that it can tell of.
pub const MAX_MTU: usize = 65_575;

/// What a point-to-point link does to packets, in each direction.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct LinkConfig {
    /// Largest IP packet, bytes.
    pub mtu: usize,
    /// Bits a second; 0 for no limit.
    pub rate: u64,
    /// One-way delay.
    pub delay: Duration,
    /// Uniform extra delay in `[0, jitter]`; keeps the order.
    pub jitter: Duration,
    /// Probability that a packet is lost, 0..=1.
    pub loss: f64,
    /// Probability that a packet is held back so that later ones overtake it.
    pub reorder: f64,
    /// Probability that a packet is delivered twice.
    pub duplicate: f64,
    /// Probability that one bit of a packet is inverted.
    pub corrupt: f64,
    /// MTU of a narrower link further on the way, that the hosts do not see, bytes. IPv4 packets that may be fragmented pass it all
    /// the same.
    pub inner_mtu: Option<usize>,
    /// Whether what is too big for that is dropped without a word (a black hole, RFC 2923); else the sender is told by ICMP.
    pub black_hole: bool,
    /// Packets that wait for the rate at most; more are dropped at the tail.
    pub queue: usize,
    /// Packets that wait at which those that say so are marked (RFC 3168: CE) rather than one day dropped; 0 for never.
    #[serde(default)]
    pub mark: usize,
    /// Seed of all of it.
    pub seed: u64,
}

/// An Ethernet-like link that is perfect: 1500 bytes, no limit of rate, no delay, 1000 packets of queue.
impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            mtu: 1500,
            rate: 0,
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: 0.0,
            reorder: 0.0,
            duplicate: 0.0,
            corrupt: 0.0,
            inner_mtu: None,
            black_hole: false,
            queue: 1000,
            mark: 0,
            seed: 0,
        }
    }
}

/// A field of a [`LinkConfig`] that makes no sense, and how to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Error)]
pub enum ConfigError {
    /// The MTU is too small or too large.
    #[error("mtu = {0}: a link carries packets of {MIN_MTU} to {MAX_MTU} bytes; write a number between them")]
    Mtu(usize),
    /// The MTU further on is too small or too large.
    #[error(
        "inner_mtu = {0}: a link carries packets of {MIN_INNER_MTU} to {MAX_MTU} bytes; write a number between them"
    )]
    InnerMtu(usize),
    /// A probability is not one.
    #[error("{field} = {value}: a probability goes from 0 to 1; write 1% as 0.01")]
    Probability {
        /// The name of the field.
        field: &'static str,
        /// What it held.
        value: f64,
    },
    /// A delay so long that no connection could outlive it.
    #[error("{field} = {value:?}: a packet lives for two minutes at most; write a time up to 120 seconds")]
    Delay {
        /// The name of the field.
        field: &'static str,
        /// What it held.
        value: Duration,
    },
    /// A rate without a place to wait in.
    #[error(
        "queue = 0: with a rate a link needs a place for packets to wait in; write 1 or more, or rate = 0"
    )]
    Queue,
}

/// RFC 9293, section 3.4.1: the maximum segment lifetime, which a link must not exceed.
const MAX_DELAY: Duration = Duration::from_secs(120);

impl LinkConfig {
    /// Checks every field.
    ///
    /// # Errors
    /// The first field that makes no sense; the text names it and says what to write.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if !(MIN_MTU..=MAX_MTU).contains(&self.mtu) {
            return Err(ConfigError::Mtu(self.mtu));
        }
        if let Some(inner) = self.inner_mtu.filter(|inner| !(MIN_INNER_MTU..=MAX_MTU).contains(inner)) {
            return Err(ConfigError::InnerMtu(inner));
        }
        let probabilities = [
            ("loss", self.loss),
            ("reorder", self.reorder),
            ("duplicate", self.duplicate),
            ("corrupt", self.corrupt),
        ];
        for (field, value) in probabilities {
            if !(0.0..=1.0).contains(&value) {
                return Err(ConfigError::Probability { field, value });
            }
        }
        for (field, value) in [("delay", self.delay), ("jitter", self.jitter)] {
            if value > MAX_DELAY {
                return Err(ConfigError::Delay { field, value });
            }
        }
        if self.rate != 0 && self.queue == 0 {
            return Err(ConfigError::Queue);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
