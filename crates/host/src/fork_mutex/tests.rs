use super::*;
use std::sync::Arc;
use std::thread;

#[test]
fn only_one_thread_holds_it() {
    let counter = Arc::new(ForkMutex::new(0u32));
    let add = |counter: Arc<ForkMutex<u32>>| move || (0..20_000).for_each(|_| *counter.lock() += 1);
    let threads: Vec<_> = (0..4).map(|_| thread::spawn(add(counter.clone()))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(*counter.lock(), 80_000);
}

#[test]
fn a_child_frees_what_threads_held_and_waited_for() {
    let mutex = Arc::new(ForkMutex::new(()));
    let held = mutex.lock();
    let waiter = thread::spawn({
        let mutex = mutex.clone();
        move || drop(mutex.lock())
    });
    while !mutex.mutex.is_locked() {}
    std::mem::forget(held);
    // As in a child: the holder does not exist, and what the waiter left is a number.
    mutex.after_fork_in_child();
    drop(mutex.lock());
    waiter.join().unwrap();
}

#[test]
fn the_thread_that_forks_takes_it_and_gives_it_back() {
    let mutex = ForkMutex::new(());
    assert_eq!(mutex.before_fork(|&()| 7), Some(7));
    assert!(mutex.mutex.is_locked());
    mutex.after_fork_in_parent();
    assert!(!mutex.mutex.is_locked());
}

#[test]
fn a_fork_amid_a_call_does_not_wait_for_itself() {
    let mutex = ForkMutex::new(());
    let held = mutex.lock();
    assert_eq!(mutex.before_fork(|_| ()), None);
    mutex.after_fork_in_parent();
    assert!(mutex.mutex.is_locked(), "the call that was interrupted goes on");
    drop(held);
    assert!(!mutex.mutex.is_locked());
}
