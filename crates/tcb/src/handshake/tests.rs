use core::time::Duration;
use sockeye_buffer::{Slot, Text};
use sockeye_clock::Instant;
use sockeye_wire::{Flags, Options, SeqNum, TcpHeader};
use std::string::String;
use std::vec::Vec;

use super::{Handshake, Progress};
use crate::tests::fixture::{Build, ISS, ack, config, lines, rst, show, syn};
use crate::{Config, Reason, Segment, State, reset_for};

const NOW: Instant = Instant::from_millis(1_000);
const DONE: Progress = Progress::Established { redeliver: true };

fn sent(handshake: &mut Handshake) -> Vec<String> {
    core::iter::from_fn(|| handshake.poll_transmit(NOW)).map(|transmit| show(&transmit)).collect()
}

fn syn_sent() -> Handshake {
    let mut handshake = Handshake::active(NOW, config());
    assert_eq!(sent(&mut handshake), lines(&["S 0:0(0) win 10000"]));
    handshake
}

fn syn_received() -> Handshake {
    let mut handshake = Handshake::passive(NOW, config(), &syn().segment());
    assert_eq!(sent(&mut handshake), lines(&["S. 0:0(0) ack 1 win 10000"]));
    handshake
}

/// Simultaneous open: active, and in SYN-RECEIVED.
fn both_opened() -> Handshake {
    let mut handshake = syn_sent();
    assert_eq!(handshake.segment_arrives(NOW, &syn().segment()), Progress::Waiting);
    assert_eq!(sent(&mut handshake), lines(&["S. 0:0(0) ack 1 win 10000"]));
    handshake
}

type Row<'a> = (&'a str, Build, &'a [&'a str], Progress, State);

fn check(start: fn() -> Handshake, rows: &[Row<'_>]) {
    for (name, segment, reply, progress, state) in rows {
        let mut handshake = start();
        assert_eq!(handshake.segment_arrives(NOW, &segment.segment()), *progress, "{name}");
        assert_eq!(sent(&mut handshake), lines(reply), "{name}: sent, and nothing else");
        assert_eq!(handshake.state(), *state, "{name}");
    }
}

#[test]
fn segment_arrives_when_syn_sent() {
    use Progress::{Failed, Waiting};
    use State::{Closed, Established, SynReceived, SynSent};
    let established = Progress::Established { redeliver: false };
    check(
        syn_sent,
        &[
            ("SYN-ACK", syn().acking(1), &[], established, Established),
            // MUST-10.
            ("SYN", syn(), &["S. 0:0(0) ack 1 win 10000"], Waiting, SynReceived),
            ("ACK of nothing sent", ack(0, 2), &["R 2:2(0)"], Waiting, SynSent),
            ("SYN-ACK of nothing sent", syn().acking(0), &["R 0:0(0)"], Waiting, SynSent),
            ("RST that acknowledges the SYN", rst(0).acking(1), &[], Failed(Reason::Refused), Closed),
            ("RST that acknowledges something else", rst(0).acking(2), &[], Waiting, SynSent),
            ("RST without an ACK", rst(0), &[], Waiting, SynSent),
            ("ACK without a SYN", ack(0, 1), &[], Waiting, SynSent),
            ("FIN", ack(0, 1).fin(), &[], Waiting, SynSent),
        ],
    );
}

#[test]
fn segment_arrives_when_syn_received() {
    use Progress::{BackToListen, Waiting};
    use State::{Closed, Established, SynReceived};
    check(
        syn_received,
        &[
            ("ACK", ack(1, 1), &[], DONE, Established),
            ("ACK with text", ack(1, 1).text(10).fin(), &[], DONE, Established),
            ("the SYN again", syn(), &["S. 0:0(0) ack 1 win 10000"], Waiting, SynReceived),
            ("ACK of nothing sent", ack(1, 2), &["R 2:2(0)"], Waiting, SynReceived),
            ("old ACK", ack(1, 0), &["R 0:0(0)"], Waiting, SynReceived),
            ("outside the window", ack(10_001, 1), &[". 1:1(0) ack 1 win 10000"], Waiting, SynReceived),
            ("text without an ACK", ack(1, 1).text(1).no_ack(), &[], Waiting, SynReceived),
            // MUST-11: it was a passive OPEN, so the listener goes on.
            ("RST", rst(1), &[], BackToListen, Closed),
            ("RST in the window", rst(2), &[". 1:1(0) ack 1 win 10000"], Waiting, SynReceived),
            ("RST outside", rst(0), &[], Waiting, SynReceived),
            ("another SYN in the window", syn_at(7), &[], BackToListen, Closed),
        ],
    );
}

fn syn_at(seq: u32) -> Build {
    ack(seq, 0).no_ack().flag(Flags::SYN)
}

/// MUST-10, MUST-11: the same state, but reached by an active OPEN.
#[test]
fn segment_arrives_when_syn_received_after_simultaneous_open() {
    use Progress::{Failed, Waiting};
    use State::{Closed, Established, SynReceived};
    check(
        both_opened,
        &[
            ("ACK", ack(1, 1), &[], DONE, Established),
            // Figure 8, line 6.
            ("SYN-ACK", syn().acking(1), &[], Progress::Established { redeliver: false }, Established),
            ("the SYN again", syn(), &["S. 0:0(0) ack 1 win 10000"], Waiting, SynReceived),
            ("RST", rst(1), &[], Failed(Reason::Refused), Closed),
            ("another SYN", syn_at(7), &[". 1:1(0) ack 1 win 10000"], Waiting, SynReceived),
        ],
    );
}

/// MUST-22, MUST-20: SYNs back off, and there is an end.
#[test]
fn syns_are_retransmitted() {
    let active = || Handshake::active(NOW, config());
    let passive = || Handshake::passive(NOW, config(), &syn().segment());
    let chosen = || {
        let mut handshake = active();
        handshake.set_syn_retries(3);
        handshake
    };
    let times = |linear: u32, doubling: u32| {
        core::iter::repeat_n(1, linear as usize).chain((0..doubling).map(|doublings| 1 << doublings))
    };
    // As Linux's default: a SYN goes four times more before its timer begins to double, but not if the program counts.
    let failed = Progress::Failed(Reason::TimedOut);
    let ends = [
        (&active as &dyn Fn() -> Handshake, (4, 6), failed),
        (&chosen, (0, 3), failed),
        (&passive, (0, 5), Progress::BackToListen),
    ];
    for (start, (linear, doubling), end) in ends {
        let mut handshake = start();
        let mut now = NOW;
        let first = sent(&mut handshake);
        for seconds in times(linear, doubling) {
            let at = handshake.poll_timeout().expect("it runs");
            assert_eq!(at.since(now), Duration::from_secs(seconds));
            assert_eq!(handshake.timeout(now), Progress::Waiting, "early is harmless");
            now = at;
            assert_eq!(handshake.timeout(now), Progress::Waiting);
            assert_eq!(sent(&mut handshake), first);
        }
        now = handshake.poll_timeout().expect("it runs");
        assert_eq!(handshake.timeout(now), end);
        assert_eq!(handshake.poll_timeout(), None);
    }
}

/// MUST-21, MUST-22 (3.8.3): the user's bound counts for SYNs, too, also if it is set while they are out.
#[test]
fn the_user_bounds_an_open() {
    let user_timeout = Some(Duration::from_millis(2500));
    let mut handshake = Handshake::active(NOW, Config { user_timeout, ..config() });
    sent(&mut handshake);
    for seconds in 1..=2 {
        let at = handshake.poll_timeout().expect("it runs");
        assert_eq!(at.since(NOW), Duration::from_secs(seconds));
        assert_eq!(handshake.timeout(at), Progress::Waiting);
        sent(&mut handshake);
    }
    let at = handshake.poll_timeout().expect("it runs");
    assert_eq!(at.since(NOW), Duration::from_millis(2500));
    assert_eq!(handshake.timeout(at), Progress::Failed(Reason::TimedOut));
    assert_eq!(handshake.poll_timeout(), None);

    let mut handshake = Handshake::active(NOW, config());
    sent(&mut handshake);
    handshake.set_user_timeout(Some(Duration::from_millis(400)));
    let at = handshake.poll_timeout().expect("it runs");
    assert_eq!(at.since(NOW), Duration::from_millis(400));
    handshake.set_user_timeout(None);
    assert_eq!(handshake.timeout(at), Progress::Waiting);
}

/// MUST-14, SHLD-5, MAY-3, MUST-67: the MSS announced is what the stack says. RFC 7323, 1.3 and 3.2: options are answered only if offered.
#[test]
fn options_are_negotiated() {
    let all = Config { timestamps: true, window_scaling: true, recv_buffer: 1 << 20, ..config() };
    let mut handshake = Handshake::active(NOW, all.clone());
    let offer = handshake.poll_transmit(NOW).expect("a SYN").header;
    assert_eq!(offer.options.mss, Some(1000));
    assert_eq!(offer.options.window_scale, Some(5));
    assert!(offer.options.timestamps.is_some());
    assert_eq!(offer.window, 65_535, "RFC 7323, 2.2: not scaled");
    let full = Options { window_scale: Some(3), ..offer.options.clone() };
    for (config, options, scale, stamps) in [
        (all.clone(), full.clone(), Some(5), true),
        (all.clone(), Options { timestamps: None, ..full.clone() }, Some(5), false),
        (all.clone(), Options { window_scale: None, ..full.clone() }, None, true),
        (Config { window_scaling: false, ..all.clone() }, full.clone(), None, true),
        (Config { timestamps: false, ..all.clone() }, full.clone(), Some(5), false),
    ] {
        let mut handshake = Handshake::passive(NOW, config, &syn().options(options).segment());
        let answer = handshake.poll_transmit(NOW).expect("a SYN-ACK").header.options;
        assert_eq!((answer.window_scale, answer.timestamps.is_some()), (scale, stamps));
        assert_eq!(answer.mss, Some(1000));
    }
}

/// RFC 6928, section 2, and RFC 6298, 5.7: after SYNs were lost, one segment and a careful RTO.
#[test]
fn lost_syn_begins_carefully() {
    let mut handshake = Handshake::active(NOW, config());
    sent(&mut handshake);
    let mut at = NOW;
    for _ in 0..2 {
        at = handshake.poll_timeout().expect("it runs");
        let _ = handshake.timeout(at);
        sent(&mut handshake);
    }
    let done = handshake.segment_arrives(at, &syn().acking(1).segment());
    assert_eq!(done, Progress::Established { redeliver: false });
    let slot = Slot::on_heap(1 << 16, 1 << 16);
    let (sendq, recvq) = slot.open(50_000, 50_000);
    slot.writer().write(&[1; 5000]);
    let mut tcb = handshake.into_tcb(at, sendq, recvq);
    let sent: Vec<String> =
        core::iter::from_fn(|| tcb.poll_transmit(at)).map(|transmit| show(&transmit)).collect();
    assert_eq!(sent, lines(&[". 1:1001(1000) ack 1 win 50000"]), "the ACK of the SYN rides on text");
    assert_eq!(tcb.poll_timeout(), Some(at + Duration::from_secs(3)));
}

/// An active OPEN owes the ACK of the peer's SYN.
#[test]
fn active_open_acknowledges() {
    let mut handshake = syn_sent();
    let _ = handshake.segment_arrives(NOW, &syn().acking(1).segment());
    let (sendq, recvq) = Slot::on_heap(1 << 16, 1 << 16).open(5_000, 10_000);
    let mut tcb = handshake.into_tcb(NOW, sendq, recvq);
    assert_eq!(tcb.state(), State::Established);
    assert_eq!(tcb.poll_transmit(NOW).as_ref().map(show).as_deref(), Some(". 1:1(0) ack 1 win 10000"));
    assert_eq!(tcb.poll_transmit(NOW), None);
    assert_eq!(tcb.poll_event(), None);
}

/// 3.10.5: ABORT in SYN-SENT says nothing, in SYN-RECEIVED a RST.
#[test]
fn abort() {
    let mut handshake = syn_sent();
    handshake.abort();
    assert_eq!(sent(&mut handshake), lines(&[]));
    let mut handshake = syn_received();
    handshake.abort();
    assert_eq!(sent(&mut handshake), lines(&["R. 1:1(0) ack 1"]));
    assert_eq!(handshake.poll_timeout(), None);
}

/// 3.10.7.1.
#[test]
fn segment_arrives_when_closed() {
    let text = [0u8; 10];
    let header = |flags| TcpHeader {
        src_port: 1,
        dst_port: 2,
        seq: SeqNum(100),
        ack: SeqNum(200),
        flags,
        ..TcpHeader::default()
    };
    let answer = |flags| {
        let header = header(flags);
        reset_for(&Segment::new(&header, Text::from(&text[..])))
    };
    assert_eq!(answer(Flags::RST), None);
    let reset = answer(Flags::ACK).expect("a RST");
    assert_eq!((reset.seq, reset.flags), (SeqNum(200), Flags::RST));
    assert_eq!((reset.src_port, reset.dst_port), (2, 1));
    let reset = answer(Flags::SYN | Flags::FIN).expect("a RST");
    assert_eq!((reset.seq, reset.ack, reset.flags), (SeqNum(0), SeqNum(112), Flags::RST | Flags::ACK));
    assert_eq!(ISS + 16, SeqNum(0), "the tests cross the end of sequence space");
}
