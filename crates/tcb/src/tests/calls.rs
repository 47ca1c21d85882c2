//! User calls: SEND, RECEIVE, CLOSE, ABORT, STATUS, and the settings.

use core::time::Duration;

use super::fixture::{Fixture, ack, config, lines, ms, syn};
use crate::{Config, Event, KeepAlive, Reason, State};

#[test]
fn close_sends_a_fin_after_all_text() {
    let mut fixture = Fixture::established();
    fixture.write(1500);
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.tcb.state(), State::FinWait1);
    assert_eq!(fixture.tcb.send_queue(), 1501, "the FIN counts");
    // MUST-61: PSH with the last byte.
    let sent = fixture.sent();
    assert_eq!(sent, lines(&[". 1:1001(1000) ack 1 win 10000", "FP. 1001:1501(500) ack 1 win 10000"]));
    fixture.arrives(&ack(1, 1501));
    assert_eq!(fixture.tcb.state(), State::FinWait1, "the FIN is not acknowledged");
    assert_eq!(fixture.tcb.send_queue(), 1);
    assert_eq!(fixture.events(), [Event::Writable]);
    fixture.arrives(&ack(1, 1502));
    assert_eq!(fixture.tcb.state(), State::FinWait2);
    assert_eq!(fixture.tcb.send_queue(), 0);
    assert_eq!(fixture.events(), [Event::Drained]);
}

/// What was published before CLOSE is sent, although the program never rang; what comes after is not.
#[test]
fn close_looks_at_sendq_once_more() {
    let mut fixture = Fixture::established();
    assert_eq!(fixture.writer.write(&[7; 10]), 10);
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.writer.write(&[8; 10]), 10);
    fixture.tcb.send(fixture.now);
    assert_eq!(fixture.sent(), lines(&["FP. 1:11(10) ack 1 win 10000"]));
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.sent(), lines(&[]));
    assert_eq!(fixture.tcb.state(), State::FinWait1);
}

/// Half-close: text still comes.
#[test]
fn half_close_goes_on_receiving() {
    let mut fixture = Fixture::in_state(State::FinWait2);
    fixture.arrives(&ack(1, 2).text(1000));
    fixture.arrives(&ack(1001, 2).text(1000));
    assert_eq!(fixture.tcb.recv_queue(), 2000);
    assert!(fixture.sent().last().is_some_and(|sent| sent.contains("ack 2001")));
}

/// The other half: CLOSE-WAIT goes on sending.
#[test]
fn close_wait_goes_on_sending() {
    let mut fixture = Fixture::in_state(State::CloseWait);
    fixture.write(10);
    assert_eq!(fixture.sent(), lines(&["P. 1:11(10) ack 2 win 9999"]));
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.tcb.state(), State::LastAck);
    assert_eq!(fixture.sent(), lines(&["F. 11:11(0) ack 2 win 9999"]));
    fixture.arrives(&ack(2, 12));
    assert_eq!(fixture.events(), [Event::Writable, Event::Drained, Event::Closed]);
}

/// 3.10.5.
#[test]
fn abort_resets_where_the_state_asks_for_it() {
    for (state, sent) in [
        (State::Established, Some("R. 1:1(0) ack 1")),
        (State::FinWait1, Some("R. 2:2(0) ack 1")),
        (State::FinWait2, Some("R. 2:2(0) ack 1")),
        (State::CloseWait, Some("R. 1:1(0) ack 2")),
        (State::Closing, None),
        (State::LastAck, None),
        (State::TimeWait, None),
    ] {
        let mut fixture = Fixture::in_state(state);
        fixture.tcb.abort(fixture.now);
        if sent.is_some() {
            assert_eq!(fixture.tcb.poll_event(), None, "{state:?}: the RST comes first");
        }
        assert_eq!(fixture.sent(), lines(sent.as_slice()), "{state:?}");
        assert_eq!(fixture.events(), [Event::Closed], "{state:?}");
        assert_eq!(fixture.tcb.state(), State::Closed);
        assert_eq!(fixture.tcb.poll_timeout(), None);
        fixture.tcb.abort(fixture.now);
        assert_eq!(fixture.events(), []);
    }
}

#[test]
fn orphan_in_fin_wait_2_is_bounded() {
    let mut fixture = Fixture::in_state(State::FinWait2);
    assert_eq!(fixture.tcb.poll_timeout(), None, "a program may half-close for ever");
    fixture.tcb.orphan(fixture.now);
    assert_eq!(fixture.next_timer(), Duration::from_secs(60));
    assert_eq!(fixture.sent(), lines(&[]));
    assert_eq!(fixture.events(), [Event::Closed]);
    // Orphaned first, half closed later.
    let mut fixture = Fixture::in_state(State::FinWait1);
    fixture.tcb.orphan(fixture.now);
    fixture.arrives(&ack(1, 2));
    assert_eq!(fixture.next_timer(), Duration::from_secs(60));
    assert_eq!(fixture.tcb.state(), State::Closed);
}

/// An orphan delivers what SendQ holds.
#[test]
fn orphan_delivers() {
    let mut fixture = Fixture::established();
    fixture.write(5000);
    fixture.tcb.close(fixture.now);
    fixture.tcb.orphan(fixture.now);
    assert_eq!(fixture.sent().len(), 5);
    fixture.arrives(&ack(1, 5002));
    assert_eq!(fixture.tcb.state(), State::FinWait2);
    fixture.arrives(&ack(1, 5002).fin());
    assert_eq!(fixture.tcb.state(), State::TimeWait);
}

const KEEP_ALIVE: KeepAlive =
    KeepAlive { idle: Duration::from_secs(100), interval: Duration::from_secs(10), count: 3 };

/// MAY-5, MUST-24, MUST-25, MUST-26, MUST-27, MUST-29, SHLD-12.
#[test]
fn keep_alive_probes_and_gives_up() {
    let mut fixture = Fixture::established();
    assert_eq!(fixture.tcb.poll_timeout(), None, "MUST-25: off by default");
    fixture.tcb.set_keep_alive(fixture.now, Some(KEEP_ALIVE));
    assert_eq!(fixture.pass(Duration::from_secs(99)), lines(&[]));
    // SHLD-12: no data; one before SND.UNA, so that the peer answers.
    assert_eq!(fixture.pass(Duration::from_secs(1)), lines(&[". 0:0(0) ack 1 win 10000"]));
    // An answer ends it, and MUST-26: the idle time counts from the answer.
    fixture.arrives(&ack(1, 1));
    assert_eq!(fixture.pass(Duration::from_secs(99)), lines(&[]));
    assert_eq!(fixture.pass(Duration::from_secs(1)).len(), 1);
    // MUST-29: unanswered ones are repeated, and only the last is the end.
    assert_eq!(fixture.pass(Duration::from_secs(10)).len(), 1);
    assert_eq!(fixture.pass(Duration::from_secs(10)).len(), 1);
    assert_eq!(fixture.events(), []);
    assert_eq!(fixture.pass(Duration::from_secs(10)), lines(&["R. 1:1(0) ack 1"]));
    assert_eq!(fixture.events(), [Event::Aborted(Reason::TimedOut)]);
}

/// MUST-26: text that is outstanding probes by itself, and R2 bounds it.
#[test]
fn keep_alive_leaves_outstanding_text_alone() {
    let mut fixture = Fixture::established();
    let keep_alive = KeepAlive { idle: ms(1_000), interval: ms(100), count: 3 };
    fixture.tcb.set_keep_alive(fixture.now, Some(keep_alive));
    fixture.write(10);
    fixture.sent();
    let sent = fixture.pass(ms(10_000));
    assert!(sent.len() >= 4 && sent.iter().all(|sent| sent.starts_with("P. 1:11(10)")), "{sent:?}");
    assert_eq!(fixture.tcb.state(), State::Established);
}

/// MUST-28: the default idle time is two hours.
#[test]
fn keep_alive_defaults() {
    assert!(KeepAlive::default().idle >= Duration::from_secs(2 * 3600));
    assert_eq!(Config::new(1, 2, super::fixture::ISS).keep_alive, None);
    let mut fixture = Fixture::with(Config { keep_alive: Some(KEEP_ALIVE), ..config() }, &syn(), &ack(1, 1));
    assert_eq!(fixture.next_timer(), KEEP_ALIVE.idle);
    fixture.tcb.set_keep_alive(fixture.now, None);
    fixture.sent();
    assert_eq!(fixture.tcb.poll_timeout(), None);
}

#[test]
fn user_timeout_bounds_what_is_unacknowledged() {
    let config = Config { user_timeout: Some(ms(5_000)), ..config() };
    let mut fixture = Fixture::with(config, &syn(), &ack(1, 1));
    assert_eq!(fixture.tcb.poll_timeout(), None);
    fixture.write(2000);
    fixture.sent();
    fixture.pass(ms(4_000));
    // Progress starts it anew.
    fixture.arrives(&ack(1, 1001));
    fixture.sent();
    fixture.pass(ms(4_999));
    assert_eq!(fixture.tcb.state(), State::Established);
    fixture.pass(ms(1));
    assert_eq!(fixture.events().last(), Some(&Event::Aborted(Reason::TimedOut)));
}

/// STATUS: what Linux counts.
#[test]
fn queues_count_fins() {
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(1, 1).text(100).fin());
    assert_eq!(fixture.tcb.recv_queue(), 101);
    fixture.read(40);
    fixture.tcb.receive(fixture.now);
    assert_eq!(fixture.tcb.recv_queue(), 61);
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.tcb.send_queue(), 1);
}

/// TCP_RTO_MAX_MS of a connection that exists: from the next time-out on.
#[test]
fn the_bound_of_the_time_out_can_come_down() {
    let mut fixture = Fixture::established();
    fixture.write(1000);
    fixture.sent();
    let waits: std::vec::Vec<u64> = (0..4)
        .map(|_| {
            let waited = fixture.next_timer();
            fixture.sent();
            waited.as_millis() as u64
        })
        .collect();
    assert_eq!(waits, [200, 400, 800, 1600]);
    fixture.tcb.set_rto_max(ms(1000));
    assert_eq!(fixture.next_timer(), ms(3200), "a timer that runs keeps its time");
    fixture.sent();
    assert_eq!(fixture.next_timer(), ms(1000));
}
