//! Ports: binding, sharing, TIME-WAIT.

mod common;

use common::{HOUR, address, bound, connection, one_host, shown};
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, Family, Settings, SocketOption};
use std::time::Duration;

fn with_reuse(sim: &mut Sim, at: &str) -> Result<SimSocket, Error> {
    let socket = SimSocket::new(sim, "localhost", Family::V4)?;
    socket.set_option(sim, SocketOption::ReuseAddress(true))?;
    socket.with(sim, |network, id| network.bind(id, address(at)))?;
    Ok(socket)
}

fn listen(sim: &mut Sim, socket: SimSocket) -> Result<(), Error> {
    socket.with(sim, |network, id| network.listen(id, 5))
}

#[test]
fn bind_conflicts_as_on_linux() {
    let (any4, lo4, own4) = ("0.0.0.0:80", "127.0.0.1:80", "10.0.0.1:80");
    let (any6, lo6, own6) = ("[::]:80", "[::1]:80", "[fd00::1]:80");
    let mapped = "[::ffff:127.0.0.1]:80";
    for (first, second, expected) in [
        (any4, any4, Err(Error::AddressInUse)),
        (any4, lo4, Err(Error::AddressInUse)),
        (lo4, any4, Err(Error::AddressInUse)),
        (lo4, lo4, Err(Error::AddressInUse)),
        (lo4, own4, Ok(())),
        (any4, any6, Err(Error::AddressInUse)),
        (any6, any4, Err(Error::AddressInUse)),
        (any6, lo4, Err(Error::AddressInUse)),
        (any6, lo6, Err(Error::AddressInUse)),
        (any4, lo6, Ok(())),
        (lo4, lo6, Ok(())),
        (lo6, own6, Ok(())),
        (lo4, mapped, Err(Error::AddressInUse)),
        (mapped, own4, Ok(())),
        (lo4, "127.0.0.1:81", Ok(())),
    ] {
        let mut sim = one_host(Settings::default());
        bound(&mut sim, first).expect("the port is free");
        assert_eq!(bound(&mut sim, second).map(|_| ()), expected, "{first}, then {second}");
    }
}

#[test]
fn an_ipv6_only_wildcard_leaves_ipv4_alone() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let only = SimSocket::new(&mut sim, "localhost", Family::V6)?;
    only.set_option(&mut sim, SocketOption::V6Only(true))?;
    only.with(&mut sim, |network, id| network.bind(id, address("[::]:80")))?;
    bound(&mut sim, "0.0.0.0:80")?;
    assert_eq!(
        only.set_option(&mut sim, SocketOption::V6Only(false)),
        Err(Error::InvalidArgument),
        "too late"
    );
    Ok(())
}

#[test]
fn an_address_of_another_host_cannot_be_bound() {
    let mut sim = one_host(Settings::default());
    for (at, expected) in [
        ("10.0.0.9:80", Error::AddressNotAvailable),
        ("[fd00::9]:80", Error::AddressNotAvailable),
        ("224.0.0.1:80", Error::AddressNotAvailable),
        ("[::ffff:10.0.0.9]:80", Error::AddressNotAvailable),
    ] {
        assert_eq!(bound(&mut sim, at), Err(expected), "{at}");
    }
    let socket = SimSocket::new(&mut sim, "localhost", Family::V4).expect("a socket");
    let error = socket.with(&mut sim, |network, id| network.bind(id, address("[::1]:80")));
    assert_eq!(error, Err(Error::AddressFamily));
}

#[test]
fn binding_twice_is_an_invalid_argument() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let socket = bound(&mut sim, "127.0.0.1:80")?;
    let again = socket.with(&mut sim, |network, id| network.bind(id, address("127.0.0.1:81")));
    assert_eq!(again, Err(Error::InvalidArgument));
    Ok(())
}

#[test]
fn reuse_address_shares_a_port_until_one_listens() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let first = with_reuse(&mut sim, "127.0.0.1:80")?;
    let second = with_reuse(&mut sim, "127.0.0.1:80")?;
    assert_eq!(bound(&mut sim, "127.0.0.1:80"), Err(Error::AddressInUse), "without the option");
    listen(&mut sim, first)?;
    assert_eq!(listen(&mut sim, second), Err(Error::AddressInUse));
    assert_eq!(with_reuse(&mut sim, "127.0.0.1:80"), Err(Error::AddressInUse));
    first.close(&mut sim);
    listen(&mut sim, second)
}

#[test]
fn a_server_starts_again_beside_its_old_connections_only_with_reuse_address() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let listener = with_reuse(&mut sim, "127.0.0.1:80")?;
    listen(&mut sim, listener)?;
    let client = SimSocket::connect(&mut sim, "localhost", address("127.0.0.1:80"))?;
    let server = listener.accept(&mut sim)?;
    listener.close(&mut sim);
    assert_eq!(bound(&mut sim, "127.0.0.1:80"), Err(Error::AddressInUse), "a connection is open");
    with_reuse(&mut sim, "127.0.0.1:80")?.close(&mut sim);

    server.close(&mut sim);
    client.close(&mut sim);
    assert_eq!(shown(&mut sim, "localhost", 80).0, "TIME_WAIT");
    assert_eq!(bound(&mut sim, "127.0.0.1:80"), Err(Error::AddressInUse), "TIME-WAIT");
    let next = with_reuse(&mut sim, "127.0.0.1:80")?;
    listen(&mut sim, next)?;
    next.close(&mut sim);
    sim.run_for(Duration::from_secs(61));
    assert_eq!(shown(&mut sim, "localhost", 80).0, "gone");
    bound(&mut sim, "127.0.0.1:80")?;
    Ok(())
}

#[test]
fn a_port_is_free_once_its_socket_is_closed() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    bound(&mut sim, "127.0.0.1:80")?.close(&mut sim);
    let (listener, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    listener.close(&mut sim);
    // A reset leaves nothing behind.
    server.set_option(&mut sim, SocketOption::Linger(Some(0)))?;
    server.close(&mut sim);
    client.close(&mut sim);
    bound(&mut sim, "127.0.0.1:80")?;
    Ok(())
}

#[test]
fn rfc_6056_ephemeral_ports_are_in_range_distinct_and_not_in_order() -> Result<(), Error> {
    let mut sim = one_host(Settings { ports: (40_000, 40_999), ..Settings::default() });
    let ports = (0..200)
        .map(|_| {
            let socket = bound(&mut sim, "127.0.0.1:0")?;
            Ok(socket.with(&mut sim, |network, id| network.local_address(id))?.port())
        })
        .collect::<Result<Vec<u16>, Error>>()?;
    assert!(ports.iter().all(|port| (40_000..=40_999).contains(port)));
    let mut sorted = ports.clone();
    sorted.sort_unstable();
    assert_ne!(ports, sorted);
    sorted.dedup();
    assert_eq!(sorted.len(), 200);
    Ok(())
}

#[test]
fn ports_for_connections_run_out_and_come_back() -> Result<(), Error> {
    let mut sim = one_host(Settings { ports: (40_000, 40_009), ..Settings::default() });
    let at = address("127.0.0.1:80");
    let listener = SimSocket::listen(&mut sim, "localhost", at, 50)?;
    let clients =
        (0..10).map(|_| SimSocket::connect(&mut sim, "localhost", at)).collect::<Result<Vec<_>, _>>()?;
    assert_eq!(SimSocket::connect(&mut sim, "localhost", at), Err(Error::AddressNotAvailable));
    // Another destination is another four-tuple.
    let other = SimSocket::listen(&mut sim, "localhost", address("127.0.0.1:81"), 5)?;
    SimSocket::connect(&mut sim, "localhost", address("127.0.0.1:81"))?;
    assert_eq!(bound(&mut sim, "127.0.0.1:0"), Err(Error::AddressInUse));

    clients[0].close(&mut sim);
    listener.accept(&mut sim)?.close(&mut sim);
    assert_eq!(SimSocket::connect(&mut sim, "localhost", at), Err(Error::AddressNotAvailable), "TIME-WAIT");
    sim.run_for(Duration::from_secs(61));
    SimSocket::connect(&mut sim, "localhost", at)?;
    other.close(&mut sim);
    Ok(())
}

#[test]
fn a_four_tuple_is_used_once() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let at = address("127.0.0.1:80");
    let listener = SimSocket::listen(&mut sim, "localhost", at, 5)?;
    let first = with_reuse(&mut sim, "127.0.0.1:4000")?;
    let second = with_reuse(&mut sim, "127.0.0.1:4000")?;
    first.connect_to(&mut sim, at)?;
    assert_eq!(second.connect_to(&mut sim, at), Err(Error::AddressNotAvailable));
    assert_eq!(listener.accept(&mut sim).map(|_| ()), Ok(()));
    Ok(())
}

/// MAY-2 (3.6.1): a SYN reopens a connection from TIME-WAIT.
#[test]
fn may_2_a_syn_reopens_a_connection_that_the_server_left_in_time_wait() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let at = address("127.0.0.1:80");
    let listener = SimSocket::listen(&mut sim, "localhost", at, 5)?;
    for round in 0..3 {
        let client = with_reuse(&mut sim, "127.0.0.1:4000")?;
        client.connect_to(&mut sim, at)?;
        let server = listener.accept(&mut sim)?;
        client.write_all(&mut sim, b"again")?;
        assert_eq!(server.read(&mut sim, 10)?, b"again", "round {round}");
        // The server closes first, so TIME-WAIT is its.
        server.close(&mut sim);
        assert_eq!(client.read(&mut sim, 10)?, b"");
        client.close(&mut sim);
        sim.run_for(Duration::from_secs(1));
        assert_eq!(shown(&mut sim, "localhost", 80).0, "TIME_WAIT");
        assert_eq!(shown(&mut sim, "localhost", 4000).0, "gone");
    }
    assert!(sim.run_until_idle(HOUR));
    assert_eq!(shown(&mut sim, "localhost", 80).0, "gone");
    Ok(())
}

#[test]
fn a_refused_socket_keeps_the_port_it_chose_and_can_try_again() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let socket = bound(&mut sim, "127.0.0.1:4000")?;
    assert_eq!(socket.connect_to(&mut sim, address("127.0.0.1:80")), Err(Error::ConnectionRefused));
    assert_eq!(bound(&mut sim, "127.0.0.1:4000"), Err(Error::AddressInUse));
    let _listener = SimSocket::listen(&mut sim, "localhost", address("127.0.0.1:80"), 5)?;
    socket.connect_to(&mut sim, address("127.0.0.1:80"))?;
    assert_eq!(shown(&mut sim, "localhost", 4000).0, "ESTABLISHED");
    Ok(())
}

/// MUST-41, MUST-42 (3.9.1): listeners on one port of several addresses do not disturb each other, nor connections.
#[test]
fn must_41_42_one_port_has_a_listener_for_each_address() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let (listener, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    let other = SimSocket::listen(&mut sim, "localhost", address("10.0.0.1:80"), 5)?;
    let to_other = SimSocket::connect(&mut sim, "localhost", address("10.0.0.1:80"))?;
    assert_eq!(listener.try_accept(&mut sim), Err(Error::WouldBlock));
    let from_other = other.accept(&mut sim)?;
    for (from, to) in [(client, server), (to_other, from_other)] {
        from.write_all(&mut sim, b"hello")?;
        assert_eq!(to.read(&mut sim, 10)?, b"hello");
    }
    Ok(())
}
