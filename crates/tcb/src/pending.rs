//! A connection whose handshake is not complete: SYN-RECEIVED with Fast Open (RFC 7413, section 4.2). It can be accepted, read and
//! written; only the ACK of our SYN is still to come.

use sockeye_clock::Instant;
use sockeye_wire::{Flags, TcpHeader};

use crate::state::Cause;
use crate::timers::Timer;
use crate::{Discard, Event, Progress, Segment, Tcb};

impl Tcb {
    /// Whether the connection exists before its handshake is complete: our SYN-ACK is not yet acknowledged.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// The text of the SYN is in RecvQ: the SYN-ACK acknowledges it, so no ACK is owed. Returns how many bytes.
    pub(crate) fn take_text_of_syn(&mut self) -> u32 {
        self.acks.on_ack_sent();
        self.timers.stop(Timer::DelayedAck);
        self.rcv.last_ack = self.rcv.nxt;
        let taken = self.rcv.nxt.since(self.rcv.irs + 1);
        self.is_syn_text_taken = taken > 0;
        taken
    }

    /// The timer of the SYN-ACK.
    pub(crate) fn on_pending_timeout(&mut self, now: Instant) {
        let Some(handshake) = &mut self.pending else { return };
        match handshake.timeout(now) {
            // Only a segment establishes.
            Progress::Waiting | Progress::Established { .. } => {}
            Progress::BackToListen | Progress::Failed(_) => self.time_out(),
        }
    }
}

/// The peer's SYN again: it did not hear our SYN-ACK.
pub(crate) fn check_syn(tcb: &mut Tcb, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
    let Some(handshake) = &mut tcb.pending else { return Ok(()) };
    let is_theirs = segment.has(Flags::SYN)
        && !segment.header.flags.intersects(Flags::ACK | Flags::RST)
        && segment.header.seq == tcb.rcv.irs;
    if !is_theirs {
        return Ok(());
    }
    if tcb.challenges.allows(now, tcb.config.invalid_rate_limit) {
        handshake.repeat_syn_ack();
    }
    Err(Discard::Syn)
}

/// Fifth step of 3.10.7.4 for SYN-RECEIVED: is our SYN acknowledged?
pub(crate) fn check_ack(tcb: &mut Tcb, now: Instant, header: &TcpHeader) -> Result<(), Discard> {
    let Some(mut handshake) = tcb.pending.take() else { return Ok(()) };
    let ack = header.ack;
    if !ack.after(tcb.snd.iss) || ack.after(tcb.snd.nxt) {
        handshake.owe_reset(ack);
        tcb.pending = Some(handshake);
        return Err(Discard::AckOfUnsent);
    }
    if let Some(rtt) = handshake.finish(now, header) {
        tcb.rtt.on_sample(rtt);
        tcb.recovery.on_first_rtt(now, rtt);
    }
    tcb.recovery.on_syn_delivered();
    tcb.state = tcb.state.after(Cause::AckOfSyn);
    tcb.events.push(Event::Established);
    // What was sent meanwhile was not watched over: without our SYN-ACK the peer could not have taken it.
    if tcb.snd.flight() > 0 {
        tcb.timers.set(Timer::Retransmit, now + tcb.rtt.rto().get());
    }
    Ok(())
}
