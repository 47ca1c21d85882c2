//! What is acknowledged leaves SendQ.

use sockeye_clock::Instant;

use super::super::sequence::InWindow;
use crate::state::Cause;
use crate::tcb::Fin;
use crate::timers::Timer;
use crate::{Event, State, Tcb};

/// SND.UNA moves. Returns by how much.
pub(super) fn process(tcb: &mut Tcb, segment: &InWindow<'_>) -> u32 {
    let ack = segment.header().ack;
    let acked = ack.since(tcb.snd.una);
    if acked == 0 {
        return 0;
    }
    let text = (acked as usize).min(tcb.text_held());
    if text > 0 {
        tcb.sendq.release(text);
        tcb.counters.bytes_acked += text as u64;
        tcb.events.push(Event::Writable);
    }
    tcb.snd.una = ack;
    // Or its number would be outstanding again four gibibytes on.
    if tcb.snd.small.before(ack) {
        tcb.snd.small = ack;
    }
    tcb.snd.retransmissions = 0;
    tcb.on_path_works();
    tcb.timers.stop(Timer::User);
    acked
}

/// What the FIN took up is left when all text is gone.
pub(super) fn process_ack_of_fin(tcb: &mut Tcb, now: Instant) {
    tcb.snd.fin = Fin::Acknowledged;
    tcb.state = tcb.state.after(Cause::AckOfFin);
    tcb.events.push(Event::Drained);
    match tcb.state {
        State::FinWait2 => tcb.bound_fin_wait_2(now),
        State::TimeWait => tcb.enter_time_wait(),
        State::Closed => tcb.delete(Event::Closed),
        State::Listen
        | State::SynSent
        | State::SynReceived
        | State::Established
        | State::FinWait1
        | State::CloseWait
        | State::Closing
        | State::LastAck => {}
    }
}
