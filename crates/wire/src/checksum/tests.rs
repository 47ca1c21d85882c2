use super::*;
use proptest::prelude::*;
use std::vec::Vec;

/// RFC 1071, section 4.1, one 16-bit word after the other.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0_u64;
    for word in bytes.chunks(2) {
        sum += u64::from(word[0]) << 8 | word.get(1).map_or(0, |&low| u64::from(low));
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

#[test]
fn vectors() {
    let cases: [(&[u8], u16); 7] = [
        (&[], 0xffff),
        // RFC 1071, section 3.
        (&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7], !0xddf2),
        (&[0x12], !0x1200),
        (&[0xff; 64], 0x0000),
        (&[0xff; 1025], 0x00ff),
        (&[0x00; 100], 0xffff),
        // A header of UDP over IPv4 without its checksum.
        (
            &[
                0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11, 0x00, 0x00, 0xc0, 0xa8, 0x00,
                0x01, 0xc0, 0xa8, 0x00, 0xc7,
            ],
            0xb861,
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(checksum(bytes), expected, "{bytes:02x?}");
    }
}

#[test]
fn carries_are_never_lost() {
    for len in 0..=260 {
        let bytes: Vec<u8> = core::iter::repeat_n(0xff, len).collect();
        assert_eq!(checksum(&bytes), naive(&bytes), "{len} bytes");
    }
    let most = std::vec![0xff; 65_575];
    assert_eq!(checksum(&most), naive(&most));
}

#[test]
fn pseudo_header_of_ipv6_counts_the_upper_half_of_the_length() {
    let address = IpAddr::V6(core::net::Ipv6Addr::UNSPECIFIED);
    let mut sum = Checksum::new();
    sum.add_pseudo_header(address, address, 6, 0x1_0002);
    assert_eq!(sum.finish(), !(1 + 2 + 6));
}

proptest! {
    #[test]
    fn equals_the_naive_sum(bytes in proptest::collection::vec(any::<u8>(), 0..600), skip in 0_usize..8) {
        let bytes = &bytes[skip.min(bytes.len())..];
        prop_assert_eq!(checksum(bytes), naive(bytes));
    }

    #[test]
    fn slices_of_any_length_sum_up_to_the_whole(
        slices in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..80), 0..8),
    ) {
        let mut sum = Checksum::new();
        for slice in &slices {
            sum.add(slice);
        }
        prop_assert_eq!(sum.finish(), naive(&slices.concat()));
    }
}
