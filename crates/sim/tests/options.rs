//! Options of connections that are open.

mod common;

use common::{HOUR, connection, one_host, pattern};
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::{Error, Mark, OptionName, Settings, SocketOption};
use std::time::Duration;

/// Writes until nothing more is taken, and says how much was.
fn fill(sim: &mut Sim, socket: SimSocket) -> usize {
    let bytes = pattern(1 << 20);
    let mut written = 0;
    sim.run_until(Duration::from_secs(30), |sim| {
        written += socket.try_write(sim, &bytes[written..]);
        false
    });
    written
}

#[test]
fn buffers_of_an_open_connection_can_grow() -> Result<(), Error> {
    let settings = Settings { send_buffer: 8192, recv_buffer: 8192, ..Settings::default() };
    let mut sim = one_host(settings);
    let (_, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    assert_eq!(fill(&mut sim, client), 16_384);
    client.set_option(&mut sim, SocketOption::SendBuffer(10_000))?;
    let in_force = client.with(&mut sim, |network, id| network.option(id, OptionName::SendBuffer));
    assert_eq!(in_force, Ok(SocketOption::SendBuffer(20_000)));
    assert_eq!(fill(&mut sim, client), 20_000 - 8192, "SendQ has grown");
    server.set_option(&mut sim, SocketOption::ReceiveBuffer(10_000))?;
    assert_eq!(fill(&mut sim, client), 20_000 - 8192, "RecvQ has grown");
    client.close(&mut sim);
    assert_eq!(server.read_to_end(&mut sim)?.len(), 40_000);
    Ok(())
}

/// MUST-24..27 (3.8.4): on when asked for, and a peer that is gone is noticed.
#[test]
fn keep_alive_notices_that_the_peer_is_gone() -> Result<(), Error> {
    let mut sim = common::two_default_hosts(1);
    let at = common::address("10.0.0.1:80");
    let _listener = SimSocket::listen(&mut sim, "server", at, 5)?;
    let probing = SimSocket::connect(&mut sim, "client", at)?;
    let silent = SimSocket::connect(&mut sim, "client", at)?;
    for option in [
        SocketOption::KeepIdle(60),
        SocketOption::KeepInterval(10),
        SocketOption::KeepCount(3),
        SocketOption::KeepAlive(true),
    ] {
        probing.set_option(&mut sim, option)?;
    }
    sim.run_for(HOUR);
    assert_eq!(sim.status(probing).error, None, "the peer answers");
    sim.network().wrap_links(|_, _, _| Box::new(common::BlackHole));
    sim.run_for(Duration::from_secs(60 + 4 * 10));
    assert_eq!(sim.take_error(probing), Some(Error::TimedOut));
    sim.run_for(10 * HOUR);
    assert_eq!(sim.status(silent).error, None, "without keep-alive nobody asks");
    Ok(())
}

/// TCP_USER_TIMEOUT (RFC 793's user timeout; MUST-21, 3.8.3).
#[test]
fn a_user_timeout_ends_a_connection_that_makes_no_progress() -> Result<(), Error> {
    let mut sim = common::two_default_hosts(2);
    let at = common::address("10.0.0.1:80");
    let _listener = SimSocket::listen(&mut sim, "server", at, 5)?;
    let client = SimSocket::connect(&mut sim, "client", at)?;
    client.set_option(&mut sim, SocketOption::UserTimeout(5000))?;
    sim.network().wrap_links(|_, _, _| Box::new(common::BlackHole));
    client.write_all(&mut sim, b"into the dark")?;
    sim.run_for(Duration::from_secs(4));
    assert_eq!(sim.status(client).error, None);
    sim.run_for(Duration::from_secs(6));
    assert_eq!(sim.take_error(client), Some(Error::TimedOut));
    Ok(())
}

/// MUST-21, MUST-22 (3.8.3): TCP_USER_TIMEOUT bounds an open, also if it is set meanwhile.
#[test]
fn a_user_timeout_ends_an_open_that_is_not_answered() -> Result<(), Error> {
    let mut sim = common::two_default_hosts(2);
    sim.network().wrap_links(|_, _, _| Box::new(common::BlackHole));
    let client = SimSocket::new(&mut sim, "client", sockeye_stack::Family::V4)?;
    client.try_connect(&mut sim, common::address("10.0.0.1:80"))?;
    sim.run_for(Duration::from_millis(1500));
    client.set_option(&mut sim, SocketOption::UserTimeout(5000))?;
    sim.run_for(Duration::from_millis(3400));
    assert_eq!(sim.status(client).error, None);
    sim.run_for(Duration::from_millis(200));
    assert_eq!(sim.take_error(client), Some(Error::TimedOut));
    Ok(())
}

/// TCP_CORK and MSG_MORE hold back small text, but not for long; a listener's TCP_CORK is its connections'.
#[test]
fn held_text_comes_when_it_is_let_go() -> Result<(), Error> {
    let mut sim = one_host(Settings::default());
    let listener = SimSocket::listen(&mut sim, "localhost", common::address("127.0.0.1:80"), 5)?;
    listener.set_option(&mut sim, SocketOption::Cork(true))?;
    let client = SimSocket::connect(&mut sim, "localhost", common::address("127.0.0.1:80"))?;
    let server = listener.accept(&mut sim)?;
    assert_eq!(server.try_write(&mut sim, b"corked"), 6);
    assert_eq!(client.try_read(&mut sim, 99), Err(Error::WouldBlock));
    server.set_option(&mut sim, SocketOption::Cork(false))?;
    assert_eq!(client.try_read(&mut sim, 99)?, b"corked");
    client.with(&mut sim, |network, id| network.mark(sockeye_clock::Instant::ZERO, id, Mark::More, 4))?;
    assert_eq!(client.try_write(&mut sim, b"more"), 4);
    assert_eq!(server.try_read(&mut sim, 99), Err(Error::WouldBlock));
    sim.run_for(Duration::from_secs(1));
    assert_eq!(server.try_read(&mut sim, 99)?, b"more");
    Ok(())
}

/// TCP_NOTSENT_LOWAT: little is kept that was never sent, and room is news when half of that is gone.
#[test]
fn what_was_never_sent_is_little() -> Result<(), Error> {
    let mut sim = common::two_default_hosts(1);
    let at = common::address("10.0.0.1:80");
    let listener = SimSocket::listen(&mut sim, "server", at, 5)?;
    let client = SimSocket::connect(&mut sim, "client", at)?;
    let server = listener.accept(&mut sim)?;
    client.set_option(&mut sim, SocketOption::NotSentLowat(4000))?;
    let bytes = pattern(1 << 20);
    let mut written = 0;
    loop {
        let taken = client.try_write(&mut sim, &bytes[written..]);
        if taken == 0 {
            break;
        }
        written += taken;
    }
    let slot = client.slot(&sim).expect("it is connected");
    assert!(slot.header().unsent() < 65_536 && written < 131_072, "{written}");
    assert!(!slot.header().is_unsent_low());
    let mut read = 0;
    sim.run_until(HOUR, |sim| {
        read += server.try_read(sim, usize::MAX).map_or(0, |bytes| bytes.len());
        read == written
    });
    assert!(slot.header().is_unsent_low());
    client.set_option(&mut sim, SocketOption::NotSentLowat(u32::MAX))?;
    assert!(client.try_write(&mut sim, &bytes) > 500_000, "as if it had never been set");
    Ok(())
}

/// TCP_RTO_MAX_MS holds at once, as on Linux.
#[test]
fn the_time_out_of_an_open_connection_is_bounded() {
    let open = "listen\n< S 0 mss 1000\n> SA 0 ack 1\n< A 1 ack 1\naccept";
    let mut scene = Scene::play(open).unwrap_or_else(|error| panic!("{error}"));
    let socket = scene.socket.expect("accepted");
    socket.set_option(&mut scene.sim, SocketOption::RtoMax(1000)).expect("it is the least");
    let again = "> after 200ms PA 1 len 100 ack 1
        > after 400ms PA 1 len 100 ack 1
        > after 800ms PA 1 len 100 ack 1
        > after 1s PA 1 len 100 ack 1
        > after 1s PA 1 len 100 ack 1";
    scene.run(&format!("send 100\n> PA 1 len 100 ack 1\n{again}")).unwrap_or_else(|error| panic!("{error}"));
}
