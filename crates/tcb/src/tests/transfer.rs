//! Pairs of connections: every byte arrives, whatever the network does.

use core::time::Duration;
use sockeye_wire::{Flags, SeqNum};
use std::vec::Vec;

use super::pair::{Network, Open, PERFECT, Pair, Random};
use crate::{Config, Event, RecoveryConfig, State};

const HOUR: Duration = Duration::from_hours(1);

fn configs() -> [Config; 2] {
    let client = Config::new(4000, 80, SeqNum(0xffff_f000));
    let server = Config { local_port: 80, remote_port: 4000, iss: SeqNum(77), ..client.clone() };
    [Config { send_buffer: 65_536, ..client }, Config { send_buffer: 65_536, ..server }]
}

/// Both send `total` bytes, close, and read to the end.
fn exchange(pair: Pair, total: usize) -> Pair {
    let mut random = Random::new(9);
    exchange_reading(pair, total, || 1 + random.below(50_000) as usize)
}

fn exchange_reading(mut pair: Pair, total: usize, mut limit: impl FnMut() -> usize) -> Pair {
    let is_done = pair.run(HOUR, |pair| {
        let now = pair.now;
        for end in &mut pair.ends {
            if end.write_up_to(now, total) {
                end.close(now);
            }
            end.read_up_to(now, limit());
        }
        pair.states() == [State::Closed; 2]
    });
    let (now, states) = (pair.now, pair.states());
    for end in &mut pair.ends {
        // What was read last needs no window update, so nothing happens any more.
        while end.read_up_to(now, 50_000) > 0 {}
        assert_eq!(end.read, total, "every byte, and in order; {states:?}");
    }
    assert!(is_done, "both ends are through with TIME-WAIT: {states:?}");
    pair
}

#[test]
fn bytes_arrive_over_a_perfect_network() {
    let pair = exchange(Pair::new(configs(), PERFECT, 1).connected(), 300_000);
    assert_eq!(pair.ends[0].retransmissions() + pair.ends[1].retransmissions(), 0);
    for end in &pair.ends {
        assert!(end.events.contains(&Event::PeerClosed) && end.events.contains(&Event::Drained));
    }
}

/// MUST-19, and everything else: loss from 0 to 10 in a hundred, with and without timestamps.
#[test]
fn bytes_arrive_under_loss() {
    for seed in 0..24 {
        let network = Network {
            loss: seed % 11,
            reorder: if seed % 2 == 0 { 2 } else { 0 },
            duplicate: u64::from(seed % 3 == 0),
            ..PERFECT
        };
        let configs = configs().map(|config| Config { timestamps: seed % 4 != 1, ..config });
        std::println!("seed {seed}: {network:?}");
        let pair = exchange(Pair::new(configs, network, seed + 100).connected(), 200_000);
        if network.loss > 3 {
            assert!(pair.ends[0].retransmissions() > 0, "the network did lose segments");
        }
    }
}

/// Every byte arrives however losses are found: without SACK (RFC 6582), by number (RFC 6675), by time (RFC 8985); with and without
/// what takes reductions back.
#[test]
fn bytes_arrive_however_losses_are_found() {
    let usual = RecoveryConfig::new();
    let by_number = RecoveryConfig { rack: false, tail_loss_probe: false, ..usual };
    let plain = RecoveryConfig { frto: false, ..by_number };
    for (at, (sack, recovery)) in
        [(false, usual), (false, plain), (true, by_number), (true, plain), (true, usual)]
            .into_iter()
            .enumerate()
    {
        for seed in 0..6 {
            let network = Network { loss: 1 + 2 * seed, reorder: seed, duplicate: seed % 3, ..PERFECT };
            std::println!("way {at}, seed {seed}");
            let configs = configs().map(|config| Config { sack, recovery, ..config });
            exchange(Pair::new(configs, network, 300 + seed).connected(), 100_000);
        }
    }
}

/// Without window scaling, and with buffers far below a segment.
#[test]
fn bytes_arrive_through_tiny_buffers() {
    for (recv_buffer, send_buffer) in [(500, 500), (1, 10), (1000, 100_000), (3000, 700)] {
        let configs = configs().map(|config| Config { recv_buffer, send_buffer, ..config });
        let network = Network { delay: Duration::from_millis(1), loss: 1, ..PERFECT };
        exchange(Pair::new(configs, network, 5).connected(), 3_000);
    }
}

/// Segments of 64 KiB, as on loopback.
#[test]
fn bytes_arrive_in_large_segments() {
    let configs = configs().map(|config| Config {
        recv_mss: 65_483,
        send_mss_limit: 65_483,
        recv_buffer: 1 << 20,
        send_buffer: 1 << 20,
        ..config
    });
    let network = Network { delay: Duration::from_micros(5), ..PERFECT };
    let pair = exchange_reading(Pair::new(configs, network, 1).connected(), 5_000_000, || 1 << 20);
    let largest = pair.ends[0].sent.iter().map(|(_, _, len)| *len).max();
    assert!(largest > Some(60_000), "{largest:?}");
    assert!(pair.ends[0].sent.len() < 400, "{}", pair.ends[0].sent.len());
    // No stall: nothing ever waited for a timer.
    let last_text = pair.ends[0].sent.iter().rfind(|(_, _, len)| *len > 0).expect("sent").0;
    assert!(last_text.as_millis() < 100, "{last_text}");
}

/// MUST-10 (3.5, Figure 8).
#[test]
fn simultaneous_open() {
    for seed in 0..12 {
        let network = Network { loss: seed * 3, ..PERFECT };
        let pair = Pair::open(configs(), network, seed, Open::Simultaneous).connected();
        exchange(pair, 20_000);
    }
}

/// Figure 13: both FINs cross; both ends pass through CLOSING into TIME-WAIT.
#[test]
fn simultaneous_close() {
    let mut pair = Pair::new(configs(), PERFECT, 1).connected();
    let now = pair.now;
    for end in &mut pair.ends {
        end.close(now);
    }
    pair.flush();
    assert_eq!(pair.states(), [State::FinWait1; 2]);
    assert!(pair.run(HOUR, |pair| pair.states() == [State::Closing; 2]));
    assert!(pair.run(HOUR, |pair| pair.states() == [State::TimeWait; 2]));
    let entered = pair.now;
    assert!(pair.run(HOUR, |pair| pair.states() == [State::Closed; 2]));
    // MUST-13: 2MSL.
    assert_eq!(pair.now.since(entered), Duration::from_secs(60));
}

/// Half-close: one side is done, the other goes on.
#[test]
fn half_close() {
    let mut pair = Pair::new(configs(), PERFECT, 1).connected();
    let now = pair.now;
    pair.ends[0].close(now);
    assert!(pair.run(HOUR, |pair| pair.states() == [State::FinWait2, State::CloseWait]));
    let is_read = pair.run(HOUR, |pair| {
        let now = pair.now;
        if pair.ends[1].write_up_to(now, 200_000) {
            pair.ends[1].close(now);
        }
        pair.ends[0].read_up_to(now, 100_000);
        pair.ends[0].read == 200_000
    });
    assert!(is_read);
    assert!(pair.run(HOUR, |pair| pair.states() == [State::TimeWait, State::Closed]));
    // A lost ACK of the FIN would be sent again; this one was not lost.
    let fins = |end: usize| {
        let sent = pair.ends[end].sent.iter();
        sent.filter(|(_, header, _)| header.flags.contains(Flags::FIN)).count()
    };
    assert_eq!((fins(0), fins(1)), (1, 1));
}

/// The textbook's experiment: the receiver does not read, the sender is killed, and all that it had handed over arrives:
/// 38,104 bytes = 16,384 in RecvQ + 21,720 in SendQ, then end of file.
#[test]
fn queues_fill_exactly_and_drain_after_the_program_is_gone() {
    let configs = configs().map(|config| Config { recv_buffer: 16_384, send_buffer: 21_720, ..config });
    let mut pair = Pair::new(configs, PERFECT, 1).connected();
    let now = pair.now;
    // Filling.
    let mut filled = None;
    pair.run(Duration::from_secs(600), |pair| {
        let now = pair.now;
        pair.ends[0].write_up_to(now, 1_000_000);
        if pair.ends[1].recv_queue() == 16_384 {
            filled.get_or_insert(pair.now);
        }
        false
    });
    // MUST-38: the last part of the window is less than a segment; the override of silly-window avoidance fills it.
    assert!(filled.expect("RecvQ fills to the last byte").since(now) < Duration::from_secs(2));
    // MUST-36, MUST-37: ten minutes of zero window, probed, and no end.
    assert_eq!(pair.states(), [State::Established; 2]);
    assert_eq!(pair.ends[1].recv_queue(), 16_384);
    assert_eq!(pair.ends[0].tcb().send_queue(), 21_720);
    assert_eq!(pair.ends[0].written, 38_104);
    assert!(pair.ends[1].most_held <= 16_384);
    // The program is killed.
    let now = pair.now;
    pair.ends[0].close(now);
    pair.ends[0].tcb().orphan(now);
    pair.run(Duration::from_secs(600), |_| false);
    assert_eq!(pair.states(), [State::FinWait1, State::Established]);
    assert_eq!(pair.ends[0].tcb().send_queue(), 21_721, "the FIN counts");
    // The server reads.
    let mut reads = Vec::new();
    let is_read = pair.run(Duration::from_secs(600), |pair| {
        let now = pair.now;
        let end = &mut pair.ends[1];
        while end.recv_queue() >= 1024 {
            reads.push(end.read_up_to(now, 1024));
        }
        end.state() == State::CloseWait && end.recv_queue() < 1024
    });
    assert!(is_read);
    let now = pair.now;
    reads.push(pair.ends[1].read_up_to(now, 1024));
    assert_eq!(reads.len(), 38, "37 of 1024 bytes and one of 216");
    assert_eq!(reads.last(), Some(&216));
    assert_eq!(reads.iter().sum::<usize>(), 38_104);
    assert!(pair.run(HOUR, |pair| pair.states() == [State::FinWait2, State::CloseWait]));
    pair.ends[1].close(pair.now);
    assert!(pair.run(HOUR, |pair| pair.states() == [State::TimeWait, State::Closed]));
    assert!(pair.run(HOUR, |pair| pair.states() == [State::Closed, State::Closed]));
}

/// The textbook's deadlock: both ends send more than SendQ and RecvQ hold, and neither reads. Reading frees them.
#[test]
fn mutual_send_blocks_until_someone_reads() {
    let configs = configs().map(|config| Config { recv_buffer: 500, send_buffer: 500, ..config });
    let mut pair = Pair::new(configs, PERFECT, 1).connected();
    pair.run(HOUR, |pair| {
        let now = pair.now;
        for end in &mut pair.ends {
            end.write_up_to(now, 5000);
        }
        false
    });
    for end in &mut pair.ends {
        assert_eq!((end.written, end.recv_queue(), end.tcb().send_queue()), (1000, 500, 500));
    }
    assert_eq!(pair.states(), [State::Established; 2]);
    exchange(pair, 5000);
}

/// MUST-37 (3.8.6.1): a window may stay shut for as long as it likes, and then open; even if the window update is lost.
#[test]
fn window_stays_shut_for_a_day() {
    let configs = configs().map(|config| Config { recv_buffer: 8_000, ..config });
    let mut pair = Pair::new(configs, PERFECT, 1).connected();
    let now = pair.now;
    pair.ends[0].write_up_to(now, 20_000);
    pair.run(Duration::from_hours(24), |_| false);
    assert_eq!(pair.states(), [State::Established; 2]);
    pair.network.loss = 100;
    let now = pair.now;
    pair.ends[1].read_up_to(now, 8_000);
    pair.flush();
    pair.network.loss = 0;
    // SHLD-30: the interval between probes has grown to two minutes at most.
    let is_read = pair.run(Duration::from_secs(130), |pair| {
        let now = pair.now;
        pair.ends[1].read_up_to(now, 8_000);
        pair.ends[1].read == 20_000
    });
    assert!(is_read, "{}", pair.ends[1].read);
}

/// A peer that vanishes is given up after R2 (MUST-20), also while its window is shut.
#[test]
fn peer_vanishes() {
    for is_shut in [false, true] {
        let configs = configs().map(|config| Config { recv_buffer: 8_000, ..config });
        let mut pair = Pair::new(configs, PERFECT, 1).connected();
        if is_shut {
            let now = pair.now;
            pair.ends[0].write_up_to(now, 20_000);
            pair.run(Duration::from_secs(60), |_| false);
        }
        pair.network.loss = 100;
        let now = pair.now;
        pair.ends[0].write_up_to(now, 30_000);
        assert!(pair.run(HOUR, |pair| pair.ends[0].state() == State::Closed));
        let elapsed = pair.now.since(now).as_secs();
        // SHLD-11: R2 is at least 100 seconds; Linux has 924.6 for an RTO of 200 ms.
        assert!((600..2000).contains(&elapsed), "{is_shut}: {elapsed}");
        let last = pair.ends[0].events.last();
        assert_eq!(last, Some(&Event::Aborted(crate::Reason::TimedOut)), "{is_shut}");
    }
}

/// A network as fast as loopback.
const FAST: Network = Network { delay: Duration::from_micros(10), ..PERFECT };

/// The longest time in which neither end sent anything.
fn longest_pause(pair: &Pair) -> Duration {
    let mut times: Vec<_> = pair.ends.iter().flat_map(|end| end.sent.iter().map(|(at, _, _)| *at)).collect();
    times.sort();
    times.windows(2).map(|two| two[1].since(two[0])).max().expect("something was sent")
}

fn fast_pair(mss: u16, recv_buffer: usize, send_buffer: usize) -> Pair {
    let configs = configs().map(|config| Config {
        recv_mss: mss,
        send_mss_limit: mss,
        recv_buffer,
        send_buffer,
        ..config
    });
    Pair::new(configs, FAST, 1).connected()
}

/// One end writes, the other reads. Returns whether it is done.
fn stream(pair: &mut Pair, total: usize) -> bool {
    let now = pair.now;
    pair.ends[0].write_up_to(now, total);
    while pair.ends[1].read_up_to(now, 100_000) > 0 {}
    pair.ends[1].read == total
}

/// One end asks, the other answers in kind. Returns how many answers there were.
fn ask(pair: &mut Pair, size: usize) -> usize {
    let now = pair.now;
    for end in &mut pair.ends {
        while end.read_up_to(now, 100_000) > 0 {}
    }
    let answers = pair.ends[0].read / size;
    pair.ends[0].write_up_to(now, (answers + 1) * size);
    let questions = pair.ends[1].read / size;
    pair.ends[1].write_up_to(now, questions * size);
    answers
}

/// Whatever the sizes, a flow between programs that write and read as fast as they can never waits for a timer.
#[test]
fn flows_do_not_stall() {
    for mss in [1460, 9000, 65_483] {
        for recv_buffer in [2304, 16_384, 87_380, 131_072, 425_984] {
            for send_buffer in [4608, 16_384, 87_040, 1 << 20] {
                let mut pair = fast_pair(mss, recv_buffer, send_buffer);
                let is_read = pair.run(HOUR, |pair| stream(pair, 300_000));
                let pause = longest_pause(&pair);
                let shown = std::format!("mss {mss} recv {recv_buffer} send {send_buffer}: {pause:?}");
                assert!(is_read && pause < Duration::from_millis(10), "{shown}");
            }
        }
    }
}

/// Questions and answers of any size: no ACK is delayed while the other end cannot go on without it.
#[test]
fn questions_and_answers_do_not_stall() {
    for mss in [1460, 65_483] {
        for size in [1, 1000, 5000, 20_000, 100_000] {
            for send_buffer in [4608, 16_384, 1 << 20] {
                let mut pair = fast_pair(mss, 131_072, send_buffer);
                let is_read = pair.run(HOUR, |pair| ask(pair, size) == 10);
                let pause = longest_pause(&pair);
                let shown = std::format!("mss {mss} size {size} send {send_buffer}: {pause:?}");
                assert!(is_read && pause < Duration::from_millis(10), "{shown}");
            }
        }
    }
}
