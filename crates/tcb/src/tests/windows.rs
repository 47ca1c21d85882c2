//! The windows we offer, and probing of the peer's.

use core::time::Duration;
use std::vec::Vec;

use super::fixture::{Fixture, ack, config, lines, ms, syn};
use crate::{Allowance, Config, Event, Reason, State, Strain};

/// RecvQ is filled to its last byte.
fn filled() -> Fixture {
    let mut fixture = Fixture::established();
    for seq in (1..10_001).step_by(1000) {
        fixture.arrives(&ack(seq, 1).text(1000));
    }
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 10001 win 0"]));
    fixture
}

/// MUST-39: the right edge moves by a segment or half of the buffer, or not at all; the program rings only for that.
#[test]
fn receiver_offers_no_silly_windows() {
    let mut fixture = filled();
    assert!(!fixture.read(999), "not worth a doorbell");
    // A probe is told the same.
    fixture.arrives(&ack(10_000, 1));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 10001 win 0"]));
    assert!(fixture.read(1), "now it is");
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 10001 win 1000"]));
    // The next update is worth a segment when the window at least doubles.
    assert!(!fixture.read(999));
    assert!(fixture.read(1));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 10001 win 2000"]));
    assert!(!fixture.read(1999));
    assert!(fixture.read(1));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 10001 win 4000"]));
}

/// MUST-39 with a buffer smaller than two segments: half of it counts.
#[test]
fn receiver_with_a_small_buffer() {
    let config = Config { recv_buffer: 600, ..config() };
    let mut fixture = Fixture::with(config, &syn(), &ack(1, 1));
    fixture.arrives(&ack(1, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 601 win 0"]), "what finds no room is not acknowledged");
    assert!(!fixture.read(299));
    assert!(fixture.read(1));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 601 win 300"]));
}

/// SHLD-14: the right edge never moves left, even when the buffer is made smaller.
#[test]
fn right_edge_never_moves_left() {
    let mut fixture = Fixture::established();
    fixture.tcb.rings_mut().1.set_limit(4000);
    fixture.arrives(&ack(1, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 1001 win 9000"]));
    fixture.arrives(&ack(1001, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 2001 win 8000"]));
}

/// The exception to SHLD-14: text for which there is no memory takes the window back, as on Linux since 6.6; what the program reads opens
/// it. The peer's ACKs are believed wherever it had been allowed to send.
#[test]
fn window_is_taken_back_for_want_of_memory() {
    let mut fixture = Fixture::established();
    fixture.write(100);
    fixture.sent();
    fixture.tcb.allow(Allowance { send: 4096, receive: 2000, strain: Strain::Pressed });
    fixture.arrives(&ack(1, 1).text(1000));
    assert_eq!(fixture.sent(), lines(&[". 101:101(0) ack 1001 win 9000"]));
    // Of the next one only the beginning finds room.
    fixture.arrives(&ack(1001, 1).text(1500));
    assert_eq!(fixture.sent(), lines(&[". 101:101(0) ack 2001 win 0"]));
    fixture.arrives(&ack(2001, 1).text(500));
    assert_eq!(fixture.sent(), lines(&[". 101:101(0) ack 2001 win 0"]));
    // Sent from an edge that was allowed once.
    fixture.arrives(&ack(2501, 101));
    assert_eq!(fixture.tcb.snd.una, fixture.tcb.snd.nxt, "what it acknowledges is");
    assert!(!fixture.read(999), "not worth a doorbell");
    assert!(fixture.read(1));
    assert_eq!(fixture.sent(), lines(&[". 101:101(0) ack 2001 win 1000"]));
}

/// SHLD-14 and scaling: what the shift cuts off does not accumulate, and no more is offered than there is.
#[test]
fn scaled_windows_never_offer_too_much() {
    let options = sockeye_wire::Options { window_scale: Some(0), mss: Some(1000), ..Default::default() };
    let recv_buffer = 300_001;
    let config = Config { window_scaling: true, recv_buffer, ..config() };
    let mut fixture = Fixture::with(config, &syn().options(options), &ack(1, 1));
    let (mut seq, mut last_edge) = (1, 0);
    for len in [1usize, 2, 3, 999, 1000, 7, 1, 1, 500].into_iter().cycle().take(900) {
        fixture.arrives(&ack(seq, 1).text(len));
        seq += len as u32;
        for sent in fixture.transmits() {
            let window = usize::from(sent.header.window) << fixture.tcb.rcv.shift;
            let edge = sent.header.ack.since(super::fixture::IRS) as usize + window;
            assert!(edge <= 1 + recv_buffer, "no more than there is");
            // What the shift cannot express is at most this.
            assert!(edge + 8 > last_edge, "{edge} {last_edge}");
            last_edge = edge;
        }
    }
}

/// A scale coarser than a segment: the window moves by what it can tell.
#[test]
fn scale_is_coarser_than_a_segment() {
    let options = sockeye_wire::Options { window_scale: Some(0), mss: Some(48), ..Default::default() };
    let config = Config { window_scaling: true, recv_buffer: 1 << 23, ..config() };
    let mut fixture = Fixture::with(config, &syn().options(options), &ack(1, 1));
    let room = fixture.tcb.rings_mut().1.limit();
    for seq in (1..=room as u32).step_by(32_768) {
        fixture.arrives(&ack(seq, 1).text(32_768));
        fixture.sent();
    }
    assert_eq!(fixture.reader.len(), room);
    fixture.read(60);
    fixture.tcb.receive(fixture.now);
    assert_eq!(fixture.sent(), lines(&[]));
    assert!(fixture.read(200));
    assert_eq!(fixture.transmits().iter().map(|sent| sent.header.window).collect::<Vec<_>>(), [1]);
}

/// SHLD-14: while there is room, what the shift cuts off does not move the right edge left.
#[test]
fn scaled_right_edge_never_moves_left() {
    let options = sockeye_wire::Options { window_scale: Some(0), mss: Some(1000), ..Default::default() };
    let config = Config { window_scaling: true, recv_buffer: 300_001, ..config() };
    let mut fixture = Fixture::with(config, &syn().options(options), &ack(1, 1));
    let (mut seq, mut last_edge) = (1, 0);
    fixture.widen(&mut seq);
    for len in (1..60).cycle().take(2000) {
        fixture.arrives(&ack(seq, 1).text(len));
        seq += len as u32;
        fixture.read(len);
        for sent in fixture.transmits() {
            let window = u32::from(sent.header.window) << fixture.tcb.rcv.shift;
            let edge = sent.header.ack.since(super::fixture::IRS) + window;
            assert!(edge >= last_edge, "{edge} {last_edge}");
            last_edge = edge;
        }
    }
    assert!(last_edge > 300_001);
}

/// MUST-35, MUST-36, SHLD-29, SHLD-30: first after the RTO, then at doubled intervals, two minutes at most.
#[test]
fn zero_window_is_probed() {
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(1, 1).window(0));
    assert_eq!(fixture.sent(), lines(&[]));
    assert_eq!(fixture.tcb.poll_timeout(), None, "nothing to send, nothing to probe for");
    fixture.write(100);
    assert_eq!(fixture.sent(), lines(&[]));
    let mut intervals = Vec::new();
    for _ in 0..14 {
        intervals.push(fixture.next_timer().as_millis());
        // As Linux: no text, and a sequence number before SND.UNA.
        assert_eq!(fixture.sent(), lines(&[". 0:0(0) ack 1 win 10000"]));
        fixture.arrives(&ack(1, 1).window(0));
        assert_eq!(fixture.sent(), lines(&[]));
    }
    let expected = [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 102_400];
    assert_eq!(intervals[..10], expected);
    assert_eq!(intervals[10..], [120_000; 4]);
    // The window opens: what waited goes out, and the next probing begins from the start.
    fixture.arrives(&ack(1, 1).window(1000));
    assert_eq!(fixture.sent(), lines(&["P. 1:101(100) ack 1 win 10000"]));
    fixture.arrives(&ack(1, 101).window(0));
    fixture.write(100);
    fixture.sent();
    assert!(fixture.next_timer() <= ms(400));
}

/// MUST-37: as long as the peer answers the window may stay shut; a peer that does not is given up.
#[test]
fn unanswered_probes_end_the_connection() {
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(1, 1).window(0));
    fixture.write(100);
    fixture.sent();
    for _ in 0..100 {
        fixture.next_timer();
        fixture.sent();
        fixture.arrives(&ack(1, 1).window(0));
    }
    assert_eq!(fixture.tcb.state(), State::Established);
    for _ in 0..15 {
        fixture.next_timer();
        assert_eq!(fixture.sent().len(), 1);
        assert_eq!(fixture.events(), []);
    }
    fixture.next_timer();
    assert_eq!(fixture.events(), [Event::Aborted(Reason::TimedOut)]);
}

/// A FIN waits for the window like text (as Linux), and is probed for.
#[test]
fn fin_waits_for_the_window() {
    let mut fixture = Fixture::established();
    fixture.arrives(&ack(1, 1).window(0));
    fixture.tcb.close(fixture.now);
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.next_timer();
    assert_eq!(fixture.sent(), lines(&[". 0:0(0) ack 1 win 10000"]));
    fixture.arrives(&ack(1, 1).window(1));
    assert_eq!(fixture.sent(), lines(&["F. 1:1(0) ack 1 win 10000"]));
}

/// RFC 7323, 2.2: the windows of SYNs are not scaled, and the first ACK tells the rest.
#[test]
fn windows_of_syns_are_not_scaled() {
    let options = sockeye_wire::Options { window_scale: Some(7), mss: Some(1000), ..Default::default() };
    let config = Config { window_scaling: true, recv_buffer: 1 << 20, ..config() };
    let mut fixture = Fixture::with(config, &syn().options(options).window(1000), &ack(1, 1).window(10));
    assert_eq!(fixture.tcb.snd.wnd, 10 << 7);
    assert_eq!(fixture.tcb.rcv.wnd(), 65_535);
    // Two segments more for each that comes.
    fixture.arrives(&ack(1, 1).text(1000));
    fixture.sent();
    assert_eq!(fixture.tcb.rcv.wnd(), (65_536 + 2000) / 32 * 32);
    fixture.widen(&mut 1001);
    assert!(fixture.tcb.rcv.wnd() > 1_000_000);
}

/// The program may ring for nothing, or not at all when it should: neither does harm.
#[test]
fn doorbells_are_hints() {
    let mut fixture = filled();
    fixture.tcb.receive(fixture.now);
    assert_eq!(fixture.sent(), lines(&[]));
    assert!(fixture.reader.consume(5000));
    // It did not ring. The next probe of the peer finds the room.
    fixture.now += Duration::from_secs(1);
    fixture.arrives(&ack(10_000, 1));
    assert_eq!(fixture.sent(), lines(&[". 1:1(0) ack 10001 win 5000"]));
}

/// What a peer may not read must not move the right edge: it would wait for a window that we believe it has. Probes are outside its
/// window, and so is text that it has already.
#[test]
fn segments_that_may_not_be_read_tell_no_news_of_the_window() {
    let probe = (0, ". 0:0(0) ack 4001 win 6000", ". 1:1(0) ack 9001 win 10000");
    let retransmission = (10_000, "P. 1:501(500) ack 4001 win 6000", ". 501:501(0) ack 9001 win 10000");
    for (window, segment, update) in [probe, retransmission] {
        let mut fixture = Fixture::established();
        fixture.arrives(&ack(1, 1).window(window));
        fixture.write(500);
        fixture.sent();
        for seq in (1..4001).step_by(1000) {
            fixture.arrives(&ack(seq, 1).window(window).text(1000));
        }
        fixture.sent();
        assert!(!fixture.read(4000), "6000 bytes of window are enough");
        assert_eq!(fixture.sent(), lines(&[]));
        fixture.next_timer();
        assert_eq!(fixture.sent(), lines(&[segment]));

        // The peer goes on with what it knows, and hears of the rest when the program has read.
        for seq in (4001..9001).step_by(1000) {
            fixture.arrives(&ack(seq, 1).window(window).text(1000));
        }
        fixture.sent();
        assert!(fixture.read(5000));
        assert_eq!(fixture.sent(), lines(&[update]));
    }
}
