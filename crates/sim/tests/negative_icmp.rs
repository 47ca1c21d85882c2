//! Faults that other stacks have had with ICMP errors (RFC 5927), one test each: see docs/negative.md. Anybody can forge an error;
//! only one that quotes a segment in flight may come from the path.

mod common;

use common::{play, played};
use sockeye_sim::Scene;
use sockeye_wire::icmp::{IcmpKind, Unreachable};
use sockeye_wire::{Flags, IpHeader, Protocol, TcpHeader, packet};
use std::net::IpAddr;
use std::time::Duration;

/// A hundred bytes are in flight.
const IN_FLIGHT: &str = "listen
    < S 0 mss 1460
    > SA 0 ack 1
    < A 1 ack 1
    accept
    send 100
    > A 1 len 100
";

const ALL: [IcmpKind; 9] = [
    IcmpKind::Unreachable(Unreachable::Network),
    IcmpKind::Unreachable(Unreachable::Host),
    IcmpKind::Unreachable(Unreachable::Protocol),
    IcmpKind::Unreachable(Unreachable::Port),
    IcmpKind::Unreachable(Unreachable::SourceRoute),
    IcmpKind::Unreachable(Unreachable::Prohibited),
    IcmpKind::TimeExceeded { code: 0 },
    IcmpKind::ParameterProblem { code: 0, pointer: 1 },
    IcmpKind::SourceQuench,
];

/// An error of a router about a segment of ours with this sequence number.
fn error_arrives(scene: &mut Scene, kind: IcmpKind, seq: u32) {
    let ip = IpHeader {
        src: scene.local().ip(),
        dst: scene.remote().ip(),
        protocol: Protocol::Tcp,
        hop_limit: 60,
        traffic_class: 0,
        ident: 0,
        dont_fragment: true,
    };
    let header = TcpHeader {
        src_port: scene.local().port(),
        dst_port: scene.remote().port(),
        seq: scene.numbers.iss + seq,
        flags: Flags::ACK,
        ..TcpHeader::default()
    };
    let mut lost = vec![0; packet::len(&ip, &header, 100)];
    packet::emit(&ip, &header, &[&[0; 100]], &mut lost);
    let mut message = vec![0; 1500];
    let router: IpAddr = "10.0.0.2".parse().unwrap();
    let len = kind.emit(router, &lost, &mut message).expect("an error that IPv4 has");
    message.truncate(len);
    scene.packet_arrives(message);
}

/// CVE-2004-0790; MUST-55, MUST-56 (3.9.2.2): no error ends a connection that is established, whether it is forged or true.
#[test]
fn must_55_56_a_blind_reset_by_icmp() {
    for seq in [1, 50, 100, 101, 5000, 0x8000_0000, -5_i32 as u32] {
        for kind in ALL {
            let mut scene = played("", IN_FLIGHT);
            error_arrives(&mut scene, kind, seq);
            play(
                &mut scene,
                "state ESTABLISHED\n< A 1 ack 101\nsend 10\n> A 101 len 10\n< A 1 ack 111\nwait 1m\nerror none",
            );
        }
    }
}

/// CVE-2004-0791; MUST-55: Source Quench, forged or not, slows nothing down.
#[test]
fn must_55_a_source_quench() {
    let mut scene = played("", IN_FLIGHT);
    for seq in 1..100 {
        error_arrives(&mut scene, IcmpKind::SourceQuench, seq);
    }
    play(&mut scene, "< A 1 ack 101 win 60000");
    assert_eq!(scene.write(9000), 9000);
    assert!(scene.sent().unwrap().len() >= 6, "9,000 bytes go out at once");
}

/// CVE-2004-1060; RFC 5927, section 7: an error about what is not in flight makes no segment smaller, and a true one not smaller
/// than what every path carries.
#[test]
fn a_tiny_path_mtu() {
    for (seq, largest) in [(5000, 1460), (102, 1460), (0, 1460), (1, 512)] {
        let mut scene = played("", IN_FLIGHT);
        error_arrives(&mut scene, IcmpKind::PacketTooBig { mtu: 68 }, seq);
        scene.run("flush").unwrap();
        play(&mut scene, "< A 1 ack 101 win 60000");
        assert_eq!(scene.write(5000), 5000);
        let lens: Vec<usize> = scene.sent().unwrap().iter().map(|seen| seen.text.len()).collect();
        assert_eq!(lens.first(), Some(&largest), "{seq}: {lens:?}");
    }
}

/// An open connection is not begun by forged errors either; a true one ends the attempt (RFC 5461, 4.1), and the program is told why.
#[test]
fn errors_for_a_syn() {
    let mut scene = played("", "connect\n> S 0");
    error_arrives(&mut scene, IcmpKind::Unreachable(Unreachable::Port), 1000);
    play(&mut scene, "state SYN_SENT\nerror none");
    error_arrives(&mut scene, IcmpKind::Unreachable(Unreachable::Port), 0);
    play(&mut scene, "state gone\nerror ConnectionRefused");
}

/// 3.9.1.8, 3.9.2.2: an error that may pass ends nothing, but it is what the program is told when the connection times out.
#[test]
fn must_47_shld_25_soft_errors_are_reported() {
    let mut scene = played("", IN_FLIGHT);
    error_arrives(&mut scene, IcmpKind::Unreachable(Unreachable::Host), 1);
    play(&mut scene, "state ESTABLISHED\nerror none");
    for _ in 0..3000 {
        scene.sim.run_for(Duration::from_secs(1));
        scene.sent().unwrap();
    }
    play(&mut scene, "state gone\nerror HostUnreachable");
}
