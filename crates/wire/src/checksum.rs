//! The Internet checksum (RFC 1071), with wide adds.
//!
//! The sum is one's complement: it does not matter in which byte order or in which width the words are added,
//! as long as every carry is added back in. So the bytes are added as native 64-bit words with their carries,
//! and folded to 16 bits at the end.

use core::net::IpAddr;

/// Bytes that one round of the main loop adds: four words to each of two accumulators.
const ROUND: usize = 64;

/// A checksum in the making, over any number of slices of any length.
///
/// ```
/// use sockeye_wire::checksum::Checksum;
/// let mut sum = Checksum::new();
/// sum.add(&[0x00, 0x01, 0xf2]);
/// sum.add(&[0x03, 0xf4, 0xf5, 0xf6, 0xf7]);
/// assert_eq!(sum.finish(), !0xddf2);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum {
    /// Sum of 16-bit words in native byte order, carries not yet folded.
    sum: u64,
    /// Whether an odd number of bytes was added, so that the next byte is the second of its word.
    odd: bool,
}

impl Checksum {
    /// A sum of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { sum: 0, odd: false }
    }

    /// Adds `bytes`, as if they stood right after those added before.
    pub fn add(&mut self, bytes: &[u8]) {
        let sum = fold(wide_sum(bytes));
        // RFC 1071, section 2(B): a sum over bytes at odd places is the swapped sum over the same at even ones.
        let sum = if self.odd { sum.swap_bytes() } else { sum };
        self.sum += u64::from(sum);
        self.odd ^= bytes.len() % 2 == 1;
    }

    /// Adds the pseudo-header of IPv4 (RFC 9293, section 3.1) or IPv6 (RFC 8200, section 8.1) for `length` bytes
    /// of `protocol`. To be called while an even number of bytes has been added.
    pub fn add_pseudo_header(&mut self, src: IpAddr, dst: IpAddr, protocol: u8, length: usize) {
        debug_assert!(!self.odd);
        self.add_address(src);
        self.add_address(dst);
        // IPv4 has a 16-bit length and IPv6 a 32-bit one; the upper half adds nothing where it is zero.
        self.add(&(length as u32).to_be_bytes());
        self.add(&[0, protocol]);
    }

    fn add_address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => self.add(&address.octets()),
            IpAddr::V6(address) => self.add(&address.octets()),
        }
    }

    /// The checksum in host byte order: the complement of the sum. Over bytes that contain their own right
    /// checksum it is 0.
    #[must_use]
    pub fn finish(self) -> u16 {
        u16::from_be(!fold(self.sum))
    }
}

/// The checksum of `bytes` in host byte order.
#[must_use]
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum = Checksum::new();
    sum.add(bytes);
    sum.finish()
}

/// The one's complement sum of `bytes` as native 64-bit words, the last one filled up with zeros.
fn wide_sum(bytes: &[u8]) -> u64 {
    let (rounds, rest) = bytes.as_chunks::<ROUND>();
    let (mut first, mut second) = (0_u64, 0_u64);
    for round in rounds {
        let (words, _) = round.as_chunks::<8>();
        // Two chains of carries that do not wait for each other.
        first = add_four(first, [words[0], words[1], words[2], words[3]]);
        second = add_four(second, [words[4], words[5], words[6], words[7]]);
    }
    let mut sum = add_carry(first, second);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        sum = add_carry(sum, u64::from_ne_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    add_carry(sum, u64::from_ne_bytes(last))
}

/// `sum` and four words with one chain of carries.
fn add_four(sum: u64, words: [[u8; 8]; 4]) -> u64 {
    let (sum, carry) = sum.carrying_add(u64::from_ne_bytes(words[0]), false);
    let (sum, carry) = sum.carrying_add(u64::from_ne_bytes(words[1]), carry);
    let (sum, carry) = sum.carrying_add(u64::from_ne_bytes(words[2]), carry);
    let (sum, carry) = sum.carrying_add(u64::from_ne_bytes(words[3]), carry);
    // The sum of words with their carries wraps to at most MAX - 1 when it carries, so one more never overflows.
    add_carry(sum, u64::from(carry))
}

/// One's complement addition: the carry goes back in at the bottom.
fn add_carry(left: u64, right: u64) -> u64 {
    let (sum, carry) = left.overflowing_add(right);
    sum.wrapping_add(u64::from(carry))
}

/// The 16-bit one's complement sum of the four quarters of `sum`.
const fn fold(sum: u64) -> u16 {
    let sum = (sum >> 32) + (sum & 0xffff_ffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    let sum = (sum >> 16) + (sum & 0xffff);
    sum as u16
}

#[cfg(test)]
mod tests;
