//! Explicit congestion notification (RFC 3168), and DCTCP's way of echoing it (RFC 8257).
//!
//! ```text
//!   sender                   queue                    receiver
//!     | --- text, ECT(0) ----> | ---- text, CE ---------> |
//!     | <--------------------- ACK, ECE ----------------- |   until
//!     | --- text, CWR, ECT(0) --------------------------> |   this comes
//! ```

use sockeye_clock::Instant;
use sockeye_wire::{Ecn, Flags, SeqNum, TcpHeader};

use crate::timers::Timer;
use crate::{CongestionControl, Segment, Tcb, Transmit, transmit};

/// Whether connections ask for ECN (tcp_ecn).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EcnMode {
    /// 0: neither asked for nor accepted.
    Off,
    /// 1: asked for and accepted.
    Request,
    /// 2: accepted when the peer asks for it.
    #[default]
    Accept,
}

/// What a connection is configured with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EcnConfig {
    /// tcp_ecn.
    pub mode: EcnMode,
    /// A SYN that is sent again does not ask: what dropped it may not like the question (RFC 3168, 6.1.1.1; tcp_ecn_fallback).
    pub fallback: bool,
}

impl EcnConfig {
    /// What Linux has.
    #[must_use]
    pub const fn new() -> Self {
        Self { mode: EcnMode::Accept, fallback: true }
    }
}

impl Default for EcnConfig {
    fn default() -> Self {
        Self::new()
    }
}

/// What the SYNs said (RFC 3168, 6.1.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Agreed {
    #[default]
    No,
    Yes,
}

impl EcnConfig {
    /// Whether a SYN asks for it, sent for the `retransmissions`th time again.
    pub(crate) const fn is_asked_for(self, control: CongestionControl, retransmissions: u32) -> bool {
        let is_wanted = matches!(self.mode, EcnMode::Request) || control.needs_ecn();
        is_wanted && (retransmissions == 0 || !self.fallback)
    }

    /// What follows from the peer's SYN.
    pub(crate) fn agree(self, control: CongestionControl, syn: &Segment<'_>) -> Agreed {
        let is_asked = syn.has(Flags::ECE | Flags::CWR);
        // RFC 3168, 6.1.1: no codepoint on a SYN. One that has it comes from a middle that sets it everywhere, or from DCTCP.
        let is_sound = syn.ecn == Ecn::NotEct && self.mode != EcnMode::Off;
        if is_asked && (is_sound || control.needs_ecn()) { Agreed::Yes } else { Agreed::No }
    }

    /// What follows from the SYN-ACK for a SYN that asked: RFC 3168, 6.1.1: ECE and not CWR.
    pub(crate) fn agree_to_answer(is_asked: bool, syn_ack: &Segment<'_>) -> Agreed {
        let is_answer = syn_ack.has(Flags::ECE) && !syn_ack.has(Flags::CWR);
        if is_asked && is_answer { Agreed::Yes } else { Agreed::No }
    }
}

/// ECN of a synchronized connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct EcnState {
    agreed: Agreed,
    /// Every ACK has ECE: until CWR comes, or with DCTCP until text comes that is not marked.
    is_echoing: bool,
    /// Text with a codepoint was seen.
    has_seen: bool,
    /// DCTCP: what was acknowledged when DCTCP.CE changed, and whether to say so with ECE.
    before: Option<(SeqNum, bool)>,
}

impl EcnState {
    pub(crate) fn new(agreed: Agreed) -> Self {
        Self { agreed, ..Self::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.agreed == Agreed::Yes
    }

    /// Whether text with a codepoint was seen (TCPI_OPT_ECN_SEEN).
    pub(crate) const fn has_seen(&self) -> bool {
        self.has_seen
    }

    #[cfg(test)]
    pub(crate) const fn is_echoing(&self) -> bool {
        self.is_echoing
    }

    /// Whether an ACK echoes congestion.
    pub(crate) fn is_echo(&self, header: &TcpHeader) -> bool {
        self.is_on() && header.flags.contains(Flags::ECE) && !header.flags.contains(Flags::SYN)
    }
}

/// The receiver.
impl Tcb {
    /// Text arrived with the codepoint `ecn` (RFC 3168, 6.1.3).
    pub(crate) fn note_codepoint(&mut self, ecn: Ecn, flags: Flags) {
        if !self.ecn.is_on() {
            return;
        }
        if flags.contains(Flags::CWR) && !self.is_dctcp() {
            self.ecn.is_echoing = false;
            self.acks.owe_now();
        }
        match ecn {
            // It was sent again, probably: a sign of loss.
            Ecn::NotEct if self.ecn.has_seen => self.acks.owe_now(),
            Ecn::NotEct => {}
            Ecn::Ect0 | Ecn::Ect1 | Ecn::Ce => {
                self.ecn.has_seen = true;
                self.note_mark(ecn == Ecn::Ce);
            }
        }
    }

    fn note_mark(&mut self, is_marked: bool) {
        let was_echoing = self.ecn.is_echoing;
        if self.is_dctcp() {
            // RFC 8257, 3.2: when DCTCP.CE changes, what came before it is acknowledged as it came.
            if was_echoing != is_marked {
                self.ecn.before =
                    self.timers.is_set(Timer::DelayedAck).then_some((self.rcv.nxt, was_echoing));
                self.acks.owe_now();
            }
            self.ecn.is_echoing = is_marked;
        } else if is_marked {
            if !was_echoing {
                // The sender's window may be small: it must not wait.
                self.acks.owe_now();
            }
            self.ecn.is_echoing = true;
        }
    }

    fn is_dctcp(&self) -> bool {
        self.congestion.control() == CongestionControl::Dctcp
    }
}

/// The sender.
impl Tcb {
    /// RFC 8257, 3.2: the ACK of what came before DCTCP.CE changed, which echoes what it was.
    pub(crate) fn take_earlier_ack(&mut self, now: Instant) -> Option<Transmit> {
        let (ack, is_echoing) = self.ecn.before.take()?;
        let mut earlier = transmit::earlier_ack(self, now, ack);
        earlier.header.flags.set(Flags::ECE, is_echoing);
        earlier.ecn = Ecn::Ect0;
        Some(earlier)
    }

    /// The codepoint and the flags of a segment that goes out; `nxt` was SND.NXT before it.
    pub(crate) fn apply_ecn(&mut self, transmit: &mut Transmit, nxt: SeqNum) {
        let header = &mut transmit.header;
        if !self.ecn.is_on() || header.flags.contains(Flags::RST) {
            return;
        }
        header.flags.set(Flags::ECE, self.ecn.is_echoing);
        // SHLD-8 (3.8.2), RFC 3168, 6.1.4 to 6.1.6: new text only; not what is sent again, not probes, not pure ACKs.
        let is_new_text = transmit.text_len > 0 && !header.seq.before(nxt);
        if is_new_text {
            transmit.ecn = Ecn::Ect0;
            // RFC 3168, 6.1.2: on the first new text after the reduction.
            header.flags.set(Flags::CWR, self.congestion.take_reduced());
        } else if self.is_dctcp() {
            // RFC 8257, 3.1 and as Linux: a queue that marks early would drop anything else.
            transmit.ecn = Ecn::Ect0;
        }
    }
}
