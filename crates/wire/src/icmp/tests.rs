use super::*;
use crate::{TcpHeader, checksum, packet};
use core::net::{Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

const ROUTER_V4: IpAddr = IpAddr::V4(Ipv4Addr::new(203, 0, 113, 9));
const ROUTER_V6: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9));

/// A segment from port 4000 to port 80 with sequence number 5000 and `text` bytes of text.
fn lost(v4: bool, text: usize) -> Vec<u8> {
    let (src, dst): (IpAddr, IpAddr) = if v4 {
        (Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::new(198, 51, 100, 2).into())
    } else {
        (Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into(), Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2).into())
    };
    let ip = IpHeader {
        src,
        dst,
        protocol: Protocol::Tcp,
        hop_limit: 64,
        traffic_class: 0,
        ident: 7,
        dont_fragment: true,
    };
    let tcp = TcpHeader { src_port: 4000, dst_port: 80, seq: SeqNum(5000), ..TcpHeader::default() };
    let mut out = vec![0; packet::len(&ip, &tcp, text)];
    packet::emit(&ip, &tcp, &[&vec![b'x'; text]], &mut out);
    out
}

fn router(v4: bool) -> IpAddr {
    if v4 { ROUTER_V4 } else { ROUTER_V6 }
}

fn emitted(kind: IcmpKind, v4: bool, text: usize) -> Vec<u8> {
    let mut out = vec![0; MAX_PACKET_LEN];
    let len = kind.emit(router(v4), &lost(v4, text), &mut out).unwrap();
    out.truncate(len);
    out
}

fn parsed(packet: &[u8]) -> Result<IcmpError, ParseError> {
    let (ip, message) = IpHeader::parse(packet)?;
    IcmpError::parse(&ip, &packet[message])
}

/// Writes a checksum of zero in the message of an IPv4 packet and then the right one.
fn mend(packet: &mut [u8]) {
    packet[22..24].fill(0);
    let sum = checksum::checksum(&packet[20..]);
    packet[22..24].copy_from_slice(&sum.to_be_bytes());
}

const BOTH: [IcmpKind; 8] = [
    IcmpKind::Unreachable(Unreachable::Network),
    IcmpKind::Unreachable(Unreachable::Host),
    IcmpKind::Unreachable(Unreachable::Port),
    IcmpKind::Unreachable(Unreachable::Prohibited),
    IcmpKind::Unreachable(Unreachable::Other(7)),
    IcmpKind::PacketTooBig { mtu: 1400 },
    IcmpKind::TimeExceeded { code: 1 },
    IcmpKind::ParameterProblem { code: 0, pointer: 20 },
];
const V4_ONLY: [IcmpKind; 3] = [
    IcmpKind::Unreachable(Unreachable::Protocol),
    IcmpKind::Unreachable(Unreachable::SourceRoute),
    IcmpKind::SourceQuench,
];

#[test]
fn parse_undoes_emit_and_names_the_segment() {
    let v4 = BOTH.iter().chain(&V4_ONLY).map(|&kind| (kind, true));
    let v6 = BOTH.iter().map(|&kind| (kind, false));
    for (kind, v4) in v4.chain(v6) {
        let (ip, _) = IpHeader::parse(&lost(v4, 0)).unwrap();
        let packet = emitted(kind, v4, 100);
        let (outer, _) = IpHeader::parse(&packet).unwrap();
        assert_eq!((outer.src, outer.dst), (router(v4), ip.src), "it goes back to the sender");
        let message = if v4 { 20 } else { 40 };
        let expected = IcmpError {
            kind,
            wire: [packet[message], packet[message + 1]],
            sender: router(v4),
            src: ip.src,
            dst: ip.dst,
            src_port: 4000,
            dst_port: 80,
            seq: SeqNum(5000),
        };
        assert_eq!(parsed(&packet), Ok(expected), "{kind:?}");
    }
}

#[test]
fn types_and_codes_on_the_wire() {
    let cases: [(IcmpKind, bool, [u8; 2], [u8; 4]); 8] = [
        (IcmpKind::Unreachable(Unreachable::Port), true, [3, 3], [0; 4]),
        (IcmpKind::PacketTooBig { mtu: 1400 }, true, [3, 4], [0, 0, 0x05, 0x78]),
        (IcmpKind::SourceQuench, true, [4, 0], [0; 4]),
        (IcmpKind::TimeExceeded { code: 0 }, true, [11, 0], [0; 4]),
        (IcmpKind::ParameterProblem { code: 0, pointer: 20 }, true, [12, 0], [20, 0, 0, 0]),
        (IcmpKind::Unreachable(Unreachable::Port), false, [1, 4], [0; 4]),
        (IcmpKind::PacketTooBig { mtu: 0x1_0000 }, false, [2, 0], [0, 1, 0, 0]),
        (IcmpKind::ParameterProblem { code: 1, pointer: 40 }, false, [4, 1], [0, 0, 0, 40]),
    ];
    for (kind, v4, start, word) in cases {
        let packet = emitted(kind, v4, 0);
        let message = &packet[if v4 { 20 } else { 40 }..];
        assert_eq!((&message[..2], &message[4..8]), (&start[..], &word[..]), "{kind:?}");
    }
}

#[test]
fn a_family_without_such_an_error_says_so() {
    let mut out = [0; MAX_PACKET_LEN];
    for kind in V4_ONLY {
        assert_eq!(kind.emit(ROUTER_V6, &lost(false, 0), &mut out), Err(ParseError::Protocol), "{kind:?}");
    }
    let far = IcmpKind::ParameterProblem { code: 0, pointer: 256 };
    assert_eq!(far.emit(ROUTER_V4, &lost(true, 0), &mut out), Err(ParseError::Protocol));
    assert_eq!(BOTH[0].emit(ROUTER_V6, &lost(true, 0), &mut out), Err(ParseError::Protocol));
}

#[test]
fn an_error_is_no_longer_than_every_host_can_take() {
    assert_eq!(emitted(BOTH[0], true, 1400).len(), 576);
    assert_eq!(emitted(BOTH[0], false, 1400).len(), 1280);
    assert_eq!(emitted(BOTH[0], true, 100).len(), 28 + 140);
}

#[test]
fn too_little_room_or_too_little_of_the_segment() {
    let lost = lost(true, 100);
    let mut out = [0; MAX_PACKET_LEN];
    for room in 0..56 {
        assert_eq!(BOTH[0].emit(ROUTER_V4, &lost, &mut out[..room]), Err(ParseError::Truncated), "{room}");
    }
    assert_eq!(BOTH[0].emit(ROUTER_V4, &lost, &mut out[..56]), Ok(56));
    assert_eq!(parsed(&out[..56]).unwrap().seq, SeqNum(5000));
    assert_eq!(BOTH[0].emit(ROUTER_V4, &lost[..27], &mut out), Err(ParseError::Truncated));
}

#[test]
fn old_routers_do_not_tell_the_mtu() {
    assert_eq!(
        parsed(&emitted(IcmpKind::PacketTooBig { mtu: 0 }, true, 0)).unwrap().kind,
        IcmpKind::PacketTooBig { mtu: 0 }
    );
}

/// RFC 1122, section 3.2.2, and RFC 4443, section 2.4(e).
#[test]
fn no_error_is_told_about_an_error() {
    for v4 in [true, false] {
        let error = emitted(BOTH[0], v4, 0);
        let mut out = [0; MAX_PACKET_LEN];
        assert_eq!(BOTH[0].emit(router(v4), &error, &mut out), Err(ParseError::Protocol));
    }
}

/// A host tells of protocols that it does not know, too.
#[test]
fn errors_about_other_protocols_quote_what_there_is() {
    let mut datagram = lost(true, 0);
    datagram[9] = 17;
    let mut out = [0; MAX_PACKET_LEN];
    let len = IcmpKind::Unreachable(Unreachable::Protocol).emit(ROUTER_V4, &datagram, &mut out).unwrap();
    assert_eq!((len, &out[28..len]), (28 + 40, &datagram[..]));
}

#[test]
fn damaged_and_foreign_messages_are_refused() {
    for v4 in [true, false] {
        let mut packet = emitted(BOTH[0], v4, 0);
        let last = packet.len() - 1;
        packet[last] ^= 1;
        assert_eq!(parsed(&packet), Err(ParseError::Checksum));
    }
    // An echo request.
    let mut packet = emitted(BOTH[0], true, 0);
    packet[20] = 8;
    mend(&mut packet);
    assert_eq!(parsed(&packet), Err(ParseError::Protocol));
    // An error about UDP.
    let mut packet = emitted(BOTH[0], true, 0);
    packet[28 + 9] = 17;
    mend(&mut packet);
    assert_eq!(parsed(&packet), Err(ParseError::Protocol));
    // Not ICMP at all.
    let segment = lost(true, 20);
    assert_eq!(parsed(&segment), Err(ParseError::Protocol));
}

proptest! {
    #[test]
    fn no_bytes_make_parse_or_emit_panic(
        mut message in proptest::collection::vec(any::<u8>(), 0..120), v4: bool, kind in 0_u8..14,
    ) {
        let (mut ip, _) = IpHeader::parse(&lost(v4, 0)).unwrap();
        ip.protocol = if v4 { Protocol::Icmp } else { Protocol::Icmpv6 };
        if message.len() > 10 {
            message[0] = kind;
            message[8] = if v4 { 0x45 } else { 0x60 };
            message[2..4].fill(0);
            let sum = message_checksum(&ip, &message);
            message[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        let outcome = IcmpError::parse(&ip, &message);
        prop_assert_ne!(outcome, Err(ParseError::PacketLength));
        let mut out = [0; MAX_PACKET_LEN];
        if let Ok(len) = BOTH[0].emit(router(v4), &message, &mut out) {
            let (_, quote) = IpHeader::parse(&out[..len]).unwrap();
            prop_assert!(quote.len() >= HEADER_LEN + 20);
        }
    }
}
