//! ICMP errors about our segments: what they change, and what they must not.

use sockeye_sim::Scene;
use sockeye_stack::{Counters, Error, Family, PathSettings, Report, Settings, SocketOption};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// A connection with 3000 bytes in flight: 1448 or 1428, and the rest, held back by nobody.
const SENDING: &str = "listen
    < S 0 win 20000 mss 1460
    > SA 0 ack 1
    < A 1 ack 1 win 20000
    accept
    send 3000
    flush";

fn scene(family: Family) -> Scene {
    Scene::in_family(family, Settings::default()).expect("a sound network")
}

fn play(family: Family, scripts: &[&str]) -> Scene {
    let mut scene = scene(family);
    for script in scripts {
        scene.run(script).unwrap_or_else(|error| panic!("{family:?}: {error}"));
    }
    scene
}

fn counters(scene: &mut Scene) -> Counters {
    let host = scene.sim.host("server").expect("there is one");
    scene.sim.network().counters(host).expect("there is one")
}

/// MUST-56 (3.9.2.2): soft errors abort no connection. SHLD-25: the program learns of them when it times out.
#[test]
fn must_56_soft_errors_are_remembered_until_the_connection_times_out() {
    for (family, error, expected) in [
        (Family::V4, "unreachable network", "NetworkUnreachable"),
        (Family::V4, "unreachable host", "HostUnreachable"),
        (Family::V4, "exceeded", "HostUnreachable"),
        (Family::V4, "parameter", "Protocol"),
        // SHLD-26: these may abort, and as on Linux do not once there is a connection.
        (Family::V4, "unreachable protocol", "NoSuchOption"),
        (Family::V4, "unreachable port", "ConnectionRefused"),
        (Family::V4, "unreachable prohibited", "HostUnreachable"),
        (Family::V4, "quench", "TimedOut"),
        (Family::V6, "unreachable network", "NetworkUnreachable"),
        (Family::V6, "unreachable host", "HostUnreachable"),
        (Family::V6, "unreachable prohibited", "PermissionDenied"),
        (Family::V6, "unreachable port", "ConnectionRefused"),
        (Family::V6, "exceeded", "HostUnreachable"),
    ] {
        let icmp = format!("icmp {error} seq 1\nstate ESTABLISHED\nerror none");
        let mut scene = play(family, &[SENDING, &icmp]);
        scene.sim.run_for(std::time::Duration::from_secs(7200));
        scene
            .run(&format!("flush\nerror {expected}\nstate gone"))
            .unwrap_or_else(|fault| panic!("{family:?} {error}: {fault}"));
    }
}

/// What is acknowledged later shows that the path works: the error is forgotten.
#[test]
fn an_acknowledgment_forgets_a_soft_error() {
    for family in FAMILIES {
        let mut scene =
            play(family, &[SENDING, "icmp unreachable host seq 1\n< A 1 ack 1001 win 20000\nflush"]);
        scene.sim.run_for(std::time::Duration::from_secs(7200));
        scene.run("flush\nerror TimedOut").unwrap_or_else(|fault| panic!("{family:?}: {fault}"));
    }
}

/// RFC 5461: an open that cannot succeed fails at once, as on Linux.
#[test]
fn an_active_open_fails_with_the_error() {
    for (family, error, expected) in [
        (Family::V4, "unreachable network", "NetworkUnreachable"),
        (Family::V4, "unreachable host", "HostUnreachable"),
        (Family::V4, "unreachable port", "ConnectionRefused"),
        (Family::V4, "unreachable 7", "HostDown"),
        (Family::V4, "unreachable 8", "NotOnNetwork"),
        (Family::V4, "parameter", "Protocol"),
        (Family::V6, "unreachable host", "HostUnreachable"),
        (Family::V6, "unreachable port", "ConnectionRefused"),
        (Family::V6, "unreachable prohibited", "PermissionDenied"),
    ] {
        let script = format!("connect\n> S 0\nicmp {error} seq 0\nerror {expected}\nstate gone");
        play(family, &[&script]);
    }
    // MUST-55: a quench is discarded.
    play(Family::V4, &["connect\n> S 0\nicmp quench seq 0\nerror none\nstate SYN_SENT"]);
}

/// RFC 5927, section 4.1: what was not in flight was not seen by who complains.
#[test]
fn errors_about_what_is_not_in_flight_are_counted_and_nothing_else() {
    for family in FAMILIES {
        let mut before = play(family, &[SENDING]);
        for seq in [0u32.wrapping_sub(1), 0, 3001, 3002, 100_000, 1 << 31] {
            let counted = counters(&mut before).out_of_window_icmps;
            before
                .run(&format!(
                    "icmp unreachable port seq {seq}\nicmp too-big 1300 seq {seq}\nstate ESTABLISHED"
                ))
                .unwrap_or_else(|error| panic!("{family:?} {seq}: {error}"));
            assert_eq!(counters(&mut before).out_of_window_icmps, counted + 2, "{family:?} {seq}");
        }
        let opening = "connect\n> S 0\nicmp unreachable host seq 1\nicmp unreachable host seq 5";
        let mut opening = play(family, &[opening, "error none\nstate SYN_SENT"]);
        assert_eq!(counters(&mut opening).out_of_window_icmps, 2);
    }
}

#[test]
fn errors_about_no_connection_are_counted() {
    let mut scene = scene(Family::V4);
    scene.icmp_arrives(sockeye_wire::IcmpKind::TimeExceeded { code: 0 }, 0);
    assert_eq!((counters(&mut scene).icmp_errors, counters(&mut scene).icmp_unmatched), (1, 1));
}

/// A passive handshake ends without a word; POSIX has accept() tell no errors of the network.
#[test]
fn a_passive_handshake_is_forgotten() {
    for (family, error, state) in [
        (Family::V4, "unreachable host", "gone"),
        (Family::V4, "exceeded", "gone"),
        (Family::V4, "unreachable port", "SYN_RECV"),
        (Family::V6, "unreachable port", "gone"),
        (Family::V6, "unreachable host", "SYN_RECV"),
    ] {
        let script = format!(
            "listen\n< S 0 win 1000\n> SA 0 ack 1\nicmp {error} seq 77\nstate SYN_RECV\nicmp {error} seq 0\nstate {state}"
        );
        play(family, &[&script]);
    }
}

/// SHLD-25 (3.9.2.2): SO_ERROR tells it once, until something is acknowledged.
#[test]
fn shld_25_the_program_can_ask_for_a_soft_error() {
    for family in FAMILIES {
        let mut scene =
            play(family, &[SENDING, "icmp unreachable host seq 1\nstate ESTABLISHED\nerror none"]);
        let socket = scene.socket.expect("it was accepted");
        let ask = |scene: &mut Scene| {
            socket.with(&mut scene.sim, |network, id| network.take_soft_error(id)).expect("it lives")
        };
        assert_eq!(ask(&mut scene), Some(Error::HostUnreachable));
        assert_eq!(ask(&mut scene), None, "it was told");
        scene
            .run("icmp unreachable host seq 1\n< A 1 ack 1001 win 20000\nflush")
            .unwrap_or_else(|error| panic!("{family:?}: {error}"));
        assert_eq!(ask(&mut scene), None, "the path works");
    }
}

/// IP_RECVERR and IPV6_RECVERR: the error queue tells who ended an open.
#[test]
fn the_error_queue_tells_who_ended_an_open() {
    for (family, option) in
        [(Family::V4, SocketOption::ReceiveErrors(true)), (Family::V6, SocketOption::ReceiveErrors6(true))]
    {
        let mut scene = play(family, &["connect\n> S 0"]);
        let socket = scene.socket.expect("it is there");
        let take = |scene: &mut Scene| socket.with(&mut scene.sim, |network, id| network.take_report(id));
        assert_eq!(take(&mut scene).err(), Some(Error::WouldBlock));
        socket.set_option(&mut scene.sim, option).expect("the option is of the family");
        scene
            .run("icmp unreachable port seq 0\nerror ConnectionRefused")
            .unwrap_or_else(|error| panic!("{family:?}: {error}"));
        let (report, more) = take(&mut scene).expect("a report");
        let Report::Icmp { error, kind, from, to, .. } = report else { panic!("{report:?}") };
        assert_eq!((error, more), (Error::ConnectionRefused, false));
        assert_eq!(kind, if family == Family::V4 { 3 } else { 1 });
        assert_eq!((from.is_ipv4(), to.is_ipv4()), (family == Family::V4, family == Family::V4));
        assert_ne!(to.port(), 0);
        assert_eq!(take(&mut scene).err(), Some(Error::WouldBlock));
    }
}

/// IP_RECVERR and IPV6_RECVERR: the program is told at once, and the connection goes on.
#[test]
fn who_wants_to_know_is_told_at_once() {
    for (family, option) in
        [(Family::V4, SocketOption::ReceiveErrors(true)), (Family::V6, SocketOption::ReceiveErrors6(true))]
    {
        let mut scene = play(family, &[SENDING]);
        let socket = scene.socket.expect("it was accepted");
        socket.set_option(&mut scene.sim, option).expect("the option is of the family");
        scene
            .run("icmp unreachable host seq 1\nerror HostUnreachable\nstate ESTABLISHED\n< A 1 ack 3001 win 20000\nstate ESTABLISHED")
            .unwrap_or_else(|error| panic!("{family:?}: {error}"));
    }
}

/// SHLD-6 (3.7.2), RFC 1191, RFC 8201: what was too big is sent again at once, in segments that fit.
#[test]
fn a_packet_that_was_too_big_is_cut_again_at_once() {
    play(
        Family::V4,
        &["listen
        < S 0 win 20000 mss 1460
        > SA 0 ack 1 mss 1460
        < A 1 ack 1 win 20000
        accept
        send 2920
        > A 1 len 1460 ack 1
        > PA 1461 len 1460 ack 1
        icmp too-big 1040 seq 1
        > A 1 len 1000 ack 1      # each by itself
        > A 1001 len 460 ack 1
        > A 1461 len 1000 ack 1
        > PA 2461 len 460 ack 1
        < A 1 ack 2921 win 20000
        send 1500
        > A 2921 len 1000 ack 1
        > PA 3921 len 500 ack 1"],
    );
    play(
        Family::V6,
        &["listen
        < S 0 win 20000 mss 1440
        > SA 0 ack 1 mss 1440
        < A 1 ack 1 win 20000
        accept
        send 1440
        > PA 1 len 1440 ack 1
        icmp too-big 1000 seq 1   # the floor is 1280
        > A 1 len 1220 ack 1
        > PA 1221 len 220 ack 1"],
    );
}

/// Another connection to the same destination follows, and it is announced in SYNs.
#[test]
fn the_mtu_of_a_path_is_every_connection_s() {
    let mut scene = play(Family::V4, &[SENDING, "icmp too-big 1000 seq 1\nflush"]);
    let socket = sockeye_sim::SimSocket::new(&mut scene.sim, "server", Family::V4).expect("a host");
    socket.try_connect(&mut scene.sim, "10.0.0.2:4001".parse().expect("an address")).expect("a route");
    let sent = scene.sent().expect("sound packets");
    let syn = sent.iter().find(|seen| seen.header.dst_port == 4001).expect("a SYN");
    assert_eq!(syn.header.options.mss, Some(960));
    // It is believed for ten minutes.
    scene.sim.run_for(std::time::Duration::from_secs(601));
    let later = sockeye_sim::SimSocket::new(&mut scene.sim, "server", Family::V4).expect("a host");
    later.try_connect(&mut scene.sim, "10.0.0.2:4002".parse().expect("an address")).expect("a route");
    let sent = scene.sent().expect("sound packets");
    let syn = sent.iter().find(|seen| seen.header.dst_port == 4002).expect("a SYN");
    assert_eq!(syn.header.options.mss, Some(1460));
}

/// Below 552 bytes fragments are the lesser evil (net.ipv4.route.min_pmtu): the bit that forbids them is cleared.
#[test]
fn below_the_floor_routers_may_fragment() {
    let mut scene = play(Family::V4, &[SENDING]);
    scene.icmp_arrives(sockeye_wire::IcmpKind::PacketTooBig { mtu: 296 }, 1);
    let sent = scene.sent().expect("sound packets");
    assert!(!sent.is_empty());
    for seen in sent {
        assert!(seen.text.len() <= 512 && !seen.ip.dont_fragment, "{:?}", seen.ip);
    }
}

#[test]
fn the_program_chooses_whether_routers_are_believed() {
    // IP_PMTUDISC_DONT, PROBE, INTERFACE: nothing is sent again at once.
    for (how, forbids) in [(0, false), (3, true), (4, false)] {
        let mut scene = play(Family::V4, &[SENDING]);
        let socket = scene.socket.expect("it was accepted");
        socket.set_option(&mut scene.sim, SocketOption::MtuDiscover(how)).expect("a number it has");
        scene.icmp_arrives(sockeye_wire::IcmpKind::PacketTooBig { mtu: 1000 }, 1);
        assert!(scene.sent().expect("sound packets").is_empty(), "{how}");
        scene.run("< A 1 ack 3001 win 20000").expect("it goes on");
        scene.write(10);
        let sent = scene.sent().expect("sound packets");
        assert_eq!(sent.first().map(|seen| seen.ip.dont_fragment), Some(forbids), "{how}");
    }
}

/// RFC 6069: when the path, and not congestion, loses segments, the time-out does not double.
#[test]
fn an_unreachable_host_takes_back_the_backoff() {
    // Time-outs after 200 ms (no sample but the handshake's), 400 ms, and then 400 ms again because one doubling was taken back.
    play(
        Family::V4,
        &["listen
        < S 0 win 20000 mss 1460
        > SA 0 ack 1
        < A 1 ack 1 win 20000
        accept
        < A 1 ack 1 win 20000
        send 100
        > PA 1 len 100 ack 1
        > after 150ms..400ms PA 1 len 100 ack 1
        icmp unreachable host seq 1
        > after 150ms..250ms PA 1 len 100 ack 1
        > after 350ms..450ms PA 1 len 100 ack 1
        state ESTABLISHED"],
    );
}

/// MUST-48, MUST-49, SHLD-22 (3.9.2): the program sets the Diffserv field and the hop limit, and may change them.
#[test]
fn must_48_49_the_program_marks_its_packets() {
    for (family, class, limit) in [
        (Family::V4, SocketOption::TypeOfService(0xb9), SocketOption::TimeToLive(Some(7))),
        (Family::V6, SocketOption::TrafficClass(0xb9), SocketOption::HopLimit(Some(7))),
    ] {
        let mut scene = play(family, &[SENDING, "< A 1 ack 3001 win 20000"]);
        let socket = scene.socket.expect("it was accepted");
        for option in [class, limit] {
            socket.set_option(&mut scene.sim, option).expect("the option is of the family");
        }
        scene.write(5);
        let sent = scene.sent().expect("sound packets");
        let ip = sent.first().expect("a segment").ip;
        assert_eq!((ip.traffic_class, ip.hop_limit), (0xb8, 7), "without the bits of ECN");
    }
}

/// RFC 5082: what comes from too far away is not looked at.
#[test]
fn what_comes_with_too_small_a_hop_limit_is_discarded() {
    for (family, option) in
        [(Family::V4, SocketOption::MinTimeToLive(65)), (Family::V6, SocketOption::MinHopLimit(65))]
    {
        let mut scene = play(family, &["listen"]);
        let listener = scene.listener.expect("it listens");
        listener.set_option(&mut scene.sim, option).expect("the option is of the family");
        scene.run("< S 0 win 1000\nstate gone").unwrap_or_else(|error| panic!("{family:?}: {error}"));
        assert_eq!(counters(&mut scene).min_hop_limit_drops, 1);
    }
}

/// RFC 6437, section 3: one label for each connection; none if the host is told so.
#[test]
fn ipv6_packets_carry_the_label_of_their_connection() {
    let labels = |settings: Settings| {
        let mut scene = Scene::in_family(Family::V6, settings).expect("a sound network");
        scene
            .run("listen\n< S 0 win 20000\n> SA 0 ack 1\n< A 1 ack 1 win 20000\naccept")
            .expect("it is established");
        scene.write(3000);
        scene.sent().expect("sound packets").iter().map(|seen| seen.flow_label).collect::<Vec<_>>()
    };
    let with = labels(Settings::default());
    assert!(with.len() >= 2 && with[0] != 0 && with.iter().all(|label| *label == with[0]), "{with:?}");
    let path = PathSettings { auto_flow_labels: false, ..PathSettings::default() };
    let without = labels(Settings { path, ..Settings::default() });
    assert!(without.iter().all(|label| *label == 0), "{without:?}");
}
