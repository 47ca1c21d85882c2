use core::time::Duration;
use sockeye_wire::SeqNum;

use super::RttEstimator;
use crate::Config;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn estimator() -> RttEstimator {
    RttEstimator::new(&Config::new(1, 2, SeqNum(0)), ms(1000))
}

/// RFC 6298, 2.1 to 2.3.
#[test]
fn smooths_samples() {
    let mut rtt = estimator();
    assert_eq!(rtt.rto().get(), ms(1000));
    rtt.on_sample(ms(400));
    assert_eq!(rtt.srtt(), Some(ms(400)));
    assert_eq!(rtt.rto().get(), ms(400 + 4 * 200));
    rtt.on_sample(ms(800));
    // SRTT = 7/8 * 400 + 1/8 * 800; RTTVAR = 3/4 * 200 + 1/4 * |400 - 800|.
    assert_eq!(rtt.srtt(), Some(ms(450)));
    assert_eq!(rtt.rto().get(), ms(450 + 4 * 250));
}

/// 200 ms at least, as Linux; 120 s at most.
#[test]
fn stays_within_bounds() {
    let mut rtt = estimator();
    for _ in 0..100 {
        rtt.on_sample(Duration::ZERO);
    }
    assert_eq!(rtt.rto().get(), ms(200));
    for _ in 0..100 {
        rtt.on_sample(ms(300));
    }
    assert!(rtt.rto().get() >= ms(499), "a constant path keeps a margin: {:?}", rtt.rto());
    rtt.on_sample(Duration::from_secs(1000));
    assert_eq!(rtt.rto().get(), Duration::from_secs(120));
    rtt.on_sample(Duration::MAX / 100);
    assert_eq!(rtt.rto().get(), Duration::from_secs(120));
}

/// MUST-19 (RFC 6298, 5.5), and MUST-18: only a sample ends the backoff.
#[test]
fn backs_off() {
    let mut rtt = estimator();
    rtt.on_sample(ms(0));
    for expected in [400, 800, 1600, 3200] {
        rtt.on_timeout();
        assert_eq!(rtt.rto().get(), ms(expected));
    }
    for _ in 0..100 {
        rtt.on_timeout();
    }
    assert_eq!(rtt.rto().get(), Duration::from_secs(120));
    rtt.on_sample(ms(0));
    assert_eq!(rtt.rto().get(), ms(200));
}
