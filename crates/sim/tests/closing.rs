//! close(), shutdown(), resets, TIME-WAIT.

mod common;

use common::{HOUR, connection, one_host, shown};
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, Settings, Shutdown, SocketOption};
use std::time::Duration;

fn open() -> Result<(Sim, SimSocket, SimSocket, u16), Error> {
    let mut sim = one_host(Settings::default());
    let (_, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    let port = client.with(&mut sim, |network, id| network.local_address(id))?.port();
    Ok((sim, client, server, port))
}

#[test]
fn closing_with_unread_bytes_resets() -> Result<(), Error> {
    let (mut sim, client, server, port) = open()?;
    client.write_all(&mut sim, b"unread")?;
    server.close(&mut sim);
    assert_eq!(shown(&mut sim, "localhost", 80).0, "gone", "no TIME-WAIT");
    assert_eq!(client.read(&mut sim, 10), Err(Error::ConnectionReset));
    assert_eq!(shown(&mut sim, "localhost", port).0, "gone");
    assert_eq!(client.shutdown(&mut sim, Shutdown::Write), Err(Error::NotConnected));
    client.close(&mut sim);
    assert!(sim.rings().is_empty());
    Ok(())
}

#[test]
fn closing_with_linger_zero_resets() -> Result<(), Error> {
    let (mut sim, client, server, _) = open()?;
    server.set_option(&mut sim, SocketOption::Linger(Some(0)))?;
    server.write_all(&mut sim, b"perhaps lost")?;
    server.close(&mut sim);
    assert_eq!(client.read(&mut sim, 100)?, b"perhaps lost", "what had arrived can be read");
    assert_eq!(client.read(&mut sim, 100), Err(Error::ConnectionReset));
    Ok(())
}

#[test]
fn a_reset_after_end_of_file_is_a_broken_pipe() -> Result<(), Error> {
    let (mut sim, client, server, _) = open()?;
    server.close(&mut sim);
    assert_eq!(client.read(&mut sim, 10)?, b"");
    // Nobody holds the server's end: text is answered with RST.
    assert_eq!(client.write_all(&mut sim, b"to nobody"), Err(Error::BrokenPipe));
    client.close(&mut sim);
    assert!(sim.run_until_idle(HOUR));
    assert!(sim.rings().is_empty());
    Ok(())
}

#[test]
fn half_closed_connections_still_carry_text_the_other_way() -> Result<(), Error> {
    let (mut sim, client, server, port) = open()?;
    client.write_all(&mut sim, b"question")?;
    client.shutdown(&mut sim, Shutdown::Write)?;
    assert_eq!(server.read_to_end(&mut sim)?, b"question");
    assert_eq!(shown(&mut sim, "localhost", 80).0, "CLOSE_WAIT");
    assert_eq!(shown(&mut sim, "localhost", port).0, "FIN_WAIT2");
    sim.run_for(10 * HOUR);
    assert_eq!(shown(&mut sim, "localhost", port).0, "FIN_WAIT2", "held, so without end");
    server.write_all(&mut sim, b"answer")?;
    server.close(&mut sim);
    assert_eq!(client.read_to_end(&mut sim)?, b"answer");
    assert_eq!(shown(&mut sim, "localhost", port).0, "TIME_WAIT");
    assert!(sim.status(client).is_closed && sim.status(client).is_drained);
    assert_eq!(sim.rings().len(), 1, "the client still holds its end");
    client.close(&mut sim);
    assert!(sim.rings().is_empty(), "TIME-WAIT needs no rings");
    Ok(())
}

#[test]
fn an_orphan_in_fin_wait_2_is_given_up_after_the_fin_timeout() -> Result<(), Error> {
    let (mut sim, client, _, port) = open()?;
    client.close(&mut sim);
    assert_eq!(shown(&mut sim, "localhost", port).0, "FIN_WAIT2");
    sim.run_for(Duration::from_secs(59));
    assert_eq!(shown(&mut sim, "localhost", port).0, "FIN_WAIT2");
    sim.run_for(Duration::from_secs(70));
    assert_eq!(shown(&mut sim, "localhost", port).0, "gone");
    assert_eq!(shown(&mut sim, "localhost", 80).0, "CLOSE_WAIT");
    Ok(())
}

#[test]
fn both_ends_may_close_at_once() -> Result<(), Error> {
    let (mut sim, client, server, _) = open()?;
    for socket in [client, server] {
        let now = sim.now();
        socket.with(&mut sim, |network, id| network.close(now, id));
    }
    sim.settle();
    assert!(sim.rings().is_empty());
    let states: Vec<String> = sim.netstat("localhost").into_iter().map(|line| line.state).collect();
    assert!(states.iter().all(|state| state == "TIME_WAIT" || state == "LISTEN"), "{states:?}");
    assert!(sim.run_until_idle(HOUR));
    assert_eq!(shown(&mut sim, "localhost", 80).0, "gone");
    Ok(())
}

#[test]
fn time_wait_lasts_as_long_as_it_is_set() -> Result<(), Error> {
    let mut sim = one_host(Settings { time_wait: Duration::from_secs(2), ..Settings::default() });
    let (_, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    server.close(&mut sim);
    client.close(&mut sim);
    assert_eq!(shown(&mut sim, "localhost", 80).0, "TIME_WAIT");
    sim.run_for(Duration::from_millis(1999));
    assert_eq!(shown(&mut sim, "localhost", 80).0, "TIME_WAIT");
    sim.run_for(Duration::from_millis(1));
    assert_eq!(shown(&mut sim, "localhost", 80).0, "gone");
    Ok(())
}

#[test]
fn closing_while_connecting_leaves_nothing() -> Result<(), Error> {
    let mut sim = common::two_default_hosts(1);
    sim.network().wrap_links(|_, _, _| Box::new(common::BlackHole));
    let client = SimSocket::new(&mut sim, "client", sockeye_stack::Family::V4)?;
    client.try_connect(&mut sim, common::address("10.0.0.1:80"))?;
    assert_eq!(sim.netstat("client")[0].state, "SYN_SENT");
    assert_eq!(client.with(&mut sim, |network, id| network.peer_address(id)), Err(Error::NotConnected));
    client.close(&mut sim);
    assert!(sim.netstat("client").is_empty());
    assert!(sim.rings().is_empty());
    assert!(sim.run_until_idle(HOUR));
    Ok(())
}

/// Who lingers waits for the end of a socket that nobody holds any more.
#[test]
fn the_end_of_an_orphan_is_told() -> Result<(), Error> {
    let (mut sim, client, server, _) = open()?;
    client.write_all(&mut sim, &common::pattern(1_500_000))?;
    client.close(&mut sim);
    assert!(!sim.status(client).is_drained, "the server has not read");
    assert_eq!(server.read_to_end(&mut sim)?.len(), 1_500_000);
    assert!(sim.status(client).is_drained);
    server.close(&mut sim);
    assert!(sim.status(client).is_closed);
    Ok(())
}
