//! listen() and accept(), backlogs, and what becomes of connections that nobody accepts.

mod common;

use common::{HOUR, address, bound, connection, count, one_host, shown, two_default_hosts};
use sockeye_sim::SimSocket;
use sockeye_stack::{Error, Family, OptionName, Settings, Shutdown, SocketOption};
use std::time::Duration;

#[test]
fn the_accept_queue_holds_one_more_than_the_backlog() -> Result<(), Error> {
    // With SYN cookies a client whose last ACK finds no room is heard of again only when it sends text (as Linux).
    let mut sim = one_host(Settings { syn_cookies: 0, ..Settings::default() });
    let at = address("127.0.0.1:7");
    let listener = SimSocket::listen(&mut sim, "localhost", at, 2)?;
    let clients = (0..10)
        .map(|_| {
            let client = SimSocket::new(&mut sim, "localhost", Family::V4)?;
            client.try_connect(&mut sim, at)?;
            Ok(client)
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let line = sim.netstat("localhost").into_iter().find(|line| line.state == "LISTEN").expect("it listens");
    assert_eq!((line.recv_queue, line.send_queue), (3, 2), "waiting connections, backlog");
    assert_eq!(line.foreign, address("0.0.0.0:0"));
    let is_connected = |client: &&SimSocket| sim.status(**client).is_connected;
    assert_eq!(clients.iter().filter(is_connected).count(), 3);

    // As they are accepted, the others' SYNs, sent again, are answered.
    let mut accepted = 0;
    let is_done = sim.run_until(HOUR, |sim| {
        accepted += usize::from(listener.try_accept(sim).is_ok());
        accepted == 10
    });
    assert!(is_done, "{accepted} accepted");
    Ok(())
}

#[test]
fn a_completing_ack_waits_while_the_accept_queue_is_full() -> Result<(), Error> {
    let mut sim = two_default_hosts(1);
    let at = address("10.0.0.1:80");
    let listener = SimSocket::listen(&mut sim, "server", at, 1)?;
    SimSocket::connect(&mut sim, "client", at)?;
    for client in [(); 2].map(|()| SimSocket::new(&mut sim, "client", Family::V4)) {
        client?.try_connect(&mut sim, at)?;
    }
    sim.run_for(Duration::from_millis(100));
    // Linux: all believe to be connected; one of them waits in the SYN queue.
    assert_eq!(count(&mut sim, "client", "ESTABLISHED"), 3);
    assert_eq!(count(&mut sim, "server", "ESTABLISHED"), 2);
    assert_eq!(count(&mut sim, "server", "SYN_RECV"), 1);
    let host = sim.host("server")?;
    assert!(sim.network().counters(host).expect("the server's").accept_overflows > 0);
    for _ in 0..3 {
        listener.accept(&mut sim)?;
    }
    assert_eq!(count(&mut sim, "server", "ESTABLISHED"), 3);
    Ok(())
}

#[test]
fn a_backlog_is_cut_to_the_largest_and_a_negative_one_is_the_largest() -> Result<(), Error> {
    let mut sim = one_host(Settings { backlog_max: 9, ..Settings::default() });
    for (backlog, expected) in [(3, 3), (0, 0), (100, 9), (-1, 9)] {
        let listener = SimSocket::listen(&mut sim, "localhost", address("127.0.0.1:7"), backlog)?;
        assert_eq!(sim.netstat("localhost")[0].send_queue, expected, "{backlog}");
        listener.with(&mut sim, |network, id| network.listen(id, 5))?;
        assert_eq!(sim.netstat("localhost")[0].send_queue, 5, "listen() again changes it");
        listener.close(&mut sim);
    }
    Ok(())
}

#[test]
fn a_connection_that_nobody_accepted_is_reset_with_its_listener() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let at = address("127.0.0.1:7");
    let listener = SimSocket::listen(&mut sim, "localhost", at, 5)?;
    let client = SimSocket::connect(&mut sim, "localhost", at)?;
    client.write_all(&mut sim, b"lost")?;
    assert_eq!(count(&mut sim, "localhost", "ESTABLISHED"), 2, "it is shown before it is accepted");
    listener.close(&mut sim);
    assert_eq!(client.read(&mut sim, 10), Err(Error::ConnectionReset));
    assert_eq!(SimSocket::connect(&mut sim, "localhost", at), Err(Error::ConnectionRefused));
    client.close(&mut sim);
    assert!(sim.rings().is_empty());
    Ok(())
}

#[test]
fn shutting_a_listener_for_reading_ends_the_listening() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let at = address("127.0.0.1:7");
    let listener = SimSocket::listen(&mut sim, "localhost", at, 5)?;
    listener.shutdown(&mut sim, Shutdown::Write)?;
    SimSocket::connect(&mut sim, "localhost", at)?;
    listener.accept(&mut sim)?;
    listener.shutdown(&mut sim, Shutdown::Read)?;
    assert_eq!(SimSocket::connect(&mut sim, "localhost", at), Err(Error::ConnectionRefused));
    assert_eq!(listener.try_accept(&mut sim), Err(Error::InvalidArgument));
    Ok(())
}

#[test]
fn a_connection_can_end_before_it_is_accepted() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let at = address("127.0.0.1:7");
    let listener = SimSocket::listen(&mut sim, "localhost", at, 5)?;
    let polite = SimSocket::connect(&mut sim, "localhost", at)?;
    polite.write_all(&mut sim, b"bye")?;
    polite.close(&mut sim);
    let rude = SimSocket::connect(&mut sim, "localhost", at)?;
    rude.set_option(&mut sim, SocketOption::Linger(Some(0)))?;
    rude.close(&mut sim);
    let first = listener.accept(&mut sim)?;
    assert_eq!(first.read_to_end(&mut sim)?, b"bye");
    let second = listener.accept(&mut sim)?;
    assert_eq!(second.read(&mut sim, 10), Err(Error::ConnectionReset));
    Ok(())
}

#[test]
fn accepted_sockets_inherit_options() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let listener = bound(&mut sim, "127.0.0.1:7")?;
    let options = [
        (OptionName::NoDelay, SocketOption::NoDelay(true)),
        (OptionName::KeepAlive, SocketOption::KeepAlive(true)),
        (OptionName::KeepIdle, SocketOption::KeepIdle(7)),
        (OptionName::Linger, SocketOption::Linger(Some(3))),
        (OptionName::ReuseAddress, SocketOption::ReuseAddress(true)),
    ];
    for (_, option) in options {
        listener.set_option(&mut sim, option)?;
    }
    listener.set_option(&mut sim, SocketOption::ReceiveBuffer(5000))?;
    listener.with(&mut sim, |network, id| network.listen(id, 5))?;
    SimSocket::connect(&mut sim, "localhost", address("127.0.0.1:7"))?;
    let child = listener.accept(&mut sim)?;
    for (name, expected) in options {
        assert_eq!(child.with(&mut sim, |network, id| network.option(id, name)), Ok(expected));
    }
    let size = child.with(&mut sim, |network, id| network.option(id, OptionName::ReceiveBuffer));
    assert_eq!(size, Ok(SocketOption::ReceiveBuffer(10_000)));
    Ok(())
}

#[test]
fn calls_on_the_wrong_kind_of_socket_fail_as_on_linux() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let (listener, client, _) = connection(&mut sim, "127.0.0.1:7")?;
    let at = address("127.0.0.1:7");
    assert_eq!(client.try_accept(&mut sim), Err(Error::InvalidArgument));
    assert_eq!(listener.try_accept(&mut sim), Err(Error::WouldBlock));
    assert_eq!(client.with(&mut sim, |network, id| network.listen(id, 1)), Err(Error::InvalidArgument));
    assert_eq!(client.with(&mut sim, |network, id| network.bind(id, at)), Err(Error::InvalidArgument));
    assert_eq!(client.try_connect(&mut sim, at), Err(Error::IsConnected));
    assert_eq!(listener.try_connect(&mut sim, at), Err(Error::IsConnected));
    let fresh = SimSocket::new(&mut sim, "localhost", Family::V4)?;
    assert_eq!(fresh.shutdown(&mut sim, Shutdown::Both), Err(Error::NotConnected));
    assert_eq!(fresh.with(&mut sim, |network, id| network.peer_address(id)), Err(Error::NotConnected));
    assert_eq!(
        fresh.set_option(&mut sim, SocketOption::V6Only(true)),
        Err(Error::NoSuchOption),
        "an IPv4 socket"
    );
    fresh.close(&mut sim);
    assert_eq!(fresh.try_connect(&mut sim, at), Err(Error::BadDescriptor));
    assert_eq!(shown(&mut sim, "localhost", 7).0, "ESTABLISHED");
    Ok(())
}

#[test]
fn connecting_twice_is_already_in_progress() -> Result<(), Error> {
    let mut sim = two_default_hosts(1);
    let _listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5)?;
    let client = SimSocket::new(&mut sim, "client", Family::V4)?;
    client.try_connect(&mut sim, address("10.0.0.1:80"))?;
    assert_eq!(client.try_connect(&mut sim, address("10.0.0.1:80")), Err(Error::AlreadyInProgress));
    sim.run_for(Duration::from_secs(1));
    assert_eq!(client.try_connect(&mut sim, address("10.0.0.1:80")), Err(Error::IsConnected));
    Ok(())
}
