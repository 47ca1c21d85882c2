use super::*;
use crate::HyStart;

const RTT: Duration = Duration::from_millis(200);

fn flow(hystart: HyStart) -> Flow {
    Flow::with(CongestionConfig { hystart, ..CongestionConfig::new() })
}

/// ACKs of one segment each, 3 ms apart, each measuring `rtt`.
fn acks(flow: &mut Flow, count: u32, rtt: Duration) {
    for _ in 0..count {
        flow.now += Duration::from_millis(3);
        flow.ack_after(1, rtt);
    }
}

/// A round trip of them.
fn round(flow: &mut Flow, rtt: Duration) {
    let count = flow.nxt.since(flow.una) / MSS;
    acks(flow, count, rtt);
}

/// As Linux: nine round trips that are an eighth longer than the least end slow start at once.
#[test]
fn classic_ends_slow_start_when_the_delay_grows() {
    let mut flow = flow(HyStart::Classic);
    round(&mut flow, RTT);
    assert_eq!(flow.cwnd(), 20);
    // The round that began when cwnd was 16 ends with the 22 segments that were sent by then.
    acks(&mut flow, 12, RTT);
    let longer = RTT * 9 / 8 + Duration::from_millis(1);
    acks(&mut flow, 8, longer);
    assert!(flow.congestion.is_slow_start());
    acks(&mut flow, 1, longer);
    assert_eq!((flow.cwnd(), flow.ssthresh()), (40, 40));
}

/// One short round trip among long ones shows that the path has not grown longer.
#[test]
fn classic_goes_on_when_one_round_trip_is_short() {
    let mut flow = flow(HyStart::Classic);
    round(&mut flow, RTT);
    for rtt in [230, 230, 230, 201, 230, 230, 230, 230, 230, 230, 230] {
        flow.now += Duration::from_millis(3);
        flow.ack_after(1, Duration::from_millis(rtt));
    }
    assert!(flow.congestion.is_slow_start());
}

/// As Linux: the first round begins when cwnd is 16 segments, in the midst of a round trip, not with the first ACK.
#[test]
fn classic_rounds_begin_with_a_window_worth_looking_at() {
    let mut flow = flow(HyStart::Classic);
    // Two segments for each ACK over a slow path: each round trip is longer than the one before.
    let ends = (1..).find(|count| {
        flow.now += RTT;
        flow.ack_after(2, RTT * (*count).min(9));
        !flow.congestion.is_slow_start()
    });
    // cwnd is 16 before the fourth ACK: that round ends with what was out then, after eight samples; the next has nine.
    assert_eq!((ends, flow.ssthresh()), (Some(20), 48));
}

/// As Linux: a train of ACKs as long as half the path.
#[test]
fn classic_ends_slow_start_when_the_train_fills_the_path() {
    let mut flow = flow(HyStart::Classic);
    for _ in 0..3 {
        round(&mut flow, RTT);
    }
    assert_eq!(flow.cwnd(), 80);
    // To the end of the round: the train is the first of another.
    acks(&mut flow, 48, RTT);
    flow.now += RTT;
    let start = flow.now;
    while flow.congestion.is_slow_start() {
        flow.now += Duration::from_micros(1500);
        flow.ack_after(1, RTT);
        assert!(flow.now.since(start) < RTT, "never");
    }
    assert!(flow.now.since(start) > RTT / 2);
    assert!(flow.now.since(start) < RTT / 2 + Duration::from_millis(10));
}

#[test]
fn off_ends_slow_start_only_with_a_loss() {
    let mut flow = flow(HyStart::Off);
    for factor in 1..6 {
        round(&mut flow, RTT * factor);
    }
    assert_eq!(flow.cwnd(), 320);
}

/// RFC 9406, 4.2: after a round that is longer by RttThresh, five rounds at a quarter of the growth, then congestion avoidance.
#[test]
fn plus_plus_goes_through_conservative_slow_start() {
    let mut flow = flow(HyStart::PlusPlus);
    round(&mut flow, RTT);
    assert_eq!(flow.cwnd(), 20);
    let longer = RTT + Duration::from_millis(16);
    round(&mut flow, longer);
    let entry = flow.cwnd();
    assert!((28..=32).contains(&entry), "the eighth sample begins it: {entry}");
    for rounds in 1..5 {
        let before = flow.cwnd();
        round(&mut flow, longer);
        assert!(flow.congestion.is_slow_start(), "{rounds} rounds");
        let grown = flow.cwnd() - before;
        assert!((before / 4 - 1..=before / 4 + 1).contains(&grown), "{grown} of {before}");
    }
    round(&mut flow, longer);
    round(&mut flow, longer);
    assert!(!flow.congestion.is_slow_start());
}

/// RFC 9406, 4.2: a delay that goes away again was not the queue's.
#[test]
fn plus_plus_resumes_slow_start() {
    let mut flow = flow(HyStart::PlusPlus);
    round(&mut flow, RTT);
    round(&mut flow, RTT + Duration::from_millis(20));
    round(&mut flow, RTT);
    let before = flow.cwnd();
    round(&mut flow, RTT);
    assert_eq!(flow.cwnd(), before * 2);
}

/// RFC 9406, 4.2: RttThresh is an eighth, but 4 ms at least and 16 ms at most.
#[test]
fn plus_plus_thresholds() {
    for (rtt, more, is_noticed) in
        [(8, 3, false), (8, 4, true), (80, 9, false), (80, 10, true), (800, 15, false), (800, 16, true)]
    {
        let mut flow = flow(HyStart::PlusPlus);
        let rtt = Duration::from_millis(rtt);
        round(&mut flow, rtt);
        round(&mut flow, rtt + Duration::from_millis(more));
        let before = flow.cwnd();
        round(&mut flow, rtt + Duration::from_millis(more));
        assert_eq!(flow.cwnd() < before * 2, is_noticed, "{rtt:?} and {more} ms more");
    }
}
