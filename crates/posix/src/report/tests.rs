use super::*;
use sockeye_stack::{Error, Stage};

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[test]
fn zero_copy_is_one_control_message() {
    let (control, flags) = encode(Report::ZeroCopy { first: 3, last: 5 }, Family::V4, |now| now);
    assert_eq!((control.len(), flags), (48, libc::MSG_ERRQUEUE));
    assert_eq!((word(&control, 0), word(&control, 8), word(&control, 12)), (48, 0, 11));
    assert_eq!(
        (word(&control, 16), &control[20..24], word(&control, 24), word(&control, 28)),
        (0, &[5, 0, 1, 0][..], 3, 5)
    );
    let (control, _) = encode(Report::ZeroCopy { first: 3, last: 5 }, Family::V6, |now| now);
    assert_eq!((control.len(), word(&control, 0), word(&control, 8), word(&control, 12)), (64, 60, 41, 25));
}

#[test]
fn a_stamp_has_its_time_first() {
    let report = Report::Stamp { stage: Stage::Acknowledged, nanos: 2_000_000_007, key: 9, has_packet: true };
    let later = |now: Instant| now + std::time::Duration::from_secs(1);
    let (control, flags) = encode(report, Family::V4, later);
    assert_eq!(flags, libc::MSG_ERRQUEUE | libc::MSG_TRUNC);
    assert_eq!((word(&control, 0), word(&control, 8), word(&control, 12)), (64, 1, 37));
    assert_eq!((word(&control, 16), word(&control, 24)), (3, 7));
    assert_eq!((word(&control, 64), word(&control, 80), control[84]), (48, 42, 4));
    assert_eq!((word(&control, 88), word(&control, 92)), (2, 9));
}

#[test]
fn an_icmp_error_tells_type_and_code_and_who_sent_it() {
    let (from, to) = ([10, 0, 0, 1].into(), ([10, 0, 0, 2], 80).into());
    let report = Report::Icmp { error: Error::ConnectionRefused, kind: 3, code: 3, info: 0, from, to };
    let (control, _) = encode(report, Family::V4, |now| now);
    assert_eq!((word(&control, 16), &control[20..24]), (111, &[2, 3, 3, 0][..]));
    let offender = Structure::new((from, 0).into(), Family::V4);
    assert_eq!(&control[32..48], offender.as_bytes());
    let name = name(report, Family::V4).expect("the peer");
    assert_eq!(name.as_bytes(), Structure::new(to, Family::V4).as_bytes());
}
