//! Lives of connections, each with a request and a reply, until nothing is left of them.

use super::{TIMES, counted_part};
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error as StackError, Family};
use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

/// The longest that anything is left of a connection: 2MSL.
const TIME_WAIT: Duration = Duration::from_secs(60);
const MESSAGE: [u8; 64] = [7; 64];

fn life(sim: &mut Sim, listener: SimSocket, at: SocketAddr) -> Result<(), StackError> {
    let client = SimSocket::new(sim, "localhost", Family::V4)?;
    client.try_connect(sim, at)?;
    let server = listener.try_accept(sim)?;
    client.try_write(sim, &MESSAGE);
    let request = server.try_read(sim, MESSAGE.len())?;
    server.try_write(sim, &request);
    client.try_read(sim, MESSAGE.len())?;
    client.close(sim);
    server.close(sim);
    sim.run_for(TIME_WAIT);
    Ok(())
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let at = SocketAddr::from(([127, 0, 0, 1], 80));
    let mut sim = Sim::loopback(1)?;
    let listener = SimSocket::listen(&mut sim, "localhost", at, 1)?;
    life(&mut sim, listener, at)?;
    for _ in 0..TIMES {
        counted_part(|| life(&mut sim, listener, at))?;
    }
    match sim.netstat("localhost").len() {
        1 => Ok(()),
        left => Err(format!("{} connections are not gone", left - 1).into()),
    }
}
