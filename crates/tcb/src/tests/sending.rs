//! What is sent when: segmentation, Nagle, silly windows, PSH, MSS, cwnd.

use std::vec::Vec;

use super::fixture::{Fixture, ack, byte_at, config, lines, ms, syn};
use crate::{Config, State};

/// SHLD-28: full segments; MUST-61: PSH with the last byte queued, and only there (SHLD-27).
#[test]
fn text_is_cut_into_full_segments() {
    let mut fixture = Fixture::established();
    fixture.write(2500);
    let transmits = fixture.transmits();
    let sent: Vec<_> = transmits.iter().map(super::fixture::show).collect();
    assert_eq!(
        sent,
        lines(&[
            ". 1:1001(1000) ack 1 win 10000",
            ". 1001:2001(1000) ack 1 win 10000",
            "P. 2001:2501(500) ack 1 win 10000",
        ])
    );
    let bytes: Vec<u8> = transmits.iter().flat_map(|transmit| fixture.text(transmit)).collect();
    assert_eq!(bytes, (0..2500).map(byte_at).collect::<Vec<u8>>());
}

/// SHLD-7, as Minshall has it: a small segment waits for the ACK of another small one, not for that of a full one.
#[test]
fn nagle_holds_the_second_small_segment() {
    let mut fixture = Fixture::established();
    fixture.write(10);
    assert_eq!(fixture.sent(), lines(&["P. 1:11(10) ack 1 win 10000"]));
    fixture.write(10);
    fixture.write(10);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.arrives(&ack(1, 11));
    assert_eq!(fixture.sent(), lines(&["P. 11:31(20) ack 1 win 10000"]));
    // It fills up to a full segment.
    fixture.write(999);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.write(1);
    assert_eq!(fixture.sent(), lines(&["P. 31:1031(1000) ack 1 win 10000"]));
}

/// MUST-17: TCP_NODELAY, also for what waits already; CLOSE ends the wait as well.
#[test]
fn nagle_can_be_disabled() {
    let mut fixture = Fixture::established();
    fixture.write(10);
    fixture.sent();
    fixture.write(10);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.tcb.set_nagle(fixture.now, false);
    assert_eq!(fixture.sent(), lines(&["P. 11:21(10) ack 1 win 10000"]));
    fixture.write(1);
    assert_eq!(fixture.sent(), lines(&["P. 21:22(1) ack 1 win 10000"]));
    fixture.tcb.set_nagle(fixture.now, true);
    fixture.write(1);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.sent(), lines(&["FP. 22:23(1) ack 1 win 10000"]));
}

/// MUST-38: a window open by less than a segment and less than half its largest is not filled until the override time-out.
#[test]
fn silly_window_is_not_filled_at_once() {
    let mut fixture = Fixture::established();
    fixture.write(5000);
    assert_eq!(fixture.sent().len(), 5);
    fixture.write(5000);
    assert_eq!(fixture.sent().len(), 5);
    fixture.arrives(&ack(1, 10_001).window(300));
    fixture.write(5000);
    assert_eq!(fixture.sent(), lines(&[]));
    assert_eq!(fixture.next_timer(), ms(200), "3.8.6.2.1: 0.1 to 1.0 seconds");
    assert_eq!(fixture.sent(), lines(&[". 10001:10301(300) ack 1 win 10000"]));
    // A full segment, and not one byte more.
    fixture.arrives(&ack(1, 10_301).window(1300));
    assert_eq!(fixture.sent(), lines(&[". 10301:11301(1000) ack 1 win 10000"]));
}

/// MUST-38: half the largest window is not silly, however small that is.
#[test]
fn half_of_a_small_window_is_filled() {
    let mut fixture = Fixture::with(config(), &syn().window(400), &ack(1, 1).window(400));
    fixture.write(1000);
    assert_eq!(fixture.sent(), lines(&[". 1:401(400) ack 1 win 10000"]));
    fixture.arrives(&ack(1, 401).window(199));
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.arrives(&ack(1, 401).window(200));
    assert_eq!(fixture.sent(), lines(&[". 401:601(200) ack 1 win 10000"]));
}

/// MUST-15, MUST-16: the peer's MSS or the default, our own link's limit, and what options take.
#[test]
fn effective_mss() {
    let plain = || ack(1, 1);
    let stamped = || ack(1, 1).stamps(2, 1);
    let no_mss = || syn().options(sockeye_wire::Options::default());
    for (config, syn, first_ack, mss) in [
        (config(), syn(), plain(), 1000),
        (config(), syn().mss(700), plain(), 700),
        (config(), syn().mss(9000), plain(), 1000),
        (config(), no_mss(), plain(), 536),
        (Config { default_mss: 1220, send_mss_limit: 1440, ..config() }, no_mss(), plain(), 1220),
        (Config { timestamps: true, ..config() }, syn().stamps(1, 0), stamped(), 988),
        (Config { timestamps: true, ..config() }, syn(), plain(), 1000),
        (config(), syn().mss(0), plain(), 48),
    ] {
        let mut fixture = Fixture::with(config, &syn, &first_ack);
        fixture.write(5000);
        assert_eq!(fixture.transmits()[0].text_len, mss, "{syn:?}");
    }
}

/// MUST-65: the MSS option is in no segment without a SYN.
#[test]
fn mss_option_is_only_in_syns() {
    let mut fixture = Fixture::established();
    fixture.write(10);
    fixture.arrives(&ack(1, 1).text(1000));
    assert!(fixture.transmits().iter().all(|sent| sent.header.options.mss.is_none()));
}

/// RFC 5681, RFC 6928: ten segments at first, in slow start as many more as are acknowledged (MUST-19, RFC 3465).
#[test]
fn cwnd_limits_what_is_sent() {
    let mut fixture = Fixture::with(config(), &syn(), &ack(1, 1).window(60_000));
    fixture.write(60_000);
    assert_eq!(fixture.sent().len(), 10);
    fixture.arrives(&ack(1, 1001).window(60_000));
    assert_eq!(fixture.sent().len(), 2);
    fixture.arrives(&ack(1, 3001).window(60_000));
    assert_eq!(fixture.sent().len(), 4, "bytes count, not ACKs");
}

/// RFC 5681, 4.1: after an RTO of silence, cwnd is no more than the initial window.
#[test]
fn cwnd_restarts_after_idle() {
    let mut fixture = Fixture::with(config(), &syn(), &ack(1, 1).window(60_000));
    fixture.write(50_000);
    for acked in (1001..=50_001).step_by(1000) {
        fixture.sent();
        fixture.arrives(&ack(1, acked).window(60_000));
    }
    assert!(fixture.tcb.status().cwnd > 20_000);
    fixture.now += ms(10_000);
    fixture.write(60_000);
    assert_eq!(fixture.sent().len(), 10);
}

/// A segment is at most half of the largest window, or the peer's delayed ACK would stop the flow.
#[test]
fn segments_fit_twice_in_the_window() {
    let mut fixture = Fixture::with(config(), &syn().window(1200), &ack(1, 1).window(1200));
    fixture.write(5000);
    let sent: Vec<usize> = fixture.transmits().iter().map(|sent| sent.text_len).collect();
    assert_eq!(sent, [600, 600]);
}

/// The sender does not look at a window that shrank as room: SHLD-15 nothing new, SHLD-16 old text again within it, MUST-34 and
/// SHLD-17 no give-up.
#[test]
fn window_shrinks() {
    let mut fixture = Fixture::established();
    fixture.write(10_000);
    assert_eq!(fixture.sent().len(), 10);
    fixture.write(5000);
    fixture.sent();
    fixture.arrives(&ack(1, 1001).window(1500));
    assert_eq!(fixture.sent(), lines(&[]), "SHLD-15");
    // The time-out sends again what the window takes, and no more.
    fixture.next_timer();
    assert_eq!(fixture.sent(), lines(&[". 1001:2001(1000) ack 1 win 10000"]), "SHLD-16");
    fixture.arrives(&ack(1, 2001).window(500));
    assert_eq!(fixture.sent(), lines(&[". 2001:2501(500) ack 1 win 10000"]));
    // It shuts over what was sent: probes, for ever as long as they are answered.
    fixture.arrives(&ack(1, 2001).window(0));
    for _ in 0..50 {
        fixture.next_timer();
        assert_eq!(fixture.sent(), lines(&[". 2000:2000(0) ack 1 win 10000"]), "MUST-34");
        fixture.arrives(&ack(1, 2001).window(0));
    }
    assert_eq!(fixture.tcb.state(), State::Established);
    fixture.arrives(&ack(1, 2001).window(20_000));
    assert_eq!(fixture.sent()[0], ". 2001:3001(1000) ack 1 win 10000");
}

/// What a window had shrunk over is sent again as soon as it opens: no timer is needed, for the peer said that it had no room.
#[test]
fn window_opens_over_what_it_had_shrunk_over() {
    let mut fixture = Fixture::established();
    fixture.write(3000);
    assert_eq!(fixture.sent().len(), 3);
    fixture.arrives(&ack(1, 1001).window(0));
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.arrives(&ack(1, 1001).window(1500));
    assert_eq!(
        fixture.sent(),
        lines(&[". 1001:2001(1000) ack 1 win 10000", ". 2001:2501(500) ack 1 win 10000"])
    );
}

/// An old segment does not update the window (SND.WL1, SND.WL2).
#[test]
fn old_segments_do_not_update_the_window() {
    let mut fixture = Fixture::established();
    fixture.write(2000);
    fixture.sent();
    fixture.arrives(&ack(1, 2001).window(5000));
    fixture.arrives(&ack(1, 1001).window(7));
    assert_eq!(fixture.tcb.snd.wnd, 5000);
    fixture.arrives(&ack(1, 2001).window(7));
    assert_eq!(fixture.tcb.snd.wnd, 7);
    // The later segment overtakes the earlier one.
    fixture.arrives(&ack(11, 2001).text(10).window(6000));
    fixture.arrives(&ack(1, 2001).text(10).window(8));
    assert_eq!(fixture.tcb.snd.wnd, 6000);
}

/// MUST-1, REC-1: windows are unsigned, and scaled ones have 30 bits.
#[test]
fn windows_are_scaled() {
    let options = sockeye_wire::Options { window_scale: Some(14), mss: Some(1000), ..Default::default() };
    let config = Config { window_scaling: true, recv_buffer: 1_000_000, ..config() };
    let mut fixture =
        Fixture::with(config, &syn().options(options).window(65_535), &ack(1, 1).window(65_535));
    assert_eq!(fixture.tcb.snd.wnd, 65_535 << 14);
    // 1,000,000 >> 4 fits the field.
    assert_eq!(u32::from(fixture.widen(&mut 1)) << 4, 1_000_000);
}
