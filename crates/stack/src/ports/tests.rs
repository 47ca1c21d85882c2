use super::{Claim, PortChoice, Ports, Scope};
use crate::keyed::Keyed;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::net::IpAddr;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn ports() -> Ports {
    Ports::new(Keyed::new(&mut SmallRng::seed_from_u64(1)), (100, 109))
}

const fn claim(scope: Scope) -> Claim {
    Claim { scope, reuse_address: false, reuse_port: false }
}

#[test]
fn scopes_overlap_as_on_linux() {
    let one4 = Scope::One(ip("10.0.0.1"));
    let other4 = Scope::One(ip("10.0.0.2"));
    let one6 = Scope::One(ip("fd00::1"));
    let (any4, any6, both) = (Scope::Any4, Scope::Any6, Scope::AnyBoth);
    for (a, b, expected) in [
        (one4, one4, true),
        (one4, other4, false),
        (one4, one6, false),
        (one4, any4, true),
        (one4, any6, false),
        (one4, both, true),
        (one6, any4, false),
        (one6, any6, true),
        (one6, both, true),
        (any4, any4, true),
        (any4, any6, false),
        (any4, both, true),
        (any6, both, true),
        (both, both, true),
    ] {
        let mut ports = ports();
        ports.bind(80, 1, claim(a));
        assert_eq!(ports.is_taken(80, &claim(b), 2), expected, "{a:?} {b:?}");
        let mut reversed = self::ports();
        reversed.bind(80, 1, claim(b));
        assert_eq!(reversed.is_taken(80, &claim(a), 2), expected, "{b:?} {a:?}");
    }
}

#[test]
fn the_table_of_sharing_holds() {
    #[derive(Clone, Copy, Debug)]
    enum There {
        Bound,
        Listening,
        Connection,
    }
    for address in [(false, false), (false, true), (true, false), (true, true)] {
        for port in [(false, false), (true, false), (true, true)] {
            for there in [There::Bound, There::Listening, There::Connection] {
                let old = Claim { scope: Scope::Any4, reuse_address: address.0, reuse_port: port.0 };
                let new = Claim { scope: Scope::Any4, reuse_address: address.1, reuse_port: port.1 };
                let mut ports = ports();
                match there {
                    There::Bound => ports.bind(80, 1, old),
                    There::Listening => {
                        ports.bind(80, 1, old);
                        ports.set_listening(80, 1, true);
                    }
                    There::Connection => ports.add_connection(80, old),
                }
                let by_address = address == (true, true) && !matches!(there, There::Listening);
                let may_share = by_address || port == (true, true);
                assert_eq!(ports.is_taken(80, &new, 2), !may_share, "{address:?} {port:?} {there:?}");
            }
        }
    }
}

#[test]
fn a_socket_does_not_conflict_with_itself_nor_with_other_ports() {
    let mut ports = ports();
    ports.bind(80, 1, claim(Scope::Any4));
    assert!(!ports.is_taken(80, &claim(Scope::Any4), 1));
    assert!(!ports.is_taken(81, &claim(Scope::Any4), 2));
    ports.unbind(80, 1);
    assert!(!ports.is_taken(80, &claim(Scope::Any4), 2));
    assert!(ports.ports.is_empty(), "nothing is kept of an unused port");
}

#[test]
fn connections_are_counted() {
    let mut ports = ports();
    let connection = claim(Scope::One(ip("127.0.0.1")));
    ports.add_connection(80, connection);
    ports.add_connection(80, connection);
    ports.remove_connection(80, connection);
    assert!(ports.is_taken(80, &claim(Scope::Any4), 1));
    ports.remove_connection(80, connection);
    assert!(!ports.is_taken(80, &claim(Scope::Any4), 1));
    assert!(ports.ports.is_empty());
}

#[test]
fn the_most_exact_listener_is_found() {
    let mut ports = ports();
    ports.bind(80, 1, claim(Scope::AnyBoth));
    ports.bind(80, 2, claim(Scope::Any4));
    ports.bind(80, 3, claim(Scope::One(ip("10.0.0.1"))));
    assert_eq!(ports.listener(80, ip("10.0.0.1"), 0), None, "bound is not listening");
    (1..=3).for_each(|socket| ports.set_listening(80, socket, true));
    assert_eq!(ports.listener(80, ip("10.0.0.1"), 5), Some(3));
    assert_eq!(ports.listener(80, ip("10.0.0.2"), 5), Some(2));
    assert_eq!(ports.listener(80, ip("::1"), 5), Some(1));
    assert_eq!(ports.listener(81, ip("::1"), 5), None);
}

#[test]
fn reuse_port_spreads_connections_over_the_listeners() {
    let mut ports = ports();
    for socket in [7, 8] {
        ports.bind(80, socket, Claim { reuse_port: true, ..claim(Scope::Any4) });
        ports.set_listening(80, socket, true);
    }
    assert_eq!(ports.listener(80, ip("10.0.0.1"), 0), Some(7));
    assert_eq!(ports.listener(80, ip("10.0.0.1"), 1), Some(8));
}

#[test]
fn ephemeral_ports_go_round_the_circle_and_run_out() {
    let ports = ports();
    assert_eq!(ports.ephemeral((0, 0), 7, |_| true), Some((107, 1)));
    assert_eq!(ports.ephemeral((0, 0), 17, |port| port < 107), Some((100, 4)));
    assert_eq!(ports.ephemeral((0, 0), u64::MAX, |port| port == 105).map(|(port, _)| port), Some(105));
    assert_eq!(ports.ephemeral((0, 0), 0, |_| false), None);
    let widest = Ports::new(Keyed::new(&mut SmallRng::seed_from_u64(1)), (1, 65_535));
    assert_eq!(widest.ephemeral((0, 0), 65_534, |_| true), Some((65_535, 1)));
}

#[test]
fn rfc_6056_the_choice_differs_by_destination_and_moves_on() {
    let mut rng = SmallRng::seed_from_u64(3);
    let mut choice = PortChoice::new(Keyed::new(&mut rng), Keyed::new(&mut rng));
    let one = (ip("10.0.0.1"), "10.0.0.2:80".parse().expect("an address"));
    let other = (ip("10.0.0.1"), "10.0.0.3:80".parse().expect("an address"));
    let start = choice.start(&one);
    assert_ne!(start, choice.start(&other));
    choice.advance(&one, 3);
    assert_eq!(choice.start(&one), start.wrapping_add(3));
}

/// IP_LOCAL_PORT_RANGE: within the host's, and without effect if nothing would be left.
#[test]
fn a_socket_may_want_fewer_ports() {
    let ports = Ports::new(Keyed::new(&mut SmallRng::seed_from_u64(1)), (100, 109));
    for (own, start, port) in [
        ((105, 0), 0, 105),
        ((0, 101), 1, 101),
        ((0, 101), 2, 100),
        ((90, 102), 0, 100),
        ((200, 300), 9, 109),
    ] {
        assert_eq!(ports.ephemeral(own, start, |_| true).map(|(port, _)| port), Some(port), "{own:?}");
    }
}
