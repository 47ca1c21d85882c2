//! Links between hosts: point-to-point links with rate, delay and impairments, and captures.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};
use sockeye_clock::Instant;
use std::time::Duration;

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
    /// Packets that wait for the rate at most; more are dropped at the tail.
    pub queue: usize,
    /// Seed of all of it.
    pub seed: u64,
}

/// A direction of a link: a packet goes in at one instant and comes out at a later one.
pub trait Link: Send {
    /// Largest IP packet, bytes.
    fn mtu(&self) -> usize;
    /// Takes a packet at `now`. It may be dropped, and that is counted.
    fn transmit(&mut self, now: Instant, packet: Vec<u8>);
    /// The next packet that has arrived by `now`.
    fn poll_receive(&mut self, now: Instant) -> Option<Vec<u8>>;
    /// When the next packet arrives.
    fn poll_timeout(&self) -> Option<Instant>;
}
