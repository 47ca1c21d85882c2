//! The parts of a TCB that follow from the handshake.

use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::{Handshake, Opened};
use crate::congestion::Congestion;
use crate::delayed_ack::AckPolicy;
use crate::recovery::{PeerSacks, Recovery};
use crate::tcb::{Fin, Rcv, Snd};
use crate::window;

impl Handshake {
    /// Everything before `una` is acknowledged.
    pub(super) fn snd(&self, now: Instant, una: SeqNum, mss: u32) -> Snd {
        let shift = self.peer.window_scale.filter(|_| self.is_scaled());
        Snd {
            una,
            nxt: una,
            wnd: self.peer.window,
            wl1: self.peer.wl1,
            wl2: self.peer.wl2,
            iss: self.config.iss,
            max_wnd: self.peer.window,
            shift: shift.map_or(0, window::clamp_shift),
            mss,
            fin: Fin::None,
            small: una,
            last_sent: now,
            retransmissions: 0,
            stalled: now,
        }
    }

    pub(super) fn rcv(&self) -> Rcv {
        let (nxt, is_scaled) = (self.peer.irs + 1, self.is_scaled());
        let edge = nxt + u32::from(window::of_syn(&self.config));
        Rcv {
            nxt,
            edge,
            reach: edge,
            up: nxt,
            irs: self.peer.irs,
            shift: if is_scaled { window::shift_for(&self.config) } else { 0 },
            is_scaled,
            fin: None,
            last_ack: nxt,
        }
    }

    /// RFC 2018, section 2: both SYNs permit it.
    pub(super) const fn has_sack(&self) -> bool {
        self.config.sack && self.peer.sack_permitted
    }

    pub(super) fn recovery(&self, now: Instant) -> Recovery {
        let peer_sacks = if self.has_sack() { PeerSacks::Yes } else { PeerSacks::No };
        Recovery::new(now, self.config.iss, peer_sacks, self.config.recovery)
    }

    pub(super) fn congestion(&self, now: Instant, mss: u32) -> Congestion {
        // RFC 6928, section 2: one segment after a SYN that was lost more than once.
        let segments = if self.retransmissions > 1 { 1 } else { self.config.initial_window.max(1) };
        Congestion::new(now, segments.saturating_mul(mss), mss, self.config.congestion)
    }

    /// `is_text_waiting`: the program has more to send already.
    pub(super) fn acks(&self, now: Instant, mss: u32, is_text_waiting: bool) -> AckPolicy {
        let window = u32::from(window::of_syn(&self.config));
        let mut acks = AckPolicy::new(&self.config, mss, window);
        // A SYN-ACK is acknowledged; the ACK that ends a simultaneous open is not.
        if self.is_ack_owed {
            acks.owe_now();
        }
        if self.opened == Opened::Active && is_text_waiting {
            acks.on_open_with_text(now, window);
        }
        acks
    }
}
