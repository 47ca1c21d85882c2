//! Settings of how connections end, and of how long they are waited for: each is shown to have its effect.

mod common;

use common::{ESTABLISHED, address, connection, count, host, one_host, play, scene, sent_within, with};
use sockeye_sim::script::Seen;
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::{Error, Family, NetworkConfig, Settings, SocketOption};
use sockeye_wire::Flags;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn established(values: &[(&str, &str)]) -> Scene {
    scene(values, ESTABLISHED)
}

fn set(scene: &mut Scene, option: SocketOption) {
    let socket = scene.socket.expect("a connection");
    socket.set_option(&mut scene.sim, option).expect("it can be set");
}

/// When segments went out, in whole seconds.
fn seconds(sent: &[(Duration, Seen)]) -> Vec<u64> {
    sent.iter().map(|(at, _)| at.as_secs_f64().round() as u64).collect()
}

/// MUST-25 to MUST-28 (3.8.4): after so long, at such intervals, so often.
#[test]
fn tcp_keepalive_time_tcp_keepalive_intvl_tcp_keepalive_probes() {
    for (time, interval, probes, expected) in [
        ("10", "2", "3", vec![10, 12, 14, 16]),
        ("20", "5", "2", vec![20, 25, 30]),
        ("7200", "75", "1", vec![7200, 7275]),
    ] {
        let mut scene = established(&[
            ("tcp_keepalive_time", time),
            ("tcp_keepalive_intvl", interval),
            ("tcp_keepalive_probes", probes),
        ]);
        set(&mut scene, SocketOption::KeepAlive(true));
        let sent = sent_within(&mut scene, 3 * HOUR);
        assert_eq!(seconds(&sent), expected);
        let (last, others) = sent.split_last().expect("probes, and a reset");
        assert!(others.iter().all(|(_, probe)| probe.header.seq == scene.numbers.iss), "before SND.UNA");
        assert!(last.1.header.flags.contains(Flags::RST));
        play(&mut scene, "state gone\nerror TimedOut");
    }
}

/// TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT are one socket's; an answer begins it all anew.
#[test]
fn keep_alive_options() {
    let mut scene = established(&[]);
    set(&mut scene, SocketOption::KeepIdle(5));
    set(&mut scene, SocketOption::KeepInterval(1));
    set(&mut scene, SocketOption::KeepCount(2));
    set(&mut scene, SocketOption::KeepAlive(true));
    play(&mut scene, "> after 5s A 0 ack 1\n< A 1 ack 1\n> after 5s A 0 ack 1\n> after 1s A 0 ack 1");
    play(&mut scene, "> after 1s RA 1 ack 1\nstate gone\nerror TimedOut");
}

/// How often text goes out until the connection is given up, if nobody answers.
fn retransmissions(scene: &mut Scene) -> usize {
    assert_eq!(scene.write(100), 100);
    let sent = sent_within(scene, 2 * HOUR);
    sent.iter().filter(|(_, seen)| !seen.text.is_empty()).count() - 1
}

/// MUST-20, MUST-21 (3.8.3): R2.
#[test]
fn tcp_retries2() {
    let mut before = 0;
    for retries in ["2", "5", "8", "15"] {
        let mut scene = established(&[("tcp_retries2", retries), ("tcp_early_retrans", "0")]);
        let count = retransmissions(&mut scene);
        let wanted: usize = retries.parse().unwrap();
        assert!(count > before && count.abs_diff(wanted) <= 1, "{retries}: {count}");
        before = count;
        play(&mut scene, "state gone\nerror TimedOut");
    }
}

/// MUST-20 (3.8.3): when a segment was sent R1 times the path is in doubt, and `tcp_mtu_probing` 1 sends smaller ones.
#[test]
fn tcp_retries1() {
    for retries in [2, 4] {
        let value = retries.to_string();
        let values = [("tcp_retries1", &*value), ("tcp_mtu_probing", "1"), ("tcp_base_mss", "500")];
        let mut scene = scene(&[&values[..], &[("tcp_early_retrans", "0")]].concat(), ESTABLISHED);
        assert_eq!(scene.write(1000), 1000);
        let sent = sent_within(&mut scene, Duration::from_secs(60));
        let whole = sent.iter().take_while(|(_, seen)| seen.text.len() == 1000).count();
        assert_eq!(whole, retries, "as often it was sent, then the path is in doubt");
        assert!(sent[whole].1.text.len() <= 500);
    }
}

/// RFC 6298, 2.4: the least RTO; 2.5: the greatest.
#[test]
fn tcp_rto_min_us_tcp_rto_max_ms() {
    let gaps = |values: &[(&str, &str)]| {
        let mut scene = established(&[values, &[("tcp_early_retrans", "0")]].concat());
        assert_eq!(scene.write(100), 100);
        let sent = sent_within(&mut scene, Duration::from_secs(100));
        sent.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_millis()).collect::<Vec<_>>()
    };
    assert!((200..=210).contains(&gaps(&[])[0]));
    assert!((50..=60).contains(&gaps(&[("tcp_rto_min_us", "50000")])[0]));
    assert!(gaps(&[]).iter().any(|gap| *gap > 10_000));
    assert!(gaps(&[("tcp_rto_max_ms", "2000")]).iter().all(|gap| *gap <= 2000));
}

/// RFC 5482, TCP_USER_TIMEOUT: text that nobody acknowledges for so long ends the connection, also when it cannot be sent because the
/// window is shut, and even if the peer answers each probe.
#[test]
fn tcp_user_timeout() {
    let mut scene = established(&[]);
    set(&mut scene, SocketOption::UserTimeout(3000));
    assert_eq!(scene.write(100), 100);
    scene.sim.run_for(Duration::from_millis(2900));
    scene.sent().unwrap();
    play(&mut scene, "state ESTABLISHED");
    sent_within(&mut scene, Duration::from_millis(3500));
    play(&mut scene, "state gone\nerror TimedOut");

    let mut scene = established(&[]);
    set(&mut scene, SocketOption::UserTimeout(3000));
    play(&mut scene, "< A 1 ack 1 win 0\nsend 100");
    let mut seconds = 0;
    while scene.state() == "ESTABLISHED" && seconds < 100 {
        sent_within(&mut scene, Duration::from_secs(1));
        scene.segment_arrives("A 1 ack 1 win 0").unwrap();
        seconds += 1;
    }
    assert!((3..=8).contains(&seconds), "{seconds} s");
    scene.sent().unwrap();
    play(&mut scene, "error TimedOut");
}

/// FIN-WAIT-2 of a connection that nobody holds; TCP_LINGER2 sets it for one socket, and less than 0 leaves no FIN-WAIT-2 at all.
#[test]
fn tcp_fin_timeout_and_linger2() {
    let lasts = |value, linger: Option<i32>| {
        let mut scene = established(&[("tcp_fin_timeout", value)]);
        if let Some(linger) = linger {
            set(&mut scene, SocketOption::Linger2(linger));
        }
        play(&mut scene, "close\n> FA 1 ack 1");
        scene.segment_arrives("A 1 ack 2").unwrap();
        let answers = scene.sent().unwrap();
        assert_eq!(answers.len(), usize::from(linger == Some(-1)), "the peer hears that nobody waits for it");
        (0..200)
            .take_while(|_| {
                let is_there = scene.state() != "gone";
                scene.sim.run_for(Duration::from_secs(1));
                is_there
            })
            .count()
    };
    assert_eq!(lasts("5", None), 5);
    assert_eq!(lasts("60", None), 60);
    assert_eq!(lasts("60", Some(10)), 10);
    assert_eq!(lasts("60", Some(-1)), 0);
}

/// Retransmissions for a connection that nobody holds; 0 means 8.
#[test]
fn tcp_orphan_retries() {
    let mut counts = Vec::new();
    for value in ["1", "3", "0"] {
        let mut scene = established(&[("tcp_orphan_retries", value), ("tcp_early_retrans", "0")]);
        play(&mut scene, "close\n> FA 1 ack 1");
        let sent = sent_within(&mut scene, 2 * HOUR);
        counts.push(sent.iter().filter(|(_, seen)| seen.header.flags.contains(Flags::FIN)).count());
        play(&mut scene, "state gone");
    }
    assert_eq!(counts, [1, 3, 8]);
}

/// A host, and connections over its loopback whose server ends have closed first.
fn closed_by_servers(settings: Settings, connections: usize) -> Result<Sim, Error> {
    let mut sim = one_host(settings);
    let listener = SimSocket::listen(&mut sim, "localhost", address("127.0.0.1:80"), 50)?;
    for _ in 0..connections {
        let client = SimSocket::connect(&mut sim, "localhost", address("127.0.0.1:80"))?;
        listener.accept(&mut sim)?.close(&mut sim);
        client.close(&mut sim);
    }
    Ok(sim)
}

/// Those beyond are reset, so that what programs leave behind is bounded.
#[test]
fn tcp_max_orphans() -> Result<(), Error> {
    for (value, left) in [("2", 2), ("65536", 5)] {
        let mut sim = one_host(with(&[("tcp_max_orphans", value)]));
        let listener = SimSocket::listen(&mut sim, "localhost", address("127.0.0.1:80"), 50)?;
        for _ in 0..5 {
            SimSocket::connect(&mut sim, "localhost", address("127.0.0.1:80"))?;
            listener.accept(&mut sim)?.close(&mut sim);
        }
        assert_eq!(count(&mut sim, "localhost", "FIN_WAIT2"), left, "{value}");
        assert_eq!(count(&mut sim, "localhost", "CLOSE_WAIT"), left, "{value}: the others were reset");
    }
    Ok(())
}

/// Those beyond end at once.
#[test]
fn tcp_max_tw_buckets() -> Result<(), Error> {
    for (value, left) in [("0", 0), ("3", 3), ("262144", 5)] {
        let mut sim = closed_by_servers(with(&[("tcp_max_tw_buckets", value)]), 5)?;
        assert_eq!(count(&mut sim, "localhost", "TIME_WAIT"), left, "{value}");
    }
    Ok(())
}

/// The limit is that of a host: what another one keeps does not count.
#[test]
fn tcp_max_tw_buckets_are_of_a_host() -> Result<(), Error> {
    let hosts = vec![
        host("busy", &["10.0.0.1"], Settings::default()),
        host("idle", &["10.0.0.2"], with(&[("tcp_max_tw_buckets", "2")])),
    ];
    let mut sim = Sim::new(&NetworkConfig { hosts, links: Vec::new() }, 1).expect("a sound network");
    for (name, connections) in [("busy", 5), ("idle", 1)] {
        let listener = SimSocket::listen(&mut sim, name, address("127.0.0.1:80"), 5)?;
        for _ in 0..connections {
            let client = SimSocket::connect(&mut sim, name, address("127.0.0.1:80"))?;
            listener.accept(&mut sim)?.close(&mut sim);
            client.close(&mut sim);
        }
    }
    assert_eq!(count(&mut sim, "busy", "TIME_WAIT"), 5);
    assert_eq!(count(&mut sim, "idle", "TIME_WAIT"), 1);
    Ok(())
}

/// Whether connect() from the only port there is succeeds when the last connection from it has been in TIME-WAIT for `age`.
fn reconnects(values: &[(&str, &str)], at: &str, age: Duration) -> Result<(), Error> {
    let one_port = ("net.ipv4.ip_local_port_range", "5000 5000");
    let mut sim = one_host(with(&[values, &[one_port]].concat()));
    let (listener, client, server) = connection(&mut sim, at)?;
    client.close(&mut sim);
    server.close(&mut sim);
    assert_eq!(count(&mut sim, "localhost", "TIME_WAIT"), 1);
    sim.run_for(age);
    let client = SimSocket::connect(&mut sim, "localhost", address(at))?;
    let server = listener.accept(&mut sim)?;
    client.write_all(&mut sim, b"anew")?;
    assert_eq!(server.read(&mut sim, 10)?, b"anew");
    Ok(())
}

/// RFC 6191: 0 never, 1 always, 2 on loopback; and only where timestamps tell the connections apart.
#[test]
fn tcp_tw_reuse() {
    let (loopback, other) = ("127.0.0.1:80", "10.0.0.1:80");
    let used_up = Err(Error::AddressNotAvailable);
    for (value, at, expected) in [
        ("0", loopback, used_up),
        ("0", other, used_up),
        ("1", loopback, Ok(())),
        ("1", other, Ok(())),
        ("2", loopback, Ok(())),
        ("2", other, used_up),
    ] {
        let age = Duration::from_secs(2);
        assert_eq!(reconnects(&[("tcp_tw_reuse", value)], at, age), expected, "{value} {at}");
        let without = [("tcp_tw_reuse", value), ("tcp_timestamps", "0")];
        assert_eq!(reconnects(&without, at, age), used_up, "{value} {at}, without timestamps");
        assert_eq!(reconnects(&without, at, Duration::from_secs(61)), Ok(()), "{value} {at}, after 2MSL");
    }
}

#[test]
fn tcp_tw_reuse_delay() {
    let used_up = Err(Error::AddressNotAvailable);
    for (delay, age, expected) in
        [("1000", 900, used_up), ("1000", 1100, Ok(())), ("5000", 1100, used_up), ("100", 200, Ok(()))]
    {
        let age = Duration::from_millis(age);
        let values = [("tcp_tw_reuse_delay", delay)];
        assert_eq!(reconnects(&values, "127.0.0.1:80", age), expected, "{delay} {age:?}");
    }
}

const TIME_WAIT: &str = "listen
    < S 0 mss 1000 ts 1000 0
    > SA 0 ack 1
    < A 1 ack 1 ts 1000 0
    accept
    close
    > FA 1 ack 1
    < FA 1 ack 2 ts 1001 0
    > A 2 ack 2
    state TIME_WAIT
";

/// RFC 6191, section 2, on the side that waits: a SYN whose timestamp is newer opens a connection, whatever its number; one whose
/// timestamp is the same does if its number is greater; an older one does not.
#[test]
fn shld_4_a_syn_in_time_wait_is_told_by_its_timestamp() {
    for (syn, is_new) in [
        ("S 5000 mss 1000 ts 1002 0", true),
        ("S -5000 mss 1000 ts 1002 0", true),
        ("S 5000 mss 1000 ts 1001 0", true),
        ("S -5000 mss 1000 ts 1001 0", false),
        ("S 5000 mss 1000 ts 1000 0", false),
        ("S 5000 mss 1000", true),
        ("S -5000 mss 1000", false),
    ] {
        let mut scene = scene(&[], TIME_WAIT);
        let before = scene.numbers.iss;
        scene.segment_arrives(syn).unwrap();
        let answer = scene.sent().unwrap().pop().expect("an answer").header;
        let is_opened = answer.flags == Flags::SYN | Flags::ACK;
        assert_eq!(is_opened, is_new, "{syn}");
        if is_opened {
            assert!(answer.seq.after(before + 65_535), "beyond what the old one used");
        }
    }
}

/// RFC 1337: an old RST must not end the wait.
#[test]
fn tcp_rfc1337() {
    play(&mut scene(&[("tcp_rfc1337", "1")], TIME_WAIT), "< R 2 ts 1002 0\nstate TIME_WAIT");
    play(&mut scene(&[("tcp_rfc1337", "0")], TIME_WAIT), "< R 2 ts 1002 0\nstate gone");
}

/// Answers to segments that are not acceptable: the time between two.
#[test]
fn tcp_invalid_ratelimit() {
    for (value, answers) in [("0", 10), ("100", 5), ("500", 1)] {
        let mut scene = established(&[("tcp_invalid_ratelimit", value)]);
        let mut sent = 0;
        for _ in 0..10 {
            scene.segment_arrives("A -5000 ack 1").unwrap();
            scene.sim.run_for(Duration::from_millis(50));
            sent += scene.sent().unwrap().len();
        }
        assert_eq!(sent, answers, "{value} ms");
    }
}

/// RFC 5961, section 7: challenges of the host, between half of the limit and one and a half in a second.
#[test]
fn tcp_challenge_ack_limit() {
    for (value, least, most) in [("4", 2, 6), ("2147483647", 50, 50)] {
        let values = [("tcp_challenge_ack_limit", value), ("tcp_invalid_ratelimit", "0")];
        let mut scene = established(&values);
        for _ in 0..50 {
            scene.segment_arrives("S 1").unwrap();
        }
        let sent = scene.sent().unwrap().len();
        assert!((least..=most).contains(&sent), "{value}: {sent}");
    }
}

#[test]
fn closing_a_socket_that_never_connected_is_no_orphan() -> Result<(), Error> {
    let mut sim = one_host(with(&[("tcp_max_orphans", "0")]));
    SimSocket::new(&mut sim, "localhost", Family::V4)?.close(&mut sim);
    let (_, client, server) = connection(&mut sim, "127.0.0.1:80")?;
    client.close(&mut sim);
    assert_eq!(server.read(&mut sim, 10), Err(Error::ConnectionReset));
    Ok(())
}
