//! What is told of text out of order and of text that came twice.

use sockeye_wire::Options;
use std::format;
use std::string::String;
use std::vec::Vec;

use super::fixture::{Build, Fixture, IRS, ack, config, lines, show, syn};
use crate::{Config, Transmit};

fn with_sack() -> Options {
    Options { mss: Some(1000), sack_permitted: true, ..Options::default() }
}

fn fixture() -> Fixture {
    Fixture::with(Config { sack: true, ..config() }, &syn().options(with_sack()), &ack(1, 1))
}

/// A segment with its blocks, as packetdrill writes them.
fn show_sacks(transmit: &Transmit) -> String {
    let mut shown = format!("ack {}", transmit.header.ack.since(IRS));
    for block in &transmit.header.options.sack {
        shown += &format!(" {}:{}", block.left.since(IRS), block.right.since(IRS));
    }
    shown
}

/// What the segments are answered with, one after the other.
fn answers(fixture: &mut Fixture, segments: &[Build]) -> Vec<String> {
    let mut shown = Vec::new();
    for segment in segments {
        fixture.arrives(segment);
        shown.extend(fixture.transmits().iter().map(show_sacks));
    }
    shown
}

fn text(seq: u32, len: usize) -> Build {
    ack(seq, 1).text(len)
}

/// RFC 2018, section 2: the option is answered only if it was offered, and blocks are sent only if it was negotiated.
#[test]
fn blocks_need_the_option_in_both_syns() {
    for (offers, permits) in [(false, true), (true, false), (false, false)] {
        let syn = if permits { syn().options(with_sack()) } else { syn() };
        let mut fixture = Fixture::with(Config { sack: offers, ..config() }, &syn, &ack(1, 1));
        assert_eq!(answers(&mut fixture, &[text(2001, 1000), text(1, 500)]), ["ack 1", "ack 501"]);
    }
}

/// RFC 2018, section 4: the block with the segment that caused the ACK first, then those that were told last.
#[test]
fn newest_block_comes_first() {
    let mut fixture = fixture();
    let sent = answers(
        &mut fixture,
        &[text(1001, 500), text(2001, 500), text(3001, 500), text(1501, 200), text(2501, 500)],
    );
    assert_eq!(
        sent,
        [
            "ack 1 1001:1501",
            "ack 1 2001:2501 1001:1501",
            "ack 1 3001:3501 2001:2501 1001:1501",
            "ack 1 1001:1701 3001:3501 2001:2501",
            // It joins two blocks.
            "ack 1 2001:3501 1001:1701",
        ]
    );
    // RCV.NXT passes the first block.
    assert_eq!(answers(&mut fixture, &[text(1, 1000)]), ["ack 1701 2001:3501"]);
    assert_eq!(answers(&mut fixture, &[text(1701, 300)]), ["ack 3501"]);
}

/// Four blocks fit, beside timestamps three; those that changed longest ago are left out.
#[test]
fn as_many_blocks_as_fit() {
    let spread: Vec<Build> = (1..=6).map(|index| text(index * 1000 + 1, 10)).collect();
    let sent = answers(&mut fixture(), &spread);
    assert_eq!(sent.last().expect("an ACK"), "ack 1 6001:6011 5001:5011 4001:4011 3001:3011");

    let stamped = Config { sack: true, timestamps: true, ..config() };
    let syn = syn().options(with_sack()).stamps(1, 0);
    let mut fixture = Fixture::with(stamped, &syn, &ack(1, 1).stamps(1, 1001));
    for segment in spread {
        fixture.arrives(&segment.stamps(1, 1001));
    }
    let last = fixture.transmits().pop().expect("an ACK");
    let mut bytes = [0; 60];
    let len = last.header.emit(&mut bytes);
    assert_eq!(len, 60, "the longest header");
    let (header, _) = sockeye_wire::TcpHeader::parse(&bytes).expect("a header");
    assert_eq!(header.options.sack.len(), 3);
    assert_eq!(header.options.sack[..], last.header.options.sack[..3]);
}

/// RFC 2883, section 4: what came again is told first, once; when it lies above RCV.NXT its block comes after it.
#[test]
fn duplicates_are_told_once() {
    let mut fixture = fixture();
    let sent = answers(
        &mut fixture,
        &[
            text(1, 1000),
            // All of it old, part of it old.
            text(1, 1000),
            text(501, 1000),
            text(2001, 1000),
            // Within a block; across its edge.
            text(2001, 500),
            text(2501, 1000),
            // A gap closes, with more than is missing.
            text(1501, 1000),
            text(3501, 100),
        ],
    );
    assert_eq!(
        sent,
        [
            "ack 1001",
            "ack 1001 1:1001",
            "ack 1501 501:1001",
            "ack 1501 2001:3001",
            "ack 1501 2001:2501 2001:3001",
            "ack 1501 2501:3001 2001:3501",
            "ack 3501 2001:2501",
            "ack 3601",
        ]
    );
}

/// Duplicates that touch are told together, if no ACK came between them.
#[test]
fn duplicates_that_touch_are_told_together() {
    for (again, told) in [
        ([(501, 500), (1, 500)], "1:1001"),
        ([(1, 700), (501, 300)], "1:801"),
        ([(1, 100), (501, 100)], "1:101"),
    ] {
        let mut fixture = fixture();
        assert_eq!(answers(&mut fixture, &[text(1, 1000)]), ["ack 1001"]);
        for (seq, len) in again {
            fixture.arrives(&text(seq, len));
        }
        let sent: Vec<String> = fixture.transmits().iter().map(show_sacks).collect();
        assert_eq!(sent, [format!("ack 1001 {told}")]);
    }
}

/// tcp_dsack=0.
#[test]
fn duplicates_are_not_told_when_that_is_off() {
    let quiet = Config { sack: true, dsack: false, ..config() };
    let mut fixture = Fixture::with(quiet, &syn().options(with_sack()), &ack(1, 1));
    let sent = answers(&mut fixture, &[text(1, 1000), text(1, 1000), text(2001, 10), text(2001, 10)]);
    assert_eq!(sent, ["ack 1001", "ack 1001", "ack 1001 2001:2011", "ack 1001 2001:2011"]);
}

/// A FIN behind text out of order belongs to the block, as Linux has it.
#[test]
fn fin_belongs_to_its_block() {
    let mut fixture = fixture();
    assert_eq!(answers(&mut fixture, &[text(1001, 100).fin()]), ["ack 1 1001:1102"]);
    assert_eq!(answers(&mut fixture, &[text(1, 1000)]), ["ack 1102"]);
}

/// RFC 6691, section 3: text makes room for the blocks that go with it, so that no segment is larger than the MSS allows.
#[test]
fn text_makes_room_for_blocks() {
    let mut fixture = fixture();
    fixture.arrives(&text(1001, 10));
    fixture.transmits();
    fixture.write(3000);
    let sent = fixture.transmits();
    assert_eq!(
        sent.iter().map(show).collect::<Vec<_>>()[..2],
        lines(&[". 1:989(988) ack 1 win 10000", ". 989:1977(988) ack 1 win 10000"])
    );
    for segment in &sent {
        assert_eq!(segment.header.options.sack.len(), 1);
        assert!(segment.text_len + segment.header.options.len() <= 1000);
    }
}

/// RFC 2883, section 4: a duplicate is told once, and not by a segment that has no room for blocks.
#[test]
fn full_segment_sent_again_leaves_the_duplicate_to_the_next_ack() {
    let mut fixture = fixture();
    fixture.write(1000);
    fixture.transmits();
    // The retransmission and the duplicate fall together.
    fixture.next_timer();
    fixture.arrives(&text(1, 10));
    fixture.arrives(&text(1, 10));
    let sent = fixture.transmits();
    let again = sent.iter().find(|segment| segment.text_len == 1000).expect("it is sent again");
    assert_eq!(again.header.options.sack.len(), 0);
    let told = sent.iter().filter(|segment| !segment.header.options.sack.is_empty()).count();
    assert_eq!(told, 1, "{:?}", sent.iter().map(show_sacks).collect::<Vec<_>>());
}
