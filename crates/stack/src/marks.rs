//! The fields of IP headers: who decides what stands in them.

use crate::demux::Tuple;
use crate::host::Host;
use crate::ip_options::FamilyOptions;
use sockeye_buffer::Text;
use sockeye_tcb::Segment;
use sockeye_wire::{IpHeader, Protocol, ip, packet};

/// The fields of an IP header that are not addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    pub(crate) hop_limit: u8,
    pub(crate) traffic_class: u8,
    pub(crate) dont_fragment: bool,
    /// Of IPv6; 0 for none.
    pub(crate) flow_label: u32,
    /// Of IPv4.
    pub(crate) ident: u16,
}

impl Host {
    /// The marks of a segment; `options` are those of its socket, if it belongs to one.
    pub(crate) fn marks(&self, tuple: &Tuple, options: Option<&FamilyOptions>, link: u32) -> Marks {
        let remote = tuple.remote.ip();
        let labels = self.settings.path.auto_flow_labels && remote.is_ipv6();
        let dont_fragment = options.is_none_or(|options| {
            options.discovery.forbids_fragments(self.paths.mtu(remote, link).is_locked)
        });
        let secret = if labels || !dont_fragment { self.labels.secret_of(tuple) } else { 0 };
        Marks {
            // MUST-49 (3.9.2): it is configured.
            hop_limit: options.and_then(|options| options.hop_limit).unwrap_or(self.settings.hop_limit),
            // MUST-48, SHLD-22 (3.9.2): the program chooses, and may change its mind.
            traffic_class: options.map_or(0, |options| options.traffic_class),
            dont_fragment,
            // RFC 6437, section 3: one for each connection, that nobody foresees.
            flow_label: if labels { (secret >> 16) as u32 & 0x000f_ffff } else { 0 },
            // RFC 6864: what is not fragmented needs no identification.
            ident: if dont_fragment { 0 } else { secret as u16 },
        }
    }
}

/// The packet that carries a segment (MUST-2: with its checksum).
pub(crate) fn packet_of(tuple: &Tuple, segment: &Segment<'_>, marks: Marks) -> Vec<u8> {
    let header = IpHeader {
        src: tuple.local.ip(),
        dst: tuple.remote.ip(),
        protocol: Protocol::Tcp,
        hop_limit: marks.hop_limit,
        traffic_class: segment.ecn.within(marks.traffic_class),
        // Each packet that may be fragmented needs another.
        ident: if marks.dont_fragment { 0 } else { marks.ident.wrapping_add(segment.header.seq.0 as u16) },
        dont_fragment: marks.dont_fragment,
    };
    let Segment { header: tcp, text, .. } = segment;
    let len = Text::len(text);
    let mut out = vec![0; packet::len(&header, tcp, len)];
    let at = packet::emit_headers(&header, tcp, len, &mut out);
    ip::set_flow_label(&mut out, marks.flow_label);
    // It is copied before the checksum is computed, because the program could still change it in the ring.
    text.copy_to(&mut out[at..]);
    packet::fill_checksum(&header, &mut out);
    out
}
