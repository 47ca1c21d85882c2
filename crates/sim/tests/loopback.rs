//! One host: connections over loopback.

mod common;

use common::{HOUR, address, connection, one_host, pattern, shown};
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, Family, Settings, Shutdown};
use std::time::Duration;

#[test]
fn an_echo_goes_there_and_back() -> Result<(), Error> {
    let mut sim = Sim::loopback(1).expect("the default network");
    let server = SimSocket::listen(&mut sim, "localhost", address("127.0.0.1:7"), 5)?;
    let client = SimSocket::connect(&mut sim, "localhost", address("127.0.0.1:7"))?;
    let peer = server.accept(&mut sim)?;
    client.write_all(&mut sim, b"hello")?;
    let heard = peer.read(&mut sim, 100)?;
    peer.write_all(&mut sim, &heard)?;
    assert_eq!(client.read(&mut sim, 100)?, b"hello");

    client.close(&mut sim);
    assert_eq!(peer.read(&mut sim, 100)?, b"", "end of file");
    peer.close(&mut sim);
    assert!(sim.run_until_idle(Duration::from_secs(300)));
    server.close(&mut sim);
    assert!(sim.rings().is_empty(), "every slot was given back");
    assert!(sim.netstat("localhost").is_empty());
    Ok(())
}

#[test]
fn a_megabyte_arrives_intact_both_ways() -> Result<(), Error> {
    let mut sim = Sim::loopback(2).expect("the default network");
    let (_, client, peer) = connection(&mut sim, "[::1]:7")?;
    let sent = pattern(1 << 20);
    for (from, to) in [(client, peer), (peer, client)] {
        let mut written = 0;
        let mut read = Vec::new();
        let done = sim.run_until(Duration::from_secs(60), |sim| {
            written += from.try_write(sim, &sent[written..]);
            if let Ok(bytes) = to.try_read(sim, usize::MAX) {
                read.extend(bytes);
            }
            read.len() == sent.len()
        });
        assert!(done, "{} of {} bytes after {}", read.len(), sent.len(), sim.now());
        assert!(read == sent);
        from.shutdown(&mut sim, Shutdown::Write)?;
    }
    Ok(())
}

/// What a connection takes in whose peer does not read: RecvQ's limit, and in SendQ a share of 2 MiB, but 128 KiB at least.
#[test]
fn connections_that_are_full_share() -> Result<(), Error> {
    const RECVQ: usize = 1 << 20;
    for (connections, share) in [(1, 1 << 20), (4, 512 << 10), (30, 128 << 10)] {
        let mut sim = Sim::loopback(2).expect("the default network");
        let pairs: Vec<_> = (0..connections)
            .map(|at| connection(&mut sim, &format!("127.0.0.1:{}", 7 + at)))
            .collect::<Result<_, _>>()?;
        let text = pattern(1 << 20);
        let mut taken = vec![0; connections];
        for _ in 0..20 {
            for ((_, client, _), taken) in pairs.iter().zip(&mut taken) {
                *taken += client.try_write(&mut sim, &text);
            }
            sim.run_for(Duration::from_millis(1));
        }
        // The last of the window is too small for a segment.
        let expected = RECVQ + share - 10_000..=RECVQ + share;
        assert!(expected.contains(taken.last().unwrap_or(&0)), "{taken:?}");
    }
    Ok(())
}

#[test]
fn a_thousand_connections_live_at_once() -> Result<(), Error> {
    let mut sim = Sim::loopback(3).expect("the default network");
    let at = address("127.0.0.1:7");
    let listener = SimSocket::listen(&mut sim, "localhost", at, 4096)?;
    let clients =
        (0..1000).map(|_| SimSocket::connect(&mut sim, "localhost", at)).collect::<Result<Vec<_>, _>>()?;
    let servers = (0..1000).map(|_| listener.try_accept(&mut sim)).collect::<Result<Vec<_>, _>>()?;
    for (number, client) in clients.iter().enumerate() {
        client.write_all(&mut sim, format!("I am {number}").as_bytes())?;
    }
    for (number, server) in servers.iter().enumerate() {
        assert_eq!(server.read(&mut sim, 100)?, format!("I am {number}").as_bytes());
    }
    clients.iter().for_each(|client| client.close(&mut sim));
    servers.iter().for_each(|server| server.close(&mut sim));
    listener.close(&mut sim);
    assert!(sim.run_until_idle(HOUR));
    assert!(sim.netstat("localhost").is_empty());
    assert!(sim.rings().is_empty());
    Ok(())
}

#[test]
fn connecting_to_the_unspecified_address_is_to_loopback() -> Result<(), Error> {
    let mut sim = Sim::loopback(4).expect("the default network");
    let listener = SimSocket::listen(&mut sim, "localhost", address("127.0.0.1:7"), 5)?;
    let client = SimSocket::connect(&mut sim, "localhost", address("0.0.0.0:7"))?;
    listener.try_accept(&mut sim)?;
    let peer = client.with(&mut sim, |network, id| network.peer_address(id))?;
    assert_eq!(peer, address("127.0.0.1:7"));
    Ok(())
}

#[test]
fn must_10_a_socket_connects_to_itself_by_simultaneous_open() -> Result<(), Error> {
    let mut sim = Sim::loopback(5).expect("the default network");
    let socket = SimSocket::new(&mut sim, "localhost", Family::V4)?;
    socket.with(&mut sim, |network, id| network.bind(id, address("127.0.0.1:9")))?;
    socket.connect_to(&mut sim, address("127.0.0.1:9"))?;
    assert_eq!(shown(&mut sim, "localhost", 9).0, "ESTABLISHED");
    socket.write_all(&mut sim, b"to myself")?;
    assert_eq!(socket.read(&mut sim, 100)?, b"to myself");
    socket.close(&mut sim);
    assert!(sim.run_until_idle(HOUR));
    assert!(sim.netstat("localhost").is_empty());
    assert!(sim.rings().is_empty());
    Ok(())
}

/// Two programs that send to each other, and read only when they are done with it, wait for each other for ever.
#[test]
fn mutual_send_of_more_than_the_queues_hold_blocks_until_one_reads() -> Result<(), Error> {
    let settings =
        Settings { exact_send_buffer: Some(500), exact_recv_buffer: Some(500), ..Settings::default() };
    let mut sim = one_host(settings);
    let (_, client, server) = connection(&mut sim, "127.0.0.1:7")?;
    let sent = pattern(3000);
    let mut written = [0, 0];
    let both_done = |sim: &mut Sim, written: &mut [usize; 2]| {
        written[0] += client.try_write(sim, &sent[written[0]..]);
        written[1] += server.try_write(sim, &sent[written[1]..]);
        *written == [3000, 3000]
    };
    let day = 24 * HOUR;
    assert!(!sim.run_until(day, |sim| both_done(sim, &mut written)), "{written:?}");
    assert_eq!(written, [1000, 1000], "SendQ and RecvQ, 500 bytes each");
    for port in [7, client.with(&mut sim, |network, id| network.local_address(id))?.port()] {
        assert_eq!(shown(&mut sim, "localhost", port), ("ESTABLISHED".to_owned(), 500, 500));
    }

    let mut read = Vec::new();
    let is_free = sim.run_until(HOUR, |sim| {
        if let Ok(bytes) = server.try_read(sim, 100) {
            read.extend(bytes);
        }
        written[0] += client.try_write(sim, &sent[written[0]..]);
        read.len() == 3000
    });
    assert!(is_free, "a reader frees the other: {} bytes", read.len());
    assert!(read == sent);
    Ok(())
}
