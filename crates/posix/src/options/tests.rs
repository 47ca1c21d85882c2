use super::*;

fn int(value: c_int) -> Vec<u8> {
    value.to_ne_bytes().to_vec()
}

#[test]
fn too_short_a_value_is_invalid() {
    for length in 0..4 {
        assert_eq!(decode(OptionName::NoDelay, &int(1)[..length]), Err(Errno::INVAL), "{length}");
    }
    assert_eq!(decode(OptionName::NoDelay, &[1, 0, 0, 0, 9]), Ok(SocketOption::NoDelay(true)));
    let linger = [int(1), int(7)].concat();
    assert_eq!(decode(OptionName::Linger, &linger[..7]), Err(Errno::INVAL));
    assert_eq!(decode(OptionName::Linger, &linger), Ok(SocketOption::Linger(Some(7))));
    assert_eq!(decode_time(&[0; 15]), Err(Errno::INVAL));
}

#[test]
fn bounds_are_linux_s() {
    let bounds = [
        (OptionName::KeepIdle, 1, 32_767),
        (OptionName::KeepInterval, 1, 32_767),
        (OptionName::KeepCount, 1, 127),
        (OptionName::MaxSegment, 88, 32_767),
    ];
    for (name, least, most) in bounds {
        assert!(decode(name, &int(least)).is_ok() && decode(name, &int(most)).is_ok(), "{name:?}");
        assert_eq!(
            decode(name, &int(least - 1)).is_ok(),
            name == OptionName::MaxSegment && least == 1,
            "{name:?}"
        );
        assert_eq!(decode(name, &int(most + 1)), Err(Errno::INVAL), "{name:?}");
        assert_eq!(decode(name, &int(-1)), Err(Errno::INVAL), "{name:?}");
    }
    assert_eq!(decode(OptionName::MaxSegment, &int(0)), Ok(SocketOption::MaxSegment(0)));
    assert_eq!(decode(OptionName::UserTimeout, &int(-1)), Err(Errno::INVAL));
}

#[test]
fn values_read_back_as_they_were_set() {
    for (name, bytes) in [
        (OptionName::SendBuffer, int(10_860)),
        (OptionName::KeepAlive, int(1)),
        (OptionName::KeepCount, int(4)),
        (OptionName::Linger, [int(1), int(7)].concat()),
        (OptionName::Linger, [int(0), int(0)].concat()),
    ] {
        assert_eq!(encode(decode(name, &bytes).expect("valid")), bytes, "{name:?}");
    }
}

#[test]
fn timeouts_are_timevals() {
    let time = |seconds: i64, micros: i64| [seconds.to_ne_bytes(), micros.to_ne_bytes()].concat();
    assert_eq!(decode_time(&time(2, 500_000)), Ok(Duration::from_millis(2500)));
    assert_eq!(encode_time(Duration::from_millis(2500)), time(2, 500_000));
    assert_eq!(decode_time(&time(0, 1_000_000)), Err(Errno::DOM));
    assert_eq!(decode_time(&time(0, -1)), Err(Errno::DOM));
    assert_eq!(decode_time(&time(0, 0)), Ok(Duration::ZERO));
    assert!(decode_time(&time(-1, 0)).is_ok_and(|time| time > Duration::ZERO), "not for ever");
}

#[test]
fn unknown_options_are_nobody_s() {
    for (level, name) in [(libc::IPPROTO_TCP, libc::TCP_INFO), (libc::SOL_SOCKET, libc::SO_MARK), (99, 1)] {
        assert_eq!(kept_by_engine(level, name, Family::V4), None);
    }
    assert_eq!(kept_by_engine(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, Family::V4), None);
    assert_eq!(kept_by_engine(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, Family::V6), Some(OptionName::V6Only));
}
