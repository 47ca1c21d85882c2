//! Memory that idle connections give back.

use super::*;
use crate::table::condition;
use std::thread;
use std::time::Duration;

/// A look at all sockets finds what was busy before it idle.
const LOOKS: u32 = 3;
const PERIOD: Duration = Duration::from_secs(5);
const CHUNK: usize = 200_000;

impl Bench {
    /// Memory of the arena that a socket is in, KiB.
    fn memory(&self, handle: Handle) -> i64 {
        let file = self.engine.table.lock().memory.arena_descriptor(handle.arena).unwrap();
        rustix::fs::fstat(file).unwrap().st_blocks / 2
    }

    fn time_passes(&mut self) {
        for _ in 0..LOOKS {
            self.now += PERIOD;
            self.engine.timeout(self.now);
            while self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
                self.engine.timeout(self.now);
            }
        }
    }

    fn write(&mut self, handle: Handle, bytes: &[u8]) {
        let slot = self.slot(handle);
        let lock = slot.lock_send();
        assert!(lock.is_held());
        assert_eq!(slot.writer().write(bytes), bytes.len());
        drop(lock);
        self.engine.ring(self.now, handle.tag);
    }

    fn read(&mut self, handle: Handle, len: usize) -> Vec<u8> {
        let mut bytes = vec![0; len];
        let reader = self.slot(handle).reader();
        assert_eq!(reader.peek(0, &mut bytes), len);
        reader.consume(len);
        self.engine.ring(self.now, handle.tag);
        bytes
    }

    /// There and read.
    fn transfer(&mut self, from: Handle, to: Handle) {
        let text: Vec<u8> = (0..CHUNK).map(|at| (at % 251) as u8).collect();
        for _ in 0..5 {
            for part in text.chunks(50_000) {
                self.write(from, part);
                assert!(self.read(to, part.len()) == part);
            }
        }
    }
}

#[test]
fn idle_connections_give_their_memory_back_and_go_on() {
    let mut bench = Bench::new();
    let [(client, _token), (server, _server_token)] = bench.pair();
    let fresh = bench.memory(client);
    bench.transfer(client, server);
    bench.transfer(server, client);
    let used = bench.memory(client);
    assert!(used > fresh + 100, "{fresh} and {used} KiB: too little to show anything");
    bench.time_passes();
    let left = bench.memory(client);
    assert!(left <= fresh + 16, "{fresh}, {used} and {left} KiB");
    assert_eq!(bench.condition(client) & condition::FORGETTING, 0);
    assert_eq!(bench.engine.poll_timeout(), None, "nobody has to wake up for idle connections");
    bench.transfer(client, server);
    bench.transfer(server, client);
    bench.time_passes();
    assert!(bench.memory(client) <= fresh + 16, "each time");
}

/// The peer reads nothing: what does not fit into its queue is left to send, and that alone keeps memory.
#[test]
fn a_closed_connection_keeps_what_is_left_to_send() {
    let mut bench = Bench::new();
    let [(client, token), (server, _server_token)] = bench.pair();
    bench.transfer(client, server);
    bench.transfer(server, client);
    let text: Vec<u8> = (0..10_000_000).map(|at| (at % 241) as u8).collect();
    let slot = bench.slot(client);
    let mut sent = 0;
    loop {
        let len = slot.writer().free().min(70_001);
        if len == 0 {
            break;
        }
        bench.write(client, &text[sent..sent + len]);
        sent += len;
    }
    let before = bench.memory(client);
    drop((slot, token));
    bench.engine.answer_hang_ups(bench.now);
    let held = bench.memory(client);
    assert!(held < before, "{held} of {before} KiB");
    let reader = bench.slot(server).reader();
    let mut received = Vec::new();
    while received.len() < sent {
        let mut bytes = vec![0; reader.len()];
        assert!(!bytes.is_empty(), "{} of {sent} bytes", received.len());
        reader.peek(0, &mut bytes);
        reader.consume(bytes.len());
        received.extend(bytes);
        bench.engine.ring(bench.now, server.tag);
    }
    assert!(received == text[..sent]);
    assert_ne!(bench.condition(server) & Condition::END_OF_FILE, 0);
}

#[test]
fn text_that_nobody_has_read_is_kept() {
    let mut bench = Bench::new();
    let [(client, _token), (server, _server_token)] = bench.pair();
    bench.transfer(client, server);
    let text: Vec<u8> = (0..60_000).map(|at| (at % 249) as u8).collect();
    bench.write(client, &text);
    bench.time_passes();
    assert!(bench.read(server, text.len()) == text);
}

#[test]
fn memory_that_a_writer_has_locked_is_kept() {
    let mut bench = Bench::new();
    let [(client, _token), (server, _server_token)] = bench.pair();
    let fresh = bench.memory(client);
    bench.transfer(client, server);
    let used = bench.memory(client);
    let slot = bench.slot(client);
    let lock = slot.lock_send();
    bench.time_passes();
    assert!(bench.memory(client) > fresh + 50, "{fresh}, {used} and {} KiB", bench.memory(client));
    assert_eq!(bench.condition(client) & condition::FORGETTING, 0);
    assert!(bench.engine.poll_timeout().is_some(), "it is looked at again");
    drop(lock);
    bench.time_passes();
    assert!(bench.memory(client) <= fresh + 16);
}

/// Who has the lock and does not see the engine's word writes; the engine takes nothing of that away.
#[test]
fn nothing_is_lost_that_is_written_while_memory_is_given_back() {
    const WRITES: usize = 4000;
    let mut bench = Bench::new();
    let [(client, _token), (server, _server_token)] = bench.pair();
    bench.transfer(client, server);
    let slot = bench.slot(client);
    let writer = thread::spawn(move || {
        let text = |number: usize| vec![number as u8; 20 + number % 3000];
        let mut number = 0;
        while number < WRITES {
            let lock = slot.lock_send();
            let word = slot.header().engine.condition.load(Ordering::SeqCst);
            // As `Socket::lock_send`.
            if word & condition::FORGETTING == 0 && slot.writer().free() >= 4000 {
                slot.writer().write(&text(number));
                number += 1;
            }
            drop(lock);
            if number.is_multiple_of(7) {
                thread::yield_now();
            }
        }
    });
    let reader = bench.slot(server).reader();
    let mut forgotten = 0;
    for number in 0..WRITES {
        let mut bytes = vec![0; 20 + number % 3000];
        while reader.len() < bytes.len() {
            bench.now += PERIOD;
            bench.engine.timeout(bench.now);
            forgotten += usize::from(bench.engine.poll_timeout().is_none());
            bench.engine.ring(bench.now, client.tag);
            bench.engine.ring(bench.now, server.tag);
        }
        assert_eq!(reader.peek(0, &mut bytes), bytes.len());
        reader.consume(bytes.len());
        assert!(bytes.iter().all(|&byte| byte == number as u8), "in write {number}");
    }
    writer.join().unwrap();
    assert!(forgotten > 0, "the connection was never idle");
}
