use super::{Congestion, Expiry};

const MSS: u32 = 1000;

/// MUST-19 (RFC 5681, 3.1).
#[test]
fn slow_start_then_congestion_avoidance() {
    let mut congestion = Congestion::new(10 * MSS, MSS);
    for _ in 0..10 {
        congestion.on_ack(MSS, congestion.cwnd());
    }
    assert_eq!(congestion.cwnd(), 20 * MSS);
    congestion.on_ack(5 * MSS, congestion.cwnd());
    assert_eq!(congestion.cwnd(), 21 * MSS, "one segment an ACK at most");
    congestion.on_loss(20 * MSS);
    assert_eq!(congestion.cwnd(), 10 * MSS);
    assert!(!congestion.is_slow_start());
    for _ in 0..9 {
        congestion.on_ack(MSS, congestion.cwnd());
    }
    assert_eq!(congestion.cwnd(), 10 * MSS);
    congestion.on_ack(MSS, congestion.cwnd());
    assert_eq!(congestion.cwnd(), 11 * MSS, "one segment a round trip");
}

#[test]
fn unused_window_does_not_grow() {
    let mut congestion = Congestion::new(10 * MSS, MSS);
    congestion.on_ack(MSS, MSS);
    assert_eq!(congestion.cwnd(), 10 * MSS);
    congestion.on_loss(20 * MSS);
    for _ in 0..100 {
        congestion.on_ack(MSS, 2 * MSS);
    }
    assert_eq!(congestion.cwnd(), 10 * MSS);
}

/// RFC 5681, 3.1: only the first expiry sets ssthresh, and cwnd becomes one segment.
#[test]
fn timeout_collapses_the_window() {
    let mut congestion = Congestion::new(10 * MSS, MSS);
    congestion.on_timeout(8 * MSS, Expiry::First);
    assert_eq!(congestion.cwnd(), MSS);
    congestion.on_timeout(MSS, Expiry::Repeated);
    for _ in 0..3 {
        assert!(congestion.is_slow_start());
        congestion.on_ack(MSS, congestion.cwnd());
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
    congestion.on_loss(0);
    assert_eq!(congestion.cwnd(), 2 * MSS);
    congestion.on_recovered(0);
    assert_eq!(congestion.cwnd(), 2 * MSS);
}
