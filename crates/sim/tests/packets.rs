//! Packets made by hand, put in front of a server: what is answered, what is discarded, and that it is counted.

mod common;

use common::{address, shown, two_hosts};
use sockeye_clock::Instant;
use sockeye_link::{Link, LinkConfig};
use sockeye_sim::{Sim, SimSocket};
use sockeye_stack::{Counters, Error, Settings};
use sockeye_wire::icmp::{IcmpKind, Unreachable};
use sockeye_wire::{Flags, IpHeader, Protocol, SeqNum, TcpHeader, packet};
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A direction of a link whose end is in the test's hand.
#[derive(Clone, Default)]
struct Tap {
    packets: Arc<Mutex<VecDeque<Vec<u8>>>>,
    is_input: bool,
}

impl Tap {
    fn push(&self, packet: Vec<u8>) {
        self.packets.lock().expect("no test panics here").push_back(packet);
    }

    fn pop(&self) -> Option<Vec<u8>> {
        self.packets.lock().expect("no test panics here").pop_front()
    }
}

impl Link for Tap {
    fn mtu(&self) -> usize {
        1500
    }

    fn transmit(&mut self, _: Instant, packet: Vec<u8>) {
        if !self.is_input {
            self.push(packet);
        }
    }

    fn poll_receive(&mut self, _: Instant) -> Option<Vec<u8>> {
        if self.is_input { self.pop() } else { None }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// A server at 10.0.0.1:80, and whatever the test sends to it.
struct Bench {
    sim: Sim,
    input: Tap,
    output: Tap,
}

impl Bench {
    fn new() -> Self {
        Self::with(Settings::default())
    }

    fn with(settings: Settings) -> Self {
        let config = two_hosts(LinkConfig::default(), settings, Settings::default());
        let mut sim = Sim::new(&config, 1).expect("a sound network");
        let input = Tap { is_input: true, ..Tap::default() };
        let output = Tap::default();
        sim.network()
            .wrap_links(|from, _, _| Box::new(if from == "server" { output.clone() } else { input.clone() }));
        SimSocket::listen(&mut sim, "server", address("10.0.0.1:80"), 5).expect("the port is free");
        Self { sim, input, output }
    }

    /// Puts a packet in front of the server and returns what it answers at once.
    fn send(&mut self, packet: Vec<u8>) -> Vec<(IpHeader, TcpHeader)> {
        self.input.push(packet);
        self.sim.settle();
        self.answers()
    }

    fn answers(&mut self) -> Vec<(IpHeader, TcpHeader)> {
        std::iter::from_fn(|| self.output.pop())
            .map(|packet| {
                let (ip, range) = IpHeader::parse(&packet).expect("the stack writes good headers");
                assert!(sockeye_wire::tcp::verify_checksum(ip.src, ip.dst, &packet[range.clone()]));
                let (tcp, _) = TcpHeader::parse(&packet[range]).expect("the stack writes good headers");
                (ip, tcp)
            })
            .collect()
    }

    fn counters(&mut self) -> Counters {
        let host = self.sim.host("server").expect("there is one");
        self.sim.network().counters(host).expect("there is one")
    }
}

fn ip(src: &str, dst: &str, protocol: Protocol) -> IpHeader {
    let [src, dst]: [IpAddr; 2] = [src, dst].map(|text| text.parse().expect("an address"));
    IpHeader { src, dst, protocol, hop_limit: 64, traffic_class: 0, ident: 0, dont_fragment: true }
}

fn header(flags: Flags) -> TcpHeader {
    TcpHeader {
        src_port: 4000,
        dst_port: 80,
        seq: SeqNum(1000),
        ack: if flags.contains(Flags::ACK) { SeqNum(77) } else { SeqNum(0) },
        flags,
        window: 1000,
        ..TcpHeader::default()
    }
}

fn packet_of(src: &str, dst: &str, tcp: &TcpHeader, text: &[u8]) -> Vec<u8> {
    let ip = ip(src, dst, Protocol::Tcp);
    let mut out = vec![0; packet::len(&ip, tcp, text.len())];
    packet::emit(&ip, tcp, &[text], &mut out);
    out
}

fn to_server(tcp: &TcpHeader) -> Vec<u8> {
    packet_of("10.0.0.2", "10.0.0.1", tcp, b"")
}

#[test]
fn a_syn_is_answered_and_the_handshake_completes() {
    let mut bench = Bench::new();
    let answers = bench.send(to_server(&header(Flags::SYN)));
    let [(ip, syn_ack)] = &answers[..] else { panic!("one answer: {answers:?}") };
    assert_eq!((ip.src, ip.dst), (address("10.0.0.1:0").ip(), address("10.0.0.2:0").ip()));
    assert_eq!(syn_ack.flags, Flags::SYN | Flags::ACK);
    assert_eq!((syn_ack.src_port, syn_ack.dst_port, syn_ack.ack), (80, 4000, SeqNum(1001)));
    // MUST-14, MUST-67 (3.7.1): MMS_R - 20.
    assert_eq!(syn_ack.options.mss, Some(1460));
    assert_eq!(shown(&mut bench.sim, "server", 80).0, "SYN_RECV");
    let ack = TcpHeader { seq: SeqNum(1001), ack: syn_ack.seq + 1, ..header(Flags::ACK) };
    assert!(bench.send(to_server(&ack)).is_empty());
    assert_eq!(shown(&mut bench.sim, "server", 80).0, "ESTABLISHED");
}

/// MUST-46, MUST-57, MUST-63 (3.9.2.3), and RFC 1122, section 3.2.1.3.
#[test]
fn must_57_63_segments_to_or_from_addresses_of_many_are_discarded_in_silence() {
    let mut bench = Bench::new();
    for (src, dst) in [
        ("10.0.0.2", "224.0.0.1"),
        ("10.0.0.2", "255.255.255.255"),
        ("10.0.0.2", "0.0.0.0"),
        ("10.0.0.2", "127.0.0.1"),
        ("10.0.0.2", "10.0.0.9"),
        ("224.0.0.1", "10.0.0.1"),
        ("255.255.255.255", "10.0.0.1"),
        ("0.0.0.0", "10.0.0.1"),
        ("127.0.0.1", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("ff02::1", "fd00::1"),
        ("fd00::2", "ff02::1"),
        ("::", "fd00::1"),
        ("::ffff:10.0.0.2", "fd00::1"),
    ] {
        let before = bench.counters().bad_addresses;
        for flags in [Flags::SYN, Flags::ACK] {
            let answers = bench.send(packet_of(src, dst, &header(flags), b""));
            assert!(answers.is_empty(), "{src} to {dst}: {answers:?}");
        }
        assert_eq!(bench.counters().bad_addresses, before + 2, "{src} to {dst}");
    }
    assert_eq!(shown(&mut bench.sim, "server", 80).0, "gone", "no handshake began");
}

#[test]
fn must_3_a_segment_with_a_wrong_checksum_is_discarded() {
    let mut bench = Bench::new();
    let mut packet = to_server(&header(Flags::SYN));
    packet[25] ^= 4;
    assert!(bench.send(packet).is_empty());
    assert_eq!(bench.counters().bad_checksums, 1);
    assert_eq!(shown(&mut bench.sim, "server", 80).0, "gone");
}

/// 3.10.7.1: how a RST is made, and that none is made for a RST.
#[test]
fn segment_arrives_when_closed() {
    let mut bench = Bench::new();
    let to_nobody = |flags| TcpHeader { dst_port: 81, ..header(flags) };
    let answers = bench.send(packet_of("10.0.0.2", "10.0.0.1", &to_nobody(Flags::SYN), b"abc"));
    let [(_, reset)] = &answers[..] else { panic!("one answer: {answers:?}") };
    assert_eq!(reset.flags, Flags::RST | Flags::ACK);
    assert_eq!((reset.src_port, reset.dst_port), (81, 4000));
    assert_eq!((reset.seq, reset.ack), (SeqNum(0), SeqNum(1004)), "SEG.SEQ + SEG.LEN");

    let answers = bench.send(to_server(&to_nobody(Flags::ACK)));
    let [(_, reset)] = &answers[..] else { panic!("one answer: {answers:?}") };
    assert_eq!((reset.flags, reset.seq), (Flags::RST, SeqNum(77)), "SEG.ACK");

    assert!(bench.send(to_server(&to_nobody(Flags::RST))).is_empty());
    assert!(bench.send(to_server(&to_nobody(Flags::RST | Flags::ACK))).is_empty());
    assert_eq!(bench.counters().resets_sent, 2);
}

/// 3.10.7.2.
#[test]
fn segment_arrives_when_listening() {
    let mut bench = Bench::new();
    for (flags, expected) in [
        (Flags::RST, None),
        (Flags::RST | Flags::ACK, None),
        (Flags::RST | Flags::SYN, None),
        (Flags::empty(), None),
        (Flags::FIN, None),
        (Flags::ACK, Some(Flags::RST)),
        (Flags::SYN | Flags::ACK, Some(Flags::RST)),
    ] {
        let answers = bench.send(to_server(&header(flags)));
        assert_eq!(answers.first().map(|(_, tcp)| tcp.flags), expected, "{flags:?}");
        assert!(answers.len() < 2, "and nothing else is sent");
        assert_eq!(shown(&mut bench.sim, "server", 80).0, "gone", "{flags:?}");
    }
}

/// MUST-54 (3.9.2.2): they are received; MUST-55: Source Quench is discarded; MUST-56: none of these aborts a connection.
#[test]
fn must_54_55_56_icmp_errors_are_counted_and_abort_nothing() {
    let mut bench = Bench::new();
    bench.send(to_server(&header(Flags::SYN)));
    let syn_ack = TcpHeader { src_port: 80, dst_port: 4000, ..header(Flags::SYN | Flags::ACK) };
    let lost = packet_of("10.0.0.1", "10.0.0.2", &syn_ack, b"");
    let kinds = [
        IcmpKind::Unreachable(Unreachable::Network),
        IcmpKind::Unreachable(Unreachable::Host),
        IcmpKind::TimeExceeded { code: 0 },
        IcmpKind::ParameterProblem { code: 0, pointer: 1 },
        IcmpKind::SourceQuench,
    ];
    for kind in kinds {
        let mut message = vec![0; 1500];
        let router = address("10.0.0.2:0").ip();
        let length = kind.emit(router, &lost, &mut message).expect("an error that IPv4 has");
        let packet = message[..length].to_vec();
        assert!(bench.send(packet).is_empty());
    }
    assert_eq!(bench.counters().icmp_errors, kinds.len() as u64);
    assert_eq!(shown(&mut bench.sim, "server", 80).0, "SYN_RECV");
}

#[test]
fn garbage_is_counted() {
    let mut bench = Bench::new();
    let good = to_server(&header(Flags::SYN));
    for length in 0..good.len() {
        assert!(bench.send(good[..length].to_vec()).is_empty());
    }
    for first in 0..=255 {
        let mut packet = vec![first; 60];
        assert!(bench.send(packet.clone()).is_empty());
        packet[..20].copy_from_slice(&good[..20]);
        bench.send(packet);
    }
    let counters = bench.counters();
    let counted = counters.bad_headers + counters.bad_checksums + counters.bad_addresses;
    assert_eq!(counted, counters.packets_received);
    assert_eq!(shown(&mut bench.sim, "server", 80).0, "gone");
}

/// MUST-49 (3.9.2).
#[test]
fn must_49_the_hop_limit_is_configured() {
    for (settings, expected) in
        [(Settings::default(), 64), (Settings { hop_limit: 9, ..Settings::default() }, 9)]
    {
        let mut bench = Bench::with(settings);
        let answers = bench.send(to_server(&header(Flags::SYN)));
        assert_eq!(answers.first().map(|(ip, _)| ip.hop_limit), Some(expected));
    }
}

/// MUST-9 (3.4.1), RFC 6528: the numbers of two connections tell nothing of each other.
#[test]
fn initial_sequence_numbers_differ_by_connection_and_grow_with_time() {
    let mut bench = Bench::new();
    let mut iss_of = |port: u16| {
        let answers = bench.send(to_server(&TcpHeader { src_port: port, ..header(Flags::SYN) }));
        let iss = answers.first().expect("a SYN-ACK").1.seq;
        bench.send(to_server(&TcpHeader { src_port: port, seq: SeqNum(1001), ..header(Flags::RST) }));
        iss
    };
    let (first, other) = (iss_of(4000), iss_of(4001));
    assert!(first.since(other).min(other.since(first)) > 1000, "{first} {other}");
    assert_eq!(iss_of(4000), first, "no time has passed");
    bench.sim.run_for(Duration::from_secs(1));
    let answers = bench.send(to_server(&header(Flags::SYN)));
    assert_eq!(answers.first().map(|(_, tcp)| tcp.seq), Some(first + 250_000), "a tick every 4 microseconds");
}

/// MUST-43, MUST-44, MUST-45 (3.9.1): the local address is what the program chose, or what the host chooses.
#[test]
fn must_43_44_45_the_local_address_is_chosen() -> Result<(), Error> {
    let mut bench = Bench::new();
    let sim = &mut bench.sim;
    for (bound, expected) in [(None, "10.0.0.1"), (Some("10.0.0.1:5000"), "10.0.0.1")] {
        let socket = SimSocket::new(sim, "server", sockeye_stack::Family::V4)?;
        if let Some(bound) = bound {
            socket.with(sim, |network, id| network.bind(id, address(bound)))?;
        }
        socket.try_connect(sim, address("10.0.0.2:80"))?;
        let local = socket.with(sim, |network, id| network.local_address(id))?;
        assert_eq!(local.ip(), expected.parse::<IpAddr>().expect("an address"));
        assert_eq!(local.port() == 5000, bound.is_some());
    }
    let socket = SimSocket::new(sim, "server", sockeye_stack::Family::V4)?;
    socket.with(sim, |network, id| network.bind(id, address("127.0.0.1:5000")))?;
    assert_eq!(socket.try_connect(sim, address("10.0.0.2:80")), Err(Error::InvalidArgument));
    Ok(())
}
