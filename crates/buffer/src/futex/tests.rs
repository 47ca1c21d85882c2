use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::{Waited, wait, wait_either, wait_in_slices, wake_all};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_changed_word_is_not_waited_for() {
    let (word, other) = (AtomicU32::new(1), AtomicU32::new(2));
    assert_eq!(wait(&word, 0, Some(LONG)), Waited::Woken);
    assert_eq!(wait(&word, 0, None), Waited::Woken);
    assert_eq!(wait_either(&word, 1, &other, 1), Waited::Woken);
    assert_eq!(wait_either(&word, 0, &other, 2), Waited::Woken);
}

#[test]
fn time_runs_out() {
    assert_eq!(wait(&AtomicU32::new(0), 0, Some(Duration::from_millis(2))), Waited::TimedOut);
}

#[test]
fn either_word_wakes() {
    for woken in [0, 1] {
        let words = [AtomicU32::new(0), AtomicU32::new(0)];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while words.iter().all(|word| word.load(Ordering::Acquire) == 0) {
                    assert_eq!(wait_either(&words[0], 0, &words[1], 0), Waited::Woken);
                }
            });
            words[woken].store(1, Ordering::Release);
            wake_all(&words[woken]);
        });
    }
}

#[test]
fn slices_see_the_other_word() {
    let words = [AtomicU32::new(0), AtomicU32::new(0)];
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| wait_in_slices(&words[0], 0, || words[1].load(Ordering::Acquire) != 0));
        words[1].store(1, Ordering::Release);
        assert_eq!(waiter.join().unwrap(), Waited::Woken);
    });
}
