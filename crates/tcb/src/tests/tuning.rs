//! How windows grow, and how long ACKs wait.

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::{Flags, Options};

use super::fixture::{Fixture, ack, config, lines, ms, syn};
use crate::delayed_ack::{AckPolicy, Arrival, Push};
use crate::{Config, Event, SendAccounting};

fn tuned(config: Config) -> Fixture {
    let options = Options { mss: Some(1000), window_scale: Some(7), ..Options::default() };
    let config = Config { window_scaling: true, recv_buffer: 131_072, recv_buffer_max: 1 << 20, ..config };
    Fixture::with(config, &syn().options(options), &ack(1, 1))
}

/// A window's worth comes each 100 ms, and all of it is read.
fn round_trips(fixture: &mut Fixture, seq: &mut u32, count: usize) {
    for _ in 0..count {
        fixture.now += ms(100);
        let end = *seq + fixture.tcb.rcv.wnd();
        while *seq + 1000 <= end {
            fixture.arrives(&ack(*seq, 1).text(1000));
            *seq += 1000;
            fixture.read(1000);
            fixture.transmits();
        }
    }
}

/// Dynamic right-sizing: RecvQ grows to what a program that reads all can take in, up to its bound, and the scale was chosen for that.
#[test]
fn recvq_grows_with_what_is_read() {
    let mut fixture = tuned(config());
    assert_eq!(fixture.tcb.rcv.shift, 5, "2^20 >> 5 fits the field");
    let mut seq = 1;
    round_trips(&mut fixture, &mut seq, 30);
    assert_eq!(fixture.tcb.recv_limit(), 1 << 20);
    let info = fixture.tcb.info(fixture.now);
    assert!(info.rcv_rtt.is_some() && info.rcv_space > 10_000 && info.rcv_wnd_limit > 1_000_000, "{info:?}");
    assert!(fixture.tcb.rcv.wnd() > 1_000_000, "{}", fixture.tcb.rcv.wnd());
}

/// A program that does not read has no use for a larger one; one that was told its size keeps it; so does a host that does not tune.
#[test]
fn recvq_does_not_grow_without_need() {
    let mut fixture = tuned(config());
    for seq in (1..100_000).step_by(1000) {
        fixture.now += ms(10);
        fixture.arrives(&ack(seq, 1).text(1000));
        fixture.transmits();
    }
    assert_eq!(fixture.tcb.recv_limit(), 131_072);
    let mut fixed = tuned(config());
    fixed.tcb.fix_receive_buffer();
    for mut fixture in [fixed, tuned(Config { recv_tuning: false, ..config() })] {
        round_trips(&mut fixture, &mut 1, 30);
        assert_eq!(fixture.tcb.recv_limit(), 131_072);
    }
}

/// SendQ keeps up with the congestion window, as far as its ring has room and its bound allows; not when the program chose its size.
#[test]
fn sendq_grows_with_the_congestion_window() {
    for (most, is_fixed, expected) in
        [(1 << 20, false, 100_000), (70_000, false, 70_000), (1 << 20, true, 16_384)]
    {
        // The slot has room for 128 KiB.
        let config = Config { send_buffer: 16_384, send_buffer_max: most, ..config() };
        let slot = sockeye_buffer::Slot::on_heap(131_072, 1 << 20);
        let mut fixture = Fixture::on(&slot, config, &syn(), &ack(1, 1).window(65_535));
        if is_fixed {
            fixture.tcb.fix_send_buffer(16_384);
        }
        let mut una = 1;
        while una < 200_000 {
            fixture.write(fixture.writer.free().min(1000));
            fixture.write(fixture.writer.free());
            let sent = fixture.transmits().iter().map(|sent| sent.text_len).sum::<usize>() as u32;
            una += sent;
            fixture.now += ms(10);
            fixture.arrives(&ack(1, una).window(65_535));
        }
        let limit = fixture.tcb.send_limit();
        assert!(
            (expected..=131_072.min(most)).contains(&limit) || limit == expected,
            "{limit} of {expected}"
        );
    }
}

/// TCP_WINDOW_CLAMP: no more is offered, whatever there is.
#[test]
fn window_is_clamped() {
    let mut fixture = tuned(Config { window_clamp: Some(20_000), ..config() });
    assert_eq!(fixture.tcb.rcv.wnd(), 20_000);
    let mut seq = 1;
    round_trips(&mut fixture, &mut seq, 5);
    assert_eq!(fixture.tcb.rcv.wnd(), 20_000);
    // Without it the window opens again.
    fixture.tcb.set_window_clamp(None);
    round_trips(&mut fixture, &mut seq, 5);
    assert!(fixture.tcb.rcv.wnd() > 60_000);
}

/// tcp_workaround_signed_windows.
#[test]
fn syn_offers_no_more_than_a_signed_number() {
    let fixture = tuned(Config { syn_window_max: 32_767, ..config() });
    assert_eq!(fixture.tcb.rcv.wnd(), 32_767);
}

/// The delay of an ACK follows the time between segments: it doubles when it was in vain, and is least again when text comes fast.
#[test]
fn delay_follows_the_flow() {
    let mut acks = AckPolicy::new(&config(), 1000, 10_000);
    let arrival = Arrival { len: 10, moved: 10, push: Push::Clear, window: 10_000, rto: ms(1000) };
    let mut now = Instant::from_millis(1000);
    let mut after = |acks: &mut AckPolicy, time: Duration| {
        now += time;
        acks.on_text(now, arrival);
        acks.leave_quick_mode();
        acks.delay(None)
    };
    assert_eq!(after(&mut acks, ms(0)), ms(40));
    acks.on_ack_sent();
    assert_eq!(after(&mut acks, ms(0)), ms(40));
    acks.on_timeout(ms(1000));
    acks.on_ack_sent();
    // It was in vain: 80 ms. Half of that, and the gap.
    assert_eq!(after(&mut acks, ms(60)), ms(100));
    acks.on_timeout(ms(1000));
    acks.on_ack_sent();
    // MUST-40: less than half a second. As Linux no more than 200 ms less one, and no more than a round trip.
    assert_eq!(after(&mut acks, ms(150)), ms(199));
    assert_eq!(acks.delay(Some(ms(100))), ms(100));
    assert_eq!(acks.delay(Some(ms(1))), ms(40));
    for _ in 0..30 {
        after(&mut acks, ms(10));
    }
    assert_eq!(acks.delay(None), ms(40));
}

/// TCP_QUICKACK: 0 waits for an answer; 1 lets go what is owed, and stays; an even number only lets it go.
#[test]
fn quick_ack_is_as_linux_has_it() {
    for (value, stays) in [(1, true), (2, false), (3, true)] {
        let mut fixture = Fixture::established();
        assert!(fixture.tcb.is_quick_ack());
        fixture.tcb.set_quick_ack(0);
        assert!(!fixture.tcb.is_quick_ack());
        fixture.arrives(&ack(1, 1).text(10).flag(Flags::PSH));
        assert_eq!(fixture.sent(), lines(&[]), "it may be answered");
        fixture.tcb.set_quick_ack(value);
        assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 11 win 9990"]));
        assert_eq!(fixture.tcb.is_quick_ack(), stays, "{value}");
        fixture.arrives(&ack(11, 1).text(10));
        assert_eq!(fixture.sent().len(), usize::from(stays), "{value}");
    }
}

/// A peer that sends again what came has lost our ACKs: its next segments are acknowledged at once.
#[test]
fn duplicates_begin_quick_mode() {
    let mut fixture = Fixture::established();
    let seq = fixture.spend_quick_acks();
    fixture.arrives(&ack(seq, 1).text(10));
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.arrives(&ack(1, 1).text(10));
    assert_eq!(fixture.sent().len(), 1);
    fixture.arrives(&ack(seq + 10, 1).text(10));
    assert_eq!(fixture.sent().len(), 1);
}

/// PAWS as Linux has it: a pure ACK that others overtook is taken; a TS.Recent of 0 is none; after 24 days it counts no more; and an
/// unacceptable ACK says nothing that is echoed.
#[test]
fn timestamps_are_believed_with_care() {
    let stamped = || {
        let config = Config { timestamps: true, timestamp_offset: 0xffff_ff00, ..config() };
        Fixture::with(config, &syn().stamps(5000, 0), &ack(1, 1).stamps(5001, 1))
    };
    let echo = |fixture: &mut Fixture| fixture.transmits()[0].header.options.timestamps.expect("stamps").echo;
    let mut fixture = stamped();
    fixture.arrives(&ack(1, 1).stamps(4990, 1));
    assert_eq!((fixture.tcb.discards().total(), fixture.sent().len()), (0, 0), "late by 11 ms");
    fixture.arrives(&ack(1, 1).stamps(5001 - 3000, 1));
    assert_eq!(fixture.tcb.discards().total(), 1, "late by three seconds");
    fixture.transmits();
    fixture.now += Duration::from_secs(1);
    fixture.arrives(&ack(1, 9999).text(10).stamps(9000, 1));
    assert_eq!(echo(&mut fixture), 5001);
    fixture.arrives(&ack(1, 1).text(10).stamps(5002, 1));
    assert_eq!(echo(&mut fixture), 5002);
    // RFC 7323, 5.5.
    fixture.now += Duration::from_hours(24 * 24 + 1);
    fixture.arrives(&ack(11, 1).text(10).stamps(4000, 1));
    assert_eq!(echo(&mut fixture), 4000);

    let config = Config { timestamps: true, ..config() };
    let mut fixture = Fixture::with(config, &syn().stamps(0, 0), &ack(1, 1).stamps(0xffff_0000, 1));
    fixture.arrives(&ack(1, 1).text(10).stamps(0xffff_0000, 1));
    assert_eq!(echo(&mut fixture), 0xffff_0000);
}

/// RFC 7323, 5.4 and 7.1: the clock starts where the stack says; a RST has the option, too (3.2).
#[test]
fn clock_starts_at_an_offset() {
    let config = Config { timestamps: true, timestamp_offset: 0xffff_ff00, ..config() };
    let mut fixture = Fixture::with(config, &syn().stamps(5, 0), &ack(1, 1).stamps(5, 1));
    fixture.arrives(&ack(1, 1).text(10).stamps(6, 1));
    let value =
        |fixture: &mut Fixture| fixture.transmits()[0].header.options.timestamps.expect("stamps").value;
    assert_eq!(value(&mut fixture), 0xffff_ff00_u32.wrapping_add(1001));
    fixture.now += ms(250);
    fixture.tcb.abort(fixture.now);
    assert_eq!(value(&mut fixture), 0xffff_ff00_u32.wrapping_add(1251));
}

/// With packet accounting a write may pass SO_SNDBUF by nearly one packet buffer: of half the peer's window, 32,767 bytes.
#[test]
fn the_last_packet_buffer_is_filled() {
    let config = Config { send_buffer: 131_072, send_accounting: SendAccounting::Packets, ..config() };
    let mut fixture = Fixture::with(config, &syn(), &ack(1, 1).window(65_535));
    fixture.tcb.fix_send_buffer(50_000);
    let goal = fixture.tcb.buffer_goal() as usize;
    let free = fixture.writer.free();
    assert!(free > 50_000 && free < 50_000 + goal, "{free} {goal}");
    assert_eq!(fixture.tcb.send_limit(), 50_000, "SO_SNDBUF tells what was set");
    // Small buffers are mostly overhead.
    fixture.tcb.fix_send_buffer(4608);
    assert!(fixture.writer.free() > 4608);
    assert!(!fixture.tcb.has_send_room(4608), "overhead counts");
    assert!(fixture.tcb.has_send_room(0));
}

/// As Linux: a program that has filled SendQ sleeps until a third of SO_SNDBUF is free; then it fills a buffer more than leaves.
#[test]
fn a_program_that_filled_sendq_waits_for_a_third() {
    let config = Config { send_buffer: 131_072, send_accounting: SendAccounting::Packets, ..config() };
    let mut fixture = Fixture::with(config, &syn(), &ack(1, 1).window(60_000));
    fixture.tcb.fix_send_buffer(20_000);
    assert_eq!(fixture.writer.free(), 40_000, "cwnd, and a buffer of half the window");
    fixture.write(40_000);
    fixture.transmits();
    fixture.arrives(&ack(1, 10_001).window(60_000));
    assert_eq!(fixture.transmits().len(), 20);
    assert_eq!(fixture.writer.free(), 0);
    fixture.pass(ms(10));
    fixture.arrives(&ack(1, 25_001).window(60_000));
    assert_eq!(fixture.transmits().len(), 10, "that is all there is");
    assert_eq!(fixture.writer.free(), 0);
    fixture.events();
    fixture.pass(ms(20));
    assert_eq!(fixture.tcb.info(fixture.now).sndbuf_limited, ms(20));
    fixture.arrives(&ack(1, 30_001).window(60_000));
    fixture.transmits();
    assert_eq!(fixture.events(), [Event::Writable]);
    assert_eq!(fixture.writer.free(), 60_000, "30,000 may leave");
    fixture.pass(ms(20));
    let info = fixture.tcb.info(fixture.now);
    assert_eq!((info.sndbuf_limited, info.rwnd_limited), (ms(20), ms(0)));
}
