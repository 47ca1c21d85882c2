//! TCP_CORK, MSG_MORE, MSG_EOR, and PSH.

use std::vec::Vec;

use super::fixture::{Fixture, ack, config, lines, ms, syn};
use crate::{Config, Mark};

fn established(nagle: bool) -> Fixture {
    let config = Config { nagle, ..config() };
    Fixture::with(config, &syn(), &ack(1, 1))
}

/// MSG_MORE holds although TCP_NODELAY is set; what follows without it lets go.
#[test]
fn more_to_come_is_waited_for() {
    let mut fixture = established(false);
    fixture.tcb.mark(Mark::More, 100);
    fixture.write(100);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.tcb.mark(Mark::More, 200);
    fixture.write(100);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.write(50);
    assert_eq!(fixture.sent(), lines(&["P. 1:251(250) ack 1 win 10000"]));
}

/// Who has said it and dies before it publishes the bytes has said nothing.
#[test]
fn what_was_said_of_bytes_that_never_came_is_not_said_of_others() {
    let mut fixture = established(false);
    fixture.write(10);
    assert_eq!(fixture.sent(), lines(&["P. 1:11(10) ack 1 win 10000"]));
    for mark in [Mark::More, Mark::EndOfRecord, Mark::Urgent] {
        fixture.tcb.mark(mark, 50);
    }
    fixture.arrives(&ack(1, 11));
    assert_eq!(fixture.sent(), lines(&[]), "nothing is announced");
    fixture.tcb.unmark();
    assert!(!fixture.tcb.is_urgent());
    fixture.write(100);
    assert_eq!(fixture.sent(), lines(&["P. 11:111(100) ack 1 win 10000"]));
    fixture.tcb.mark(Mark::Urgent, 120);
    fixture.write(10);
    fixture.tcb.unmark();
    assert!(fixture.tcb.is_urgent(), "its byte is there");
    assert_eq!(fixture.sent(), lines(&["P. 111:121(10) ack 1 win 10000"]));
}

/// The wait has an end (3.8.6.2.1: 0.1 to 1.0 seconds), and then PSH says that this is all.
#[test]
fn more_that_does_not_come_is_not_waited_for_for_long() {
    let mut fixture = established(false);
    fixture.tcb.mark(Mark::More, 40);
    fixture.write(40);
    assert_eq!(fixture.sent(), lines(&[]));
    let waited = fixture.next_timer();
    assert!(waited >= ms(200) && waited <= ms(1000), "{waited:?}");
    assert_eq!(fixture.sent(), lines(&["P. 1:41(40) ack 1 win 10000"]));
}

/// An ACK ends the wait, without PSH, for more is still to come. Full segments never wait.
#[test]
fn an_ack_lets_go_of_what_waits_for_more() {
    let mut fixture = established(false);
    fixture.tcb.mark(Mark::More, 2100);
    fixture.write(2100);
    assert_eq!(
        fixture.sent(),
        lines(&[". 1:1001(1000) ack 1 win 10000", ". 1001:2001(1000) ack 1 win 10000"])
    );
    fixture.arrives(&ack(1, 1001));
    assert_eq!(fixture.sent(), lines(&[". 2001:2101(100) ack 1 win 10000"]));
    // It counts for what was there, not for what comes later.
    fixture.tcb.mark(Mark::More, 2110);
    fixture.write(10);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.arrives(&ack(1, 2101));
    assert_eq!(fixture.sent(), lines(&[". 2101:2111(10) ack 1 win 10000"]));
}

/// TCP_CORK holds until it is taken off; TCP_NODELAY pushes what waits, as Linux.
#[test]
fn a_cork_holds_until_it_is_taken_off() {
    let mut fixture = established(true);
    fixture.tcb.set_cork(fixture.now, true);
    fixture.write(40);
    fixture.write(40);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.tcb.set_cork(fixture.now, false);
    assert_eq!(fixture.sent(), lines(&["P. 1:81(80) ack 1 win 10000"]));
    fixture.arrives(&ack(1, 81));
    fixture.tcb.set_cork(fixture.now, true);
    fixture.write(40);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.tcb.set_nagle(fixture.now, false);
    assert_eq!(fixture.sent(), lines(&["P. 81:121(40) ack 1 win 10000"]));
    // The cork is still in.
    fixture.write(40);
    fixture.arrives(&ack(1, 121));
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.next_timer();
    assert_eq!(fixture.sent(), lines(&["P. 121:161(40) ack 1 win 10000"]));
}

/// TCP_NODELAY pushes also what waits for more, but that is no end of a SEND.
#[test]
fn no_delay_pushes_what_waits_for_more() {
    let mut fixture = established(true);
    fixture.tcb.mark(Mark::More, 80);
    fixture.write(80);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.tcb.set_nagle(fixture.now, false);
    assert_eq!(fixture.sent(), lines(&[". 1:81(80) ack 1 win 10000"]));
}

/// CLOSE sends what is held, with the FIN.
#[test]
fn close_pulls_the_cork() {
    let mut fixture = established(true);
    fixture.tcb.set_cork(fixture.now, true);
    fixture.write(40);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.sent(), lines(&["FP. 1:41(40) ack 1 win 10000"]));
}

/// MSG_EOR: records are not joined, also not when they are sent again; each ends with PSH.
#[test]
fn records_are_kept_apart() {
    let mut fixture = established(true);
    let mut offset = 0;
    for len in [400, 1400, 300] {
        offset += len as u64;
        fixture.tcb.mark(Mark::EndOfRecord, offset);
        fixture.write(len);
    }
    fixture.write(700);
    let segments = [
        "P. 1:401(400) ack 1 win 10000",
        ". 401:1401(1000) ack 1 win 10000",
        "P. 1401:1801(400) ack 1 win 10000",
        "P. 1801:2101(300) ack 1 win 10000",
    ];
    assert_eq!(fixture.sent(), lines(&segments), "the last small one waits by Nagle's rule");
    fixture.next_timer();
    assert_eq!(fixture.sent(), lines(&segments[..1]));
    fixture.arrives(&ack(1, 401));
    assert_eq!(fixture.sent()[..2], lines(&segments[1..3]));
}

/// A program that makes records without end has no more memory of us for it.
#[test]
fn few_records_are_remembered() {
    let mut fixture = established(false);
    for offset in 1..=50_000 {
        fixture.tcb.mark(Mark::EndOfRecord, offset);
    }
    // Beyond SendQ, or backwards: no record can be.
    fixture.tcb.mark(Mark::EndOfRecord, u64::MAX);
    fixture.tcb.mark(Mark::EndOfRecord, 0);
    fixture.write(50_000);
    while fixture.tcb.snd.una.since(crate::tests::fixture::ISS + 1) < 50_000 {
        fixture.sent();
        let next = fixture.tcb.snd.nxt.since(crate::tests::fixture::ISS);
        fixture.arrives(&ack(1, next));
        fixture.tcb.assert_invariants();
    }
}

/// As Linux: after half of the largest window without a PSH there is one.
#[test]
fn a_long_send_has_a_push_now_and_then() {
    let mut fixture = established(true);
    fixture.arrives(&ack(1, 1).window(8000));
    fixture.write(30_000);
    let mut pushes = Vec::new();
    while fixture.tcb.unsent() > 0 {
        for sent in fixture.transmits() {
            if sent.header.flags.contains(sockeye_wire::Flags::PSH) {
                pushes.push(sent.header.seq.since(crate::tests::fixture::ISS) + sent.text_len as u32);
            }
        }
        let next = fixture.tcb.snd.nxt.since(crate::tests::fixture::ISS);
        fixture.arrives(&ack(1, next).window(8000));
    }
    // The largest window was 20,000.
    assert_eq!(pushes, [11_001, 22_001, 30_001]);
}
