//! The body of the fuzz target `wire`: whatever comes from the network is parsed, and what was understood can be said again.

use crate::ip::{self, V4_HEADER_LEN};
use crate::{IcmpError, IcmpKind, IpHeader, Options, Protocol, TcpHeader, Unreachable};
use crate::{checksum, icmp, mark_congestion, tcp};

/// Longest packet that is looked at, bytes.
const LONGEST: usize = 2048;
/// Where an IPv4 header has its checksum, and an ICMP message.
const V4_CHECKSUM: core::ops::Range<usize> = 10..12;

/// Parses `bytes` as they are, and again with the checksums that they should have.
///
/// # Panics
/// If they are misunderstood.
pub fn parse(bytes: &[u8]) {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    parse_packet(bytes);
    let mut copy = [0; LONGEST];
    let mended = &mut copy[..bytes.len()];
    mended.copy_from_slice(bytes);
    mend(mended);
    parse_packet(mended);
    let _ = mark_congestion(mended);
    ip::set_flow_label(mended, 0xfff_ffff);
    let _ = (ip::flow_label(mended), ip::parameter_problem(mended), ip::next_header_at(mended));
    parse_segment(bytes);
    let _ = Options::parse(bytes);
    report(bytes);
}

/// Gives a packet the checksums that it should have, and a length that is no lie.
fn mend(packet: &mut [u8]) {
    let len = packet.len() as u16;
    let Some(&first) = packet.first() else { return };
    let header_len = usize::from(first & 0x0f) * 4;
    if first >> 4 == 4 && header_len >= V4_HEADER_LEN && header_len <= packet.len() {
        packet[2..4].copy_from_slice(&len.to_be_bytes());
        packet[V4_CHECKSUM].fill(0);
        let sum = checksum::checksum(&packet[..header_len]);
        packet[V4_CHECKSUM].copy_from_slice(&sum.to_be_bytes());
    }
    if let Ok((header, payload)) = IpHeader::parse(packet)
        && header.protocol == Protocol::Icmp
        && let Some(message) = packet.get_mut(payload).filter(|message| message.len() >= 4)
    {
        message[2..4].fill(0);
        let sum = checksum::checksum(message);
        message[2..4].copy_from_slice(&sum.to_be_bytes());
    }
}

fn parse_packet(packet: &[u8]) {
    if let Ok((_, payload)) = IpHeader::parse_quoted(packet) {
        assert!(
            payload.start >= V4_HEADER_LEN && payload.start <= payload.end && payload.end <= packet.len()
        );
    }
    let Ok((header, payload)) = IpHeader::parse(packet) else { return };
    assert!(payload.start >= V4_HEADER_LEN && payload.start <= payload.end && payload.end <= packet.len());
    let mut copy = [0; LONGEST + ip::V6_HEADER_LEN];
    let text = &packet[payload];
    let len = header.emit(text.len(), &mut copy);
    copy[len..len + text.len()].copy_from_slice(text);
    let (again, range) = IpHeader::parse(&copy[..len + text.len()]).expect("what was emitted");
    assert_eq!((again, &copy[range]), (header, text));
    parse_segment(text);
    if let Ok(error) = IcmpError::parse(&header, text) {
        assert!(matches!(header.protocol, Protocol::Icmp | Protocol::Icmpv6), "{error:?}");
    }
}

fn parse_segment(segment: &[u8]) {
    let Ok((header, start)) = TcpHeader::parse(segment) else { return };
    assert!(start <= segment.len() && start <= tcp::MAX_HEADER_LEN);
    let mut once = [0; tcp::MAX_HEADER_LEN];
    let len = header.emit(&mut once);
    let (again, start) = TcpHeader::parse(&once[..len]).expect("what was emitted");
    assert_eq!(start, len);
    // What there was no room for is left out; the rest comes back.
    assert!(header.options.sack.starts_with(&again.options.sack));
    let mut twice = [0; tcp::MAX_HEADER_LEN];
    let len = again.emit(&mut twice);
    assert_eq!(TcpHeader::parse(&twice[..len]), Ok((again, len)));
}

/// An error is made of any packet, and is understood.
fn report(lost: &[u8]) {
    let Ok((about, _)) = IpHeader::parse_quoted(lost) else { return };
    let number = lost.last().copied().unwrap_or_default();
    let kinds = [
        IcmpKind::Unreachable(Unreachable::Port),
        IcmpKind::PacketTooBig { mtu: number.into() },
        IcmpKind::TimeExceeded { code: number },
        IcmpKind::ParameterProblem { code: 0, pointer: number.into() },
        IcmpKind::SourceQuench,
    ];
    let mut out = [0; icmp::MAX_PACKET_LEN];
    for kind in kinds {
        let Ok(len) = kind.emit(about.dst, lost, &mut out) else { continue };
        let (header, payload) = IpHeader::parse(&out[..len]).expect("what was emitted");
        let parsed = IcmpError::parse(&header, &out[payload]);
        match about.protocol {
            Protocol::Tcp => {
                let error = parsed.expect("what was emitted");
                assert_eq!((error.kind, error.src, error.dst), (kind, about.src, about.dst));
            }
            Protocol::Icmp | Protocol::Icmpv6 | Protocol::Other(_) => assert!(parsed.is_err()),
        }
    }
}

#[cfg(test)]
mod tests;
