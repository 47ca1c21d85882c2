use super::Options;
use crate::option::{CongestionName, FastOpenKeys};
use crate::{Error, OptionName, Settings, SocketOption};
use std::time::Duration;

#[test]
fn buffer_sizes_are_cut_doubled_and_floored() {
    let settings = Settings { wmem_max: 10_000, rmem_max: 10_000, ..Settings::default() };
    let mut options = Options::new(&settings);
    for (asked, send, recv) in
        [(0, 4608, 2304), (1000, 4608, 2304), (5000, 10_000, 10_000), (u32::MAX, 20_000, 20_000)]
    {
        options.set(SocketOption::SendBuffer(asked), &settings).expect("any size will do");
        options.set(SocketOption::ReceiveBuffer(asked), &settings).expect("any size will do");
        assert_eq!(
            options.read(OptionName::SendBuffer, &settings),
            Some(SocketOption::SendBuffer(send)),
            "{asked}"
        );
        assert_eq!(
            options.read(OptionName::ReceiveBuffer, &settings),
            Some(SocketOption::ReceiveBuffer(recv)),
            "{asked}"
        );
    }
}

#[test]
fn exact_sizes_hold_whatever_is_asked_for() {
    let settings =
        Settings { exact_send_buffer: Some(21_720), exact_recv_buffer: Some(500), ..Settings::default() };
    let mut options = Options::new(&settings);
    options.set(SocketOption::SendBuffer(9), &settings).expect("any size will do");
    options.set(SocketOption::ReceiveBuffer(99_999), &settings).expect("any size will do");
    assert_eq!((options.send_buffer, options.recv_buffer), (21_720, 500));
}

#[test]
fn values_out_of_bounds_are_refused() {
    let settings = Settings::default();
    let mut options = Options::new(&settings);
    for wrong in [
        SocketOption::KeepIdle(0),
        SocketOption::KeepIdle(32_768),
        SocketOption::KeepInterval(0),
        SocketOption::KeepInterval(32_768),
        SocketOption::KeepCount(0),
        SocketOption::KeepCount(128),
        SocketOption::MaxSegment(87),
        SocketOption::MaxSegment(32_768),
        SocketOption::SynCount(0),
        SocketOption::SynCount(128),
        SocketOption::RtoMax(999),
        SocketOption::RtoMax(120_001),
        SocketOption::TimeToLive(Some(0)),
        SocketOption::MtuDiscover(6),
        SocketOption::MtuDiscover6(6),
        SocketOption::LocalPortRange((9, 8)),
    ] {
        assert_eq!(options.set(wrong, &settings), Err(Error::InvalidArgument), "{wrong:?}");
    }
    assert_eq!(options.read(OptionName::KeepIdle, &settings), Some(SocketOption::KeepIdle(7200)));
}

#[test]
fn must_25_keep_alive_is_off_until_asked_for() {
    let settings = Settings::default();
    let mut options = Options::new(&settings);
    assert_eq!(options.keep_alive_times(), None);
    options.set(SocketOption::KeepAlive(true), &settings).expect("a switch");
    let times = options.keep_alive_times().expect("it is on");
    // MUST-28 (3.8.4): two hours.
    assert_eq!((times.idle.as_secs(), times.interval.as_secs(), times.count), (7200, 75, 9));
}

#[test]
fn what_is_set_is_read_back() {
    let settings = Settings::default();
    let keys = FastOpenKeys { primary: [1; 16], backup: Some([2; 16]) };
    for option in [
        SocketOption::Cork(true),
        SocketOption::SynCount(7),
        SocketOption::Linger2(9),
        SocketOption::NotSentLowat(4000),
        SocketOption::Congestion(CongestionName::new(b"cubic")),
        SocketOption::FastOpen(5),
        SocketOption::FastOpenKey(Some(keys)),
        SocketOption::RtoMax(5000),
        SocketOption::MaxPacingRate(1 << 40),
        SocketOption::TypeOfService(0x10),
        SocketOption::TimeToLive(Some(9)),
        SocketOption::MtuDiscover(3),
        SocketOption::LocalPortRange((40_000, 40_010)),
        SocketOption::MinTimeToLive(255),
        SocketOption::TrafficClass(0x20),
        SocketOption::HopLimit(Some(3)),
    ] {
        let mut options = Options::new(&settings);
        options.set(option, &settings).unwrap_or_else(|error| panic!("{option:?}: {error}"));
        assert_eq!(options.read(option.name(), &settings), Some(option));
    }
}

#[test]
fn a_name_reads_an_option_of_that_name() {
    let settings = Settings::default();
    let options = Options::new(&settings);
    for &name in OptionName::ALL {
        let read = options.read(name, &settings).expect("a value");
        assert_eq!(read.name(), name);
        assert_ne!(options.clone().set(read, &settings), Err(Error::NoSuchOption), "{name:?}");
    }
}

#[test]
fn what_is_not_set_is_the_host_s() {
    let settings = Settings {
        syn_retries: 3,
        fin_timeout: Duration::from_secs(7),
        rto_max: Duration::from_secs(2),
        hop_limit: 9,
        ..Settings::default()
    };
    let mut options = Options::new(&settings);
    assert_eq!(options.read(OptionName::SynCount, &settings), Some(SocketOption::SynCount(3)));
    assert_eq!(options.read(OptionName::Linger2, &settings), Some(SocketOption::Linger2(7)));
    assert_eq!(options.read(OptionName::RtoMax, &settings), Some(SocketOption::RtoMax(2000)));
    assert_eq!(options.read(OptionName::TimeToLive, &settings), Some(SocketOption::TimeToLive(Some(9))));
    options.set(SocketOption::Linger2(-5), &settings).expect("any number will do");
    assert_eq!(options.read(OptionName::Linger2, &settings), Some(SocketOption::Linger2(-1)));
    options.set(SocketOption::Linger2(1000), &settings).expect("any number will do");
    assert_eq!(options.read(OptionName::Linger2, &settings), Some(SocketOption::Linger2(120)));
}

#[test]
fn the_seconds_of_defer_accept_become_retransmissions() {
    let settings = Settings::default();
    for (asked, shown) in [(0, 0), (1, 1), (2, 3), (3, 3), (4, 7), (10, 15), (100, 127)] {
        let mut options = Options::new(&settings);
        options.set(SocketOption::DeferAccept(asked), &settings).expect("any number will do");
        let read = options.read(OptionName::DeferAccept, &settings);
        assert_eq!(read, Some(SocketOption::DeferAccept(shown)), "{asked}");
        // What is accepted is no listener.
        let accepted = options.of_accepted().read(OptionName::DeferAccept, &settings);
        assert_eq!(accepted, Some(SocketOption::DeferAccept(0)));
    }
}

#[test]
fn the_bits_of_ecn_are_not_the_program_s() {
    let settings = Settings::default();
    let mut options = Options::new(&settings);
    options.set(SocketOption::TypeOfService(0xff), &settings).expect("any will do");
    options.set(SocketOption::TrafficClass(0x13), &settings).expect("any will do");
    assert_eq!((options.ip.type_of_service, options.ip.traffic_class), (0xfc, 0x10));
}
