use super::{Asked, KeptInfo, Positions};
use crate::TcpInfo;
use sockeye_clock::Instant;
use sockeye_tcb::Limit;
use std::time::Duration;

fn kept(limit: Limit) -> KeptInfo {
    let fields: Vec<u8> = (1..=TcpInfo::SIZE).map(|at| at as u8).collect();
    KeptInfo {
        info: TcpInfo::from_bytes(fields.first_chunk().expect("as many")),
        then: Instant::from_millis(1000),
        positions: Positions { written: 3, acknowledged: 1, received: 7 },
        last: [Some(Instant::from_millis(990)), None, Some(Instant::from_millis(1000))],
        spent: [5_000_700, 3_000_000, 1_000_000],
        limit,
    }
}

#[test]
fn words_tell_all_of_it() {
    for limit in [Limit::Idle, Limit::Busy, Limit::Window, Limit::SendQ] {
        assert_eq!(KeptInfo::from_words(&kept(limit).to_words()), kept(limit));
    }
    let info = kept(Limit::Idle).info;
    assert_eq!(TcpInfo::from_bytes(&info.to_bytes()), info);
    assert_eq!((info.state, info.ca_state, info.accecn_opt_seen), (1, 2, u16::from_ne_bytes([23, 24])));
}

/// Any words at all make numbers: a program that scribbles over them misleads itself.
#[test]
fn any_words_are_some_info() {
    for word in [0, 1, u64::MAX, u64::MAX - 1, 1 << 63] {
        let kept = KeptInfo::from_words(&[word; sockeye_buffer::INFO_WORDS]);
        let _ = kept.at(Instant::from_nanos(word));
        let _ = kept.at(Instant::ZERO);
    }
}

/// Times grow while their state lasts, as the engine would tell them.
#[test]
fn times_are_those_of_the_moment_of_asking() {
    let later = Instant::from_millis(1000) + Duration::from_micros(2300) + Duration::from_nanos(400);
    let spent = |limit| {
        let info = kept(limit).at(later);
        (info.busy_time, info.rwnd_limited, info.sndbuf_limited)
    };
    assert_eq!(spent(Limit::Idle), (5000, 3000, 1000));
    assert_eq!(spent(Limit::Busy), (7301, 3000, 1000));
    assert_eq!(spent(Limit::Window), (7301, 5300, 1000));
    assert_eq!(spent(Limit::SendQ), (7301, 3000, 3300));
    let info = kept(Limit::Idle).at(later);
    assert_eq!((info.last_data_sent, info.last_data_recv, info.last_ack_recv), (12, 0, 2));
    assert_eq!(info.bytes_acked, kept(Limit::Idle).info.bytes_acked);
}

#[test]
fn what_is_seen_must_be_in_it() {
    let at = |written, acknowledged, received| Positions { written, acknowledged, received };
    assert!(at(3, 1, 7).include(at(3, 1, 7)) && at(4, 2, 8).include(at(3, 1, 7)));
    for missing in [at(2, 1, 7), at(3, 0, 7), at(3, 1, 6)] {
        assert!(!missing.include(at(3, 1, 7)), "{missing:?}");
    }
}

#[test]
fn twice_within_a_second_is_often() {
    let mut asked = Asked::default();
    let often = [0, 2000, 2900, 5000, 7000, 7999].map(|millis| asked.is_often(Instant::from_millis(millis)));
    assert_eq!(often, [false, false, true, false, false, true]);
}
