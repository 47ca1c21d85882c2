//! Segments that come in and go out.

use sockeye_buffer::Text;
use sockeye_wire::{Ecn, Flags, SeqNum, TcpHeader};

/// A segment that arrived, checksum verified, addressed to this connection.
#[derive(Clone, Debug)]
pub struct Segment<'a> {
    /// Its header.
    pub header: &'a TcpHeader,
    /// Its text.
    pub text: Text<'a>,
    /// The codepoint of the packet that it came in (RFC 3168).
    pub ecn: Ecn,
}

impl<'a> Segment<'a> {
    /// A segment that came in a packet without an ECN codepoint.
    #[must_use]
    pub const fn new(header: &'a TcpHeader, text: Text<'a>) -> Self {
        Self { header, text, ecn: Ecn::NotEct }
    }
}

impl Segment<'_> {
    pub(crate) fn has(&self, flags: Flags) -> bool {
        self.header.flags.contains(flags)
    }

    /// `SEG.LEN`: the sequence numbers it takes up.
    pub(crate) fn len(&self) -> u32 {
        self.header.seq_len(self.text.len())
    }

    /// The sequence number after its last.
    pub(crate) fn end(&self) -> SeqNum {
        self.header.seq + self.len()
    }

    /// The sequence number of the first octet of its text.
    pub(crate) fn text_seq(&self) -> SeqNum {
        self.header.seq + u32::from(self.has(Flags::SYN))
    }
}

/// A segment to send: its header, and which bytes of SendQ are its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The header, ports included.
    pub header: TcpHeader,
    /// Offset of the text from the head of SendQ, in bytes.
    pub text_offset: usize,
    /// Length of the text, in bytes.
    pub text_len: usize,
    /// The codepoint of the packet that carries it (RFC 3168).
    pub ecn: Ecn,
}

impl Transmit {
    pub(crate) const fn without_text(header: TcpHeader) -> Self {
        Self { header, text_offset: 0, text_len: 0, ecn: Ecn::NotEct }
    }
}

/// The reset for a segment that belongs to no connection (3.10.7.1): `None` if it was itself a RST.
#[must_use]
pub fn reset_for(segment: &Segment<'_>) -> Option<TcpHeader> {
    if segment.has(Flags::RST) {
        return None;
    }
    let reset = TcpHeader {
        src_port: segment.header.dst_port,
        dst_port: segment.header.src_port,
        ..TcpHeader::default()
    };
    Some(if segment.has(Flags::ACK) {
        TcpHeader { seq: segment.header.ack, flags: Flags::RST, ..reset }
    } else {
        TcpHeader { ack: segment.end(), flags: Flags::RST | Flags::ACK, ..reset }
    })
}
