//! Settings of how connections are opened: each is shown to have its effect.

mod common;

use common::{play, scene, sent_within, with};
use sockeye_sim::script::{Notation, Seen};
use sockeye_sim::{Scene, SimSocket};
use sockeye_stack::{Counters, Family, SocketOption};
use sockeye_wire::Flags;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// The times between segments, in whole seconds, and the last one's distance from the end of the open.
fn seconds(sent: &[(Duration, Seen)]) -> Vec<u64> {
    sent.windows(2).map(|pair| (pair[1].0 - pair[0].0).as_millis().div_ceil(1000) as u64).collect()
}

fn counters(scene: &mut Scene) -> Counters {
    let host = scene.sim.host("server").expect("it is there");
    scene.sim.network().counters(host).expect("it is there")
}

/// A host that has begun to connect.
fn opening(values: &[(&str, &str)]) -> Scene {
    let mut scene = scene(values, "");
    let socket = SimSocket::new(&mut scene.sim, "server", Family::V4).expect("a socket");
    let (local, remote) = (scene.local(), scene.remote());
    socket.with(&mut scene.sim, |network, id| network.bind(id, local)).expect("a free port");
    socket.try_connect(&mut scene.sim, remote).expect("a route");
    scene.socket = Some(socket);
    scene
}

/// A host that has heard this SYN.
fn answering(values: &[(&str, &str)], syn: &str) -> Scene {
    let mut scene = scene(values, "listen");
    scene.segment_arrives(syn).expect("sound");
    scene
}

/// SYNs of other clients, none of which goes on.
fn flood(scene: &mut Scene, syns: u16) {
    for number in 0..syns {
        let line: Notation = "S 0 mss 1000".parse().expect("sound");
        let mut header = line.header(scene.numbers.irs, scene.numbers.iss);
        header.src_port = 5000 + number;
        scene.arrives(&header, &[]);
    }
}

fn waiting(scene: &mut Scene) -> usize {
    common::count(&mut scene.sim, "server", "SYN_RECV")
}

/// MUST-23 (3.8.3): R2 of a SYN is set by itself.
#[test]
fn tcp_syn_retries() {
    for retries in [1, 3, 6] {
        let values = [("tcp_syn_retries", &*retries.to_string()), ("tcp_syn_linear_timeouts", "0")];
        let mut scene = opening(&values);
        let syns = sent_within(&mut scene, 10 * MINUTE);
        assert_eq!(syns.len(), retries + 1);
        assert!(seconds(&syns).iter().zip(0..).all(|(gap, doublings)| *gap == 1 << doublings), "{syns:?}");
        play(&mut scene, "error TimedOut\nstate gone");
    }
}

/// Linux 6.5: so many intervals of a second come before those that double, and on top of `tcp_syn_retries`.
#[test]
fn tcp_syn_linear_timeouts() {
    for (linear, gaps) in [("0", vec![1, 2, 4]), ("2", vec![1, 1, 1, 2, 4]), ("4", vec![1, 1, 1, 1, 1, 2, 4])]
    {
        let values = [("tcp_syn_retries", "3"), ("tcp_syn_linear_timeouts", linear)];
        let syns = sent_within(&mut opening(&values), 10 * MINUTE);
        assert_eq!(seconds(&syns), gaps, "{linear}");
    }
}

/// TCP_SYNCNT is one socket's `tcp_syn_retries`, without linear intervals.
#[test]
fn tcp_syncnt() {
    let mut scene = scene(&[], "");
    let socket = SimSocket::new(&mut scene.sim, "server", Family::V4).unwrap();
    socket.set_option(&mut scene.sim, SocketOption::SynCount(2)).unwrap();
    let remote = scene.remote();
    socket.try_connect(&mut scene.sim, remote).unwrap();
    let syns = sent_within(&mut scene, 10 * MINUTE);
    assert_eq!(seconds(&syns), [1, 2]);
}

#[test]
fn tcp_synack_retries() {
    for retries in [0, 2, 5] {
        let values = [("tcp_synack_retries", &*retries.to_string())];
        let mut scene = answering(&values, "S 0 mss 1000");
        let sent = sent_within(&mut scene, 10 * MINUTE);
        assert!(sent.iter().all(|(_, seen)| seen.header.flags == Flags::SYN | Flags::ACK));
        assert_eq!(sent.len(), retries + 1);
        play(&mut scene, "state gone");
    }
}

/// RFC 4987: 0 never, 1 when the SYN queue is full, 2 always.
#[test]
fn tcp_syncookies() {
    for (value, embryos, cookies, discarded) in [("0", 6, 0, 4), ("1", 6, 4, 0), ("2", 0, 10, 0)] {
        let mut scene = scene(&[("tcp_syncookies", value)], "listen");
        flood(&mut scene, 10);
        let counters = counters(&mut scene);
        assert_eq!(waiting(&mut scene), embryos, "{value}: a backlog of five");
        assert_eq!((counters.syn_cookies_sent, counters.syns_discarded), (cookies, discarded), "{value}");
    }
}

/// Without cookies, three quarters of it are for peers that are not known; with them it counts for nothing.
#[test]
fn tcp_max_syn_backlog() {
    for (cookies, most, embryos) in [("0", "4", 3), ("0", "100", 6), ("1", "4", 6)] {
        let values = [("tcp_syncookies", cookies), ("tcp_max_syn_backlog", most)];
        let mut scene = scene(&values, "listen");
        flood(&mut scene, 10);
        assert_eq!(waiting(&mut scene), embryos, "{values:?}");
    }
}

/// listen()'s backlog is cut to it.
#[test]
fn somaxconn() {
    for (most, backlog) in [("3", 3), ("4096", 5)] {
        let mut scene = scene(&[("net.core.somaxconn", most)], "listen");
        assert_eq!(scene.sim.netstat("server")[0].send_queue, backlog);
    }
}

/// A client whose handshake is complete, but for which the accept queue has no room.
fn overflowing(values: &[(&str, &str)]) -> Scene {
    let mut scene = scene(&[values, &[("net.core.somaxconn", "1")]].concat(), "listen");
    // The handshake is open before others take the two places.
    play(&mut scene, "< S 0 mss 1000\n> SA 0 ack 1");
    let theirs: Notation = "S 0 mss 1000".parse().expect("sound");
    for port in [5000, 5001] {
        let mut other = theirs.header(scene.numbers.irs, scene.numbers.iss);
        other.src_port = port;
        scene.arrives(&other, &[]);
        let answer = scene.sent().expect("sound").pop().expect("a SYN-ACK").header;
        (other.flags, other.seq, other.ack) = (Flags::ACK, other.seq + 1, answer.seq + 1);
        other.options = Default::default();
        scene.arrives(&other, &[]);
    }
    scene
}

/// 0: the ACK is forgotten, and the SYN-ACK is sent again until there is room. 1: a RST says that there is none.
#[test]
fn tcp_abort_on_overflow() {
    let no_cookies = ("tcp_syncookies", "0");
    let mut patient = overflowing(&[no_cookies, ("tcp_abort_on_overflow", "0")]);
    play(
        &mut patient,
        "< A 1 ack 1
         > after 900ms..1100ms SA 0 ack 1
         accept
         < A 1 ack 1
         accept
         state ESTABLISHED",
    );
    let mut strict = overflowing(&[no_cookies, ("tcp_abort_on_overflow", "1")]);
    play(&mut strict, "< A 1 ack 1\n> R 1");
    assert_eq!(waiting(&mut strict), 0);
}

/// With a cookie the ACK of a full queue is forgotten, too; there is no SYN-ACK to send again, but text, which comes again, brings it.
#[test]
fn the_last_ack_is_dropped_with_cookies_too() {
    let mut scene = overflowing(&[("tcp_syncookies", "2")]);
    play(&mut scene, "< A 1 ack 1\nwait 10s");
    assert!(counters(&mut scene).accept_overflows > 0);
    let listener = scene.listener.expect("it listens");
    listener.try_accept(&mut scene.sim).unwrap();
    scene.segment_arrives("PA 1 len 10 ack 1").unwrap();
    scene.sent().unwrap();
    play(&mut scene, "accept\naccept\nrecv 10");
}

/// TCP_DEFER_ACCEPT: a bare ACK does not complete the handshake, text does; after the time the next ACK does as it is.
#[test]
fn tcp_defer_accept() {
    let deferring = || {
        let mut scene = scene(&[], "listen");
        let listener = scene.listener.expect("it listens");
        listener.set_option(&mut scene.sim, SocketOption::DeferAccept(3)).unwrap();
        play(&mut scene, "< S 0 mss 1000\n> SA 0 ack 1\n< A 1 ack 1\nstate SYN_RECV");
        assert!(listener.try_accept(&mut scene.sim).is_err());
        scene
    };
    play(&mut deferring(), "< PA 1 len 10 ack 1\n> A 1 ack 11\naccept\nrecv 10");
    // Two retransmissions are the three seconds: the one that ends them asks the client again, and its answer counts.
    let mut scene = deferring();
    let sent = sent_within(&mut scene, Duration::from_secs(4));
    assert_eq!(sent.len(), 1, "the time is over: {sent:?}");
    play(&mut scene, "< A 1 ack 1\naccept\nstate ESTABLISHED");
}

/// The options of the SYN that the host sends.
fn syn_of(values: &[(&str, &str)]) -> sockeye_wire::TcpHeader {
    opening(values).sent().expect("sound")[0].header.clone()
}

/// RFC 7323 and RFC 2018: what SYNs offer.
#[test]
fn tcp_window_scaling_tcp_timestamps_tcp_sack() {
    let offered = syn_of(&[]).options;
    assert!(offered.window_scale.is_some() && offered.timestamps.is_some() && offered.sack_permitted);
    assert_eq!(syn_of(&[("tcp_window_scaling", "0")]).options.window_scale, None);
    assert_eq!(syn_of(&[("tcp_timestamps", "0")]).options.timestamps, None);
    assert!(!syn_of(&[("tcp_sack", "0")]).options.sack_permitted);
}

/// RFC 7323, 5.4: each pair of addresses has an offset of its own, or all have the host's clock.
#[test]
fn tcp_timestamps_with_and_without_offset() {
    let value = |value, family| {
        let mut scene = Scene::in_family(family, with(&[("tcp_timestamps", value)])).unwrap();
        let socket = SimSocket::new(&mut scene.sim, "server", family).unwrap();
        let remote = scene.remote();
        socket.try_connect(&mut scene.sim, remote).unwrap();
        scene.sent().unwrap()[0].header.options.timestamps.unwrap().value
    };
    assert_ne!(value("1", Family::V4), value("1", Family::V6));
    assert_eq!(value("2", Family::V4), value("2", Family::V6));
}

/// RFC 3168, 6.1.1: 0 not at all, 1 asked for and accepted, 2 only accepted.
#[test]
fn tcp_ecn() {
    for (value, asks, accepts) in [("0", false, false), ("1", true, true), ("2", false, true)] {
        let flags = syn_of(&[("tcp_ecn", value)]).flags;
        assert_eq!(flags.contains(Flags::ECE | Flags::CWR), asks, "{value}");
        let mut scene = answering(&[("tcp_ecn", value)], "SEC 0 mss 1000");
        let answer = scene.sent().unwrap()[0].header.flags;
        assert_eq!(answer.contains(Flags::ECE), accepts, "{value}");
        assert!(!answer.contains(Flags::CWR), "{value}");
    }
}

/// RFC 3168, 6.1.1.1: a SYN that gets no answer may have been dropped for ECN.
#[test]
fn tcp_ecn_fallback() {
    for (value, asks_again) in [("1", false), ("0", true)] {
        let mut scene = opening(&[("tcp_ecn", "1"), ("tcp_ecn_fallback", value)]);
        let flags: Vec<bool> = sent_within(&mut scene, Duration::from_secs(3))
            .iter()
            .map(|(_, seen)| seen.header.flags.contains(Flags::ECE))
            .collect();
        assert!(flags.len() >= 3 && flags[0]);
        assert!(flags[2..].iter().all(|asks| *asks == asks_again), "{value}: {flags:?}");
    }
}

/// Peers that take the window for a signed number.
#[test]
fn tcp_workaround_signed_windows() {
    let plain =
        |value| syn_of(&[("tcp_workaround_signed_windows", value), ("tcp_window_scaling", "0")]).window;
    assert!(plain("0") > 32_767);
    assert!(plain("1") <= 32_767);
}

#[test]
fn ip_local_port_range() {
    let mut scene = scene(&[("net.ipv4.ip_local_port_range", "5000 5001")], "");
    let mut connect = || {
        let socket = SimSocket::new(&mut scene.sim, "server", Family::V4)?;
        socket.try_connect(&mut scene.sim, "10.0.0.2:4000".parse().unwrap())?;
        socket.with(&mut scene.sim, |network, id| network.local_address(id)).map(|address| address.port())
    };
    let mut ports = [connect().unwrap(), connect().unwrap()];
    ports.sort_unstable();
    assert_eq!(ports, [5000, 5001]);
    assert_eq!(connect(), Err(sockeye_stack::Error::AddressNotAvailable));
}
