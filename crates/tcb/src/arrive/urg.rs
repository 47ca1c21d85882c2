//! Sixth step: URG.

use sockeye_wire::Flags;

use super::sequence::InWindow;
use crate::{Event, State, Tcb};

/// MUST-66 (3.8.6.1): also when the window is zero. The urgent byte stays in its place in RecvQ; the program's side reads it apart,
/// or in line (SO_OOBINLINE, as RFC 6093 recommends).
pub(super) fn process(tcb: &mut Tcb, segment: &InWindow<'_>) {
    let is_urgent = segment.has(Flags::URG);
    if !is_urgent || !matches!(tcb.state, State::Established | State::FinWait1 | State::FinWait2) {
        return;
    }
    // MUST-62 (3.8.5): the pointer names the octet after the urgent text; its last octet is the urgent byte (RFC 6093, section 5).
    let up = segment.header().seq + u32::from(segment.header().urgent) + u32::from(tcb.config.stdurg);
    // RCV.UP is pulled along by RCV.NXT.
    let current = if tcb.rcv.up.before(tcb.rcv.nxt) { tcb.rcv.nxt } else { tcb.rcv.up };
    if up.after(current) {
        tcb.rcv.up = up;
        // MUST-31, MUST-32 (3.8.5): text before it, however much, is not what the peer is at.
        tcb.recvq.mark_urgent((up - 1).since(tcb.rcv.nxt) as usize);
        tcb.events.push(Event::Urgent);
    }
}
