//! What `recvmsg()` tells beside the bytes, as `struct cmsghdr` lays it out.

use libc::c_int;

/// Bytes of `struct cmsghdr`.
const HEADER: usize = size_of::<libc::cmsghdr>();
/// TCP_CM_INQ: the number of TCP_INQ.
const TCP_CM_INQ: c_int = libc::TCP_INQ;

/// TCP_CM_INQ: bytes left to read; after a FIN one at least.
#[must_use]
pub fn left_to_read(bytes: usize, is_end_of_file: bool) -> Vec<u8> {
    let left = c_int::try_from(bytes).unwrap_or(c_int::MAX).max(c_int::from(is_end_of_file));
    message(libc::IPPROTO_TCP, TCP_CM_INQ, &left.to_ne_bytes())
}

/// A control message with its padding.
#[must_use]
pub fn message(level: c_int, kind: c_int, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((HEADER + data.len()).next_multiple_of(size_of::<usize>()));
    bytes.extend((HEADER + data.len()).to_ne_bytes());
    bytes.extend(level.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(size_of::<usize>()), 0);
    bytes
}

#[cfg(test)]
mod tests;
