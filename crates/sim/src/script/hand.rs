//! A link whose far end is in the test's hand.

use sockeye_clock::Instant;
use sockeye_link::Link;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// What a direction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToHost,
    FromHost,
}

/// A packet on its way.
#[derive(Clone, Debug)]
struct Packet {
    sent: Instant,
    bytes: Vec<u8>,
}

/// One direction of a link: packets that the test puts in front of a host, or that a host sent. Clones are the same direction.
#[derive(Clone, Debug)]
pub struct Hand {
    packets: Arc<Mutex<VecDeque<Packet>>>,
    way: Way,
    mtu: usize,
}

impl Hand {
    /// The direction in which the test sends.
    #[must_use]
    pub fn to_host(mtu: usize) -> Self {
        Self { packets: Arc::default(), way: Way::ToHost, mtu }
    }

    /// The direction in which the host sends.
    #[must_use]
    pub fn from_host(mtu: usize) -> Self {
        Self { packets: Arc::default(), way: Way::FromHost, mtu }
    }

    /// Puts a packet into it.
    pub fn push(&self, now: Instant, packet: Vec<u8>) {
        self.packets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(Packet { sent: now, bytes: packet });
    }

    /// Takes the oldest packet, and when it was sent.
    #[must_use]
    pub fn pop(&self) -> Option<(Instant, Vec<u8>)> {
        let oldest = self.packets.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        oldest.map(|packet| (packet.sent, packet.bytes))
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

impl Link for Hand {
    fn mtu(&self) -> usize {
        self.mtu
    }

    fn transmit(&mut self, now: Instant, packet: Vec<u8>) {
        // What is sent towards the test's end by anybody else is lost.
        if self.way == Way::FromHost {
            self.push(now, packet);
        }
    }

    fn poll_receive(&mut self, _: Instant) -> Option<Vec<u8>> {
        match self.way {
            Way::ToHost => self.pop().map(|(_, packet)| packet),
            Way::FromHost => None,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
