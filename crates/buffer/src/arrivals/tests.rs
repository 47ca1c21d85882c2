use super::{KEPT, arrival_of, note_arrival};
use crate::Slot;
use core::sync::atomic::Ordering;

#[test]
fn a_read_is_told_the_time_of_its_last_segment() {
    let slot = Slot::on_heap(4096, 4096);
    let header = slot.header();
    let arrive = |tail, nanos| {
        header.engine.recv_tail.store(tail, Ordering::Relaxed);
        note_arrival(header, nanos);
    };
    arrive(10, 1);
    assert_eq!(arrival_of(header, 10), None, "nobody asked");
    header.arrivals.wanted.store(1, Ordering::Relaxed);
    arrive(20, 2);
    arrive(30, 3);
    assert_eq!(
        [15, 20, 21, 30, 31].map(|end| arrival_of(header, end)),
        [Some(2), Some(2), Some(3), Some(3), None]
    );
    for more in 1..=KEPT as u64 {
        arrive(30 + more, 3 + more);
    }
    assert_eq!(arrival_of(header, 20), Some(4), "the oldest that is left");
    slot.reset();
    assert_eq!(arrival_of(header, 1), None);
}
