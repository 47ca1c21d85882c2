//! RFC 9293's labels that belong to a whole host and its program; most others have their tests beside the code (see docs/rfc9293.md).

use sockeye_sim::Scene;
use std::time::Duration;

const ESTABLISHED: &str = "listen
    < S 0 mss 1000
    > SA 0 ack 1
    < A 1 ack 1
    accept
";

fn play(more: &str) -> Scene {
    Scene::play(&format!("{ESTABLISHED}{more}")).unwrap_or_else(|error| panic!("{error}"))
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
