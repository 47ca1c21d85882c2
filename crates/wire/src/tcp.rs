//! The TCP header and its options (RFC 9293, section 3.1; RFC 7323; RFC 2018; RFC 7413).
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-------------------------------+-------------------------------+
//! |          Source Port          |       Destination Port        |
//! +-------------------------------+-------------------------------+
//! |                        Sequence Number                        |
//! +---------------------------------------------------------------+
//! |                     Acknowledgment Number                     |
//! +-------+-------+---------------+-------------------------------+
//! | Offset|  Rsrvd|C E U A P R S F|            Window             |
//! +-------+-------+---------------+-------------------------------+
//! |           Checksum            |         Urgent Pointer        |
//! +-------------------------------+-------------------------------+
//! |                  Options and padding, 0 to 40 bytes           |
//! +---------------------------------------------------------------+
//! ```

mod options;

use core::net::IpAddr;

pub use options::{FastOpen, MAX_OPTIONS_LEN, Options, SackBlock, SackBlocks, Timestamps};

use crate::checksum::Checksum;
use crate::{ParseError, Protocol, SeqNum};

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

/// Bytes of a header without options.
pub const MIN_HEADER_LEN: usize = 20;
/// Bytes of the longest header.
pub const MAX_HEADER_LEN: usize = MIN_HEADER_LEN + MAX_OPTIONS_LEN;

/// Where the checksum field stands.
const CHECKSUM_FIELD: core::ops::Range<usize> = 16..18;

// A header is never empty, so there is nothing that `is_empty` could say.
#[allow(clippy::len_without_is_empty)]
impl TcpHeader {
    /// Parses a header from the start of `segment`. Returns it and its length in bytes: the text begins there.
    ///
    /// # Errors
    /// `Truncated`, `HeaderLength`. Ill-formed options are not an error: those before it are kept (MUST-7).
    pub fn parse(segment: &[u8]) -> Result<(Self, usize), ParseError> {
        let fixed = segment.first_chunk::<MIN_HEADER_LEN>().ok_or(ParseError::Truncated)?;
        let len = usize::from(fixed[12] >> 4) * 4;
        // MUST-5 (3.1): whatever its flags are, a segment may have options.
        let options = segment.get(MIN_HEADER_LEN..len).ok_or(ParseError::HeaderLength)?;
        let header = Self {
            src_port: u16::from_be_bytes([fixed[0], fixed[1]]),
            dst_port: u16::from_be_bytes([fixed[2], fixed[3]]),
            seq: SeqNum(u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]])),
            ack: SeqNum(u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]])),
            flags: Flags::from_bits_retain(fixed[13]),
            window: u16::from_be_bytes([fixed[14], fixed[15]]),
            urgent: u16::from_be_bytes([fixed[18], fixed[19]]),
            options: Options::parse(options),
        };
        Ok((header, len))
    }

    /// Length in bytes with options and padding: a multiple of 4, at most 60.
    #[must_use]
    pub fn len(&self) -> usize {
        MIN_HEADER_LEN + self.options.len()
    }

    /// Writes the header with a checksum field of zero, and returns its length in bytes.
    /// Panics if `out` is shorter than [`len`](Self::len).
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let len = self.len();
        let (fixed, options) = out[..len].split_at_mut(MIN_HEADER_LEN);
        fixed[0..2].copy_from_slice(&self.src_port.to_be_bytes());
        fixed[2..4].copy_from_slice(&self.dst_port.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.seq.0.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ack.0.to_be_bytes());
        fixed[12] = ((len / 4) as u8) << 4;
        fixed[13] = self.flags.bits();
        fixed[14..16].copy_from_slice(&self.window.to_be_bytes());
        fixed[CHECKSUM_FIELD].fill(0);
        fixed[18..20].copy_from_slice(&self.urgent.to_be_bytes());
        self.options.emit(options);
        len
    }

    /// `SEG.LEN`: the sequence numbers a segment with this header and `text` bytes of text takes up.
    #[must_use]
    pub fn seq_len(&self, text: usize) -> u32 {
        let syn = u32::from(self.flags.contains(Flags::SYN));
        let fin = u32::from(self.flags.contains(Flags::FIN));
        (text as u32).wrapping_add(syn + fin)
    }
}

/// Whether the checksum of `segment` (header and text) is right between `src` and `dst` (MUST-3).
#[must_use]
pub fn verify_checksum(src: IpAddr, dst: IpAddr, segment: &[u8]) -> bool {
    segment.len() >= MIN_HEADER_LEN && checksum(src, dst, segment) == 0
}

/// Computes and stores the checksum of `segment` (MUST-2), whatever its checksum field held before. Leaves bytes
/// alone that are too few to be a segment.
pub fn fill_checksum(src: IpAddr, dst: IpAddr, segment: &mut [u8]) {
    if segment.len() < MIN_HEADER_LEN {
        return;
    }
    segment[CHECKSUM_FIELD].fill(0);
    let sum = checksum(src, dst, segment);
    segment[CHECKSUM_FIELD].copy_from_slice(&sum.to_be_bytes());
}

fn checksum(src: IpAddr, dst: IpAddr, segment: &[u8]) -> u16 {
    let mut sum = Checksum::new();
    sum.add_pseudo_header(src, dst, Protocol::Tcp.number(), segment.len());
    sum.add(segment);
    sum.finish()
}

#[cfg(test)]
mod tests;
