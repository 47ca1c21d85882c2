//! The transmission control block of a synchronized connection (3.3.1).

use alloc::boxed::Box;
use core::time::Duration;
use sockeye_buffer::{RecvQ, SendQ, Text};
use sockeye_clock::Instant;
use sockeye_wire::{Flags, SeqNum};

use crate::accounting::Account;
use crate::arrive::ChallengeLimit;
use crate::burst::Burst;
use crate::chrono::Chrono;
use crate::congestion::Congestion;
use crate::counters::Counters;
use crate::delayed_ack::AckPolicy;
use crate::discard::Discards;
use crate::ecn::EcnState;
use crate::event::Events;
use crate::keepalive::Probing;
use crate::marks::Marks;
use crate::path_mtu::{PathMtu, SoftError};
use crate::persist::{Persist, RESOURCE_INTERVAL};
use crate::recovery::Recovery;
use crate::rtt::RttEstimator;
use crate::sack::Sack;
use crate::state::Cause;
use crate::timers::{Timer, Timers};
use crate::timestamps::Recent;
use crate::tuning::Tuning;
use crate::{
    Config, Event, Handshake, KeepAlive, Reason, Segment, State, TimeWait, Transmit, arrive, transmit,
};

/// Send sequence space.
///
/// ```text
///            una                nxt                  una + wnd
///  -----------|------------------|----------------------|----------
///  acknowledged  unacknowledged        may be sent         not yet
///             |<------------- SendQ --------------------- - - -  then the FIN
/// ```
#[derive(Debug)]
pub(crate) struct Snd {
    /// Oldest unacknowledged sequence number.
    pub(crate) una: SeqNum,
    /// Next to be sent.
    pub(crate) nxt: SeqNum,
    /// The peer's window, in bytes from `una`.
    pub(crate) wnd: u32,
    /// Sequence number of the last window update.
    pub(crate) wl1: SeqNum,
    /// Acknowledgment number of the last window update.
    pub(crate) wl2: SeqNum,
    /// Initial send sequence number.
    pub(crate) iss: SeqNum,
    /// The largest window the peer ever offered.
    pub(crate) max_wnd: u32,
    /// The peer's window scale (RFC 7323).
    pub(crate) shift: u8,
    /// Bytes of text in a full segment, options accounted for (MUST-16).
    pub(crate) mss: u32,
    /// Our FIN.
    pub(crate) fin: Fin,
    /// End of the last segment sent that was not full (Nagle).
    pub(crate) small: SeqNum,
    /// When text was last sent.
    pub(crate) last_sent: Instant,
    /// Retransmissions of the segment at `una`.
    pub(crate) retransmissions: u32,
}

impl Snd {
    /// What is sent and not acknowledged.
    pub(crate) const fn flight(&self) -> u32 {
        self.nxt.since(self.una)
    }

    /// The first sequence number beyond the peer's window.
    pub(crate) fn edge(&self) -> SeqNum {
        self.una + self.wnd
    }
}

/// Where our FIN stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fin {
    /// CLOSE was not called.
    None,
    /// It goes out after what SendQ holds.
    Queued,
    /// Sent, not acknowledged: `snd.nxt` counts it.
    Sent,
    /// Acknowledged.
    Acknowledged,
}

/// Receive sequence space.
///
/// ```text
///            nxt                    edge
///  -----------|----------------------|----------
///   received        window offered     not allowed
/// ```
#[derive(Debug)]
pub(crate) struct Rcv {
    /// Next expected.
    pub(crate) nxt: SeqNum,
    /// The right edge of the window that was offered; it never moves left (SHLD-14). RCV.WND is `edge - nxt`.
    pub(crate) edge: SeqNum,
    /// Receive urgent pointer.
    pub(crate) up: SeqNum,
    /// Initial receive sequence number.
    pub(crate) irs: SeqNum,
    /// Our window scale (RFC 7323).
    pub(crate) shift: u8,
    /// Whether both SYNs had a scale.
    pub(crate) is_scaled: bool,
    /// The sequence number of the peer's FIN, once one was seen.
    pub(crate) fin: Option<SeqNum>,
    /// RCV.NXT in the last ACK sent (Last.ACK.sent in RFC 7323).
    pub(crate) last_ack: SeqNum,
}

impl Rcv {
    /// RCV.WND.
    pub(crate) const fn wnd(&self) -> u32 {
        self.edge.since(self.nxt)
    }

    /// Whether the peer's FIN is in order.
    pub(crate) fn is_closed(&self) -> bool {
        self.fin.is_some_and(|fin| fin.before(self.nxt))
    }
}

/// What STATUS tells (3.10.6). Windows and sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub state: State,
    /// Our initial sequence number.
    pub iss: SeqNum,
    /// The oldest unacknowledged sequence number.
    pub snd_una: SeqNum,
    /// The next sequence number to be sent.
    pub snd_nxt: SeqNum,
    /// The window the peer offers.
    pub snd_wnd: u32,
    /// The peer's initial sequence number.
    pub irs: SeqNum,
    /// The next sequence number expected.
    pub rcv_nxt: SeqNum,
    /// The window offered to the peer.
    pub rcv_wnd: u32,
    /// Text in a full segment.
    pub eff_snd_mss: u32,
    /// The congestion window.
    pub cwnd: u32,
    /// The slow start threshold; `u32::MAX` before any loss.
    pub ssthresh: u32,
    /// The smoothed round-trip time, once one was measured.
    pub srtt: Option<Duration>,
    /// The retransmission time-out, with its backoff.
    pub rto: Duration,
    /// Retransmissions of the oldest segment.
    pub retransmissions: u32,
}

/// Whether a program holds the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// It does.
    Program,
    /// It is gone.
    Nobody,
}

/// What `poll_transmit` must emit besides text and ACKs.
#[derive(Debug, Default)]
pub(crate) struct Owed {
    /// A RST, after which the connection is over.
    pub(crate) reset: bool,
    /// Its sequence number, if it answers a segment as a connection does that is not there (3.10.7.1).
    pub(crate) reset_seq: Option<SeqNum>,
    /// An ACK that tells where we stand (RFC 5961), unless the host has sent too many.
    pub(crate) challenge: bool,
    /// ACKs that the peer counts as duplicates: one for each segment out of order (RFC 5681, 4.2).
    pub(crate) duplicates: u32,
    /// A probe of a zero window or of a silent peer.
    pub(crate) probe: bool,
    /// The next segment goes out although it is silly (override of 3.8.6.2.1).
    pub(crate) silly: bool,
}

/// A synchronized connection.
#[derive(Debug)]
pub struct Tcb {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) snd: Snd,
    pub(crate) rcv: Rcv,
    pub(crate) sendq: SendQ,
    pub(crate) recvq: RecvQ,
    pub(crate) rtt: RttEstimator,
    /// TS.Recent, if timestamps were negotiated.
    pub(crate) timestamps: Option<Recent>,
    pub(crate) path: PathMtu,
    /// The last error that came back for a segment, until something is acknowledged.
    pub(crate) soft_error: Option<SoftError>,
    /// What is told of text out of order.
    pub(crate) sack: Sack,
    /// How far the windows grow.
    pub(crate) tuning: Tuning,
    pub(crate) recovery: Recovery,
    pub(crate) congestion: Congestion,
    pub(crate) ecn: EcnState,
    pub(crate) acks: AckPolicy,
    pub(crate) persist: Persist,
    pub(crate) probing: Probing,
    pub(crate) timers: Timers,
    pub(crate) owed: Owed,
    pub(crate) events: Events,
    pub(crate) holder: Holder,
    /// The handshake, as long as it is not complete (Fast Open).
    pub(crate) pending: Option<Box<Handshake>>,
    /// Text of a SYN was taken: of the peer's, or all that ours carried.
    pub(crate) is_syn_text_taken: bool,
    /// The program does not want to receive any more.
    pub(crate) is_receive_shut: bool,
    pub(crate) challenges: ChallengeLimit,
    pub(crate) discards: Discards,
    pub(crate) marks: Marks,
    /// TCP_NOTSENT_LOWAT in force; 0 for none.
    pub(crate) notsent_low: u32,
    pub(crate) burst: Burst,
    pub(crate) account: Account,
    pub(crate) chrono: Chrono,
    pub(crate) counters: Counters,
}

impl Tcb {
    /// SEGMENT ARRIVES (3.10.7.4).
    pub fn segment_arrives(&mut self, now: Instant, segment: &Segment<'_>) {
        self.counters.on_arrived(now, segment);
        arrive::segment_arrives(self, now, segment);
        self.tune_send();
    }

    /// The segment that completed our handshake: its ACK if the handshake has not taken it, its text, its FIN.
    pub fn redeliver(&mut self, now: Instant, segment: &Segment<'_>) {
        if segment.has(Flags::SYN) {
            self.counters.on_arrived(now, segment);
            arrive::rest_of_syn(self, now, segment);
        } else {
            self.segment_arrives(now, segment);
        }
    }

    /// The next segment that is owed; `None` when nothing is owed now. The only exit for segments.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<Transmit> {
        let nxt = self.snd.nxt;
        if let Some(earlier) = self.take_earlier_ack(now) {
            return Some(earlier);
        }
        let mut transmit = transmit::poll(self, now)?;
        self.counters.on_sent(transmit.text_len);
        self.apply_ecn(&mut transmit, nxt);
        Some(transmit)
    }

    /// The text of a transmit just polled.
    #[must_use]
    pub fn text(&self, transmit: &Transmit) -> Text<'_> {
        self.sendq.text(transmit.text_offset, transmit.text_len)
    }

    /// The next thing the user should know.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop();
        if event.is_none() && !self.owed.reset { self.events.pop_end() } else { event }
    }

    /// When [`timeout`](Self::timeout) is due: the minimum of one timer table.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let pending = self.pending.as_ref().and_then(|handshake| handshake.poll_timeout());
        self.timers.next().into_iter().chain(pending).min()
    }

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
                Timer::KeepAlive => self.on_keep_alive_timeout(now),
                Timer::User => self.time_out(),
                // As Linux: it was half closed and nobody can read what might come. It ends without a word.
                Timer::FinWait2 => self.delete(Event::Closed),
                // The flush that follows sends.
                Timer::Pace => {}
            }
        }
    }

    /// SEND: the program may have published bytes in SendQ.
    pub fn send(&mut self, _now: Instant) {
        // 3.10.2: SEND after CLOSE is an error, so what is published then does not count.
        if self.snd.fin == Fin::None {
            self.sendq.refresh();
        }
    }

    /// RECEIVE: the program may have read from RecvQ.
    pub fn receive(&mut self, _now: Instant) {
        let read = self.recvq.refresh();
        if self.is_window_update_owed(read) {
            self.acks.owe_now();
        }
    }

    /// CLOSE: a FIN after what SendQ holds (`shutdown(SHUT_WR)`).
    pub fn close(&mut self, _now: Instant) {
        if self.snd.fin != Fin::None || self.state == State::Closed {
            return;
        }
        self.sendq.refresh();
        self.snd.fin = Fin::Queued;
        self.state = self.state.after(Cause::Close);
    }

    /// No program holds the connection any more: FIN-WAIT-2 is bounded, text that arrives is answered with RST.
    pub fn orphan(&mut self, now: Instant) {
        self.holder = Holder::Nobody;
        self.bound_fin_wait_2(now);
    }

    /// `shutdown(SHUT_RD)`: as Linux, text is still taken while the program can send; after that it is answered with RST.
    pub const fn shut_receive(&mut self) {
        self.is_receive_shut = true;
    }

    /// TCP_LINGER2: how long an orphan stays in FIN-WAIT-2; zero is not at all.
    pub const fn set_fin_timeout(&mut self, timeout: Duration) {
        self.config.fin_timeout = timeout;
    }

    /// tcp_orphan_retries: R2 when no program holds the connection any more.
    pub fn set_retries(&mut self, retries: u32) {
        self.config.retries2 = self.config.retries2.min(retries);
    }

    /// Whether an answer to a segment that was not acceptable is owed (RFC 5961).
    #[must_use]
    pub const fn owes_challenge(&self) -> bool {
        self.owed.challenge
    }

    /// It is not sent after all.
    pub const fn withdraw_challenge(&mut self) {
        self.owed.challenge = false;
    }

    /// ABORT: a RST is owed if the state asks for one, then `Closed`.
    pub fn abort(&mut self, _now: Instant) {
        if self.state == State::Closed {
            return;
        }
        // 3.10.5: no RST in CLOSING, LAST-ACK and TIME-WAIT.
        self.owed.reset = self.state.is_reset_needed();
        self.delete(Event::Closed);
    }

    /// The state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Send-Q as Linux counts: bytes not acknowledged, an unacknowledged FIN too.
    #[must_use]
    pub fn send_queue(&self) -> usize {
        self.text_held() + usize::from(matches!(self.snd.fin, Fin::Queued | Fin::Sent))
    }

    /// Recv-Q as Linux counts: bytes not read, a received FIN too. What the program read since the last
    /// [`receive`](Self::receive) or segment still counts.
    #[must_use]
    pub fn recv_queue(&self) -> usize {
        self.recvq.len() + usize::from(self.rcv.is_closed())
    }

    /// The rings, for resizing.
    pub fn rings_mut(&mut self) -> (&mut SendQ, &mut RecvQ) {
        (&mut self.sendq, &mut self.recvq)
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

    /// TCP_USER_TIMEOUT.
    pub fn set_user_timeout(&mut self, timeout: Option<Duration>) {
        self.config.user_timeout = timeout;
        // It starts anew with the next flush.
        self.timers.stop(Timer::User);
    }

    /// What is left of a connection in TIME-WAIT. Drain [`poll_transmit`](Self::poll_transmit) first: it owes the ACK of the
    /// peer's FIN.
    #[must_use]
    pub fn into_time_wait(self, now: Instant) -> TimeWait {
        TimeWait::new(now, &self)
    }

    /// STATUS (3.10.6): the variables of the connection.
    #[must_use]
    pub fn status(&self) -> Status {
        Status {
            state: self.state,
            iss: self.snd.iss,
            snd_una: self.snd.una,
            snd_nxt: self.snd.nxt,
            snd_wnd: self.snd.wnd,
            irs: self.rcv.irs,
            rcv_nxt: self.rcv.nxt,
            rcv_wnd: self.rcv.wnd(),
            eff_snd_mss: self.snd.mss,
            cwnd: self.congestion.cwnd(),
            ssthresh: self.congestion.ssthresh(),
            srtt: self.rtt.srtt(),
            rto: self.rtt.rto().get(),
            retransmissions: self.snd.retransmissions,
        }
    }

    /// The segments that were discarded, by reason.
    #[must_use]
    pub const fn discards(&self) -> &Discards {
        &self.discards
    }

    /// Panics if the variables contradict each other: for tests, after every event.
    pub fn assert_invariants(&self) {
        let sent = self.snd.flight() as usize;
        let fin = usize::from(self.snd.fin == Fin::Sent);
        assert!(sent >= fin && sent - fin <= self.sendq.len(), "SND.NXT is within SendQ");
        assert!(self.snd.fin != Fin::Acknowledged || sent == 0, "nothing follows the FIN");
        assert!(!self.rcv.edge.before(self.rcv.nxt), "RCV.NXT is within the window");
        assert!(self.snd.mss > 0, "a segment holds text");
        self.sack.assert_invariants(&self.rcv, &self.recvq);
        self.recovery.assert_invariants(self.snd.una, self.snd.nxt);
        if self.state != State::Closed && sent > 0 {
            let running = self.timers.is_set(Timer::Retransmit) || self.timers.is_set(Timer::Persist);
            assert!(
                running || self.owed.probe || self.recovery.has_lost(),
                "something watches over what is outstanding"
            );
        }
    }
}

/// What the steps of the ladder and the timers share.
impl Tcb {
    /// Bytes of text not acknowledged. What a program publishes after our FIN is not text, though SendQ may show it.
    pub(crate) fn text_held(&self) -> usize {
        match self.snd.fin {
            Fin::None | Fin::Queued => self.sendq.len(),
            Fin::Sent => self.snd.flight() as usize - 1,
            Fin::Acknowledged => 0,
        }
    }

    /// Bytes of text never sent.
    pub(crate) fn unsent(&self) -> usize {
        match self.snd.fin {
            Fin::None | Fin::Queued => self.sendq.len() - self.snd.flight() as usize,
            Fin::Sent | Fin::Acknowledged => 0,
        }
    }

    /// Whether anything waits for the peer, sent or not.
    pub(crate) fn has_unfinished(&self) -> bool {
        self.text_held() > 0 || matches!(self.snd.fin, Fin::Queued | Fin::Sent)
    }

    /// Whether nobody can read what comes.
    pub(crate) fn is_deaf(&self) -> bool {
        let is_closed = matches!(self.state, State::FinWait1 | State::FinWait2);
        self.holder == Holder::Nobody || (self.is_receive_shut && is_closed)
    }

    /// Deletes the TCB, with `event` as the last word.
    pub(crate) fn delete(&mut self, event: Event) {
        self.state = self.state.after(Cause::Delete);
        self.timers.stop_all();
        self.pending = None;
        self.recvq.ring_after(None);
        self.events.push(event);
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
            // SHLD-17: that is no reason to give the connection up.
            self.lose_all(now);
            self.on_persist_timeout(now);
            return;
        }
        if self.snd.retransmissions >= self.config.retries2 {
            self.time_out();
            return;
        }
        self.enter_loss(now);
        if self.persist.is_blocked {
            // Nothing is sent, so nothing tells of the path: no doubling, and no step towards R2.
            self.timers.set(Timer::Retransmit, now + RESOURCE_INTERVAL);
            return;
        }
        self.snd.retransmissions += 1;
        self.suspect_black_hole(now);
        self.rtt.on_timeout();
        self.timers.set(Timer::Retransmit, now + self.rtt.rto().get());
    }
}
