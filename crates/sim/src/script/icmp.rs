//! ICMP errors in scripts: what a router on the way says about a segment of the host.

use super::Scene;
use sockeye_wire::icmp::MAX_PACKET_LEN;
use sockeye_wire::{Flags, IcmpKind, IpHeader, Protocol, TcpHeader, Unreachable, packet};

impl Scene {
    /// `unreachable host seq 1`: an error about the segment that begins there, counted from the host's SYN.
    pub(super) fn icmp(&mut self, rest: &str) -> Result<(), String> {
        let (what, seq) = rest.split_once(" seq ").ok_or("write seq and a number")?;
        let seq: u32 = seq.trim().parse().map_err(|_| format!("{seq} is no number"))?;
        let kind = kind(what.trim())?;
        self.icmp_arrives(kind, seq);
        Ok(())
    }

    /// Puts an error in front of the host, about its segment that begins at `seq`, counted from its SYN.
    pub fn icmp_arrives(&mut self, kind: IcmpKind, seq: u32) {
        let lost = TcpHeader {
            src_port: self.local().port(),
            dst_port: self.remote().port(),
            seq: self.numbers.iss + seq,
            flags: Flags::ACK,
            ..TcpHeader::default()
        };
        let ip = IpHeader {
            src: self.local().ip(),
            dst: self.remote().ip(),
            protocol: Protocol::Tcp,
            hop_limit: 64,
            traffic_class: 0,
            ident: 0,
            dont_fragment: true,
        };
        let mut quoted = vec![0; packet::len(&ip, &lost, 0)];
        packet::emit(&ip, &lost, &[], &mut quoted);
        let mut message = vec![0; MAX_PACKET_LEN];
        if let Ok(len) = kind.emit(self.remote().ip(), &quoted, &mut message) {
            message.truncate(len);
            self.packet_arrives(message);
        }
    }
}

fn kind(what: &str) -> Result<IcmpKind, String> {
    let (word, rest) = what.split_once(' ').unwrap_or((what, ""));
    Ok(match (word, rest) {
        ("unreachable", "network") => IcmpKind::Unreachable(Unreachable::Network),
        ("unreachable", "host") => IcmpKind::Unreachable(Unreachable::Host),
        ("unreachable", "protocol") => IcmpKind::Unreachable(Unreachable::Protocol),
        ("unreachable", "port") => IcmpKind::Unreachable(Unreachable::Port),
        ("unreachable", "prohibited") => IcmpKind::Unreachable(Unreachable::Prohibited),
        ("unreachable", code) => {
            IcmpKind::Unreachable(Unreachable::Other(code.parse().map_err(|_| format!("{code} is no code"))?))
        }
        ("too-big", mtu) => {
            IcmpKind::PacketTooBig { mtu: mtu.parse().map_err(|_| format!("{mtu} is no number"))? }
        }
        ("exceeded", _) => IcmpKind::TimeExceeded { code: 0 },
        ("parameter", _) => IcmpKind::ParameterProblem { code: 0, pointer: 0 },
        ("quench", _) => IcmpKind::SourceQuench,
        _ => return Err(format!("{what} is no error")),
    })
}
