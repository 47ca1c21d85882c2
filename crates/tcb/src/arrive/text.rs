//! Seventh step: the segment text.

use sockeye_clock::Instant;
use sockeye_wire::Flags;

use super::sequence::InWindow;
use crate::delayed_ack::{Arrival, Push};
use crate::tcb::Holder;
use crate::timers::Timer;
use crate::{Discard, Event, Reason, Strain, Tcb};

/// Text goes to its place in RecvQ, out of order too (SHLD-31, 3.8.6.3).
pub(super) fn process(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) -> Result<(), Discard> {
    // Nothing comes after a FIN.
    let len = match tcb.rcv.fin {
        Some(fin) => {
            let start = tcb.rcv.nxt + segment.offset();
            if start.before(fin) { segment.text().len().min(fin.since(start) as usize) } else { 0 }
        }
        None => segment.text().len(),
    };
    if len == 0 {
        return Ok(());
    }
    if !tcb.state.can_receive() {
        // 3.10.7.4: "This should not occur […]. Ignore the segment text."
        return Err(Discard::UnexpectedText);
    }
    if tcb.is_deaf() {
        // MAY-1, SHLD-3 (3.6.1): text that nobody can read is lost, and the peer is told, as if the TCB were gone already.
        tcb.owed.reset = true;
        tcb.owed.reset_seq = Some(segment.header().ack);
        let is_orphan = tcb.holder == Holder::Nobody;
        tcb.delete(Event::Aborted(if is_orphan { Reason::UserAbort } else { Reason::Reset }));
        return Err(Discard::Orphan);
    }
    if tcb.memory.strain == Strain::Pressed {
        tcb.find_room(now, segment.offset() as usize, len)?;
    }
    place(tcb, now, segment, len);
    Ok(())
}

fn place(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>, len: usize) {
    let had_gaps = tcb.recvq.has_out_of_order();
    let (seq, start) = (tcb.rcv.nxt + segment.offset(), segment.offset() as usize);
    if had_gaps && let Some(again) = tcb.recvq.first_held(&(start..start + len)) {
        tcb.sack.on_duplicate(tcb.rcv.nxt + again.start as u32, tcb.rcv.nxt + again.end as u32);
    }
    let moved = tcb.recvq.place(start, &segment.text().slice(0, len));
    if moved == 0 {
        let is_known_block = tcb.sack.on_out_of_order(seq, &tcb.rcv, &tcb.recvq);
        // MAY-13 (3.8.6.3): the ACK says at once what is expected.
        if segment.offset() > 0 {
            tcb.counters.out_of_order = tcb.counters.out_of_order.wrapping_add(1);
            tcb.acknowledge_out_of_order(now, is_known_block);
        } else {
            tcb.acks.owe_now();
        }
        return;
    }
    tcb.rcv.advance(moved as u32);
    if tcb.rcv.up.before(tcb.rcv.nxt) {
        // RCV.UP is pulled along: left behind, it would lie ahead when the numbers have gone half way round.
        tcb.rcv.up = tcb.rcv.nxt;
    }
    tcb.sack.on_in_order(tcb.rcv.nxt);
    tcb.counters.bytes_received += moved as u64;
    tcb.events.push(Event::Readable);
    tcb.tune_receive(now, len as u32, segment.header().options.timestamps.map(|stamps| stamps.echo));
    // Duplicate ACKs not sent yet would tell of the past.
    tcb.owed.duplicates = 0;
    tcb.compressed_acks.on_in_order();
    if had_gaps || moved < len {
        // RFC 5681, 4.2: an ACK at once when a gap closes; also when text found no room, as a probe expects.
        tcb.acks.owe_now();
        return;
    }
    let push = if segment.has(Flags::PSH) { Push::Set } else { Push::Clear };
    let (window, rto) = (tcb.rcv.wnd(), tcb.rtt.rto().get());
    if tcb.acks.on_text(now, Arrival { len: len as u32, moved: moved as u32, push, window, rto }) {
        tcb.timers.set(Timer::DelayedAck, now + tcb.acks.delay(tcb.rtt.srtt()));
    }
}
