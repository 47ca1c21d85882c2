//! ICMP errors that a host sends about packets that it cannot take (RFC 1122, section 3.2.2; RFC 4443, section 2.4).

use crate::HostId;
use crate::network::Network;
use crate::route::{Via, is_unicast};
use sockeye_clock::Instant;
use sockeye_wire::{IcmpKind, IpHeader, Unreachable, icmp, ip};
use std::net::IpAddr;

/// "No next header" (RFC 8200, section 4.7): there is nothing to understand.
const NO_NEXT_HEADER: u8 = 59;
/// UDP, of which we have no ports.
const UDP: u8 = 17;
/// "Unrecognized next header type" (RFC 4443, section 3.4).
const UNRECOGNIZED_NEXT_HEADER: u8 = 1;

impl Network {
    /// A packet to this host carries something that nobody here understands.
    pub(crate) fn protocol_is_unknown(&mut self, now: Instant, host: HostId, packet: &[u8], number: u8) {
        self.hosts[host.0 as usize].counters.unknown_protocols += 1;
        let is_v4 = packet.first().is_some_and(|first| first >> 4 == 4);
        let kind = match (number, is_v4) {
            (UDP, _) => IcmpKind::Unreachable(Unreachable::Port),
            (_, true) => IcmpKind::Unreachable(Unreachable::Protocol),
            (NO_NEXT_HEADER, false) => return,
            (_, false) => IcmpKind::ParameterProblem {
                code: UNRECOGNIZED_NEXT_HEADER,
                pointer: ip::next_header_at(packet),
            },
        };
        self.tell_sender(now, host, packet, kind);
    }

    /// A packet was refused; IPv6 has the host say why it did not understand extension headers.
    pub(crate) fn packet_is_refused(&mut self, now: Instant, host: HostId, packet: &[u8]) {
        if let Some((code, pointer)) = ip::parameter_problem(packet) {
            self.tell_sender(now, host, packet, IcmpKind::ParameterProblem { code, pointer });
        }
    }

    /// Sends an error to the sender of `packet`: never about an error, never because of what came to or from many hosts.
    fn tell_sender(&mut self, now: Instant, host: HostId, packet: &[u8], kind: IcmpKind) {
        let Ok((lost, _)) = IpHeader::parse_quoted(packet) else { return };
        let here = &mut self.hosts[host.0 as usize];
        if !here.is_answerable(lost.src, lost.dst) {
            return;
        }
        let Some(Via::Link(wire)) = here.routes.via(lost.src) else { return };
        let mut out = vec![0; icmp::MAX_PACKET_LEN];
        let Ok(len) = kind.emit(lost.dst, packet, &mut out) else { return };
        if !here.icmp_limit.allows(now, lost.src, &here.settings.path) {
            here.counters.icmp_limited += 1;
            return;
        }
        out.truncate(len);
        here.counters.icmp_sent += 1;
        self.send_packet(now, host, wire, out);
    }
}

impl crate::host::Host {
    fn is_answerable(&self, src: IpAddr, dst: IpAddr) -> bool {
        let is_from_peer = is_unicast(src) && !self.routes.is_own(src);
        is_from_peer && self.routes.is_own(dst) && !dst.is_loopback()
    }
}
