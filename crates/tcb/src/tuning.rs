//! How far the windows grow: what is offered at first, dynamic right-sizing of RecvQ, and a SendQ that keeps up with the congestion
//! window.
//!
//! ```text
//!   SYN: at most 64 KiB  ->  two segments more for each that comes  ->  RecvQ's limit
//!                                                                          ^ twice what the program reads in a round trip,
//!                                                                            up to tcp_rmem's most
//! ```

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use crate::{Config, Event, SendAccounting, Strain, Tcb, timestamps};

/// No more is offered until text has come: what a SYN can say, as a whole number of each scale's units.
const FIRST_LIMIT: u32 = 1 << 16;
/// Text in a segment that makes the window grow, bytes.
const WORTH_GROWING: u32 = 128;
/// Full segments that a sender begins with (RFC 6928).
const INITIAL_SEGMENTS: u32 = 10;

/// What is known of the pace of the peer and of the program.
#[derive(Debug)]
pub(crate) struct Tuning {
    /// No more is offered yet, whatever room there is (RCV.SSTHRESH of Linux), bytes.
    pub(crate) window_limit: u32,
    /// No more is offered than this share of a memory that many have; `u32::MAX` for no bound.
    share: u32,
    /// TCP_WINDOW_CLAMP; `u32::MAX` for none.
    pub(crate) clamp: u32,
    /// The most that RecvQ may grow to; 0 if its size is fixed.
    most: usize,
    /// The most that SendQ may grow to; 0 if its size is fixed.
    send_most: usize,
    /// What the program reads in a round trip, bytes.
    space: u64,
    /// What it had read when this round trip began, and when that was.
    from: u64,
    since: Instant,
    /// The round trip as a receiver sees it, and the measurement under way: when RCV.NXT is there, a window has passed.
    rtt: Option<Duration>,
    window_end: SeqNum,
    window_since: Instant,
}

impl Tuning {
    /// `mss` is the text in our own full segments.
    pub(crate) fn new(now: Instant, config: &Config, mss: u32, rcv_nxt: SeqNum) -> Self {
        let window = FIRST_LIMIT;
        Self {
            window_limit: window,
            share: u32::MAX,
            clamp: config.window_clamp.unwrap_or(u32::MAX),
            most: if config.recv_tuning { config.recv_buffer_max } else { 0 },
            send_most: config.send_buffer_max,
            space: u64::from(window.min(mss.saturating_mul(INITIAL_SEGMENTS))),
            from: 0,
            since: now,
            rtt: None,
            window_end: rcv_nxt + window,
            window_since: now,
        }
    }

    /// The round trip as a receiver sees it.
    pub(crate) const fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// What the program reads in a round trip, bytes.
    pub(crate) const fn space(&self) -> u64 {
        self.space
    }

    /// SO_RCVBUF was set: the size is the program's choice (as Linux).
    pub(crate) const fn stop(&mut self) {
        self.most = 0;
        self.share = u32::MAX;
    }

    /// The most that SendQ may grow to; 0 if its size is fixed.
    pub(crate) const fn send_most(&self) -> usize {
        self.send_most
    }

    /// SO_SNDBUF was set, likewise.
    pub(crate) const fn stop_send(&mut self) {
        self.send_most = 0;
    }

    /// A sender that waits for something else makes samples that are too long, so short ones count more.
    fn on_rtt(&mut self, sample: Duration) {
        let sample = sample.max(Duration::from_millis(1));
        self.rtt = Some(match self.rtt {
            Some(rtt) if sample > rtt => rtt + (sample - rtt) / 8,
            Some(_) | None => sample,
        });
    }
}

impl Tcb {
    /// Something was acknowledged: SendQ shall hold two congestion windows, one in flight and one that follows (as Linux).
    pub(crate) fn tune_send(&mut self) {
        let limit = self.sendq.limit();
        if self.config.send_accounting == SendAccounting::Packets {
            return;
        }
        if self.tuning.send_most <= limit || self.memory.strain != Strain::Relaxed {
            return;
        }
        let wanted = (self.congestion.cwnd() as usize)
            .saturating_mul(2)
            .min(self.tuning.send_most)
            .min(self.sendq.capacity());
        if wanted > limit {
            self.sendq.set_limit(wanted);
            self.events.push(Event::Writable);
        }
    }

    /// From now on no more than `share` bytes are offered. What is offered already stays offered (SHLD-14).
    pub fn bound_window(&mut self, share: usize) {
        let share = u32::try_from(share).unwrap_or(u32::MAX);
        self.tuning.share = share;
        self.tuning.window_limit = self.tuning.window_limit.min(share);
    }

    /// Text came in order: `len` bytes in the segment, which echoes `echo`.
    pub(crate) fn tune_receive(&mut self, now: Instant, len: u32, echo: Option<u32>) {
        if len >= WORTH_GROWING && self.memory.strain != Strain::Pressed {
            let more = u32::from(self.config.recv_mss).max(len).saturating_mul(2);
            let most = u32::try_from(self.recvq.allowed()).unwrap_or(u32::MAX).min(self.tuning.share);
            let limit = self.tuning.window_limit;
            self.tuning.window_limit = limit.max(limit.saturating_add(more).min(most));
        }
        if self.tuning.most <= self.recvq.limit() {
            return;
        }
        self.measure_receive(now, len, echo);
        let Some(rtt) = self.tuning.rtt else { return };
        if now.since(self.tuning.since) >= rtt {
            self.right_size(now);
        }
    }

    fn measure_receive(&mut self, now: Instant, len: u32, echo: Option<u32>) {
        let offset = self.config.timestamp_offset;
        let echoed = echo.filter(|_| len >= self.acks.rcv_mss());
        if let Some(rtt) = echoed.and_then(|echo| timestamps::round_trip(now, offset, echo)) {
            self.tuning.on_rtt(rtt);
        } else if !self.rcv.nxt.before(self.tuning.window_end) {
            // No more than a window comes in a round trip.
            if self.timestamps.is_none() {
                self.tuning.on_rtt(now.since(self.tuning.window_since));
            }
            self.tuning.window_end = self.rcv.edge;
            self.tuning.window_since = now;
        }
    }

    /// A round trip is over: RecvQ shall hold twice what the program has read in it, and more if that grows, so that not the window
    /// but the network limits the sender.
    fn right_size(&mut self, now: Instant) {
        self.recvq.refresh();
        let read = self.recvq.read_in_all();
        let (copied, space) = (read - self.tuning.from, self.tuning.space.max(1));
        if copied > space {
            let window = 2 * copied + 16 * u64::from(self.config.recv_mss);
            let growth = u128::from(window) * u128::from(copied - space) / u128::from(space);
            let wanted = u128::from(window) + 2 * growth;
            let limit = usize::try_from(wanted).unwrap_or(usize::MAX).min(self.tuning.most);
            if limit > self.recvq.limit() && self.memory.strain == Strain::Relaxed {
                self.recvq.set_limit(limit);
            }
            self.tuning.space = copied;
        }
        self.tuning.from = read;
        self.tuning.since = now;
    }
}
