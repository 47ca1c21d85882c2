//! Reno (RFC 5681).

use super::window::Window;

/// MUST-19 (3.8.2): slow start and congestion avoidance.
pub(crate) fn grow(window: &mut Window, acked: u32) {
    let left = if window.is_slow_start() { window.slow_start(acked) } else { acked };
    if left > 0 {
        // RFC 5681, 3.1: one segment for each window acknowledged.
        let per = window.segments();
        window.avoid(left, per);
    }
}

/// RFC 5681, equation 4, from cwnd as Linux: it is not much more than FlightSize, because a cwnd that is not used does not grow.
pub(crate) fn after_loss(window: &Window) -> u32 {
    window.segments() / 2
}
