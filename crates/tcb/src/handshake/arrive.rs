//! Segments that arrive in SYN-SENT and SYN-RECEIVED.

use sockeye_clock::Instant;
use sockeye_wire::{Flags, TcpHeader};

use super::{Handshake, Opened, Owing, Peer, Progress};
use crate::ecn::{Agreed, EcnConfig};
use crate::state::Cause;
use crate::timestamps::{self, Recent};
use crate::{Reason, Segment, window};

impl Handshake {
    /// 3.10.7.3.
    pub(super) fn arrives_when_syn_sent(&mut self, now: Instant, segment: &Segment<'_>) -> Progress {
        let has_ack = segment.has(Flags::ACK);
        // First: only the SYN is out, perhaps with text.
        if has_ack && !(self.acknowledges(segment) && self.is_echo_possible(now, segment)) {
            if !segment.has(Flags::RST) {
                self.owed = Owing::Reset(segment.header.ack);
            }
            return Progress::Waiting;
        }
        // Second: a RST counts only with that ACK.
        if segment.has(Flags::RST) {
            return if has_ack { self.fail(Reason::Refused) } else { Progress::Waiting };
        }
        // Fourth.
        if !segment.has(Flags::SYN) {
            return Progress::Waiting;
        }
        if has_ack {
            self.learn(now, segment);
            self.note_answer(segment);
            self.measure(now, segment.header);
            self.expires = Instant::MAX;
            self.state = self.state.after(Cause::SynAck);
            self.is_ack_owed = true;
            let is_more = !segment.text.is_empty() || segment.has(Flags::FIN);
            return Progress::Established { redeliver: is_more };
        }
        // MUST-10 (3.5): simultaneous open.
        self.retransmissions = 0;
        self.sent = None;
        self.process_syn(now, segment);
        self.state = self.state.after(Cause::Syn);
        Progress::Waiting
    }

    /// 3.10.7.4 for SYN-RECEIVED.
    pub(super) fn arrives_when_syn_received(&mut self, now: Instant, segment: &Segment<'_>) -> Progress {
        let rcv_nxt = self.peer.irs + 1;
        let header = segment.header;
        let is_their_syn = segment.has(Flags::SYN) && header.seq == self.peer.irs;
        if is_their_syn && !segment.has(Flags::RST) {
            return self.their_syn_again(now, segment);
        }
        // First.
        if !self.is_acceptable(now, segment) {
            if !segment.has(Flags::RST) {
                self.challenge(now);
            }
            return Progress::Waiting;
        }
        // Second. RFC 5961, section 3: it must hit RCV.NXT.
        if segment.has(Flags::RST) {
            if header.seq == rcv_nxt {
                return self.refuse();
            }
            self.challenge(now);
            return Progress::Waiting;
        }
        // Fourth.
        if segment.has(Flags::SYN) {
            if self.opened == Opened::Passive {
                return self.refuse();
            }
            self.challenge(now);
            return Progress::Waiting;
        }
        self.process_ack(now, segment)
    }

    /// The peer did not hear our SYN-ACK, or it opened at the same time (Figure 8).
    fn their_syn_again(&mut self, now: Instant, segment: &Segment<'_>) -> Progress {
        if self.opened == Opened::Active && segment.has(Flags::ACK) {
            let progress = self.process_ack(now, segment);
            self.is_syn_doubled = true;
            // A SYN would be challenged by the new TCB.
            return match progress {
                Progress::Established { .. } => {
                    self.is_ack_owed = true;
                    Progress::Established { redeliver: false }
                }
                Progress::Waiting | Progress::BackToListen | Progress::Failed(_) => progress,
            };
        }
        self.owed = Owing::Syn;
        Progress::Waiting
    }

    /// Fifth step.
    fn process_ack(&mut self, now: Instant, segment: &Segment<'_>) -> Progress {
        if !segment.has(Flags::ACK) {
            return Progress::Waiting;
        }
        if !self.acknowledges(segment) {
            self.owed = Owing::Reset(segment.header.ack);
            return Progress::Waiting;
        }
        let is_syn = segment.has(Flags::SYN);
        let shift = if self.is_scaled() && !is_syn {
            self.peer.window_scale.map_or(0, window::clamp_shift)
        } else {
            0
        };
        self.peer.window = u32::from(segment.header.window) << shift;
        self.peer.wl1 = segment.header.seq;
        self.peer.wl2 = segment.header.ack;
        self.note_answer(segment);
        self.measure(now, segment.header);
        self.expires = Instant::MAX;
        self.state = self.state.after(Cause::AckOfSyn);
        Progress::Established { redeliver: true }
    }

    /// Whether it acknowledges our SYN, and nothing that was not sent.
    pub(super) fn acknowledges(&self, segment: &Segment<'_>) -> bool {
        let ack = segment.header.ack;
        ack.after(self.config.iss) && !ack.after(self.snd_nxt())
    }

    /// As Linux: a SYN-ACK that echoes a timestamp which no SYN of ours had answers another connection.
    fn is_echo_possible(&self, now: Instant, segment: &Segment<'_>) -> bool {
        let (Some(stamps), Some(sent)) = (segment.header.options.timestamps, self.sent) else { return true };
        let (echo, offset) = (stamps.echo, self.config.timestamp_offset);
        let (first, last) = (timestamps::clock(sent, offset), timestamps::clock(now, offset));
        !self.config.timestamps
            || echo == 0
            || !(timestamps::is_older(echo, first) || timestamps::is_older(last, echo))
    }

    /// RFC 5961, section 7: an ACK that tells where we stand, but not for every forged segment.
    fn challenge(&mut self, now: Instant) {
        if self.challenges.allows(now, self.config.invalid_rate_limit) {
            self.owed = Owing::Ack;
        }
    }

    fn is_acceptable(&self, now: Instant, segment: &Segment<'_>) -> bool {
        let nxt = self.peer.irs + 1;
        let edge = nxt + u32::from(window::of_syn(&self.config));
        let (seq, len) = (segment.header.seq, segment.len());
        let is_old = match (self.peer.recent, segment.header.options.timestamps) {
            (Some(recent), Some(stamps)) => self.config.timestamps && recent.is_newer_than(now, stamps.value),
            (Some(_) | None, _) => false,
        };
        !is_old && (seq == nxt || (seq.before(edge) && (seq + len.max(1)).after(nxt)))
    }

    fn refuse(&mut self) -> Progress {
        match self.opened {
            Opened::Active => self.fail(Reason::Refused),
            Opened::Passive => {
                self.expires = Instant::MAX;
                self.state = self.state.after(Cause::Delete);
                Progress::BackToListen
            }
        }
    }

    fn fail(&mut self, reason: Reason) -> Progress {
        self.expires = Instant::MAX;
        self.state = self.state.after(Cause::Delete);
        Progress::Failed(reason)
    }

    pub(super) fn process_syn(&mut self, now: Instant, syn: &Segment<'_>) {
        self.learn(now, syn);
        self.owe_syn(now);
    }

    /// What the peer's SYN says. Options count only if both ends send them.
    fn learn(&mut self, now: Instant, syn: &Segment<'_>) {
        let options = &syn.header.options;
        self.peer = Peer {
            irs: syn.header.seq,
            mss: options.mss,
            window_scale: options.window_scale,
            sack_permitted: options.sack_permitted,
            recent: options.timestamps.map(|stamps| Recent::new(now, stamps.value)),
            // RFC 7323, 2.2: the window of a SYN is not scaled.
            window: u32::from(syn.header.window),
            wl1: syn.header.seq,
            wl2: if syn.has(Flags::ACK) { syn.header.ack } else { self.config.iss },
            ecn: self.agree_on_ecn(syn),
        };
    }

    fn agree_on_ecn(&self, syn: &Segment<'_>) -> Agreed {
        let control = self.config.congestion.control;
        if syn.has(Flags::ACK) {
            let is_asked = self.config.ecn.is_asked_for(control, self.retransmissions);
            EcnConfig::agree_to_answer(is_asked, syn)
        } else {
            self.config.ecn.agree(control, syn)
        }
    }

    /// Karn (MUST-18, 3.8.1): a SYN sent twice is measured only by its timestamp.
    pub(super) fn measure(&mut self, now: Instant, header: &TcpHeader) {
        self.rtt = if self.retransmissions == 0 {
            self.sent.map(|sent| now.since(sent))
        } else {
            let stamps = header.options.timestamps.filter(|_| self.config.timestamps);
            stamps.and_then(|stamps| timestamps::round_trip(now, self.config.timestamp_offset, stamps.echo))
        };
    }
}
