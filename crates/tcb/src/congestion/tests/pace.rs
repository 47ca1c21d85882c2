use super::*;
use crate::congestion::pace::Pace;

/// When so many segments have left a sender that always has one more.
fn time_for(pace: &mut Pace, segments: u32, late: Duration) -> Duration {
    let mut now = at(0);
    for _ in 0..segments {
        let departure = pace.departure(now);
        if departure > now {
            now = departure + late;
        }
        pace.on_sent(now, MSS, MSS);
    }
    now.since(at(0))
}

#[test]
fn segments_leave_at_the_rate() {
    for rate in [10_000, 1_000_000, 100_000_000] {
        let mut pace = Pace::new(at(0), rate, true);
        let time = time_for(&mut pace, 1010, Duration::ZERO).as_secs_f64();
        let expected = 1_000_000.0 / rate as f64;
        assert!((time - expected).abs() < expected * 0.07, "{time} s at {rate}, not {expected}");
    }
}

/// A timer that is late costs no rate, as long as it is not later than half a burst.
#[test]
fn a_late_timer_costs_no_rate() {
    let mut pace = Pace::new(at(0), 1_000_000, true);
    let time = time_for(&mut pace, 1010, Duration::from_micros(400)).as_secs_f64();
    assert!((time - 1.0).abs() < 0.01, "{time} s");
}

#[test]
fn the_first_ten_leave_at_once() {
    let mut pace = Pace::new(at(0), 1000, true);
    assert_eq!(time_for(&mut pace, 10, Duration::ZERO), Duration::ZERO);
    assert_eq!(time_for(&mut pace, 3, Duration::ZERO), Duration::from_secs(2), "then bursts of two");
}

#[test]
fn nothing_is_held_back_unless_asked_for() {
    let mut pace = Pace::new(at(0), u64::MAX, false);
    pace.set_rate(1);
    assert_eq!(time_for(&mut pace, 100, Duration::ZERO), Duration::ZERO);
}

/// As Linux: twice cwnd / SRTT in slow start, 1.2 times after it; SO_MAX_PACING_RATE is above all.
#[test]
fn the_rate_follows_cwnd_and_srtt() {
    let srtt = Duration::from_millis(100);
    let mut flow = Flow::new(CongestionControl::Reno);
    assert_eq!(flow.congestion.pacing_rate(), u64::MAX, "nothing is known yet");
    flow.congestion.on_round_trip(srtt, 0);
    assert_eq!(flow.congestion.pacing_rate(), 200_000);
    flow.lose();
    flow.congestion.on_round_trip(srtt, 0);
    assert_eq!(flow.congestion.pacing_rate(), 60_000);
    flow.congestion.on_round_trip(srtt, 20 * MSS);
    assert_eq!(flow.congestion.pacing_rate(), 240_000, "what is outstanding counts if it is more");
    flow.congestion.limit_rate(1000);
    assert_eq!(flow.congestion.pacing_rate(), 1000);
}
