use super::*;

fn taken(list: &ReadyList, group: u32) -> Vec<(u32, Mark)> {
    let mut all = Vec::new();
    list.take(group, |watch, mark| all.push((watch, mark)));
    all
}

#[test]
fn marks_reach_the_groups_that_joined_and_no_other() {
    let list = ReadyList::on_heap().expect("memory");
    list.join(70, 3);
    list.join(70, 63);
    list.join(WATCHES - 1, 3);
    assert_eq!(list.post(70, Mark::RX), 0, "nobody sleeps");
    list.post(70, Mark::TX);
    list.post(WATCHES - 1, Mark::TX);
    list.post(71, Mark::STATE);
    assert!(list.has_marks(3) && list.has_marks(63) && !list.has_marks(0));
    assert_eq!(taken(&list, 3), [(70, Mark::STATE), (WATCHES - 1, Mark::TX)]);
    assert_eq!(taken(&list, 63), [(70, Mark::STATE)]);
    assert_eq!(taken(&list, 3), []);
    list.leave(70, 3);
    list.post(70, Mark::RX);
    assert_eq!(taken(&list, 3), []);
}

#[test]
fn who_sleeps_is_woken_once() {
    let list = ReadyList::on_heap().expect("memory");
    list.join(1, 2);
    list.join(1, 5);
    list.fall_asleep(5);
    assert_eq!(list.post(1, Mark::RX), 1 << 5);
    assert_eq!(list.post(1, Mark::RX), 0);
    list.fall_asleep(5);
    // Also for what is marked already: in poll() nobody takes marks.
    assert_eq!(list.post(1, Mark::RX), 1 << 5);
    list.fall_asleep(2);
    list.wake_up(2);
    assert_eq!(list.post(1, Mark::RX), 0);
}

#[test]
fn words_out_of_range_are_nobody() {
    let list = ReadyList::on_heap().expect("memory");
    list.join(WATCHES, 1);
    assert_eq!(list.post(WATCHES, Mark::STATE), 0);
    assert_eq!(list.groups_of(u32::MAX), 0);
    list.fall_asleep(GROUPS);
    assert!(!list.has_marks(GROUPS));
}

#[cfg(all(feature = "std", not(miri)))]
#[test]
fn shared_memory_is_the_same_list() {
    let host = ReadyList::create().expect("memory");
    let program = ReadyList::map(host.fd().expect("a file")).expect("the list");
    program.join(9, 0);
    host.post(9, Mark::RX);
    assert_eq!(taken(&program, 0), [(9, Mark::RX)]);
    let other = rustix::fs::memfd_create("other", rustix::fs::MemfdFlags::CLOEXEC).expect("a file");
    assert!(ReadyList::map(&other).is_err());
}
