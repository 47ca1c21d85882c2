//! IPv4, IPv6, and sockets of both.

mod common;

use common::{address, two_default_hosts};
use sockeye_sim::SimSocket;
use sockeye_stack::{Error, Family, SocketOption};

#[test]
fn an_ipv6_wildcard_listener_serves_both() -> Result<(), Error> {
    let mut sim = two_default_hosts(1);
    let listener = SimSocket::listen(&mut sim, "server", address("[::]:80"), 5)?;
    for (to, from) in [("10.0.0.1:80", "::ffff:10.0.0.2"), ("[fd00::1]:80", "fd00::2")] {
        let client = SimSocket::connect(&mut sim, "client", address(to))?;
        let server = listener.accept(&mut sim)?;
        let peer = server.with(&mut sim, |network, id| network.peer_address(id))?;
        assert_eq!(peer.ip(), from.parse::<std::net::IpAddr>().expect("an address"));
        assert!(server.with(&mut sim, |network, id| network.local_address(id))?.is_ipv6());
        client.write_all(&mut sim, to.as_bytes())?;
        assert_eq!(server.read(&mut sim, 100)?, to.as_bytes());
    }
    Ok(())
}

#[test]
fn an_ipv6_only_listener_refuses_ipv4() -> Result<(), Error> {
    let mut sim = two_default_hosts(2);
    let listener = SimSocket::new(&mut sim, "server", Family::V6)?;
    listener.set_option(&mut sim, SocketOption::V6Only(true))?;
    listener.with(&mut sim, |network, id| network.bind(id, address("[::]:80")))?;
    listener.with(&mut sim, |network, id| network.listen(id, 5))?;
    assert_eq!(SimSocket::connect(&mut sim, "client", address("10.0.0.1:80")), Err(Error::ConnectionRefused));
    SimSocket::connect(&mut sim, "client", address("[fd00::1]:80"))?;
    Ok(())
}

#[test]
fn an_ipv6_socket_connects_to_mapped_addresses_unless_ipv6_only() -> Result<(), Error> {
    let mut sim = two_default_hosts(3);
    let _listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5)?;
    let mapped = address("[::ffff:10.0.0.1]:80");
    let client = SimSocket::connect(&mut sim, "client", mapped)?;
    assert_eq!(client.with(&mut sim, |network, id| network.peer_address(id)), Ok(mapped));
    let local = client.with(&mut sim, |network, id| network.local_address(id))?;
    assert_eq!(local.ip(), address("[::ffff:10.0.0.2]:0").ip());

    let only = SimSocket::new(&mut sim, "client", Family::V6)?;
    only.set_option(&mut sim, SocketOption::V6Only(true))?;
    assert_eq!(only.try_connect(&mut sim, mapped), Err(Error::NetworkUnreachable));
    Ok(())
}

#[test]
fn families_do_not_mix() -> Result<(), Error> {
    let mut sim = two_default_hosts(4);
    let v4 = SimSocket::new(&mut sim, "client", Family::V4)?;
    assert_eq!(v4.try_connect(&mut sim, address("[fd00::1]:80")), Err(Error::AddressFamily));
    let v6 = SimSocket::new(&mut sim, "client", Family::V6)?;
    assert_eq!(v6.try_connect(&mut sim, address("10.0.0.1:80")), Err(Error::AddressFamily));
    for (socket, unbound) in [(v4, "0.0.0.0:0"), (v6, "[::]:0")] {
        assert_eq!(socket.with(&mut sim, |network, id| network.local_address(id)), Ok(address(unbound)));
    }
    Ok(())
}
