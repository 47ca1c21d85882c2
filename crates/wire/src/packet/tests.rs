use super::*;
use crate::{Flags, Protocol, SeqNum, Timestamps};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::vec;

fn headers(address: IpAddr) -> (IpHeader, TcpHeader) {
    let ip = IpHeader {
        src: address,
        dst: address,
        protocol: Protocol::Tcp,
        hop_limit: 64,
        traffic_class: 0,
        ident: 0,
        dont_fragment: true,
    };
    let mut tcp =
        TcpHeader { src_port: 1, dst_port: 2, seq: SeqNum(3), flags: Flags::ACK, ..TcpHeader::default() };
    tcp.options.timestamps = Some(Timestamps { value: 4, echo: 5 });
    (ip, tcp)
}

#[test]
fn a_packet_parses_back_with_a_right_checksum() {
    for address in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let (ip, tcp) = headers(address);
        let mut out = vec![0xee; len(&ip, &tcp, 9) + 3];
        let end = emit(&ip, &tcp, &[b"two ", b"", b"parts"], &mut out);
        assert_eq!(end, len(&ip, &tcp, 9));
        assert_eq!(out[end..], [0xee; 3]);
        let (parsed_ip, segment) = IpHeader::parse(&out).unwrap();
        assert_eq!(parsed_ip, ip);
        assert!(tcp::verify_checksum(ip.src, ip.dst, &out[segment.clone()]));
        let (parsed_tcp, start) = TcpHeader::parse(&out[segment.clone()]).unwrap();
        assert_eq!(parsed_tcp, tcp);
        assert_eq!(&out[segment][start..], b"two parts");
    }
}

#[test]
fn headers_first_and_text_later_is_the_same_packet() {
    let (ip, tcp) = headers(Ipv6Addr::LOCALHOST.into());
    let (mut at_once, mut in_steps) = (vec![0; len(&ip, &tcp, 4)], vec![0; len(&ip, &tcp, 4)]);
    emit(&ip, &tcp, &[b"text"], &mut at_once);
    let text = emit_headers(&ip, &tcp, 4, &mut in_steps);
    assert!(text <= MAX_HEADERS_LEN);
    in_steps[text..].copy_from_slice(b"text");
    fill_checksum(&ip, &mut in_steps);
    assert_eq!(at_once, in_steps);
}
