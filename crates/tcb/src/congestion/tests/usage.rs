use super::*;

/// RFC 7661: half of cwnd in use lets slow start go on no further than to twice what was sent.
#[test]
fn slow_start_does_not_grow_beyond_twice_what_is_sent() {
    for (sent, cwnd) in [(5, 10), (6, 12), (9, 18), (10, 20)] {
        let mut flow = Flow::new(CongestionControl::Reno);
        flow.una = flow.nxt;
        flow.send_only(sent);
        for left in (0..sent).rev() {
            let sample = flow.sample(1);
            flow.acked(&sample);
            flow.flush(true);
            assert_eq!(flow.nxt.since(flow.una), left * MSS);
        }
        assert_eq!(flow.cwnd(), cwnd, "{sent} sent");
    }
}

#[test]
fn an_unused_window_does_not_grow_in_congestion_avoidance() {
    for control in [CongestionControl::Reno, CongestionControl::Cubic, CongestionControl::Dctcp] {
        let mut flow = Flow::new(control);
        flow.lose();
        let cwnd = flow.cwnd();
        flow.una = flow.nxt;
        for _ in 0..100 {
            flow.send_only(2);
            let sample = flow.sample(2);
            flow.acked(&sample);
            flow.flush(true);
        }
        assert_eq!(flow.cwnd(), cwnd, "{control:?}");
    }
}

/// A flow with cwnd at 80 segments and ssthresh at 40.
fn eighty() -> Flow {
    let mut flow = Flow::new(CongestionControl::Reno);
    for _ in 0..3 {
        flow.round(Duration::from_millis(100));
    }
    flow.lose();
    assert_eq!(flow.ssthresh(), 40);
    flow.congestion.set_cwnd(80 * MSS);
    flow.fill();
    flow
}

/// RFC 5681, 4.1, and tcp_slow_start_after_idle.
#[test]
fn a_silence_takes_the_window_down() {
    let rto = Duration::from_millis(300);
    for (silence, cwnd, ssthresh) in [(300, 80, 40), (301, 40, 60), (601, 20, 60), (9999, 10, 60)] {
        let mut flow = eighty();
        flow.congestion.on_restart(flow.now, Duration::from_millis(silence), rto);
        assert_eq!((flow.cwnd(), flow.ssthresh()), (cwnd, ssthresh), "after {silence} ms");
    }
    let config = CongestionConfig { slow_start_after_idle: false, ..CongestionConfig::new() };
    let mut flow = Flow::with(config);
    flow.round(rto);
    flow.congestion.on_restart(flow.now, Duration::from_secs(60), rto);
    assert_eq!(flow.cwnd(), 20);
}

/// RFC 7661, 4.4: a program that sends little for an RTO loses half of what it does not use.
#[test]
fn a_window_that_is_not_used_is_taken_down() {
    let mut flow = eighty();
    flow.una = flow.nxt;
    for _ in 0..2 {
        flow.now += Duration::from_millis(200);
        flow.send_only(20);
        flow.una = flow.nxt;
    }
    assert_eq!((flow.cwnd(), flow.ssthresh()), (50, 60), "half way to what was used");
}
