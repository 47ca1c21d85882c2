//! SEGMENT ARRIVES, state by state: what is sent (and nothing else), which state follows, what the user is told.

use sockeye_wire::Flags;
use std::vec::Vec;

use super::fixture::{Build, Fixture, ack, lines, rst, syn};
use crate::{Discard, Event, Reason, State};

/// A row: what it is, the segment, what is sent, the state after, the events.
type Row<'a> = (&'a str, Build, &'a [&'a str], State, &'a [Event]);

fn check(state: State, rows: &[Row<'_>]) {
    for (name, segment, sent, after, events) in rows {
        let mut fixture = Fixture::in_state(state);
        fixture.arrives(segment);
        assert_eq!(fixture.sent(), lines(sent), "{state:?}, {name}: sent, and nothing else");
        assert_eq!(fixture.tcb.state(), *after, "{state:?}, {name}: state");
        assert_eq!(fixture.events(), events.to_vec(), "{state:?}, {name}: events");
    }
}

const RESET: &[Event] = &[Event::Aborted(Reason::Reset)];

#[test]
fn segment_arrives_when_established() {
    use Event::{PeerClosed, Readable};
    use State::{CloseWait, Closed, Established};
    check(
        Established,
        &[
            ("text", ack(1, 1).text(10), &[". 1:1(0) ack 11 win 9990"], Established, &[Readable]),
            // SHLD-31, MAY-13: queued, and an ACK at once.
            ("text out of order", ack(11, 1).text(10), &[". 1:1(0) ack 1 win 10000"], Established, &[]),
            ("text partly old", ack(0, 1).text(10), &[". 1:1(0) ack 10 win 9991"], Established, &[Readable]),
            (
                "text beyond the window",
                ack(10_001, 1).text(1),
                &[". 1:1(0) ack 1 win 10000"],
                Established,
                &[],
            ),
            ("an ACK that says nothing new", ack(1, 1), &[], Established, &[]),
            ("an ACK before the window", ack(0, 1), &[". 1:1(0) ack 1 win 10000"], Established, &[]),
            ("an ACK beyond the window", ack(10_002, 1), &[". 1:1(0) ack 1 win 10000"], Established, &[]),
            ("an ACK of what was not sent", ack(1, 2), &[". 1:1(0) ack 1 win 10000"], Established, &[]),
            ("no ACK", ack(1, 1).text(1).no_ack(), &[], Established, &[]),
            ("FIN", ack(1, 1).fin(), &[". 1:1(0) ack 2 win 9999"], CloseWait, &[PeerClosed]),
            (
                "text and FIN",
                ack(1, 1).text(10).fin(),
                &[". 1:1(0) ack 12 win 9989"],
                CloseWait,
                &[Readable, PeerClosed],
            ),
            ("FIN out of order", ack(5, 1).fin(), &[". 1:1(0) ack 1 win 10000"], Established, &[]),
            // MUST-12.
            ("RST at RCV.NXT", rst(1), &[], Closed, RESET),
            ("RST in the window", rst(2), &[". 1:1(0) ack 1 win 10000"], Established, &[]),
            ("RST outside the window", rst(10_002), &[], Established, &[]),
            ("SYN in the window", syn_at(5), &[". 1:1(0) ack 1 win 10000"], Established, &[]),
            ("the old SYN", syn(), &[". 1:1(0) ack 1 win 10000"], Established, &[]),
        ],
    );
}

fn syn_at(seq: u32) -> Build {
    ack(seq, 1).no_ack().flag(Flags::SYN)
}

#[test]
fn segment_arrives_when_fin_wait_1() {
    use Event::{Drained, PeerClosed, Readable};
    use State::{Closed, Closing, FinWait1, FinWait2, TimeWait};
    check(
        FinWait1,
        &[
            ("ACK of the FIN", ack(1, 2), &[], FinWait2, &[Drained]),
            ("ACK of nothing", ack(1, 1), &[], FinWait1, &[]),
            ("text", ack(1, 1).text(5), &[". 2:2(0) ack 6 win 9995"], FinWait1, &[Readable]),
            ("FIN", ack(1, 1).fin(), &[". 2:2(0) ack 2 win 9999"], Closing, &[PeerClosed]),
            (
                "FIN, and ACK of ours",
                ack(1, 2).fin(),
                &[". 2:2(0) ack 2 win 9999"],
                TimeWait,
                &[PeerClosed, Drained, Event::TimeWait],
            ),
            ("RST", rst(1), &[], Closed, RESET),
            ("SYN", syn_at(1), &[". 2:2(0) ack 1 win 10000"], FinWait1, &[]),
        ],
    );
}

#[test]
fn segment_arrives_when_fin_wait_2() {
    use Event::{PeerClosed, Readable};
    use State::{Closed, FinWait2, TimeWait};
    check(
        FinWait2,
        &[
            ("text", ack(1, 2).text(5), &[". 2:2(0) ack 6 win 9995"], FinWait2, &[Readable]),
            ("FIN", ack(1, 2).fin(), &[". 2:2(0) ack 2 win 9999"], TimeWait, &[PeerClosed, Event::TimeWait]),
            ("ACK", ack(1, 2), &[], FinWait2, &[]),
            ("RST", rst(1), &[], Closed, RESET),
        ],
    );
}

#[test]
fn segment_arrives_when_close_wait() {
    use State::{CloseWait, Closed};
    check(
        CloseWait,
        &[
            ("the FIN again", ack(1, 1).fin(), &[". 1:1(0) ack 2 win 9999"], CloseWait, &[]),
            ("text after the FIN", ack(2, 1).text(5), &[], CloseWait, &[]),
            ("ACK", ack(2, 1), &[], CloseWait, &[]),
            ("RST", rst(2), &[], Closed, RESET),
        ],
    );
}

#[test]
fn segment_arrives_when_closing() {
    use State::{Closed, Closing, TimeWait};
    check(
        Closing,
        &[
            ("ACK of the FIN", ack(2, 2), &[], TimeWait, &[Event::Drained, Event::TimeWait]),
            ("ACK of nothing", ack(2, 1), &[], Closing, &[]),
            ("the FIN again", ack(1, 1).fin(), &[". 2:2(0) ack 2 win 9999"], Closing, &[]),
            ("RST", rst(2), &[], Closed, RESET),
        ],
    );
}

#[test]
fn segment_arrives_when_last_ack() {
    use State::{Closed, LastAck};
    check(
        LastAck,
        &[
            ("ACK of the FIN", ack(2, 2), &[], Closed, &[Event::Drained, Event::Closed]),
            ("ACK of nothing", ack(2, 1), &[], LastAck, &[]),
            ("RST", rst(2), &[], Closed, RESET),
        ],
    );
}

#[test]
fn segment_arrives_when_time_wait() {
    use State::TimeWait;
    check(
        TimeWait,
        &[
            ("the FIN again", ack(1, 2).fin(), &[". 2:2(0) ack 2 win 9999"], TimeWait, &[]),
            // RFC 1337.
            ("RST", rst(2), &[], TimeWait, &[]),
            ("ACK", ack(2, 2), &[], TimeWait, &[]),
        ],
    );
}

#[test]
fn segment_arrives_when_closed() {
    let mut fixture = Fixture::in_state(State::LastAck);
    fixture.arrives(&ack(2, 2));
    fixture.events();
    fixture.arrives(&ack(2, 2).text(5));
    assert_eq!(fixture.sent(), lines(&[]));
    assert_eq!(fixture.tcb.discards().of(Discard::Closed), 1);
    assert_eq!(fixture.events(), []);
    assert_eq!(fixture.tcb.poll_timeout(), None);
}

#[test]
fn each_discard_is_counted() {
    let rows: [(Build, Discard); 8] = [
        (ack(10_001, 1).text(1), Discard::OutsideWindow),
        (rst(2), Discard::ResetNotExact),
        (rst(1), Discard::Reset),
        (syn_at(5), Discard::Syn),
        (ack(1, 1).no_ack(), Discard::NoAck),
        (ack(1, 2), Discard::AckOfUnsent),
        (ack(1, 0x9000_0000), Discard::OldAck),
        (ack(1, 0x4000_0000), Discard::AckOfUnsent),
    ];
    for (segment, discard) in rows {
        let mut fixture = Fixture::established();
        fixture.arrives(&segment);
        assert_eq!(fixture.tcb.discards().of(discard), 1, "{segment:?}");
        assert_eq!(fixture.tcb.discards().total(), 1, "{segment:?}");
    }
}

/// RFC 5961, section 7: no storm of challenge ACKs, and confused ends do not answer each other for ever.
#[test]
fn challenges_are_bounded() {
    let mut fixture = Fixture::established();
    for _ in 0..100 {
        fixture.arrives(&rst(2));
        fixture.arrives(&syn_at(9));
        fixture.arrives(&ack(1, 2));
    }
    assert_eq!(fixture.sent().len(), 1);
    fixture.now += super::fixture::ms(499);
    fixture.arrives(&rst(2));
    assert_eq!(fixture.sent().len(), 0, "tcp_invalid_ratelimit");
    fixture.now += super::fixture::ms(1);
    fixture.arrives(&rst(2));
    assert_eq!(fixture.sent().len(), 1);
}

/// SHLD-31: text out of order is queued; when the gap closes, one ACK tells of all of it, at once.
#[test]
fn gap_closes() {
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(1001, 1).text(1000));
    fixture.arrives(&ack(2001, 1).text(1000).fin());
    // RFC 5681, 4.2: a duplicate ACK for each.
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 1 win 10000", ". 1:1(0) ack 1 win 10000"]));
    assert_eq!(fixture.events(), []);
    fixture.arrives(&ack(1, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 3002 win 6999"]));
    assert_eq!(fixture.events(), [Event::Readable, Event::PeerClosed]);
    assert_eq!(fixture.tcb.state(), State::CloseWait);
    assert_eq!(fixture.tcb.recv_queue(), 3001, "the FIN counts");
    fixture.read(3000);
}

/// RFC 9293, 3.10.7.4, sixth step: RCV.UP goes along with RCV.NXT, or two gibibytes later urgent text would seem to be old.
#[test]
fn the_urgent_pointer_is_pulled_along() {
    let mut fixture = Fixture::established();
    for segment in 0..3 {
        fixture.arrives(&ack(1 + 1000 * segment, 1).text(1000));
        assert_eq!(fixture.tcb.rcv.up, fixture.tcb.rcv.nxt);
    }
}

/// MUST-66: at a zero window ACK, URG and RST are processed, the text is not.
#[test]
fn zero_window_takes_ack_urg_and_rst() {
    let mut fixture = Fixture::established();
    for seq in (1..10_001).step_by(1000) {
        fixture.arrives(&ack(seq, 1).text(1000));
    }
    fixture.write(10);
    let sent = fixture.sent();
    assert_eq!(sent, lines(&["P. 1:11(10) ack 10001 win 0"]));
    // MUST-62: the pointer names the octet after the urgent text.
    fixture.arrives(&ack(10_001, 11).text(1).urgent(5));
    assert_eq!(fixture.sent(), lines(&[". 11:11(0) ack 10001 win 0"]));
    assert_eq!(fixture.tcb.send_queue(), 0, "the ACK counted");
    assert_eq!(fixture.tcb.rcv.up, super::fixture::IRS + 10_006);
    assert_eq!(fixture.tcb.recv_queue(), 10_000);
    fixture.arrives(&rst(10_001));
    assert_eq!(fixture.tcb.state(), State::Closed);
}

/// A FIN needs no room in RecvQ.
#[test]
fn zero_window_takes_a_fin() {
    let mut fixture = Fixture::established();
    for seq in (1..10_001).step_by(1000) {
        fixture.arrives(&ack(seq, 1).text(1000));
    }
    fixture.sent();
    fixture.arrives(&ack(10_001, 1).fin());
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 10002 win 0"]));
    assert_eq!(fixture.tcb.state(), State::CloseWait);
    fixture.read(10_000);
    assert_eq!(fixture.sent(), lines(&[]), "no window update after a FIN");
}

/// What comes after a FIN, or contradicts it, is not delivered.
#[test]
fn text_beyond_a_fin() {
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(11, 1).fin());
    fixture.arrives(&ack(1, 1).text(100));
    assert_eq!(fixture.tcb.state(), State::CloseWait);
    assert_eq!(fixture.tcb.recv_queue(), 11);
    // Text that came before a FIN in its midst: the FIN is not believed.
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(11, 1).text(100));
    fixture.arrives(&ack(50, 1).fin());
    fixture.arrives(&ack(1, 1).text(10));
    assert_eq!(fixture.tcb.state(), State::Established);
    assert_eq!(fixture.tcb.recv_queue(), 110);
}

/// PAWS (RFC 7323, section 5), and what is echoed (section 4.3).
#[test]
fn timestamps_protect() {
    let config = crate::Config { timestamps: true, ..super::fixture::config() };
    let mut fixture = Fixture::with(config, &syn().stamps(100, 0), &ack(1, 1).stamps(101, 1001));
    fixture.arrives(&ack(1, 1).text(10).stamps(99, 1001));
    assert_eq!(fixture.tcb.discards().of(Discard::OldTimestamp), 1);
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 1 win 10000"]));
    // Out of order: its timestamp is not echoed, the one that the gap is waiting for is.
    fixture.arrives(&ack(11, 1).text(10).stamps(200, 1001));
    let mut sent = fixture.transmits();
    fixture.arrives(&ack(1, 1).text(10).stamps(150, 1001));
    sent.extend(fixture.transmits());
    let echoes: Vec<u32> = sent.iter().map(|sent| sent.header.options.timestamps.unwrap().echo).collect();
    assert_eq!(echoes, [101, 150]);
    // RFC 7323, 3.2: what lacks the option is taken, as Linux does, and changes nothing.
    fixture.arrives(&ack(21, 1).text(10));
    assert_eq!(fixture.tcb.recv_queue(), 30);
    assert_eq!(fixture.transmits()[0].header.options.timestamps.unwrap().echo, 150);
    // A RST needs none.
    fixture.arrives(&rst(31));
    assert_eq!(fixture.tcb.state(), State::Closed);
}

/// As Linux: after shutdown() of both directions text is answered as if there were no connection.
#[test]
fn text_after_shutdown() {
    let mut fixture = Fixture::established();
    fixture.tcb.shut_receive();
    fixture.arrives(&ack(1, 1).text(10));
    assert_eq!(fixture.tcb.recv_queue(), 10, "not while the program can send");
    fixture.tcb.close(fixture.now);
    fixture.sent();
    fixture.arrives(&ack(11, 2).text(10));
    assert_eq!(fixture.sent(), lines(&["R 2:2(0)"]));
    assert_eq!(fixture.events().last(), Some(&Event::Aborted(Reason::Reset)));
}

/// TCP_LINGER2: an orphan that must not linger in FIN-WAIT-2 leaves at once.
#[test]
fn an_orphan_need_not_wait_in_fin_wait_2() {
    let mut fixture = Fixture::in_state(State::FinWait2);
    fixture.tcb.set_fin_timeout(core::time::Duration::ZERO);
    fixture.tcb.orphan(fixture.now);
    assert_eq!(fixture.sent(), lines(&["R. 2:2(0) ack 1"]));
    assert_eq!(fixture.tcb.state(), State::Closed);
}

/// SHLD-3 and the half-duplex close of MAY-1: text that nobody can read is answered with a RST.
#[test]
fn text_for_an_orphan() {
    for state in [State::FinWait1, State::FinWait2] {
        let mut fixture = Fixture::in_state(state);
        fixture.tcb.orphan(fixture.now);
        fixture.arrives(&ack(1, 1).text(10));
        assert_eq!(fixture.sent(), lines(&["R 1:1(0)"]), "{state:?}");
        assert_eq!(fixture.events(), [Event::Aborted(Reason::UserAbort)]);
        assert_eq!(fixture.tcb.discards().of(Discard::Orphan), 1);
        assert_eq!(fixture.tcb.state(), State::Closed);
    }
}
