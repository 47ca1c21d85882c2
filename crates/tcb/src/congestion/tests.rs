use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::{AckSample, Congestion, Expiry};
use crate::Phase;

const MSS: u32 = 1000;
const NOW: Instant = Instant::ZERO;

/// An ACK of `acked` bytes of `flight`.
fn ack(acked: u32, flight: u32) -> AckSample {
    AckSample {
        now: NOW,
        acked,
        delivered: acked,
        flight_before: flight,
        flight: flight - acked,
        lost: 0,
        una: SeqNum(acked),
        nxt: SeqNum(flight),
        rtt: None,
        min_rtt: None,
        is_app_limited: false,
        is_cwnd_limited: true,
        ece: false,
        rate: None,
        phase: Phase::Open,
    }
}

/// MUST-19 (RFC 5681, 3.1).
#[test]
fn slow_start_then_congestion_avoidance() {
    let mut congestion = Congestion::new(10 * MSS, MSS);
    for _ in 0..10 {
        congestion.on_ack(&ack(MSS, congestion.cwnd()));
    }
    assert_eq!(congestion.cwnd(), 20 * MSS);
    congestion.on_ack(&ack(5 * MSS, congestion.cwnd()));
    assert_eq!(congestion.cwnd(), 21 * MSS, "one segment an ACK at most");
    congestion.on_loss_detected(NOW, 20 * MSS);
    assert_eq!(congestion.cwnd(), 10 * MSS);
    assert!(!congestion.is_slow_start());
    for _ in 0..9 {
        congestion.on_ack(&ack(MSS, congestion.cwnd()));
    }
    assert_eq!(congestion.cwnd(), 10 * MSS);
    congestion.on_ack(&ack(MSS, congestion.cwnd()));
    assert_eq!(congestion.cwnd(), 11 * MSS, "one segment a round trip");
}

#[test]
fn unused_window_does_not_grow() {
    let mut congestion = Congestion::new(10 * MSS, MSS);
    congestion.on_ack(&ack(MSS, MSS));
    assert_eq!(congestion.cwnd(), 10 * MSS);
    congestion.on_loss_detected(NOW, 20 * MSS);
    for _ in 0..100 {
        congestion.on_ack(&ack(MSS, 2 * MSS));
    }
    assert_eq!(congestion.cwnd(), 10 * MSS);
}

/// RFC 5681, 3.1: only the first expiry sets ssthresh, and cwnd becomes one segment.
#[test]
fn timeout_collapses_the_window() {
    let mut congestion = Congestion::new(10 * MSS, MSS);
    congestion.on_timeout(NOW, 8 * MSS, Expiry::First);
    assert_eq!(congestion.cwnd(), MSS);
    congestion.on_timeout(NOW, MSS, Expiry::Repeated);
    for _ in 0..3 {
        assert!(congestion.is_slow_start());
        congestion.on_ack(&ack(MSS, congestion.cwnd()));
    }
    assert_eq!(congestion.cwnd(), 4 * MSS);
    assert!(!congestion.is_slow_start());
}

#[test]
fn one_segment_always_has_room() {
    let congestion = Congestion::new(MSS, MSS);
    assert!(congestion.has_room(0, 64 * MSS));
    assert!(!congestion.has_room(1, MSS));
}

#[test]
fn ssthresh_has_a_floor() {
    let mut congestion = Congestion::new(10 * MSS, MSS);
    congestion.on_loss_detected(NOW, 0);
    assert_eq!(congestion.cwnd(), 2 * MSS);
    congestion.on_recovered(NOW, 0);
    assert_eq!(congestion.cwnd(), 2 * MSS);
}
