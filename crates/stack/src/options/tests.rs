use super::Options;
use crate::{Error, OptionName, Settings, SocketOption};

#[test]
fn buffer_sizes_are_cut_doubled_and_floored() {
    let settings = Settings { wmem_max: 10_000, rmem_max: 10_000, ..Settings::default() };
    let mut options = Options::new(&settings);
    for (asked, send, recv) in
        [(0, 4608, 2304), (1000, 4608, 2304), (5000, 10_000, 10_000), (u32::MAX, 20_000, 20_000)]
    {
        options.set(SocketOption::SendBuffer(asked), &settings).expect("any size will do");
        options.set(SocketOption::ReceiveBuffer(asked), &settings).expect("any size will do");
        assert_eq!(options.read(OptionName::SendBuffer), SocketOption::SendBuffer(send), "{asked}");
        assert_eq!(options.read(OptionName::ReceiveBuffer), SocketOption::ReceiveBuffer(recv), "{asked}");
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
    ] {
        assert_eq!(options.set(wrong, &settings), Err(Error::InvalidArgument), "{wrong:?}");
    }
    assert_eq!(options.read(OptionName::KeepIdle), SocketOption::KeepIdle(7200));
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
