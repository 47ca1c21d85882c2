//! Sixth step: URG.

use sockeye_wire::Flags;

use super::sequence::InWindow;
use crate::{State, Tcb};

/// MUST-66 (3.8.6.1): also when the window is zero. Urgent text stays in line with other text, as RFC 6093 recommends.
pub(super) fn process(tcb: &mut Tcb, segment: &InWindow<'_>) {
    let is_urgent = segment.has(Flags::URG);
    if !is_urgent || !matches!(tcb.state, State::Established | State::FinWait1 | State::FinWait2) {
        return;
    }
    // MUST-62 (3.8.5): the pointer names the octet after the urgent text.
    let up = segment.header().seq + u32::from(segment.header().urgent);
    // RCV.UP is pulled along by RCV.NXT.
    let current = if tcb.rcv.up.before(tcb.rcv.nxt) { tcb.rcv.nxt } else { tcb.rcv.up };
    if up.after(current) {
        tcb.rcv.up = up;
    }
}
