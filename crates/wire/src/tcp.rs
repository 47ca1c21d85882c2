//! The TCP header and its options (RFC 9293, section 3.1; RFC 7323; RFC 2018; RFC 7413).

use arrayvec::ArrayVec;
use core::net::IpAddr;

use crate::{ParseError, SeqNum};

bitflags::bitflags! {
    /// The control bits.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Flags: u8 {
        /// No more data from the sender.
        const FIN = 0x01;
        /// Synchronize sequence numbers.
        const SYN = 0x02;
        /// Reset the connection.
        const RST = 0x04;
        /// Push function.
        const PSH = 0x08;
        /// The acknowledgment field is significant.
        const ACK = 0x10;
        /// The urgent pointer field is significant.
        const URG = 0x20;
        /// ECN echo (RFC 3168).
        const ECE = 0x40;
        /// Congestion window reduced (RFC 3168).
        const CWR = 0x80;
    }
}

/// A TCP header in host byte order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpHeader {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number of the first octet of text, or of the SYN.
    pub seq: SeqNum,
    /// Next sequence number expected; significant with [`Flags::ACK`].
    pub ack: SeqNum,
    /// Control bits.
    pub flags: Flags,
    /// Window field as it stands in the header, not scaled.
    pub window: u16,
    /// Urgent pointer: offset from `seq` of the octet after urgent data; significant with [`Flags::URG`].
    pub urgent: u16,
    /// Options that are known.
    pub options: Options,
}

/// The options that are understood; others are skipped when parsed (MUST-6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Maximum segment size in bytes.
    pub mss: Option<u16>,
    /// Window scale shift as it stands on the wire (a value above 14 is used as 14, RFC 7323 section 2.3).
    pub window_scale: Option<u8>,
    /// SACK permitted (RFC 2018).
    pub sack_permitted: bool,
    /// Timestamps (RFC 7323).
    pub timestamps: Option<Timestamps>,
    /// SACK blocks, newest first.
    pub sack: SackBlocks,
    /// Fast Open cookie (RFC 7413); empty for a cookie request.
    pub fast_open: Option<ArrayVec<u8, 16>>,
}

/// Values of the timestamps option.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamps {
    /// TSval: the sender's timestamp clock.
    pub value: u32,
    /// TSecr: the echo of the peer's; significant with ACK.
    pub echo: u32,
}

/// One block of received text: from `left`, up to but not including `right`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SackBlock {
    /// First sequence number of the block.
    pub left: SeqNum,
    /// The sequence number after its last.
    pub right: SeqNum,
}

/// At most four blocks, as many as 40 bytes of options hold.
pub type SackBlocks = ArrayVec<SackBlock, 4>;

/// Bytes of a header without options.
pub const MIN_HEADER_LEN: usize = 20;
/// Bytes of the longest header.
pub const MAX_HEADER_LEN: usize = 60;

impl TcpHeader {
    /// Parses a header from the start of `segment`. Returns it and its length in bytes: the text begins there.
    ///
    /// # Errors
    /// `Truncated`, `HeaderLength`. Ill-formed options are not an error: those before it are kept (MUST-7).
    pub fn parse(segment: &[u8]) -> Result<(Self, usize), ParseError> {
        let _ = segment;
        unimplemented!()
    }

    /// Length in bytes with options and padding: a multiple of 4, at most 60.
    #[must_use]
    pub fn len(&self) -> usize {
        unimplemented!()
    }

    /// Writes the header with a checksum field of zero, and returns its length in bytes.
    /// Panics if `out` is shorter than [`len`](Self::len).
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let _ = out;
        unimplemented!()
    }

    /// `SEG.LEN`: the sequence numbers a segment with this header and `text` bytes of text takes up.
    #[must_use]
    pub fn seq_len(&self, text: usize) -> u32 {
        let _ = text;
        unimplemented!()
    }
}

/// Whether the checksum of `segment` (header and text) is right between `src` and `dst` (MUST-3).
#[must_use]
pub fn verify_checksum(src: IpAddr, dst: IpAddr, segment: &[u8]) -> bool {
    let _ = (src, dst, segment);
    unimplemented!()
}

/// Computes and stores the checksum of `segment`, whose checksum field is zero (MUST-2).
pub fn fill_checksum(src: IpAddr, dst: IpAddr, segment: &mut [u8]) {
    let _ = (src, dst, segment);
    unimplemented!()
}
