use super::*;

#[test]
fn the_default_is_a_perfect_ethernet() {
    let config = LinkConfig::default();
    assert_eq!(config.validate(), Ok(()));
    assert_eq!((config.mtu, config.rate, config.queue), (1500, 0, 1000));
    assert_eq!((config.delay, config.jitter), (Duration::ZERO, Duration::ZERO));
    assert_eq!([config.loss, config.reorder, config.duplicate, config.corrupt], [0.0; 4]);
}

#[test]
fn extremes_are_valid() {
    let config = LinkConfig {
        inner_mtu: None,
        black_hole: false,
        mtu: MAX_MTU,
        rate: u64::MAX,
        delay: MAX_DELAY,
        jitter: MAX_DELAY,
        loss: 1.0,
        reorder: 1.0,
        duplicate: 1.0,
        corrupt: 1.0,
        queue: 1,
        mark: 3,
        seed: u64::MAX,
    };
    assert_eq!(config.validate(), Ok(()));
    assert_eq!(LinkConfig { mtu: MIN_MTU, queue: 0, ..LinkConfig::default() }.validate(), Ok(()));
}

#[test]
fn errors_name_the_field_and_the_mend() {
    let valid = LinkConfig::default;
    let long = Duration::from_secs(121);
    let cases = [
        (LinkConfig { mtu: 575, ..valid() }, ["mtu = 575", "576 to 65575"]),
        (LinkConfig { mtu: 65_576, ..valid() }, ["mtu = 65576", "576 to 65575"]),
        (LinkConfig { loss: 1.5, ..valid() }, ["loss = 1.5", "write 1% as 0.01"]),
        (LinkConfig { reorder: -0.1, ..valid() }, ["reorder = -0.1", "from 0 to 1"]),
        (LinkConfig { duplicate: f64::NAN, ..valid() }, ["duplicate = NaN", "from 0 to 1"]),
        (LinkConfig { corrupt: f64::INFINITY, ..valid() }, ["corrupt = inf", "from 0 to 1"]),
        (LinkConfig { delay: long, ..valid() }, ["delay = 121s", "up to 120 seconds"]),
        (LinkConfig { jitter: long, ..valid() }, ["jitter = 121s", "up to 120 seconds"]),
        (LinkConfig { rate: 1, queue: 0, ..valid() }, ["queue = 0", "write 1 or more"]),
    ];
    for (config, parts) in cases {
        let text = config.validate().unwrap_err().to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{text}");
        assert!(!text.contains('\n'), "one line");
    }
}
