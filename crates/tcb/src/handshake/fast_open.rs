//! What Fast Open adds to a handshake (RFC 7413).

use alloc::boxed::Box;
use core::time::Duration;
use sockeye_buffer::{RecvQ, SendQ};
use sockeye_clock::Instant;
use sockeye_wire::{FastOpen, SeqNum, TcpHeader};

use super::{Handshake, Opened, Owing};
use crate::recovery::Marks;
use crate::state::Cause;
use crate::tuning::Tuning;
use crate::{Config, Event, Segment, State, Tcb, arrive};

/// Text in SYNs, and the option. Only handshakes that use them have it.
#[derive(Clone, Debug, Default)]
pub(super) struct FastOpening {
    /// For our first SYN, or for our SYN-ACKs.
    pub(super) option: Option<FastOpen>,
    /// Text that our SYN may carry, bytes.
    room: u32,
    /// Text that it did carry.
    pub(super) text: u32,
    /// Text of it that the peer has taken.
    pub(super) acked: u32,
    /// Text of the peer's SYN that we have taken.
    pub(super) taken: u32,
    /// The peer's answer.
    pub(super) granted: Option<FastOpen>,
}

/// What an active Fast Open taught about the peer (RFC 7413, section 4.2.2): for the cache of cookies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastOpenOutcome {
    /// The MSS that the peer announced; `None` if its SYN-ACK did not say.
    pub mss: Option<u16>,
    /// The option in our SYN: `None` for text without a cookie.
    pub asked: Option<FastOpen>,
    /// The option in the SYN-ACK.
    pub granted: Option<FastOpen>,
    /// Bytes of text in our SYN.
    pub sent: u32,
    /// Bytes of it that the SYN-ACK acknowledged.
    pub acked: u32,
    /// Retransmissions of the SYN, which are without text and option.
    pub retransmissions: u32,
}

/// The client.
impl Handshake {
    /// Active OPEN with Fast Open: SYN-SENT, but the SYN waits for [`launch`](Self::launch). `option` goes with it, and as much as
    /// `room` bytes of text.
    #[must_use]
    pub fn fast_open(now: Instant, config: Config, option: Option<FastOpen>, room: u32) -> Self {
        let mut this = Self::active(now, config);
        this.owed = Owing::Nothing;
        this.expires = Instant::MAX;
        this.fast_open = Some(Box::new(FastOpening { option, room, ..FastOpening::default() }));
        this
    }

    /// Text that the SYN can carry, bytes.
    #[must_use]
    pub fn room(&self) -> u32 {
        self.fast_open.as_ref().map_or(0, |fast_open| fast_open.room)
    }

    /// Whether the SYN waits for [`launch`](Self::launch).
    #[must_use]
    pub fn is_deferred(&self) -> bool {
        self.state == State::SynSent && self.owed == Owing::Nothing && self.sent.is_none()
    }

    /// The SYN is owed, with the first `held` bytes of SendQ as far as it has room for them.
    pub fn launch(&mut self, now: Instant, held: usize) {
        if !self.is_deferred() {
            return;
        }
        if let Some(fast_open) = &mut self.fast_open {
            fast_open.text = u32::try_from(held).unwrap_or(u32::MAX).min(fast_open.room);
        }
        self.owe_syn(now);
    }

    /// A SYN with text was too big for the path: it goes again at once, without the text.
    pub(super) fn shrink_syn(&mut self) {
        let is_with_text =
            self.state == State::SynSent && self.retransmissions == 0 && self.text_in_syn() > 0;
        if is_with_text {
            self.retransmissions = 1;
            self.owed = Owing::Syn;
        }
    }

    /// What an active Fast Open taught; `None` if it was an ordinary open.
    #[must_use]
    pub fn fast_open_outcome(&self) -> Option<FastOpenOutcome> {
        let fast_open = self.fast_open.as_ref().filter(|_| self.opened == Opened::Active)?;
        Some(FastOpenOutcome {
            mss: self.peer.mss,
            asked: fast_open.option.clone(),
            granted: fast_open.granted.clone(),
            sent: fast_open.text,
            acked: fast_open.acked,
            retransmissions: self.retransmissions,
        })
    }

    /// Text of our SYN, bytes.
    pub(super) fn text_in_syn(&self) -> u32 {
        self.fast_open.as_ref().map_or(0, |fast_open| fast_open.text)
    }

    /// SND.NXT.
    pub(super) fn snd_nxt(&self) -> SeqNum {
        self.config.iss + 1 + self.text_in_syn()
    }

    /// The peer acknowledges our SYN, and perhaps its text.
    pub(super) fn note_answer(&mut self, segment: &Segment<'_>) {
        let first = self.config.iss + 1;
        if let Some(fast_open) = &mut self.fast_open {
            fast_open.acked = segment.header.ack.since(first).min(fast_open.text);
            fast_open.granted.clone_from(&segment.header.options.fast_open);
        }
    }
}

impl Tcb {
    /// Of `len` bytes of text that went with the SYN at `sent`, the peer has taken `acked`. RFC 7413, 4.2.2: the others go again at once,
    /// which is no sign of congestion, and as Linux apart from what the program has sent since.
    pub(super) fn settle_text_of_syn(&mut self, sent: Instant, len: u32, acked: u32) {
        if acked > 0 {
            self.events.push(Event::Writable);
        }
        if len <= acked {
            return;
        }
        let end = self.snd.una + (len - acked).min(self.sendq.len() as u32);
        while self.snd.nxt.before(end) {
            let (from, flight) = (self.snd.nxt, self.snd.flight());
            self.snd.nxt += end.since(from).min(self.snd.mss);
            self.recovery.on_sent(sent, from..self.snd.nxt, flight, Marks::default());
        }
        self.recovery.on_path_mss(end, 0);
        self.marks.end_record(end);
    }
}

/// The server.
impl Handshake {
    /// Our SYN-ACK tells the peer a cookie.
    pub fn answer_fast_open(&mut self, option: FastOpen) {
        self.fast_open.get_or_insert_default().option = Some(option);
    }

    /// The SYN had a good cookie: the connection exists, in SYN-RECEIVED, before the handshake is complete, and has the SYN's text.
    #[must_use]
    pub fn into_early_tcb(mut self, now: Instant, sendq: SendQ, recvq: RecvQ, syn: &Segment<'_>) -> Tcb {
        let pending = self.clone();
        self.fast_open = None;
        let mut tcb = self.into_tcb(now, sendq, recvq);
        tcb.recovery.forget_syn();
        arrive::rest_of_syn(&mut tcb, now, syn);
        // The window grows with text that comes into it, not with what came before it was offered.
        tcb.tuning = Tuning::new(now, &tcb.config, tcb.snd.mss, tcb.rcv.nxt);
        let mut pending = Box::new(pending);
        // The SYN-ACK acknowledges the text.
        pending.fast_open.get_or_insert_default().taken = tcb.take_text_of_syn();
        tcb.pending = Some(pending);
        tcb
    }

    /// Text of the peer's SYN that was taken, bytes.
    pub(super) fn text_taken(&self) -> u32 {
        self.fast_open.as_ref().map_or(0, |fast_open| fast_open.taken)
    }

    /// The peer's SYN came again: so does our SYN-ACK.
    pub(crate) fn repeat_syn_ack(&mut self) {
        self.owed = Owing::Syn;
    }

    /// `<SEQ=SEG.ACK><CTL=RST>` for an ACK of something that was never sent.
    pub(crate) fn owe_reset(&mut self, segment_ack: SeqNum) {
        self.owed = Owing::Reset(segment_ack);
    }

    /// Our SYN-ACK is acknowledged. Returns the round trip, if it could be measured.
    pub(crate) fn finish(&mut self, now: Instant, header: &TcpHeader) -> Option<Duration> {
        self.measure(now, header);
        self.state = self.state.after(Cause::AckOfSyn);
        self.rtt
    }
}
