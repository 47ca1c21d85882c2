use super::{FEW, Wheel};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use sockeye_clock::Instant;

fn pop_all(wheel: &mut Wheel<usize>, now: Instant) -> Vec<(Instant, usize)> {
    let mut due = Vec::new();
    wheel.advance(now, &mut due);
    due
}

#[test]
fn an_empty_wheel_has_nothing_due() {
    let mut wheel = Wheel::new(Instant::from_millis(77));
    assert_eq!(wheel.earliest(), None);
    assert!(pop_all(&mut wheel, Instant::from_millis(1_000_000)).is_empty());
}

#[test]
fn entries_of_one_tick_come_at_their_own_nanosecond() {
    let mut wheel = Wheel::new(Instant::ZERO);
    wheel.insert(Instant::from_nanos(500), 1, |_, _| true);
    wheel.insert(Instant::from_nanos(900), 2, |_, _| true);
    assert_eq!(wheel.earliest(), Some(Instant::from_nanos(500)));
    assert_eq!(pop_all(&mut wheel, Instant::from_nanos(500)), [(Instant::from_nanos(500), 1)]);
    assert_eq!(wheel.earliest(), Some(Instant::from_nanos(900)));
    assert!(pop_all(&mut wheel, Instant::from_nanos(899)).is_empty());
    assert_eq!(pop_all(&mut wheel, Instant::from_nanos(900)), [(Instant::from_nanos(900), 2)]);
}

#[test]
fn the_last_instant_and_the_past_have_a_place() {
    let mut wheel = Wheel::new(Instant::from_millis(5));
    wheel.insert(Instant::MAX, 1, |_, _| true);
    wheel.insert(Instant::ZERO, 2, |_, _| true);
    assert_eq!(wheel.earliest(), Some(Instant::ZERO));
    assert_eq!(pop_all(&mut wheel, Instant::from_millis(5)), [(Instant::ZERO, 2)]);
    assert_eq!(wheel.earliest(), Some(Instant::MAX));
    assert_eq!(pop_all(&mut wheel, Instant::MAX), [(Instant::MAX, 1)]);
}

/// Against a sorted list: `earliest` is exact, and `advance` gives exactly what is due.
#[test]
fn it_agrees_with_a_sorted_list() {
    for seed in 0..50 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut now = Instant::from_nanos(rng.random_range(0..1 << 40));
        let mut wheel = Wheel::new(now);
        let mut list: Vec<(Instant, usize)> = Vec::new();
        for entry in 0..500 {
            let reach = 1_u64 << rng.random_range(0..45);
            let deadline = Instant::from_nanos(now.as_nanos() + rng.random_range(0..reach));
            wheel.insert(deadline, entry, |_, _| true);
            list.push((deadline, entry));
            list.sort_unstable();
            assert_eq!(wheel.earliest(), list.first().map(|(deadline, _)| *deadline), "seed {seed}");
            if rng.random_bool(0.4) {
                now = match list.first() {
                    Some((deadline, _)) if rng.random_bool(0.5) => (*deadline).max(now),
                    Some(_) | None => Instant::from_nanos(now.as_nanos() + rng.random_range(0..reach)),
                };
                let mut due = pop_all(&mut wheel, now);
                due.sort_unstable();
                let count = list.iter().filter(|(deadline, _)| *deadline <= now).count();
                assert_eq!(due, list.drain(..count).collect::<Vec<_>>(), "seed {seed}");
            }
        }
    }
}

#[test]
fn what_does_not_count_any_more_goes() {
    let mut wheel = Wheel::new(Instant::ZERO);
    let deadline = |number: usize| Instant::from_millis(7_200_000 + number as u64 / 100);
    // The last ten count.
    for number in 0..100_000 {
        wheel.insert(deadline(number), number, |_, entry| entry + 10 > number);
        assert!(wheel.len() <= 2 * FEW, "{} entries", wheel.len());
    }
    assert!(wheel.earliest() >= Some(deadline(99_990 - 2 * FEW)));
    let due = pop_all(&mut wheel, Instant::MAX);
    assert!(due.ends_with(&(99_990..100_000).map(|number| (deadline(number), number)).collect::<Vec<_>>()));
}
