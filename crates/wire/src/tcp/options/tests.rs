use super::*;
use proptest::prelude::*;
use std::vec;
use std::vec::Vec;

const MSS: [u8; 4] = [2, 4, 0x05, 0xb4];
const WINDOW_SCALE: [u8; 3] = [3, 3, 7];
const SACK_PERMITTED: [u8; 2] = [4, 2];
const TIMESTAMPS: [u8; 10] = [8, 10, 0, 0, 0, 1, 0, 0, 0, 2];
const SACK: [u8; 10] = [5, 10, 0, 0, 0, 10, 0, 0, 0, 20];

/// What is understood of the five above.
fn five() -> Options {
    Options {
        mss: Some(1460),
        window_scale: Some(7),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 1, echo: 2 }),
        sack: blocks(1),
        fast_open: None,
    }
}

fn mss_only() -> Options {
    Options { mss: Some(1460), ..Options::default() }
}

fn blocks(count: u32) -> SackBlocks {
    (1..=count).map(|i| SackBlock { left: SeqNum(i * 10), right: SeqNum(i * 20) }).collect()
}

fn emitted(options: &Options) -> Vec<u8> {
    let mut out = vec![0xee; options.len()];
    options.emit(&mut out);
    out
}

#[test]
fn must_4_end_nop_and_mss_are_supported() {
    assert_eq!(Options::parse(&MSS), mss_only());
    assert_eq!(Options::parse(&[&[1, 1][..], &MSS, &[1, 0]].concat()), mss_only());
    // Nothing counts behind the end of the list.
    assert_eq!(Options::parse(&[&[1, 0][..], &MSS].concat()), Options::default());
    assert_eq!(emitted(&mss_only()), MSS);
}

#[test]
fn must_6_unknown_options_are_skipped() {
    for kind in (0..=255).filter(|kind| ![0, 1, 2, 3, 4, 5, 8].contains(kind)) {
        for len in [2_u8, 3, 6, 7] {
            let mut unknown = vec![0xaa; usize::from(len)];
            unknown[..2].copy_from_slice(&[kind, len]);
            let bytes = [&unknown[..], &MSS, &unknown, &TIMESTAMPS].concat();
            let mut parsed = Options::parse(&bytes);
            assert_eq!(parsed.fast_open.take().is_some(), kind == 34 && [2, 6].contains(&len), "kind {kind}");
            assert_eq!(parsed, Options { timestamps: five().timestamps, ..mss_only() }, "kind {kind}");
        }
    }
}

#[test]
fn must_7_a_length_that_cannot_be_ends_the_list() {
    for kind in 2..=255 {
        for tail in [&[kind, 0][..], &[kind, 1], &[kind], &[kind, 200, 1, 1], &[kind, 6, 1, 1, 1]] {
            let bytes = [&MSS, tail].concat();
            assert_eq!(Options::parse(&bytes), mss_only(), "{bytes:?}");
        }
        for len in [0, 1, 41, 255] {
            let bytes = [&MSS, &[kind, len][..], &TIMESTAMPS].concat();
            assert_eq!(Options::parse(&bytes), mss_only(), "{bytes:?}");
        }
    }
}

#[test]
fn must_7_an_option_of_a_length_not_its_own_is_skipped() {
    let cases: [(&str, &[u8]); 12] = [
        ("MSS of 2", &[2, 2]),
        ("MSS of 3", &[2, 3, 1]),
        ("MSS of 5", &[2, 5, 1, 1, 1]),
        ("window scale of 2", &[3, 2]),
        ("window scale of 4", &[3, 4, 1, 1]),
        ("SACK permitted of 3", &[4, 3, 1]),
        ("SACK of 9", &[5, 9, 0, 0, 0, 0, 0, 0, 0]),
        ("SACK of 6", &[5, 6, 0, 0, 0, 0]),
        ("timestamps of 6", &[8, 6, 0, 0, 0, 0]),
        ("timestamps of 11", &[8, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
        ("cookie of 2", &[34, 4, 1, 2]),
        ("cookie of 5", &[34, 7, 1, 2, 3, 4, 5]),
    ];
    for (name, option) in cases {
        let bytes = [&MSS, option, &TIMESTAMPS].concat();
        let expected = Options { timestamps: five().timestamps, ..mss_only() };
        assert_eq!(Options::parse(&bytes), expected, "{name}");
    }
    let long_cookie = [&[34, 20][..], &[7; 18], &MSS].concat();
    assert_eq!(Options::parse(&long_cookie), mss_only());
}

#[test]
fn must_64_options_begin_at_any_alignment() {
    let all: [&[u8]; 5] = [&MSS, &WINDOW_SCALE, &SACK_PERMITTED, &TIMESTAMPS, &SACK];
    for shift in 0..4 {
        for first in 0..all.len() {
            let mut bytes = vec![1; shift];
            (0..all.len()).for_each(|i| bytes.extend_from_slice(all[(first + i) % all.len()]));
            assert_eq!(Options::parse(&bytes), five(), "{bytes:?}");
        }
    }
}

#[test]
fn must_68_every_emitted_option_but_end_and_nop_has_its_length() {
    let bytes = emitted(&Options { fast_open: Some(cookie(8, false)), ..five() });
    let mut found = vec![];
    let mut at = 0;
    while at < bytes.len() && bytes[at] != 0 {
        if bytes[at] == 1 {
            at += 1;
            continue;
        }
        found.push((bytes[at], bytes[at + 1]));
        at += usize::from(bytes[at + 1]);
    }
    assert_eq!(found, [(2, 4), (4, 2), (8, 10), (3, 3), (5, 10)], "and the cookie has no room");
    let request = Options { fast_open: Some(FastOpen::default()), ..Options::default() };
    assert_eq!(emitted(&request), [34, 2, 1, 1]);
}

#[test]
fn must_69_nothing_but_zeros_pads() {
    for (len, is_experimental) in
        [0, 4, 6, 8, 10, 12, 14, 16].into_iter().zip([false, true].into_iter().cycle())
    {
        let options = Options { fast_open: Some(cookie(len, is_experimental)), ..mss_only() };
        let bytes = emitted(&options);
        assert!(bytes.len().is_multiple_of(4));
        let end = 4 + options.fast_open.unwrap().len();
        assert!(bytes.len() - end < 4, "no more than needed");
        assert!(bytes[end..].iter().all(|&byte| byte == 1), "all of it are options: {bytes:?}");
    }
}

fn cookie(len: usize, is_experimental: bool) -> FastOpen {
    FastOpen { cookie: ArrayVec::try_from(&[9; 16][..len]).unwrap(), is_experimental }
}

#[test]
fn layouts_of_linux() {
    let timestamps = five().timestamps;
    let cases: [(&str, Options, &[u8]); 4] = [
        (
            "ACK with timestamps",
            Options { timestamps, ..Options::default() },
            &[1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        ),
        (
            "SYN without timestamps",
            Options { mss: Some(1460), window_scale: Some(7), sack_permitted: true, ..Options::default() },
            &[2, 4, 5, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7],
        ),
        (
            "SYN without SACK",
            Options { mss: Some(1460), timestamps, ..Options::default() },
            &[2, 4, 5, 0xb4, 1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2],
        ),
        (
            "ACK with a SACK block",
            Options { sack: blocks(1), ..Options::default() },
            &[1, 1, 5, 10, 0, 0, 0, 10, 0, 0, 0, 20],
        ),
    ];
    for (name, options, expected) in cases {
        assert_eq!(emitted(&options), expected, "{name}");
        assert_eq!(Options::parse(expected), options, "{name}");
    }
    assert!(Options::default().is_empty());
}

#[test]
fn sack_blocks_fill_what_is_left() {
    let with = |timestamps, mss, sack_permitted| Options {
        timestamps,
        mss,
        sack_permitted,
        sack: blocks(4),
        ..Options::default()
    };
    let timestamps = Some(Timestamps::default());
    // RFC 2018, section 3: four alone, three beside timestamps.
    for (options, expected) in [
        (with(None, None, false), 4),
        (with(timestamps, None, false), 3),
        (with(timestamps, Some(1460), false), 2),
        (with(None, Some(1460), true), 3),
    ] {
        let bytes = emitted(&options);
        assert!(bytes.len() <= MAX_OPTIONS_LEN);
        assert_eq!(Options::parse(&bytes).sack[..], blocks(4)[..expected]);
    }
}

#[test]
fn fast_open_in_its_experimental_option() {
    let cookie = [1, 2, 3, 4, 5, 6, 7, 8];
    let parsed = Options::parse(&[&[254, 12, 0xf9, 0x89][..], &cookie, &MSS].concat());
    let fast_open = FastOpen { cookie: cookie.into_iter().collect(), is_experimental: true };
    assert_eq!(parsed.fast_open, Some(fast_open.clone()));
    let option = emitted(&Options { fast_open: Some(fast_open), ..Options::default() });
    assert_eq!(option, [&[254, 12, 0xf9, 0x89][..], &cookie].concat());
    assert_eq!(parsed.mss, Some(1460));
    let other = Options::parse(&[254, 8, 0xf9, 0x88, 1, 2, 3, 4]);
    assert_eq!(other.fast_open, None);
}

#[test]
fn of_a_repeated_option_the_last_counts() {
    assert_eq!(Options::parse(&[2, 4, 0, 1, 2, 4, 0, 2]).mss, Some(2));
    assert_eq!(Options::parse(&[&SACK[..], &SACK].concat()).sack, blocks(1));
}

prop_compose! {
    /// Any options, also more than there is room for.
    pub(in crate::tcp) fn any_options()(
        mss: Option<u16>, window_scale: Option<u8>, sack_permitted: bool,
        timestamps in proptest::option::of(any::<[u32; 2]>()),
        sack in proptest::collection::vec(any::<[u32; 2]>(), 0..=4),
        fast_open in proptest::option::of((any::<[u8; 16]>(), prop_oneof![Just(0), Just(4), Just(6), Just(8), Just(16)], any::<bool>())),
    ) -> Options {
        Options {
            mss, window_scale, sack_permitted,
            timestamps: timestamps.map(|[value, echo]| Timestamps { value, echo }),
            sack: sack.into_iter().map(|[left, right]| SackBlock { left: SeqNum(left), right: SeqNum(right) }).collect(),
            fast_open: fast_open.map(|(bytes, len, is_experimental): (_, usize, _)| FastOpen {
                cookie: bytes[..len].iter().copied().collect(), is_experimental,
            }),
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_parse_panic_or_say_what_cannot_be_said(bytes in proptest::collection::vec(0_u8..40, 0..60)) {
        let options = Options::parse(&bytes);
        prop_assert!(emitted(&options).len() <= MAX_OPTIONS_LEN);
    }
}
