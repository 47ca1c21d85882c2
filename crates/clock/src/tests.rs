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
