use super::*;
use std::time::Duration;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn learn(paths: &mut PathMtus, to: &str, mtu: u32) -> Option<PathMtu> {
    paths.learn(Instant::ZERO, (ip(to), 1500), mtu, &PathSettings::default())
}

const fn mtu(bytes: u32) -> PathMtu {
    PathMtu { bytes, is_locked: false }
}

/// RFC 1191, sections 3 and 6.3; RFC 8201, section 4.
#[test]
fn what_a_router_tells_is_believed_for_a_while_if_it_is_less() {
    let mut paths = PathMtus::new();
    for to in ["10.0.0.2", "fd00::2"] {
        assert_eq!(learn(&mut paths, to, 1500), None);
        assert_eq!(learn(&mut paths, to, 1400), Some(mtu(1400)));
        assert_eq!(learn(&mut paths, to, 1450), None, "{to}: it cannot grow by a message");
        assert_eq!(paths.mtu(ip(to), 1500), mtu(1400));
        assert_eq!(paths.mtu(ip(to), 1300), mtu(1300), "our own link has less");
    }
    assert_eq!(paths.mtu(ip("10.0.0.3"), 1500), mtu(1500), "another path");
    let before = paths.generation(Instant::ZERO + Duration::from_secs(599));
    let after = paths.generation(Instant::ZERO + Duration::from_secs(600));
    assert_ne!(before, after, "connections are told");
    assert_eq!(paths.mtu(ip("10.0.0.2"), 1500), mtu(1500));
}

#[test]
fn there_are_floors() {
    let mut paths = PathMtus::new();
    assert_eq!(learn(&mut paths, "fd00::2", 500), Some(mtu(1280)));
    for (told, to) in [(551, "10.0.0.2"), (0, "10.0.0.3"), (68, "10.0.0.4")] {
        let expected = PathMtu { bytes: 552, is_locked: true };
        assert_eq!(learn(&mut paths, to, told), Some(expected), "{told}");
        assert_eq!(learn(&mut paths, to, told), None, "nothing smaller follows");
    }
}

#[test]
fn a_locked_route_is_not_changed_by_messages() {
    let mut paths = PathMtus::new();
    let metrics = RouteMetrics { mtu: Some(1300), is_mtu_locked: true, ..RouteMetrics::default() };
    paths.set_metrics(ip("10.0.0.2"), metrics);
    assert_eq!(learn(&mut paths, "10.0.0.2", 1000), None);
    assert_eq!(paths.mtu(ip("10.0.0.2"), 1500), PathMtu { bytes: 1300, is_locked: true });
}

/// A host with many peers remembers a bounded number of them.
#[test]
fn memory_is_bounded() {
    let mut paths = PathMtus::new();
    for number in 0..2 * MAX_LEARNED as u32 {
        let destination = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + number));
        let now = Instant::ZERO + Duration::from_millis(u64::from(number));
        assert!(paths.learn(now, (destination, 1500), 1400, &PathSettings::default()).is_some());
    }
    assert_eq!(paths.learned.len(), MAX_LEARNED);
    let last = IpAddr::V4(std::net::Ipv4Addr::from_bits(0x0a00_0000 + 2 * MAX_LEARNED as u32 - 1));
    assert_eq!(paths.mtu(last, 1500), mtu(1400), "the oldest went");
}
