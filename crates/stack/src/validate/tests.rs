use crate::{HostConfig, LinkBetween, NetworkConfig, Settings};
use sockeye_link::LinkConfig;

fn host(name: &str, addresses: &[&str]) -> HostConfig {
    let addresses = addresses.iter().map(|text| text.parse().expect("an address")).collect();
    HostConfig { name: name.to_owned(), addresses, settings: Settings::default() }
}

fn link(a: &str, b: &str) -> LinkBetween {
    LinkBetween { between: (a.to_owned(), b.to_owned()), config: LinkConfig::default() }
}

fn fault(hosts: Vec<HostConfig>, links: Vec<LinkBetween>) -> String {
    NetworkConfig { hosts, links }.validate().expect_err("the configuration is faulty")
}

#[test]
fn the_default_is_sound() {
    assert_eq!(NetworkConfig::default().validate(), Ok(()));
}

#[test]
fn every_fault_is_named() {
    let two = || vec![host("a", &["10.0.0.1"]), host("b", &["10.0.0.2"])];
    let bad_ports = Settings { ports: (9, 8), ..Settings::default() };
    let bad_mtu = Settings { loopback_mtu: 70_000, ..Settings::default() };
    let bad_rate =
        LinkBetween { config: LinkConfig { loss: 2.0, ..LinkConfig::default() }, ..link("a", "b") };
    for (hosts, links, words) in [
        (vec![], vec![], "no host"),
        (vec![host("a", &[]), host("a", &[])], vec![], "two hosts are named \"a\""),
        (vec![host("a", &["10.0.0.1"]), host("b", &["10.0.0.1"])], vec![], "10.0.0.1"),
        (vec![host("a", &["224.0.0.1"])], vec![], "224.0.0.1"),
        (vec![host("a", &["127.0.0.2"])], vec![], "127.0.0.2"),
        (vec![HostConfig { settings: bad_ports, ..host("a", &[]) }], vec![], "ports 9 to 8"),
        (vec![HostConfig { settings: bad_mtu, ..host("a", &[]) }], vec![], "loopback_mtu = 70000"),
        (two(), vec![link("a", "c")], "no host \"c\""),
        (two(), vec![link("a", "a")], "to itself"),
        (two(), vec![bad_rate], "loss = 2"),
    ] {
        let text = fault(hosts, links);
        assert!(text.contains(words), "{text:?} names {words:?}");
        assert!(!text.contains('\n'), "one line: {text:?}");
    }
}
