//! The only exit for segments: what is owed, most urgent first.

use sockeye_clock::Instant;
use sockeye_wire::{Ecn, Flags, Options, SeqNum, TcpHeader};

use crate::deferral::Waits;
use crate::path_mtu::MtuProbe;
use crate::recovery::Marks;
use crate::tcb::Fin;
use crate::timers::Timer;
use crate::{State, Tcb, Transmit};

/// The next segment that is owed.
pub(crate) fn poll(tcb: &mut Tcb, now: Instant) -> Option<Transmit> {
    if core::mem::take(&mut tcb.owed.reset) {
        return Some(reset(tcb, now));
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
    if let Some(segment) = text(tcb, now) {
        return Some(segment);
    }
    tcb.note_usage(now);
    tcb.note_app_limited();
    if core::mem::take(&mut tcb.owed.probe) {
        return Some(probe(tcb, now));
    }
    if tcb.acks.is_due_now() || tcb.owed.challenge {
        return Some(ack(tcb, now));
    }
    tcb.account();
    tcb.note_limit(now);
    tcb.tell_sent();
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
    /// It ends what leaves or left together.
    push: bool,
}

impl Cut {
    /// Sequence numbers it takes up.
    fn len(self) -> u32 {
        self.text + u32::from(self.fin)
    }
}

/// A segment with text or our FIN.
fn text(tcb: &mut Tcb, now: Instant) -> Option<Transmit> {
    if tcb.persist.is_blocked {
        note_refusal(tcb);
        return None;
    }
    let has_old = tcb.recovery.has_old_text();
    let old = || tail_probe(tcb, now).or_else(|| lost_text(tcb, now));
    if let Some(segment) = has_old.then(old).flatten().or_else(|| new_text(tcb, now)) {
        return Some(segment);
    }
    tcb.burst.pause();
    // There was no new text for F-RTO: what is lost comes next after all.
    if tcb.stop_waiting_for_new_text() {
        return lost_text(tcb, now);
    }
    None
}

/// As Linux: new text that the host's own queue refuses is a sign of congestion, and the only one that is no loss.
fn note_refusal(tcb: &mut Tcb) {
    let cut = next_cut(tcb, Patience::Sensible);
    if cut.is_some_and(|cut| tcb.congestion.has_room(tcb.pipe(), cut.text)) {
        tcb.enter_cwr();
    }
}

/// The sequence numbers from `from` to `to` as a segment, as far as the window has room.
fn cut_again(tcb: &Tcb, from: SeqNum, to: SeqNum) -> Option<Cut> {
    // SHLD-16 (3.8.6): not beyond a right edge that has moved left.
    let edge = tcb.snd.edge();
    let to = if to.after(edge) { edge } else { to };
    if !from.before(to) {
        return None;
    }
    let text_end = tcb.text_end();
    let text = if from.before(text_end) { text_end.since(from).min(to.since(from)) } else { 0 };
    let fin = tcb.snd.fin == Fin::Sent && from + text == text_end && to.after(text_end);
    Some(Cut { from, text, fin, push: false })
}

/// What is lost, as far as the window and cwnd allow.
fn lost_text(tcb: &mut Tcb, now: Instant) -> Option<Transmit> {
    let (mss, text_end) = (tcb.snd.mss, tcb.text_end());
    let record = tcb.recovery.next_to_send(mss, text_end)?;
    let end = if record.text_len(text_end) > mss { record.start + mss } else { record.end };
    let mut cut = cut_again(tcb, record.start, end)?;
    let pipe = tcb.pipe();
    if !tcb.congestion.has_room(pipe, cut.len()) {
        return None;
    }
    if !tcb.may_leave(now) {
        return None;
    }
    cut.push = tcb.is_burst_end_again(&record, pipe) && cut.len() == record.len();
    tcb.congestion.on_sent(now, cut.text);
    let value = tcb.timestamp_at(now);
    tcb.recovery.on_resent(now, cut.len(), pipe, value);
    tcb.counters.on_retransmitted(cut.text);
    if cut.from == tcb.snd.una {
        tcb.timers.set(Timer::Retransmit, now + tcb.rtt.rto().get());
    }
    Some(segment(tcb, now, cut))
}

/// A probe for the loss of the last segments (RFC 8985, 7.3): new text if there is some, else the last segment again. cwnd does not
/// hold it back.
fn tail_probe(tcb: &mut Tcb, now: Instant) -> Option<Transmit> {
    if !tcb.recovery.is_probe_due() {
        return None;
    }
    if let Some(cut) = next_cut(tcb, Patience::None) {
        let segment = send_new(tcb, now, cut);
        tcb.recovery.on_probe_sent(tcb.snd.nxt, false);
        return Some(segment);
    }
    tcb.recovery.forget_probe();
    let record = tcb.recovery.last_sent()?;
    let start = if record.len() > tcb.snd.mss { record.end - tcb.snd.mss } else { record.start };
    // Half a probe tells nothing: a DSACK would not be known for one of it.
    let cut = cut_again(tcb, start, record.end).filter(|cut| cut.from + cut.len() == record.end)?;
    let pipe = tcb.pipe();
    tcb.congestion.on_sent(now, cut.text);
    tcb.recovery.on_last_resent(now, pipe);
    tcb.recovery.on_probe_sent(tcb.snd.nxt, true);
    tcb.counters.on_retransmitted(cut.text);
    Some(segment(tcb, now, cut))
}

/// Text never sent, and the FIN, as far as the window, cwnd and good sense allow.
fn new_text(tcb: &mut Tcb, now: Instant) -> Option<Transmit> {
    tcb.burst.waits = Waits::No;
    if !has_new(tcb) || tcb.recovery.is_old_text_first() {
        return None;
    }
    let probe = tcb.next_mtu_probe(now);
    let cut = match probe {
        MtuProbe::Send(text) => Cut { from: tcb.snd.nxt, text, fin: false, push: false },
        MtuProbe::Wait => return None,
        MtuProbe::None => next_cut(tcb, Patience::Sensible)?,
    };
    tcb.restart_if_idle(now);
    let is_probe = matches!(probe, MtuProbe::Send(_));
    if cut.text > 0 && !tcb.congestion.has_room(tcb.pipe(), cut.text) {
        return None;
    }
    if !is_probe && cut.text > 0 && tcb.defers_burst(now) {
        return None;
    }
    if cut.text > 0 && !tcb.may_leave(now) {
        return None;
    }
    if is_probe {
        tcb.path.on_probe_sent(cut.from, cut.from + cut.text);
    }
    let segment = send_new(tcb, now, cut);
    tcb.schedule_probe(now);
    Some(segment)
}

fn send_new(tcb: &mut Tcb, now: Instant, mut cut: Cut) -> Transmit {
    let pipe = tcb.pipe();
    if core::mem::take(&mut tcb.owed.silly) {
        tcb.marks.on_override();
    }
    tcb.note_burst(cut.from, cut.text);
    cut.push = tcb.burst.is_pushed_at(cut.from + cut.text);
    let is_end = tcb.burst.is_end(cut.from + cut.text);
    let marks = if is_end { Marks::BURST_END } else { Marks::default() };
    tcb.recovery.on_sent(now, cut.from..cut.from + cut.len(), pipe, marks);
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
    // Only here: a peer that has the text of a retransmission already reads nothing of it, its window neither.
    tcb.offer_window();
    segment(tcb, now, cut)
}

/// Whether text waits until a segment is worth sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// Nagle's algorithm and the avoidance of silly windows.
    Sensible,
    /// What there is is sent.
    None,
}

/// Whether there is text, or a FIN, that was never sent.
fn has_new(tcb: &Tcb) -> bool {
    tcb.snd.fin == Fin::Queued || tcb.unsent() > 0
}

fn next_cut(tcb: &Tcb, patience: Patience) -> Option<Cut> {
    if !has_new(tcb) {
        return None;
    }
    let unsent = tcb.unsent();
    let (usable, from) = (tcb.snd.usable(), tcb.snd.nxt);
    if usable == 0 {
        return None;
    }
    // SHLD-28 (3.9.1.2): as large as may be.
    let text = u32::try_from(unsent).unwrap_or(u32::MAX).min(usable).min(tcb.segment_size());
    let text = tcb.marks.cut(from, text);
    let fin = tcb.snd.fin == Fin::Queued && text as usize == unsent && usable > text;
    let is_impatient = tcb.owed.silly || (patience == Patience::None && text > 0);
    let is_sent = fin || is_impatient || (text > 0 && tcb.is_worth_sending(text));
    is_sent.then_some(Cut { from, text, fin, push: false })
}

fn segment(tcb: &mut Tcb, now: Instant, cut: Cut) -> Transmit {
    // RFC 6298, 5.1; the timer that waits for the window gives way.
    if !tcb.timers.is_set(Timer::Retransmit) {
        tcb.timers.set(Timer::Retransmit, now + tcb.rtt.rto().get());
    }
    let offset = cut.from.since(tcb.snd.una) as usize;
    let mut flags = Flags::ACK;
    flags.set(Flags::FIN, cut.fin);
    let is_pushed = cut.text > 0 && tcb.take_push(cut.from + cut.text);
    flags.set(Flags::PSH, is_pushed || (cut.push && cut.text > 0));
    let window = tcb.last_window();
    // What is sent again may have been cut when there was nothing to tell of gaps: then the next ACK tells of them.
    let is_crowded = cut.text > tcb.text_room();
    let mut header = acknowledging(tcb, now, cut.from, flags, window);
    if is_crowded {
        tcb.acks.owe_now();
    } else {
        tell_gaps(tcb, &mut header);
    }
    Transmit { header, text_offset: offset, text_len: cut.text as usize, ecn: Ecn::NotEct }
}

/// `<SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>`.
fn ack(tcb: &mut Tcb, now: Instant) -> Transmit {
    let window = tcb.offer_window();
    let seq = tcb.snd.nxt;
    let mut header = acknowledging(tcb, now, seq, Flags::ACK, window);
    tell_gaps(tcb, &mut header);
    Transmit::without_text(header)
}

/// An ACK of less than there is.
pub(crate) fn earlier_ack(tcb: &mut Tcb, now: Instant, ack: SeqNum) -> Transmit {
    let window = tcb.last_window();
    let seq = tcb.snd.nxt;
    let mut header = TcpHeader { ack, ..header(tcb, now, seq, Flags::ACK, window) };
    tell_gaps(tcb, &mut header);
    Transmit::without_text(header)
}

/// An ACK that the peer counts: it has no text, and the window is the last one, whatever the program has read meanwhile (RFC 5681,
/// section 2).
fn duplicate_ack(tcb: &mut Tcb, now: Instant) -> Transmit {
    let window = tcb.last_window();
    let seq = tcb.snd.nxt;
    let mut header = acknowledging(tcb, now, seq, Flags::ACK, window);
    tell_gaps(tcb, &mut header);
    Transmit::without_text(header)
}

/// As Linux: no data, and a sequence number that the peer has acknowledged, so that it must answer. Its ACK field is not read
/// by a peer that finds it outside the window, so an ACK that is owed stays owed, and no other window is told than before: the peer
/// would not hear of it, and nothing would tell it again.
fn probe(tcb: &mut Tcb, now: Instant) -> Transmit {
    let window = tcb.last_window();
    let seq = tcb.snd.una - 1;
    let mut header = header(tcb, now, seq, Flags::ACK, window);
    tell_gaps(tcb, &mut header);
    Transmit::without_text(header)
}

/// ABORT, and give-ups: `<SEQ=SND.NXT><CTL=RST>` with an ACK as Linux.
fn reset(tcb: &Tcb, now: Instant) -> Transmit {
    if let Some(seq) = tcb.owed.reset_seq {
        return Transmit::without_text(TcpHeader {
            src_port: tcb.config.local_port,
            dst_port: tcb.config.remote_port,
            seq,
            flags: Flags::RST,
            ..TcpHeader::default()
        });
    }
    Transmit::without_text(TcpHeader {
        src_port: tcb.config.local_port,
        dst_port: tcb.config.remote_port,
        seq: tcb.snd.nxt,
        ack: tcb.rcv.nxt,
        flags: Flags::RST | Flags::ACK,
        // RFC 7323, 3.2: a RST may have them, too.
        options: Options {
            timestamps: tcb.timestamps.map(|recent| recent.option(now, tcb.config.timestamp_offset)),
            ..Options::default()
        },
        ..TcpHeader::default()
    })
}

/// A header that acknowledges all there is: no other ACK is owed after it (MUST-58 and MUST-59, 3.8.6.3).
#[inline]
fn acknowledging(tcb: &mut Tcb, now: Instant, seq: SeqNum, flags: Flags, window: u16) -> TcpHeader {
    tcb.acks.on_ack_sent();
    tcb.owed.challenge = false;
    tcb.timers.stop(Timer::DelayedAck);
    tcb.release_compressed_acks();
    tcb.rcv.last_ack = tcb.rcv.nxt;
    header(tcb, now, seq, flags, window)
}

/// A segment with room for SACK blocks tells them; a duplicate is told once (RFC 2883, section 4).
fn tell_gaps(tcb: &mut Tcb, header: &mut TcpHeader) {
    if tcb.sack.has_any() {
        header.options.sack = tcb.sack.take_blocks(&tcb.rcv, &tcb.recvq);
    }
}

fn header(tcb: &Tcb, now: Instant, seq: SeqNum, mut flags: Flags, window: u16) -> TcpHeader {
    let urgent = tcb.urgent_pointer(seq);
    flags.set(Flags::URG, urgent.is_some());
    TcpHeader {
        src_port: tcb.config.local_port,
        dst_port: tcb.config.remote_port,
        seq,
        ack: tcb.rcv.nxt,
        flags,
        window,
        urgent: urgent.unwrap_or(0),
        options: Options {
            timestamps: tcb.timestamps.map(|recent| recent.option(now, tcb.config.timestamp_offset)),
            ..Options::default()
        },
    }
}
