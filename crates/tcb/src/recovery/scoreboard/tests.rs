use sockeye_clock::Instant;
use sockeye_wire::{SackBlock, SeqNum};
use std::vec::Vec;

use super::{Marks, Scoreboard};
use crate::recovery::rate::DeliveryRate;

const MSS: u32 = 1000;

fn at(segments: u32) -> SeqNum {
    SeqNum(u32::MAX - 5500) + segments * MSS
}

fn now(millis: u64) -> Instant {
    Instant::from_millis(millis)
}

/// `count` segments in flight, each sent a millisecond after the one before.
fn board(count: u32) -> Scoreboard {
    let mut rate = DeliveryRate::new(now(0));
    let mut board = Scoreboard::new();
    for segment in 0..count {
        let at_time = now(segment.into());
        let stamp = rate.on_sent(at_time, segment * MSS, MSS);
        board.push(at_time, at(segment)..at(segment + 1), stamp, Marks::default());
    }
    board
}

/// SACKs from segment to segment; returns how many were news.
fn sack(board: &mut Scoreboard, from: u32, to: u32) -> u32 {
    let block = SackBlock { left: at(from), right: at(to) };
    let (mut index, mut news) = (board.index_from(block.left), 0);
    while let Some(hole) = board.next_in(&block, index) {
        board.mark_sacked(hole);
        (index, news) = (hole + 1, news + 1);
    }
    news
}

#[test]
fn a_block_is_news_once() {
    let mut board = board(10);
    assert_eq!(sack(&mut board, 2, 4), 2);
    assert_eq!(sack(&mut board, 2, 4), 0);
    assert_eq!(sack(&mut board, 6, 7), 1);
    assert_eq!(sack(&mut board, 1, 8), 4, "round what is SACKed already");
    assert_eq!((board.sacked().segments, board.sacked().bytes), (7, 7000));
    assert_eq!(board.fack(at(0)), at(8));
    board.assert_invariants(at(0), at(10));
}

/// As Linux: a part of a segment is not SACKed.
#[test]
fn parts_of_segments_do_not_count() {
    let mut board = board(4);
    let block = SackBlock { left: at(0) + 1, right: at(4) - 1 };
    let first = board.index_from(block.left);
    assert_eq!(board.next_in(&block, first), Some(1));
    board.mark_sacked(1);
    assert_eq!(board.next_in(&block, 2), Some(2));
    board.mark_sacked(2);
    assert_eq!(board.next_in(&block, 3), None);
}

#[test]
fn lost_segments_are_sent_again_in_order() {
    let mut rate = DeliveryRate::new(now(0));
    let mut board = board(6);
    for index in [4, 1, 3] {
        assert_eq!(board.mark_lost(index), MSS);
        assert_eq!(board.mark_lost(index), 0, "once");
    }
    let mut again = Vec::new();
    while let Some(index) = board.next_to_send() {
        let stamp = rate.on_sent(now(50), 0, MSS);
        board.on_resent(now(50), index, stamp, Marks::default());
        board.assert_invariants(at(0), at(6));
        again.push(index);
    }
    assert_eq!(again, [1, 3, 4]);
    assert_eq!((board.lost().segments, board.resent().segments), (3, 3));
    // They are the last ones in the order of sending now.
    let order: Vec<usize> = core::iter::from_fn(|| {
        let oldest = board.oldest_in_flight()?;
        board.mark_sacked(oldest);
        Some(oldest)
    })
    .collect();
    assert_eq!(order, [0, 2, 5, 1, 3, 4]);
    assert_eq!((board.lost().segments, board.resent().segments), (0, 0), "what arrived is not lost");
}

/// Segments that are lost again and again take one place each.
#[test]
fn what_was_sent_again_waits_no_more() {
    let mut rate = DeliveryRate::new(now(0));
    let mut board = board(6);
    for _ in 0..100 {
        for index in [1, 2, 3] {
            board.mark_lost(index);
        }
        for index in [1, 2, 3] {
            assert_eq!(board.next_to_send(), Some(index));
            let stamp = rate.on_sent(now(50), 0, MSS);
            board.on_resent(now(50), index, stamp, Marks::default());
        }
        assert!(board.to_send.is_empty(), "{:?}", board.to_send);
    }
}

#[test]
fn records_are_cut_when_the_path_shrinks() {
    let mut board = board(3);
    board.mark_lost(1);
    sack(&mut board, 2, 3);
    board.cut_to(400);
    assert_eq!(board.segments(), 9);
    assert_eq!((board.lost().segments, board.lost().bytes), (3, 1000));
    assert_eq!(board.sacked().segments, 3);
    assert_eq!(board.next_to_send(), Some(3));
    board.assert_invariants(at(0), at(3));
}

/// RFC 2018, section 8.
#[test]
fn what_was_sacked_can_be_taken_back() {
    let mut board = board(5);
    sack(&mut board, 1, 4);
    board.forget_sacks();
    assert_eq!(board.sacked().segments, 0);
    assert_eq!(sack(&mut board, 1, 4), 3);
    board.assert_invariants(at(0), at(5));
}

#[test]
fn acknowledged_records_leave() {
    let mut board = board(5);
    sack(&mut board, 3, 4);
    board.mark_lost(0);
    assert!(board.pop_acknowledged(at(0) + 500).is_none());
    board.trim(at(0) + 500);
    board.assert_invariants(at(0) + 500, at(5));
    assert_eq!(board.lost().bytes, 500);
    while board.pop_acknowledged(at(4)).is_some() {}
    board.assert_invariants(at(4), at(5));
    assert_eq!((board.segments(), board.sacked().segments, board.lost().segments), (1, 0, 0));
}

/// A hundred thousand segments in flight, and as many ACKs whose four blocks cover most of them again and again: if an ACK cost a
/// walk over the segments, this would take hours.
#[test]
fn an_ack_costs_no_walk() {
    const COUNT: u32 = 100_000;
    let mut board = board(COUNT);
    for round in 0..COUNT / 2 {
        let top = 2 * round + 1;
        assert_eq!(sack(&mut board, top, top + 1), 1);
        // What is SACKed already, from places that differ.
        let middle = (top / 2) | 1;
        sack(&mut board, middle, middle + 1);
    }
    assert_eq!(board.sacked().segments, COUNT / 2);
    assert_eq!(sack(&mut board, 1, COUNT), COUNT / 2 - 1);
    for round in 0..COUNT - 1 {
        for block in 1..=3 {
            assert_eq!(sack(&mut board, 1 + round / block, COUNT), 0);
        }
    }
    board.assert_invariants(at(0), at(COUNT));
}

/// RFC 2018, section 8: a peer that takes back again and again what it SACKed, while all counts as lost, does not make the list of what
/// is to be sent again longer than what is outstanding.
#[test]
fn reneging_leaves_nothing_behind() {
    const COUNT: u32 = 50;
    let mut board = board(COUNT);
    for _ in 0..100 {
        for index in 0..COUNT as usize {
            board.mark_lost(index);
        }
        sack(&mut board, 1, COUNT);
        board.forget_sacks();
        board.assert_invariants(at(0), at(COUNT));
    }
    assert!(board.to_send.len() <= COUNT as usize, "{}", board.to_send.len());
    assert_eq!(board.next_to_send(), Some(0));
}

/// The same for what is SACKed before it could be sent again.
#[test]
fn what_arrived_is_not_left_in_the_list() {
    const COUNT: u32 = 1000;
    let mut board = board(COUNT);
    for index in 0..COUNT as usize - 1 {
        board.mark_lost(index);
        board.mark_sacked(index);
    }
    assert!(board.to_send.len() <= 1, "{}", board.to_send.len());
}

/// What a narrower path leaves of a segment of which only the head was sent again is still to be sent.
#[test]
fn the_rest_of_a_head_is_not_in_the_network() {
    let mut board = board(2);
    board.mark_lost(0);
    let stamp = DeliveryRate::new(now(0)).on_sent(now(10), 2 * MSS, 400);
    board.on_resent(now(10), 0, stamp, Marks::PARTIAL);
    assert_eq!(board.next_to_send(), None);
    board.cut_to(400);
    board.assert_invariants(at(0), at(2));
    assert_eq!(board.next_to_send(), Some(1));
    assert_eq!((board.lost().bytes, board.resent().bytes), (1000, 400));
}
