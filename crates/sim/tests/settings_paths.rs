//! Settings of packets, paths and buffers: each is shown to have its effect.

mod common;

use common::{address, play, scene, sent_within, two_hosts, with};
use sockeye_link::{LinkConfig, PointToPoint};
use sockeye_sim::script::{Notation, Seen};
use sockeye_sim::{Scene, Sim, SimSocket};
use sockeye_stack::{Counters, Family, OptionName, Settings, SocketOption, TcpInfo};
use std::time::Duration;

const ESTABLISHED: &str = "listen
    < S 0 mss 1460 win 60000
    > SA 0 ack 1
    < A 1 ack 1 win 60000
    accept
";
const SECOND: Duration = Duration::from_secs(1);

fn established(values: &[(&str, &str)]) -> Scene {
    scene(values, ESTABLISHED)
}

/// Lengths of the text of what is sent when the program writes so much.
fn lengths(scene: &mut Scene, len: u32) -> Vec<usize> {
    assert_eq!(scene.write(len), len);
    scene.sent().expect("sound").iter().map(|seen| seen.text.len()).collect()
}

/// How long the segment that begins there was when it was last sent.
fn again(scene: &Scene, seq: u32, sent: &[(Duration, Seen)]) -> usize {
    let first = sent.iter().rfind(|(_, seen)| seen.header.seq == scene.numbers.iss + seq);
    first.expect("time-outs").1.text.len()
}

fn counters(scene: &mut Scene) -> Counters {
    let host = scene.sim.host("server").expect("it is there");
    scene.sim.network().counters(host).expect("it is there")
}

/// The MSS that a SYN-ACK for another client announces.
fn announced(scene: &mut Scene, port: u16) -> Option<u16> {
    let syn: Notation = "S 0 mss 1460".parse().expect("sound");
    let mut header = syn.header(scene.numbers.irs, scene.numbers.iss);
    header.src_port = port;
    scene.arrives(&header, &[]);
    scene.sent().expect("sound").pop().expect("a SYN-ACK").header.options.mss
}

/// RFC 4821: 2 begins with what should go through, 1 only when a black hole is suspected.
#[test]
fn tcp_mtu_probing_tcp_base_mss() {
    for (mode, base, first, in_doubt) in [
        ("0", "1024", 1460, 1460),
        ("1", "1024", 1460, 1024),
        ("1", "600", 1460, 600),
        ("2", "1024", 1024, 512),
        ("2", "600", 600, 300),
    ] {
        let values = [("tcp_mtu_probing", mode), ("tcp_base_mss", base), ("tcp_early_retrans", "0")];
        let mut scene = established(&values);
        // As on Linux a server's first flight is what it was told, whatever is to be found out.
        play(&mut scene, "send 100\n> PA 1 len 100\n< A 1 ack 101 win 60000");
        assert_eq!(lengths(&mut scene, 3000)[0], first, "{mode} {base}");
        let sent = sent_within(&mut scene, 2 * SECOND);
        let last = again(&scene, 101, &sent);
        assert_eq!(last, in_doubt, "{mode} {base}");
    }
}

/// What probing falls back to at least.
#[test]
fn tcp_mtu_probe_floor() {
    for (floor, least) in [("48", 62), ("400", 400)] {
        let values = [("tcp_mtu_probing", "1"), ("tcp_base_mss", "500"), ("tcp_mtu_probe_floor", floor)];
        let mut scene = scene(&[&values[..], &[("tcp_early_retrans", "0")]].concat(), ESTABLISHED);
        lengths(&mut scene, 3000);
        let sent = sent_within(&mut scene, 15 * SECOND);
        assert_eq!(again(&scene, 1, &sent), least, "{floor}");
    }
}

/// A peer that announces less is not believed (CVE-2019-11479).
#[test]
fn tcp_min_snd_mss() {
    for (least, expected) in [("48", 48), ("200", 200)] {
        let mut scene =
            scene(&[("tcp_min_snd_mss", least)], "listen\n< S 0 mss 10\n> SA 0 ack 1\n< A 1 ack 1\naccept");
        assert_eq!(lengths(&mut scene, 1000)[0], expected);
    }
}

/// RFC 1191, section 3: the least that a router may tell; below it packets may be fragmented.
#[test]
fn min_pmtu() {
    for (least, length, is_whole) in [("552", 512, false), ("200", 260, true)] {
        let mut scene = established(&[("net.ipv4.route.min_pmtu", least)]);
        lengths(&mut scene, 3000);
        scene.icmp_arrives(sockeye_wire::IcmpKind::PacketTooBig { mtu: 300 }, 1);
        let again = scene.sent().unwrap();
        assert_eq!((again[0].text.len(), again[0].ip.dont_fragment), (length, is_whole), "{least}");
    }
}

/// No smaller MSS is announced than this, though a router told of a narrower path.
#[test]
fn min_adv_mss() {
    for (least, mss) in [("256", 560), ("1000", 1000)] {
        let mut scene = established(&[("net.ipv4.route.min_adv_mss", least)]);
        lengths(&mut scene, 3000);
        scene.icmp_arrives(sockeye_wire::IcmpKind::PacketTooBig { mtu: 600 }, 1);
        scene.sent().unwrap();
        assert_eq!(announced(&mut scene, 5000), Some(mss), "{least}");
    }
}

/// RFC 1191, section 6.3: what a router told is forgotten after a while.
#[test]
fn mtu_expires() {
    for (seconds, mss) in [("600", 560), ("5", 1460)] {
        let mut scene = established(&[("net.ipv4.route.mtu_expires", seconds)]);
        lengths(&mut scene, 3000);
        scene.icmp_arrives(sockeye_wire::IcmpKind::PacketTooBig { mtu: 600 }, 1);
        scene.sim.run_for(6 * SECOND);
        scene.sent().unwrap();
        assert_eq!(announced(&mut scene, 5000), Some(mss), "{seconds} s");
    }
}

/// 1 and 2 believe no router, and let packets be fragmented; 0 and 3 discover the path's MTU.
#[test]
fn ip_no_pmtu_disc() {
    for (value, is_whole, narrowed) in [("0", true, 1), ("1", false, 0), ("2", false, 0), ("3", true, 1)] {
        let mut scene = established(&[("net.ipv4.ip_no_pmtu_disc", value)]);
        scene.write(3000);
        let sent = scene.sent().unwrap();
        assert_eq!(sent[0].ip.dont_fragment, is_whole, "{value}");
        scene.icmp_arrives(sockeye_wire::IcmpKind::PacketTooBig { mtu: 600 }, 1);
        assert_eq!(usize::from(!scene.sent().unwrap().is_empty()), narrowed, "{value}");
    }
}

/// MUST-49 (3.9.2): the time to live is configurable.
#[test]
fn ip_default_ttl() {
    for (value, limit) in [("64", 64), ("255", 255), ("7", 7)] {
        for family in [Family::V4, Family::V6] {
            let mut scene = Scene::in_family(family, with(&[("net.ipv4.ip_default_ttl", value)])).unwrap();
            scene.sim.settle();
            play(&mut scene, "listen");
            scene.segment_arrives("S 0 mss 1000").unwrap();
            assert_eq!(scene.sent().unwrap()[0].ip.hop_limit, limit, "{family:?}");
        }
    }
}

/// RFC 6438: routers that spread connections over paths can tell them apart.
#[test]
fn auto_flowlabels() {
    for (value, has_label) in [("1", true), ("0", false)] {
        let settings = with(&[("net.ipv6.auto_flowlabels", value)]);
        let mut scene = Scene::in_family(Family::V6, settings).unwrap();
        play(&mut scene, "listen");
        scene.segment_arrives("S 0 mss 1000").unwrap();
        assert_eq!(scene.sent().unwrap()[0].flow_label != 0, has_label);
    }
}

/// Packets of a protocol that the host does not know.
fn unknown_protocols(scene: &mut Scene, packets: u32) {
    for _ in 0..packets {
        let line: Notation = "S 0".parse().expect("sound");
        let header = line.header(scene.numbers.irs, scene.numbers.iss);
        let mut packet = scene.packet(&header, &[]);
        packet[9] = 99;
        // RFC 1071: the header's checksum.
        packet[10..12].fill(0);
        let sum: u32 =
            packet[..20].chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        packet[10..12].copy_from_slice(&(!(folded as u16 + (folded >> 16) as u16)).to_be_bytes());
        scene.packet_arrives(packet);
    }
}

/// RFC 1812, section 4.3.2.8: to one address, at once, and a second.
#[test]
fn icmp_ratelimit_icmp_msgs_burst_icmp_msgs_per_sec() {
    let sent = |values: &[(&str, &str)], rounds: u32| {
        let mut scene = scene(values, "");
        for _ in 0..rounds {
            unknown_protocols(&mut scene, 100);
            scene.sim.run_for(SECOND / 2);
        }
        counters(&mut scene).icmp_sent
    };
    assert_eq!(sent(&[("net.ipv4.icmp_ratelimit", "1000")], 2), 1);
    assert_eq!(sent(&[("net.ipv4.icmp_ratelimit", "500")], 2), 2);
    assert_eq!(sent(&[("net.ipv4.icmp_ratelimit", "0"), ("net.ipv4.icmp_msgs_burst", "20")], 1), 20);
    assert_eq!(sent(&[("net.ipv4.icmp_ratelimit", "0"), ("net.ipv4.icmp_msgs_burst", "50")], 1), 50);
    let slow = [("net.ipv4.icmp_ratelimit", "0"), ("net.ipv4.icmp_msgs_per_sec", "10")];
    assert_eq!(sent(&slow, 3), 50 + 5 + 5);
}

fn info(sim: &mut Sim, socket: SimSocket) -> TcpInfo {
    let now = sim.now();
    socket.with(sim, |network, id| network.tcp_info(now, id)).expect("it is there")
}

/// Two hosts with these settings over a link, a connection between them, and a program that sends for so long.
fn carry(values: &[(&str, &str)], link: LinkConfig, time: Duration) -> (Sim, SimSocket, SimSocket) {
    let settings: Settings = with(values);
    let mut sim = Sim::new(&two_hosts(link, settings.clone(), settings), 1).expect("a sound network");
    let listener = SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5).expect("a free port");
    let client = SimSocket::connect(&mut sim, "client", address("10.0.0.1:80")).expect("somebody listens");
    let server = listener.accept(&mut sim).expect("it is connected");
    go_on(&mut sim, client, server, time);
    (sim, client, server)
}

fn go_on(sim: &mut Sim, client: SimSocket, server: SimSocket, time: Duration) {
    sim.run_until(time, |sim| {
        client.try_write(sim, &[7; 65_536]);
        while server.try_read(sim, 1 << 20).is_ok_and(|bytes| !bytes.is_empty()) {}
        false
    });
}

fn black_hole(inner: Option<usize>) -> LinkConfig {
    LinkConfig {
        rate: 4_000_000,
        delay: Duration::from_millis(2),
        inner_mtu: inner,
        black_hole: true,
        ..LinkConfig::default()
    }
}

/// RFC 4821, section 7.2: a search is over when the unknown is narrower.
#[test]
fn tcp_probe_threshold() {
    let found = |threshold| {
        let values = [("tcp_mtu_probing", "2"), ("tcp_probe_threshold", threshold)];
        let (mut sim, client, _) = carry(&values, black_hole(Some(1400)), 3 * SECOND);
        info(&mut sim, client).snd_mss + 52
    };
    assert!((1385..=1400).contains(&found("8")), "{}", found("8"));
    assert!(found("400") < 1300, "{}", found("400"));
}

/// RFC 4821, section 7.3: after a while it begins anew, for paths change.
#[test]
fn tcp_probe_interval() {
    for (interval, expected) in [("600", 1384..1401), ("2", 1484..1501)] {
        let values = [("tcp_mtu_probing", "2"), ("tcp_probe_interval", interval)];
        let (mut sim, client, server) = carry(&values, black_hole(Some(1400)), SECOND);
        sim.network().wrap_links(|_, _, _| Box::new(PointToPoint::new(black_hole(None))));
        go_on(&mut sim, client, server, 5 * SECOND);
        let mtu = info(&mut sim, client).snd_mss + 52;
        assert!(expected.contains(&mtu), "{interval} s: {mtu}");
    }
}

fn option(sim: &mut Sim, socket: SimSocket, name: OptionName) -> SocketOption {
    socket.with(sim, |network, id| network.option(id, name)).expect("it is there")
}

/// The default sizes of buffers, and what programs may ask for.
#[test]
fn tcp_rmem_tcp_wmem_rmem_max_wmem_max() {
    let values = [
        ("tcp_rmem", "4096 50000 60000"),
        ("tcp_wmem", "4096 30000 40000"),
        ("net.core.rmem_max", "20000"),
        ("net.core.wmem_max", "10000"),
    ];
    let mut scene = scene(&values, "");
    let socket = SimSocket::new(&mut scene.sim, "server", Family::V4).unwrap();
    let sizes = |scene: &mut Scene| {
        [OptionName::ReceiveBuffer, OptionName::SendBuffer].map(|name| option(&mut scene.sim, socket, name))
    };
    assert_eq!(sizes(&mut scene), [SocketOption::ReceiveBuffer(50_000), SocketOption::SendBuffer(30_000)]);
    for wanted in [SocketOption::ReceiveBuffer(1 << 30), SocketOption::SendBuffer(1 << 30)] {
        socket.set_option(&mut scene.sim, wanted).unwrap();
    }
    assert_eq!(sizes(&mut scene), [SocketOption::ReceiveBuffer(40_000), SocketOption::SendBuffer(20_000)]);
}

/// RFC 9293, 3.8.6 does not say how large a window is: it grows to what the program reads, up to tcp_rmem's third number, or stays.
#[test]
fn tcp_moderate_rcvbuf() {
    for (value, most, range) in
        [("1", 400_000, 200_000..=400_000), ("1", 80_000, 60_000..=80_000), ("0", 400_000, 20_000..=20_000)]
    {
        let rmem = format!("4096 20000 {most}");
        let values = [("tcp_moderate_rcvbuf", value), ("tcp_rmem", &*rmem)];
        let link = LinkConfig { rate: 40_000_000, delay: Duration::from_millis(20), ..LinkConfig::default() };
        let (mut sim, _, server) = carry(&values, link, SECOND);
        let SocketOption::ReceiveBuffer(size) = option(&mut sim, server, OptionName::ReceiveBuffer) else {
            panic!("another option");
        };
        assert!(range.contains(&size), "{value} {most}: {size}");
    }
}

/// A SendQ whose size nobody chose grows with cwnd, up to tcp_wmem's third number.
#[test]
fn tcp_wmem() {
    for (most, range) in [(400_000, 150_000..=400_000), (30_000, 16_000..=30_000)] {
        let wmem = format!("4096 16384 {most}");
        let link = LinkConfig { rate: 40_000_000, delay: Duration::from_millis(20), ..LinkConfig::default() };
        let (mut sim, client, _) = carry(&[("tcp_wmem", &*wmem)], link, SECOND);
        let SocketOption::SendBuffer(size) = option(&mut sim, client, OptionName::SendBuffer) else {
            panic!("another option");
        };
        assert!(range.contains(&size), "{most}: {size}");
    }
}
