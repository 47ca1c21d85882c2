//! Recording what hosts say to each other.

mod common;

use common::{address, connection, one_host, two_default_hosts};
use sockeye_link::{Capture, Tee};
use sockeye_sim::SimSocket;
use sockeye_stack::{Error, Settings};
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A file in memory.
#[derive(Clone, Default)]
struct File(Arc<Mutex<Vec<u8>>>);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no test panics here").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl File {
    /// How often it contains `bytes`.
    fn count(&self, bytes: &[u8]) -> usize {
        self.0.lock().expect("no test panics here").windows(bytes.len()).filter(|at| *at == bytes).count()
    }
}

#[test]
fn loopback_is_recorded_as_packets() -> Result<(), Error> {
    let file = File::default();
    let capture = Capture::new(file.clone(), Duration::ZERO).expect("memory takes all");
    let interface = capture.add_interface("lo").expect("memory takes all");
    let mut sim = one_host(Settings::default());
    let host = sim.host("localhost")?;
    sim.network().capture_loopback(host, Some((capture, interface)));
    let (_, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    client.write_all(&mut sim, b"recorded text")?;
    server.read(&mut sim, 100)?;
    assert_eq!(file.count(b"recorded text"), 1);

    sim.network().capture_loopback(host, None);
    client.write_all(&mut sim, b"secret text")?;
    assert_eq!(server.read(&mut sim, 100)?, b"secret text");
    assert_eq!(file.count(b"secret text"), 0);
    Ok(())
}

#[test]
fn links_are_recorded_in_both_directions() -> Result<(), Error> {
    let file = File::default();
    let capture = Capture::new(file.clone(), Duration::ZERO).expect("memory takes all");
    let mut sim = two_default_hosts(1);
    sim.network().wrap_links(|from, to, link| {
        let interface = capture.add_interface(&format!("{from} to {to}")).expect("memory takes all");
        Box::new(Tee::new(link, capture.clone(), interface))
    });
    assert_eq!((file.count(b"server to client"), file.count(b"client to server")), (1, 1));
    let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5)?;
    let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:80"))?;
    let server = listener.accept(&mut sim)?;
    client.write_all(&mut sim, b"question")?;
    assert_eq!(server.read(&mut sim, 100)?, b"question");
    server.write_all(&mut sim, b"answer")?;
    assert_eq!(client.read(&mut sim, 100)?, b"answer");
    assert_eq!((file.count(b"question"), file.count(b"answer")), (1, 1));
    Ok(())
}
