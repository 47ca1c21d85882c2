//! All four halves at once, each in a thread of its own.

use std::thread;

use crate::{RecvQReader, SendQWriter, Slot, Text};

#[cfg(not(miri))]
const TOTAL: usize = 8 << 20;
#[cfg(miri)]
const TOTAL: usize = 1 << 14;
/// In force for SendQ and RecvQ. Under Miri the rings are small, so that the stream goes round often.
const LIMITS: (usize, usize) = if cfg!(miri) { (3_000, 4_000) } else { (10_000, 21_720) };

/// The byte at a position of the stream.
fn byte(position: usize) -> u8 {
    let mixed = (position as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as u8
}

/// Lengths that look random, from 1 to `max`.
fn lengths(mut state: u64, max: usize) -> impl Iterator<Item = usize> {
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % max + 1
    })
}

fn write_all(writer: &SendQWriter, stream: &[u8]) {
    let mut rest = stream;
    for len in lengths(1, 5000) {
        let written = writer.write(&rest[..len.min(rest.len())]);
        rest = &rest[written..];
        if rest.is_empty() {
            return;
        }
        if written == 0 {
            thread::yield_now();
        }
    }
}

fn read_all(reader: &RecvQReader, stream: &[u8]) {
    let mut out = vec![0; 7000];
    let mut rest = stream;
    for len in lengths(2, out.len()) {
        let read = reader.peek(0, &mut out[..len]);
        assert!(out[..read] == rest[..read], "other bytes than were sent");
        reader.consume(read);
        rest = &rest[read..];
        if rest.is_empty() {
            return;
        }
        if read == 0 {
            thread::yield_now();
        }
    }
}

/// Moves text from SendQ to RecvQ until all has passed, the later half of each text first.
fn relay(slot: &Slot) {
    let (mut sendq, mut recvq) = slot.open(LIMITS.0, LIMITS.1);
    let stream: &[u8] = &(0..TOTAL).map(byte).collect::<Vec<u8>>();
    thread::scope(|scope| {
        let (writer, reader) = (slot.writer(), slot.reader());
        scope.spawn(move || write_all(&writer, stream));
        scope.spawn(move || read_all(&reader, stream));
        let mut passed = 0;
        for len in lengths(3, 6000) {
            sendq.refresh();
            recvq.refresh();
            let text: Text<'_> = sendq.text(0, len.min(recvq.window()));
            let half = text.len() / 2;
            if half > 0 {
                assert_eq!(recvq.place(half, &text.slice(half, usize::MAX)), 0);
            }
            let moved = recvq.place(0, &text.slice(0, half.max(1)));
            assert_eq!(moved, text.len());
            sendq.release(moved);
            passed += moved;
            if passed == TOTAL {
                break;
            }
            if moved == 0 {
                thread::yield_now();
            }
        }
        assert_eq!((sendq.clamped(), recvq.clamped()), (0, 0));
    });
    assert!(slot.reader().is_empty() && slot.writer().is_empty());
}

#[test]
fn three_threads_pass_a_stream_on_the_heap() {
    relay(&Slot::on_heap(1 << 16, 1 << 16));
}

#[cfg(all(feature = "std", not(miri)))]
#[test]
fn three_threads_pass_a_stream_in_shared_memory() {
    let arena = crate::Arena::create(4, 1 << 16, 1 << 16).unwrap();
    let slot = arena.slot(2).unwrap();
    slot.reset();
    relay(&slot);
}

/// A program in another process, through another mapping, killed while it writes: what was published is whole.
#[cfg(all(feature = "std", not(miri)))]
#[test]
fn a_killed_writer_leaves_whole_bytes() {
    let arena = crate::Arena::create(1, 1 << 16, 1 << 16).unwrap();
    let slot = arena.slot(0).unwrap();
    slot.reset();
    let (mut sendq, _recvq) = slot.open(50_000, 4096);
    let stream: Vec<u8> = (0..TOTAL).map(byte).collect();
    let client = crate::Arena::map(arena.fd().unwrap()).unwrap();
    let theirs = client.slot(0).unwrap();
    let child = crate::child::Child::fork(|| write_all(&theirs.writer(), &stream));
    let mut out = vec![0; 50_000];
    let mut passed = 0;
    let mut take = |passed: &mut usize| {
        let len = sendq.refresh();
        assert_eq!(sendq.text(0, len).copy_to(&mut out), len);
        assert!(out[..len] == stream[*passed..*passed + len]);
        sendq.release(len);
        *passed += len;
    };
    while passed < 1 << 20 {
        take(&mut passed);
    }
    child.kill();
    take(&mut passed);
    assert_eq!((sendq.clamped(), slot.writer().len()), (0, 0));
}
