//! Paths that carry less than their links: found out by messages, by probes, or not at all.

mod common;

use common::{address, two_hosts};
use sockeye_link::LinkConfig;
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Counters, Error, OptionName, PathSettings, Settings, SocketOption};
use std::time::Duration;

const FAMILIES: [(&str, u32); 2] = [("10.0.0.1:80", 40), ("[fd00::1]:80", 60)];

fn path(inner: usize, black_hole: bool) -> LinkConfig {
    let delay = Duration::from_millis(5);
    LinkConfig { delay, inner_mtu: Some(inner), black_hole, ..LinkConfig::default() }
}

fn probing(mode: u8) -> Settings {
    Settings { path: PathSettings { mtu_probing: mode, ..PathSettings::default() }, ..Settings::default() }
}

/// Carries `len` bytes from the client to the server, within `limit`.
fn carry(sim: &mut Sim, at: &str, len: usize, limit: Duration) -> Result<SimSocket, Error> {
    let listener = SimSocket::listen(sim, "server", address(at), 5)?;
    let client = SimSocket::connect(sim, "client", address(at))?;
    let server = listener.accept(sim)?;
    let bytes: Vec<u8> = (0..len).map(|place| (place % 251) as u8).collect();
    let (mut written, mut read) = (0, Vec::new());
    sim.run_until(limit, |sim| {
        written += client.try_write(sim, &bytes[written..]);
        while let Ok(some) = server.try_read(sim, 1 << 20) {
            if some.is_empty() {
                break;
            }
            read.extend(some);
        }
        read.len() == len
    });
    if read.len() < len {
        return Err(Error::TimedOut);
    }
    assert!(read == bytes, "the bytes that were sent");
    Ok(client)
}

fn mss(sim: &mut Sim, socket: SimSocket) -> u32 {
    match socket.with(sim, |network, id| network.option(id, OptionName::MaxSegment)) {
        Ok(SocketOption::MaxSegment(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

fn counters(sim: &mut Sim, host: &str) -> Counters {
    let host = sim.host(host).expect("there is one");
    sim.network().counters(host).expect("there is one")
}

/// SHLD-6 (3.7.2), RFC 1191, RFC 8201: one round trip is lost, and nothing waits for a time-out.
#[test]
fn shld_6_a_router_that_tells_costs_one_round_trip() -> Result<(), Error> {
    for (at, headers) in FAMILIES {
        let config = two_hosts(path(1300, false), Settings::default(), Settings::default());
        let mut sim = Sim::new(&config, 1).expect("a sound network");
        let client = carry(&mut sim, at, 200_000, Duration::from_millis(190))?;
        assert_eq!(mss(&mut sim, client), 1300 - headers - 12, "{at}: with timestamps");
        assert!(counters(&mut sim, "client").icmp_errors > 0);
    }
    Ok(())
}

/// Without probing a black hole swallows a connection for ever; the MSS says nothing of it.
#[test]
fn a_black_hole_swallows_what_is_too_big() {
    let config = two_hosts(path(1300, true), Settings::default(), Settings::default());
    let mut sim = Sim::new(&config, 1).expect("a sound network");
    let carried = carry(&mut sim, FAMILIES[0].0, 20_000, Duration::from_secs(300));
    assert_eq!(carried, Err(Error::TimedOut));
    assert_eq!(counters(&mut sim, "client").icmp_errors, 0);
}

/// RFC 4821, section 7.7: tcp_mtu_probing = 1.
#[test]
fn a_black_hole_is_found_out() -> Result<(), Error> {
    for (at, _) in FAMILIES {
        for inner in [1300, 1100] {
            let config = two_hosts(path(inner, true), Settings::default(), probing(1));
            let mut sim = Sim::new(&config, 1).expect("a sound network");
            let client = carry(&mut sim, at, 100_000, Duration::from_secs(30))?;
            assert!(mss(&mut sim, client) as usize <= inner - 40, "{at} {inner}");
        }
    }
    Ok(())
}

/// A path that is narrower than what probing begins with: it halves until something goes through.
#[test]
fn a_narrow_black_hole_takes_longer() -> Result<(), Error> {
    let config = two_hosts(path(300, true), Settings::default(), probing(1));
    let mut sim = Sim::new(&config, 1).expect("a sound network");
    let client = carry(&mut sim, FAMILIES[0].0, 10_000, Duration::from_secs(120))?;
    assert!(mss(&mut sim, client) <= 260);
    Ok(())
}

/// RFC 4821, section 7.2: tcp_mtu_probing = 2 searches from the start, on both sides of what goes through, and a probe that is
/// lost is no sign of congestion.
#[test]
fn probing_finds_what_the_path_carries() -> Result<(), Error> {
    for (at, headers) in FAMILIES {
        for inner in [1500, 1400, 1300] {
            let config = two_hosts(path(inner, true), Settings::default(), probing(2));
            let mut sim = Sim::new(&config, 1).expect("a sound network");
            let client = carry(&mut sim, at, 12_000_000, Duration::from_secs(120))?;
            let found = mss(&mut sim, client) + 12 + headers;
            assert!(found as usize <= inner && found as usize + 16 > inner, "{at} {inner}: {found}");
        }
    }
    Ok(())
}

/// Links as wide as they come, and one that is narrower in the middle.
#[test]
fn jumbo_and_64_kib_links() -> Result<(), Error> {
    for (at, headers) in FAMILIES {
        for (mtu, inner) in [(9000, None), (65_535, None), (65_535, Some(9000)), (9000, Some(1280))] {
            let link = LinkConfig {
                mtu,
                inner_mtu: inner,
                delay: Duration::from_millis(1),
                ..LinkConfig::default()
            };
            let config = two_hosts(link, Settings::default(), Settings::default());
            let mut sim = Sim::new(&config, 1).expect("a sound network");
            let client = carry(&mut sim, at, 2_000_000, Duration::from_secs(20))?;
            let expected = inner.unwrap_or(mtu) as u32 - headers - 12;
            assert_eq!(mss(&mut sim, client), expected, "{at} {mtu} {inner:?}");
        }
    }
    Ok(())
}

/// TCP_MAXSEG bounds what is announced and what is sent; unset and unconnected it reads as the default (MUST-15, 3.7.1).
#[test]
fn the_program_bounds_the_mss() -> Result<(), Error> {
    let config = two_hosts(LinkConfig::default(), Settings::default(), Settings::default());
    let mut sim = Sim::new(&config, 1).expect("a sound network");
    let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5)?;
    let client = SimSocket::new(&mut sim, "client", sockeye_stack::Family::V4)?;
    assert_eq!(mss(&mut sim, client), 536);
    client.set_option(&mut sim, SocketOption::MaxSegment(1100))?;
    assert_eq!(mss(&mut sim, client), 1100);
    client.connect_to(&mut sim, address("10.0.0.1:80"))?;
    let server = listener.accept(&mut sim)?;
    assert_eq!((mss(&mut sim, client), mss(&mut sim, server)), (1088, 1088), "less the timestamps");
    Ok(())
}
