//! Full segments that arrive in order: parsed, summed, found their connection, copied into RecvQ, and acknowledged.

use super::{TIMES, counted_part};
use sockeye_link::Outside;
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Family, HostConfig, NetworkConfig, Settings};
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

const MTU: usize = 1500;
const SENDER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const RECEIVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const PORT: u16 = 80;
/// What the sender's program writes at a time.
static CHUNK: [u8; 1 << 16] = [7; 1 << 16];
/// Between two bursts: less than ACKs are delayed.
const ROUND: Duration = Duration::from_millis(1);

/// A host alone in its network, whose link is carried by hand.
struct Alone {
    sim: Sim,
    link: Outside,
}

impl Alone {
    fn new(address: IpAddr) -> Result<Self, Box<dyn Error>> {
        let host =
            HostConfig { name: "host".into(), addresses: vec![address], settings: Settings::default() };
        let mut sim = Sim::new(&NetworkConfig { hosts: vec![host], links: Vec::new() }, 1)?;
        let (id, link) = (sim.host("host")?, Outside::new(MTU));
        sim.network().add_outside(id, link.clone())?;
        Ok(Self { sim, link })
    }

    /// Takes what the other host has sent.
    fn receive_from(&mut self, other: &Self) {
        while let Some((_, packet)) = other.link.take() {
            self.link.put(packet);
        }
        self.sim.settle();
    }
}

struct Pair {
    sender: Alone,
    receiver: Alone,
    client: SimSocket,
    server: SimSocket,
}

impl Pair {
    fn connected() -> Result<Self, Box<dyn Error>> {
        let (mut sender, mut receiver) = (Alone::new(SENDER)?, Alone::new(RECEIVER)?);
        let at = SocketAddr::new(RECEIVER, PORT);
        let listener = SimSocket::listen(&mut receiver.sim, "host", at, 1)?;
        let client = SimSocket::new(&mut sender.sim, "host", Family::V4)?;
        client.try_connect(&mut sender.sim, at)?;
        receiver.receive_from(&sender);
        sender.receive_from(&receiver);
        receiver.receive_from(&sender);
        let server = listener.try_accept(&mut receiver.sim)?;
        Ok(Self { sender, receiver, client, server })
    }

    /// One burst of the sender, of which at most `most` segments are counted. Returns how many were.
    fn burst(&mut self, most: usize) -> Result<usize, Box<dyn Error>> {
        self.client.try_write(&mut self.sender.sim, &CHUNK);
        let mut counted = 0;
        while let Some((_, packet)) = self.sender.link.take() {
            let counts = packet.len() == MTU && counted < most;
            self.receiver.link.put(packet);
            let now = self.receiver.sim.now();
            if counts {
                counted += 1;
                let network = self.receiver.sim.network();
                counted_part(|| network.flush(now));
            }
            self.receiver.sim.settle();
        }
        self.server.try_read(&mut self.receiver.sim, usize::MAX)?;
        self.sender.receive_from(&self.receiver);
        self.sender.sim.run_for(ROUND);
        self.receiver.sim.run_for(ROUND);
        Ok(counted)
    }
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    let mut pair = Pair::connected()?;
    // Past slow start, and RecvQ has its size.
    for _ in 0..20 {
        pair.burst(0)?;
    }
    let mut left = TIMES;
    while left > 0 {
        left -= pair.burst(left)?;
    }
    Ok(())
}
