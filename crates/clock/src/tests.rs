use super::*;

#[test]
fn arithmetic_saturates_at_both_ends() {
    let second = Duration::from_secs(1);
    assert_eq!(Instant::from_millis(500) - second, Instant::ZERO);
    assert_eq!(Instant::MAX + second, Instant::MAX);
    assert_eq!(Instant::from_millis(1_500).since(Instant::from_millis(500)), second);
    assert_eq!(Instant::ZERO.since(Instant::MAX), Duration::ZERO);
}

#[test]
fn the_monotonic_clock_does_not_go_back() {
    let first = monotonic();
    assert!(monotonic() >= first);
    assert!(time_of_day() > Instant::ZERO);
}

#[test]
fn the_time_of_day_of_a_moment_lies_between_those_around_it() {
    for _ in 0..100 {
        let (before, then, after) = (time_of_day(), monotonic(), time_of_day());
        let near = Duration::from_micros(2);
        let found = time_of_day_at(then);
        assert!(found + near >= before && found <= after + near, "{before} <= {found} <= {after}");
    }
}
