use super::INFO_WORDS;
use crate::Slot;

#[test]
fn a_copy_is_there_while_it_is_kept() {
    let slot = Slot::on_heap(1 << 14, 1 << 14);
    assert_eq!(slot.info(), None);
    slot.tell_info([7; INFO_WORDS]);
    assert_eq!(slot.info(), Some([7; INFO_WORDS]));
    slot.tell_info([8; INFO_WORDS]);
    assert_eq!(slot.info(), Some([8; INFO_WORDS]));
    slot.forget_info();
    assert_eq!(slot.info(), None);
    slot.tell_info([9; INFO_WORDS]);
    slot.reset();
    assert_eq!(slot.info(), None, "another socket's");
}

#[test]
fn the_engine_finds_once_that_it_was_read() {
    let slot = Slot::on_heap(1 << 14, 1 << 14);
    slot.tell_info([7; INFO_WORDS]);
    assert!(!slot.was_info_read());
    for _ in 0..2 {
        assert!(slot.info().is_some());
    }
    assert!(slot.was_info_read());
    assert!(!slot.was_info_read());
}

/// It is beside the rings, also the largest and the smallest.
#[test]
fn rings_leave_the_copy_alone() {
    let slot = Slot::on_heap(1 << 14, 1 << 14);
    let (mut sendq, _recvq) = slot.open(1 << 14, 1 << 14);
    slot.tell_info([7; INFO_WORDS]);
    let writer = slot.writer();
    for len in [1000, 1 << 14] {
        assert_eq!(writer.write(&vec![1; len]), len);
        assert_eq!(sendq.refresh(), len);
        sendq.release(len);
    }
    assert_eq!(slot.info(), Some([7; INFO_WORDS]));
}

/// But those of another socket that had the slot are not told.
#[test]
fn told_times_never_become_less() {
    let slot = Slot::on_heap(1 << 14, 1 << 14);
    assert_eq!(slot.told_times([9, 9, 9]), [9, 9, 9]);
    slot.tell_info([7; INFO_WORDS]);
    assert_eq!(slot.told_times([5, 6, 7]), [5, 6, 7]);
    assert_eq!(slot.told_times([4, 8, 7]), [5, 8, 7]);
    slot.forget_info();
    assert_eq!(slot.told_times([1, 1, 1]), [5, 8, 7], "also where the engine was asked");
    slot.tell_info([7; INFO_WORDS]);
    assert_eq!(slot.told_times([1, 1, 9]), [5, 8, 9]);
    slot.reset();
    assert_eq!(slot.told_times([1, 1, 1]), [1, 1, 1]);
    slot.tell_info([7; INFO_WORDS]);
    assert_eq!(slot.told_times([2, 1, 1]), [2, 1, 1]);
}
