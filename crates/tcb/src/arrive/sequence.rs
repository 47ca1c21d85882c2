//! First step: the sequence number, and PAWS.

use core::time::Duration;
use sockeye_buffer::Text;
use sockeye_clock::Instant;
use sockeye_wire::{Flags, SeqNum, TcpHeader};

use crate::timestamps::Recent;
use crate::{Discard, Segment, Tcb};

/// A segment of which something lies in the receive window. Only [`check`] makes one.
#[derive(Debug)]
pub(super) struct InWindow<'a> {
    header: &'a TcpHeader,
    /// The text from RCV.NXT on.
    text: Text<'a>,
    /// Distance of the text from RCV.NXT.
    offset: u32,
    /// `SEG.LEN`, of the whole segment.
    len: u32,
    /// The sequence number of its FIN.
    fin: Option<SeqNum>,
}

impl<'a> InWindow<'a> {
    pub(super) const fn header(&self) -> &'a TcpHeader {
        self.header
    }

    pub(super) fn has(&self, flags: Flags) -> bool {
        self.header.flags.contains(flags)
    }

    pub(super) const fn text(&self) -> &Text<'a> {
        &self.text
    }

    pub(super) const fn offset(&self) -> u32 {
        self.offset
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    pub(super) const fn fin(&self) -> Option<SeqNum> {
        self.fin
    }
}

/// Bounds the ACKs that answer segments without text, so that two confused ends do not answer each other for ever (RFC 5961,
/// section 7).
#[derive(Clone, Debug, Default)]
pub(crate) struct ChallengeLimit {
    last: Option<Instant>,
}

impl ChallengeLimit {
    /// Whether one may go out now, `interval` after the last one.
    pub(crate) fn allows(&mut self, now: Instant, interval: Duration) -> bool {
        let allowed = self.last.is_none_or(|last| now.since(last) >= interval);
        if allowed {
            self.last = Some(now);
        }
        allowed
    }
}

/// An ACK that tells a peer, or whoever pretends to be it, where we stand (RFC 5961).
pub(super) fn challenge(tcb: &mut Tcb, now: Instant) {
    if tcb.challenges.allows(now, tcb.config.invalid_rate_limit) {
        tcb.owed.challenge = true;
    }
}

/// Table 6 of RFC 9293, then what RFC 7323 adds.
pub(super) fn check<'a>(tcb: &mut Tcb, now: Instant, segment: &Segment<'a>) -> Result<InWindow<'a>, Discard> {
    check_timestamp(tcb, now, segment)?;
    let (seq, len) = (segment.header.seq, segment.len());
    if !is_acceptable(tcb, seq, len) {
        if !segment.has(Flags::RST) {
            answer_unacceptable(tcb, now, segment);
        }
        return Err(Discard::OutsideWindow);
    }
    let text_seq = segment.text_seq();
    let old = if text_seq.before(tcb.rcv.nxt) { tcb.rcv.nxt.since(text_seq) as usize } else { 0 };
    let old = old.min(segment.text.len());
    if old > 0 && !segment.has(Flags::RST) {
        tcb.sack.on_duplicate(text_seq, text_seq + old as u32);
    }
    let text = segment.text.slice(old, segment.text.len() - old);
    let start = text_seq + old as u32;
    Ok(InWindow {
        header: segment.header,
        text,
        offset: if start.before(tcb.rcv.nxt) { 0 } else { start.since(tcb.rcv.nxt) },
        len,
        fin: segment.has(Flags::FIN).then(|| segment.end() - 1),
    })
}

fn is_acceptable(tcb: &Tcb, seq: SeqNum, len: u32) -> bool {
    let (nxt, edge) = (tcb.rcv.nxt, tcb.rcv.reach);
    if len == 0 {
        // A peer that has filled the window sends its ACKs from the edge; they may overtake the text (as Linux).
        return !seq.before(nxt) && !seq.after(edge);
    }
    // MUST-66 (3.8.6.1): at a zero window too a segment at RCV.NXT has its ACK, RST and URG processed; its text has no room.
    seq == nxt || (seq.before(edge) && (seq + len).after(nxt))
}

fn answer_unacceptable(tcb: &mut Tcb, now: Instant, segment: &Segment<'_>) {
    if segment.len() == 0 || segment.has(Flags::SYN) {
        challenge(tcb, now);
    } else {
        // It takes up sequence space, so it makes no loop: the ACK of it may have been lost.
        tcb.acks.owe_now();
        if segment.header.seq.before(tcb.rcv.nxt) {
            tcb.acks.enter_quick_mode(tcb.rcv.wnd());
        }
        let (seq, end) = (segment.header.seq, segment.end());
        let nxt = tcb.rcv.nxt;
        tcb.sack.on_duplicate(seq, if end.after(nxt) { nxt } else { end });
    }
}

/// R1 of RFC 7323, 5.3.
fn check_timestamp(tcb: &mut Tcb, now: Instant, segment: &Segment<'_>) -> Result<(), Discard> {
    let Some(recent) = tcb.timestamps else { return Ok(()) };
    if segment.has(Flags::RST) {
        return Ok(());
    }
    match segment.header.options.timestamps {
        // RFC 7323, 3.2: SHOULD be dropped, MUST NOT end the connection. Accepted, as Linux does: middleboxes strip options.
        None => Ok(()),
        Some(stamps)
            if recent.is_newer_than(now, stamps.value) && !is_late_ack(tcb, segment, stamps.value) =>
        {
            answer_unacceptable(tcb, now, segment);
            Err(Discard::OldTimestamp)
        }
        Some(_) => Ok(()),
    }
}

/// A pure ACK that others have overtaken says nothing wrong. It may be the first to tell of a loss (as Linux).
fn is_late_ack(tcb: &Tcb, segment: &Segment<'_>, value: u32) -> bool {
    let header = segment.header;
    let is_pure = segment.len() == 0 && header.flags.contains(Flags::ACK) && header.seq == tcb.rcv.nxt;
    let tells_nothing = header.ack == tcb.snd.una && u32::from(header.window) << tcb.snd.shift == tcb.snd.wnd;
    let tolerance = tcb.rtt.rto().get() * 6 / 5;
    is_pure && tells_nothing && tcb.timestamps.is_some_and(|recent| recent.is_at_most(tolerance, value))
}

/// Rule (2) of RFC 7323, 4.3, R3 of 5.3: only a segment that spans Last.ACK.sent says what to echo.
pub(super) fn update_timestamp(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) {
    let (Some(recent), Some(stamps)) = (tcb.timestamps, segment.header().options.timestamps) else { return };
    let is_spanning = !segment.header().seq.after(tcb.rcv.last_ack);
    if is_spanning && !segment.has(Flags::RST) && !recent.is_newer_than(now, stamps.value) {
        tcb.timestamps = Some(Recent::new(now, stamps.value));
    }
}
