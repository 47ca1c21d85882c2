//! Loss recovery with SACK: what is sent again, when, and what becomes of cwnd.

use std::format;
use std::string::String;

use sockeye_wire::{Options, SackBlock};

use super::fixture::{Build, Fixture, ISS, ack, config, lines, ms, syn};
use crate::recovery::{PeerSacks, Recovery};
use crate::rtt::RttEstimator;
use crate::{Config, Phase, RecoveryConfig};

fn options(blocks: &[(u32, u32)]) -> Options {
    let sack = blocks.iter().map(|(left, right)| SackBlock { left: ISS + *left, right: ISS + *right });
    Options { sack: sack.collect(), ..Options::default() }
}

fn wide(acked: u32, blocks: &[(u32, u32)]) -> Build {
    ack(1, acked).options(options(blocks)).window(60_000)
}

fn permitted() -> Options {
    Options { mss: Some(1000), sack_permitted: true, ..Options::default() }
}

/// `segments` are out, over a path of 100 ms.
fn out(segments: usize, config: Config) -> Fixture {
    let config = Config { sack: true, ..config };
    let mut fixture = Fixture::with(config.clone(), &syn().options(permitted()), &ack(1, 1).window(60_000));
    // The handshake took no time; a first exchange tells the round trip.
    fixture.tcb.rtt = RttEstimator::new(&config, ms(1000));
    fixture.tcb.recovery = Recovery::new(fixture.now, ISS, PeerSacks::Yes, config.recovery);
    fixture.write(1);
    fixture.sent();
    fixture.now += ms(100);
    fixture.arrives(&wide(2, &[]));
    fixture.write(segments * 1000);
    assert_eq!(fixture.sent().len(), segments);
    fixture
}

fn seg(index: u32) -> u32 {
    2 + 1000 * index
}

fn phase(fixture: &Fixture) -> Phase {
    fixture.tcb.info(fixture.now).phase
}

fn again(index: u32) -> String {
    format!(". {}:{}(1000) ack 1 win 10000", seg(index), seg(index + 1))
}

/// RFC 8985, 6.2: three SACKed segments prove the loss of those before them, at once.
#[test]
fn three_sacked_segments_start_recovery() {
    let mut fixture = out(10, config());
    fixture.now += ms(100);
    for count in 1..=2 {
        fixture.arrives(&wide(2, &[(seg(1), seg(1 + count))]));
        assert_eq!(phase(&fixture), Phase::Disorder);
    }
    fixture.sent();
    fixture.arrives(&wide(2, &[(seg(1), seg(4))]));
    assert_eq!(fixture.sent(), [again(0)]);
    assert_eq!(phase(&fixture), Phase::Recovery);
    let info = fixture.tcb.info(fixture.now);
    assert_eq!((info.sacked, info.lost, info.retrans), (3, 1, 1));
    fixture.arrives(&wide(seg(10), &[]));
    assert_eq!(phase(&fixture), Phase::Open);
}

/// RFC 8985, 6.2 and 6.3: fewer wait for a quarter of the least round trip, in case they were only overtaken.
#[test]
fn a_reordered_segment_is_waited_for() {
    let mut fixture = out(5, config());
    fixture.now += ms(100);
    fixture.arrives(&wide(2, &[(seg(4), seg(5))]));
    assert_eq!(fixture.sent(), lines(&[]));
    // 25 ms, and two ticks of Linux's clock.
    assert_eq!(fixture.next_timer(), ms(27));
    assert_eq!(fixture.sent()[0], again(0));
    assert_eq!(fixture.tcb.info(fixture.now).lost, 4);
}

/// The degree of reordering is learnt, so that the next such event costs no retransmission.
#[test]
fn reordering_is_learnt() {
    let mut fixture = out(10, config());
    fixture.now += ms(100);
    fixture.arrives(&wide(2, &[(seg(9), seg(10))]));
    fixture.arrives(&wide(2, &[(seg(1), seg(2)), (seg(9), seg(10))]));
    let info = fixture.tcb.info(fixture.now);
    assert_eq!((info.reordering, info.reorderings_seen), (9, 1));
}

/// RFC 8985, section 7: two round trips of silence, then the last segment again; its answer shows the loss without a time-out.
#[test]
fn a_tail_loss_is_probed() {
    let mut fixture = out(4, config());
    assert_eq!(fixture.next_timer(), ms(202));
    assert_eq!(fixture.sent().len(), 1, "only the last segment");
    fixture.now += ms(100);
    fixture.arrives(&wide(2, &[(seg(3), seg(4))]));
    // The probe was sent much later than the others: they are lost at once.
    assert_eq!(fixture.sent()[0], again(0));
    assert_eq!(phase(&fixture), Phase::Recovery);
}

/// SHLD-16 (3.8.6): what a window that shrank does not take whole is no probe. A part of it would be told as another duplicate
/// than the one that is waited for, and count as a loss that the probe repaired.
#[test]
fn a_window_that_shrank_takes_no_part_of_a_probe() {
    let mut fixture = out(4, config());
    fixture.arrives(&wide(2, &[]).window(3500));
    fixture.next_timer();
    assert_eq!(fixture.sent(), lines(&[]));
    fixture.arrives(&wide(2, &[]).window(60_000));
    let cwnd = fixture.tcb.status().cwnd;
    fixture.arrives(&wide(seg(4), &[]));
    fixture.write(1000);
    fixture.sent();
    fixture.arrives(&wide(seg(5), &[]));
    assert!(fixture.tcb.status().cwnd >= cwnd, "nothing was lost");
}

/// As Linux: on a path that reorders, cwnd grows by what is SACKed as by what is acknowledged; on others it waits for SND.UNA.
#[test]
fn sacks_open_cwnd_once_reordering_is_high() {
    let mut fixture = out(10, config());
    fixture.now += ms(100);
    let before = fixture.tcb.congestion.cwnd();
    fixture.arrives(&wide(2, &[(seg(9), seg(10))]));
    assert_eq!(fixture.tcb.congestion.cwnd(), before);
    // Seven segments were overtaken.
    fixture.arrives(&wide(2, &[(seg(3), seg(4)), (seg(9), seg(10))]));
    assert_eq!(fixture.tcb.congestion.cwnd(), before + 1000);
    fixture.arrives(&wide(seg(10), &[]));
    assert_eq!(fixture.tcb.congestion.cwnd(), before + 9000);
}

/// RFC 8985, 7.4: without a duplicate the probe repaired a loss, and cwnd comes down.
#[test]
fn a_probe_that_repairs_reduces_cwnd() {
    let mut fixture = out(5, config());
    let cwnd = fixture.tcb.status().cwnd;
    fixture.next_timer();
    fixture.sent();
    fixture.write(1000);
    fixture.sent();
    fixture.now += ms(100);
    fixture.arrives(&wide(seg(6), &[]));
    assert!(fixture.tcb.status().cwnd < cwnd, "the last segment had been lost");
    // A probe that was a duplicate reduces nothing.
    let mut fixture = out(10, config());
    fixture.next_timer();
    fixture.sent();
    fixture.now += ms(100);
    fixture.arrives(&wide(seg(10), &[]));
    fixture.arrives(&wide(seg(10), &[(seg(9), seg(10))]));
    assert!(fixture.tcb.status().cwnd >= cwnd);
}

/// RFC 3708 and RFC 2883: every retransmission was told to be a duplicate.
#[test]
fn dsack_takes_a_reduction_back() {
    let mut fixture = out(10, config());
    let cwnd = fixture.tcb.status().cwnd;
    fixture.now += ms(100);
    fixture.arrives(&wide(2, &[(seg(1), seg(4))]));
    fixture.sent();
    assert!(fixture.tcb.status().ssthresh < cwnd);
    fixture.now += ms(10);
    // The first was only late.
    fixture.arrives(&wide(seg(4), &[]));
    fixture.now += ms(90);
    fixture.arrives(&wide(seg(10), &[(seg(0), seg(1))]));
    assert!(fixture.tcb.status().cwnd >= cwnd, "{:?}", fixture.tcb.status());
    assert_eq!(phase(&fixture), Phase::Open);
}

/// Of a block that tells of several duplicates only those count that were sent again: the rest the network has doubled.
#[test]
fn dsack_of_several_segments_counts_what_was_sent_again() {
    // Segments 0 to 2 were sent again; all but 0 came late, and again.
    let recovering = || {
        let mut fixture = out(10, config());
        fixture.now += ms(100);
        fixture.arrives(&wide(2, &[(seg(3), seg(10))]));
        let mut resent = fixture.sent();
        fixture.arrives(&wide(2, &[(seg(1), seg(10))]));
        resent.extend(fixture.sent());
        assert_eq!(resent[..3], [again(0), again(1), again(2)]);
        // As if more had been sent again earlier: so many duplicates are credible.
        fixture.tcb.counters.total_retrans += 10;
        fixture
    };
    let mut fixture = recovering();
    fixture.arrives(&wide(2, &[(seg(2), seg(5)), (seg(1), seg(10))]));
    assert_eq!(fixture.tcb.recovery.counts().undone, 0, "3 and 4 were never sent again");
    fixture.arrives(&wide(2, &[(seg(1), seg(2)), (seg(1), seg(10))]));
    assert_eq!(fixture.tcb.recovery.counts().undone, 0, "nobody knows of 0");
    let mut fixture = recovering();
    fixture.arrives(&wide(2, &[(seg(1), seg(3)), (seg(1), seg(10))]));
    assert_eq!(fixture.tcb.recovery.counts().undone, 0);
    fixture.arrives(&wide(seg(10), &[(seg(0), seg(1))]));
    assert_eq!(fixture.tcb.recovery.counts().undone, 1);
}

/// RFC 5682, 3.1, step 3b: what was never sent again arrives, so the time-out was spurious.
#[test]
fn frto_finds_a_spurious_timeout() {
    let recovery = RecoveryConfig { tail_loss_probe: false, ..RecoveryConfig::new() };
    let mut fixture = out(10, Config { recovery, ..config() });
    fixture.write(5000);
    let before = fixture.tcb.status();
    fixture.next_timer();
    assert_eq!(fixture.sent(), [again(0)]);
    assert_eq!(phase(&fixture), Phase::Loss);
    fixture.now += ms(50);
    fixture.arrives(&wide(seg(1), &[]));
    assert!(!fixture.sent().is_empty());
    fixture.arrives(&wide(seg(3), &[]));
    assert_eq!(phase(&fixture), Phase::Open);
    let after = fixture.tcb.status();
    assert!(after.cwnd >= before.cwnd && after.ssthresh == before.ssthresh, "{after:?}");
    assert_eq!(fixture.tcb.info(fixture.now).lost, 0);
}

/// Step 2b: new text is sent, not old.
#[test]
fn frto_sends_new_text() {
    let recovery = RecoveryConfig { tail_loss_probe: false, ..RecoveryConfig::new() };
    let mut fixture = out(10, Config { recovery, ..config() });
    fixture.write(5000);
    fixture.sent();
    fixture.next_timer();
    fixture.sent();
    fixture.arrives(&wide(seg(1), &[]));
    let sent = fixture.transmits();
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|sent| sent.header.seq.since(ISS) >= seg(10)), "{sent:?}");
    // Step 3a: a duplicate says that the loss was real.
    fixture.arrives(&wide(seg(1), &[(seg(10), seg(11))]));
    assert_eq!(fixture.sent()[0], again(1));
}

/// RFC 3522 (Eifel): the echo is from before the first retransmission.
#[test]
fn an_early_echo_takes_a_timeout_back() {
    let recovery = RecoveryConfig { tail_loss_probe: false, frto: false, ..RecoveryConfig::new() };
    let config = Config { recovery, timestamps: true, sack: true, timestamp_offset: 0, ..config() };
    let mut fixture = Fixture::with(
        config,
        &syn().options(permitted()).stamps(1, 0),
        &ack(1, 1).stamps(2, 1001).window(60_000),
    );
    fixture.write(5000);
    let echo = fixture.transmits()[0].header.options.timestamps.expect("they are in use").value;
    let cwnd = fixture.tcb.status().cwnd;
    fixture.next_timer();
    fixture.sent();
    assert!(fixture.tcb.status().cwnd < cwnd);
    fixture.now += ms(50);
    fixture.arrives(&ack(1, 989).stamps(3, echo).window(60_000));
    assert!(fixture.tcb.status().cwnd >= cwnd);
    assert_ne!(phase(&fixture), Phase::Loss);
}

/// RFC 2018, section 8: a peer that takes a SACK back gets everything again.
#[test]
fn reneging_forgets_sacks() {
    let mut fixture = out(5, config());
    fixture.now += ms(100);
    fixture.arrives(&wide(2, &[(seg(1), seg(5))]));
    fixture.sent();
    fixture.now += ms(100);
    // The first came, and what was SACKed behind it is not there.
    fixture.arrives(&wide(seg(1), &[]));
    fixture.next_timer();
    assert_eq!(fixture.sent(), [again(1)]);
    assert_eq!(fixture.tcb.info(fixture.now).sacked, 0);
}

/// RFC 6675: without RACK three segments behind it prove a loss, and no time passes.
#[test]
fn losses_are_found_by_number_without_rack() {
    let recovery = RecoveryConfig { rack: false, ..RecoveryConfig::new() };
    let mut fixture = out(10, Config { recovery, ..config() });
    fixture.now += ms(100);
    for at in [4, 6, 8] {
        fixture.arrives(&wide(2, &[(seg(at), seg(at + 1))]));
    }
    assert_eq!(fixture.sent()[0], again(0));
    // Three follow those before the first SACKed one only.
    assert_eq!(fixture.tcb.info(fixture.now).lost, 4);
    fixture.arrives(&wide(2, &[(seg(8), seg(10))]));
    assert_eq!(fixture.tcb.info(fixture.now).lost, 5);
}

/// The same after the path became narrower, and what was in flight was cut anew.
#[test]
fn losses_are_found_by_number_on_a_path_that_became_narrower() {
    let recovery = RecoveryConfig { rack: false, ..RecoveryConfig::new() };
    let mut fixture = out(4, Config { recovery, ..config() });
    fixture.tcb.on_packet_too_big(540);
    assert_eq!(fixture.sent().len(), 8);
    fixture.now += ms(100);
    fixture.arrives(&wide(seg(4), &[]));
    fixture.write(4000);
    assert_eq!(fixture.sent().len(), 8);
    fixture.now += ms(100);
    for at in [1, 3, 5, 7] {
        let left = seg(4) + 500 * at;
        fixture.arrives(&wide(seg(4), &[(left, left + 500)]));
    }
    assert!(fixture.sent().first().is_some_and(|first| first.starts_with(". 4002:4502(500)")));
}

/// Blocks of what was never sent, upside down, or of what the ACK denies are not believed.
#[test]
fn senseless_blocks_are_ignored() {
    let mut fixture = out(5, config());
    for (left, right) in [(seg(4), seg(6)), (seg(3), seg(2)), (seg(0), seg(1)), (seg(2), seg(2))] {
        fixture.arrives(&wide(2, &[(left, right)]));
        assert_eq!(fixture.tcb.info(fixture.now).sacked, 0, "{left} to {right}");
    }
}

/// RFC 6937: cwnd ends at ssthresh, and what leaves meanwhile is in proportion to what arrives.
#[test]
fn the_reduction_is_proportional() {
    let mut fixture = out(10, config());
    fixture.write(20_000);
    fixture.now += ms(100);
    let mut sent = 0;
    for count in 1..10 {
        fixture.arrives(&wide(2, &[(seg(1), seg(1 + count))]));
        let now = fixture.sent().len();
        assert!(now <= 2, "no burst: {now}");
        sent += now;
    }
    let ssthresh = fixture.tcb.status().ssthresh as usize / 1000;
    assert!(sent.abs_diff(ssthresh) <= 3, "{sent} for nine that arrived, towards {ssthresh}");
    fixture.now += ms(100);
    fixture.arrives(&wide(seg(10), &[]));
    assert_eq!(fixture.tcb.status().cwnd as usize / 1000, ssthresh);
}

/// A FIN that left with a full segment goes again with it: it is no text, and the segment no longer than the path takes.
#[test]
fn a_full_segment_is_sent_again_with_its_fin() {
    let mut fixture = Fixture::established();
    fixture.write(1000);
    fixture.tcb.close(fixture.now);
    let sent = fixture.sent();
    assert_eq!(sent, ["FP. 1:1001(1000) ack 1 win 10000"]);
    fixture.next_timer();
    assert_eq!(fixture.sent(), sent);
}
