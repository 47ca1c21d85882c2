//! Connections that begin before their handshake is complete, and text in SYNs (RFC 7413).

use super::fixture::{Build, IRS, ISS, ack, config, lines, rst, show, syn};
use crate::{Config, Event, FastOpenOutcome, Handshake, Progress, Reason, State, Tcb, Transmit};
use core::time::Duration;
use sockeye_buffer::{RecvQReader, SendQWriter, Slot};
use sockeye_clock::Instant;
use sockeye_wire::{FastOpen, SackBlocks};
use std::string::String;
use std::vec::Vec;

const NOW: Instant = Instant::from_millis(1000);

struct Early {
    tcb: Tcb,
    writer: SendQWriter,
    reader: RecvQReader,
}

impl Early {
    /// A SYN with `len` bytes of text and a good cookie came.
    fn new(len: usize) -> Self {
        let slot = Slot::on_heap(1 << 16, 1 << 16);
        let (sendq, recvq) = slot.open(50_000, 10_000);
        let syn = syn().syn_text(len);
        let handshake = Handshake::passive(NOW, config(), &syn.segment());
        let tcb = handshake.into_early_tcb(NOW, sendq, recvq, &syn.segment());
        Self { tcb, writer: slot.writer(), reader: slot.reader() }
    }

    fn sent(&mut self, now: Instant) -> Vec<String> {
        core::iter::from_fn(|| self.tcb.poll_transmit(now)).map(|transmit| show(&transmit)).collect()
    }

    fn arrives(&mut self, segment: &Build) {
        self.tcb.segment_arrives(NOW, &segment.segment());
        self.tcb.assert_invariants();
    }

    fn write(&mut self, len: usize) {
        assert_eq!(self.writer.write(&std::vec![7; len]), len);
        self.tcb.send(NOW);
    }
}

/// RFC 7413, 4.2: the SYN-ACK acknowledges the text, and the server may send before the handshake is complete.
#[test]
fn the_server_answers_at_once() {
    let mut early = Early::new(10);
    assert_eq!(early.tcb.state(), State::SynReceived);
    assert!(early.tcb.is_syn_text_taken);
    assert_eq!(early.reader.len(), 10);
    assert_eq!(early.sent(NOW), lines(&["S. 0:0(0) ack 11 win 9990"]));
    early.write(100);
    assert_eq!(early.sent(NOW), lines(&["P. 1:101(100) ack 11 win 9990"]));
    early.arrives(&ack(11, 1));
    assert_eq!(early.tcb.state(), State::Established);
    assert!(core::iter::from_fn(|| early.tcb.poll_event()).any(|event| event == Event::Established));
    early.arrives(&ack(11, 101));
    assert_eq!(early.tcb.status().snd_una, ISS + 101);
    assert_eq!(early.sent(NOW), lines(&[]));
}

/// An ACK of the answer completes the handshake, too: the ACK of the SYN-ACK may be lost.
#[test]
fn a_later_ack_completes() {
    let mut early = Early::new(0);
    assert!(!early.tcb.is_syn_text_taken);
    early.write(100);
    early.sent(NOW);
    early.arrives(&ack(1, 101).text(5));
    assert_eq!(early.tcb.state(), State::Established);
    assert_eq!(early.reader.len(), 5);
}

/// 3.10.7.4, fifth step: in SYN-RECEIVED an ACK of something else is answered with a RST.
#[test]
fn an_ack_of_something_else_is_reset() {
    for number in [0, 2, 50_000] {
        let mut early = Early::new(10);
        early.sent(NOW);
        early.arrives(&ack(11, number));
        assert_eq!(early.sent(NOW), lines(&[&std::format!("R {number}:{number}(0)")]));
        assert_eq!(early.tcb.state(), State::SynReceived);
    }
}

/// The SYN-ACK goes again, not the text; and there is an end (MUST-20).
#[test]
fn only_the_syn_ack_is_retransmitted() {
    let mut early = Early::new(10);
    early.sent(NOW);
    early.write(3000);
    early.sent(NOW);
    let mut sent = Vec::new();
    while let Some(at) = early.tcb.poll_timeout() {
        early.tcb.timeout(at);
        sent.extend(early.sent(at));
        assert!(sent.len() < 10, "{sent:?}");
    }
    assert_eq!(sent, std::vec![String::from("S. 0:0(0) ack 11 win 9990"); 5]);
    let events: Vec<Event> = core::iter::from_fn(|| early.tcb.poll_event()).collect();
    assert!(events.contains(&Event::Aborted(Reason::TimedOut)), "{events:?}");
}

/// A client that did not hear the SYN-ACK sends its SYN again, with or without the text.
#[test]
fn the_syn_again_is_answered_with_the_syn_ack() {
    let mut early = Early::new(10);
    early.sent(NOW);
    early.arrives(&syn());
    assert_eq!(early.sent(NOW), lines(&["S. 0:0(0) ack 11 win 9990"]));
    early.arrives(&syn().syn_text(10));
    assert_eq!(early.sent(NOW), lines(&[]), "not for every one");
    assert_eq!(early.reader.len(), 10);
}

/// What was read before can be read after a RST; 3.10.5: ABORT sends one.
#[test]
fn resets() {
    let mut early = Early::new(10);
    early.sent(NOW);
    early.arrives(&rst(11));
    assert_eq!(early.tcb.state(), State::Closed);
    assert_eq!(early.reader.len(), 10);
    let mut early = Early::new(10);
    early.sent(NOW);
    early.tcb.abort(NOW);
    assert_eq!(early.sent(NOW), lines(&["R. 1:1(0) ack 11"]));
    assert_eq!(early.tcb.poll_timeout(), None);
}

/// The peer's FIN in SYN-RECEIVED, and ours.
#[test]
fn closes() {
    let mut early = Early::new(10);
    early.sent(NOW);
    early.arrives(&ack(11, 1).fin());
    assert_eq!(early.tcb.state(), State::CloseWait);
    assert_eq!(early.sent(NOW), lines(&[". 1:1(0) ack 12 win 9989"]));
    let mut early = Early::new(0);
    early.sent(NOW);
    early.tcb.close(NOW);
    assert_eq!(early.sent(NOW), lines(&["F. 1:1(0) ack 1 win 10000"]));
    early.arrives(&ack(1, 2));
    assert_eq!(early.tcb.state(), State::FinWait2);
}

fn cookie() -> FastOpen {
    FastOpen { cookie: [1, 2, 3, 4].into_iter().collect(), is_experimental: false }
}

fn launched(text: usize) -> Handshake {
    let mut handshake = Handshake::fast_open(NOW, config(), Some(cookie()), 900);
    assert!(handshake.is_deferred());
    assert_eq!(handshake.poll_transmit(NOW), None, "it waits for text");
    assert_eq!(handshake.poll_timeout(), None);
    handshake.launch(NOW, text);
    handshake
}

fn polled(handshake: &mut Handshake, now: Instant) -> Transmit {
    handshake.poll_transmit(now).expect("a segment")
}

/// RFC 7413, 4.2.1: as much text as there is room for; a SYN that goes again is an ordinary one.
#[test]
fn text_goes_with_the_first_syn_only() {
    let mut handshake = launched(2000);
    let first = polled(&mut handshake, NOW);
    assert_eq!(first.header.options.fast_open, Some(cookie()));
    assert_eq!(show(&first), "S 0:900(900) win 10000");
    let at = handshake.poll_timeout().expect("it runs");
    assert_eq!(handshake.timeout(at), Progress::Waiting);
    let again = polled(&mut handshake, at);
    assert_eq!(again.header.options.fast_open, None);
    assert_eq!(show(&again), "S 0:0(0) win 10000");
}

/// 3.10.7.3, first step: an ACK of the SYN, or of text with it, and of nothing else; what is not acknowledged goes again at once.
#[test]
fn answers_to_text() {
    for (acked, rest) in [(0, "P. 1:101(100)"), (60, "P. 61:101(40)"), (100, ". 101:101(0)")] {
        let slot = Slot::on_heap(1 << 16, 1 << 16);
        let (sendq, recvq) = slot.open(50_000, 10_000);
        slot.writer().write(&[7; 100]);
        let mut handshake = launched(100);
        polled(&mut handshake, NOW);
        let answer = syn().acking(1 + acked);
        let progress = handshake.segment_arrives(NOW, &answer.segment());
        assert_eq!(progress, Progress::Established { redeliver: false });
        let outcome = handshake.fast_open_outcome().expect("it was tried");
        let expected = FastOpenOutcome {
            mss: Some(1000),
            asked: Some(cookie()),
            granted: None,
            sent: 100,
            acked,
            retransmissions: 0,
        };
        assert_eq!(outcome, expected);
        let mut tcb = handshake.into_tcb(NOW, sendq, recvq);
        assert_eq!(tcb.is_syn_text_taken, acked == 100);
        let sent = tcb.poll_transmit(NOW).expect("an ACK at least");
        assert_eq!(show(&sent), std::format!("{rest} ack 1 win 10000"));
        assert_eq!(tcb.poll_transmit(NOW), None);
        tcb.segment_arrives(NOW, &ack(1, 101).segment());
        assert_eq!(tcb.send_queue(), 0);
    }
    for beyond in [0, 102, 100_000] {
        let mut handshake = launched(100);
        polled(&mut handshake, NOW);
        let answer = syn().acking(beyond);
        assert_eq!(handshake.segment_arrives(NOW, &answer.segment()), Progress::Waiting);
        assert_eq!(show(&polled(&mut handshake, NOW)), std::format!("R {beyond}:{beyond}(0)"));
    }
}

/// 3.10.7.3, fourth step: text and FIN of a SYN-ACK are taken.
#[test]
fn a_syn_ack_with_text_and_fin() {
    let slot = Slot::on_heap(1 << 16, 1 << 16);
    let (sendq, recvq) = slot.open(50_000, 10_000);
    let mut handshake = launched(0);
    polled(&mut handshake, NOW);
    let answer = syn().acking(1).syn_text(500).fin();
    let progress = handshake.segment_arrives(NOW, &answer.segment());
    assert_eq!(progress, Progress::Established { redeliver: true });
    let mut tcb = handshake.into_tcb(NOW, sendq, recvq);
    tcb.redeliver(NOW, &answer.segment());
    assert_eq!(tcb.state(), State::CloseWait);
    assert_eq!(slot.reader().len(), 500);
    let sent = tcb.poll_transmit(NOW).expect("an ACK");
    assert_eq!(sent.header.ack, IRS + 502);
    assert_eq!(sent.header.options.sack, SackBlocks::default());
    assert_eq!(tcb.status().snd_wnd, 20_000, "RFC 7323, 2.2: the window of a SYN is not scaled");
}

/// As Linux: an answer with the echo of a timestamp that no SYN of ours had is another connection's.
#[test]
fn an_impossible_echo_is_reset() {
    let with_stamps = Config { timestamps: true, ..config() };
    let mut handshake = Handshake::active(NOW, with_stamps);
    let stamp = polled(&mut handshake, NOW).header.options.timestamps.expect("timestamps").value;
    let later = NOW + Duration::from_millis(10);
    for echo in [stamp - 1, stamp + 11, 9] {
        let answer = syn().acking(1).stamps(5, echo);
        assert_eq!(handshake.segment_arrives(later, &answer.segment()), Progress::Waiting);
        assert_eq!(show(&polled(&mut handshake, later)), "R 1:1(0)");
    }
    let answer = syn().acking(1).stamps(5, stamp);
    assert_eq!(
        handshake.segment_arrives(later, &answer.segment()),
        Progress::Established { redeliver: false }
    );
}
