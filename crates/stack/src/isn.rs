//! Initial sequence numbers (RFC 6528).

use crate::demux::Tuple;
use crate::keyed::Keyed;
use rand::RngCore;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

/// MUST-8 (3.4.1): the clock's unit, 4 microseconds.
const TICK_NANOS: u64 = 4_000;

/// Makes initial sequence numbers: `ISN = M + F(localip, localport, remoteip, remoteport, secretkey)`.
#[derive(Debug)]
pub(crate) struct Isn {
    secret: Keyed,
}

impl Isn {
    pub(crate) fn new(rng: &mut impl RngCore) -> Self {
        Self { secret: Keyed::new(rng) }
    }

    /// SHLD-1 (3.4.1): a clock, and for each four-tuple a place on the circle that no other host can compute (MUST-9).
    pub(crate) fn number(&self, now: Instant, tuple: &Tuple) -> SeqNum {
        let clock = now.as_nanos() / TICK_NANOS;
        SeqNum(clock.wrapping_add(self.secret.secret_of(tuple)) as u32)
    }

    /// As [`number`](Self::number), but after every number that the connection's last incarnation used (MAY-2, 3.6.1).
    pub(crate) fn number_after(&self, now: Instant, tuple: &Tuple, last: SeqNum) -> SeqNum {
        let number = self.number(now, tuple);
        if number.after(last) { number } else { last + 65_537 }
    }
}

#[cfg(test)]
mod tests;
