//! Urgent data (RFC 9293, 3.8.5; RFC 6093), as Linux has it: one byte, in its place in the stream, that can be read apart.

mod common;

use common::{address, two_default_hosts};
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::{Error, SocketOption};

const ADDRESSES: [(&str, &str); 4] = [
    ("server", "10.0.0.1:80"),
    ("server", "[fd00::1]:80"),
    ("client", "127.0.0.1:80"),
    ("client", "[::1]:80"),
];

/// A connection from `client` to a host, over a link or on loopback.
fn pair(host: &str, at: &str) -> Result<(Sim, SimSocket, SimSocket), Error> {
    let mut sim = two_default_hosts(1);
    let listener = SimSocket::listen(&mut sim, host, address(at), 5)?;
    let client = SimSocket::connect(&mut sim, "client", address(at))?;
    let server = listener.accept(&mut sim)?;
    Ok((sim, client, server))
}

/// MUST-30, MUST-31, MUST-33 (3.8.5): the program sends urgent data of any length, and learns where it ends.
#[test]
fn must_30_31_33_reading_stops_at_the_urgent_byte_and_passes_it() -> Result<(), Error> {
    for (host, at) in ADDRESSES {
        let (mut sim, client, server) = pair(host, at)?;
        assert_eq!(client.send_urgent(&mut sim, b"abcX"), 4);
        client.write_all(&mut sim, b"def")?;
        sim.run_for(std::time::Duration::from_secs(1));
        assert!(!server.is_at_mark(&mut sim), "{at}");
        assert_eq!(server.try_read(&mut sim, 100)?, b"abc", "{at}");
        assert!(server.is_at_mark(&mut sim), "{at}");
        assert_eq!(server.recv_urgent(&mut sim), Ok(b'X'), "{at}");
        assert_eq!(server.recv_urgent(&mut sim), Err(Error::InvalidArgument), "{at}: it is read once");
        assert_eq!(server.try_read(&mut sim, 100)?, b"def", "{at}");
        assert!(!server.is_at_mark(&mut sim), "{at}");
    }
    Ok(())
}

/// RFC 6093, section 3: with SO_OOBINLINE it is a byte like others, and the mark stands before it.
#[test]
fn in_line_it_is_a_byte_like_others() -> Result<(), Error> {
    for (host, at) in ADDRESSES {
        let (mut sim, client, server) = pair(host, at)?;
        server.set_option(&mut sim, SocketOption::OobInline(true))?;
        client.send_urgent(&mut sim, b"abcX");
        client.write_all(&mut sim, b"def")?;
        sim.run_for(std::time::Duration::from_secs(1));
        assert_eq!(server.recv_urgent(&mut sim), Err(Error::InvalidArgument), "{at}");
        assert_eq!(server.try_read(&mut sim, 100)?, b"abc", "{at}");
        assert!(server.is_at_mark(&mut sim), "{at}");
        assert_eq!(server.try_read(&mut sim, 100)?, b"Xdef", "{at}");
    }
    Ok(())
}

/// There is one urgent byte: a newer one takes its place, and the older is then a byte like others (RFC 6093, section 3.2).
#[test]
fn the_newest_urgent_byte_counts() -> Result<(), Error> {
    for (host, at) in ADDRESSES {
        let (mut sim, client, server) = pair(host, at)?;
        client.send_urgent(&mut sim, b"aX");
        sim.run_for(std::time::Duration::from_secs(1));
        client.send_urgent(&mut sim, b"bY");
        sim.run_for(std::time::Duration::from_secs(1));
        assert_eq!(server.recv_urgent(&mut sim), Ok(b'Y'), "{at}");
        assert_eq!(server.try_read(&mut sim, 100)?, b"aXb", "{at}");
    }
    Ok(())
}

const OPEN: &str = "listen
    < S 0 win 20000 mss 1000
    > SA 0 ack 1
    < A 1 ack 1 win 20000
    accept";

/// MUST-62 (3.8.5): the pointer names the octet after the urgent one, in every segment before it.
#[test]
fn must_62_the_pointer_names_the_octet_after() -> Result<(), String> {
    let mut scene = Scene::with_small_window()?;
    scene.run(OPEN)?;
    let socket = scene.socket.ok_or("it was accepted")?;
    let bytes: Vec<u8> = (0..1200).map(|place: u32| (place % 251) as u8).collect();
    socket.send_urgent(&mut scene.sim, &bytes);
    let sent = scene.sent()?;
    let pointers: Vec<(usize, u16, bool)> = sent
        .iter()
        .map(|seen| {
            (seen.text.len(), seen.header.urgent, seen.header.flags.contains(sockeye_wire::Flags::URG))
        })
        .collect();
    assert_eq!(pointers, [(1000, 1200, true), (200, 200, true)]);
    Ok(())
}

/// Pointers to nowhere: behind what was read, at nothing, far beyond the window. Nothing is lost, and nothing is read apart that is
/// not there.
#[test]
fn pointers_out_of_range_do_no_harm() -> Result<(), String> {
    for (urgent, awaited) in [(0, false), (1, true), (65_535, true), (11, true)] {
        let mut scene = Scene::with_small_window()?;
        scene.run(OPEN)?;
        scene.segment_arrives(&format!("UA 1 ack 1 win 20000 urg {urgent}"))?;
        let socket = scene.socket.ok_or("it was accepted")?;
        let expected = if awaited { Error::WouldBlock } else { Error::InvalidArgument };
        assert_eq!(socket.recv_urgent(&mut scene.sim), Err(expected), "{urgent}");
        scene.run("< PA 1 len 500 ack 1 win 20000\nflush")?;
        let mut read = Vec::new();
        while let Ok(bytes) = socket.try_read(&mut scene.sim, 1000) {
            read.extend(bytes);
        }
        let hidden = usize::from(urgent > 0 && urgent <= 500);
        assert_eq!(read.len(), 500 - hidden, "{urgent}");
    }
    Ok(())
}
