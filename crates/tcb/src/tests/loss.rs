//! Retransmission: RTO, backoff, Karn, fast retransmit, NewReno.

use core::time::Duration;

use super::fixture::{Fixture, ack, byte_at, config, lines, ms, syn};
use crate::{Config, Event, MtuProbing, ProbeMode, Reason, RecoveryConfig, State};

/// Ten segments are out, and the peer's window is wide.
fn ten_out() -> Fixture {
    ten_out_with(config())
}

fn ten_out_with(config: Config) -> Fixture {
    let mut fixture = Fixture::with(config, &syn(), &ack(1, 1).window(60_000));
    fixture.write(50_000);
    assert_eq!(fixture.sent().len(), 10);
    fixture
}

fn wide(seq: u32, acked: u32) -> super::fixture::Build {
    ack(seq, acked).window(60_000)
}

/// MUST-19, MUST-20, SHLD-11 (RFC 6298, 5.4 to 5.6): the RTO doubles, one segment goes out each time, and R2 ends it.
#[test]
fn rto_backs_off_and_gives_up() {
    let mut fixture = Fixture::established();
    fixture.write(3000);
    fixture.sent();
    let mut total = Duration::ZERO;
    for count in 0..15 {
        let waited = fixture.next_timer();
        let expected = Duration::from_millis(200 << count).min(Duration::from_secs(120));
        assert_eq!(waited, expected, "retransmission {count}");
        // The text is the same, and only cwnd = 1 segment of it.
        let transmits = fixture.transmits();
        assert_eq!(transmits.len(), 1);
        assert_eq!((transmits[0].text_offset, transmits[0].text_len), (0, 1000));
        assert_eq!(fixture.text(&transmits[0])[..10], core::array::from_fn::<u8, 10, _>(byte_at));
        assert_eq!(fixture.events(), []);
        total += waited;
    }
    total += fixture.next_timer();
    assert_eq!(fixture.events(), [Event::Aborted(Reason::TimedOut)], "MUST-12: the user is told");
    assert_eq!(fixture.sent(), lines(&[]));
    // tcp_retries2 = 15 is 924.6 seconds on Linux.
    assert_eq!(total, Duration::from_millis(924_600));
}

/// TCP_THIN_LINEAR_TIMEOUTS: six retransmissions of a stream with fewer than four segments out do not double its timer.
#[test]
fn thin_streams_are_retransmitted_at_a_steady_pace() {
    let waits = |bytes: usize| {
        let mut fixture = Fixture::established();
        fixture.tcb.set_thin_linear_timeouts(true);
        fixture.write(bytes);
        fixture.sent();
        let mut wait = || {
            let waited = fixture.next_timer();
            fixture.sent();
            waited
        };
        [(); 9].map(|()| wait())
    };
    let steady = [200; 7].into_iter().chain([400, 800]).map(ms);
    assert!(waits(3000).into_iter().eq(steady), "{:?}", waits(3000));
    assert_eq!(waits(4000)[..3], [200, 400, 800].map(ms), "four segments are not few");
    let mut fixture = Fixture::established();
    fixture.tcb.set_thin_linear_timeouts(true);
    fixture.tcb.set_nagle(fixture.now, false);
    for _ in 0..4 {
        fixture.write(1);
        fixture.sent();
    }
    assert_eq!(fixture.next_timer(), ms(200));
    fixture.sent();
    assert_eq!(fixture.next_timer(), ms(400), "nor if they are short");
}

/// MUST-21: R2 can be set.
#[test]
fn r2_is_configurable() {
    let mut fixture = Fixture::with(Config { retries2: 2, ..config() }, &syn(), &ack(1, 1));
    fixture.write(10);
    fixture.sent();
    for _ in 0..2 {
        fixture.next_timer();
        assert_eq!(fixture.sent().len(), 1);
    }
    fixture.next_timer();
    assert_eq!(fixture.tcb.state(), State::Closed);
}

/// MUST-20, SHLD-11 (3.8.3): R2 is a time, as on Linux: over a short path more segments go out in it, over a long one fewer, until the
/// first time-out after it.
#[test]
fn r2_is_as_long_on_every_path() {
    let given_up_after = |rto_min: Duration| {
        let mut fixture = Fixture::with(Config { rto_min, retries2: 8, ..config() }, &syn(), &ack(1, 1));
        fixture.write(10);
        fixture.sent();
        let (mut total, mut sent) = (Duration::ZERO, 0);
        while fixture.tcb.state() != State::Closed {
            total += fixture.next_timer();
            sent += fixture.sent().len();
        }
        (sent, total)
    };
    assert_eq!(given_up_after(ms(200)), (8, ms(102_200)));
    assert_eq!(given_up_after(ms(5)), (14, ms(5 * 0x7fff)), "first after 102.2 s");
    assert_eq!(given_up_after(ms(3000)), (5, ms(3000 * 0x3f)));
}

/// MUST-20, SHLD-17 (3.8.6.1): as long as the peer keeps its window shut over what was sent, nothing is sent again in vain.
#[test]
fn a_shut_window_is_no_part_of_r2() {
    let mut fixture = Fixture::with(Config { retries2: 3, ..config() }, &syn(), &ack(1, 1));
    fixture.write(1000);
    fixture.sent();
    fixture.next_timer();
    assert_eq!(fixture.sent().len(), 1);
    for _ in 0..10 {
        fixture.arrives(&ack(1, 1).window(0));
        fixture.next_timer();
        fixture.sent();
    }
    fixture.arrives(&ack(1, 1));
    assert_eq!(fixture.sent().len(), 1, "the window is open");
    for _ in 0..3 {
        fixture.next_timer();
        assert_eq!(fixture.sent().len(), 1, "R2 begins with it");
    }
}

/// MUST-21 (3.8.3): TCP_USER_TIMEOUT takes the place of R2 while there is a user, be it shorter or longer.
#[test]
fn a_user_timeout_may_be_longer_than_r2() {
    let given_up_after = |is_orphan: bool| {
        let config = Config { retries2: 2, user_timeout: Some(ms(60_000)), ..config() };
        let mut fixture = Fixture::with(config, &syn(), &ack(1, 1));
        fixture.write(10);
        fixture.sent();
        if is_orphan {
            fixture.tcb.orphan(fixture.now);
        }
        let mut total = Duration::ZERO;
        while fixture.tcb.state() != State::Closed {
            total += fixture.next_timer();
            fixture.sent();
        }
        total
    };
    assert_eq!(given_up_after(false), ms(60_000));
    assert_eq!(given_up_after(true), ms(1400));
}

/// RFC 4821, section 7.7: after R1 time-outs the path is suspected to swallow large packets.
#[test]
fn r1_is_configurable() {
    let mtu_probing = MtuProbing { mode: ProbeMode::OnBlackHole, base_mss: 500, ..MtuProbing::OFF };
    for retries1 in [1, 3] {
        let config = Config { retries1, mtu_probing, ..config() };
        let mut fixture = Fixture::with(config, &syn(), &ack(1, 1));
        fixture.write(1000);
        fixture.sent();
        for _ in 0..retries1 {
            assert_eq!(fixture.tcb.status().eff_snd_mss, 1000);
            fixture.next_timer();
            fixture.sent();
        }
        assert_eq!(fixture.tcb.status().eff_snd_mss, 500, "after {retries1}");
    }
}

/// MUST-18, Karn: the ACK of text sent twice is no sample, and the backoff stays until there is one.
#[test]
fn karn() {
    let mut fixture = Fixture::established();
    fixture.write(100);
    fixture.sent();
    fixture.next_timer();
    fixture.sent();
    let before = fixture.tcb.status().srtt;
    fixture.now += ms(50);
    fixture.arrives(&ack(1, 101));
    assert_eq!(fixture.tcb.status().srtt, before);
    fixture.write(100);
    fixture.sent();
    assert_eq!(fixture.tcb.poll_timeout(), Some(fixture.now + ms(400)), "the backoff is kept");
    // This one was sent once.
    fixture.now += ms(10);
    fixture.arrives(&ack(1, 201));
    assert_ne!(fixture.tcb.status().srtt, before);
    fixture.write(100);
    fixture.sent();
    assert!(fixture.tcb.poll_timeout().is_some_and(|at| at < fixture.now + ms(300)));
}

/// MUST-18: nor is the ACK of what a fast retransmit sent again a sample.
#[test]
fn karn_for_fast_retransmit() {
    let mut fixture = ten_out();
    let before = fixture.tcb.status().srtt;
    for _ in 0..3 {
        fixture.arrives(&wide(1, 1));
    }
    fixture.sent();
    fixture.now += ms(70);
    fixture.arrives(&wide(1, 10_001));
    assert_eq!(fixture.tcb.status().srtt, before);
}

/// RTTM (RFC 7323, section 4): the timestamp tells which transmission was acknowledged, so the sample counts.
#[test]
fn timestamps_measure_retransmissions() {
    let config = Config { timestamps: true, ..config() };
    let mut fixture = Fixture::with(config, &syn().stamps(1, 0), &ack(1, 1).stamps(2, 1001));
    fixture.write(100);
    fixture.sent();
    fixture.next_timer();
    let echo = fixture.transmits()[0].header.options.timestamps.unwrap().value;
    fixture.now += ms(80);
    fixture.arrives(&ack(1, 101).stamps(3, echo));
    fixture.write(100);
    fixture.sent();
    assert!(fixture.tcb.status().srtt.is_some_and(|srtt| srtt >= ms(10)));
    assert!(fixture.tcb.poll_timeout().is_some_and(|at| at < fixture.now + ms(400)), "no backoff left");
}

/// RFC 6298, 5.3: an ACK of new text starts the timer anew; 5.2: an ACK of all stops it.
#[test]
fn ack_restarts_the_timer() {
    let mut fixture = Fixture::established();
    fixture.write(2000);
    fixture.sent();
    fixture.now += ms(150);
    fixture.arrives(&ack(1, 1001));
    let at = fixture.tcb.poll_timeout().expect("it runs");
    assert!(at >= fixture.now + ms(200));
    fixture.arrives(&ack(1, 2001));
    assert_eq!(fixture.tcb.poll_timeout(), None);
}

/// RFC 5681, 3.2: the third duplicate ACK, and neither the second nor a window update, retransmits.
#[test]
fn third_duplicate_ack_retransmits() {
    let mut fixture = ten_out();
    for _ in 0..2 {
        fixture.arrives(&wide(1, 1));
    }
    // RFC 3042: each lets one new segment out.
    assert_eq!(
        fixture.sent(),
        lines(&[". 10001:11001(1000) ack 1 win 10000", ". 11001:12001(1000) ack 1 win 10000"])
    );
    fixture.arrives(&ack(1, 1).window(50_000));
    assert_eq!(fixture.sent(), lines(&[]), "a window update is no duplicate");
    fixture.arrives(&ack(1, 1).window(50_000));
    assert_eq!(fixture.sent(), lines(&[". 1:1001(1000) ack 1 win 10000"]));
    // RFC 5681, equation 4: half of the flight, without what limited transmit has added. cwnd comes down to it by what arrives (RFC 6937).
    assert_eq!(fixture.tcb.status().ssthresh, 5000);
}

/// RFC 6582: a partial ACK retransmits the next hole at once; a full one ends the recovery, with cwnd at ssthresh (3.2, step 3, option 2).
#[test]
fn newreno_fills_one_hole_a_round_trip() {
    let mut fixture = ten_out();
    // Segments 1 and 5 were lost: eight duplicates.
    for _ in 0..8 {
        fixture.arrives(&wide(1, 1));
    }
    let sent = fixture.sent();
    assert_eq!(sent[0], ". 1:1001(1000) ack 1 win 10000");
    let new = sent.len() - 1;
    assert!((2..=4).contains(&new), "new text keeps the ACKs coming: {sent:?}");
    assert_eq!(fixture.tcb.status().cwnd, 5000);
    fixture.arrives(&wide(1, 4001));
    assert_eq!(fixture.sent()[0], ". 4001:5001(1000) ack 1 win 10000", "the second hole");
    assert_eq!(fixture.tcb.status().cwnd, 5000, "one reduction a window");
    let nxt = fixture.tcb.snd.nxt.since(super::fixture::ISS);
    fixture.arrives(&wide(1, nxt));
    // ssthresh, and the segment by which this ACK of a whole window lets it grow.
    assert_eq!(fixture.tcb.status().cwnd, 6000);
    assert!(fixture.sent().len() <= 6, "no more than cwnd");
}

/// RFC 6582, section 4: duplicates of what a time-out sent again start no fast retransmit.
#[test]
fn no_fast_retransmit_after_a_timeout() {
    let recovery = RecoveryConfig { frto: false, ..RecoveryConfig::new() };
    let mut fixture = ten_out_with(Config { recovery, ..config() });
    fixture.next_timer();
    assert_eq!(fixture.sent(), lines(&[". 1:1001(1000) ack 1 win 10000"]));
    assert_eq!(fixture.tcb.status().cwnd, 1000, "RFC 5681: the loss window");
    fixture.arrives(&wide(1, 1001));
    assert_eq!(
        fixture.sent(),
        lines(&[". 1001:2001(1000) ack 1 win 10000", ". 2001:3001(1000) ack 1 win 10000"]),
        "slow start goes on where it must"
    );
    for _ in 0..5 {
        fixture.arrives(&wide(1, 1001));
    }
    assert_eq!(fixture.sent(), lines(&[]));
    // All had arrived but the first: nothing more is sent twice.
    fixture.arrives(&wide(1, 10_001));
    assert_eq!(fixture.sent()[0], ". 10001:11001(1000) ack 1 win 10000");
}

/// A FIN is retransmitted like text, alone or with it.
#[test]
fn fin_is_retransmitted() {
    let mut fixture = Fixture::established();
    fixture.write(1500);
    fixture.tcb.close(fixture.now);
    fixture.sent();
    fixture.next_timer();
    assert_eq!(fixture.sent(), lines(&[". 1:1001(1000) ack 1 win 10000"]));
    fixture.arrives(&ack(1, 1001));
    assert_eq!(fixture.sent(), lines(&["FP. 1001:1501(500) ack 1 win 10000"]));
    fixture.arrives(&ack(1, 1501));
    fixture.next_timer();
    assert_eq!(fixture.sent(), lines(&["F. 1501:1501(0) ack 1 win 10000"]));
    fixture.arrives(&ack(1, 1502));
    assert_eq!(fixture.tcb.state(), State::FinWait2);
}
