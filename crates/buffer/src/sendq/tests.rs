use std::collections::VecDeque;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use crate::ring::NEAR;
use crate::{SendQ, SendQWriter, Slot};

const MAX: usize = 1 << 15;
/// The lengths of a case: Miri takes a thousand times as long for a byte.
const LONG: usize = if cfg!(miri) { 1 << 10 } else { MAX };
/// The most steps of a case.
const STEPS: usize = if cfg!(miri) { 20 } else { 100 };

#[derive(Clone, Debug)]
enum Step {
    Write(usize),
    Refresh,
    Text(usize, usize),
    Release(usize),
    SetLimit(usize),
    Allow(usize),
}

fn amount() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..300_usize, 2 => 0..LONG / 3, 1 => 0..2 * LONG, 1 => Just(usize::MAX)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2 * LONG).prop_map(Step::Write),
        4 => (0..500_usize).prop_map(Step::Write),
        4 => Just(Step::Refresh),
        2 => (amount(), amount()).prop_map(|(offset, len)| Step::Text(offset, len)),
        4 => amount().prop_map(Step::Release),
        1 => amount().prop_map(Step::SetLimit),
        1 => amount().prop_map(Step::Allow),
    ]
}

/// A SendQ beside a plain queue that should hold the same.
#[derive(Debug)]
struct Pair {
    sendq: SendQ,
    writer: SendQWriter,
    oracle: VecDeque<u8>,
    seen: usize,
    limit: usize,
    allowance: usize,
    written: usize,
}

impl Pair {
    fn new(limit: usize) -> Self {
        let slot = Slot::on_heap(MAX, 0);
        let (sendq, _recvq) = slot.open(limit, 0);
        let (writer, oracle) = (slot.writer(), VecDeque::new());
        let (limit, allowance) = (limit.min(MAX), usize::MAX);
        Self { sendq, writer, oracle, seen: 0, limit, allowance, written: 0 }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Write(len) => {
                let bytes: Vec<u8> = (self.written..).map(|at| (at % 251) as u8).take(len).collect();
                let expected = len.min(self.allowed().saturating_sub(self.oracle.len()));
                assert_eq!(self.writer.write(&bytes), expected);
                self.oracle.extend(&bytes[..expected]);
                self.written += expected;
            }
            Step::Refresh => {
                assert_eq!(self.sendq.refresh(), self.oracle.len() - self.seen);
                self.seen = self.oracle.len();
            }
            Step::Text(offset, len) => {
                let start = offset.min(self.seen);
                let len = len.min(self.seen - start);
                let mut out = vec![0; len + 1];
                assert_eq!(self.sendq.text(offset, len).copy_to(&mut out), len);
                assert!(out[..len].iter().eq(self.oracle.range(start..start + len)));
            }
            Step::Release(len) => {
                let len = len.min(self.seen);
                self.sendq.release(len);
                self.oracle.drain(..len);
                self.seen -= len;
            }
            Step::SetLimit(limit) => {
                self.sendq.set_limit(limit);
                self.limit = limit.min(MAX);
                self.take(Step::Text(0, usize::MAX));
            }
            Step::Allow(allowance) => {
                self.sendq.allow(allowance);
                self.allowance = allowance;
            }
        }
        self.assert_invariants();
    }

    fn allowed(&self) -> usize {
        self.limit.min(self.allowance)
    }

    fn assert_invariants(&self) {
        assert_eq!(self.sendq.allowed(), self.allowed());
        assert_eq!((self.sendq.len(), self.sendq.limit(), self.sendq.clamped()), (self.seen, self.limit, 0));
        assert_eq!(self.writer.len(), self.oracle.len());
        assert_eq!(self.writer.free(), self.allowed().saturating_sub(self.oracle.len()));
        assert!(self.sendq.ring.capacity() >= self.seen);
    }
}

proptest! {
    #[test]
    fn sendq_is_a_queue(limit in amount(), steps in prop::collection::vec(step(), 1..STEPS)) {
        let mut pair = Pair::new(limit);
        steps.into_iter().for_each(|step| pair.take(step));
    }

    /// Whatever the program says of its tail, and of where it writes, what is seen of it grows, and not beyond the limit.
    #[test]
    fn a_hostile_tail_is_clamped(
        limit in 0..MAX,
        told in prop::collection::vec(prop_oneof![any::<u64>(), 0..2 * MAX as u64, Just(u64::MAX)], 1..STEPS / 3),
        rings in prop::collection::vec((prop_oneof![0..20_u32, any::<u32>()], any::<u64>()), STEPS),
        released in amount(),
    ) {
        let slot = Slot::on_heap(MAX, 0);
        let (mut sendq, _recvq) = slot.open(limit, 0);
        let mut head = 0;
        let mut tail = 0;
        for (told, (ring, origin)) in told.into_iter().zip(rings) {
            slot.header().sender.send_tail.store(told, Ordering::Release);
            slot.header().sender.send_ring.store(ring, Ordering::Relaxed);
            slot.header().sender.send_origin.store(origin, Ordering::Relaxed);
            let clamped = sendq.clamped();
            let expected = told.clamp(tail, head + limit as u64);
            prop_assert_eq!(sendq.refresh() as u64, expected - tail);
            prop_assert_eq!(sendq.clamped() - clamped, u64::from(expected != told));
            tail = expected;
            prop_assert_eq!(sendq.len() as u64, tail - head);
            prop_assert!(sendq.len() <= limit);
            prop_assert_eq!(sendq.text(0, usize::MAX).copy_to(&mut [0; MAX]), sendq.len());
            let _ = (slot.writer().free(), slot.writer().write(b"text"), slot.writer().len());
            head += released.min(sendq.len()) as u64;
            sendq.release(released);
        }
        sendq.set_limit(MAX);
        sendq.set_limit(0);
    }

    /// Nor does a writer go astray where somebody else spoils the engine's words.
    #[test]
    fn spoilt_words_do_not_lead_the_writer_astray(
        head in any::<u64>(),
        tail in any::<u64>(),
        limit in any::<u32>(),
        order in any::<u32>(),
        origin in any::<u64>(),
        len in amount(),
    ) {
        let slot = Slot::on_heap(MAX, 0);
        let (mut sendq, _recvq) = slot.open(MAX, 0);
        let header = slot.header();
        header.engine.send_head.store(head, Ordering::Relaxed);
        header.engine.send_limit.store(limit, Ordering::Relaxed);
        header.sender.send_ring.store(order, Ordering::Relaxed);
        header.sender.send_tail.store(tail, Ordering::Relaxed);
        header.sender.send_origin.store(origin, Ordering::Relaxed);
        let written = slot.writer().write(&vec![1; len.min(2 * MAX)]);
        prop_assert!(written <= MAX);
        prop_assert!(sendq.refresh() <= MAX);
    }
}

#[test]
fn a_limit_below_what_is_held_takes_effect_as_bytes_are_released() {
    let mut pair = Pair::new(MAX);
    pair.take(Step::Write(20_000));
    pair.take(Step::SetLimit(500));
    pair.take(Step::Refresh);
    assert_eq!((pair.sendq.len(), pair.writer.free()), (20_000, 0));
    pair.take(Step::Release(19_600));
    assert_eq!(pair.writer.free(), 100);
    // What the program had filled before it knew is not cut.
    let mut pair = Pair::new(MAX);
    pair.take(Step::Write(20_000));
    pair.sendq.set_limit(500);
    assert_eq!((pair.sendq.refresh(), pair.sendq.clamped()), (20_000, 0));
}

#[cfg(not(miri))]
#[test]
fn a_file_is_read_into_the_ring_as_far_as_there_is_room() {
    use std::io::{Seek, Write};
    use std::os::fd::AsFd;
    let path = std::env::temp_dir().join(format!("sockeye-sendq-{}", std::process::id()));
    let mut file = std::fs::File::options().create_new(true).read(true).write(true).open(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    let bytes: Vec<u8> = (0..6000u32).map(|n| (n % 251) as u8).collect();
    file.write_all(&bytes).unwrap();
    let slot = Slot::on_heap(4096, 4096);
    let (mut sendq, _recvq) = slot.open(4096, 4096);
    let writer = slot.writer();
    assert_eq!(writer.write(&[0; 3000]), 3000);
    sendq.refresh();
    sendq.release(3000);
    // It wraps after 1096 bytes.
    assert_eq!(writer.write_from(file.as_fd(), Some(10), 2000).unwrap(), 2000);
    file.rewind().unwrap();
    assert_eq!(writer.write_from(file.as_fd(), None, usize::MAX).unwrap(), 2096, "no more fits");
    assert_eq!(writer.write_from(file.as_fd(), None, usize::MAX).unwrap(), 0);
    assert_eq!(file.stream_position().unwrap(), 2096);
    sendq.refresh();
    let mut seen = [0; 4096];
    assert_eq!(sendq.text(0, 4096).copy_to(&mut seen), 4096);
    assert_eq!(seen[..2000], bytes[10..2010]);
    assert_eq!(seen[2000..], bytes[..2096]);
    sendq.release(4096);
    assert_eq!(writer.write_from(file.as_fd(), Some(6000), 100).unwrap(), 0, "the end of the file");
    let folder = std::fs::File::open("/").unwrap();
    assert!(writer.write_from(folder.as_fd(), Some(0), 100).is_err());
    assert!(writer.is_empty());
}

/// Writes, sends and has acknowledged.
fn pass(pair: &mut Pair, len: usize) {
    [Step::Write(len), Step::Refresh, Step::Text(0, len), Step::Release(len)]
        .into_iter()
        .for_each(|step| pair.take(step));
}

#[test]
fn an_empty_queue_goes_on_at_the_start_of_its_far_ring() {
    let mut pair = Pair::new(MAX);
    for len in [MAX / 2, 3 * MAX / 4, NEAR + 1, NEAR + 1] {
        pass(&mut pair, len);
    }
    assert_eq!(pair.sendq.ring.index(pair.written as u64), 2 * (NEAR + 1));
    // Not for each little: the word of the origin would go from one processor to the other each time.
    [5, 5].into_iter().for_each(|len| pass(&mut pair, len));
    assert_eq!(pair.sendq.ring.index(pair.written as u64), 2 * (NEAR + 1) + 10);
    assert!(!pair.sendq.ring.is_near());
}

#[test]
fn little_passes_through_the_near_ring() {
    let mut pair = Pair::new(MAX);
    for len in [100, NEAR, 300, NEAR, 1].repeat(30) {
        pass(&mut pair, len);
        assert!(pair.sendq.ring.is_near());
    }
    pair.take(Step::Write(NEAR / 2));
    pair.take(Step::Refresh);
    pair.take(Step::Write(NEAR / 2));
    // What is held moves with what has no room beside it, whether it was seen or not.
    pair.take(Step::Write(1));
    assert!(pair.sendq.ring.is_near());
    pair.take(Step::Text(0, NEAR / 2));
    pair.take(Step::Refresh);
    assert!(!pair.sendq.ring.is_near());
    pair.take(Step::Text(0, NEAR + 1));
    pair.take(Step::Release(NEAR / 2));
    pair.take(Step::Text(0, NEAR));
    pair.take(Step::Release(NEAR));
    // Once much has passed it is back.
    pass(&mut pair, MAX / 4);
    pass(&mut pair, 10);
    assert!(pair.sendq.ring.is_near());
}

#[test]
fn the_ring_is_as_large_as_what_is_held_needs() {
    let mut pair = Pair::new(MAX);
    for (len, expected) in [(5000, 13), (3000, 13), (1000, 14), (20_000, 15)] {
        pair.take(Step::Write(len));
        pair.take(Step::Refresh);
        pair.take(Step::Text(0, MAX));
        assert_eq!(pair.sendq.ring.order(), expected);
    }
    // Several moves at once are as good as one.
    let mut pair = Pair::new(MAX);
    pair.take(Step::Write(5000));
    pair.take(Step::Refresh);
    pair.take(Step::Release(1000));
    [Step::Write(5000), Step::Write(15_000), Step::Text(0, 4000), Step::Refresh, Step::Text(0, MAX)]
        .into_iter()
        .for_each(|step| pair.take(step));
    assert_eq!(pair.sendq.ring.order(), 15);
    // With a smaller limit it becomes smaller once it is empty.
    pair.take(Step::SetLimit(8192));
    pair.take(Step::Release(MAX));
    pass(&mut pair, 6000);
    assert_eq!(pair.sendq.ring.order(), 13);
}

#[test]
fn who_says_that_more_is_in_the_near_ring_than_it_holds_sends_as_much_of_anything() {
    let slot = Slot::on_heap(MAX, 0);
    let (mut sendq, _recvq) = slot.open(MAX, 0);
    for told in [10, NEAR as u64 + 1, MAX as u64] {
        slot.header().sender.send_tail.store(told, Ordering::Relaxed);
        sendq.refresh();
        assert_eq!(sendq.text(0, MAX).copy_to(&mut [0; MAX]) as u64, told);
    }
}
