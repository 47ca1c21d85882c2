//! Programs with small buffers: thousands of exchanges of a few segments, none of which may wait for a timer.

mod common;

use common::{address, pattern, two_hosts};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use sockeye_link::LinkConfig;
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Error, Family, Settings, SocketOption};
use std::time::Duration;

/// Bytes that each program sends.
const TOTAL: usize = 200_000;
/// What a program reads or writes at once, at most.
const CHUNK: usize = 4096;
/// The delayed ACK. A program that was interactive and says no more may owe the last one.
const LAST_ACK: Duration = Duration::from_millis(40);

/// A program that sends and, if it `reads`, reads meanwhile: else when it has sent all.
#[derive(Debug)]
struct Program {
    socket: SimSocket,
    to_send: usize,
    to_read: usize,
    reads: bool,
    /// What is left of the call of write() that it is in.
    chunk: usize,
    /// It has written or read, and the network does not know yet.
    owes_ring: bool,
}

impl Program {
    const fn new(socket: SimSocket, reads: bool) -> Self {
        Self { socket, to_send: TOTAL, to_read: TOTAL, reads, chunk: 0, owes_ring: false }
    }

    fn can_read(&self, sim: &Sim) -> bool {
        let reads = self.reads || self.to_send == 0;
        reads && self.socket.slot(sim).is_some_and(|slot| !slot.reader().is_empty())
    }

    /// poll()'s rule: a third of SendQ is free.
    fn can_write(&self, sim: &Sim) -> bool {
        let has_room = |free: usize, held: usize| free > 0 && free * 3 >= free + held;
        let slot = self.socket.slot(sim);
        self.to_send > 0 && slot.is_some_and(|slot| has_room(slot.writer().free(), slot.writer().len()))
    }

    fn can_act(&self, sim: &Sim) -> bool {
        self.owes_ring || self.can_read(sim) || self.can_write(sim)
    }

    const fn is_done(&self) -> bool {
        self.to_send == 0 && self.to_read == 0
    }

    fn act(&mut self, sim: &mut Sim, rng: &mut SmallRng, bytes: &[u8]) {
        if self.owes_ring && rng.random_bool(0.5) {
            self.owes_ring = false;
            self.socket.ring(sim);
            return;
        }
        let Some(slot) = self.socket.slot(sim) else { return };
        if self.can_read(sim) {
            let len = some_of(CHUNK, rng).min(slot.reader().len());
            self.to_read -= len;
            self.owes_ring |= slot.reader().consume(len);
        }
        if self.can_write(sim) && rng.random_bool(0.5) {
            if self.reads || self.chunk == 0 {
                self.chunk = some_of(CHUNK, rng);
            }
            let put = slot.writer().write(&bytes[..self.to_send.min(self.chunk)]);
            self.to_send -= put;
            self.chunk -= put;
            self.owes_ring = true;
        }
    }
}

fn some_of(most: usize, rng: &mut SmallRng) -> usize {
    if rng.random_bool(0.2) { rng.random_range(1..=most) } else { most }
}

/// Two programs on `localhost`, or on two hosts with a link between them, with buffers of `size` bytes (twice that in force).
fn programs(sim: &mut Sim, hosts: [&str; 2], at: &str, size: u32) -> Result<[SimSocket; 2], Error> {
    let sized = |sim: &mut Sim, host: &str| {
        let socket = SimSocket::new(sim, host, Family::V4)?;
        socket.set_option(sim, SocketOption::SendBuffer(size))?;
        socket.set_option(sim, SocketOption::ReceiveBuffer(size))?;
        Ok(socket)
    };
    let listener = sized(sim, hosts[0])?;
    listener.with(sim, |network, id| network.bind(id, address(at)))?;
    listener.with(sim, |network, id| network.listen(id, 5))?;
    let client = sized(sim, hosts[1])?;
    client.connect_to(sim, address(at))?;
    Ok([client, listener.accept(sim)?])
}

/// How long both programs waited in all for something else than a round trip, until both have sent and read all. Between two of
/// their actions up to `pause` passes, as on a machine with much to do.
fn time_lost(sim: &mut Sim, programs: &mut [Program; 2], pause: Duration, round_trip: Duration) -> Duration {
    let mut rng = SmallRng::seed_from_u64(sim.seed());
    let bytes = pattern(CHUNK);
    let mut lost = Duration::ZERO;
    while !programs.iter().all(Program::is_done) {
        let first = rng.random_range(0..2);
        let ready = [first, 1 - first].into_iter().find(|which| programs[*which].can_act(sim));
        if let Some(which) = ready {
            programs[which].act(sim, &mut rng, &bytes);
            sim.run_for(pause.mul_f64(rng.random()));
            continue;
        }
        let since = sim.now();
        let is_freed =
            sim.run_until(Duration::from_secs(60), |sim| programs.iter().any(|program| program.can_act(sim)));
        assert!(is_freed, "seed {}: stuck: {programs:?}", sim.seed());
        lost += sim.now().since(since).saturating_sub(round_trip);
    }
    lost
}

/// 3.8.6.1, 3.8.6.2.2: while one program sends only, and the other's text waits for its window, probes of that window must not keep
/// the news of the first one's window. And SHLD-18 (3.8.6.3): no ACK is held back while text waits for it, but the last.
#[test]
fn small_buffers_cost_no_time_over_loopback() -> Result<(), Error> {
    for (seed, size) in (1..=6).flat_map(|seed| [1200, 2500, 5000, 20_000].map(|size| (seed, size))) {
        for reads in [[true, true], [true, false], [false, true]] {
            for pause in [Duration::ZERO, Duration::from_millis(3)] {
                let mut sim = Sim::loopback(seed).expect("the default network");
                let [one, other] = programs(&mut sim, ["localhost"; 2], "127.0.0.1:7", size)?;
                let mut programs = [Program::new(one, reads[0]), Program::new(other, reads[1])];
                let lost = time_lost(&mut sim, &mut programs, pause, Duration::ZERO);
                assert!(lost <= LAST_ACK, "seed {seed}, size {size}, {reads:?}, {pause:?}: {lost:?} lost");
            }
        }
    }
    Ok(())
}

#[test]
fn small_buffers_cost_round_trips_over_a_link() -> Result<(), Error> {
    let delay = Duration::from_millis(1);
    let link = LinkConfig { delay, ..LinkConfig::default() };
    let config = two_hosts(link, Settings::default(), Settings::default());
    for (seed, size) in (1..=6).flat_map(|seed| [2500, 5000, 20_000].map(|size| (seed, size))) {
        for reads in [[true, true], [true, false], [false, true]] {
            let mut sim = Sim::new(&config, seed).expect("a sound network");
            let [one, other] = programs(&mut sim, ["server", "client"], "10.0.0.1:7", size)?;
            let mut programs = [Program::new(one, reads[0]), Program::new(other, reads[1])];
            let lost = time_lost(&mut sim, &mut programs, 3 * delay, 2 * delay);
            assert!(lost <= LAST_ACK, "seed {seed}, size {size}, {reads:?}: {lost:?} lost");
        }
    }
    Ok(())
}
