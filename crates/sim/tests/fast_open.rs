//! TCP Fast Open (RFC 7413) between two hosts whose link takes 5 ms each way.

mod common;

use common::{address, count, pattern, shown, two_hosts};
use sockeye_link::LinkConfig;
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, Family, Settings, Shutdown, SocketOption};
use std::net::SocketAddr;
use std::time::Duration;

const DELAY: Duration = Duration::from_millis(5);

/// A server whose listeners all take Fast Open, and a client.
fn hosts(server: Settings, client: Settings) -> Sim {
    let link = LinkConfig { delay: DELAY, ..LinkConfig::default() };
    Sim::new(&two_hosts(link, server, client), 1).expect("a sound network")
}

fn open_to_all() -> Settings {
    Settings { fast_open: 0x402, ..Settings::default() }
}

fn client(sim: &mut Sim, at: SocketAddr) -> Result<SimSocket, Error> {
    SimSocket::new(sim, "client", if at.is_ipv4() { Family::V4 } else { Family::V6 })
}

/// A connection that brings the client a cookie.
fn warm_up(sim: &mut Sim, listener: SimSocket, at: SocketAddr) -> Result<(), Error> {
    let first = client(sim, at)?;
    assert_eq!(first.try_fast_open(sim, at, b"too early")?, 0, "a cookie is asked for");
    sim.run_for(DELAY * 4);
    assert!(sim.status(first).is_connected);
    first.close(sim);
    listener.accept(sim)?.close(sim);
    sim.run_for(DELAY * 10);
    Ok(())
}

/// RFC 7413, section 1: text arrives with the SYN, and the answer a round trip after it left.
#[test]
fn the_answer_comes_after_one_round_trip() -> Result<(), Error> {
    for at in [address("10.0.0.1:80"), address("[fd00::1]:80")] {
        let mut sim = hosts(open_to_all(), Settings::default());
        let listener = SimSocket::listen(&mut sim, "server", at, 5)?;
        warm_up(&mut sim, listener, at)?;

        let socket = client(&mut sim, at)?;
        assert_eq!(socket.try_fast_open(&mut sim, at, b"GET /")?, 5);
        sim.run_for(DELAY);
        let server = listener.try_accept(&mut sim)?;
        assert_eq!(shown(&mut sim, "server", 80).0, "SYN_RECV");
        assert_eq!(server.try_read(&mut sim, 100)?, b"GET /");
        assert_eq!(server.try_write(&mut sim, b"200"), 3);
        server.shutdown(&mut sim, Shutdown::Write)?;
        sim.run_for(DELAY);
        assert_eq!(socket.try_read(&mut sim, 100)?, b"200");
        sim.run_for(DELAY);
        assert_eq!(shown(&mut sim, "server", 80).0, "FIN_WAIT2");
        let (taken, counted) = sim.host("client").and_then(|host| {
            let taken = sim.network().counters(host).map_or(0, |counters| counters.fast_opens_active);
            let server = sim.host("server")?;
            Ok((taken, sim.network().counters(server).map_or(0, |counters| counters.fast_opens_passive)))
        })?;
        assert_eq!((taken, counted), (1, 1));
    }
    Ok(())
}

/// RFC 7413, 4.2.2: text that the server did not take is sent again, and arrives once.
#[test]
fn nothing_is_lost_when_the_server_forgets_its_key() -> Result<(), Error> {
    let at = address("10.0.0.1:80");
    let mut sim = hosts(open_to_all(), Settings::default());
    let listener = SimSocket::listen(&mut sim, "server", at, 5)?;
    warm_up(&mut sim, listener, at)?;
    let host = sim.host("server")?;
    sim.network().set_sysctl(host, "net.ipv4.tcp_fastopen_key", "1-2-3-4").expect("a key");

    let bytes = pattern(5000);
    let socket = client(&mut sim, at)?;
    let sent = socket.try_fast_open(&mut sim, at, &bytes)?;
    assert!((1000..5000).contains(&sent), "{sent} bytes in a SYN");
    sim.run_for(DELAY);
    assert_eq!(listener.try_accept(&mut sim).err(), Some(Error::WouldBlock));
    socket.write_all(&mut sim, &bytes[sent..])?;
    sim.run_for(DELAY);
    socket.shutdown(&mut sim, Shutdown::Write)?;
    let server = listener.accept(&mut sim)?;
    assert_eq!(server.read_to_end(&mut sim)?, bytes);

    // The SYN-ACK brought the new cookie.
    let again = client(&mut sim, at)?;
    assert_eq!(again.try_fast_open(&mut sim, at, b"x")?, 1);
    sim.run_for(DELAY);
    assert_eq!(listener.try_accept(&mut sim)?.try_read(&mut sim, 10)?, b"x");
    Ok(())
}

/// RFC 7413, 4.1.2: cookies of the last key stay good while it is the backup.
#[test]
fn a_cookie_outlives_the_rotation_of_keys() -> Result<(), Error> {
    let at = address("10.0.0.1:80");
    let mut sim = hosts(open_to_all(), Settings::default());
    let host = sim.host("server")?;
    let set = |sim: &mut Sim, text| {
        sim.network().set_sysctl(host, "net.ipv4.tcp_fastopen_key", text).expect("a key");
    };
    set(&mut sim, "1-2-3-4");
    let listener = SimSocket::listen(&mut sim, "server", at, 5)?;
    warm_up(&mut sim, listener, at)?;
    for keys in ["5-6-7-8,1-2-3-4", "5-6-7-8"] {
        set(&mut sim, keys);
        let socket = client(&mut sim, at)?;
        assert_eq!(socket.try_fast_open(&mut sim, at, b"still")?, 5);
        sim.run_for(DELAY);
        assert_eq!(listener.try_accept(&mut sim)?.try_read(&mut sim, 10)?, b"still", "{keys}");
        sim.run_for(DELAY * 2);
    }
    Ok(())
}

/// TCP_FASTOPEN_CONNECT: connect() waits for the first text, and the rest follows the handshake.
#[test]
fn connect_waits_for_text() -> Result<(), Error> {
    let at = address("10.0.0.1:80");
    let mut sim = hosts(open_to_all(), Settings::default());
    let listener = SimSocket::listen(&mut sim, "server", at, 5)?;
    warm_up(&mut sim, listener, at)?;
    let socket = client(&mut sim, at)?;
    socket.set_option(&mut sim, SocketOption::FastOpenConnect(true))?;
    socket.try_connect(&mut sim, at)?;
    assert!(socket.with(&mut sim, |network, id| network.deferred_room(id)).is_some());
    assert_eq!(socket.try_connect(&mut sim, at), Err(Error::IsConnected));
    sim.run_for(DELAY * 10);
    assert_eq!(count(&mut sim, "server", "SYN_RECV"), 0, "no SYN yet");
    let bytes = pattern(10_000);
    assert_eq!(socket.try_write(&mut sim, &bytes), bytes.len());
    sim.run_for(DELAY);
    let server = listener.try_accept(&mut sim)?;
    let first = server.try_read(&mut sim, 2000)?;
    assert!(first.len() >= 1000, "{} bytes with the SYN", first.len());
    sim.run_for(DELAY);
    socket.shutdown(&mut sim, Shutdown::Write)?;
    assert_eq!([first, server.read_to_end(&mut sim)?].concat(), bytes);
    Ok(())
}

/// TCP_FASTOPEN on the listener, and the switches of both hosts.
#[test]
fn both_ends_must_want_it() -> Result<(), Error> {
    let at = address("10.0.0.1:80");
    let off = Settings { fast_open: 0, ..Settings::default() };
    let mut sim = hosts(Settings { fast_open: 2, ..Settings::default() }, off);
    let socket = client(&mut sim, at)?;
    assert_eq!(socket.try_fast_open(&mut sim, at, b"x"), Err(Error::NotSupported));
    assert_eq!(socket.set_option(&mut sim, SocketOption::FastOpenConnect(true)), Err(Error::NotSupported));

    let mut sim = hosts(Settings { fast_open: 2, ..Settings::default() }, Settings::default());
    let listener = SimSocket::listen(&mut sim, "server", at, 5)?;
    for (is_asked, expected) in [(false, 0), (true, 0), (true, 1)] {
        if is_asked {
            listener.set_option(&mut sim, SocketOption::FastOpen(8))?;
        }
        let socket = client(&mut sim, at)?;
        assert_eq!(socket.try_fast_open(&mut sim, at, b"x")?, expected);
        sim.run_for(DELAY * 4);
        socket.close(&mut sim);
        listener.accept(&mut sim)?.close(&mut sim);
        sim.run_for(DELAY * 10);
    }
    Ok(())
}

/// A connection whose handshake is not complete is closed like any other; one that nobody accepted is reset.
#[test]
fn early_connections_end_in_order() -> Result<(), Error> {
    let at = address("10.0.0.1:80");
    let mut sim = hosts(open_to_all(), Settings::default());
    let listener = SimSocket::listen(&mut sim, "server", at, 5)?;
    warm_up(&mut sim, listener, at)?;
    let socket = client(&mut sim, at)?;
    socket.try_fast_open(&mut sim, at, b"bye")?;
    sim.run_for(DELAY);
    let server = listener.try_accept(&mut sim)?;
    assert_eq!(server.try_read(&mut sim, 10)?, b"bye");
    server.try_write(&mut sim, b"good bye");
    server.close(&mut sim);
    assert_eq!(socket.read_to_end(&mut sim)?, b"good bye");

    let late = client(&mut sim, at)?;
    late.try_fast_open(&mut sim, at, b"late")?;
    sim.run_for(DELAY);
    listener.close(&mut sim);
    sim.run_for(DELAY);
    assert_eq!(sim.take_error(late), Some(Error::ConnectionReset));
    Ok(())
}
