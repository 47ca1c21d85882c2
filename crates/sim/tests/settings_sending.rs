//! Settings of how text is sent, repaired and acknowledged: each is shown to have its effect.

mod common;

use common::{address, play, scene, sent_within, two_hosts, with};
use sockeye_link::LinkConfig;
use sockeye_sim::script::Seen;
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::{Family, OptionName, SocketOption, TcpInfo};
use sockeye_wire::Flags;
use std::time::Duration;

/// A round trip of 100 ms, and segments of 1000 bytes.
const ESTABLISHED: &str = "listen
    < S 0 mss 1000 sackok win 60000
    > SA 0 ack 1
    wait 100ms
    < A 1 ack 1 win 60000
    accept
";
const NO_PROBE: (&str, &str) = ("tcp_early_retrans", "0");
const MILLISECOND: Duration = Duration::from_millis(1);

fn established(values: &[(&str, &str)]) -> Scene {
    scene(values, ESTABLISHED)
}

fn info(scene: &mut Scene) -> TcpInfo {
    let (now, socket) = (scene.sim.now(), scene.socket.expect("a connection"));
    socket.with(&mut scene.sim, |network, id| network.tcp_info(now, id)).expect("it is there")
}

fn write(scene: &mut Scene, len: u32) -> Vec<Seen> {
    assert_eq!(scene.write(len), len);
    scene.sent().expect("sound")
}

fn hears(scene: &mut Scene, line: &str) -> Vec<Seen> {
    scene.segment_arrives(line).expect("sound");
    scene.sent().expect("sound")
}

/// Where a segment's text begins, counted from the host's SYN.
fn place(scene: &Scene, seen: &Seen) -> u32 {
    seen.header.seq.since(scene.numbers.iss)
}

/// What is sent next, within a minute: when, and from where.
fn next(scene: &mut Scene) -> (Duration, u32) {
    let sent = sent_within(scene, Duration::from_secs(60));
    let (at, seen) = sent.first().expect("something is sent");
    (*at, place(scene, seen))
}

/// `fq` spreads over the round trip what else leaves at once.
#[test]
fn default_qdisc() {
    for (value, at_once) in [("pfifo_fast", true), ("fq_codel", true), ("fq", false)] {
        let mut scene = established(&[("net.core.default_qdisc", value)]);
        write(&mut scene, 10_000);
        scene.sim.run_for(Duration::from_millis(100));
        scene.sent().unwrap();
        let mut sent = hears(&mut scene, "A 1 ack 10001 win 60000").len();
        sent += write(&mut scene, 15_000).len();
        assert_eq!(sent == 15, at_once, "{value}: {sent} of 15 at once");
        let later = sent_within(&mut scene, Duration::from_millis(100)).len();
        assert_eq!(sent + later, 15, "{value}: the others within a round trip");
    }
}

/// The rate, as part of cwnd a round trip: in slow start, and after.
#[test]
fn tcp_pacing_ss_ratio_tcp_pacing_ca_ratio() {
    let rates = |ss: &str, ca: &str| {
        let mut scene = established(&[("tcp_pacing_ss_ratio", ss), ("tcp_pacing_ca_ratio", ca)]);
        write(&mut scene, 10_000);
        scene.sim.run_for(Duration::from_millis(100));
        hears(&mut scene, "A 1 ack 1001 win 60000 sack 2001-10001");
        let early = info(&mut scene).pacing_rate;
        scene.sim.run_for(Duration::from_millis(100));
        hears(&mut scene, "A 1 ack 10001 win 60000");
        (early, info(&mut scene).pacing_rate)
    };
    let slow_start = |ss: &str| {
        let mut scene = established(&[("tcp_pacing_ss_ratio", ss)]);
        write(&mut scene, 2000);
        scene.sim.run_for(Duration::from_millis(100));
        hears(&mut scene, "A 1 ack 2001 win 60000");
        info(&mut scene).pacing_rate
    };
    let (usual, double) = (slow_start("200"), slow_start("400"));
    assert!((200_000..=260_000).contains(&usual), "200% of ten segments in 100 ms: {usual}");
    assert_eq!(double, usual * 2);
    let ((_, usual), (_, double)) = (rates("200", "120"), rates("200", "240"));
    assert!(double.abs_diff(usual * 2) <= 2, "{usual}, {double}");
    assert_eq!(rates("400", "120").1, usual, "slow start is over");
}

/// PSH ends each burst of more than one segment, and the text: none is shorter.
#[test]
fn tcp_min_tso_segs() {
    for (value, expected) in [("1", 1), ("2", 5), ("5", 2)] {
        let mut scene = established(&[("tcp_min_tso_segs", value)]);
        let pushed =
            write(&mut scene, 10_000).iter().filter(|seen| seen.header.flags.contains(Flags::PSH)).count();
        assert_eq!(pushed, expected, "{value}");
    }
}

/// RFC 5681, 4.1: after an RTO without sending, cwnd falls back to the initial window.
#[test]
fn tcp_slow_start_after_idle() {
    for (value, segments) in [("1", 10), ("0", 20)] {
        let mut scene = established(&[("tcp_slow_start_after_idle", value)]);
        write(&mut scene, 10_000);
        hears(&mut scene, "A 1 ack 10001 win 60000");
        scene.sim.run_for(Duration::from_secs(30));
        assert_eq!(write(&mut scene, 30_000).len(), segments, "{value}");
    }
}

/// A socket takes no more while so much was never sent.
#[test]
fn tcp_notsent_lowat() {
    let taken = |value| {
        let mut scene = established(&[("tcp_notsent_lowat", value)]);
        hears(&mut scene, "A 1 ack 1 win 0");
        (0..10).map(|_| scene.write(10_000)).sum::<u32>()
    };
    assert_eq!(taken("4294967295"), 100_000);
    assert!(taken("20000") <= 30_000, "{}", taken("20000"));
}

#[test]
fn tcp_congestion_control() {
    for value in ["reno", "cubic", "bbr", "dctcp"] {
        let mut scene = established(&[("tcp_congestion_control", value)]);
        let socket = scene.socket.expect("a connection");
        let chosen = socket.with(&mut scene.sim, |network, id| network.option(id, OptionName::Congestion));
        let Ok(SocketOption::Congestion(name)) = chosen else { panic!("{chosen:?}") };
        assert_eq!(name.as_str(), value);
    }
}

/// How CUBIC leaves slow start before the queue is full: not at all, as Linux, or by RFC 9406.
#[test]
fn tcp_cubic_hystart() {
    for (value, is_early) in [("0", false), ("1", true), ("2", true)] {
        let link = LinkConfig {
            rate: 20_000_000,
            delay: Duration::from_millis(20),
            queue: 2000,
            ..LinkConfig::default()
        };
        let values = with(&[("tcp_cubic_hystart", value)]);
        let mut sim = Sim::new(&two_hosts(link, values.clone(), values), 1).expect("a sound network");
        let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5).unwrap();
        let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:80")).unwrap();
        let server = listener.accept(&mut sim).unwrap();
        sim.run_until(Duration::from_millis(1500), |sim| {
            client.try_write(sim, &[7; 65_536]);
            while server.try_read(sim, 1 << 20).is_ok_and(|bytes| !bytes.is_empty()) {}
            false
        });
        let now = sim.now();
        let info = client.with(&mut sim, |network, id| network.tcp_info(now, id)).unwrap();
        assert_eq!(info.total_retrans, 0, "nothing is lost");
        // Linux's TCP_INFINITE_SSTHRESH.
        assert_eq!(info.snd_ssthresh < 0x7fff_ffff, is_early, "{value}: {}", info.snd_ssthresh);
    }
}

/// RFC 5682: after a time-out new text goes first, and tells whether the old one was lost.
#[test]
fn tcp_frto() {
    for (value, expected) in [("2", 3001), ("0", 1001)] {
        let mut scene = established(&[("tcp_frto", value), NO_PROBE]);
        write(&mut scene, 3000);
        assert_eq!(next(&mut scene).1, 1, "the time-out");
        scene.write(5000);
        let sent = hears(&mut scene, "A 1 ack 1001 win 60000");
        assert_eq!(place(&scene, &sent[0]), expected, "{value}");
    }
}

/// Bit 0: RACK finds a loss by time (RFC 8985); without it three segments must follow (RFC 6675).
#[test]
fn tcp_recovery() {
    let repaired = |value| {
        let mut scene = established(&[("tcp_recovery", value), NO_PROBE]);
        write(&mut scene, 2000);
        scene.sim.run_for(Duration::from_millis(100));
        hears(&mut scene, "A 1 ack 1 win 60000 sack 1001-2001");
        next(&mut scene).0
    };
    assert!(repaired("1") < 50 * MILLISECOND, "a quarter of the round trip: {:?}", repaired("1"));
    assert!(repaired("0") > 100 * MILLISECOND, "the time-out: {:?}", repaired("0"));
    // Bit 2: three duplicates alone prove nothing.
    let at_once = |value| {
        let mut scene = established(&[("tcp_recovery", value), NO_PROBE]);
        write(&mut scene, 5000);
        scene.sim.run_for(Duration::from_millis(100));
        !hears(&mut scene, "A 1 ack 1 win 60000 sack 1001-5001").is_empty()
    };
    assert!(at_once("1") && !at_once("5"));
    // Bit 1: the reordering window does not grow with DSACKs.
    let window = |value| {
        let mut scene = established(&[("tcp_recovery", value), NO_PROBE]);
        // Text that came late and was not sent again: DSACKs are believed from now on.
        write(&mut scene, 2000);
        scene.sim.run_for(Duration::from_millis(100));
        hears(&mut scene, "A 1 ack 1 win 60000 sack 1001-2001");
        hears(&mut scene, "A 1 ack 2001 win 60000");
        for round in 1..5 {
            let (start, end) = (1 + round * 2000, 2001 + round * 2000);
            write(&mut scene, 2000);
            scene.sim.run_for(Duration::from_millis(100));
            hears(&mut scene, &format!("A 1 ack {start} win 60000 sack {}-{end}", start + 1000));
            assert_eq!(sent_within(&mut scene, 120 * MILLISECOND).len(), 1, "it was only late");
            hears(&mut scene, &format!("A 1 ack {end} win 60000 sack {start}-{}", start + 1000));
        }
        write(&mut scene, 2000);
        scene.sim.run_for(Duration::from_millis(100));
        hears(&mut scene, "A 1 ack 10001 win 60000 sack 11001-12001");
        next(&mut scene).0
    };
    assert!(window("1") > window("3") + 20 * MILLISECOND, "{:?}, {:?}", window("1"), window("3"));
}

/// The duplicate threshold to begin with.
#[test]
fn tcp_reordering() {
    for (value, needed) in [("3", 3), ("5", 5)] {
        let mut scene = established(&[("tcp_reordering", value), ("tcp_recovery", "0"), NO_PROBE]);
        write(&mut scene, 10_000);
        let counted = (1..10).find(|segments| {
            let line = format!("A 1 ack 1 win 60000 sack 1001-{}", 1001 + segments * 1000);
            hears(&mut scene, &line).iter().any(|seen| seen.header.seq == scene.numbers.iss + 1)
        });
        assert_eq!(counted, Some(needed), "{value}");
    }
}

/// How far that grows where text comes late.
#[test]
fn tcp_max_reordering() {
    for (value, expected) in [("300", 10), ("5", 5)] {
        let mut scene = established(&[("tcp_max_reordering", value), ("tcp_recovery", "5"), NO_PROBE]);
        write(&mut scene, 10_000);
        scene.sim.run_for(Duration::from_millis(100));
        hears(&mut scene, "A 1 ack 1 win 60000 sack 1001-10001");
        hears(&mut scene, "A 1 ack 10001 win 60000");
        assert_eq!(info(&mut scene).reordering, expected, "{value}");
    }
}

/// RFC 8985, 7: a probe after two round trips, or only the time-out.
#[test]
fn tcp_early_retrans() {
    let repeated = |value| {
        let mut scene = established(&[("tcp_early_retrans", value)]);
        write(&mut scene, 3000);
        next(&mut scene)
    };
    let (at, place) = repeated("3");
    assert!((200 * MILLISECOND..220 * MILLISECOND).contains(&at) && place == 2001, "{at:?}: the last one");
    let (at, place) = repeated("0");
    assert!(at > 250 * MILLISECOND && place == 1, "{at:?}: the first one");
}

/// For how long the least round trip counts.
#[test]
fn tcp_min_rtt_wlen() {
    for (value, micros) in [("300", 100_000..101_000), ("2", 200_000..201_000)] {
        let mut scene = established(&[("tcp_min_rtt_wlen", value), NO_PROBE]);
        for round in 0..20 {
            write(&mut scene, 1000);
            scene.sim.run_for(Duration::from_millis(200));
            hears(&mut scene, &format!("A 1 ack {} win 60000", 1001 + round * 1000));
        }
        let least = info(&mut scene).min_rtt;
        assert!(micros.contains(&least), "{value} s: {least} µs");
    }
}

/// RFC 2883: a duplicate is told with a SACK block.
#[test]
fn tcp_dsack() {
    for (value, blocks) in [("1", 1), ("0", 0)] {
        let mut scene = established(&[("tcp_dsack", value)]);
        hears(&mut scene, "PA 1 len 10 ack 1");
        let answer = hears(&mut scene, "PA 1 len 10 ack 1").pop().expect("an ACK");
        assert_eq!(answer.header.options.sack.len(), blocks, "{value}");
    }
}

/// After so many answers a connection is interactive: ACKs wait for the next one.
#[test]
fn tcp_pingpong_thresh() {
    for (value, answers) in [("1", 1), ("3", 3)] {
        let mut scene = established(&[("tcp_pingpong_thresh", value)]);
        let mut sent = 0;
        let waits = (0..10u32).find(|round| {
            let line = format!("PA {} len 10 ack {} win 60000", 1 + round * 10, 1 + sent);
            if hears(&mut scene, &line).is_empty() {
                return true;
            }
            sent += 10;
            write(&mut scene, 10);
            // As long as a delayed ACK might have come.
            scene.sim.run_for(10 * MILLISECOND);
            false
        });
        assert_eq!(waits, Some(answers), "{value}");
    }
}

/// What an urgent pointer names: RFC 6093 keeps what BSD made of it.
#[test]
fn tcp_stdurg() {
    for (value, pointer) in [("0", 1), ("1", 0)] {
        let mut scene = established(&[("tcp_stdurg", value)]);
        let socket = scene.socket.expect("a connection");
        assert_eq!(socket.send_urgent(&mut scene.sim, &[0]), 1);
        let sent = scene.sent().unwrap();
        assert_eq!(sent[0].header.urgent, pointer, "{value}");
    }
}

/// What TCP_CONGESTION may choose, and what there is to choose from.
#[test]
fn tcp_allowed_congestion_control_tcp_available_congestion_control() {
    let mut scene = established(&[("tcp_allowed_congestion_control", "reno cubic")]);
    let socket = scene.socket.expect("a connection");
    let mut choose = |name: &[u8]| {
        let name = sockeye_stack::CongestionName::new(name);
        socket.set_option(&mut scene.sim, SocketOption::Congestion(name))
    };
    assert_eq!(choose(b"reno"), Ok(()));
    assert_eq!(choose(b"bbr"), Err(sockeye_stack::Error::NotPermitted));
    let all = with(&[]).sysctl("tcp_available_congestion_control").expect("it is there");
    let mut free = established(&[]);
    let socket = free.socket.expect("a connection");
    for name in all.split(' ') {
        let name = sockeye_stack::CongestionName::new(name.as_bytes());
        assert_eq!(socket.set_option(&mut free.sim, SocketOption::Congestion(name)), Ok(()));
    }
    play(&mut free, "state ESTABLISHED");
}

/// So many segments out of order, at once; says how many ACKs went out at once, and when the last one did.
fn acks_out_of_order(values: &[(&str, &str)]) -> (usize, Duration) {
    let mut scene = established(values);
    let mut at_once = 0;
    for number in 1..20 {
        at_once += hears(&mut scene, &format!("A {} len 1000 ack 1", 1 + number * 1000)).len();
    }
    let late = sent_within(&mut scene, 50 * MILLISECOND);
    (at_once, late.last().map_or(Duration::ZERO, |(at, _)| *at))
}

/// ACKs of text out of order are put together: so many, and for so long.
#[test]
fn tcp_comp_sack_nr_tcp_comp_sack_delay_ns() {
    let nr = |value| acks_out_of_order(&[("tcp_comp_sack_nr", value)]).0;
    assert_eq!(nr("0"), 19, "each goes out");
    assert!(nr("2") < 19 && nr("44") < nr("2"), "{}, {}", nr("2"), nr("44"));
    let delay = |value| acks_out_of_order(&[("tcp_comp_sack_delay_ns", value)]).1;
    assert_eq!(delay("1000000"), MILLISECOND);
    assert_eq!(delay("3000000"), 3 * MILLISECOND);
    assert_eq!(delay("90000000"), 5 * MILLISECOND, "a twentieth of the round trip");
}

/// The part of the window of which a burst must be, or it waits for an ACK that is about to come.
#[test]
fn tcp_tso_win_divisor() {
    let first = |value| {
        let mut scene = scene(&[("tcp_tso_win_divisor", value)], &ESTABLISHED.replace("100ms", "2ms"));
        write(&mut scene, 5000);
        // The sender is busy when the ACKs come.
        scene.sim.run_for(Duration::from_micros(1500));
        write(&mut scene, 50_000);
        scene.sim.run_for(Duration::from_micros(500));
        let after = |acked| format!("A 1 ack {} win 60000", 1 + acked * 1000);
        (1..5).find(|acked| !hears(&mut scene, &after(*acked)).is_empty())
    };
    assert_eq!(first("100"), Some(1), "a hundredth of the window is less than a segment");
    assert!(first("3") > Some(1), "{:?}: a third is three segments", first("3"));
}

/// RFC 7413: without bit 0 text waits for the handshake.
#[test]
fn tcp_fastopen() {
    for (value, text) in [("1", 0), ("0", 0), ("5", 10)] {
        let mut scene = scene(&[("tcp_fastopen", value)], "");
        let socket = SimSocket::new(&mut scene.sim, "server", Family::V4).unwrap();
        let remote = scene.remote();
        let taken = socket.try_fast_open(&mut scene.sim, remote, &[7; 10]);
        assert_eq!(taken.is_ok(), value != "0", "{value}: {taken:?}");
        let sent = scene.sent().unwrap().first().map_or(0, |seen| seen.text.len());
        assert_eq!(sent, text, "{value}: without cookie only with bit 2");
    }
}

/// When Fast Open may have caused a time-out, clients do without it for a while.
#[test]
fn tcp_fastopen_blackhole_timeout_sec() {
    for (value, later) in [("0", 10), ("3600", 0)] {
        let values = [("tcp_fastopen", "5"), ("tcp_fastopen_blackhole_timeout_sec", value)];
        let mut scene = scene(&values, "");
        let remote = scene.remote();
        let open = |scene: &mut Scene| {
            let socket = SimSocket::new(&mut scene.sim, "server", Family::V4).unwrap();
            let _ = socket.try_fast_open(&mut scene.sim, remote, &[0; 10]);
            scene.sent().unwrap().first().map(|seen| seen.text.len())
        };
        assert_eq!(open(&mut scene), Some(10));
        sent_within(&mut scene, Duration::from_secs(600));
        assert_eq!(open(&mut scene), Some(later), "{value}");
    }
}
