//! Long streams over a bad link, in virtual time. With `SOCKEYE_HEAVY=1` they are 1 GiB (`make heavy`, optimized).

mod common;

use common::{address, two_hosts};
use sockeye_link::LinkConfig;
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, Settings};
use std::time::Duration;

/// The loss alone keeps the connection to a few segments a round trip: the stream takes hours of the network's time.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The byte at a place of the stream: no two places look alike for long, so bytes lost, doubled or out of place show.
fn byte(at: u64) -> u8 {
    (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}

/// 5% loss, 2% reordering, 1% duplication and 1% corruption: every byte arrives, in order and unchanged.
#[test]
fn a_long_stream_survives_a_bad_link() -> Result<(), Error> {
    let len: u64 = if std::env::var_os("SOCKEYE_HEAVY").is_some() { 1 << 30 } else { 4 << 20 };
    let link = LinkConfig {
        delay: Duration::from_millis(1),
        loss: 0.05,
        reorder: 0.02,
        duplicate: 0.01,
        corrupt: 0.01,
        seed: 5,
        ..LinkConfig::default()
    };
    let config = two_hosts(link, Settings::default(), Settings::default());
    let mut sim = Sim::new(&config, 5).expect("a sound network");
    let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5)?;
    let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:80"))?;
    let server = listener.accept(&mut sim)?;
    let (mut written, mut read) = (0, 0);
    let is_done = sim.run_until(DAY, |sim| {
        let chunk: Vec<u8> = (written..len.min(written + 8192)).map(byte).collect();
        written += client.try_write(sim, &chunk) as u64;
        while let Ok(bytes) = server.try_read(sim, 65_536) {
            if bytes.is_empty() {
                break;
            }
            let is_same = bytes.iter().zip(read..).all(|(&got, at)| got == byte(at));
            assert!(is_same, "not what was sent, within {} bytes after {read}", bytes.len());
            read += bytes.len() as u64;
        }
        read == len
    });
    assert!(is_done, "{read} of {len} bytes after a day");
    Ok(())
}
