//! DCTCP's sender (RFC 8257, 3.3 to 3.5): Reno, but cwnd shrinks by as much as is marked.

use sockeye_wire::SeqNum;

use super::AckSample;
use super::window::Window;

/// alpha = 1.
const ONE: u32 = 1024;
/// g = 1/16 (RFC 8257, 4.2), as a shift.
const GAIN: u32 = 4;

/// The estimate of the part of the bytes that is marked.
#[derive(Clone, Debug)]
pub(crate) struct Dctcp {
    /// Of 1024.
    alpha: u32,
    /// SND.NXT when the window of observation began.
    until: Option<SeqNum>,
    /// Bytes acknowledged in it, and those of them whose ACK echoed a mark.
    acked: u64,
    marked: u64,
}

impl Dctcp {
    /// RFC 8257, 3.3: alpha begins with 1, which is cautious.
    pub(crate) const fn new() -> Self {
        Self { alpha: ONE, until: None, acked: 0, marked: 0 }
    }

    /// DCTCP.Alpha, of 1024.
    #[cfg(test)]
    pub(crate) const fn alpha(&self) -> u32 {
        self.alpha
    }

    /// RFC 8257, 3.3, steps 1 to 8.
    pub(crate) fn observe(&mut self, sample: &AckSample) {
        let bytes = u64::from(sample.delivered);
        self.acked += bytes;
        if sample.ece {
            self.marked += bytes;
        }
        let until = *self.until.get_or_insert(sample.nxt);
        if sample.una.before(until) {
            return;
        }
        let fraction = u32::try_from(self.marked * u64::from(ONE) / self.acked.max(1)).unwrap_or(ONE);
        // Not less than one at a time, so that it reaches 0.
        let decayed = self.alpha - (self.alpha >> GAIN).max(1).min(self.alpha);
        self.alpha = (decayed + (fraction >> GAIN)).min(ONE);
        self.until = Some(sample.nxt);
        (self.acked, self.marked) = (0, 0);
    }

    /// RFC 8257, 3.3, step 9: segments.
    pub(crate) fn after_echo(&self, window: &Window) -> u32 {
        let cwnd = u64::from(window.segments());
        u32::try_from(cwnd - (cwnd * u64::from(self.alpha) / u64::from(2 * ONE))).unwrap_or(u32::MAX)
    }
}
