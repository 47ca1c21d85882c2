//! Where bursts end: PSH, which a receiver that gathers segments waits for.

use sockeye_wire::{Flags, Options, SackBlock, SackBlocks};
use std::vec::Vec;

use super::fixture::{Build, Fixture, ISS, ack, config, lines, syn};
use crate::Config;

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
