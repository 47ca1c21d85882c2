use super::*;

#[test]
fn times_are_written_in_the_largest_whole_unit() {
    let cases = [
        (Duration::ZERO, "0s"),
        (Duration::from_secs(90), "90s"),
        (Duration::from_millis(20), "20ms"),
        (Duration::from_micros(1_500), "1500us"),
        (Duration::from_nanos(1_000_000_001), "1000000001ns"),
    ];
    for (duration, text) in cases {
        assert_eq!(write(duration), text);
        assert_eq!(read(text), Some(duration), "{text}");
    }
}

#[test]
fn fractions_and_spaces_are_read() {
    assert_eq!(read("1.5s"), Some(Duration::from_millis(1_500)));
    assert_eq!(read(" 0.25 ms "), Some(Duration::from_micros(250)));
}

#[test]
fn what_is_no_time_is_refused() {
    for text in ["", "20", "ms", "-1ms", "1.2.3s", "20m", "20 parsecs", "99999999999999999999ns0", "NaNs"] {
        assert_eq!(read(text), None, "{text}");
    }
    // Too long for the type, but not for the check of the configuration.
    assert!(read("99999999999999999999s").is_some_and(|long| long > Duration::from_secs(120)));
}
