//! Whole packets: an IP header, a TCP header, and text.

use crate::{IpHeader, TcpHeader, tcp};

/// Bytes of the longest headers: IPv6 and TCP with 40 bytes of options.
pub const MAX_HEADERS_LEN: usize = crate::ip::V6_HEADER_LEN + tcp::MAX_HEADER_LEN;

/// Length of the packet that carries `text` bytes of text, headers included.
#[must_use]
pub fn len(ip: &IpHeader, tcp: &TcpHeader, text: usize) -> usize {
    ip.len() + tcp.len() + text
}

/// Writes both headers for `text` bytes of text, and returns where in `out` the text belongs. After it is there,
/// [`fill_checksum`] completes the packet. Panics if `out` is shorter than the headers.
pub fn emit_headers(ip: &IpHeader, tcp: &TcpHeader, text: usize, out: &mut [u8]) -> usize {
    let start = ip.emit(tcp.len() + text, out);
    start + tcp.emit(&mut out[start..])
}

/// Computes and stores the TCP checksum of a packet that begins with the header `ip` as it was emitted (MUST-2).
pub fn fill_checksum(ip: &IpHeader, packet: &mut [u8]) {
    if let Some(segment) = packet.get_mut(ip.len()..) {
        tcp::fill_checksum(ip.src, ip.dst, segment);
    }
}

/// Writes a whole packet whose text is in `slices`, one after the other, and returns its length. Panics if `out`
/// is shorter than [`len`].
pub fn emit(ip: &IpHeader, tcp: &TcpHeader, slices: &[&[u8]], out: &mut [u8]) -> usize {
    let text = slices.iter().map(|slice| slice.len()).sum();
    let mut at = emit_headers(ip, tcp, text, out);
    for slice in slices {
        out[at..at + slice.len()].copy_from_slice(slice);
        at += slice.len();
    }
    fill_checksum(ip, &mut out[..at]);
    at
}

#[cfg(test)]
mod tests;
