//! Samples of the delivery rate (draft-cheng-iccrg-delivery-rate-estimation).

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::record::Record;
use crate::congestion::{LossSample, RateSample};

/// What a segment carries away when it is sent (section 3.2 of the draft).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// `P.delivered`, bytes.
    delivered: u64,
    /// `P.delivered_time`.
    delivered_at: Instant,
    /// `P.first_sent_time`.
    first_sent: Instant,
    /// Bytes lost until then.
    lost: u64,
    /// Bytes in the network, with it.
    flight: u32,
    /// Bytes delivered with CE marks until then, in the low 32 bits.
    delivered_ce: u32,
    /// `P.is_app_limited`.
    is_app_limited: bool,
}

/// What remains of a [`Stamp`] when its segment is found lost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Departure {
    /// Bytes lost until it was sent, the low 32 bits.
    lost: u32,
    /// Bytes in the network then, with it.
    flight: u32,
    /// Its own.
    len: u32,
    is_app_limited: bool,
}

impl Stamp {
    pub(super) const fn departure(&self, len: u32) -> Departure {
        Departure { lost: self.lost as u32, flight: self.flight, len, is_app_limited: self.is_app_limited }
    }
}

/// The connection's part (`C.` in the draft).
#[derive(Clone, Debug)]
pub(crate) struct DeliveryRate {
    delivered: u64,
    delivered_ce: u64,
    delivered_at: Instant,
    first_sent: Instant,
    lost: u64,
    /// `C.app_limited`: what will be delivered when the bubble has passed; 0 for none.
    app_limited: u64,
    /// The newest rate, for information.
    latest: Latest,
}

/// A rate that is divided only for who asks.
#[derive(Clone, Copy, Debug)]
struct Latest {
    delivered: u64,
    /// The time that took, nanoseconds: not 0.
    nanos: u64,
    is_app_limited: bool,
}

impl Latest {
    fn of(sample: &RateSample) -> Self {
        let nanos = u64::try_from(sample.interval.as_nanos()).unwrap_or(u64::MAX).max(1);
        Self { delivered: sample.delivered, nanos, is_app_limited: sample.is_app_limited }
    }

    /// Bytes a second.
    fn rate(&self) -> u64 {
        u64::try_from(u128::from(self.delivered) * 1_000_000_000 / u128::from(self.nanos)).unwrap_or(u64::MAX)
    }

    fn is_slower_than(&self, other: &Self) -> bool {
        u128::from(self.delivered) * u128::from(other.nanos)
            < u128::from(other.delivered) * u128::from(self.nanos)
    }
}

/// The sample that one ACK makes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sampling {
    newest: Option<(Stamp, Instant, SeqNum)>,
}

impl Sampling {
    /// What was delivered when the newest of what arrived was sent.
    pub(super) fn prior_delivered(&self) -> Option<u64> {
        self.newest.map(|(stamp, ..)| stamp.delivered)
    }
}

impl DeliveryRate {
    pub(crate) const fn new(now: Instant) -> Self {
        Self {
            delivered: 0,
            delivered_ce: 0,
            delivered_at: now,
            first_sent: now,
            lost: 0,
            app_limited: 0,
            latest: Latest { delivered: 0, nanos: 1, is_app_limited: false },
        }
    }

    /// Bytes delivered so far.
    pub(crate) const fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Bytes lost so far.
    pub(crate) const fn lost(&self) -> u64 {
        self.lost
    }

    /// The newest rate, bytes a second, and whether the program limited it.
    pub(crate) fn latest(&self) -> (u64, bool) {
        (self.latest.rate(), self.latest.is_app_limited)
    }

    /// A segment is sent, again or not, while `flight` bytes are in the network.
    pub(crate) fn on_sent(&mut self, now: Instant, flight: u32, len: u32) -> Stamp {
        if flight == 0 {
            // A new flight: there was nothing to measure.
            self.first_sent = now;
            self.delivered_at = now;
        }
        Stamp {
            delivered: self.delivered,
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            lost: self.lost,
            flight: flight.saturating_add(len),
            delivered_ce: self.delivered_ce as u32,
            is_app_limited: self.app_limited != 0,
        }
    }

    /// The peer has this segment.
    pub(crate) fn on_delivered(&mut self, record: &Record, sampling: &mut Sampling) {
        self.delivered += u64::from(record.len());
        self.on_arrived(record, sampling);
    }

    /// The peer has this segment, which was counted already or in another way.
    pub(crate) fn on_arrived(&mut self, record: &Record, sampling: &mut Sampling) {
        if sampling.newest.is_none_or(|(_, sent, end)| record.is_sent_after(sent, end)) {
            sampling.newest = Some((record.stamp, record.sent, record.end));
            self.first_sent = record.sent;
        }
    }

    /// `len` bytes more were delivered, of no segment that is known: the peer has no SACK.
    pub(crate) fn on_delivered_somewhere(&mut self, len: u32) {
        self.delivered += u64::from(len);
    }

    pub(crate) fn on_lost(&mut self, len: u32) {
        self.lost += u64::from(len);
    }

    /// What the loss of a segment tells of the time since it was sent.
    pub(crate) const fn loss(&self, departure: &Departure) -> LossSample {
        LossSample {
            lost: (self.lost as u32).wrapping_sub(departure.lost),
            flight_at_send: departure.flight,
            len: departure.len,
            is_app_limited: departure.is_app_limited,
        }
    }

    /// The peer echoed congestion for `len` bytes.
    pub(crate) fn on_delivered_ce(&mut self, len: u32) {
        self.delivered_ce += u64::from(len);
    }

    /// Section 3.4: the program has nothing more to send, and cwnd has room.
    pub(crate) fn on_app_limited(&mut self, flight: u32) {
        self.app_limited = (self.delivered + u64::from(flight)).max(1);
    }

    /// Section 3.3: the sample of the ACK that just was processed.
    pub(crate) fn sample(
        &mut self,
        now: Instant,
        delivered: u32,
        sampling: Sampling,
        min_rtt: Option<Duration>,
    ) -> Option<RateSample> {
        if self.app_limited != 0 && self.delivered > self.app_limited {
            self.app_limited = 0;
        }
        if delivered > 0 {
            self.delivered_at = now;
        }
        let (stamp, sent, _) = sampling.newest?;
        let interval = sent.since(stamp.first_sent).max(now.since(stamp.delivered_at));
        let sample = RateSample {
            delivered: self.delivered - stamp.delivered,
            interval,
            prior_delivered: stamp.delivered,
            total_delivered: self.delivered,
            lost: self.lost - stamp.lost,
            flight_at_send: stamp.flight,
            is_app_limited: stamp.is_app_limited,
            delivered_ce: u64::from((self.delivered_ce as u32).wrapping_sub(stamp.delivered_ce)),
        };
        // An interval shorter than the least round trip is an artefact of ACKs that were compressed.
        if interval.is_zero() || min_rtt.is_some_and(|min| interval < min) {
            return None;
        }
        let latest = Latest::of(&sample);
        if !latest.is_app_limited || !latest.is_slower_than(&self.latest) {
            self.latest = latest;
        }
        Some(sample)
    }
}
