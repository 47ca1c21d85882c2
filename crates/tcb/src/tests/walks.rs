//! Walks over all that is outstanding: a peer, or who forges ICMP, must not buy one with each packet.

use sockeye_wire::{Options, SackBlock, Timestamps};
use std::vec::Vec;

use super::fixture::{Build, Fixture, ISS, ack, config, ms, syn};
use crate::{Config, MtuProbing, ProbeMode, RecoveryConfig};

/// Segments outstanding, of 1000 bytes.
const SEGMENTS: u32 = 500;
/// Bytes in an unscaled unit of the peer's window.
const SHIFT: u8 = 7;

/// An ACK with these blocks, the `value` of the peer's clock, and the echo of `echo`.
fn stamped(acked: u32, blocks: &[(u32, u32)], value: u32, echo: u32) -> Build {
    let sack = blocks.iter().map(|(left, right)| SackBlock { left: ISS + *left, right: ISS + *right });
    let timestamps = Some(Timestamps { value, echo });
    ack(1, acked).options(Options { sack: sack.collect(), timestamps, ..Options::default() }).window(u16::MAX)
}

fn out(recovery: RecoveryConfig) -> Fixture {
    let options = Options {
        mss: Some(1012),
        sack_permitted: true,
        window_scale: Some(SHIFT),
        timestamps: Some(Timestamps { value: 1, echo: 0 }),
        ..Options::default()
    };
    let config = Config {
        sack: true,
        timestamps: true,
        window_scaling: true,
        send_mss_limit: 1012,
        send_buffer: 1 << 20,
        recovery,
        ..config()
    };
    let mut fixture = Fixture::with(config, &syn().options(options), &stamped(1, &[], 1, 0));
    fixture.tcb.congestion.set_cwnd(SEGMENTS * 1000);
    fixture.write(SEGMENTS as usize * 1000);
    assert_eq!(fixture.sent().len(), SEGMENTS as usize);
    fixture
}

const fn seg(index: u32) -> u32 {
    1 + 1000 * index
}

/// Taking all losses back costs a walk over what is outstanding. A peer that proves losses with one ACK, and denies them with the next one
/// by an old echo (RFC 3522), must not buy a walk with every pair.
#[test]
fn a_peer_buys_few_walks_by_undo() {
    let mut fixture = out(RecoveryConfig::new());
    fixture.tcb.congestion.set_cwnd(4 * SEGMENTS * 1000);
    fixture.write(1000);
    assert_eq!(fixture.sent().len(), 1);
    fixture.now += ms(10);
    // What was sent last arrived, what was sent before it long ago did not.
    fixture.arrives(&stamped(1, &[(seg(SEGMENTS), seg(SEGMENTS + 1))], 2, 0));
    assert_eq!(fixture.tcb.recovery.lost().segments, SEGMENTS);
    let (mut una, mut value) = (0, 3);
    while una < SEGMENTS - 100 {
        una += fixture.sent().len() as u32;
        fixture.arrives(&stamped(seg(una), &[], value, 1));
        value += 1;
    }
    assert!(value > 30, "ACKs that could each have taken all back: {value}");
    let undone = fixture.tcb.recovery.counts().undone;
    assert!((1..=9).contains(&undone), "{undone}");
}

/// RFC 6675: what an undo took for arrived late is lost all the same if enough more arrives after it.
#[test]
fn losses_are_found_by_number_again_after_an_undo() {
    let mut fixture = out(RecoveryConfig { rack: false, ..RecoveryConfig::new() });
    fixture.now += ms(10);
    fixture.arrives(&stamped(1, &[(seg(4), seg(8))], 2, 0));
    assert_eq!(fixture.tcb.recovery.lost().segments, 4);
    assert_eq!(fixture.sent().len(), 2);
    fixture.arrives(&stamped(seg(2), &[], 3, 1));
    assert_eq!(fixture.tcb.recovery.lost().segments, 0, "the originals arrived");
    fixture.arrives(&stamped(seg(2), &[(seg(4), seg(40))], 4, 1));
    assert_eq!(fixture.tcb.recovery.lost().segments, 2);
}

/// RFC 5927, 7.2: messages that make the path narrower byte by byte, each believable, cost neither a walk each nor memory.
#[test]
fn a_path_that_narrows_byte_by_byte_is_not_walked_each_time() {
    let mut fixture = out(RecoveryConfig::new());
    let before = fixture.tcb.recovery.rate().lost();
    for mtu in (600..1040).rev() {
        fixture.tcb.on_packet_too_big(mtu);
        fixture.sent();
    }
    assert_eq!(fixture.tcb.status().eff_snd_mss, 600 - 52);
    // Each walk finds all of it lost.
    let walks = (fixture.tcb.recovery.rate().lost() - before) / u64::from(SEGMENTS * 1000);
    assert!((1..=8).contains(&walks), "{walks}");
    assert!(fixture.tcb.recovery.segments() <= 5 * SEGMENTS, "{}", fixture.tcb.recovery.segments());
}

/// What is longer than the path takes goes out in parts all the same.
#[test]
fn what_was_not_cut_is_sent_in_parts() {
    let mut fixture = out(RecoveryConfig::new());
    for mtu in (600..1040).rev() {
        fixture.tcb.on_packet_too_big(mtu);
        assert!(fixture.transmits().iter().all(|sent| sent.text_len <= mtu as usize - 52));
    }
    let (mut una, mut value) = (1, 2);
    while una < seg(SEGMENTS) {
        fixture.now += ms(10);
        // The peer has what comes in order.
        let next = fixture.transmits().iter().chain(&[]).fold(una, |next, sent| {
            let start = sent.header.seq.since(ISS);
            if start <= next { next.max(start + sent.text_len as u32) } else { next }
        });
        if next == una {
            fixture.next_timer();
            continue;
        }
        una = next;
        fixture.arrives(&stamped(una, &[], value, 0));
        value += 1;
        assert!(value < 5000, "it comes to an end");
    }
}

/// RFC 4821, section 7.5: the loss of a probe is no sign of congestion; but where the walk that finds out what is as long is not paid,
/// it is repaired as any other.
#[test]
fn a_lost_probe_is_repaired_without_a_walk() {
    let mtu_probing = MtuProbing { mode: ProbeMode::Always, base_mss: 512, ..MtuProbing::OFF };
    let config = Config { sack: true, mtu_probing, ..config() };
    let options = Options { mss: Some(1000), sack_permitted: true, ..Options::default() };
    let mut fixture = Fixture::with(config, &syn().options(options), &ack(1, 1).window(60_000));
    // As Linux, a passive open begins with what the peer announced, until the first ACK.
    fixture.write(1);
    fixture.sent();
    fixture.arrives(&ack(1, 2).window(60_000));
    fixture.tcb.congestion.set_cwnd(100_000);
    fixture.write(50_000);
    let sent = fixture.transmits();
    let probe = sent[0].text_len as u32;
    assert!(probe > 512 && sent.len() > 64, "{probe} {}", sent.len());
    for _ in 0..10 {
        fixture.tcb.recovery.on_too_big(ISS + 50_002, 2000);
    }
    fixture.now += ms(10);
    let block = SackBlock { left: ISS + 2 + probe, right: ISS + 50_002 };
    let sack = Options { sack: [block].into_iter().collect(), ..Options::default() };
    fixture.arrives(&ack(1, 2).window(60_000).options(sack));
    let resent = fixture.transmits();
    assert_eq!(resent.iter().map(|sent| (sent.text_offset, sent.text_len)).collect::<Vec<_>>(), [(0, 512)]);
}
