use sockeye_wire::SeqNum;

use super::{Finding, Phase, Recovery, Urgency};

const MSS: u32 = 100;

fn at(seq: u32) -> SeqNum {
    SeqNum(u32::MAX - 150) + seq
}

#[test]
fn pipe_leaves_out_what_is_lost_and_what_arrived() {
    let mut recovery = Recovery::new(at(0));
    assert_eq!(recovery.pipe(1000, MSS), 1000);
    for _ in 0..2 {
        assert_eq!(recovery.on_duplicate_ack(at(0), at(1000), MSS), Finding::Nothing);
    }
    assert_eq!(recovery.pipe(1000, MSS), 800);
    assert_eq!(recovery.on_duplicate_ack(at(0), at(1000), MSS), Finding::LossDetected);
    assert_eq!(recovery.lost(), Some((at(0), at(100), Urgency::AtOnce)));
    assert_eq!(recovery.pipe(1000, MSS), 600, "three arrived and one is lost");
    recovery.on_retransmit(100);
    assert_eq!(recovery.lost(), None);
    assert_eq!(recovery.pipe(1000, MSS), 700);
}

/// RFC 6582, 3.2.
#[test]
fn partial_acks_mark_the_next_hole() {
    let mut recovery = Recovery::new(at(0));
    for _ in 0..6 {
        recovery.on_duplicate_ack(at(0), at(1000), MSS);
    }
    recovery.on_retransmit(100);
    assert_eq!(recovery.on_ack(at(400), at(1200), 400, MSS), Finding::PartialAck);
    assert_eq!(recovery.lost(), Some((at(400), at(500), Urgency::AtOnce)));
    assert_eq!(recovery.pipe(800, MSS), 400, "of six duplicates three stood for what is acknowledged now");
    recovery.on_retransmit(100);
    assert_eq!(recovery.on_ack(at(1000), at(1200), 600, MSS), Finding::Recovered);
    assert_eq!(recovery.phase(), Phase::Open);
    assert_eq!(recovery.pipe(200, MSS), 200);
}

#[test]
fn timeout_marks_everything() {
    let mut recovery = Recovery::new(at(0));
    recovery.on_timeout(at(0), at(1000));
    assert_eq!(recovery.pipe(1000, MSS), 0);
    recovery.on_retransmit(100);
    assert_eq!(recovery.pipe(1000, MSS), 100);
    // The ACK covers what was never sent again.
    recovery.on_ack(at(700), at(1000), 700, MSS);
    assert_eq!(recovery.lost(), Some((at(700), at(1000), Urgency::WhenCwndAllows)));
    assert_eq!(recovery.on_duplicate_ack(at(700), at(1000), MSS), Finding::Nothing);
    recovery.on_ack(at(1000), at(1000), 300, MSS);
    assert_eq!((recovery.lost(), recovery.phase()), (None, Phase::Open));
}
