use super::*;
use crate::congestion::cubic::cube_root;

const RTT: Duration = Duration::from_millis(100);

/// RFC 9438, figures 1 and 2, in floating point.
fn w_cubic(t: f64, w_max: f64, cwnd_epoch: f64) -> f64 {
    let k = ((w_max - cwnd_epoch) / 0.4).cbrt();
    0.4 * (t - k).powi(3) + w_max
}

#[test]
fn the_cube_root_is_the_whole_part() {
    for value in [0, 1, 7, 8, 26, 27, 63, 64, 999, 1000, 2_500_000_000, 1 << 62, u64::MAX] {
        let root = u128::from(cube_root(value));
        assert!(root.pow(3) <= u128::from(value), "{value}");
        assert!((root + 1).pow(3) > u128::from(value), "{value}");
    }
}

/// A flow in slow start up to `cwnd` segments, that loses one.
fn after_loss_at(cwnd: u32) -> Flow {
    let config = CongestionConfig { hystart: crate::HyStart::Off, ..CongestionConfig::new() };
    let mut flow = Flow::with(config);
    while flow.cwnd() < cwnd {
        flow.ack_after(1, RTT);
    }
    flow.lose();
    flow
}

/// RFC 9438, 4.2, 4.4 and 4.5: growth follows the curve, concave up to W_max, convex beyond.
#[test]
fn growth_follows_the_curve() {
    let mut flow = after_loss_at(1000);
    let (start, cwnd_epoch) = (flow.now, flow.cwnd());
    assert_eq!(cwnd_epoch, 700, "beta is 0.7 (RFC 9438, 4.6)");
    let mut epoch = None;
    for round in 1..200u32 {
        flow.round(RTT);
        let begun = *epoch.get_or_insert(flow.now);
        if round % 10 != 0 {
            continue;
        }
        let t = flow.now.since(begun).as_secs_f64();
        let reference = w_cubic(t, 1000.0, f64::from(cwnd_epoch));
        let cwnd = f64::from(flow.cwnd());
        assert!((cwnd - reference).abs() <= reference * 0.01 + 2.0, "{cwnd} at {t} s, not {reference}");
    }
    // K = cbrt(300 / 0.4) = 9.09 s.
    assert!(flow.now.since(start) > Duration::from_secs(19));
    assert!(flow.cwnd() > 1300, "convex after the plateau: {}", flow.cwnd());
}

/// RFC 9438, 4.3: where Reno would be faster, alpha = 9/17 of a segment a round trip, and one once cwnd is what it was.
#[test]
fn a_small_window_is_no_slower_than_reno() {
    let rtt = Duration::from_millis(1);
    let mut flow = after_loss_at(20);
    assert_eq!(flow.cwnd(), 14);
    let mut estimate = 14.0;
    for _ in 0..60 {
        flow.round(rtt);
        estimate += if estimate >= 20.0 { 1.0 } else { 9.0 / 17.0 };
    }
    let cwnd = f64::from(flow.cwnd());
    assert!((cwnd - estimate).abs() <= 0.15 * estimate, "{cwnd}, Reno would have {estimate}");
}

/// RFC 9438, 4.7: a flow that shrinks gives up more than it lost.
#[test]
fn fast_convergence_lowers_the_plateau() {
    let mut flow = after_loss_at(1000);
    flow.lose();
    assert_eq!(flow.cwnd(), 490);
    // W_max = 700 * (1 + 0.7) / 2 = 595: K = cbrt((595 - 490) / 0.4) = 6.4 s.
    flow.now += RTT;
    for _ in 0..55 {
        flow.round(RTT);
    }
    let reference = w_cubic(5.5, 595.0, 490.0);
    assert!((f64::from(flow.cwnd()) - reference).abs() < 8.0, "{}, not {reference}", flow.cwnd());
}

/// RFC 9438, 5.8: time in which nothing was sent does not count.
#[test]
fn a_silence_is_left_out_of_the_curve() {
    let config = CongestionConfig {
        hystart: crate::HyStart::Off,
        slow_start_after_idle: false,
        ..CongestionConfig::new()
    };
    let mut flow = Flow::with(config);
    while flow.cwnd() < 1000 {
        flow.ack_after(1, RTT);
    }
    flow.lose();
    for _ in 0..20 {
        flow.round(RTT);
    }
    let before = flow.cwnd();
    let silence = Duration::from_secs(60);
    flow.now += silence;
    flow.congestion.on_restart(flow.now, silence, Duration::from_millis(300));
    flow.round(RTT);
    assert!(flow.cwnd() < before + 20, "{} after {before}", flow.cwnd());
}

/// RFC 9438, 4.8: after a time-out the plateau is where congestion avoidance begins.
#[test]
fn a_timeout_begins_the_curve_anew() {
    let mut flow = after_loss_at(100);
    flow.congestion.on_timeout(flow.now, crate::congestion::Expiry::First);
    assert_eq!((flow.cwnd(), flow.ssthresh()), (1, 49));
    flow.una = flow.nxt;
    flow.fill();
    while flow.congestion.is_slow_start() {
        flow.round(RTT);
    }
    for _ in 0..10 {
        flow.round(RTT);
    }
    // Without a plateau, one segment for each twenty at least (as Linux): 1.05¹¹ times.
    assert!((49..=84).contains(&flow.cwnd()), "{}", flow.cwnd());
}
