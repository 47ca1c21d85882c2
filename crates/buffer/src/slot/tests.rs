use crate::{Slot, Text};

#[test]
fn bytes_pass_in_both_directions() {
    let slot = Slot::on_heap(1 << 16, 1 << 16);
    let (mut sendq, mut recvq) = slot.open(500, 21720);
    let (writer, reader) = (slot.writer(), slot.reader());
    assert_eq!((writer.free(), sendq.limit(), recvq.window()), (500, 500, 21720));

    assert_eq!(writer.write(&[7; 600]), 500);
    assert_eq!((sendq.refresh(), sendq.len(), writer.free()), (500, 500, 0));
    let mut out = [0; 600];
    assert_eq!(sendq.text(100, 1000).copy_to(&mut out), 400);
    assert_eq!(out[..400], [7; 400]);
    sendq.release(450);
    assert_eq!((sendq.len(), writer.free(), writer.len()), (50, 450, 50));

    assert_eq!(recvq.place(3, &Text::from(&b"defg"[..])), 0);
    assert!(recvq.out_of_order().eq(core::iter::once(3..7)));
    assert_eq!((recvq.place(0, &Text::from(&b"abcXX"[..])), recvq.len()), (7, 7));
    assert_eq!((reader.len(), reader.peek(2, &mut out)), (7, 5));
    assert_eq!(&out[..5], b"cdefg");
    assert!(!recvq.ring_after(Some(4)));
    assert!(!reader.consume(3));
    assert!(reader.consume(1));
    assert_eq!((recvq.refresh(), recvq.len(), recvq.window()), (4, 3, 21717));
}

#[test]
fn opening_keeps_settings_and_resetting_does_not() {
    use core::sync::atomic::Ordering;
    let slot = Slot::on_heap(4096, 4096);
    slot.header().readiness.nonblocking.store(1, Ordering::Relaxed);
    let _halves = slot.open(4096, 4096);
    assert_eq!(slot.writer().write(b"text"), 4);
    assert_eq!(slot.header().readiness.nonblocking.load(Ordering::Relaxed), 1);
    let _halves = slot.open(4096, 4096);
    assert_eq!((slot.writer().len(), slot.reader().len()), (0, 0));
    slot.reset();
    assert_eq!(slot.header().readiness.nonblocking.load(Ordering::Relaxed), 0);
    assert_eq!(slot.header().engine.ring_at.load(Ordering::Relaxed), u64::MAX);
}
