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
        assert_eq!(encode(decode(name, &bytes).expect("valid"), 64), bytes, "{name:?}");
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
    for (level, number) in
        [(libc::IPPROTO_TCP, libc::TCP_INFO), (libc::SOL_SOCKET, libc::SO_BUSY_POLL), (99, 1)]
    {
        assert_eq!(name(level, number, Family::V4), None);
        assert_eq!(refusal(level, number, &int(1), Privilege::Root), Some(Errno::NOPROTOOPT));
    }
    assert_eq!(name(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, Family::V4), None);
    assert_eq!(name(libc::IPPROTO_IPV6, libc::IPV6_V6ONLY, Family::V6), Some(OptionName::V6Only));
    assert_eq!(name(libc::IPPROTO_IP, libc::IP_TOS, Family::V6), Some(OptionName::TypeOfService));
    assert_eq!(unreadable(99, 1, Family::V4), Errno::OPNOTSUPP);
}

#[test]
fn privileges_are_asked_for_where_linux_does() {
    let refuse = |name, value, privilege| refusal(libc::SOL_SOCKET, name, &int(value), privilege);
    assert_eq!(refuse(libc::SO_PRIORITY, 6, Privilege::None), None);
    assert_eq!(refuse(libc::SO_PRIORITY, 7, Privilege::None), Some(Errno::PERM));
    assert_eq!(refuse(libc::SO_PRIORITY, 7, Privilege::Root), None);
    assert_eq!(refuse(libc::SO_MARK, 1, Privilege::None), Some(Errno::PERM));
    assert_eq!(refuse(libc::SO_MARK, 1, Privilege::Root), None);
    let device = |name: &[u8]| refusal(libc::SOL_SOCKET, libc::SO_BINDTODEVICE, name, Privilege::Root);
    assert_eq!((device(b"eth0\0"), device(b"\0")), (Some(Errno::NODEV), None));
    let short = refusal(libc::IPPROTO_TCP, 99, &[1], Privilege::Root);
    assert_eq!(short, Some(Errno::INVAL), "the length comes before the name");
    assert_eq!(decode(OptionName::WindowClamp, &int(-1)), Ok(SocketOption::WindowClamp(1)));
}

#[test]
fn values_of_other_sizes() {
    assert_eq!(decode(OptionName::TypeOfService, &[0x10]), Ok(SocketOption::TypeOfService(0x10)));
    assert_eq!(decode(OptionName::TypeOfService, &[]), Ok(SocketOption::TypeOfService(0)), "as Linux");
    assert_eq!(decode(OptionName::TimeToLive, &[]), Err(Errno::INVAL));
    assert_eq!(encode(SocketOption::TypeOfService(0x10), 3), [0x10]);
    assert_eq!(decode(OptionName::LocalPortRange, &[0; 5]), Err(Errno::INVAL));
    assert_eq!(decode(OptionName::TrafficClass, &[0x10]), Err(Errno::INVAL));
    assert_eq!(decode(OptionName::TimeToLive, &int(-1)), Ok(SocketOption::TimeToLive(None)));
    assert_eq!(decode(OptionName::TimeToLive, &int(0)), Err(Errno::INVAL));
    assert_eq!(decode(OptionName::HopLimit, &int(0)), Ok(SocketOption::HopLimit(Some(0))));
    assert_eq!(decode(OptionName::HopLimit, &int(256)), Err(Errno::INVAL));
    assert_eq!(decode(OptionName::ZeroCopy, &int(2)), Err(Errno::INVAL));
    for (bytes, rate) in
        [(int(-1), u64::MAX), (int(125_000), 125_000), ((1u64 << 40).to_ne_bytes().to_vec(), 1 << 40)]
    {
        let option = SocketOption::MaxPacingRate(rate);
        assert_eq!(decode(OptionName::MaxPacingRate, &bytes), Ok(option));
        assert_eq!(encode(option, bytes.len()), bytes);
    }
    assert_eq!(encode(SocketOption::MaxPacingRate(1 << 40), 4), int(-1));
    assert_eq!(decode(OptionName::Congestion, &[]), Err(Errno::INVAL));
    let cubic = decode(OptionName::Congestion, b"cubic").expect("a name");
    assert_eq!(encode(cubic, 16), b"cubic\0\0\0\0\0\0\0\0\0\0\0");
    for length in [16, 32] {
        let keys: Vec<u8> = (0..length).collect();
        assert_eq!(encode(decode(OptionName::FastOpenKey, &keys).expect("keys"), 64), keys);
    }
    assert_eq!(decode(OptionName::FastOpenKey, &[0; 17]), Err(Errno::INVAL));
}

#[test]
fn timestamping_takes_what_is_told_and_no_more() {
    use timestamping::{OPT_ID, OPT_STATS, OPT_TSONLY, SOFTWARE, TX_ACK};
    let flags = |flags: u32| decode(OptionName::Timestamping, &int(flags.cast_signed()));
    assert!(flags(TX_ACK | SOFTWARE | OPT_ID).is_ok());
    assert_eq!(flags(1 << 30), Err(Errno::INVAL));
    assert_eq!(flags(OPT_STATS), Err(Errno::INVAL));
    assert!(flags(OPT_STATS | OPT_TSONLY).is_err(), "there are no statistics");
}

#[test]
fn every_option_of_the_stack_has_a_number_and_a_rule() {
    let long = [1u8, 0, 0, 0].repeat(8);
    for &option in OptionName::ALL {
        let levels = [libc::SOL_SOCKET, libc::IPPROTO_TCP, libc::IPPROTO_IP, libc::IPPROTO_IPV6];
        let is_named = |level| (0..128).any(|number| name(level, number, Family::V6) == Some(option));
        assert!(levels.into_iter().any(is_named), "{option:?}");
        if let Ok(value) = decode(option, &long) {
            assert_eq!(value.name(), option);
        }
    }
}
