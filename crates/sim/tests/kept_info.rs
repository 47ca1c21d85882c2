//! The copy of TCP_INFO that is kept for programs that ask often.

mod common;

use common::{address, pattern, two_hosts};
use sockeye_link::LinkConfig;
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, KeptInfo, Settings, Shutdown, SocketOption};
use std::time::Duration;

/// A client and a server, with a link between them that loses, reorders and duplicates.
fn impaired(seed: u64) -> Result<(Sim, SimSocket, SimSocket), Error> {
    let link = LinkConfig {
        rate: 20_000_000,
        delay: Duration::from_millis(7),
        jitter: Duration::from_millis(2),
        loss: 0.02,
        duplicate: 0.01,
        queue: 60,
        ..LinkConfig::default()
    };
    let mut sim =
        Sim::new(&two_hosts(link, Settings::default(), Settings::default()), seed).expect("a sound network");
    let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5)?;
    let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:80"))?;
    let server = listener.accept(&mut sim)?;
    Ok((sim, client, server))
}

/// Asks the engine as a program's request does.
fn ask(sim: &mut Sim, socket: SimSocket) {
    let now = sim.now();
    socket.with(sim, |network, id| network.note_info_asked(now, id));
}

fn kept(sim: &Sim, socket: SimSocket) -> Option<KeptInfo> {
    socket.slot(sim).and_then(|slot| KeptInfo::find(&slot))
}

/// The copy, if there is one, tells what the engine would at any time; whether there is one.
fn check(sim: &mut Sim, socket: SimSocket) -> bool {
    let (now, seed) = (sim.now(), sim.seed());
    let Some(kept) = kept(sim, socket) else { return false };
    let told = socket.with(sim, |network, id| network.tcp_info(now, id));
    assert_eq!(told, Ok(kept.at(now)), "seed {seed}, at {now:?}");
    true
}

/// Whatever happens: losses, a window that shuts, reads that open it, and the close.
#[test]
fn it_is_always_what_the_engine_would_answer() -> Result<(), Error> {
    for seed in 1..=5 {
        let (mut sim, client, server) = impaired(seed)?;
        for socket in [client, server, client, server] {
            ask(&mut sim, socket);
        }
        let bytes = pattern(3 << 20);
        let (mut written, mut read, mut found, mut steps) = (0, 0, 0, 0u32);
        let mut step = |sim: &mut Sim| {
            written += client.try_write(sim, &bytes[written..]);
            steps += 1;
            // The window is shut for a while, and opens.
            if sim.now().as_millis() % 4000 > 1500 {
                read += server.try_read(sim, 100_000).map_or(0, |bytes| bytes.len());
            }
            found += u32::from(check(sim, client)) + u32::from(check(sim, server));
            read == bytes.len()
        };
        // Nothing may be due while nobody reads.
        let is_done = (0..600).any(|_| sim.run_until(Duration::from_secs(1), &mut step));
        assert!(is_done, "seed {seed}: {read} of {}", bytes.len());
        assert_eq!(found, 2 * steps, "seed {seed}: it is there all the time");
        client.shutdown(&mut sim, Shutdown::Write)?;
        sim.run_for(Duration::from_secs(3));
        assert!(check(&mut sim, client) && check(&mut sim, server), "seed {seed}: FIN-WAIT-2, CLOSE-WAIT");
        sim.run_for(Duration::from_secs(3));
        assert!(check(&mut sim, client), "seed {seed}: and later");
    }
    Ok(())
}

/// Options that the engine is asked to set change it, too.
#[test]
fn it_follows_options() -> Result<(), Error> {
    let (mut sim, client, _server) = impaired(1)?;
    ask(&mut sim, client);
    ask(&mut sim, client);
    for option in [
        SocketOption::MaxPacingRate(123_456),
        SocketOption::Cork(true),
        SocketOption::QuickAck(1),
        SocketOption::WindowClamp(5000),
    ] {
        client.set_option(&mut sim, option)?;
        assert!(check(&mut sim, client), "{option:?}");
        assert_eq!(client.try_write(&mut sim, b"some"), 4);
        assert!(check(&mut sim, client), "{option:?}");
    }
    Ok(())
}

/// Who asks now and then, or no more, costs nothing.
#[test]
fn it_is_kept_while_somebody_asks_often() -> Result<(), Error> {
    let (mut sim, client, server) = impaired(1)?;
    for _ in 0..3 {
        ask(&mut sim, client);
        assert_eq!(kept(&sim, client), None, "once is not often");
        sim.run_for(Duration::from_secs(2));
    }
    ask(&mut sim, client);
    ask(&mut sim, client);
    for round in 0..200 {
        client.write_all(&mut sim, b"ask")?;
        assert_eq!(server.read(&mut sim, 3)?, b"ask");
        assert!(round % 20 != 0 || kept(&sim, client).is_some(), "{round}: read every 20 rounds it stays");
    }
    for _ in 0..200 {
        client.write_all(&mut sim, b"ask")?;
        assert_eq!(server.read(&mut sim, 3)?, b"ask");
    }
    assert_eq!(kept(&sim, client), None, "nobody reads it");
    ask(&mut sim, client);
    ask(&mut sim, client);
    assert!(check(&mut sim, client), "it comes again");
    Ok(())
}

/// What the program has written but the engine has not looked at is not in it: then the engine is to be asked.
#[test]
fn it_is_not_found_by_who_has_written_since() -> Result<(), Error> {
    let (mut sim, client, _server) = impaired(1)?;
    ask(&mut sim, client);
    ask(&mut sim, client);
    let slot = client.slot(&sim).expect("it is connected");
    assert_eq!(slot.writer().write(b"some"), 4);
    assert_eq!(KeptInfo::find(&slot), None);
    client.ring(&mut sim);
    assert!(check(&mut sim, client));
    Ok(())
}
