//! Second step: RST.

use sockeye_clock::Instant;
use sockeye_wire::Flags;

use super::sequence::{InWindow, challenge};
use crate::{Discard, Event, Reason, State, Tcb};

/// RFC 5961, section 3: only a RST that hits RCV.NXT is obeyed; another one in the window may be forged.
pub(super) fn check(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) -> Result<(), Discard> {
    if !segment.has(Flags::RST) {
        return Ok(());
    }
    if tcb.state == State::TimeWait {
        return Err(Discard::ResetInTimeWait);
    }
    if segment.header().seq != tcb.rcv.nxt {
        challenge(tcb, now);
        return Err(Discard::ResetNotExact);
    }
    // MUST-12 (3.6): the user is told.
    tcb.delete(Event::Aborted(Reason::Reset));
    Err(Discard::Reset)
}
