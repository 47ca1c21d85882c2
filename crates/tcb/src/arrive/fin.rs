//! Eighth step: FIN.

use sockeye_wire::SeqNum;

use super::sequence::InWindow;
use crate::state::Cause;
use crate::{Event, State, Tcb};

/// The FIN counts when all text before it has come. One that overtook text is remembered.
pub(super) fn process(tcb: &mut Tcb, segment: &InWindow<'_>) {
    if tcb.rcv.fin.is_none() {
        let Some(fin) = segment.fin() else { return };
        // 3.10.7.4, first step: what lies beyond the window is not looked at; a FIN may stand at its edge.
        if !tcb.state.can_receive() || fin.after(tcb.rcv.reach) || has_text_beyond(tcb, fin) {
            return;
        }
        tcb.rcv.fin = Some(fin);
    }
    if tcb.rcv.fin == Some(tcb.rcv.nxt) {
        take(tcb);
    } else if segment.fin().is_some() && tcb.owed.duplicates == 0 {
        tcb.owed.duplicates = 1;
    }
}

/// Whether the peer contradicts itself: then the FIN is not believed.
fn has_text_beyond(tcb: &Tcb, fin: SeqNum) -> bool {
    let end = tcb.recvq.out_of_order_end();
    fin.before(tcb.rcv.nxt) || end.is_some_and(|end| (tcb.rcv.nxt + end as u32).after(fin))
}

/// 3.10.7.4, eighth step: "advance RCV.NXT over the FIN, and send an acknowledgment for the FIN".
fn take(tcb: &mut Tcb) {
    tcb.rcv.advance(1);
    tcb.recvq.ring_after(None);
    tcb.acks.owe_now();
    tcb.events.push(Event::PeerClosed);
    tcb.state = tcb.state.after(Cause::Fin);
    if tcb.state == State::TimeWait {
        tcb.enter_time_wait();
    }
}
