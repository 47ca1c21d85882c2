//! What BBR knows of the path: its rate, whether the pipe is full, and how ACKs come in heaps.

use sockeye_clock::Instant;

use super::Ack;

/// BBR.MaxBwFilter: the greatest rate of this cycle and of the last one.
#[derive(Clone, Debug, Default)]
pub(super) struct MaxBandwidth {
    last: u64,
    this: u64,
}

impl MaxBandwidth {
    pub(super) fn get(&self) -> u64 {
        self.last.max(self.this)
    }

    pub(super) fn take(&mut self, rate: u64) {
        self.this = self.this.max(rate);
    }

    /// BBRAdvanceMaxBwFilter. A cycle without samples is none.
    pub(super) const fn advance(&mut self) {
        if self.this > 0 {
            self.last = self.this;
            self.this = 0;
        }
    }
}

/// Growth by less than a quarter is none …
const GROWTH: u64 = 125;
/// … and so many rounds without growth mean a full pipe.
const ROUNDS: u8 = 3;

/// BBR.full_bw: whether more in flight still arrives faster.
#[derive(Clone, Debug, Default)]
pub(super) struct FullPipe {
    rate: u64,
    rounds: u8,
    /// BBR.full_bw_now.
    pub(super) is_now: bool,
    /// BBR.full_bw_reached: it was full once.
    pub(super) is_reached: bool,
}

impl FullPipe {
    /// BBRCheckFullBWReached, for a sample that the program did not limit.
    pub(super) fn update(&mut self, rate: u64, is_round_start: bool) {
        if self.is_now {
            return;
        }
        if u128::from(rate) * 100 >= u128::from(self.rate) * u128::from(GROWTH) {
            self.restart(rate);
            return;
        }
        if is_round_start {
            self.rounds += 1;
            self.is_now = self.rounds >= ROUNDS;
            self.is_reached |= self.is_now;
        }
    }

    /// It grew to `rate`.
    pub(super) const fn restart(&mut self, rate: u64) {
        self.rate = rate;
        self.rounds = 0;
        self.is_now = false;
    }

    /// BBRResetFullBW.
    pub(super) const fn forget(&mut self) {
        self.restart(0);
    }
}

/// BBR.ExtraAckedFilterLen: rounds.
const FILTER_ROUNDS: u8 = 5;
/// No more than what the rate brings in so long, nanoseconds.
const MOST_NANOS: u128 = 100_000_000;

/// BBR.extra_acked: how much more than the rate was acknowledged at once. While such a heap gathers, sending must go on.
#[derive(Clone, Debug)]
pub(super) struct Aggregation {
    start: Instant,
    delivered: u64,
    this: u32,
    last: u32,
    rounds: u8,
}

impl Aggregation {
    pub(super) const fn new(now: Instant) -> Self {
        Self { start: now, delivered: 0, this: 0, last: 0, rounds: 0 }
    }

    pub(super) const fn restart(&mut self, now: Instant) {
        self.start = now;
        self.delivered = 0;
    }

    /// BBRUpdateACKAggregation.
    pub(super) fn update(&mut self, ack: &Ack<'_>, bandwidth: u64, is_round_start: bool, is_full: bool) {
        if is_round_start {
            self.rounds += 1;
            if self.rounds >= if is_full { FILTER_ROUNDS } else { 1 } {
                self.rounds = 0;
                self.last = core::mem::take(&mut self.this);
            }
        }
        let nanos = ack.sample.now.since(self.start).as_nanos();
        let mut expected = u64::try_from(u128::from(bandwidth) * nanos / 1_000_000_000).unwrap_or(u64::MAX);
        if self.delivered <= expected {
            self.restart(ack.sample.now);
            expected = 0;
        }
        self.delivered += u64::from(ack.sample.delivered);
        let extra = u32::try_from(self.delivered - expected).unwrap_or(u32::MAX).min(ack.cwnd);
        self.this = self.this.max(extra);
    }

    /// Bytes to add to cwnd.
    pub(super) fn extra(&self, bandwidth: u64) -> u32 {
        let most = u128::from(bandwidth) * MOST_NANOS / 1_000_000_000;
        self.this.max(self.last).min(u32::try_from(most).unwrap_or(u32::MAX))
    }
}
