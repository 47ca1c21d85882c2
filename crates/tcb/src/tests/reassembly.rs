//! Text out of order, from peers that mean no good: memory and time for each segment are bounded, and what came stays.

use sockeye_wire::Options;

use super::fixture::{Fixture, IRS, ack, config, syn};
use crate::{Config, State};

/// Ranges that RecvQ keeps.
const MOST: usize = 1024;

fn roomy() -> Fixture {
    let options =
        Options { mss: Some(1000), window_scale: Some(0), sack_permitted: true, ..Options::default() };
    let config = Config { window_scaling: true, sack: true, recv_buffer: 1 << 20, ..config() };
    let mut fixture = Fixture::with(config, &syn().options(options), &ack(1, 1));
    // Text has come before, so the whole window is open.
    fixture.tcb.tuning.window_limit = 1 << 20;
    fixture.arrives(&ack(1, 1).text(1000));
    fixture.sent();
    fixture
}

/// A hundred thousand segments of one byte with a hole after each: only so many ranges are kept, each segment is answered with at most one
/// segment, and what joins a range or comes in order is taken all the same.
#[test]
fn holes_without_end() {
    let mut fixture = roomy();
    for index in 0..100_000u32 {
        fixture.arrives(&ack(1003 + 2 * index, 1).text(1));
        assert_eq!(fixture.transmits().len(), 1);
    }
    assert_eq!(fixture.tcb.recvq.out_of_order().count(), MOST);
    assert_eq!(fixture.tcb.recv_queue(), 1000);
    assert_eq!(fixture.tcb.info(fixture.now).rcv_out_of_order, 100_000);
    // Two ranges become one, and there is room for another.
    fixture.arrives(&ack(1004, 1).text(1));
    assert_eq!(fixture.tcb.recvq.out_of_order().count(), MOST - 1);
    fixture.arrives(&ack(900_001, 1).text(10));
    let sent = fixture.transmits();
    let newest = sent.last().expect("an ACK").header.options.sack[0];
    assert_eq!((newest.left.since(IRS), newest.right.since(IRS)), (900_001, 900_011));
    // In order: always.
    fixture.arrives(&ack(1001, 1).text(3000));
    assert_eq!(fixture.tcb.recv_queue(), 1000 + 3000);
}

/// The same, the other way round and with every byte in the end: nothing is lost by it.
#[test]
fn bytes_one_by_one_from_the_end() {
    let mut fixture = roomy();
    for seq in (1001..11_001).rev() {
        fixture.arrives(&ack(seq, 1).text(1));
        assert!(fixture.tcb.recvq.out_of_order().count() <= 1);
        fixture.transmits();
    }
    assert_eq!(fixture.tcb.recv_queue(), 11_000);
    fixture.read(11_000);
}

/// Of text that comes twice with different bytes the first counts, in whatever order the rest comes.
#[test]
fn first_text_stays() {
    let mut fixture = roomy();
    // The bytes of the fixture are told by their place: these are wrong ones, from another place.
    fixture.arrives(&ack(2001, 1).text(1000));
    fixture.arrives(&ack(3501, 1).text(500));
    let mut forged = ack(9001, 1).text(4000);
    forged.move_to(1501);
    fixture.arrives(&forged);
    // 1001 to 1501 is missing; of what was forged only the holes are filled.
    fixture.arrives(&ack(1001, 1).text(500));
    assert_eq!(fixture.tcb.recv_queue(), 1000 + 4500);
    let mut bytes = std::vec![0; 5500];
    assert_eq!(fixture.reader.peek(0, &mut bytes), 5500);
    let (right, wrong) = (super::fixture::byte_at, |place: usize| super::fixture::byte_at(place + 7500));
    for (index, byte) in bytes.into_iter().enumerate() {
        let place = index + 1;
        let is_hole = (1501..2001).contains(&place) || (3001..3501).contains(&place) || place >= 4001;
        assert_eq!(byte, if is_hole { wrong(place) } else { right(place) }, "{place}");
    }
}

/// 3.10.7.4, first step: a FIN beyond the window is not remembered, and does not end the text before it.
#[test]
fn fin_beyond_the_window() {
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(9_001, 1).text(1500).fin());
    assert_eq!(fixture.tcb.rcv.fin, None);
    fixture.arrives(&ack(1, 1).text(9000));
    assert_eq!(fixture.tcb.state(), State::Established);
    assert_eq!(fixture.tcb.recv_queue(), 10_000, "its text was taken as far as there was room");
    // At the edge it counts.
    fixture.arrives(&ack(10_001, 1).fin());
    assert_eq!(fixture.tcb.state(), State::CloseWait);
}

/// 3.4: segments of the last trip round the circle are old, however far back they lie.
#[test]
fn old_segments_of_the_last_wrap() {
    let mut fixture = roomy();
    for back in [1 << 20, 1 << 24, 1 << 30, (1u32 << 31) - 2000] {
        fixture.arrives(&ack(1001u32.wrapping_sub(back), 1).text_of(7, 1000));
        assert_eq!(fixture.tcb.recv_queue(), 1000, "{back}");
        assert!(!fixture.tcb.recvq.has_out_of_order());
        fixture.transmits();
    }
}

/// RFC 7323, 2.3: the largest window there is, with text at its far end.
#[test]
fn window_of_a_gibibyte() {
    let options =
        Options { mss: Some(1000), window_scale: Some(14), sack_permitted: true, ..Options::default() };
    let config = Config { window_scaling: true, sack: true, recv_buffer: 1 << 30, ..config() };
    let mut fixture = Fixture::with_room(config, &syn().options(options), &ack(1, 1));
    fixture.tcb.tuning.window_limit = u32::MAX;
    fixture.arrives(&ack(1, 1).text(1000));
    let window = 65_535u32 << 14;
    assert_eq!(fixture.transmits()[0].header.window, 65_535);
    assert_eq!(fixture.tcb.rcv.wnd(), window);
    fixture.arrives(&ack(1001 + window - 1000, 1).text_of(1, 1000));
    let sent = fixture.transmits();
    let block = sent[0].header.options.sack[0];
    assert_eq!((block.left.since(IRS), block.right.since(IRS)), (1001 + window - 1000, 1001 + window));
    // One byte beyond it is not taken.
    fixture.arrives(&ack(1001 + window, 1).text_of(1, 1000));
    assert_eq!(fixture.tcb.recvq.out_of_order_end(), Some(window as usize));
    fixture.transmits();
    fixture.arrives(&ack(1001, 1).text(1000));
    assert_eq!(fixture.tcb.recv_queue(), 2000);
}
