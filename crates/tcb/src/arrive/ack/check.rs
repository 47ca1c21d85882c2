//! Whether an ACK may be believed, and what it can be.

use sockeye_clock::Instant;
use sockeye_wire::Flags;

use super::super::sequence::{InWindow, challenge};
use crate::{Discard, Tcb, pending};

/// Whether others have overtaken an ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// It is the newest.
    Current,
    /// It acknowledges less than one that came before.
    Old,
}

pub(super) fn check(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) -> Result<Age, Discard> {
    if !segment.has(Flags::ACK) {
        return Err(Discard::NoAck);
    }
    pending::check_ack(tcb, now, segment.header())?;
    let ack = segment.header().ack;
    if ack.after(tcb.snd.nxt) {
        // 3.10.7.4: "send an ACK, drop the segment, and return".
        challenge(tcb, now);
        return Err(Discard::AckOfUnsent);
    }
    // RFC 5961, section 5: older than SND.UNA - MAX.SND.WND was never in flight with this segment.
    if ack.before(tcb.snd.una - tcb.snd.max_wnd) {
        challenge(tcb, now);
        return Err(Discard::OldAck);
    }
    Ok(if ack.before(tcb.snd.una) { Age::Old } else { Age::Current })
}

/// RFC 5681, section 2.
pub(super) fn is_duplicate(tcb: &Tcb, segment: &InWindow<'_>) -> bool {
    segment.header().ack == tcb.snd.una
        && tcb.snd.flight() > 0
        && segment.len() == 0
        && super::window::of(tcb, segment) == tcb.snd.wnd
}
