use super::*;
use core::net::{Ipv4Addr, Ipv6Addr};
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

fn v4() -> (IpAddr, IpAddr) {
    (Ipv4Addr::new(192, 0, 2, 1).into(), Ipv4Addr::new(198, 51, 100, 2).into())
}

fn v6() -> (IpAddr, IpAddr) {
    (
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2).into(),
    )
}

/// A SYN as Linux sends it.
fn syn() -> TcpHeader {
    TcpHeader {
        src_port: 49_152,
        dst_port: 80,
        seq: SeqNum(0x0a0b_0c0d),
        flags: Flags::SYN,
        window: 0xffff,
        options: Options {
            mss: Some(1460),
            window_scale: Some(7),
            sack_permitted: true,
            timestamps: Some(Timestamps { value: 100_000, echo: 0 }),
            ..Options::default()
        },
        ..TcpHeader::default()
    }
}

const SYN: [u8; 40] = [
    0xc0, 0x00, 0x00, 0x50, 0x0a, 0x0b, 0x0c, 0x0d, 0x00, 0x00, 0x00, 0x00, 0xa0, 0x02, 0xff, 0xff, 0x00,
    0x00, 0x00, 0x00, 0x02, 0x04, 0x05, 0xb4, 0x04, 0x02, 0x08, 0x0a, 0x00, 0x01, 0x86, 0xa0, 0x00, 0x00,
    0x00, 0x00, 0x01, 0x03, 0x03, 0x07,
];

fn emitted(header: &TcpHeader) -> Vec<u8> {
    let mut out = vec![0xee; MAX_HEADER_LEN];
    let len = header.emit(&mut out);
    assert_eq!(len, header.len());
    assert!(out[len..].iter().all(|&byte| byte == 0xee), "emit stays within len");
    out.truncate(len);
    out
}

#[test]
fn syn_is_laid_out_as_by_linux() {
    assert_eq!(emitted(&syn()), SYN);
    assert_eq!(TcpHeader::parse(&SYN), Ok((syn(), 40)));
}

#[test]
fn every_field_has_its_place() {
    let header = TcpHeader {
        src_port: 0x0102,
        dst_port: 0x0304,
        seq: SeqNum(0x0506_0708),
        ack: SeqNum(0x090a_0b0c),
        flags: Flags::all(),
        window: 0x0d0e,
        urgent: 0x0f10,
        options: Options::default(),
    };
    let bytes = emitted(&header);
    assert_eq!(bytes, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x50, 0xff, 13, 14, 0, 0, 15, 16]);
    assert_eq!(TcpHeader::parse(&bytes), Ok((header, 20)));
}

#[test]
fn bad_lengths_are_refused() {
    assert_eq!(TcpHeader::parse(&SYN[..19]), Err(ParseError::Truncated));
    assert_eq!(TcpHeader::parse(&SYN[..39]), Err(ParseError::HeaderLength));
    for offset in 0..5 {
        let mut bytes = SYN;
        bytes[12] = offset << 4;
        assert_eq!(TcpHeader::parse(&bytes), Err(ParseError::HeaderLength), "data offset {offset}");
    }
}

#[test]
fn reserved_bits_are_ignored() {
    let mut bytes = SYN;
    bytes[12] |= 0x0f;
    assert_eq!(TcpHeader::parse(&bytes), Ok((syn(), 40)));
}

#[test]
fn must_5_options_are_received_in_any_segment() {
    for bits in 0..=255 {
        let header = TcpHeader { flags: Flags::from_bits_retain(bits), ..syn() };
        let (parsed, _) = TcpHeader::parse(&emitted(&header)).unwrap();
        assert_eq!(parsed.options, syn().options, "flags {:?}", header.flags);
    }
}

#[test]
fn must_2_the_sender_computes_the_checksum() {
    for ((src, dst), expected) in [(v4(), [0xfe, 0xbe]), (v6(), [0x8f, 0x81])] {
        let mut segment = SYN;
        fill_checksum(src, dst, &mut segment);
        assert_eq!(segment[16..18], expected, "{src} to {dst}");
        let filled = segment;
        fill_checksum(src, dst, &mut segment);
        assert_eq!(segment, filled, "the field does not count");
    }
}

#[test]
fn must_3_the_receiver_checks_the_checksum() {
    for (src, dst) in [v4(), v6()] {
        for text in [&b""[..], b"a", b"ab", b"some text of odd length"] {
            let mut segment = [&SYN[..], text].concat();
            fill_checksum(src, dst, &mut segment);
            assert!(verify_checksum(src, dst, &segment));
            for bit in 0..segment.len() * 8 {
                segment[bit / 8] ^= 1 << (bit % 8);
                assert!(!verify_checksum(src, dst, &segment), "bit {bit} inverted");
                segment[bit / 8] ^= 1 << (bit % 8);
            }
            assert!(!verify_checksum(src, src, &segment), "another address");
            let shorter = segment.len() - 1;
            assert!(!verify_checksum(src, dst, &segment[..shorter]), "another length");
        }
    }
}

#[test]
fn too_few_bytes_have_no_checksum() {
    let (src, dst) = v4();
    for len in 0..MIN_HEADER_LEN {
        let mut bytes = vec![0xff; len];
        assert!(!verify_checksum(src, dst, &bytes));
        fill_checksum(src, dst, &mut bytes);
        assert!(bytes.iter().all(|&byte| byte == 0xff));
    }
}

#[test]
fn syn_and_fin_take_up_sequence_numbers() {
    let with = |flags| TcpHeader { flags, ..TcpHeader::default() };
    assert_eq!(with(Flags::ACK | Flags::PSH | Flags::URG | Flags::RST).seq_len(10), 10);
    assert_eq!(with(Flags::SYN).seq_len(0), 1);
    assert_eq!(with(Flags::FIN | Flags::ACK).seq_len(10), 11);
    assert_eq!(with(Flags::SYN | Flags::FIN).seq_len(10), 12);
}

prop_compose! {
    fn any_header()(
        ports: [u16; 2], numbers: [u32; 2], flags: u8, window: u16, urgent: u16,
        options in options::tests::any_options(),
    ) -> TcpHeader {
        TcpHeader {
            src_port: ports[0], dst_port: ports[1], seq: SeqNum(numbers[0]), ack: SeqNum(numbers[1]),
            flags: Flags::from_bits_retain(flags), window, urgent, options,
        }
    }
}

proptest! {
    #[test]
    fn parse_undoes_emit(header in any_header(), text in proptest::collection::vec(any::<u8>(), 0..50)) {
        let mut segment = emitted(&header);
        let len = segment.len();
        prop_assert!(len <= MAX_HEADER_LEN && len.is_multiple_of(4));
        segment.extend_from_slice(&text);
        let (parsed, start) = TcpHeader::parse(&segment).unwrap();
        prop_assert_eq!(start, len);
        // What there was no room for is left out; everything else comes back.
        let blocks = parsed.options.sack.len();
        prop_assert_eq!(&parsed.options.sack[..], &header.options.sack[..blocks]);
        let mut expected = header.clone();
        expected.options.sack.truncate(blocks);
        if parsed.options.fast_open.is_none() {
            expected.options.fast_open = None;
        }
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn no_bytes_make_parse_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok((header, len)) = TcpHeader::parse(&bytes) {
            prop_assert!((MIN_HEADER_LEN..=bytes.len().min(MAX_HEADER_LEN)).contains(&len));
            // Whatever was understood can be said again.
            prop_assert!(emitted(&header).len() <= MAX_HEADER_LEN);
        }
    }
}
