//! What is acknowledged leaves SendQ.

use sockeye_clock::Instant;

use super::super::sequence::InWindow;
use crate::recovery::News;
use crate::state::Cause;
use crate::tcb::Fin;
use crate::timers::Timer;
use crate::{Event, State, Tcb};

/// SND.UNA moves.
pub(super) fn process(tcb: &mut Tcb, segment: &InWindow<'_>, news: &mut News) {
    let ack = segment.header().ack;
    news.acked = ack.since(tcb.snd.una);
    if news.acked == 0 {
        return;
    }
    let text = (news.acked as usize).min(tcb.text_held());
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
