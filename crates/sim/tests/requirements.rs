//! RFC 9293's labels that belong to a whole host and its program; most others have their tests beside the code (see docs/rfc9293.md).

mod common;

use common::{ESTABLISHED, played};
use sockeye_sim::Scene;
use sockeye_stack::{CongestionName, SocketOption};
use std::time::Duration;

fn play(more: &str) -> Scene {
    played(ESTABLISHED, more)
}

/// 3.9.1.2: send() has no PUSH flag, so text must not wait without end for more of it; and the last segment has PSH (MUST-61).
#[test]
fn must_60_text_is_not_buffered_indefinitely() {
    play(
        "send 1\n> PA 1 len 1\n< A 1 ack 2\nsend 999\n> PA 2 len 999\n< A 1 ack 1001\nsend 1001\n> A 1001 len 1000\n> PA 2001 len 1",
    );
}

/// 3.9.1.2: until a small segment is acknowledged, what is written meanwhile becomes one segment.
#[test]
fn may_16_text_that_was_not_pushed_is_aggregated() {
    play("send 1\n> PA 1 len 1\nsend 10\nsend 20\nsend 30\n< A 1 ack 2\n> PA 2 len 60");
}

/// 3.8.6: a receiver may keep its window closed for as long as it likes; whoever probes hears so each time.
#[test]
fn may_8_a_window_stays_closed() {
    let mut scene = play("");
    for seq in (1..10_001).step_by(1000) {
        scene.segment_arrives(&format!("PA {seq} len 1000 ack 1")).unwrap();
    }
    scene.run("flush").unwrap();
    for _ in 0..100 {
        scene.sim.run_for(Duration::from_secs(120));
        scene.run("< A 10000 ack 1\n> A 1 ack 10001 win 0\nstate ESTABLISHED").unwrap();
    }
    scene.run("recv 10000\n> A 1 ack 10001 win 10000").unwrap();
}

/// 3.5.3: a RST may have text, which says why: it is no stream, and nothing hinders the reset.
#[test]
fn shld_2_a_rst_may_contain_data() {
    play("< R 1 len 20\nstate gone\nerror ConnectionReset");
    play("< RA 1 len 20 ack 1\nstate gone\nerror ConnectionReset");
    Scene::play("connect\n> S 0\n< RA 0 len 20 ack 1\nstate gone\nerror ConnectionRefused").unwrap();
}

/// 3.8.5: urgent text may be of any length: the pointer, which reaches 65,535 bytes, moves on with the segments.
#[test]
fn must_31_urgent_text_of_any_length() {
    let mut scene = play("");
    let socket = scene.socket.unwrap();
    socket.set_option(&mut scene.sim, SocketOption::OobInline(true)).unwrap();
    let total = 100_000;
    for seq in (1..=total).step_by(1000) {
        let urgent = (total + 1 - seq).min(65_535);
        scene.segment_arrives(&format!("PAU {seq} len 1000 ack 1 urg {urgent}")).unwrap();
        let mut bytes = socket.try_read(&mut scene.sim, 2000).unwrap();
        // A read ends before the last urgent byte.
        if bytes.len() < 1000 {
            bytes.extend(socket.try_read(&mut scene.sim, 2000).unwrap());
        }
        let expected: Vec<u8> = (seq - 1..seq + 999).map(sockeye_sim::script::byte_at).collect();
        assert!(bytes == expected, "at {seq}: {} bytes", bytes.len());
    }
    scene.sent().unwrap();
    scene.run("state ESTABLISHED").unwrap();
}

/// 3.9.2: the Diffserv field is what the program said last, at any time of the connection.
#[test]
fn shld_21_the_diffserv_field_changes_during_a_connection() {
    let mut scene = play("");
    let socket = scene.socket.unwrap();
    for (round, class) in [0x20, 0xb8, 0].into_iter().enumerate() {
        socket.set_option(&mut scene.sim, SocketOption::TypeOfService(class)).unwrap();
        assert_eq!(scene.write(100), 100);
        let sent = scene.sent().unwrap();
        assert_eq!(sent.iter().map(|seen| seen.ip.traffic_class).collect::<Vec<_>>(), [class]);
        scene.segment_arrives(&format!("A 1 ack {}", 1 + 100 * (round + 1))).unwrap();
    }
}

/// 3.8.2: whichever congestion control a program chooses, it conforms: after a timeout it begins with one segment, and backs off (MUST-19).
#[test]
fn may_18_must_19_every_congestion_control_restarts_with_one_segment() {
    for name in ["cubic", "reno", "bbr", "dctcp"] {
        let mut scene = play("");
        let socket = scene.socket.unwrap();
        socket
            .set_option(&mut scene.sim, SocketOption::Congestion(CongestionName::new(name.as_bytes())))
            .unwrap();
        assert_eq!(scene.write(30_000), 30_000);
        scene.sim.run_for(Duration::from_millis(50));
        let first = scene.sent().unwrap().len();
        assert!((2..=20).contains(&first), "{name}: {first} at first");
        let mut times = Vec::new();
        for _ in 0..3000 {
            scene.sim.run_for(Duration::from_millis(10));
            let sent = scene.sent().unwrap();
            assert!(sent.len() <= 1, "{name}: {} at once, though nothing is acknowledged", sent.len());
            times.extend(sent.first().map(|seen| seen.at));
        }
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        assert!(
            gaps.len() >= 4
                && gaps.iter().rev().take(3).is_sorted_by(|later, earlier| **later >= **earlier * 3 / 2),
            "{name}: {gaps:?}"
        );
    }
}
