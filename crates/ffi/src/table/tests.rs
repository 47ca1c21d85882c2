use super::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

fn ours(found: Found<Arc<u64>>) -> u64 {
    match found {
        Found::Ours(guard) => **guard,
        other => panic!("{other:?}"),
    }
}

#[test]
fn descriptors_are_found_until_they_are_removed() {
    static TABLE: Table<Arc<u64>> = Table::new();
    let value = Arc::new(7);
    assert!(!TABLE.has(3));
    TABLE.insert(3, value.clone()).expect("room");
    assert!(TABLE.has(3));
    TABLE.duplicate(3, 9).expect("room");
    assert_eq!(ours(TABLE.find(9)), 7);
    assert_eq!(TABLE.end(), 10);
    assert!(!TABLE.remove(3).expect("ours").was_last);
    assert!(matches!(TABLE.find(3), Found::Foreign));
    assert_eq!(Arc::strong_count(&value), 2, "dropped although a descriptor names it");
    assert!(TABLE.remove(9).expect("ours").was_last);
    assert_eq!(Arc::strong_count(&value), 1, "not dropped");
}

#[test]
fn value_outlives_its_descriptor_while_a_call_uses_it() {
    static TABLE: Table<Arc<u64>> = Table::new();
    let value = Arc::new(7);
    TABLE.insert(3, value.clone()).expect("room");
    let Found::Ours(guard) = TABLE.find(3) else { panic!("not found") };
    drop(TABLE.remove(3));
    TABLE.insert(3, Arc::new(8)).expect("room");
    assert_eq!(**guard, 7);
    assert_eq!(ours(TABLE.find(3)), 8);
    drop(guard);
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn what_was_removed_tells_of_calls_in_it() {
    static TABLE: Table<u64> = Table::new();
    TABLE.insert(3, 7).expect("room");
    TABLE.duplicate(3, 4).expect("room");
    let Found::Ours(call) = TABLE.find(3) else { panic!("not found") };
    assert!(!call.is_in_use(), "by itself, and by two descriptors");
    drop(TABLE.remove(4));
    let removed = TABLE.remove(3).expect("ours");
    assert!(removed.guard.is_in_use());
    drop(call);
    assert!(!removed.guard.is_in_use());
}

#[test]
fn calls_of_the_parent_s_threads_are_none_of_a_forked_child() {
    static TABLE: Table<u64> = Table::new();
    TABLE.insert(3, 7).expect("room");
    let (Found::Ours(call), Found::Ours(member)) = (TABLE.find(3), TABLE.find(3)) else {
        panic!("not found")
    };
    std::mem::forget(call);
    TABLE.after_fork_in_child();
    member.is_no_call();
    let removed = TABLE.remove(3).expect("ours");
    assert!(removed.guard.is_in_use(), "by what lives on");
    drop(member);
    assert!(!removed.guard.is_in_use(), "by a ghost");
    let Found::Foreign = TABLE.find(3) else { panic!("still there") };
    TABLE.insert(3, 8).expect("room");
    assert!(!TABLE.remove(3).expect("ours").guard.is_in_use());
}

#[test]
fn foreign_descriptor_copied_over_a_socket_hides_it() {
    static TABLE: Table<Arc<u64>> = Table::new();
    let value = Arc::new(7);
    TABLE.insert(3, value.clone()).expect("room");
    TABLE.duplicate(5, 3).expect("room");
    assert!(!TABLE.has(3));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn inherited_descriptor_is_adopted_once() {
    static TABLE: Table<Arc<u64>> = Table::new();
    let late = Arc::new(8);
    TABLE.mark_inherited(3).expect("room");
    TABLE.duplicate(3, 4).expect("room");
    assert!(matches!(TABLE.find(4), Found::Inherited));
    TABLE.adopt(3, Arc::new(7)).expect("room");
    TABLE.adopt(3, late.clone()).expect("room");
    assert_eq!(ours(TABLE.find(3)), 7);
    assert_eq!(Arc::strong_count(&late), 1, "the one that came late is dropped");
    assert!(TABLE.remove(4).is_none());
    assert!(!TABLE.has(4));
}

#[test]
fn odd_descriptors_are_foreign_and_cannot_be_put_in() {
    static TABLE: Table<Arc<u64>> = Table::new();
    for fd in [-1, i32::MIN, i32::MAX, 1 << 20] {
        assert!(!TABLE.has(fd));
        assert!(matches!(TABLE.find(fd), Found::Foreign));
        assert_eq!(TABLE.insert(fd, Arc::new(0)), Err(Full));
        assert!(TABLE.remove(fd).is_none());
    }
    TABLE.insert((1 << 20) - 1, Arc::new(1)).expect("room");
}

const FDS: i32 = 4;
static BUSY: Table<Arc<u64>> = Table::new();
static OVER: AtomicBool = AtomicBool::new(false);

fn look_up() {
    while !OVER.load(Ordering::Relaxed) {
        for fd in 0..FDS {
            if let Found::Ours(guard) = BUSY.find(fd) {
                assert_eq!(**guard, u64::from(fd.unsigned_abs()));
            }
        }
    }
}

/// Each writer has its own descriptors, but they share the entries.
fn open_and_close(writer: i32, all: &[Arc<u64>]) {
    for fd in (0..20_000).flat_map(|_| (0..FDS).filter(|fd| fd % 2 == writer)) {
        BUSY.insert(fd, all[fd.unsigned_abs() as usize].clone()).expect("room");
        assert!(BUSY.remove(fd).expect("ours").was_last);
    }
}

/// Threads look up what others close and open again under the same numbers: a look-up gives the socket of that very
/// descriptor or none, and no value is lost or dropped twice.
#[test]
fn threads_may_close_and_open_while_others_look_up() {
    let all: Vec<Arc<u64>> = (0..FDS).map(|fd| Arc::new(fd.unsigned_abs().into())).collect();
    thread::scope(|scope| {
        scope.spawn(look_up);
        scope.spawn(look_up);
        let writers = [0, 1].map(|writer| {
            scope.spawn({
                let all = &all;
                move || open_and_close(writer, all)
            })
        });
        let ends = writers.map(thread::ScopedJoinHandle::join);
        OVER.store(true, Ordering::Relaxed);
        assert!(ends.iter().all(Result::is_ok));
    });
    assert!(all.iter().all(|value| Arc::strong_count(value) == 1), "a value was lost or is still held");
    assert!(BUSY.made.load(Ordering::Relaxed) <= 8, "entries are not used again");
}
