//! What recovery tells the congestion control about each ACK.

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use crate::Phase;

/// What one ACK told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckSample {
    /// When it came.
    pub(crate) now: Instant,
    /// Bytes newly known to have arrived: acknowledged or SACKed for the first time.
    pub(crate) delivered: u32,
    /// Whether cwnd may grow for it: SND.UNA moved, or text was SACKed on a path that reorders.
    pub(crate) is_progress: bool,
    /// Bytes that were in the network before this ACK.
    pub(crate) flight_before: u32,
    /// Bytes that are in the network after it.
    pub(crate) flight: u32,
    /// Bytes that this ACK showed to be lost.
    pub(crate) lost: u32,
    /// SND.UNA.
    pub(crate) una: SeqNum,
    /// SND.NXT.
    pub(crate) nxt: SeqNum,
    /// The round trip it measured, if it is not ambiguous.
    pub(crate) rtt: Option<Duration>,
    /// Whether it echoes congestion (RFC 3168).
    pub(crate) ece: bool,
    /// The rate at which segments arrive, if it could be measured.
    pub(crate) rate: Option<RateSample>,
    /// What the newest loss tells, if one was found since the last ACK.
    pub(crate) loss: Option<LossSample>,
    /// The phase after this ACK.
    pub(crate) phase: Phase,
}

/// A sample of the delivery rate (draft-cheng-iccrg-delivery-rate-estimation, 3.3).
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateSample {
    /// Bytes delivered over `interval`.
    pub(crate) delivered: u64,
    /// The longer of the times it took to send and to acknowledge them.
    pub(crate) interval: Duration,
    /// `C.delivered` when the newest segment of the sample was sent: tells rounds apart.
    pub(crate) prior_delivered: u64,
    /// `C.delivered` now.
    pub(crate) total_delivered: u64,
    /// `C.lost` bytes since that segment was sent.
    pub(crate) lost: u64,
    /// Bytes in the network when that segment was sent.
    pub(crate) flight_at_send: u32,
    /// Whether the program, not the network, limited the rate.
    pub(crate) is_app_limited: bool,
    /// Bytes delivered with CE marks in the interval.
    pub(crate) delivered_ce: u64,
}

/// What the loss of a segment tells of how much the network held when it was sent (draft-ietf-ccwg-bbr, HandleLostPacket).
#[derive(Clone, Copy, Debug)]
pub(crate) struct LossSample {
    /// Bytes lost since it was sent, with it.
    pub(crate) lost: u32,
    /// Bytes in the network when it was sent, with it.
    pub(crate) flight_at_send: u32,
    /// Its own bytes.
    pub(crate) len: u32,
    /// Whether the program, not the network, limited the rate then.
    pub(crate) is_app_limited: bool,
}

impl RateSample {
    /// Bytes a second.
    pub(crate) fn rate(&self) -> u64 {
        let nanos = self.interval.as_nanos().max(1);
        u64::try_from(u128::from(self.delivered) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
    }
}
