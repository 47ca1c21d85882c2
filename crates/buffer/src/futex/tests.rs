use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::Arena;
use crate::child::{Child, handle_interrupts};

use super::{Waited, wait, wait_either, wait_in_slices, wake_all};

const LONG: Duration = Duration::from_secs(20);

#[test]
fn a_changed_word_is_not_waited_for() {
    let (word, other) = (AtomicU32::new(1), AtomicU32::new(2));
    assert_eq!(wait(&word, 0, Some(LONG)), Waited::Woken);
    assert_eq!(wait(&word, 0, None), Waited::Woken);
    assert_eq!(wait_either(&word, 1, &other, 1, None), Waited::Woken);
    assert_eq!(wait_either(&word, 0, &other, 2, None), Waited::Woken);
}

#[test]
fn time_runs_out() {
    let word = AtomicU32::new(0);
    assert_eq!(wait(&word, 0, Some(Duration::from_millis(2))), Waited::TimedOut);
    // Such a time has passed since the machine was started.
    let until = Some(Duration::from_millis(2));
    assert_eq!(wait_either(&word, 0, &AtomicU32::new(0), 0, until), Waited::TimedOut);
}

#[test]
fn either_word_wakes() {
    for woken in [0, 1] {
        let words = [AtomicU32::new(0), AtomicU32::new(0)];
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while words.iter().all(|word| word.load(Ordering::Acquire) == 0) {
                    assert_eq!(wait_either(&words[0], 0, &words[1], 0, None), Waited::Woken);
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

/// A child waits for one of two words, untimed, and is interrupted until it has ended its wait, or long enough. Returns how the wait
/// ended and whether a word had changed then.
fn interrupted_wait(flags: i32, wait: fn(&AtomicU32, &AtomicU32) -> Waited) -> (bool, bool) {
    let arena = Arena::create(1, 4096, 4096).unwrap();
    let slot = arena.slot(0).unwrap();
    let engine = &slot.header().engine;
    let [changed, ended, is_interrupted] = [&engine.rx_seq, &engine.condition, &engine.error];
    handle_interrupts(flags);
    let child = Child::fork(|| {
        let waited = wait(changed, &engine.tx_seq);
        is_interrupted.store(u32::from(waited == Waited::Interrupted), Ordering::Release);
        ended.store(1 + changed.load(Ordering::Acquire), Ordering::Release);
        wake_all(ended);
    });
    let most = if flags == libc::SA_RESTART { 10 } else { 4000 };
    for _ in (0..most).take_while(|_| ended.load(Ordering::Acquire) == 0) {
        child.interrupt();
        super::wait(ended, 0, Some(Duration::from_millis(5)));
    }
    changed.store(1, Ordering::Release);
    wake_all(changed);
    while ended.load(Ordering::Acquire) == 0 {
        super::wait(ended, 0, None);
    }
    assert!(child.succeeds());
    (is_interrupted.load(Ordering::Acquire) == 1, ended.load(Ordering::Acquire) == 2)
}

/// One after the other: the handler is the process's.
#[test]
fn a_signal_ends_an_untimed_wait_unless_its_handler_says_restart() {
    let waits: [fn(&AtomicU32, &AtomicU32) -> Waited; 2] =
        [|word, _| wait(word, 0, None), |word, other| wait_either(word, 0, other, 0, None)];
    for wait in waits {
        assert_eq!(interrupted_wait(0, wait), (true, false));
        assert_eq!(interrupted_wait(libc::SA_RESTART, wait), (false, true));
    }
}
