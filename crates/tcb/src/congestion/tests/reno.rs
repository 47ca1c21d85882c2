use super::*;
use crate::congestion::Expiry;

/// Those that a loss makes smaller.
const BY_LOSS: [CongestionControl; 3] =
    [CongestionControl::Reno, CongestionControl::Cubic, CongestionControl::Dctcp];

/// MUST-19 (RFC 5681, 3.1): slow start doubles cwnd in a round trip, congestion avoidance adds a segment.
#[test]
fn slow_start_then_congestion_avoidance() {
    let mut flow = Flow::new(CongestionControl::Reno);
    for _ in 0..10 {
        flow.ack(1);
    }
    assert_eq!(flow.cwnd(), 20);
    flow.ack(5);
    assert_eq!(flow.cwnd(), 25, "bytes are counted, not ACKs (RFC 3465)");
    flow.lose();
    assert_eq!((flow.cwnd(), flow.ssthresh()), (12, 12));
    for _ in 0..11 {
        flow.ack(1);
    }
    assert_eq!(flow.cwnd(), 12);
    flow.ack(1);
    assert_eq!(flow.cwnd(), 13, "one segment a round trip");
}

/// What one ACK gives beyond ssthresh counts for congestion avoidance.
#[test]
fn slow_start_spills_over() {
    let mut flow = Flow::new(CongestionControl::Reno);
    flow.lose();
    assert_eq!(flow.ssthresh(), 5);
    flow.congestion.on_timeout(flow.now, Expiry::First);
    assert_eq!((flow.cwnd(), flow.ssthresh()), (1, 2));
    flow.una = flow.nxt;
    flow.congestion.set_cwnd(MSS);
    flow.fill();
    flow.nxt += 4 * MSS;
    flow.ack(5);
    assert_eq!(flow.cwnd(), 4, "one by slow start, and two for the other four at two segments each");
}

/// RFC 5681, 3.1: only the first expiry sets ssthresh, and cwnd becomes one segment.
#[test]
fn a_timeout_collapses_the_window() {
    let mut flow = Flow::new(CongestionControl::Reno);
    flow.congestion.on_timeout(flow.now, Expiry::First);
    assert_eq!((flow.cwnd(), flow.ssthresh()), (1, 5));
    flow.congestion.on_timeout(flow.now, Expiry::Repeated);
    assert_eq!((flow.cwnd(), flow.ssthresh()), (1, 5));
    flow.una = flow.nxt;
    flow.fill();
    for _ in 0..4 {
        assert!(flow.congestion.is_slow_start());
        flow.ack(1);
    }
    assert!(!flow.congestion.is_slow_start());
}

#[test]
fn one_segment_always_has_room() {
    let congestion = Congestion::new(Instant::ZERO, MSS, MSS, CongestionConfig::new());
    assert!(congestion.has_room(0, 64 * MSS));
    assert!(!congestion.has_room(1, MSS));
}

/// RFC 5681, equation 4.
#[test]
fn ssthresh_has_a_floor() {
    for control in BY_LOSS {
        let mut flow = Flow::new(control);
        for _ in 0..9 {
            flow.congestion.on_loss_detected();
        }
        assert_eq!(flow.ssthresh(), 2, "{control:?}");
    }
}

/// A reduction that was for nothing is taken back.
#[test]
fn undo_restores_both() {
    for control in BY_LOSS {
        let mut flow = Flow::new(control);
        flow.congestion.on_loss_detected();
        assert!(flow.cwnd() < 10, "{control:?}");
        flow.congestion.on_undo();
        assert_eq!((flow.cwnd(), flow.congestion.ssthresh()), (10, u32::MAX), "{control:?}");
        flow.congestion.set_cwnd(MSS);
        flow.congestion.on_undo();
        assert_eq!(flow.cwnd(), 1, "once: {control:?}");
    }
}

/// TCP_CONGESTION on a live connection.
#[test]
fn another_algorithm_goes_on_from_the_same_window() {
    let mut flow = Flow::new(CongestionControl::Cubic);
    flow.lose();
    let before = (flow.cwnd(), flow.ssthresh());
    for control in CongestionControl::ALL {
        flow.congestion.choose(flow.now, control);
        assert_eq!((flow.cwnd(), flow.ssthresh()), before, "{control:?}");
        assert_eq!(flow.congestion.control(), control);
        assert_eq!(CongestionControl::from_name(control.name()), Some(control));
    }
    assert_eq!(CongestionControl::from_name("vegas"), None);
}
