use super::{Routes, Via, is_unicast};
use std::net::IpAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn routes() -> Routes {
    let mut routes = Routes::new(vec![ip("192.168.0.1"), ip("10.0.0.1"), ip("fd00::1")]);
    routes.add(ip("10.0.0.2"), 3);
    routes.add(ip("10.0.0.2"), 4);
    routes
}

#[test]
fn packets_to_own_addresses_stay_on_the_host() {
    for own in ["127.0.0.1", "127.9.9.9", "::1", "192.168.0.1", "fd00::1"] {
        assert_eq!(routes().via(ip(own)), Some(Via::Loopback), "{own}");
    }
    assert_eq!(routes().via(ip("10.0.0.2")), Some(Via::Link(3)));
    assert_eq!(routes().via(ip("10.0.0.3")), None);
}

#[test]
fn the_source_address_fits_the_destination() {
    for (remote, source) in [
        ("127.9.9.9", Some("127.0.0.1")),
        ("::1", Some("::1")),
        ("192.168.0.1", Some("192.168.0.1")),
        ("10.0.0.2", Some("10.0.0.1")),
        ("192.168.7.7", Some("192.168.0.1")),
        ("fd00::2", Some("fd00::1")),
    ] {
        assert_eq!(routes().source(ip(remote)), source.map(ip), "{remote}");
    }
    assert_eq!(Routes::new(vec![ip("10.0.0.1")]).source(ip("fd00::2")), None);
}

#[test]
fn must_46_57_63_addresses_of_many_hosts_are_told_apart() {
    for many in ["224.0.0.1", "255.255.255.255", "0.0.0.0", "::", "ff02::1", "::ffff:10.0.0.1"] {
        assert!(!is_unicast(ip(many)), "{many}");
    }
    for one in ["127.0.0.1", "10.0.0.1", "::1", "fe80::1"] {
        assert!(is_unicast(ip(one)), "{one}");
    }
}
