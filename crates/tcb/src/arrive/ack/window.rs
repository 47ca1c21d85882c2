//! The window update.

use super::super::sequence::InWindow;
use crate::Tcb;

/// SEG.WND, in bytes. MUST-1, REC-1 (3.1): unsigned, and kept in 32 bits.
pub(super) fn of(tcb: &Tcb, segment: &InWindow<'_>) -> u32 {
    u32::from(segment.header().window) << tcb.snd.shift
}

/// 3.10.7.4: SND.WL1 and SND.WL2 keep old segments from updating the window.
pub(super) fn update(tcb: &mut Tcb, segment: &InWindow<'_>) {
    let (seq, ack) = (segment.header().seq, segment.header().ack);
    let is_newer = tcb.snd.wl1.before(seq) || (tcb.snd.wl1 == seq && !ack.before(tcb.snd.wl2));
    if !is_newer {
        return;
    }
    let window = of(tcb, segment);
    if (tcb.snd.wnd == 0) != (window == 0) {
        tcb.stop_persist();
    }
    // MUST-34 (3.8.6): the right edge may have moved left; SND.NXT may then lie beyond it.
    tcb.snd.wnd = window;
    tcb.snd.wl1 = seq;
    tcb.snd.wl2 = ack;
    tcb.snd.max_wnd = tcb.snd.max_wnd.max(window);
}
