use std::sync::atomic::Ordering;

use crate::child::Child;
use crate::{Arena, Slot, futex};

#[test]
fn threads_take_turns() {
    let slot = Slot::on_heap(4096, 4096);
    let count = &slot.header().engine.accept_tail;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let guard = slot.lock_send();
                    assert!(guard.is_held());
                    count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(count.load(Ordering::Relaxed), 4000);
}

#[test]
fn the_two_locks_are_separate_and_neither_is_had_twice() {
    let slot = Slot::on_heap(4096, 4096);
    let send = slot.lock_send();
    let recv = slot.lock_recv();
    assert!(send.is_held() && recv.is_held());
    assert!(!slot.lock_send().is_held(), "a signal handler must not write between");
    drop(send);
    assert!(slot.lock_send().is_held());
}

#[test]
fn a_killed_holder_releases_its_locks_and_what_it_had_not_published_was_not_sent() {
    let arena = Arena::create(1, 4096, 4096).unwrap();
    let slot = arena.slot(0).unwrap();
    slot.reset();
    let (mut sendq, _recvq) = slot.open(4096, 4096);
    let seq = &slot.header().engine.rx_seq;
    for round in 1..=3 {
        let child = Child::fork(|| {
            let (send, recv) = (slot.lock_send(), slot.lock_recv());
            assert!(send.is_held() && recv.is_held());
            assert_eq!(slot.writer().write(b"sent"), 4);
            seq.store(round, Ordering::Release);
            futex::wake_all(seq);
            loop {
                futex::wait(seq, round, None);
            }
        });
        while seq.load(Ordering::Acquire) != round {
            futex::wait(seq, round - 1, None);
        }
        child.kill();
        assert!(slot.lock_recv().is_held());
        let lock = slot.lock_send();
        assert!(lock.is_held() && lock.is_inherited());
        drop(lock);
        assert!(!slot.lock_send().is_inherited(), "once");
        assert_eq!(sendq.refresh(), 4);
    }
}
