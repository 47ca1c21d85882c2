//! The transmission control block of a synchronized connection (3.3.1).

mod settings;
mod status;
mod timeouts;
mod variables;

use alloc::boxed::Box;
use sockeye_buffer::{RecvQ, SendQ, Text};
use sockeye_clock::Instant;
use sockeye_wire::Flags;

use crate::accounting::Account;
use crate::arrive::ChallengeLimit;
use crate::burst::Burst;
use crate::chrono::Chrono;
use crate::compressed_ack::CompressedAcks;
use crate::congestion::Congestion;
use crate::counters::Counters;
use crate::delayed_ack::AckPolicy;
use crate::discard::Discards;
use crate::ecn::EcnState;
use crate::event::Events;
use crate::keepalive::Probing;
use crate::marks::Marks;
use crate::memory::Memory;
use crate::path_mtu::{PathMtu, SoftError};
use crate::persist::Persist;
use crate::recovery::Recovery;
use crate::rtt::RttEstimator;
use crate::sack::Sack;
use crate::state::Cause;
use crate::timers::{Timer, Timers};
use crate::timestamps::Recent;
use crate::tuning::Tuning;
use crate::{Config, Event, Handshake, Reason, Segment, State, TimeWait, Transmit, arrive, transmit};

pub use status::Status;
pub(crate) use variables::{Fin, Holder, Owed, Rcv, Snd};

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
    pub(crate) compressed_acks: CompressedAcks,
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
    pub(crate) memory: Memory,
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
    #[inline]
    pub fn text(&self, transmit: &Transmit) -> Text<'_> {
        self.sendq.text(transmit.text_offset, transmit.text_len)
    }

    /// The next thing the user should know.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop();
        if event.is_none() && !self.owed.reset { self.events.pop_end() } else { event }
    }

    /// When [`timeout`](Self::timeout) is due: the minimum of one timer table.
    #[must_use]
    #[inline]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let pending = self.pending.as_ref().and_then(|handshake| handshake.poll_timeout());
        self.timers.next().into_iter().chain(pending).min()
    }

    /// SEND: the program may have published bytes in SendQ.
    #[inline]
    pub fn send(&mut self, _now: Instant) {
        // 3.10.2: SEND after CLOSE is an error, so what is published then does not count.
        if self.snd.fin == Fin::None {
            self.sendq.refresh();
        }
    }

    /// RECEIVE: the program may have read from RecvQ.
    #[inline]
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

    /// The host cannot keep the connection: a RST is owed in any state, because the peer must learn that text is lost.
    pub fn give_up(&mut self) {
        if self.state != State::Closed {
            self.owed.reset = true;
            self.delete(Event::Aborted(Reason::UserAbort));
        }
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

    /// Recv-Q as Linux counts: bytes not read, and a received FIN until a read has come to it. What the program read since the
    /// last [`receive`](Self::receive) or segment still counts.
    #[must_use]
    pub fn recv_queue(&self) -> usize {
        self.recvq.len() + usize::from(self.rcv.is_closed() && !self.recvq.is_end_found())
    }

    /// SendQ and RecvQ.
    #[must_use]
    pub fn rings(&self) -> (&SendQ, &RecvQ) {
        (&self.sendq, &self.recvq)
    }

    /// The rings, for resizing.
    pub fn rings_mut(&mut self) -> (&mut SendQ, &mut RecvQ) {
        (&mut self.sendq, &mut self.recvq)
    }

    /// What is left of a connection in TIME-WAIT. Drain [`poll_transmit`](Self::poll_transmit) first: it owes the ACK of the
    /// peer's FIN.
    #[must_use]
    pub fn into_time_wait(self, now: Instant) -> TimeWait {
        TimeWait::new(now, &self)
    }

    /// What the program has not read of a connection that is over. The program is asked to ring when it has read all.
    #[must_use]
    pub fn take_unread(&mut self) -> Option<RecvQ> {
        self.recvq.take_rest()
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
        assert!(
            !self.snd.small.before(self.snd.una),
            "what is acknowledged is forgotten before its numbers come again"
        );
        assert!(!self.rcv.edge.before(self.rcv.nxt), "RCV.NXT is within the window");
        assert!(!self.rcv.reach.before(self.rcv.edge), "what is offered is within reach");
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
}
