use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::Flags;

use super::{TimeWait, TimeWaitVerdict};
use crate::tests::fixture::{Build, Fixture, ISS, ack, config, rst, show_header, syn};
use crate::{Config, State};

fn time_wait() -> (TimeWait, Instant) {
    let fixture = Fixture::in_state(State::TimeWait);
    (fixture.tcb.into_time_wait(fixture.now), fixture.now)
}

fn says(time_wait: &mut TimeWait, now: Instant, segment: &Build) -> TimeWaitVerdict {
    time_wait.segment_arrives(now, &segment.segment())
}

fn syn_at(seq: u32) -> Build {
    ack(seq, 0).no_ack().flag(Flags::SYN)
}

/// MUST-13, and 3.10.7.4: a retransmitted FIN is acknowledged and restarts the 2MSL time-out; nothing else restarts it.
#[test]
fn segment_arrives_when_time_wait() {
    let (mut time_wait, entered) = time_wait();
    assert_eq!(time_wait.expires(), entered + Duration::from_secs(60));
    let later = entered + Duration::from_secs(10);
    for (segment, reply) in [
        (ack(2, 2), None),
        (ack(2, 2).text(5), Some(". 2:2(0) ack 2 win 9999")),
        (ack(1, 2), Some(". 2:2(0) ack 2 win 9999")),
        // RFC 1337.
        (rst(2), None),
    ] {
        match (says(&mut time_wait, later, &segment), reply) {
            (TimeWaitVerdict::Discard, None) => {}
            (TimeWaitVerdict::Reply(header), Some(shown)) => assert_eq!(show_header(&header, 0), shown),
            (verdict, _) => panic!("{segment:?}: {verdict:?}"),
        }
        assert_eq!(time_wait.expires(), entered + Duration::from_secs(60), "{segment:?}");
    }
    assert!(matches!(says(&mut time_wait, later, &ack(1, 2).fin()), TimeWaitVerdict::Reply(_)));
    assert_eq!(time_wait.expires(), later + Duration::from_secs(60));
}

/// RFC 5961, section 7: ACKs outside the window are answered twice a second at most; what takes up sequence space, always.
#[test]
fn answers_to_bare_acks_are_limited() {
    let (mut time_wait, entered) = time_wait();
    let answers = |time_wait: &mut TimeWait, segment: &Build| {
        let times = (0..1000).map(|millis| entered + Duration::from_millis(millis));
        let verdicts = times.map(|now| says(time_wait, now, segment));
        verdicts.filter(|verdict| matches!(verdict, TimeWaitVerdict::Reply(_))).count()
    };
    assert_eq!(answers(&mut time_wait, &ack(1, 2)), 2);
    assert_eq!(answers(&mut time_wait, &ack(1, 2).fin()), 1000);
}

/// MAY-2: a SYN beyond the old sequence space reopens; an old one does not.
#[test]
fn new_syn_reopens() {
    let (mut time_wait, now) = time_wait();
    assert!(matches!(says(&mut time_wait, now, &syn()), TimeWaitVerdict::Reply(_)));
    assert!(matches!(says(&mut time_wait, now, &syn_at(2)), TimeWaitVerdict::Reply(_)));
    let TimeWaitVerdict::Reopen(iss) = says(&mut time_wait, now, &syn_at(3)) else { panic!("it reopens") };
    assert!(iss.after(ISS + 2 + 65_535));
    assert!(matches!(says(&mut time_wait, now, &syn_at(3).acking(2)), TimeWaitVerdict::Reply(_)));
}

/// SHLD-4 (RFC 6191): with timestamps, a later one reopens whatever the sequence number.
#[test]
fn later_timestamp_reopens() {
    let config = Config { timestamps: true, ..config() };
    let mut fixture = Fixture::with(config, &syn().stamps(100, 0), &ack(1, 1).stamps(100, 1));
    fixture.tcb.close(fixture.now);
    fixture.sent();
    fixture.arrives(&ack(1, 2).fin().stamps(105, 1));
    fixture.sent();
    let now = fixture.now;
    let mut time_wait = fixture.tcb.into_time_wait(now);
    assert!(matches!(says(&mut time_wait, now, &syn().stamps(105, 0)), TimeWaitVerdict::Reply(_)));
    assert!(matches!(says(&mut time_wait, now, &syn_at(9).stamps(104, 0)), TimeWaitVerdict::Reply(_)));
    assert!(matches!(says(&mut time_wait, now, &syn().stamps(106, 0)), TimeWaitVerdict::Reopen(_)));
    let TimeWaitVerdict::Reply(reply) = says(&mut time_wait, now, &ack(1, 2).fin().stamps(105, 1)) else {
        panic!("the FIN is acknowledged")
    };
    assert_eq!(reply.options.timestamps.map(|stamps| stamps.echo), Some(105));
}
