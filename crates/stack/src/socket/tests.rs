use super::*;
use crate::wheel::Wheel;

/// A connection that sends five times a second for two hours, with keep-alive: each time the retransmission timer is the earlier one.
#[test]
fn a_timer_of_hours_is_entered_once() {
    let mut wheel = Wheel::new(Instant::ZERO);
    let mut schedule = Schedule::default();
    let (mut due, mut fired) = (Vec::new(), 0);
    let keep_alive = Instant::from_millis(7_200_000);
    for start in (0..7_200_000).step_by(200) {
        wheel.advance(Instant::from_millis(start), &mut due);
        fired += due.drain(..).filter(|(deadline, ())| schedule.disarm(*deadline)).count();
        for deadline in [keep_alive, Instant::from_millis(start + 200), Instant::from_millis(start + 40)] {
            if schedule.arm(deadline) {
                wheel.insert(deadline, (), |deadline, ()| schedule.has(deadline));
            }
        }
        assert_eq!(schedule.armed, Some(Instant::from_millis(start + 40)), "the earliest counts");
        assert!(wheel.len() <= 3, "{} entries", wheel.len());
    }
    assert_eq!(fired, 35_999);
    wheel.advance(keep_alive, &mut due);
    assert!(due.into_iter().any(|(deadline, ())| deadline == keep_alive && schedule.has(keep_alive)));
}

#[test]
fn a_later_deadline_counts_again_when_the_earlier_one_is_over() {
    let [early, late, latest] = [10, 20, 30].map(Instant::from_millis);
    let mut schedule = Schedule::default();
    assert!(schedule.arm(late));
    assert!(!schedule.arm(latest), "it is asked early, and arms again");
    assert!(schedule.arm(early));
    assert!(schedule.has(early) && schedule.has(late));
    assert!(schedule.disarm(early));
    assert!(!schedule.arm(latest), "the entry is there");
    assert_eq!(schedule.armed, Some(late));
    assert!(schedule.disarm(late));
    assert!(schedule.arm(latest));
}

#[test]
fn what_is_over_while_an_earlier_one_counts_is_forgotten() {
    let [early, late, latest] = [10, 20, 30].map(Instant::from_millis);
    let mut schedule = Schedule::default();
    assert!(schedule.arm(late) && schedule.arm(early));
    assert!(!schedule.disarm(late), "the early one counts");
    assert!(schedule.disarm(early));
    assert!(schedule.arm(latest), "there is no entry");
}
