//! Explicit congestion notification (SHLD-8, 3.8.2): RFC 3168, section 6.1, and RFC 8257.

use sockeye_wire::{Ecn, Flags};

use super::fixture::{Build, Fixture, ISS, ack, config, syn};
use crate::{Config, CongestionConfig, CongestionControl, EcnConfig, EcnMode, Handshake, Progress};

const ASKING: Flags = Flags::ECE.union(Flags::CWR);
const ECN_FLAGS: Flags = ASKING;

fn with_mode(mode: EcnMode) -> Config {
    Config { ecn: EcnConfig { mode, ..EcnConfig::new() }, ..config() }
}

fn with_control(control: CongestionControl) -> Config {
    Config { congestion: CongestionConfig { control, ..CongestionConfig::new() }, ..config() }
}

fn asking() -> Build {
    syn().flag(ASKING)
}

/// A connection that has agreed on ECN.
fn agreed(config: Config) -> Fixture {
    let mut fixture = Fixture::with(config, &asking(), &ack(1, 1).window(60_000));
    fixture.sent();
    fixture
}

/// The ECN flags and the codepoint of each segment that goes out.
fn marks(fixture: &mut Fixture) -> std::vec::Vec<(Flags, Ecn)> {
    fixture.transmits().iter().map(|sent| (sent.header.flags & ECN_FLAGS, sent.ecn)).collect()
}

fn first_flags(handshake: &mut Handshake) -> Flags {
    let sent = handshake.poll_transmit(sockeye_clock::Instant::ZERO).expect("a SYN is owed");
    assert_eq!(sent.ecn, Ecn::NotEct, "RFC 3168, 6.1.1: no codepoint on a SYN");
    sent.header.flags & ECN_FLAGS
}

/// RFC 3168, 6.1.1: a SYN asks with ECE and CWR; it does so in mode 1, or for DCTCP.
#[test]
fn a_syn_asks_if_it_is_to() {
    let now = sockeye_clock::Instant::ZERO;
    for (config, flags) in [
        (with_mode(EcnMode::Off), Flags::empty()),
        (with_mode(EcnMode::Accept), Flags::empty()),
        (with_mode(EcnMode::Request), ASKING),
        (with_control(CongestionControl::Dctcp), ASKING),
    ] {
        assert_eq!(first_flags(&mut Handshake::active(now, config)), flags);
    }
}

/// RFC 3168, 6.1.1.1: one that is sent again does not ask, and the answer to the first one is not believed then.
#[test]
fn a_syn_sent_again_does_not_ask() {
    for (fallback, flags) in [(true, Flags::empty()), (false, ASKING)] {
        let config = Config { ecn: EcnConfig { mode: EcnMode::Request, fallback }, ..config() };
        let mut handshake = Handshake::active(sockeye_clock::Instant::ZERO, config);
        assert_eq!(first_flags(&mut handshake), ASKING);
        let at = handshake.poll_timeout().expect("it waits");
        handshake.timeout(at);
        assert_eq!(first_flags(&mut handshake), flags);
        let answer = syn().acking(1).flag(Flags::ECE);
        assert!(matches!(handshake.segment_arrives(at, &answer.segment()), Progress::Established { .. }));
        assert_eq!(handshake.peer_agrees_on_ecn(), !fallback);
    }
}

/// RFC 3168, 6.1.1: a SYN-ACK with ECE and without CWR agrees.
#[test]
fn only_ece_alone_agrees() {
    for (flags, agrees) in [(Flags::empty(), false), (Flags::ECE, true), (Flags::CWR, false), (ASKING, false)]
    {
        let now = sockeye_clock::Instant::ZERO;
        let mut handshake = Handshake::active(now, with_mode(EcnMode::Request));
        first_flags(&mut handshake);
        handshake.segment_arrives(now, &syn().acking(1).flag(flags).segment());
        assert_eq!(handshake.peer_agrees_on_ecn(), agrees, "{flags:?}");
    }
}

/// RFC 3168, 6.1.1: the answer to a SYN that asks is ECE, if ECN is accepted, and if the SYN bears no codepoint.
#[test]
fn a_syn_ack_agrees() {
    let now = sockeye_clock::Instant::ZERO;
    for (config, syn, flags) in [
        (with_mode(EcnMode::Off), asking(), Flags::empty()),
        (with_mode(EcnMode::Accept), asking(), Flags::ECE),
        (with_mode(EcnMode::Request), asking(), Flags::ECE),
        (with_mode(EcnMode::Accept), syn(), Flags::empty()),
        (with_mode(EcnMode::Accept), syn().flag(Flags::ECE), Flags::empty()),
        (with_mode(EcnMode::Accept), asking().codepoint(Ecn::Ect0), Flags::empty()),
        (with_control(CongestionControl::Dctcp), asking().codepoint(Ecn::Ect0), Flags::ECE),
    ] {
        let mut handshake = Handshake::passive(now, config, &syn.segment());
        assert_eq!(first_flags(&mut handshake), flags, "{syn:?}");
    }
}

/// RFC 3168, 6.1.4, 6.1.5: new text has ECT(0); pure ACKs and what is sent again have not.
#[test]
fn only_new_text_has_a_codepoint() {
    let mut fixture = agreed(config());
    fixture.write(2000);
    assert_eq!(marks(&mut fixture), [(Flags::empty(), Ecn::Ect0); 2]);
    fixture.next_timer();
    let again = marks(&mut fixture);
    assert!(!again.is_empty());
    assert!(again.iter().all(|(_, ecn)| *ecn == Ecn::NotEct), "{again:?}");
    fixture.arrives(&ack(1, 2001).text(1000));
    fixture.arrives(&ack(1001, 2001).text(1000));
    let acks = marks(&mut fixture);
    assert!(!acks.is_empty());
    assert!(acks.iter().all(|mark| *mark == (Flags::empty(), Ecn::NotEct)), "{acks:?}");
}

#[test]
fn without_agreement_nothing_has_a_codepoint() {
    let mut fixture = Fixture::established();
    fixture.write(2000);
    fixture.arrives(&ack(1, 1).text(1000).codepoint(Ecn::Ce));
    assert!(marks(&mut fixture).iter().all(|mark| *mark == (Flags::empty(), Ecn::NotEct)));
}

/// RFC 3168, 6.1.3: ECE in every ACK, from CE until CWR.
#[test]
fn a_mark_is_echoed_until_the_sender_has_reacted() {
    let mut fixture = agreed(config());
    let mut seq = 1;
    let mut arrives = |fixture: &mut Fixture, ecn, flags| {
        fixture.arrives(&ack(seq, 1).text(1000).codepoint(ecn).flag(flags));
        seq += 1000;
        marks(fixture)
    };
    arrives(&mut fixture, Ecn::Ect0, Flags::empty());
    let echo = arrives(&mut fixture, Ecn::Ce, Flags::empty());
    assert_eq!(echo, [(Flags::ECE, Ecn::NotEct)], "at once");
    fixture.write(1000);
    assert_eq!(marks(&mut fixture), [(Flags::ECE, Ecn::Ect0)], "in every ACK");
    fixture.read(2000);
    arrives(&mut fixture, Ecn::Ect0, Flags::empty());
    assert!(fixture.tcb.ecn.is_echoing());
    let echo = arrives(&mut fixture, Ecn::Ect0, Flags::CWR);
    assert_eq!(echo, [(Flags::empty(), Ecn::NotEct)], "it has reacted");
    let echo = arrives(&mut fixture, Ecn::Ce, Flags::CWR);
    assert_eq!(echo, [(Flags::ECE, Ecn::NotEct)], "and is marked again");
}

/// RFC 3168, 6.1.2: after any reduction the first new text has CWR, once; what is sent again has not.
#[test]
fn new_text_says_that_cwnd_was_reduced() {
    let mut fixture = agreed(config());
    fixture.write(30_000);
    assert_eq!(fixture.transmits().len(), 10);
    fixture.next_timer();
    let again = fixture.transmits();
    assert!(again.iter().all(|sent| !sent.header.flags.contains(Flags::CWR)), "{again:?}");
    fixture.arrives(&ack(1, 10_001).window(60_000));
    let sent = fixture.transmits();
    assert!(sent.len() >= 2);
    for (place, sent) in sent.iter().enumerate() {
        assert_eq!(sent.header.flags.contains(Flags::CWR), place == 0, "{sent:?}");
        assert!(!sent.header.seq.before(ISS + 10_001));
    }
}

/// RFC 8257, 3.2: an ACK at once when DCTCP.CE changes, and before it one for what came before.
#[test]
fn dctcp_echoes_exactly_what_is_marked() {
    let mut fixture = agreed(with_control(CongestionControl::Dctcp));
    fixture.spend_quick_acks();
    let start = fixture.tcb.rcv.nxt.since(super::fixture::IRS);
    fixture.arrives(&ack(start, 1).text(500).codepoint(Ecn::Ect0));
    assert_eq!(marks(&mut fixture), [], "it is delayed");
    fixture.arrives(&ack(start + 500, 1).text(500).codepoint(Ecn::Ce));
    let sent = fixture.transmits();
    let told: std::vec::Vec<_> = sent
        .iter()
        .map(|sent| {
            (sent.header.ack.since(super::fixture::IRS) - start, sent.header.flags & ECN_FLAGS, sent.ecn)
        })
        .collect();
    assert_eq!(told, [(500, Flags::empty(), Ecn::Ect0), (1000, Flags::ECE, Ecn::Ect0)]);
    // RFC 8257, 3.2: CWR means nothing here.
    fixture.arrives(&ack(start + 1000, 1).text(500).codepoint(Ecn::Ce).flag(Flags::CWR));
    fixture.arrives(&ack(start + 1500, 1).text(500).codepoint(Ecn::Ect0));
    let told = marks(&mut fixture);
    assert_eq!(told.last(), Some(&(Flags::empty(), Ecn::Ect0)), "{told:?}");
}
