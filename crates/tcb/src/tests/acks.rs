//! When ACKs are sent.

use sockeye_wire::Flags;

use super::fixture::{Fixture, ack, lines, ms};
use crate::{Config, Event};

/// SHLD-18, MUST-40: an ACK waits for text to ride on or for 40 ms.
#[test]
fn ack_is_delayed() {
    assert!(Config::new(1, 2, super::fixture::ISS).delayed_ack < ms(500), "MUST-40");
    let mut fixture = Fixture::established();
    let seq = fixture.spend_quick_acks();
    fixture.arrives(&ack(seq, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[]));
    assert_eq!(fixture.next_timer(), ms(40));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 1017 win 8984"]));
}

/// SHLD-19, MUST-58: one ACK for every second full-sized segment.
#[test]
fn every_second_full_segment_is_acknowledged() {
    let mut fixture = Fixture::established();
    let seq = fixture.spend_quick_acks();
    fixture.arrives(&ack(seq, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.arrives(&ack(seq + 1000, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 2017 win 7984"]));
    fixture.arrives(&ack(seq + 2000, 1).text(1000));
    fixture.arrives(&ack(seq + 3000, 1).text(500));
    assert_eq!(fixture.sent().len(), 1, "more than a full segment is not acknowledged (as Linux)");
    assert_eq!(fixture.pass(ms(1000)), lines(&[]), "and no timer is left");
}

/// MUST-58, MUST-59: what arrived before the flush is acknowledged by one segment.
#[test]
fn acks_are_aggregated() {
    let mut fixture = Fixture::established();
    for seq in (1..6001).step_by(1000) {
        fixture.arrives(&ack(seq, 1).text(1000));
    }
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 6001 win 4000"]));
}

/// RFC 5681, section 2: an ACK counts as a duplicate only if its window is the same, so the program's reading does not show in it.
#[test]
fn duplicate_acks_keep_their_window() {
    let mut fixture = Fixture::established();
    for seq in (1..4001).step_by(1000) {
        fixture.arrives(&ack(seq, 1).text(1000));
    }
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 4001 win 6000"]));
    for seq in (5001..9001).step_by(1000) {
        fixture.read(1000);
        fixture.arrives(&ack(seq, 1).text(1000));
        assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 4001 win 6000"]));
    }
    fixture.arrives(&ack(4001, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 9001 win 5000"]));
}

/// RFC 5681, 4.2: the segment that closes a gap is acknowledged at once, however small.
#[test]
fn closed_gap_is_acknowledged_at_once() {
    let mut fixture = Fixture::established();
    let seq = fixture.spend_quick_acks();
    fixture.arrives(&ack(seq, 1).text(1000));
    fixture.pass(ms(40));
    fixture.arrives(&ack(seq + 1010, 1).text(10));
    assert_eq!(fixture.sent().len(), 1);
    fixture.arrives(&ack(seq + 1000, 1).text(10));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 1037 win 8964"]));
}

/// Duplicate ACKs that were not sent before the gap closed are not sent any more (MUST-58).
#[test]
fn duplicate_acks_are_forgotten_when_the_gap_closes() {
    let mut fixture = Fixture::established();
    for seq in [2001, 3001, 1001, 1] {
        fixture.arrives(&ack(seq, 1).text(1000));
    }
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 4001 win 6000"]));
}

/// The first segments are acknowledged at once, as Linux does.
#[test]
fn first_segments_are_acknowledged_at_once() {
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(1, 1).text(10));
    assert_eq!(fixture.sent().len(), 1);
}

/// A one-way flow that pauses does not make its sender wait: it may have no room for more text until this is acknowledged.
#[test]
fn push_is_acknowledged_at_once() {
    let mut fixture = Fixture::established();
    let seq = fixture.spend_quick_acks();
    fixture.arrives(&ack(seq, 1).text(1000).flag(Flags::PSH));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 1017 win 8984"]));
}

/// A program that answers lets the ACK ride on its answer.
#[test]
fn ack_rides_on_the_answer() {
    let mut fixture = Fixture::established();
    let ask = |at: u32| ack(at, at).text(10).flag(Flags::PSH);
    let mut at = 1;
    // It is not known yet for one that answers.
    fixture.arrives(&ask(at));
    assert_eq!(fixture.sent().len(), 1);
    fixture.write(10);
    assert_eq!(fixture.sent().len(), 1);
    at += 10;
    fixture.arrives(&ask(at));
    assert_eq!(fixture.sent(), lines(&[]), "it will answer again");
    fixture.write(10);
    assert_eq!(fixture.sent(), lines(&["P. 11:21(10) ack 21 win 9980"]));
    assert_eq!(fixture.events(), [Event::Readable, Event::Writable]);
    // If it does not, the delay ends it.
    fixture.arrives(&ask(21));
    assert_eq!(fixture.sent(), lines(&[]));
    assert_eq!(fixture.pass(ms(40)).len(), 1);
    fixture.arrives(&ask(31));
    assert_eq!(fixture.sent().len(), 1);
}
