//! One host: connections over loopback.

use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, Shutdown};
use std::net::SocketAddr;
use std::time::Duration;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

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
    let server = SimSocket::listen(&mut sim, "localhost", address("[::1]:7"), 5)?;
    let client = SimSocket::connect(&mut sim, "localhost", address("[::1]:7"))?;
    let peer = server.accept(&mut sim)?;
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
