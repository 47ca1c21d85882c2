//! Timeouts (3.10.8): what each timer does.

use sockeye_clock::Instant;

use super::Holder;
use crate::persist::RESOURCE_INTERVAL;
use crate::timers::Timer;
use crate::{Event, Reason, State, Tcb};

impl Tcb {
    /// Timers; early or late is harmless.
    pub fn timeout(&mut self, now: Instant) {
        self.on_pending_timeout(now);
        for timer in Timer::ALL {
            if !self.timers.take_expired(timer, now) {
                continue;
            }
            match timer {
                Timer::Probe => self.on_probe_timeout(now),
                Timer::Reorder => self.on_reorder_timeout(now),
                Timer::Retransmit => self.on_retransmit_timeout(now),
                Timer::Persist => self.on_persist_timeout(now),
                Timer::DelayedAck => self.acks.on_timeout(self.rtt.rto().get()),
                Timer::CompressedAck => self.on_compressed_ack_timeout(),
                Timer::KeepAlive => self.on_keep_alive_timeout(now),
                Timer::User => self.time_out(),
                // As Linux: it was half closed and nobody can read what might come. It ends without a word.
                Timer::FinWait2 => self.delete(Event::Closed),
                // The flush that follows sends.
                Timer::Pace => {}
            }
        }
    }

    /// MUST-20 (3.8.3): R2 or a time of the user's ran out.
    pub(crate) fn time_out(&mut self) {
        // MUST-12 (3.6): the user is told why.
        self.delete(Event::Aborted(Reason::TimedOut));
    }

    /// MUST-21 (3.8.3): the user's bound for what is unacknowledged or unsent; each progress starts it anew.
    pub(crate) fn arm_user_timer(&mut self, now: Instant) {
        match self.config.user_timeout {
            // As Linux: text that the own queue never took has its time from the first attempt after that.
            Some(_)
                if self.persist.is_blocked && self.snd.flight() == 0 && self.persist.unanswered() == 0 => {}
            Some(timeout) if self.has_unfinished() && self.state != State::Closed => {
                if !self.timers.is_set(Timer::User) {
                    self.timers.set(Timer::User, now + timeout);
                }
            }
            Some(_) | None => self.timers.stop(Timer::User),
        }
    }

    /// In FIN-WAIT-2 an orphan has only so long (tcp_fin_timeout).
    pub(crate) fn bound_fin_wait_2(&mut self, now: Instant) {
        if self.state == State::FinWait2
            && self.holder == Holder::Nobody
            && !self.timers.is_set(Timer::FinWait2)
        {
            if self.config.fin_timeout.is_zero() {
                self.owed.reset = true;
                self.delete(Event::Closed);
                return;
            }
            self.timers.set(Timer::FinWait2, now + self.config.fin_timeout);
        }
    }

    /// 3.10.8, retransmission timeout; RFC 6298, 5.4 to 5.7.
    fn on_retransmit_timeout(&mut self, now: Instant) {
        if self.snd.flight() == 0 {
            return;
        }
        if self.pending.is_some() {
            // A peer that has not heard our SYN-ACK takes no text: that goes again, not this.
            self.timers.set(Timer::Retransmit, now + self.rtt.rto().get());
            return;
        }
        if self.snd.wnd == 0 {
            // MUST-34 (3.8.6): the window shrank over what was sent. It is probed like any zero window, and
            // SHLD-17: that is no reason to give the connection up, and no part of R2.
            self.lose_all(now);
            self.snd.retransmissions = 0;
            self.on_persist_timeout(now);
            return;
        }
        if self.has_reached_r2(now) {
            self.time_out();
            return;
        }
        if self.snd.retransmissions == 0 {
            self.snd.stalled = self.recovery.first_sent().unwrap_or(now);
        }
        self.enter_loss(now);
        if self.persist.is_blocked {
            // Nothing is sent, so nothing tells of the path: no doubling, and no step towards R2.
            self.timers.set(Timer::Retransmit, now + RESOURCE_INTERVAL);
            return;
        }
        self.snd.retransmissions += 1;
        self.suspect_black_hole(now);
        if self.is_linear() {
            self.rtt.forget_backoff();
        } else {
            self.rtt.on_timeout();
        }
        self.timers.set(Timer::Retransmit, now + self.rtt.rto().get());
    }

    /// TCP_THIN_LINEAR_TIMEOUTS, as Linux: with so few segments out nothing but the timer finds a loss, and to double it at once makes a
    /// program that talks little wait long.
    fn is_linear(&self) -> bool {
        /// TCP_THIN_LINEAR_RETRIES.
        const LINEAR: u32 = 6;
        /// Streams with fewer segments out are thin.
        const THIN: u32 = 4;
        self.config.thin_linear_timeouts
            && self.state == State::Established
            && self.recovery.segments() < THIN
            && self.snd.retransmissions <= LINEAR
    }
}
