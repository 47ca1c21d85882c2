//! Fewer ACKs while text comes out of order, as Linux has it ("SACK compression").
//!
//! ```text
//! out of order  1   2   3   4   5   6   7   8   9  …
//! ACK           1   2   3   |<- a twentieth of a round trip ->| one for all
//! ```
//!
//! Three ACKs tell a sender that counts duplicates of a loss (RFC 5681, 3.2). One that reads blocks needs no more of them, as long as
//! those that come tell all.

use core::time::Duration;
use sockeye_clock::Instant;

use crate::Tcb;
use crate::timers::Timer;

/// ACKs that go out at once each time that RCV.NXT stands still.
const AT_ONCE: u8 = 3;
/// The part of a round trip that an ACK waits.
const PARTS: u32 = 20;

/// When ACKs of text out of order are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AckCompression {
    /// The longest that one waits (tcp_comp_sack_delay_ns, 1 ms).
    pub delay: Duration,
    /// The most that one stands for (tcp_comp_sack_nr, 44); with 0 each goes out.
    pub most: u8,
}

impl AckCompression {
    /// What Linux has.
    pub const LINUX: Self = Self { delay: Duration::from_millis(1), most: 44 };
}

/// The ACKs that wait.
#[derive(Debug, Default)]
pub(crate) struct CompressedAcks {
    /// ACKs sent at once since RCV.NXT moved, up to [`AT_ONCE`].
    sent: u8,
    /// ACKs that wait.
    waiting: u8,
}

impl CompressedAcks {
    /// RCV.NXT has moved.
    pub(crate) const fn on_in_order(&mut self) {
        self.sent = 0;
    }

    /// How long the ACK of a segment that came out of order may wait; `None` if it goes out now. `rtt` is the least that is known of
    /// the round trip, if it may wait at all.
    fn wait(&mut self, config: AckCompression, rtt: Option<Duration>) -> Option<Duration> {
        if self.sent < AT_ONCE {
            self.sent += 1;
            return None;
        }
        let wait = (rtt? / PARTS).min(config.delay);
        if wait.is_zero() || self.waiting >= config.most {
            return None;
        }
        self.waiting += 1;
        Some(wait)
    }
}

impl Tcb {
    /// A segment with text came out of order; `is_known_block` if it made a block longer that ACKs tell of. A new gap is told at once,
    /// and so are duplicates, which may show the peer that it was wrong; in quick mode all is.
    pub(crate) fn acknowledge_out_of_order(&mut self, now: Instant, is_known_block: bool) {
        let may_wait = is_known_block && !self.sack.has_duplicate() && !self.acks.is_quick();
        let rtt = self.tuning.rtt().into_iter().chain(self.rtt.srtt()).min().filter(|_| may_wait);
        match self.compressed_acks.wait(self.config.ack_compression, rtt) {
            None => self.owed.duplicates = self.owed.duplicates.saturating_add(1),
            Some(wait) if !self.timers.is_set(Timer::CompressedAck) => {
                self.timers.set(Timer::CompressedAck, now + wait);
            }
            Some(_) => {}
        }
    }

    /// The wait is over.
    pub(crate) fn on_compressed_ack_timeout(&mut self) {
        if core::mem::take(&mut self.compressed_acks.waiting) > 0 {
            self.owed.duplicates = self.owed.duplicates.max(1);
        }
    }

    /// An ACK goes out, and tells all.
    pub(crate) fn release_compressed_acks(&mut self) {
        if core::mem::take(&mut self.compressed_acks.waiting) > 0 {
            self.timers.stop(Timer::CompressedAck);
        }
    }
}
