//! Links between hosts: point-to-point links with rate, delay and impairments, and captures.
//!
//! A link is a queue in time. It reads no clock: who drives it says what time it is, and asks it when to come back.
#![forbid(unsafe_code)]

mod capture;
mod config;
mod outside;
mod point_to_point;

pub use capture::{Capture, Interface, Tee};
pub use config::{ConfigError, LinkConfig, MAX_MTU, MIN_INNER_MTU, MIN_MTU};
pub use outside::Outside;
pub use point_to_point::{Counters, PointToPoint};

use sockeye_clock::Instant;

/// A direction of a link: a packet goes in at one instant and comes out at a later one.
pub trait Link: Send {
    /// Largest IP packet, bytes.
    fn mtu(&self) -> usize;
    /// Takes a packet at `now`. It may be dropped, and that is counted.
    fn transmit(&mut self, now: Instant, packet: Vec<u8>);
    /// Whether the sender's own queue in front of the link takes nothing now. Who sends can see that, unlike a drop further on.
    fn is_full(&self) -> bool {
        false
    }
    /// The next packet that has arrived by `now`.
    fn poll_receive(&mut self, now: Instant) -> Option<Vec<u8>>;
    /// The next packet that came back by `now` to who sends: an ICMP error of a router on the way.
    fn poll_returned(&mut self, now: Instant) -> Option<Vec<u8>> {
        let _ = now;
        None
    }
    /// When the next packet arrives, or comes back.
    fn poll_timeout(&self) -> Option<Instant>;
}

impl<L: Link + ?Sized> Link for Box<L> {
    fn mtu(&self) -> usize {
        (**self).mtu()
    }

    fn transmit(&mut self, now: Instant, packet: Vec<u8>) {
        (**self).transmit(now, packet);
    }

    fn is_full(&self) -> bool {
        (**self).is_full()
    }

    fn poll_receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        (**self).poll_receive(now)
    }

    fn poll_returned(&mut self, now: Instant) -> Option<Vec<u8>> {
        (**self).poll_returned(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        (**self).poll_timeout()
    }
}
