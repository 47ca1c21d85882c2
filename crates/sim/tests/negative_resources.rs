//! Faults that other stacks have had, one test each: see docs/negative.md. Here: what a peer can make a host spend, in segments,
//! memory and time, and how a receiver can make it send faster than the network allows.

mod common;

use common::{ESTABLISHED, play, played};
use sockeye_sim::Scene;
use sockeye_stack::{Settings, SocketOption};
use std::time::Duration;

/// SACK is offered; the peer's window holds 40 segments.
const SELECTIVE: &str = "listen
    < S 0 mss 1000 sackok
    > SA 0 ack 1
    < A 1 ack 1 win 40000
    accept
";

/// First number and length of each segment that was sent with text.
fn texts(scene: &mut Scene) -> Vec<(u32, u32)> {
    let sent = scene.sent().expect("sound packets");
    let shown = sent.iter().map(|seen| scene.written_as(seen));
    shown.filter(|shown| shown.len > 0).map(|shown| (shown.seq, shown.len)).collect()
}

/// The program fills its SendQ, as far as a test needs.
fn write(scene: &mut Scene, len: u32) {
    assert_eq!(scene.write(len), len);
}

/// MUST-36, MUST-37 (3.8.6.1): it is probed ever more rarely, for ever if it must be; what that costs is bounded, and the program
/// can end it.
#[test]
fn a_zero_window_peer_that_never_opens() {
    let mut scene = played(ESTABLISHED, "< A 1 ack 1 win 0\nsend 5000");
    // Each is answered: the peer lives.
    for hour in 0..24 {
        let mut probes = 0;
        for _ in 0..3600 {
            scene.sim.run_for(Duration::from_secs(1));
            if !scene.sent().unwrap().is_empty() {
                probes += 1;
                scene.segment_arrives("A 1 ack 1 win 0").unwrap();
            }
        }
        assert!((25..=40).contains(&probes), "about one in two minutes: {probes} in hour {hour}");
    }
    play(&mut scene, "state ESTABLISHED\nabort\nflush\nstate gone");
}

/// The same with a program that has gone: the orphan does not stay for ever, though each probe is answered.
#[test]
fn a_zero_window_peer_of_an_orphan() {
    let mut scene = played(ESTABLISHED, "< A 1 ack 1 win 0\nsend 5000\nclose");
    let mut answered = 0;
    while scene.state() != "gone" && answered < 100 {
        scene.sim.run_for(Duration::from_millis(100));
        if !scene.sent().unwrap().is_empty() {
            answered += 1;
            scene.segment_arrives("A 1 ack 1 win 0").unwrap();
        }
    }
    assert!((12..=16).contains(&answered), "{answered} probes, then {}", scene.state());
}

/// TCP_USER_TIMEOUT bounds it for a program that waits.
#[test]
fn a_zero_window_peer_and_a_user_timeout() {
    let mut scene = played(ESTABLISHED, "");
    let socket = scene.socket.unwrap();
    socket.set_option(&mut scene.sim, SocketOption::UserTimeout(20_000)).unwrap();
    play(&mut scene, "< A 1 ack 1 win 0\nsend 5000");
    for _ in 0..60 {
        scene.sim.run_for(Duration::from_secs(1));
        if !scene.sent().unwrap().is_empty() {
            scene.segment_arrives("A 1 ack 1 win 0").unwrap();
        }
    }
    play(&mut scene, "flush\nstate gone\nerror TimedOut");
}

/// How many bytes come at once after the peer, which got nothing yet, has said these lines.
fn burst_after(start: &str, lines: &[&str]) -> u32 {
    let mut scene = played(start, "");
    write(&mut scene, 60_000);
    let initial: u32 = texts(&mut scene).iter().map(|(_, len)| len).sum();
    assert_eq!(initial, 10_000, "the initial window (RFC 6928)");
    for line in lines {
        scene.segment_arrives(line).unwrap();
    }
    scene.sim.run_for(Duration::from_millis(50));
    texts(&mut scene).iter().map(|(_, len)| len).sum()
}

const WIDE: &str = "listen
    < S 0 mss 1000
    > SA 0 ack 1
    < A 1 ack 1 win 60000
    accept
";

/// Savage and others, 1999: ACKs of what has not been sent, ahead of time, do not make the sender faster.
#[test]
fn optimistic_acks() {
    let lines: Vec<String> =
        (0..50).map(|index| format!("A 1 ack {} win 60000", 10_002 + 1000 * index)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert_eq!(burst_after(WIDE, &lines), 0);
}

/// Savage and others, 1999: the window grows by bytes (RFC 3465), so a thousand ACKs of a byte each are worth one ACK of a thousand.
#[test]
fn ack_division() {
    let whole = burst_after(WIDE, &["A 1 ack 1001 win 60000"]);
    let lines: Vec<String> = (1..=1000).map(|index| format!("A 1 ack {} win 60000", 1 + index)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let divided = burst_after(WIDE, &lines);
    assert!((1000..=2000).contains(&whole), "{whole}");
    assert!(divided <= whole, "{divided} after a thousand ACKs, {whole} after one");
}

/// Blocks of what was never sent, of what is long acknowledged, turned round, or all of it at once: nothing is sent because of
/// them, and the connection goes on.
#[test]
fn sack_of_unsent_data() {
    for blocks in [
        "sack 20001-30001",
        "sack 9001-30001",
        "sack 5001-4001",
        "sack 4001-4001",
        "sack 4000000000-4000001000",
        "sack 1-2147483649",
        "sack 3000000000-100",
        "sack 0-10001",
        "sack 20001-20002 sack 30001-30002 sack 40001-40002",
    ] {
        let mut scene = played(SELECTIVE, "");
        write(&mut scene, 30_000);
        assert_eq!(texts(&mut scene).len(), 10);
        for _ in 0..10 {
            scene.segment_arrives(&format!("A 1 ack 1 win 40000 {blocks}")).unwrap();
        }
        scene.sim.network().assert_invariants();
        let sent: u32 = texts(&mut scene).iter().map(|(_, len)| len).sum();
        assert!(sent <= 11_000, "{blocks}: {sent}");
        // The peer gets everything in spite of what it said.
        finish(&mut scene, 1, 30_001);
    }
}

/// RFC 2018, section 8: what was selectively acknowledged is kept until it is acknowledged; a peer that threw it away gets it again.
#[test]
fn sack_reneging() {
    let mut scene = played(SELECTIVE, "");
    write(&mut scene, 10_000);
    assert_eq!(texts(&mut scene).len(), 10);
    for last in [2, 3, 4, 5, 6, 7, 8, 9] {
        scene.segment_arrives(&format!("A 1 ack 1 win 40000 sack 1001-{}001", last)).unwrap();
    }
    texts(&mut scene);
    // It has forgotten all of them.
    scene.segment_arrives("A 1 ack 1001 win 40000").unwrap();
    finish(&mut scene, 1001, 10_001);
}

/// A peer that takes only what is next, and says so, gets all of it within a few minutes.
fn finish(scene: &mut Scene, mut next: u32, end: u32) {
    for _ in 0..600 {
        scene.sim.run_for(Duration::from_millis(500));
        let before = next;
        for (seq, len) in texts(scene) {
            if seq <= next && next < seq + len {
                next = seq + len;
            }
        }
        if next != before {
            scene.segment_arrives(&format!("A 1 ack {next} win 40000")).unwrap();
        }
        if next == end {
            return;
        }
    }
    panic!("the peer has {next} of {end}");
}

/// SegmentSmack (CVE-2018-5390): a hundred thousand segments of a byte each, no two adjacent, cost no more memory than a few dozen;
/// at most an ACK each, and the connection still works.
#[test]
fn one_byte_segments_a_hundred_thousand_times() {
    let settings = Settings { exact_recv_buffer: Some(1 << 16), ..Settings::default() };
    let mut scene = Scene::new(settings).unwrap();
    play(&mut scene, &ESTABLISHED.replace("mss 1000", "mss 1000 sackok"));
    let socket = scene.socket.unwrap();
    let mut answers = 0;
    for round in 0..100_000_u32 {
        let seq = 3 + 2 * (round * 7919 % 20_000);
        scene.segment_arrives(&format!("A {seq} len 1 ack 1")).unwrap();
        if round % 1000 == 0 {
            answers += scene.sent().unwrap().len();
            scene.sim.network().assert_invariants();
        }
    }
    answers += scene.sent().unwrap().len();
    assert!(answers <= 100_000, "no more answers than segments: {answers}");
    assert_eq!(socket.slot(&scene.sim).map(|slot| slot.reader().len()), Some(0));
    // What was kept of it is told when the gaps close: at most as many bytes as there are ranges between which gaps are kept.
    scene.segment_arrives("A 1 len 1000 ack 1").unwrap();
    scene.segment_arrives("PA 1001 len 1000 ack 1").unwrap();
    scene.sent().unwrap();
    let (nxt, _) = scene.offered();
    assert!((2001..2100).contains(&nxt), "{nxt}");
    play(&mut scene, "recv 2000\nflush\nstate ESTABLISHED");
}

/// The same in order: each byte is taken, and the ACKs are no more than the segments.
#[test]
fn one_byte_segments_in_order() {
    let mut scene = played(ESTABLISHED, "");
    let mut answers = 0;
    for seq in 1..=100_000_u32 {
        scene.segment_arrives(&format!("A {seq} len 1 ack 1")).unwrap();
        if seq % 5_000 == 0 {
            scene.sim.run_for(Duration::from_millis(500));
            answers += scene.sent().unwrap().len();
            play(&mut scene, "recv 5000\nflush");
        }
    }
    answers += scene.sent().unwrap().len();
    assert!((50..=100_000).contains(&answers), "{answers}");
}

/// SACK Panic (CVE-2019-11477, 11479): a peer that asks for tiny segments gets small ones, but not as small as it likes.
#[test]
fn a_tiny_mss() {
    for mss in [0, 1, 8, 40] {
        let mut scene = played(&ESTABLISHED.replace("mss 1000", &format!("mss {mss}")), "");
        write(&mut scene, 2000);
        let sent = texts(&mut scene);
        assert!(!sent.is_empty() && sent.len() <= 50, "{mss}: {}", sent.len());
        assert!(sent.iter().all(|(_, len)| *len >= 36), "{mss}: {sent:?}");
    }
}

/// Two confused ends, or a third that makes them so, do not answer each other for ever (RFC 5961, section 7).
#[test]
fn an_ack_storm() {
    let mut scene = played(ESTABLISHED, "");
    let mut answers = 0;
    let mut turns = 0;
    // The peer answers each of our ACKs with one that is out of our window, as a stack does that lost its place.
    scene.segment_arrives("A 30000 ack 1").unwrap();
    for _ in 0..10_000 {
        scene.sim.run_for(Duration::from_micros(100));
        let sent = scene.sent().unwrap().len();
        answers += sent;
        if sent > 0 {
            turns += 1;
            scene.segment_arrives("A 30000 ack 1").unwrap();
        }
    }
    assert!(turns <= 100 && answers <= 100, "{answers} answers in {turns} turns within a second");
}

/// FIN-WAIT-2 of a program that has gone ends by itself, whatever the peer keeps sending.
#[test]
fn fin_wait_2_without_end() {
    let mut scene = played(ESTABLISHED, "close\n> FA 1 ack 1\n< A 1 ack 2\nstate FIN_WAIT2");
    for _ in 0..70 {
        scene.sim.run_for(Duration::from_secs(1));
        scene.segment_arrives("A 1 ack 2").unwrap();
    }
    play(&mut scene, "flush\nstate gone");
}

/// Savage and others, 1999: duplicate ACKs without end do not make it send more than recovery from one loss may.
#[test]
fn duplicate_ack_spoofing() {
    let lines = ["A 1 ack 1 win 60000"; 1000];
    let sent = burst_after(WIDE, &lines);
    assert!(sent <= 12_000, "a segment again, and no more than was in flight: {sent}");
}
