use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

fn v4() -> IpHeader {
    IpHeader {
        src: IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1)),
        dst: IpAddr::V4(Ipv4Addr::new(192, 168, 0, 199)),
        protocol: Protocol::Tcp,
        hop_limit: 64,
        traffic_class: 0x12,
        ident: 0xabcd,
        dont_fragment: true,
    }
}

fn v6() -> IpHeader {
    IpHeader {
        src: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
        dst: IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2)),
        protocol: Protocol::Tcp,
        hop_limit: 255,
        traffic_class: 0xb9,
        ident: 0,
        dont_fragment: true,
    }
}

fn packet(header: &IpHeader, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![0xee; header.len() + payload.len()];
    let start = header.emit(payload.len(), &mut out);
    out[start..].copy_from_slice(payload);
    out
}

/// An IPv6 packet whose fixed header is followed by `rest`, which begins with a header of number `next`.
fn v6_with(next: u8, rest: &[u8]) -> Vec<u8> {
    packet(&IpHeader { protocol: Protocol::Other(next), ..v6() }, rest)
}

/// Changes an IPv4 packet and makes its checksum right again.
fn edit(mut packet: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut packet);
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    packet[10..12].fill(0);
    let sum = checksum(&packet[..header_len.min(packet.len())]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
    packet
}

#[test]
fn ipv4_layout() {
    let header = packet(&v4(), &[]);
    let expected = [
        0x45, 0x12, 0x00, 0x14, 0xab, 0xcd, 0x40, 0x00, 0x40, 0x06, 0x0c, 0xec, 0xc0, 0xa8, 0x00, 0x01, 0xc0,
        0xa8, 0x00, 0xc7,
    ];
    assert_eq!(header, expected);
}

#[test]
fn ipv6_layout() {
    let header = packet(&v6(), b"ab");
    assert_eq!(header[..8], [0x6b, 0x90, 0x00, 0x00, 0x00, 0x02, 6, 255]);
    assert_eq!(header[8..12], [0x20, 0x01, 0x0d, 0xb8]);
    assert_eq!(header[39..], [2, b'a', b'b']);
}

#[test]
fn payload_ends_where_the_length_field_says() {
    for header in [v4(), v6()] {
        let mut bytes = packet(&header, b"text");
        bytes.extend_from_slice(b"padding of a frame");
        let (parsed, payload) = IpHeader::parse(&bytes).unwrap();
        assert_eq!(parsed, header);
        assert_eq!(&bytes[payload], b"text");
    }
}

#[test]
fn must_50_ipv4_options_are_skipped() {
    let bytes = edit(packet(&v4(), b"\x01\x01\x01\x00text"), |packet| packet[0] = 0x46);
    let (header, payload) = IpHeader::parse(&bytes).unwrap();
    assert_eq!(header, v4());
    assert_eq!(&bytes[payload], b"text");
}

#[test]
fn bad_ipv4_headers() {
    let good = packet(&v4(), b"text");
    let cases: [(&str, Vec<u8>, ParseError); 11] = [
        ("nothing", vec![], ParseError::Truncated),
        ("19 bytes", good[..19].to_vec(), ParseError::Truncated),
        ("version 5", edit(good.clone(), |packet| packet[0] = 0x55), ParseError::Version),
        ("IHL 4", edit(good.clone(), |packet| packet[0] = 0x44), ParseError::HeaderLength),
        ("IHL beyond the end", edit(good.clone(), |packet| packet[0] = 0x4f), ParseError::HeaderLength),
        ("total length 19", edit(good.clone(), |packet| packet[3] = 19), ParseError::PacketLength),
        ("total length 25 of 24", edit(good.clone(), |packet| packet[3] = 25), ParseError::PacketLength),
        ("one byte cut off", good[..23].to_vec(), ParseError::PacketLength),
        ("more fragments", edit(good.clone(), |packet| packet[6] = 0x20), ParseError::Fragment),
        ("fragment offset 1", edit(good.clone(), |packet| packet[7] = 1), ParseError::Fragment),
        (
            "a bit inverted",
            {
                let mut bytes = good.clone();
                bytes[8] ^= 0x10;
                bytes
            },
            ParseError::Checksum,
        ),
    ];
    for (name, bytes, error) in cases {
        assert_eq!(IpHeader::parse(&bytes), Err(error), "{name}");
    }
}

#[test]
fn bad_ipv6_headers() {
    let good = packet(&v6(), b"text");
    assert_eq!(IpHeader::parse(&good[..39]), Err(ParseError::Truncated));
    assert_eq!(IpHeader::parse(&good[..43]), Err(ParseError::PacketLength));
}

#[test]
fn ipv6_extension_headers_are_skipped() {
    let pad = [1, 4, 0, 0, 0, 0];
    let chain = [
        [&[60, 0], &pad[..]].concat(),
        // Destination options of 16 bytes: Pad1, a PadN, and an unknown option that may be skipped.
        vec![43, 1, 0, 1, 5, 0, 0, 0, 0, 0, 0x1e, 4, 0, 0, 0, 0],
        // A routing header that has been worked off.
        vec![44, 0, 0, 0, 0, 0, 0, 0],
        // RFC 6946: an atomic fragment is a whole packet.
        vec![51, 0, 0, 0, 1, 2, 3, 4],
        // An authentication header of 12 bytes.
        vec![6, 1, 0, 0, 0, 0, 0, 9, 0, 0, 0, 1],
        b"text".to_vec(),
    ]
    .concat();
    let bytes = v6_with(0, &chain);
    let (header, payload) = IpHeader::parse(&bytes).unwrap();
    assert_eq!(header, v6());
    assert_eq!(&bytes[payload], b"text");
}

#[test]
fn bad_ipv6_extension_headers() {
    let cases: [(&str, Vec<u8>, ParseError); 8] = [
        ("header cut off", v6_with(0, &[6, 0, 1, 4]), ParseError::Truncated),
        ("length beyond the end", v6_with(60, &[6, 1, 1, 4, 0, 0, 0, 0]), ParseError::HeaderLength),
        ("first fragment", v6_with(44, &[6, 0, 0, 1, 0, 0, 0, 0]), ParseError::Fragment),
        ("later fragment", v6_with(44, &[6, 0, 0, 8, 0, 0, 0, 0]), ParseError::Fragment),
        ("segments left", v6_with(43, &[6, 0, 0, 1, 0, 0, 0, 0]), ParseError::Protocol),
        ("option to discard", v6_with(60, &[6, 0, 0x40, 4, 0, 0, 0, 0]), ParseError::Protocol),
        ("option beyond the end", v6_with(60, &[6, 0, 1, 5, 0, 0, 0, 0]), ParseError::HeaderLength),
        ("option without length", v6_with(60, &[6, 0, 1, 3, 0, 0, 0, 1]), ParseError::HeaderLength),
    ];
    for (name, bytes, error) in cases {
        assert_eq!(IpHeader::parse(&bytes), Err(error), "{name}");
    }
}

#[test]
fn other_protocols_are_named() {
    for number in 0..=255 {
        assert_eq!(Protocol::from(number).number(), number);
    }
    let (header, _) = IpHeader::parse(&v6_with(59, b"")).unwrap();
    assert_eq!(header.protocol, Protocol::Other(59));
}

#[test]
fn a_quote_may_be_cut_off_and_changed() {
    let mut bytes = packet(&v4(), b"12345678 and more");
    bytes[8] = 1;
    assert_eq!(IpHeader::parse(&bytes), Err(ParseError::Checksum));
    let (header, payload) = IpHeader::parse_quoted(&bytes[..28]).unwrap();
    assert_eq!((header.src, header.dst), (v4().src, v4().dst));
    assert_eq!(payload, 20..28);
    let bytes = packet(&v6(), b"12345678 and more");
    assert_eq!(IpHeader::parse_quoted(&bytes[..48]).unwrap(), (v6(), 40..48));
    // Of a later fragment nobody can tell the ports.
    let later = edit(packet(&v4(), b"12345678"), |packet| packet[7] = 1);
    assert_eq!(IpHeader::parse_quoted(&later), Err(ParseError::Fragment));
    let later = v6_with(44, &[6, 0, 0, 8, 0, 0, 0, 0]);
    assert_eq!(IpHeader::parse_quoted(&later), Err(ParseError::Fragment));
}

prop_compose! {
    fn any_header()(
        addresses in prop_oneof![
            any::<[[u8; 4]; 2]>().prop_map(|pair| pair.map(|octets| IpAddr::V4(octets.into()))),
            any::<[[u8; 16]; 2]>().prop_map(|pair| pair.map(|octets| IpAddr::V6(octets.into()))),
        ],
        protocol in prop_oneof![Just(6_u8), Just(1), Just(58), Just(17), Just(132)],
        hop_limit: u8, traffic_class: u8, ident: u16, dont_fragment: bool,
    ) -> IpHeader {
        let [src, dst] = addresses;
        let v4 = src.is_ipv4();
        IpHeader {
            src, dst, protocol: protocol.into(), hop_limit, traffic_class,
            ident: if v4 { ident } else { 0 },
            dont_fragment: !v4 || dont_fragment,
        }
    }
}

proptest! {
    #[test]
    fn parse_undoes_emit(header in any_header(), payload in proptest::collection::vec(any::<u8>(), 0..100)) {
        let bytes = packet(&header, &payload);
        let (parsed, range) = IpHeader::parse(&bytes).unwrap();
        prop_assert_eq!(parsed, header);
        prop_assert_eq!(&bytes[range], &payload[..]);
    }

    #[test]
    fn no_bytes_make_parse_panic(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        first in prop_oneof![Just(0x45_u8), Just(0x46), Just(0x4f), Just(0x60), any::<u8>()],
        next in prop_oneof![Just(0_u8), Just(43), Just(44), Just(51), Just(60), Just(135), Just(6)],
    ) {
        if bytes.len() > 50 {
            bytes[0] = first;
            bytes[4] = 0;
            bytes[6] = next;
            bytes[40] = next;
            bytes[41] %= 4;
        }
        for (_, payload) in [IpHeader::parse(&bytes), IpHeader::parse_quoted(&bytes)].into_iter().flatten() {
            prop_assert!(payload.start >= 20 && payload.start <= payload.end && payload.end <= bytes.len());
        }
    }
}

#[test]
fn the_flow_label_is_written_beside_the_traffic_class() {
    let header = IpHeader { traffic_class: 0xab, ..v6() };
    let mut packet = [0; 40];
    header.emit(0, &mut packet);
    set_flow_label(&mut packet, 0xfff1_2345);
    assert_eq!(flow_label(&packet), 0x1_2345);
    assert_eq!(IpHeader::parse(&packet).unwrap().0, header);
    let mut packet = [0x45; 20];
    set_flow_label(&mut packet, 1);
    assert_eq!((packet, flow_label(&packet)), ([0x45; 20], 0));
}

/// RFC 8200, sections 4.2 and 4.4.
#[test]
fn what_is_told_of_extension_headers_that_are_not_understood() {
    let with = |next: u8, extension: [u8; 8], last_octet_of_dst: u8| {
        let mut packet = vec![0; 40];
        v6().emit(8, &mut packet);
        packet[6] = next;
        packet[24] = last_octet_of_dst;
        packet.extend(extension);
        packet
    };
    for (next, extension, dst, expected) in [
        // Hop-by-hop and destination options: skip, discard, tell, tell unless multicast.
        (0, [6, 0, 0x1e, 2, 0, 0, 0, 0], 0xfd, None),
        (60, [6, 0, 0x5e, 2, 0, 0, 0, 0], 0xfd, None),
        (60, [6, 0, 0, 0x9e, 1, 0, 0, 0], 0xfd, Some((2, 43))),
        (0, [6, 0, 0xde, 4, 0, 0, 0, 0], 0xfd, Some((2, 42))),
        (0, [6, 0, 0xde, 4, 0, 0, 0, 0], 0xff, None),
        // A routing header with segments left.
        (43, [6, 0, 9, 1, 0, 0, 0, 0], 0xfd, Some((0, 42))),
        (43, [6, 0, 9, 0, 0, 0, 0, 0], 0xfd, None),
        // Cut off.
        (60, [6, 3, 0, 0, 0, 0, 0, 0], 0xfd, None),
        (6, [0x9e; 8], 0xfd, None),
    ] {
        assert_eq!(parameter_problem(&with(next, extension, dst)), expected, "{next} {extension:?}");
    }
    assert_eq!(parameter_problem(&[0x60; 39]), None);
    assert_eq!(parameter_problem(&[0x45; 60]), None);
}

/// RFC 3168, section 5: only a packet that says so is marked, and an IPv4 header stays sound (RFC 1624).
#[test]
fn congestion_is_marked_in_place() {
    for (src, dst) in [("10.0.0.1", "10.0.0.2"), ("fd00::1", "fd00::2")] {
        for ecn in [Ecn::NotEct, Ecn::Ect0, Ecn::Ect1, Ecn::Ce] {
            let header = IpHeader {
                src: src.parse().unwrap(),
                dst: dst.parse().unwrap(),
                protocol: Protocol::Tcp,
                hop_limit: 64,
                traffic_class: ecn.within(0xb8),
                ident: 0,
                dont_fragment: true,
            };
            let mut packet = [0; 60];
            let len = header.len();
            header.emit(packet.len() - len, &mut packet);
            assert_eq!(mark_congestion(&mut packet), ecn != Ecn::NotEct);
            let (marked, _) = IpHeader::parse(&packet).expect("it is still sound");
            let expected = if ecn == Ecn::NotEct { ecn } else { Ecn::Ce };
            assert_eq!(marked.traffic_class, expected.within(0xb8));
        }
    }
    assert!(!mark_congestion(&mut []));
    assert!(!mark_congestion(&mut [0x45]));
    assert!(!mark_congestion(&mut [0x45, 0x02]));
}
