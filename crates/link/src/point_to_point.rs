//! One direction of a link between two hosts.
//!
//! ```text
//!  transmit -> [ queue ] -> rate -> loss -> corrupt -> delay + jitter (+ held back) -> poll_receive
//!                  |                  |                    |
//!          marked, dropped           lost              duplicated
//! ```

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sockeye_clock::Instant;
use sockeye_wire::icmp::MAX_PACKET_LEN;
use sockeye_wire::{IcmpKind, IpHeader};

use sockeye_wire::mark_congestion;

use crate::{Link, LinkConfig};

/// A packet that is held back waits at least this long, so that at any rate some others can overtake it.
const MIN_HOLD: Duration = Duration::from_millis(1);
/// Packets of full size that overtake one that is held back, if they come as fast as the link carries them.
const OVERTAKING: u32 = 3;

/// One direction of a link: it loses, delays and damages packets as its [`LinkConfig`] says, and the same way each
/// time for the same seed and the same packets at the same instants.
#[derive(Debug)]
pub struct PointToPoint {
    config: LinkConfig,
    rng: SmallRng,
    counters: Counters,
    /// When each of the packets that wait for the rate begins to be sent.
    waiting: VecDeque<Instant>,
    /// When the last of the packets taken so far has been sent.
    free_at: Instant,
    /// When the last of those that are not held back arrives.
    last_arrival: Instant,
    /// Errors on their way back.
    returning: VecDeque<(Instant, Vec<u8>)>,
    /// Packets on their way.
    flying: BinaryHeap<Reverse<Flying>>,
    /// Packets that have taken off, to keep in order those that arrive at one instant.
    launched: u64,
}

/// What became of the packets. At any time
/// `sent + duplicated == delivered + lost + dropped + oversized + in flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Packets that were handed to the link.
    pub sent: u64,
    /// Packets that came out of it.
    pub delivered: u64,
    /// Packets lost by chance.
    pub lost: u64,
    /// Packets dropped because the queue was full.
    pub dropped: u64,
    /// Packets dropped because they were longer than the MTU, or than the one further on.
    pub oversized: u64,
    /// Copies made.
    pub duplicated: u64,
    /// Packets of which one bit was inverted.
    pub corrupted: u64,
    /// Packets held back.
    pub reordered: u64,
    /// Packets that were marked (RFC 3168).
    pub marked: u64,
}

#[derive(Debug)]
struct Flying {
    arrival: Instant,
    launch: u64,
    packet: Vec<u8>,
}

impl Flying {
    fn key(&self) -> (Instant, u64) {
        (self.arrival, self.launch)
    }
}

impl PartialEq for Flying {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Flying {}

impl PartialOrd for Flying {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Flying {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

/// What chance has in store for one packet.
struct Fate {
    lost: bool,
    held_back: bool,
    duplicated: bool,
    /// Which bit is inverted, as a part of the packet in `[0, 1)`.
    corrupted: Option<f64>,
    jitter: Duration,
}

impl PointToPoint {
    /// A link that is idle and empty. Of a `config` that is not [valid](LinkConfig::validate), a probability below 0
    /// counts as 0, and one above 1 as 1.
    #[must_use]
    pub fn new(config: LinkConfig) -> Self {
        Self {
            rng: SmallRng::seed_from_u64(config.seed),
            config,
            counters: Counters::default(),
            waiting: VecDeque::new(),
            free_at: Instant::ZERO,
            last_arrival: Instant::ZERO,
            returning: VecDeque::new(),
            flying: BinaryHeap::new(),
            launched: 0,
        }
    }

    /// What the link does to packets.
    #[must_use]
    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// What became of the packets so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Packets that wait for the rate.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Packets that are in the link: waiting, being sent, or on their way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flying.len()
    }

    /// Whether the narrower link further on drops the packet: where it may be fragmented it is, and is put together again.
    fn is_too_big_further_on(&self, packet: &[u8]) -> bool {
        let is_larger = self.config.inner_mtu.is_some_and(|inner| packet.len() > inner);
        is_larger && IpHeader::parse_quoted(packet).is_ok_and(|(ip, _)| ip.dont_fragment)
    }

    /// RFC 1191, section 4; RFC 4443, section 3.2: the router before the narrower link tells its MTU. Here it is as far as the far
    /// end, and has its address.
    fn return_error(&mut self, sent_at: Instant, packet: &[u8]) {
        let (Some(inner), Ok((ip, _))) = (self.config.inner_mtu, IpHeader::parse_quoted(packet)) else {
            return;
        };
        let kind = IcmpKind::PacketTooBig { mtu: u32::try_from(inner).unwrap_or(u32::MAX) };
        let mut error = vec![0; MAX_PACKET_LEN];
        if let (false, Ok(len)) = (self.config.black_hole, kind.emit(ip.dst, packet, &mut error)) {
            error.truncate(len);
            self.returning.push_back((sent_at + self.config.delay.saturating_mul(2), error));
        }
    }

    /// Takes a place in the queue for a packet of `len` bytes. Returns when its last bit has been sent, or nothing
    /// if the queue is full.
    fn enqueue(&mut self, now: Instant, len: usize) -> Option<Instant> {
        if self.config.rate == 0 {
            return Some(now);
        }
        while self.waiting.front().is_some_and(|&start| start <= now) {
            self.waiting.pop_front();
        }
        let start = self.free_at.max(now);
        if start > now {
            if self.waiting.len() >= self.config.queue {
                return None;
            }
            self.waiting.push_back(start);
        }
        self.free_at = start + self.time_to_send(len);
        Some(self.free_at)
    }

    /// How long the link takes to send `len` bytes at its rate.
    fn time_to_send(&self, len: usize) -> Duration {
        if self.config.rate == 0 {
            return Duration::ZERO;
        }
        let nanos = (len as u128 * 8 * 1_000_000_000).div_ceil(u128::from(self.config.rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Draws the same number of random numbers for every packet, so that to change one probability does not change
    /// what the others do.
    fn draw(&mut self) -> Fate {
        let mut chance = |probability: f64| self.rng.random::<f64>() < probability;
        let lost = chance(self.config.loss);
        let held_back = chance(self.config.reorder);
        let duplicated = chance(self.config.duplicate);
        let corrupted = chance(self.config.corrupt);
        let place = self.rng.random::<f64>();
        let jitter = self.rng.random::<f64>() * self.config.jitter.as_nanos() as f64;
        Fate {
            lost,
            held_back,
            duplicated,
            corrupted: corrupted.then_some(place),
            jitter: Duration::from_nanos(jitter as u64),
        }
    }

    /// How much later than others a packet arrives that is held back: a quarter of the delay, which is within what
    /// recovery by time tolerates (RFC 8985, section 6.2), and time for some packets to overtake it.
    fn hold(&self) -> Duration {
        let overtaking = self.time_to_send(self.config.mtu).saturating_mul(OVERTAKING);
        MIN_HOLD.max(self.config.delay / 4).saturating_add(self.config.jitter).saturating_add(overtaking)
    }

    fn launch(&mut self, arrival: Instant, packet: Vec<u8>) {
        self.flying.push(Reverse(Flying { arrival, launch: self.launched, packet }));
        self.launched += 1;
    }
}

impl Link for PointToPoint {
    fn mtu(&self) -> usize {
        self.config.mtu
    }

    fn transmit(&mut self, now: Instant, mut packet: Vec<u8>) {
        self.counters.sent += 1;
        if packet.len() > self.config.mtu {
            self.counters.oversized += 1;
            return;
        }
        let Some(sent_at) = self.enqueue(now, packet.len()) else {
            self.counters.dropped += 1;
            return;
        };
        if self.is_too_big_further_on(&packet) {
            self.counters.oversized += 1;
            self.return_error(sent_at, &packet);
            return;
        }
        let is_long = self.config.mark > 0 && self.waiting.len() >= self.config.mark;
        if is_long && mark_congestion(&mut packet) {
            self.counters.marked += 1;
        }
        let fate = self.draw();
        if fate.lost {
            self.counters.lost += 1;
            return;
        }
        let mut arrival = self.last_arrival.max(sent_at + self.config.delay + fate.jitter);
        if fate.held_back {
            self.counters.reordered += 1;
            arrival += self.hold();
        } else {
            self.last_arrival = arrival;
        }
        let copy = fate.duplicated.then(|| packet.clone());
        if let Some(place) = fate.corrupted {
            self.counters.corrupted += u64::from(invert_bit(&mut packet, place));
        }
        self.launch(arrival, packet);
        if let Some(copy) = copy {
            self.counters.duplicated += 1;
            self.launch(arrival, copy);
        }
    }

    fn poll_receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.flying.peek().filter(|first| first.0.arrival <= now)?;
        let Reverse(first) = self.flying.pop()?;
        self.counters.delivered += 1;
        Some(first.packet)
    }

    fn poll_returned(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.returning.pop_front_if(|(arrival, _)| *arrival <= now).map(|(_, packet)| packet)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let arrival = self.flying.peek().map(|first| first.0.arrival);
        arrival.into_iter().chain(self.returning.front().map(|(arrival, _)| *arrival)).min()
    }
}

/// Inverts the bit at `place` (0 the first bit, nearly 1 the last). Returns whether there was one.
fn invert_bit(packet: &mut [u8], place: f64) -> bool {
    let bit = (place * (packet.len() * 8) as f64) as usize;
    let Some(byte) = packet.get_mut(bit / 8) else { return false };
    *byte ^= 1 << (bit % 8);
    true
}

#[cfg(test)]
mod tests;
