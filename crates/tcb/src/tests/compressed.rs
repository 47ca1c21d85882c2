//! ACKs of text out of order, put together.

use core::time::Duration;
use sockeye_wire::Options;
use std::vec::Vec;

use super::fixture::{Fixture, ack, config, ms, syn};
use crate::{AckCompression, Config};

/// A fixture that has measured round trips, and is not in quick mode. Returns RCV.NXT.
fn measured(compression: AckCompression) -> (Fixture, u32) {
    let options =
        Options { mss: Some(1000), sack_permitted: true, window_scale: Some(7), ..Options::default() };
    let config = Config {
        sack: true,
        window_scaling: true,
        recv_buffer: 65_000,
        ack_compression: compression,
        ..config()
    };
    let mut fixture = Fixture::with(config, &syn().options(options), &ack(1, 1));
    fixture.write(100);
    assert_eq!(fixture.transmits().len(), 1);
    fixture.now += ms(100);
    fixture.arrives(&ack(1, 101));
    let seq = fixture.spend_quick_acks_from(101);
    assert!(!fixture.tcb.acks.is_quick());
    (fixture, seq)
}

/// ACKs for each of the segments that follow a gap.
fn after_gap(fixture: &mut Fixture, seq: u32, count: u32) -> Vec<usize> {
    (1..=count)
        .map(|index| {
            fixture.arrives(&ack(seq + 1000 * index, 101).text(1000));
            fixture.transmits().len()
        })
        .collect()
}

/// Three go out at once, then one for all after a twentieth of a round trip.
#[test]
fn three_acks_go_out_and_then_one_for_all() {
    let (mut fixture, seq) = measured(AckCompression::LINUX);
    assert_eq!(after_gap(&mut fixture, seq, 20), [[1; 3].as_slice(), &[0; 17]].concat());
    let twentieth = fixture.tcb.rtt.srtt().expect("measured") / 20;
    assert_eq!(fixture.tcb.poll_timeout(), Some(fixture.now + twentieth));
    fixture.now += ms(1);
    fixture.tcb.timeout(fixture.now);
    let sent = fixture.transmits();
    assert_eq!(sent.len(), 1);
    let blocks: Vec<u32> =
        sent[0].header.options.sack.iter().map(|block| block.right.since(block.left)).collect();
    assert_eq!(blocks, [20_000], "it tells all");
    // It was the last: nothing waits, and nothing more goes out.
    fixture.now += ms(5);
    fixture.tcb.timeout(fixture.now);
    assert_eq!(fixture.transmits().len(), 0);
}

/// A new gap, a duplicate, and text that fills the gap are told at once, and all that waited with them.
#[test]
fn news_does_not_wait() {
    let (mut fixture, seq) = measured(AckCompression::LINUX);
    after_gap(&mut fixture, seq, 10);
    fixture.arrives(&ack(seq + 20_000, 101).text(1000));
    assert_eq!(fixture.transmits().len(), 1, "another gap");
    fixture.arrives(&ack(seq + 5000, 101).text(1000));
    assert_eq!(fixture.transmits().len(), 1, "twice");
    fixture.arrives(&ack(seq + 11_000, 101).text(1000));
    assert_eq!(fixture.transmits().len(), 0);
    fixture.arrives(&ack(seq, 101).text(1000));
    let sent = fixture.transmits();
    assert_eq!(sent.len(), 1, "the gap closes");
    assert!(!fixture.tcb.timers.is_set(crate::timers::Timer::CompressedAck));
}

/// tcp_comp_sack_nr: no ACK stands for more; with 0 none waits. tcp_comp_sack_delay_ns: none waits longer.
#[test]
fn an_ack_stands_for_so_many() {
    let (mut fixture, seq) = measured(AckCompression { most: 4, ..AckCompression::LINUX });
    assert_eq!(after_gap(&mut fixture, seq, 13), [1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    let (mut fixture, seq) = measured(AckCompression { most: 0, ..AckCompression::LINUX });
    assert_eq!(after_gap(&mut fixture, seq, 13), [1; 13]);
    let (mut fixture, seq) =
        measured(AckCompression { delay: Duration::from_micros(50), ..AckCompression::LINUX });
    after_gap(&mut fixture, seq, 4);
    assert_eq!(fixture.tcb.poll_timeout(), Some(fixture.now + Duration::from_micros(50)));
    let (mut fixture, seq) = measured(AckCompression { delay: ms(0), ..AckCompression::LINUX });
    assert_eq!(after_gap(&mut fixture, seq, 13), [1; 13]);
}
