//! Fourth step: SYN.

use sockeye_clock::Instant;
use sockeye_wire::Flags;

use super::sequence::{InWindow, challenge};
use crate::{Discard, Tcb};

/// RFC 5961, section 4: a SYN on a synchronized connection is answered with where we stand. A peer that has restarted resets us
/// then.
pub(super) fn check(tcb: &mut Tcb, now: Instant, segment: &InWindow<'_>) -> Result<(), Discard> {
    if segment.has(Flags::SYN) {
        challenge(tcb, now);
        return Err(Discard::Syn);
    }
    Ok(())
}
