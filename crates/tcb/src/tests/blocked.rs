//! The host's own queue takes nothing: text waits for it.

use super::fixture::{Fixture, ack, config, lines, ms, syn};
use crate::{Config, Event, Phase, Reason};

fn fixture(user_timeout: Option<core::time::Duration>) -> Fixture {
    let mut fixture = Fixture::with(Config { user_timeout, ..config() }, &syn(), &ack(1, 1).window(60_000));
    fixture.sent();
    fixture
}

/// As Linux (TCP_RESOURCE_PROBE_INTERVAL): first after the time-out, then every half second, and at once when there is a cause.
#[test]
fn new_text_is_tried_every_half_second() {
    let mut fixture = fixture(None);
    fixture.tcb.set_blocked(true);
    fixture.write(10);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.next_timer();
    for count in 1..4 {
        assert_eq!(fixture.sent(), lines(&[]));
        assert_eq!(fixture.tcb.info(fixture.now).probes, count);
        assert_eq!(fixture.next_timer(), ms(500));
    }
    fixture.tcb.set_blocked(false);
    assert_eq!(fixture.sent(), ["P. 1:11(10) ack 1 win 10000"]);
    fixture.arrives(&ack(1, 11));
    assert_eq!(fixture.tcb.info(fixture.now).probes, 0);
}

/// Linux's bound (tcp_retries2): a queue that never takes anything does not keep a connection for ever.
#[test]
fn attempts_are_counted() {
    let mut fixture = fixture(None);
    fixture.tcb.set_blocked(true);
    fixture.write(10);
    fixture.sent();
    fixture.pass(ms(60_000));
    assert!(fixture.events().contains(&Event::Aborted(Reason::TimedOut)));
}

/// MUST-21 (3.8.3): the user's bound counts from the first attempt after the one that the write made.
#[test]
fn the_user_timeout_begins_with_the_second_attempt() {
    let mut fixture = fixture(Some(ms(3000)));
    fixture.tcb.set_blocked(true);
    fixture.write(10);
    fixture.sent();
    fixture.next_timer();
    fixture.sent();
    fixture.pass(ms(2999));
    assert!(!fixture.events().contains(&Event::Aborted(Reason::TimedOut)));
    fixture.pass(ms(1));
    assert!(fixture.events().contains(&Event::Aborted(Reason::TimedOut)));
}

/// RFC 6298, 5.5: a time-out doubles for what the network did not answer, not for what never left.
#[test]
fn a_retransmission_that_cannot_leave_is_tried_again() {
    let mut fixture = fixture(None);
    fixture.write(1000);
    assert_eq!(fixture.sent().len(), 1);
    fixture.tcb.set_blocked(true);
    let rto = fixture.tcb.info(fixture.now).rto;
    while fixture.tcb.info(fixture.now).lost == 0 {
        fixture.next_timer();
        assert_eq!(fixture.sent(), lines(&[]));
    }
    for _ in 0..40 {
        assert_eq!(fixture.next_timer(), ms(500));
        assert_eq!(fixture.sent(), lines(&[]));
    }
    let info = fixture.tcb.info(fixture.now);
    assert_eq!((info.retransmits, info.backoff, info.rto), (0, 0, rto));
    fixture.tcb.set_blocked(false);
    assert_eq!(fixture.sent(), ["P. 1:1001(1000) ack 1 win 10000"]);
}

/// As Linux: a queue that refuses text is a sign of congestion, once for what is outstanding; it is none where cwnd or the window holds
/// the text back anyway.
#[test]
fn a_full_queue_is_a_sign_of_congestion() {
    let state = |fixture: &Fixture| (fixture.tcb.info(fixture.now).phase, fixture.tcb.status().ssthresh);
    let mut fixture = fixture(None);
    fixture.write(30_000);
    assert_eq!(fixture.sent().len(), 10);
    fixture.tcb.set_blocked(true);
    fixture.sent();
    assert_eq!(state(&fixture), (Phase::Open, u32::MAX), "cwnd is full");
    fixture.arrives(&ack(1, 2001).window(60_000));
    fixture.sent();
    assert_eq!(state(&fixture), (Phase::Cwr, 6000));
    fixture.arrives(&ack(1, 4001).window(60_000));
    fixture.sent();
    assert_eq!(state(&fixture), (Phase::Cwr, 6000), "once");
    fixture.tcb.set_blocked(false);
    fixture.arrives(&ack(1, 10_001).window(60_000));
    assert_eq!(fixture.sent().len(), 6);
    fixture.arrives(&ack(1, 12_001).window(60_000));
    assert_eq!(state(&fixture), (Phase::Open, 6000));
}
