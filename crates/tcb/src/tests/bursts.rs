//! Where bursts end: PSH, which a receiver that gathers segments waits for.

use core::time::Duration;
use sockeye_wire::{Flags, Options, SackBlock, SackBlocks};
use std::vec::Vec;

use super::fixture::{Build, Fixture, ISS, ack, config, lines, ms, syn};
use crate::{Config, Mark, RecoveryConfig};

fn established(window: u16) -> Fixture {
    let config = Config { push_bursts: true, sack: true, ..config() };
    let options = Options { mss: Some(1000), sack_permitted: true, ..Options::default() };
    Fixture::with(config, &syn().options(options), &ack(1, 1).window(window))
}

fn sacking(left: u32, right: u32) -> Build {
    let mut sack = SackBlocks::default();
    sack.push(SackBlock { left: ISS + left, right: ISS + right });
    ack(1, 1).window(60_000).options(Options { sack, ..Options::default() })
}

/// Ends of the segments with PSH.
fn pushes(fixture: &mut Fixture) -> Vec<u32> {
    let transmits = fixture.transmits();
    let pushed = transmits.iter().filter(|sent| sent.header.flags.contains(Flags::PSH));
    pushed.map(|sent| sent.header.seq.since(ISS) + sent.text_len as u32).collect()
}

/// Half of cwnd is the longest burst.
#[test]
fn a_burst_ends_with_a_push() {
    let mut fixture = established(60_000);
    fixture.write(30_000);
    assert_eq!(pushes(&mut fixture), [5001, 10_001]);
}

/// What is sent again ends where the peer has the rest, or where cwnd ends; a segment alone is no burst.
#[test]
fn what_is_sent_again_ends_before_what_arrived() {
    let mut fixture = established(60_000);
    fixture.write(10_000);
    fixture.transmits();
    fixture.arrives(&sacking(2001, 9001));
    assert_eq!(
        fixture.sent(),
        lines(&[". 1:1001(1000) ack 1 win 10000", "P. 1001:2001(1000) ack 1 win 10000"])
    );
    let mut fixture = established(60_000);
    fixture.write(10_000);
    fixture.transmits();
    fixture.arrives(&sacking(1001, 9001));
    assert_eq!(fixture.sent()[..1], lines(&[". 1:1001(1000) ack 1 win 10000"]));
}

/// As Linux: a buffer is filled up while its head leaves, and PSH, overdue after half of the largest window, comes with its end.
#[test]
fn an_overdue_push_waits_for_the_end_of_the_buffer() {
    let mut fixture = established(12_000);
    fixture.tcb.congestion.set_cwnd(3000);
    fixture.write(40_000);
    let mut ends = pushes(&mut fixture);
    for acked in 1..30 {
        fixture.arrives(&ack(1, acked * 1000 + 1).window(12_000));
        fixture.tcb.congestion.set_cwnd(3000);
        ends.extend(pushes(&mut fixture));
    }
    // 1:3001 leaves at once. 6000 bytes fill a buffer, so 3001:9001 was filled while that left, and half of the window was passed at
    // 7001. The next buffers are filled at 15,001, 21,001 and 27,001, of which only the second is less than half a window further.
    assert_eq!(ends, [9001, 15_001, 27_001]);
}

/// Bursts of ten on a path of 20 ms: cwnd is 20, 20 segments are out since `age`, and `more` wait.
fn streaming(age: Duration, more: usize) -> Fixture {
    let recovery = RecoveryConfig { min_rtt_window: ms(1), ..RecoveryConfig::new() };
    let config = Config { push_bursts: true, min_burst: 10, recovery, ..config() };
    let mut fixture = Fixture::with(config, &syn(), &ack(1, 1).window(60_000));
    for count in 1..=50 {
        fixture.write(1000);
        fixture.transmits();
        fixture.pass(ms(20));
        fixture.arrives(&ack(1, count * 1000 + 1).window(60_000));
    }
    fixture.write(20_000 + more * 1000);
    fixture.tcb.congestion.set_cwnd(20_000);
    assert_eq!(fixture.transmits().len(), 20, "nothing is outstanding: no ACK will come to wait for");
    fixture.pass(age);
    fixture
}

fn acking(segments: u32) -> Build {
    ack(1, 50_001 + segments * 1000).window(60_000)
}

/// As Linux: a rest of cwnd that is no burst waits for the ACK that is about to come. It counts as used: cwnd grows.
#[test]
fn a_short_burst_waits_for_an_ack_that_is_near() {
    let mut fixture = streaming(ms(20), 20);
    fixture.arrives(&acking(7));
    assert_eq!(fixture.tcb.status().cwnd, 27_000);
    assert_eq!(fixture.transmits().len(), 10, "of the 14 that cwnd allows");
    assert_eq!(pushes(&mut fixture), [0; 0]);
    fixture.arrives(&acking(8));
    assert_eq!(fixture.tcb.status().cwnd, 28_000);
    assert_eq!(pushes(&mut fixture), [0; 0]);
    fixture.arrives(&acking(12));
    assert_eq!(fixture.tcb.status().cwnd, 32_000);
    assert_eq!(pushes(&mut fixture), [90_001], "all that is left");
}

/// An ACK that is half a round trip away, or more than a millisecond, is not waited for; nor does a sender wait that was idle.
#[test]
fn no_burst_waits_for_a_late_ack() {
    let mut fixture = streaming(ms(10), 20);
    fixture.arrives(&acking(7));
    assert_eq!(fixture.transmits().len(), 14);
    let mut fixture = streaming(ms(20), 20);
    fixture.arrives(&acking(2));
    assert_eq!(fixture.transmits().len(), 4, "the last text left 20 ms ago");
}

/// The peer's window is no other reason than cwnd, and the time counts as limited by it.
#[test]
fn a_short_burst_waits_for_the_window() {
    let mut fixture = streaming(ms(20), 20);
    fixture.arrives(&acking(7).window(26_000));
    assert_eq!(fixture.transmits().len(), 10, "of the 13 that the window allows");
    fixture.pass(ms(5));
    assert_eq!(fixture.tcb.info(fixture.now).rwnd_limited, ms(5));
}

/// What could leave at once waits for more text, unless a FIN says that there will be none.
#[test]
fn a_short_burst_waits_for_text() {
    let mut fixture = streaming(ms(20), 13);
    fixture.arrives(&acking(7));
    assert_eq!(fixture.transmits().len(), 10);
    fixture.arrives(&acking(8));
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.transmits().len(), 3);
}

/// Nor does it at the end of a record (MSG_EOR), which text that follows does not go with.
#[test]
fn the_end_of_a_record_waits_for_no_text() {
    let mut fixture = streaming(ms(20), 13);
    fixture.tcb.mark(Mark::EndOfRecord, 83_000);
    fixture.arrives(&acking(7));
    assert_eq!(fixture.transmits().len(), 13);
}
