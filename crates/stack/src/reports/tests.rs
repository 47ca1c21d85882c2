use super::*;

const STAMPS: u32 = SOFTWARE | OPT_ID | TX_SCHED | TX_SOFTWARE | TX_ACK;

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn stamp(stage: Stage, millis: u64, key: u32) -> Report {
    Report::Stamp { stage, nanos: millis * 1_000_000, key, has_packet: true }
}

#[test]
fn sends_that_follow_each_other_are_one_range() {
    let mut reports = Reports::default();
    for end in [10, 20, 30] {
        reports.zero_copy(end);
    }
    assert!(!reports.note(at(0), 30, 9, 0), "the first is not all acknowledged");
    assert!(reports.note(at(0), 30, 20, 0));
    assert_eq!(reports.queue, [Report::ZeroCopy { first: 0, last: 1 }]);
    assert!(reports.note(at(0), 30, 30, 0), "a longer range is news");
    assert_eq!(reports.queue, [Report::ZeroCopy { first: 0, last: 2 }]);
    reports.queue.clear();
    reports.zero_copy(40);
    assert!(reports.note(at(0), 40, 40, 0));
    assert_eq!(reports.queue, [Report::ZeroCopy { first: 3, last: 3 }]);
}

#[test]
fn each_stage_of_a_send_is_stamped() {
    let mut reports = Reports { first_key: 100, ..Reports::default() };
    reports.stamp(102);
    reports.stamp(104);
    assert!(reports.note(at(1), 102, 100, STAMPS));
    assert!(!reports.note(at(2), 103, 101, STAMPS));
    assert!(reports.note(at(3), 104, 102, STAMPS));
    assert!(reports.note(at(4), 104, 104, STAMPS));
    let all = [
        stamp(Stage::Scheduled, 1, 1),
        stamp(Stage::Sent, 1, 1),
        stamp(Stage::Scheduled, 3, 3),
        stamp(Stage::Sent, 3, 3),
        stamp(Stage::Acknowledged, 3, 1),
        stamp(Stage::Acknowledged, 4, 3),
    ];
    assert_eq!(reports.queue, all);
}

#[test]
fn only_what_was_asked_for_is_told() {
    let mut reports = Reports::default();
    reports.stamp(5);
    assert!(!reports.note(at(1), 5, 0, SOFTWARE | TX_ACK));
    assert!(reports.note(at(2), 5, 5, SOFTWARE | TX_ACK));
    assert_eq!(reports.queue, [stamp(Stage::Acknowledged, 2, 4)]);
    assert!(!wants_stamps(TX_ACK), "nobody reports it");
}

/// A program that never takes its reports has a bounded number of them.
#[test]
fn the_queue_is_bounded() {
    let mut reports = Reports::default();
    for end in 1..=10_000 {
        reports.stamp(end);
        reports.zero_copy(end);
    }
    assert!(reports.waiting.len() <= MAX_WAITING);
    reports.note(at(0), u64::MAX, u64::MAX, STAMPS);
    assert_eq!((reports.queue.len(), reports.waiting.len(), reports.sent), (MAX_QUEUE, 0, 0));
}
