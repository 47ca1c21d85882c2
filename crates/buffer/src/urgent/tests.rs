use super::*;
use crate::{Slot, Text};

fn slot_with(text: &[u8], urgent: usize) -> Slot {
    let slot = Slot::on_heap(4096, 4096);
    let (_, mut recvq) = slot.open(4096, 4096);
    recvq.mark_urgent(urgent);
    recvq.place(0, &Text::from(text));
    slot
}

#[test]
fn reading_stops_before_the_urgent_byte_and_passes_it() {
    let reader = slot_with(b"abcXdef", 3).reader();
    assert_eq!((reader.is_at_mark(), reader.before_mark(0)), (false, (0, 3)));
    reader.consume(3);
    assert_eq!((reader.is_at_mark(), reader.before_mark(0)), (true, (1, usize::MAX)));
    reader.consume(2);
    assert_eq!((reader.is_at_mark(), reader.before_mark(0)), (false, (0, usize::MAX)));
    assert_eq!(reader.take_urgent(false), UrgentByte::None, "it was passed");
}

#[test]
fn the_urgent_byte_is_read_once() {
    let reader = slot_with(b"abcXdef", 3).reader();
    assert_eq!(reader.take_urgent(true), UrgentByte::Here(b'X'));
    assert_eq!(reader.take_urgent(false), UrgentByte::Here(b'X'));
    assert_eq!(reader.take_urgent(false), UrgentByte::None);
    assert_eq!(reader.len(), 7, "it still has its place");
}

#[test]
fn it_is_awaited_until_it_comes() {
    let reader = slot_with(b"abc", 3).reader();
    assert_eq!(reader.take_urgent(false), UrgentByte::Awaited);
    reader.consume(3);
    assert_eq!((reader.is_at_mark(), reader.before_mark(0)), (true, (0, 0)), "it may come at any time");
}

#[test]
fn in_line_it_is_a_byte_like_others_but_for_the_mark() {
    let slot = slot_with(b"abcXdef", 3);
    slot.header().urgent.is_inline.store(1, Ordering::Relaxed);
    let reader = slot.reader();
    assert_eq!((reader.before_mark(0), reader.take_urgent(false)), ((0, 3), UrgentByte::None));
    reader.consume(3);
    assert_eq!((reader.is_at_mark(), reader.before_mark(0)), (true, (0, usize::MAX)));
}

#[test]
fn a_peek_behind_the_head_stops_before_it_too() {
    let slot = Slot::on_heap(4096, 4096);
    let (_, mut recvq) = slot.open(4096, 4096);
    recvq.mark_urgent(3);
    recvq.place(0, &Text::from(&b"abc"[..]));
    let reader = slot.reader();
    let looks = || [0, 2, 3, 4].map(|before| reader.before_mark(before));
    assert_eq!(looks(), [(0, 3), (0, 1), (0, 0), (0, usize::MAX)], "it has not come");
    recvq.place(0, &Text::from(&b"Xde"[..]));
    assert_eq!(looks(), [(0, 3), (0, 1), (1, usize::MAX), (0, usize::MAX)]);
}

/// A mark that makes no sense shows nothing that is not there.
#[test]
fn no_word_in_shared_memory_leads_astray() {
    for mark in [1, 2, 100, u64::MAX, 1 << 63] {
        let slot = slot_with(b"abc", 1);
        slot.header().urgent.mark.store(mark, Ordering::Relaxed);
        let _ = (slot.reader().take_urgent(false), slot.reader().before_mark(0));
        slot.reader().consume(3);
        let _ = (slot.reader().take_urgent(false), slot.reader().before_mark(0));
    }
}
