//! Faults that other stacks have had, one test each: see docs/negative.md. Here: what an attacker or a broken peer says of sequence
//! numbers, flags, text and time.

mod common;

use common::{ESTABLISHED, play, played};
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::{NetworkConfig, Settings};
use sockeye_wire::{Flags, SeqNum, TcpHeader};
use std::collections::HashSet;
use std::time::Duration;

/// With timestamps: the peer's clock shows 1000, ours what the SYN-ACK says.
const STAMPED: &str = "listen
    < S 0 mss 1000 ts 1000 0
    > SA 0 ack 1
    < A 1 ack 1 ts 1000 0
    accept
";

/// Everything that the host sends within `time` after what was sent already.
fn sent_within(scene: &mut Scene, time: Duration) -> Vec<String> {
    scene.sim.run_for(time);
    let sent = scene.sent().expect("sound packets");
    sent.iter().map(|seen| scene.written_as(seen).to_string()).collect()
}

/// MAY-12 (3.10.7.4), RFC 5961, section 3: a RST that is in the window but not exact ends nothing, wherever it is; and a sweep over
/// the window is not answered segment by segment.
#[test]
fn a_rst_in_the_window_that_is_not_exact() {
    let mut scene = played(ESTABLISHED, "< R 2\n> A 1 ack 1\nstate ESTABLISHED");
    for seq in (3..10_001).step_by(7) {
        scene.segment_arrives(&format!("R {seq}")).unwrap();
    }
    assert!(scene.sent().unwrap().len() <= 100, "challenges are limited");
    play(&mut scene, "< PA 1 len 10 ack 1\n> A 1 ack 11\nrecv 10\n< R 11\nstate gone");
}

/// MAY-12 (3.10.7.4), RFC 5961, section 4.
#[test]
fn a_syn_in_a_synchronized_state() {
    for seq in [-1, 0, 1, 500, 20_000] {
        played(
            ESTABLISHED,
            &format!("< S {seq}\n> A 1 ack 1\nstate ESTABLISHED\n< PA 1 len 1 ack 1\n> A 1 ack 2\nrecv 1"),
        );
    }
}

/// 3.10.7.4, and RFC 5961, section 5: neither the ACK nor the text of such a segment is believed.
#[test]
fn an_ack_of_unsent_data() {
    for ack in [102, 5000, 0x7fff_0000] {
        let script = format!(
            "send 100
            > PA 1 len 100 ack 1
            < PA 1 len 10 ack {ack}
            > A 101 ack 1
            state ESTABLISHED
            > after 10ms..3s PA 1 len 100
            < A 1 ack 101
            wait 1m"
        );
        played(ESTABLISHED, &script);
    }
}

/// MAY-12 (3.10.7.4), RFC 5961, section 5: blind injection of text needs an ACK that is near, not any of half the number space.
#[test]
fn an_ack_that_is_much_too_old() {
    played(ESTABLISHED, "< PA 1 len 10 ack -30000\n> A 1 ack 1\nstate ESTABLISHED");
}

/// PAWS (RFC 7323, section 5): a segment of a former turn of the number space has an old timestamp.
#[test]
fn an_old_duplicate_with_a_wrapped_sequence() {
    let script = "< PA 1 len 10 ack 1 ts 2000 0
        > A 1 ack 11
        recv 10
        < PA 11 len 10 ack 1 ts 1500 0 from 7
        > A 1 ack 11
        < PA 11 len 10 ack 1 ts 2000 0
        > A 1 ack 21
        recv 10";
    played(STAMPED, script);
}

/// What went backwards is not echoed, ends nothing, and does not stop the connection once time goes on.
#[test]
fn a_timestamp_going_backwards() {
    let mut scene = played(STAMPED, "< PA 1 len 1 ack 1 ts 5000 0\nflush");
    for value in [4999, 1000, 0, -1, i64::from(5000 - 0x7fff_ffff_i32)] {
        scene.segment_arrives(&format!("PA 2 len 1 ack 1 ts {value} 0")).unwrap();
        for seen in scene.sent().unwrap() {
            assert_eq!(seen.header.options.timestamps.map(|stamps| stamps.echo), Some(5000), "{value}");
        }
    }
    play(&mut scene, "< PA 2 len 1 ack 1 ts 5001 0\nflush\nrecv 2\nstate ESTABLISHED");
}

/// RFC 7323, 5.4 (a fault of RFC 1323's text): a segment out of the window does not set what is echoed, or a blind attacker could
/// make PAWS discard all that comes after.
#[test]
fn a_timestamp_of_the_future_outside_the_window() {
    for line in
        ["PA 20001 len 1 ack 1 ts 1000000000 0", "PA -99 len 1 ack 1 ts 1000000000 0", "R 5 ts 1000000000 0"]
    {
        let mut scene = played(STAMPED, &format!("< {line}\nflush\nstate ESTABLISHED"));
        play(&mut scene, "< PA 1 len 10 ack 1 ts 1001 0\n> A 1 ack 11\nrecv 10");
    }
}

/// SHLD-1, MUST-8, MUST-9 (3.4.1), RFC 6528: initial sequence numbers of other connections, at the same moment or later, tell
/// nothing of the next one.
#[test]
fn a_predictable_isn() {
    let mut scene = Scene::with_small_window().unwrap();
    scene.run("listen").unwrap();
    let mut isn_of = |port: u16| {
        let syn = TcpHeader {
            src_port: port,
            dst_port: 80,
            seq: SeqNum(7),
            flags: Flags::SYN,
            window: 1000,
            ..TcpHeader::default()
        };
        scene.arrives(&syn, b"");
        let isn = scene.sent().unwrap()[0].header.seq.0;
        scene.arrives(&TcpHeader { seq: SeqNum(8), flags: Flags::RST, ..syn }, b"");
        isn
    };
    let numbers: Vec<u32> = (1024..3072).map(&mut isn_of).collect();
    let mut buckets = [0; 16];
    let mut steps = HashSet::new();
    for pair in numbers.windows(2) {
        let step = pair[1].wrapping_sub(pair[0]);
        assert!(steps.insert(step), "a step came twice");
        buckets[(step >> 28) as usize] += 1;
    }
    // 128 are expected in each; less than 70 or more than 190 is five standard deviations away.
    assert!(buckets.iter().all(|count| (70..190).contains(count)), "{buckets:?}");
    // Another host, or the same one after it was started again, has another secret.
    let of_seed = |seed| {
        let mut sim = Sim::new(&NetworkConfig::default(), seed).unwrap();
        let address = "127.0.0.1:80".parse().unwrap();
        SimSocket::listen(&mut sim, "localhost", address, 5).unwrap();
        let client = SimSocket::connect(&mut sim, "localhost", address).unwrap();
        client.with(&mut sim, |network, id| format!("{:?}", network.local_address(id)))
    };
    // Port randomisation (RFC 6056) as well.
    let ports: HashSet<String> = (0..20).map(of_seed).collect();
    assert!(ports.len() > 15, "{ports:?}");
}

/// RFC 7323, 2.2: the window of a SYN is never shifted, neither the peer's nor ours.
#[test]
fn an_unscaled_syn_window_later_shifted() {
    let scene = Scene::new(Settings { exact_recv_buffer: Some(1 << 20), ..Settings::default() });
    let script = "connect
        > S 0 win 65535
        < SA 0 ack 1 win 1000 mss 500 scale 7
        > A 1 ack 1
        send 5000
        > A 1 len 500
        > A 501 len 500
        < A 1 ack 1001 win 10
        > A 1001 len 500
        > A 1501 len 500
        > after 1ms..10s A 1001 len 500";
    play(&mut scene.unwrap(), script);
}

/// A FIN that lies beyond the window, alone or behind text that does not fit, closes nothing.
#[test]
fn a_fin_beyond_the_window() {
    played(ESTABLISHED, "< FA 10002 ack 1\n> A 1 ack 1\nstate ESTABLISHED");
    let mut scene = played(ESTABLISHED, "");
    for seq in (1..9_001).step_by(1000) {
        scene.segment_arrives(&format!("PA {seq} len 1000 ack 1")).unwrap();
    }
    // Its last ten bytes and the FIN do not fit.
    play(&mut scene, "flush\n< FPA 9001 len 1010 ack 1\n> A 1 ack 10001 win 0\nstate ESTABLISHED");
    play(
        &mut scene,
        "recv 10000\nflush\n< FPA 10001 len 10 ack 1\n> A 1 ack 10012\nrecv 10\nend\nstate CLOSE_WAIT",
    );
}

/// What came first is what the program gets, whichever way it is overlapped later.
#[test]
fn overlapping_text_with_different_bytes() {
    for later in [
        "PA 11 len 10 ack 1 from 9",
        "PA 6 len 20 ack 1 from 9",
        "PA 6 len 10 ack 1 from 9",
        "PA 15 len 20 ack 1 from 9",
    ] {
        let mut scene = played(
            ESTABLISHED,
            &format!("< PA 11 len 10 ack 1\nflush\n< {later}\nflush\n< PA 1 len 10 ack 1\nflush"),
        );
        let bytes = scene.socket.unwrap().try_read(&mut scene.sim, 100).unwrap();
        let first: Vec<u8> = (10..20).map(sockeye_sim::script::byte_at).collect();
        assert_eq!(bytes[10..20], first, "{later}");
    }
    // Nor does what was delivered and not read yet change.
    played(ESTABLISHED, "< PA 1 len 10 ack 1\n> A 1 ack 11\n< PA 1 len 15 ack 1 from 3\nflush\nrecv 10");
}

/// MUST-7 (3.2): options of length 0, 1, or beyond the header, in a SYN and in an established connection.
#[test]
fn options_of_length_0_and_1() {
    let bad: [&[u8]; 8] = [
        &[2, 0, 0, 0],
        &[2, 1, 0, 0],
        &[253, 0, 1, 1],
        &[253, 1, 1, 1],
        &[8, 255, 0, 0],
        &[5, 3, 0, 0],
        &[1, 1, 1, 2],
        &[34, 0, 34, 1],
    ];
    for bytes in bad {
        let mut scene = played(ESTABLISHED, "");
        let mut header = "PA 1 len 4 ack 1"
            .parse::<sockeye_sim::script::Notation>()
            .unwrap()
            .header(scene.numbers.irs, scene.numbers.iss);
        // As text first, then the header is made to reach over it.
        let mut packet = scene.packet(&header, bytes);
        packet[20 + 12] = 6 << 4;
        Scene::fill_checksum(&mut packet);
        scene.packet_arrives(packet);
        play(&mut scene, "state ESTABLISHED\nflush");
        header = TcpHeader { src_port: 4001, seq: SeqNum(9), flags: Flags::SYN, ..header };
        let mut packet = scene.packet(&header, bytes);
        packet[20 + 12] = 6 << 4;
        Scene::fill_checksum(&mut packet);
        scene.packet_arrives(packet);
        let sent = scene.sent().unwrap();
        assert_eq!(sent.len(), 1, "{bytes:?}");
        assert_eq!(
            (sent[0].header.flags, sent[0].header.ack),
            (Flags::SYN | Flags::ACK, SeqNum(10)),
            "{bytes:?}"
        );
    }
}

/// A pointer to nowhere moves no byte, ends nothing, and is forgotten.
#[test]
fn urgent_pointers_out_of_range() {
    for urgent in [0, 1, 9, 10, 11, 30_000, 65_535] {
        let script = format!(
            "< PAU 1 len 10 ack 1 urg {urgent}
            flush
            < AU 11 ack 1 urg {urgent}
            flush
            < U 11 urg {urgent}
            flush
            state ESTABLISHED"
        );
        let mut scene = played(ESTABLISHED, &script);
        for seq in (11..9_000).step_by(1000) {
            scene.segment_arrives(&format!("PA {seq} len 1000 ack 1")).unwrap();
        }
        let read = scene.socket.unwrap().read(&mut scene.sim, 20_000).unwrap();
        assert!(!read.is_empty());
        play(&mut scene, "flush\n< PAU 9011 len 10 ack 1 urg 0\nflush\nstate ESTABLISHED");
    }
}

/// MAY-2 (3.6.1), RFC 1337: a new connection between the same ports waits for numbers that no old segment can have.
#[test]
fn a_four_tuple_in_time_wait_is_used_again() {
    let waiting = "shutdown
        > FA 1 ack 1
        < A 1 ack 2
        < FA 1 ack 2
        > A 2 ack 2
        state TIME_WAIT
    ";
    // Old duplicates: of the SYN, of text, of the ACK; and a RST.
    played(
        ESTABLISHED,
        &format!(
            "{waiting}< S 0\n> A 2 ack 2\n< PA 1 len 1 ack 1\n> A 2 ack 2\n< R 2\nwait 30s\nstate TIME_WAIT"
        ),
    );
    let mut scene = played(ESTABLISHED, waiting);
    let old = scene.numbers.iss;
    play(&mut scene, "< S 5000\n> SA 0 ack 5001\nstate SYN_RECV");
    let beyond = scene.numbers.iss.since(old);
    assert!((65_535..1 << 31).contains(&beyond), "the new numbers begin beyond the old window: {beyond}");
    // Whoever opens from here does not get the pair of ports while it waits.
    let mut scene = played(ESTABLISHED, waiting);
    play(&mut scene, "close");
    let (local, remote) = (scene.local(), scene.remote());
    let socket = SimSocket::new(&mut scene.sim, "server", sockeye_stack::Family::V4).unwrap();
    let bound = socket.with(&mut scene.sim, |network, id| network.bind(id, local));
    let opened = bound.and_then(|()| socket.try_connect(&mut scene.sim, remote));
    assert!(opened.is_err());
    assert_eq!(sent_within(&mut scene, Duration::from_secs(1)), [""; 0], "no SYN");
}

/// CVE-2016-5696: challenges to one connection do not change what another one hears, or an attacker could count his own to find out
/// whether he hit the window of a stranger's.
#[test]
fn challenges_of_one_connection_say_nothing_of_another() {
    let mut scene = played(ESTABLISHED, "");
    // Somebody else's connection, from port 4001, is beaten with resets that miss.
    let syn = TcpHeader {
        src_port: 4001,
        dst_port: 80,
        seq: SeqNum(100),
        flags: Flags::SYN,
        window: 5000,
        ..TcpHeader::default()
    };
    scene.arrives(&syn, b"");
    let isn = scene.sent().unwrap()[0].header.seq;
    let ack = TcpHeader { seq: SeqNum(101), ack: isn + 1, flags: Flags::ACK, ..syn.clone() };
    scene.arrives(&ack, b"");
    assert_eq!(scene.sent().unwrap().len(), 0);
    for round in 0..5000 {
        scene.arrives(&TcpHeader { seq: SeqNum(102 + round), flags: Flags::RST, ..syn.clone() }, b"");
        scene.sim.run_for(Duration::from_micros(100));
    }
    assert!(!scene.sent().unwrap().is_empty(), "they were challenged");
    play(&mut scene, "< R 5\n> A 1 ack 1\nstate ESTABLISHED");
}
