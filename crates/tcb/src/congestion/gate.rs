//! Where the congestion control meets the connection: what may leave, and what has left.

use core::time::Duration;
use sockeye_clock::Instant;

use super::{CongestionControl, Flushed};
use crate::deferral::Waits;
use crate::timers::Timer;
use crate::{Phase, Tcb};

impl Tcb {
    /// Whether pacing lets a segment leave now. If not, a timer says when.
    pub(crate) fn may_leave(&mut self, now: Instant) -> bool {
        let departure = self.congestion.departure(now);
        if departure > now {
            self.timers.set(Timer::Pace, departure);
        }
        departure <= now
    }

    /// RFC 5681, 4.1: after a silence, what is known of the network is out of date.
    pub(crate) fn restart_if_idle(&mut self, now: Instant) {
        if self.snd.flight() == 0 {
            let silence = now.since(self.snd.last_sent);
            self.congestion.on_restart(now, silence, self.rtt.rto().get());
        }
    }

    /// Nothing more can be sent now: was cwnd the reason?
    pub(crate) fn note_usage(&mut self, now: Instant) {
        let pipe = self.pipe();
        let is_deferred = self.burst.waits == Waits::Cwnd;
        if !is_deferred && !self.congestion.is_usage_news(pipe) {
            return;
        }
        self.congestion.on_flush(&Flushed {
            now,
            una: self.snd.una,
            nxt: self.snd.nxt,
            pipe,
            rto: self.rtt.rto().get(),
            is_starved: self.unsent() == 0 && self.recovery.phase() == Phase::Open,
            is_deferred,
        });
    }

    /// An ACK was processed: the pacing rate follows cwnd and SRTT.
    pub(crate) fn update_pacing_rate(&mut self) {
        if let Some(srtt) = self.rtt.srtt() {
            self.congestion.on_round_trip(srtt.max(Duration::from_nanos(1)), self.snd.flight());
        }
    }

    /// TCP_CONGESTION.
    #[must_use]
    pub const fn congestion_control(&self) -> CongestionControl {
        self.congestion.control()
    }

    /// TCP_CONGESTION on a live connection: the new algorithm goes on from cwnd and ssthresh as they are.
    pub fn set_congestion_control(&mut self, now: Instant, control: CongestionControl) {
        self.config.congestion.control = control;
        self.congestion.choose(now, control);
    }

    /// SO_MAX_PACING_RATE, bytes a second; `u64::MAX` for no limit.
    pub fn set_max_pacing_rate(&mut self, rate: u64) {
        self.config.congestion.max_pacing_rate = rate;
        self.congestion.limit_rate(rate);
    }

    /// The rate at which segments leave at most, bytes a second; `u64::MAX` before a round trip was measured. Only kept if
    /// pacing is on.
    #[must_use]
    pub fn pacing_rate(&self) -> u64 {
        self.congestion.pacing_rate()
    }
}
