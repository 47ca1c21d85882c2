use super::*;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// All tests use the same words.
static ALONE: Mutex<()> = Mutex::new(());

const THREADS: u32 = 8;
const TIMES: u32 = 2_000;

fn changes() -> u32 {
    CHANGES.load(Ordering::SeqCst)
}

/// Waits until another thread has seen to it.
fn wait_until(is_so: impl Fn() -> bool) {
    let begin = monotonic();
    while !is_so() {
        assert!(monotonic().since(begin) < Duration::from_secs(30));
        thread::yield_now();
    }
}

#[test]
fn nothing_changes_while_somebody_shares() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (changing, sharing) = (AtomicU32::new(0), AtomicU32::new(0));
    let change_often = || {
        for _ in 0..TIMES {
            let _change = change();
            changing.fetch_add(1, Ordering::SeqCst);
            assert_eq!(sharing.load(Ordering::SeqCst), 0);
            thread::yield_now();
            assert_eq!(sharing.load(Ordering::SeqCst), 0);
            changing.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let share_often = || {
        for _ in 0..TIMES / 4 {
            let _sharing = share_alone();
            assert_eq!(sharing.fetch_add(1, Ordering::SeqCst), 0, "two share");
            assert_eq!(changing.load(Ordering::SeqCst), 0);
            thread::yield_now();
            assert_eq!(changing.load(Ordering::SeqCst), 0);
            sharing.fetch_sub(1, Ordering::SeqCst);
        }
    };
    thread::scope(|scope| {
        (0..THREADS).for_each(|_| drop(scope.spawn(change_often)));
        (0..THREADS).for_each(|_| drop(scope.spawn(share_often)));
    });
    assert_eq!(changes(), 0);
    assert_eq!(TURN.load(Ordering::SeqCst), FREE);
}

#[test]
fn a_change_amid_another_does_not_wait_for_who_waits_for_that() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let is_shared = AtomicBool::new(false);
    thread::scope(|scope| {
        let outer = change();
        scope.spawn(|| {
            let _sharing = share_alone();
            is_shared.store(true, Ordering::SeqCst);
        });
        wait_until(|| changes() & WANTED != 0);
        // As a signal handler does, which ends before the call that it came into.
        drop(change());
        assert!(!is_shared.load(Ordering::SeqCst));
        drop(outer);
    });
    assert!(is_shared.load(Ordering::SeqCst));
    assert_eq!(changes(), 0);
}

#[test]
fn who_shares_amid_a_change_of_its_own_does_not_wait_for_it() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let begin = monotonic();
    let outer = change();
    drop(share_alone());
    assert!(monotonic().since(begin) < PATIENCE);
    drop(outer);
    assert_eq!(changes(), 0);
}

#[test]
fn a_change_that_never_ends_is_not_waited_for_for_ever() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    thread::spawn(|| std::mem::forget(change())).join().expect("it ends");
    drop(share_alone());
    assert_eq!(changes(), 1);
    after_fork_in_child();
    assert_eq!(changes(), 0);
}
