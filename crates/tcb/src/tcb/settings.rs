//! What a program may set while the connection lives.

use core::time::Duration;
use sockeye_clock::Instant;

use crate::timers::Timer;
use crate::{Event, KeepAlive, Tcb};

impl Tcb {
    /// TCP_LINGER2: how long an orphan stays in FIN-WAIT-2; zero is not at all.
    pub const fn set_fin_timeout(&mut self, timeout: Duration) {
        self.config.fin_timeout = timeout;
    }

    /// tcp_orphan_retries: R2 when no program holds the connection any more.
    pub fn set_retries(&mut self, retries: u32) {
        self.config.retries2 = self.config.retries2.min(retries);
    }

    /// TCP_RTO_MAX_MS: the upper bound of the retransmission time-out. As Linux, a timer that runs keeps its time.
    pub fn set_rto_max(&mut self, max: Duration) {
        self.config.rto_max = max;
        self.rtt.set_max(max);
    }

    /// TCP_NODELAY and its opposite.
    pub fn set_nagle(&mut self, _now: Instant, on: bool) {
        // MUST-17 (3.7.4): per connection.
        self.config.nagle = on;
        if !on {
            // As Linux, also what TCP_CORK or MSG_MORE holds.
            self.push_out();
        }
    }

    /// TCP_QUICKACK as Linux reads it: 0 for delayed ACKs, 1 for quick ones; of an even number only an ACK that is owed goes out.
    pub fn set_quick_ack(&mut self, value: u32) {
        self.acks.set_quick_ack(value);
    }

    /// What TCP_QUICKACK reads.
    #[must_use]
    pub const fn is_quick_ack(&self) -> bool {
        self.acks.is_quick_ack()
    }

    /// TCP_WINDOW_CLAMP: no more is offered, bytes; `None` for no clamp. What is offered already stays offered (SHLD-14).
    pub fn set_window_clamp(&mut self, clamp: Option<u32>) {
        self.tuning.clamp = clamp.unwrap_or(u32::MAX);
    }

    /// The program has filled SendQ: it may hold twice as much, up to `share` bytes; or no more than that, if it held more.
    pub fn share(&mut self, share: usize) {
        let limit = self.sendq.limit().saturating_mul(2).min(share);
        if limit != self.sendq.limit() {
            self.sendq.set_limit(limit);
            self.events.push(Event::Writable);
        }
    }

    /// SO_RCVBUF in force: what RecvQ may hold, bytes.
    #[must_use]
    pub fn recv_limit(&self) -> usize {
        self.recvq.limit()
    }

    /// SO_RCVBUF was set: RecvQ keeps its size from now on.
    pub fn fix_receive_buffer(&mut self) {
        self.tuning.stop();
    }

    /// SO_KEEPALIVE and its times.
    pub fn set_keep_alive(&mut self, now: Instant, keep_alive: Option<KeepAlive>) {
        self.config.keep_alive = keep_alive;
        self.start_keep_alive(now);
    }

    /// TCP_THIN_LINEAR_TIMEOUTS.
    pub const fn set_thin_linear_timeouts(&mut self, on: bool) {
        self.config.thin_linear_timeouts = on;
    }

    /// TCP_USER_TIMEOUT.
    pub fn set_user_timeout(&mut self, timeout: Option<Duration>) {
        self.config.user_timeout = timeout;
        // It starts anew with the next flush.
        self.timers.stop(Timer::User);
    }
}
