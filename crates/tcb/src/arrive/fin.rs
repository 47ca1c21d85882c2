//! Eighth step: FIN.

use sockeye_clock::Instant;

use super::sequence::InWindow;
use crate::state::Cause;
use crate::{Event, State, Tcb};

/// The FIN counts when all text before it has come. One that overtook text is remembered.
pub(super) fn process(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) {
    let _ = now;
    if tcb.rcv.fin.is_none() {
        let Some(fin) = segment.fin() else { return };
        let is_beyond = tcb.recvq.out_of_order().any(|range| {
            tcb.rcv.nxt + range.end as u32 != fin && (tcb.rcv.nxt + range.end as u32).after(fin)
        });
        if is_beyond || !tcb.state.can_receive() {
            return;
        }
        tcb.rcv.fin = Some(fin);
    }
    if tcb.rcv.fin != Some(tcb.rcv.nxt) {
        return;
    }
    tcb.rcv.nxt += 1;
    if tcb.rcv.edge.before(tcb.rcv.nxt) {
        tcb.rcv.edge = tcb.rcv.nxt;
    }
    tcb.recvq.ring_after(None);
    tcb.acks.owe_now();
    tcb.events.push(Event::PeerClosed);
    tcb.state = tcb.state.after(Cause::Fin);
    if tcb.state == State::TimeWait {
        tcb.enter_time_wait();
    }
}
