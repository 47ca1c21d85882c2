//! Two hosts and a link.

mod common;

use common::{BlackHole, HOUR, address, count, pattern, shown, two_default_hosts, two_hosts};
use sockeye_clock::Instant;
use sockeye_link::{Link, LinkConfig};
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, Settings};
use std::time::Duration;

/// Sends `sent` from the client to the server and its reverse back, with a pause of nobody, and says when it was done.
fn exchange(sim: &mut Sim, sent: &[u8]) -> Result<Instant, Error> {
    let listener = SimSocket::listen(sim, "server", address("10.0.0.1:80"), 5)?;
    let client = SimSocket::connect(sim, "client", address("10.0.0.1:80"))?;
    let server = listener.accept(sim)?;
    let back: Vec<u8> = sent.iter().rev().copied().collect();
    let (mut written, mut read) = ([0, 0], [Vec::new(), Vec::new()]);
    let seed = sim.seed();
    let is_done = sim.run_until(HOUR, |sim| {
        written[0] += client.try_write(sim, &sent[written[0]..]);
        written[1] += server.try_write(sim, &back[written[1]..]);
        for (socket, read) in [server, client].into_iter().zip(&mut read) {
            if let Ok(bytes) = socket.try_read(sim, usize::MAX) {
                read.extend(bytes);
            }
        }
        read[0].len() == sent.len() && read[1].len() == back.len()
    });
    assert!(is_done, "seed {seed}: {} and {} bytes of {}", read[0].len(), read[1].len(), sent.len());
    assert!(read[0] == sent && read[1] == back, "seed {seed}: not the same bytes");
    client.close(sim);
    server.close(sim);
    let ended = sim.now();
    listener.close(sim);
    assert!(sim.run_until_idle(HOUR), "seed {seed}");
    assert!(sim.netstat("server").is_empty() && sim.netstat("client").is_empty(), "seed {seed}");
    assert!(sim.rings().is_empty(), "seed {seed}");
    Ok(ended)
}

#[test]
fn a_perfect_link_carries_a_megabyte() -> Result<(), Error> {
    let mut sim = two_default_hosts(1);
    exchange(&mut sim, &pattern(1 << 20))?;
    let host = sim.host("server")?;
    let counters = sim.network().counters(host).expect("the server's");
    assert!(counters.packets_received > 700, "a megabyte is 700 packets of 1500 bytes: {counters:?}");
    assert_eq!((counters.bad_checksums, counters.bad_headers, counters.bad_addresses), (0, 0, 0));
    Ok(())
}

#[test]
fn a_bad_link_carries_a_megabyte_intact() -> Result<(), Error> {
    for seed in 0..6 {
        let link = LinkConfig {
            delay: Duration::from_millis(10),
            jitter: Duration::from_millis(2),
            loss: 0.05,
            reorder: 0.02,
            duplicate: 0.01,
            corrupt: 0.01,
            seed,
            ..LinkConfig::default()
        };
        let config = two_hosts(link, Settings::default(), Settings::default());
        let mut sim = Sim::new(&config, seed).expect("a sound network");
        exchange(&mut sim, &pattern(1 << 20))?;
        let host = sim.host("server")?;
        let counters = sim.network().counters(host).expect("the server's");
        // MUST-3 (3.1): what was corrupted was noticed, in a header or in the text.
        assert!(counters.bad_checksums + counters.bad_headers > 0, "seed {seed}: {counters:?}");
    }
    Ok(())
}

#[test]
fn the_same_seed_gives_the_same_run() -> Result<(), Error> {
    let run = |seed| {
        let link = LinkConfig { delay: Duration::from_millis(3), loss: 0.1, seed, ..LinkConfig::default() };
        let config = two_hosts(link, Settings::default(), Settings::default());
        exchange(&mut Sim::new(&config, 9).expect("a sound network"), &pattern(100_000))
    };
    assert_eq!(run(1)?, run(1)?);
    assert_ne!(run(1)?, run(2)?);
    Ok(())
}

/// Reads records of 1024 bytes until end of file; the last may be short. `begun` is a part of the first.
fn read_records(
    sim: &mut Sim,
    from: SimSocket,
    begun: Vec<u8>,
    mut on_record: impl FnMut(Vec<u8>),
) -> Result<(), Error> {
    let mut record = begun;
    loop {
        let bytes = from.read(sim, 1024 - record.len())?;
        record.extend(&bytes);
        if record.len() == 1024 || (bytes.is_empty() && !record.is_empty()) {
            on_record(std::mem::take(&mut record));
        }
        if bytes.is_empty() {
            return Ok(());
        }
    }
}

/// The experiment of guaranteed delivery: what a killed program had handed over arrives, 38104 bytes of it.
#[test]
fn what_was_sent_is_delivered_though_the_sender_hung_up() -> Result<(), Error> {
    let link = LinkConfig { delay: Duration::from_millis(1), ..LinkConfig::default() };
    let server = Settings { exact_recv_buffer: Some(16_384), ..Settings::default() };
    let client = Settings { exact_send_buffer: Some(21_720), ..Settings::default() };
    let mut sim = Sim::new(&two_hosts(link, server, client), 7).expect("a sound network");
    let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:8002"), 5)?;
    let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:8002"))?;
    let server = listener.accept(&mut sim)?;
    let port = client.with(&mut sim, |network, id| network.local_address(id))?.port();

    let sent = pattern(100_000);
    let mut written = 0;
    sim.run_until(Duration::from_secs(60), |sim| {
        written += client.try_write(sim, &sent[written..]);
        false
    });
    assert_eq!(written, 16_384 + 21_720);
    assert_eq!(shown(&mut sim, "server", 8002), ("ESTABLISHED".to_owned(), 16_384, 0));
    assert_eq!(shown(&mut sim, "client", port), ("ESTABLISHED".to_owned(), 0, 21_720));

    client.close(&mut sim);
    sim.run_for(Duration::from_secs(600));
    assert_eq!(shown(&mut sim, "server", 8002), ("ESTABLISHED".to_owned(), 16_384, 0));
    assert_eq!(shown(&mut sim, "client", port), ("FIN_WAIT1".to_owned(), 0, 21_721), "the FIN counts");

    let mut read = Vec::new();
    let mut records = Vec::new();
    let mut record = Vec::new();
    let is_refilled = sim.run_until(HOUR, |sim| {
        if record.len() < 1024 && read.len() < 22_000 {
            record.extend(server.try_read(sim, 1024 - record.len()).unwrap_or_default());
        }
        if record.len() == 1024 {
            records.push(record.len());
            read.append(&mut record);
        }
        shown(sim, "server", 8002).0 == "CLOSE_WAIT"
    });
    assert!(is_refilled, "after {} bytes: {:?}", read.len(), shown(&mut sim, "server", 8002));
    let waiting = 38_104 - read.len() - record.len();
    assert_eq!(shown(&mut sim, "server", 8002), ("CLOSE_WAIT".to_owned(), waiting + 1, 0), "the FIN counts");
    sim.run_for(Duration::from_secs(1));
    assert_eq!(shown(&mut sim, "client", port), ("FIN_WAIT2".to_owned(), 0, 0));

    read_records(&mut sim, server, record, |record| {
        records.push(record.len());
        read.extend(record);
    })?;
    assert!(read == sent[..38_104], "{} bytes", read.len());
    assert_eq!((records.len(), records.last()), (38, Some(&216)), "37 records of 1024 bytes and one of 216");
    assert!(records[..37].iter().all(|len| *len == 1024));

    server.close(&mut sim);
    sim.run_for(Duration::from_secs(1));
    assert_eq!(shown(&mut sim, "server", 8002).0, "gone");
    assert_eq!(shown(&mut sim, "client", port), ("TIME_WAIT".to_owned(), 0, 0));
    sim.run_for(Duration::from_secs(58));
    assert_eq!(shown(&mut sim, "client", port).0, "TIME_WAIT");
    sim.run_for(Duration::from_secs(2));
    assert_eq!(shown(&mut sim, "client", port).0, "gone", "after 2MSL");
    Ok(())
}

#[test]
fn there_is_no_route_to_a_stranger() {
    let mut sim = two_default_hosts(2);
    for stranger in ["10.0.0.3:80", "[fd00::3]:80", "224.0.0.1:80", "255.255.255.255:80", "[ff02::1]:80"] {
        let error = SimSocket::connect(&mut sim, "client", address(stranger)).expect_err("nobody is there");
        assert_eq!(error, Error::NetworkUnreachable, "{stranger}");
    }
}

#[test]
fn nobody_listens_on_the_other_host() {
    let mut sim = two_default_hosts(3);
    for at in ["10.0.0.1:80", "[fd00::1]:80"] {
        let error = SimSocket::connect(&mut sim, "client", address(at)).expect_err("nobody listens");
        assert_eq!(error, Error::ConnectionRefused, "{at}");
    }
}

/// MUST-23 (3.8.3): R2 for a SYN is three minutes at least. As Linux with six retransmissions: 127 s.
#[test]
fn a_connection_into_a_black_hole_times_out() -> Result<(), Error> {
    let mut sim = two_default_hosts(4);
    sim.network().wrap_links(|_, _, _| Box::new(BlackHole));
    let socket = SimSocket::new(&mut sim, "client", sockeye_stack::Family::V4)?;
    assert_eq!(socket.connect_to(&mut sim, address("10.0.0.1:80")), Err(Error::TimedOut));
    assert!(sim.now() >= Instant::from_millis(100_000), "{}", sim.now());
    assert!(sim.run_until_idle(HOUR));
    // It can try again.
    assert_eq!(socket.connect_to(&mut sim, address("10.0.0.1:80")), Err(Error::TimedOut));
    socket.close(&mut sim);
    assert!(sim.rings().is_empty());
    Ok(())
}

#[test]
fn a_flood_of_syns_is_bounded_by_the_backlog() -> Result<(), Error> {
    let mut sim = two_default_hosts(5);
    // The answers never arrive.
    sim.network().wrap_links(|from, _, link| if from == "server" { Box::new(BlackHole) } else { link });
    let _listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 16)?;
    for _ in 0..2000 {
        let socket = SimSocket::new(&mut sim, "client", sockeye_stack::Family::V4)?;
        socket.try_connect(&mut sim, address("10.0.0.1:80"))?;
    }
    sim.run_for(Duration::from_millis(500));
    assert_eq!(count(&mut sim, "client", "SYN_SENT"), 2000);
    assert_eq!(count(&mut sim, "server", "SYN_RECV"), 17, "one more than the backlog, as on Linux");
    let host = sim.host("server")?;
    let answered = sim.network().counters(host).expect("the server's").syn_cookies_sent;
    assert_eq!(answered, 2000 - 17, "the others get cookies, of which nothing is kept");
    sim.run_until_idle(HOUR);
    assert_eq!(count(&mut sim, "server", "SYN_RECV"), 0);
    Ok(())
}

/// Changes packets at random and then makes their checksums right, so that they get as far as they can.
struct Mangler {
    link: Box<dyn Link>,
    state: u64,
}

impl Mangler {
    fn chance(&mut self, of: u64) -> u64 {
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % of
    }
}

impl Link for Mangler {
    fn mtu(&self) -> usize {
        self.link.mtu()
    }

    fn transmit(&mut self, now: Instant, mut packet: Vec<u8>) {
        let copy = packet.clone();
        for _ in 0..=self.chance(3) {
            // The fields of a TCP header behind an IPv4 one, and what follows.
            let at = 24 + self.chance(40) as usize;
            if let Some(byte) = packet.get_mut(at) {
                *byte = self.chance(256) as u8;
            }
        }
        if let Some(field) = packet.get_mut(36..38) {
            field.fill(0);
            let address = |at: usize| [copy[at], copy[at + 1], copy[at + 2], copy[at + 3]].into();
            sockeye_wire::tcp::fill_checksum(address(12), address(16), &mut packet[20..]);
        }
        self.link.transmit(now, packet);
        if self.chance(4) != 0 {
            self.link.transmit(now, copy);
        }
    }

    fn poll_receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.link.poll_receive(now)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.link.poll_timeout()
    }
}

/// No packet makes the stack panic or spin; connections may die of them.
#[test]
fn forged_segments_do_no_harm_to_the_stack() -> Result<(), Error> {
    for seed in 0..20 {
        let mut sim = two_default_hosts(seed);
        let mut number = 0;
        sim.network().wrap_links(|_, _, link| {
            number += 1;
            Box::new(Mangler { link, state: seed * 2 + number })
        });
        let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 50)?;
        let clients = (0..20)
            .map(|_| SimSocket::new(&mut sim, "client", sockeye_stack::Family::V4))
            .collect::<Result<Vec<_>, _>>()?;
        for client in &clients {
            client.try_connect(&mut sim, address("10.0.0.1:80"))?;
        }
        let sent = pattern(5000);
        let mut servers = Vec::new();
        sim.run_until(Duration::from_secs(20), |sim| {
            servers.extend(listener.try_accept(sim));
            for socket in clients.iter().chain(&servers) {
                socket.try_write(sim, &sent);
                let _ = socket.try_read(sim, usize::MAX);
            }
            false
        });
        clients.iter().chain(&servers).for_each(|socket| socket.close(&mut sim));
        listener.close(&mut sim);
        assert!(sim.run_until_idle(10 * HOUR), "seed {seed}: {:?}", sim.netstat("client"));
        assert!(sim.rings().is_empty(), "seed {seed}");
    }
    Ok(())
}

/// MUST-10 (3.5): two SYNs cross on the link, and make one connection.
#[test]
fn must_10_two_hosts_open_to_each_other_at_once() -> Result<(), Error> {
    let mut sim = two_default_hosts(6);
    let ends = [("server", "10.0.0.1:80", "10.0.0.2:80"), ("client", "10.0.0.2:80", "10.0.0.1:80")];
    let sockets = ends.map(|(host, local, remote)| {
        let socket = SimSocket::new(&mut sim, host, sockeye_stack::Family::V4)?;
        socket.with(&mut sim, |network, id| network.bind(id, address(local)))?;
        socket.try_connect(&mut sim, address(remote))?;
        Ok::<_, Error>(socket)
    });
    let [server, client] = [sockets[0]?, sockets[1]?];
    sim.run_for(Duration::from_secs(1));
    for host in ["server", "client"] {
        assert_eq!(shown(&mut sim, host, 80), ("ESTABLISHED".to_owned(), 0, 0));
    }
    client.write_all(&mut sim, b"hello")?;
    assert_eq!(server.read(&mut sim, 10)?, b"hello");
    client.close(&mut sim);
    server.close(&mut sim);
    assert!(sim.run_until_idle(HOUR));
    assert!(sim.rings().is_empty());
    Ok(())
}
