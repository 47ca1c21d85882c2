//! The only exit for segments: what is owed, most urgent first.

use sockeye_clock::Instant;
use sockeye_wire::{Ecn, Flags, Options, SeqNum, TcpHeader};

use crate::recovery::Urgency;
use crate::tcb::{Fin, Timing};
use crate::timers::Timer;
use crate::{State, Tcb, Transmit};

/// The next segment that is owed.
pub(crate) fn poll(tcb: &mut Tcb, now: Instant) -> Option<Transmit> {
    if core::mem::take(&mut tcb.owed.reset) {
        return Some(reset(tcb));
    }
    if tcb.state == State::Closed {
        return None;
    }
    if let Some(segment) = tcb.pending.as_mut().and_then(|handshake| handshake.poll_transmit(now)) {
        return Some(segment);
    }
    if tcb.owed.duplicates > 0 {
        tcb.owed.duplicates -= 1;
        return Some(duplicate_ack(tcb, now));
    }
    if let Some(segment) = lost_text(tcb, now).or_else(|| new_text(tcb, now)) {
        return Some(segment);
    }
    tcb.note_usage(now);
    if core::mem::take(&mut tcb.owed.probe) {
        return Some(probe(tcb, now));
    }
    if tcb.acks.is_due_now() {
        return Some(ack(tcb, now));
    }
    tcb.note_limit(now);
    tcb.arm_persist(now);
    tcb.arm_user_timer(now);
    // What is read meanwhile may open the window.
    tcb.arm_doorbell().then(|| ack(tcb, now))
}

/// A cut of the send sequence space that becomes a segment.
#[derive(Clone, Copy, Debug)]
struct Cut {
    from: SeqNum,
    text: u32,
    fin: bool,
}

impl Cut {
    /// Sequence numbers it takes up.
    fn len(self) -> u32 {
        self.text + u32::from(self.fin)
    }
}

/// What is lost, as far as the window and cwnd allow.
fn lost_text(tcb: &mut Tcb, now: Instant) -> Option<Transmit> {
    let (from, to, urgency) = tcb.recovery.lost()?;
    // SHLD-16 (3.8.6): not beyond a right edge that has moved left.
    let edge = tcb.snd.edge();
    let to = if to.after(edge) { edge } else { to };
    if !from.before(to) {
        return None;
    }
    let text_end = tcb.snd.una + tcb.text_held() as u32;
    let text = if from.before(text_end) { text_end.since(from).min(to.since(from)) } else { 0 };
    let text = tcb.marks.cut(from, text.min(tcb.text_room()));
    let fin = tcb.snd.fin == Fin::Sent && from + text == text_end && to.after(text_end);
    let cut = Cut { from, text, fin };
    let pipe = tcb.recovery.pipe(tcb.snd.flight(), tcb.snd.mss);
    if urgency == Urgency::WhenCwndAllows && !tcb.congestion.has_room(pipe, cut.len()) {
        return None;
    }
    if !tcb.may_leave(now) {
        return None;
    }
    tcb.congestion.on_sent(now, cut.text);
    tcb.recovery.on_retransmit(cut.len());
    tcb.counters.on_retransmitted(cut.text);
    // MUST-18 (3.8.1), Karn: the next ACK is ambiguous.
    tcb.timing = None;
    Some(segment(tcb, now, cut))
}

/// Text never sent, and the FIN, as far as the window, cwnd and good sense allow.
fn new_text(tcb: &mut Tcb, now: Instant) -> Option<Transmit> {
    if tcb.recovery.has_lost() {
        return None;
    }
    let cut = next_cut(tcb)?;
    tcb.restart_if_idle(now);
    let pipe = tcb.recovery.pipe(tcb.snd.flight(), tcb.snd.mss);
    if cut.text > 0 && !(tcb.congestion.has_room(pipe, cut.text) && tcb.may_leave(now)) {
        return None;
    }
    if core::mem::take(&mut tcb.owed.silly) {
        tcb.marks.on_override();
    }
    tcb.snd.nxt += cut.len();
    if cut.fin {
        tcb.snd.fin = Fin::Sent;
    }
    if cut.text > 0 {
        if cut.text < tcb.segment_size() {
            tcb.snd.small = tcb.snd.nxt;
        }
        tcb.snd.last_sent = now;
        tcb.congestion.on_sent(now, cut.text);
        tcb.acks.on_text_sent(now);
    }
    if tcb.timing.is_none() {
        tcb.timing = Some(Timing { end: tcb.snd.nxt, sent: now });
    }
    Some(segment(tcb, now, cut))
}

fn next_cut(tcb: &Tcb) -> Option<Cut> {
    let unsent = tcb.unsent();
    if unsent == 0 && tcb.snd.fin != Fin::Queued {
        return None;
    }
    let (edge, from) = (tcb.snd.edge(), tcb.snd.nxt);
    // SHLD-15 (3.8.6): nothing new into a window that shrank.
    let usable = if edge.after(from) { edge.since(from) } else { return None };
    // SHLD-28 (3.9.1.2): as large as may be.
    let text = u32::try_from(unsent).unwrap_or(u32::MAX).min(usable).min(tcb.segment_size());
    let text = tcb.marks.cut(from, text);
    let fin = tcb.snd.fin == Fin::Queued && text as usize == unsent && usable > text;
    let is_sent = fin || tcb.owed.silly || (text > 0 && tcb.is_worth_sending(text));
    is_sent.then_some(Cut { from, text, fin })
}

fn segment(tcb: &mut Tcb, now: Instant, cut: Cut) -> Transmit {
    // RFC 6298, 5.1; the timer that waits for the window gives way.
    if !tcb.timers.is_set(Timer::Retransmit) {
        tcb.timers.set(Timer::Retransmit, now + tcb.rtt.rto().get());
    }
    let offset = cut.from.since(tcb.snd.una) as usize;
    let mut flags = Flags::ACK;
    flags.set(Flags::FIN, cut.fin);
    flags.set(Flags::PSH, cut.text > 0 && tcb.take_push(cut.from + cut.text));
    let window = tcb.offer_window();
    Transmit {
        header: acknowledging(tcb, now, cut.from, flags, window),
        text_offset: offset,
        text_len: cut.text as usize,
        ecn: Ecn::NotEct,
    }
}

/// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
fn ack(tcb: &mut Tcb, now: Instant) -> Transmit {
    let window = tcb.offer_window();
    let seq = tcb.snd.nxt;
    Transmit::without_text(acknowledging(tcb, now, seq, Flags::ACK, window))
}

/// An ACK of less than there is.
pub(crate) fn earlier_ack(tcb: &mut Tcb, now: Instant, ack: SeqNum) -> Transmit {
    let window = tcb.last_window();
    let seq = tcb.snd.nxt;
    Transmit::without_text(TcpHeader { ack, ..header(tcb, now, seq, Flags::ACK, window) })
}

/// An ACK that the peer counts: it has no text, and the window is the last one, whatever the program has read meanwhile (RFC 5681,
/// section 2).
fn duplicate_ack(tcb: &mut Tcb, now: Instant) -> Transmit {
    let window = tcb.last_window();
    let seq = tcb.snd.nxt;
    Transmit::without_text(acknowledging(tcb, now, seq, Flags::ACK, window))
}

/// As Linux: no data, and a sequence number that the peer has acknowledged, so that it must answer. Its ACK field is not read
/// by a peer that finds it outside the window, so an ACK that is owed stays owed.
fn probe(tcb: &mut Tcb, now: Instant) -> Transmit {
    let window = tcb.offer_window();
    let seq = tcb.snd.una - 1;
    Transmit::without_text(header(tcb, now, seq, Flags::ACK, window))
}

/// ABORT, and give-ups: `<SEQ=SND.NXT><CTL=RST>` with an ACK as Linux.
fn reset(tcb: &Tcb) -> Transmit {
    Transmit::without_text(TcpHeader {
        src_port: tcb.config.local_port,
        dst_port: tcb.config.remote_port,
        seq: tcb.snd.nxt,
        ack: tcb.rcv.nxt,
        flags: Flags::RST | Flags::ACK,
        ..TcpHeader::default()
    })
}

/// A header that acknowledges all there is: no other ACK is owed after it (MUST-58 and MUST-59, 3.8.6.3).
fn acknowledging(tcb: &mut Tcb, now: Instant, seq: SeqNum, flags: Flags, window: u16) -> TcpHeader {
    tcb.acks.on_ack_sent();
    tcb.timers.stop(Timer::DelayedAck);
    tcb.rcv.last_ack = tcb.rcv.nxt;
    header(tcb, now, seq, flags, window)
}

fn header(tcb: &mut Tcb, now: Instant, seq: SeqNum, flags: Flags, window: u16) -> TcpHeader {
    TcpHeader {
        src_port: tcb.config.local_port,
        dst_port: tcb.config.remote_port,
        seq,
        ack: tcb.rcv.nxt,
        flags,
        window,
        urgent: 0,
        options: Options {
            timestamps: tcb.timestamps.map(|recent| recent.option(now, tcb.config.timestamp_offset)),
            sack: tcb.sack.take_blocks(&tcb.rcv, &tcb.recvq),
            ..Options::default()
        },
    }
}
