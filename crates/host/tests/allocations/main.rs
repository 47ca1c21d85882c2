//! What memory is taken: none for a segment in the steady state, and no more than a bound for a peer that is hostile. Counted, not timed.

mod raw;

use raw::{Counting, held, taken};
use sockeye_buffer::{RecvQReader, SendQWriter};
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::Settings;
use sockeye_wire::{Flags, SeqNum, TcpHeader};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A connection over loopback, with its rings at hand.
struct Pipe {
    sim: Sim,
    client: SimSocket,
    server: SimSocket,
    writer: SendQWriter,
    reader: RecvQReader,
}

impl Pipe {
    fn new() -> Self {
        let mut sim = Sim::loopback(1).unwrap();
        let address = "127.0.0.1:80".parse().unwrap();
        let listener = SimSocket::listen(&mut sim, "localhost", address, 5).unwrap();
        let client = SimSocket::connect(&mut sim, "localhost", address).unwrap();
        let server = listener.accept(&mut sim).unwrap();
        let (writer, reader) = (client.slot(&sim).unwrap().writer(), server.slot(&sim).unwrap().reader());
        Self { sim, client, server, writer, reader }
    }

    /// Carries `rounds` times `len` bytes, each round to its end.
    fn carry(&mut self, rounds: usize, len: usize) {
        let (bytes, mut out) = (vec![7; len], vec![0; len]);
        for _ in 0..rounds {
            let mut read = 0;
            assert_eq!(self.writer.write(&bytes), len);
            while read < len {
                self.client.ring(&mut self.sim);
                let copied = self.reader.peek(0, &mut out);
                assert!(copied > 0, "no time passes on loopback: {read} of {len} have come");
                read += copied;
                if self.reader.consume(copied) {
                    self.server.ring(&mut self.sim);
                }
            }
        }
    }
}

/// Segments of every size go through a host without a single call of the allocator, once its queues have the size they need.
#[test]
fn no_segment_takes_memory_in_the_steady_state() {
    let mut pipe = Pipe::new();
    for len in [1, 1000, 60_000] {
        pipe.carry(100, len);
        let before = taken();
        pipe.carry(1000, len);
        // The two buffers of the test itself.
        assert_eq!(taken() - before, 2, "{len} bytes a round");
    }
}

/// An established connection whose peer is played by hand.
fn scene() -> Scene {
    let mut scene = Scene::new(Settings { exact_recv_buffer: Some(1 << 16), ..Settings::default() }).unwrap();
    scene.run("listen\n< S 0 mss 1000 sackok\n> SA 0 ack 1\n< A 1 ack 1 win 60000\naccept").unwrap();
    scene
}

/// By how much more memory is held after `each` was called a hundred thousand times than after a thousand.
fn growth(scene: &mut Scene, mut each: impl FnMut(&mut Scene, u32)) -> i64 {
    let mut start = 0;
    for round in 0..100_000 {
        if round == 1000 {
            scene.sent().unwrap();
            start = held();
        }
        each(scene, round);
        if round % 100 == 0 {
            scene.sent().unwrap();
        }
    }
    scene.sent().unwrap();
    held() - start
}

/// A segment of the peer's, made without what the language takes.
fn segment(scene: &Scene, seq: u32, ack: u32) -> TcpHeader {
    TcpHeader {
        src_port: 4000,
        dst_port: 80,
        seq: scene.numbers.irs + seq,
        ack: scene.numbers.iss + ack,
        flags: Flags::ACK,
        window: 60_000,
        ..TcpHeader::default()
    }
}

/// SegmentSmack (CVE-2018-5390).
#[test]
fn one_byte_segments_out_of_order_hold_no_more_memory() {
    let mut scene = scene();
    let growth = growth(&mut scene, |scene, round| {
        let header = segment(scene, 3 + 2 * (round * 7919 % 20_000), 1);
        scene.arrives(&header, b"x");
    });
    assert!(growth < 4096, "{growth} bytes more");
}

/// SACK Slowness (CVE-2019-11478): blocks that cut what is in flight into pieces, as small as they can be.
#[test]
fn sack_blocks_of_a_byte_hold_no_more_memory() {
    let mut scene = scene();
    assert_eq!(scene.write(60_000), 60_000);
    scene.sent().unwrap();
    let growth = growth(&mut scene, |scene, round| {
        let mut header = segment(scene, 1, 1);
        for index in 0..4 {
            let left = scene.numbers.iss + (2 + (round * 4 + index) * 7919 % 9_990);
            header.options.sack.push(sockeye_wire::SackBlock { left, right: left + 1 });
        }
        scene.arrives(&header, b"");
    });
    assert!(growth < 64 * 1024, "{growth} bytes more");
}

/// A flood of SYNs holds what a listener's queue holds, and nothing more.
#[test]
fn a_flood_of_syns_holds_no_more_memory() {
    let mut scene = Scene::with_small_window().unwrap();
    scene.run("listen").unwrap();
    let growth = growth(&mut scene, |scene, round| {
        let header = TcpHeader {
            src_port: 1024 + (round % 60_000) as u16,
            dst_port: 80,
            seq: SeqNum(round),
            flags: Flags::SYN,
            window: 1000,
            ..TcpHeader::default()
        };
        scene.arrives(&header, b"");
    });
    assert!(growth < 64 * 1024, "{growth} bytes more");
}
