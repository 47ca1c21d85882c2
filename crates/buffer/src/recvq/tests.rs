use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use crate::assembler::MAX_RANGES;
use crate::ring::NEAR;
use crate::{RecvQ, RecvQReader, Slot, Text};

const MAX: usize = 1 << 14;
/// The length of a case's longest texts: Miri takes a thousand times as long for a byte.
const LONG: usize = if cfg!(miri) { 300 } else { 2 * MAX };
/// The most steps of a case.
const STEPS: usize = if cfg!(miri) { 12 } else { 120 };

#[derive(Clone, Debug)]
enum Step {
    /// Offset, length, and a byte to tell texts apart.
    Place(usize, usize, u8),
    Read(usize, usize),
    Refresh,
    RingAfter(Option<usize>),
    SetLimit(usize),
    Allow(usize),
    Prune(usize),
}

fn amount() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..200_usize, 2 => 0..LONG / 6, 1 => 0..LONG]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (amount(), amount(), any::<u8>()).prop_map(|(offset, len, mark)| Step::Place(offset, len, mark)),
        4 => (0..200_usize, 1..4_usize, any::<u8>()).prop_map(|(offset, len, mark)| Step::Place(offset, len, mark)),
        4 => (amount(), any::<u8>()).prop_map(|(len, mark)| Step::Place(0, len, mark)),
        4 => (0..20_usize, amount()).prop_map(|(skip, len)| Step::Read(skip, len)),
        4 => Just(Step::Refresh),
        1 => prop::option::of(amount()).prop_map(Step::RingAfter),
        1 => amount().prop_map(Step::SetLimit),
        1 => prop_oneof![amount(), Just(usize::MAX)].prop_map(Step::Allow),
        1 => amount().prop_map(Step::Prune),
    ]
}

/// A RecvQ beside a plain map of the bytes that it should hold.
#[derive(Debug)]
struct Pair {
    recvq: RecvQ,
    reader: RecvQReader,
    oracle: BTreeMap<usize, u8>,
    /// The program's head, and the one that the engine has seen.
    head: usize,
    seen: usize,
    tail: usize,
    limit: usize,
    allowance: usize,
    ring_at: Option<usize>,
}

impl Pair {
    fn new(limit: usize) -> Self {
        let slot = Slot::on_heap(0, MAX);
        let (_sendq, recvq) = slot.open(0, limit);
        let (reader, oracle) = (slot.reader(), BTreeMap::new());
        let (limit, allowance) = (limit.min(MAX), usize::MAX);
        Self { recvq, reader, oracle, head: 0, seen: 0, tail: 0, limit, allowance, ring_at: None }
    }

    /// The ranges beyond tail, as offsets from it.
    fn ranges(&self) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for offset in self.oracle.range(self.tail..).map(|(position, _)| position - self.tail) {
            match ranges.last_mut() {
                Some(last) if last.end == offset => last.end += 1,
                _ => ranges.push(offset..offset + 1),
            }
        }
        ranges
    }

    fn place(&mut self, offset: usize, len: usize, mark: u8) {
        let bytes: Vec<u8> = (0..len).map(|at| mark.wrapping_add(at as u8)).collect();
        let (first, second) = bytes.split_at(len / 3);
        let window = self.limit.min(self.allowance).saturating_sub(self.tail - self.seen);
        let end = offset.saturating_add(len).min(window);
        let ranges = self.ranges();
        let joins = ranges.iter().any(|held| held.start <= end && held.end >= offset);
        if offset < end && (offset == 0 || joins || ranges.len() < MAX_RANGES) {
            for (at, byte) in (offset..end).zip(&bytes) {
                self.oracle.entry(self.tail + at).or_insert(*byte);
            }
        }
        let tail = (self.tail..).find(|position| !self.oracle.contains_key(position)).unwrap();
        assert_eq!(self.recvq.place(offset, &Text::pair(first, second)), tail - self.tail);
        self.tail = tail;
    }

    fn read(&mut self, skip: usize, len: usize) {
        let mut out = vec![0; len];
        let copied = self.reader.peek(skip, &mut out);
        assert_eq!(copied, len.min((self.tail - self.head).saturating_sub(skip)));
        let start = self.head + skip;
        assert!(
            copied == 0
                || out[..copied].iter().eq(self.oracle.range(start..start + copied).map(|(_, byte)| byte))
        );
        self.head += len.min(self.tail - self.head);
        self.oracle = self.oracle.split_off(&self.head);
        assert_eq!(self.reader.consume(len), self.ring_at.is_some_and(|ring_at| self.head >= ring_at));
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Place(offset, len, mark) => self.place(offset, len, mark),
            Step::Read(skip, len) => self.read(skip, len),
            Step::Refresh => {
                assert_eq!(self.recvq.refresh(), self.head - self.seen);
                self.seen = self.head;
            }
            Step::RingAfter(bytes) => {
                let ring_at = bytes.map(|bytes| self.seen + bytes);
                let is_there = ring_at != self.ring_at && ring_at.is_some_and(|ring_at| self.head >= ring_at);
                assert_eq!(self.recvq.ring_after(bytes), is_there);
                self.ring_at = ring_at;
            }
            Step::SetLimit(limit) => {
                self.recvq.set_limit(limit);
                (self.limit, self.seen) = (limit.min(MAX), self.head);
            }
            Step::Allow(allowance) => {
                self.recvq.allow(allowance);
                self.allowance = allowance;
            }
            Step::Prune(offset) => {
                let kept = self.oracle.range(..self.tail.saturating_add(offset));
                let kept: BTreeMap<usize, u8> = kept.map(|(position, byte)| (*position, *byte)).collect();
                assert_eq!(self.recvq.prune(offset), self.oracle.len() - kept.len());
                self.oracle = kept;
            }
        }
        self.assert_invariants();
    }

    fn assert_invariants(&self) {
        let held = self.tail - self.seen;
        assert_eq!((self.recvq.len(), self.recvq.limit(), self.recvq.clamped()), (held, self.limit, 0));
        let allowed = self.limit.min(self.allowance);
        assert_eq!((self.recvq.allowed(), self.recvq.window()), (allowed, allowed.saturating_sub(held)));
        assert_eq!(self.recvq.out_of_order().collect::<Vec<_>>(), self.ranges());
        let beyond: usize = self.ranges().into_iter().map(|range| range.len()).sum();
        assert_eq!(self.recvq.out_of_order_len(), beyond);
        assert_eq!(self.reader.len(), self.tail - self.head);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 64 }))]

    #[test]
    fn recvq_is_a_queue_that_assembles(limit in amount(), steps in prop::collection::vec(step(), 1..STEPS)) {
        let mut pair = Pair::new(limit);
        steps.into_iter().for_each(|step| pair.take(step));
        // All that was ever placed can be read.
        pair.take(Step::Refresh);
        pair.take(Step::SetLimit(MAX));
        pair.take(Step::Allow(usize::MAX));
        pair.take(Step::Place(0, LONG, 7));
        pair.take(Step::Read(0, LONG));
    }
}

proptest! {
    /// Whatever the program says of its head, what is seen of it grows, and not beyond tail.
    #[test]
    fn a_hostile_head_is_clamped(
        limit in 1..MAX,
        told in prop::collection::vec((prop_oneof![any::<u64>(), 0..2 * MAX as u64, Just(u64::MAX)], amount()), 1..STEPS / 4),
    ) {
        let slot = Slot::on_heap(0, MAX);
        let (_sendq, mut recvq) = slot.open(0, limit);
        let (mut head, mut tail) = (0, 0);
        for (told, len) in told {
            tail += recvq.place(0, &Text::from(&vec![1; len][..])) as u64;
            slot.header().receiver.recv_head.store(told, Ordering::Release);
            let clamped = recvq.clamped();
            let expected = told.clamp(head, tail);
            prop_assert_eq!(recvq.refresh() as u64, expected - head);
            prop_assert_eq!(recvq.clamped() - clamped, u64::from(expected != told));
            head = expected;
            prop_assert_eq!(recvq.len() as u64, tail - head);
            prop_assert_eq!(recvq.len() + recvq.window(), limit);
            recvq.ring_after(Some(len));
            let _ = (slot.reader().peek(len, &mut [0; 100]), slot.reader().consume(1), slot.reader().len());
        }
        recvq.set_limit(MAX);
        recvq.set_limit(0);
    }

    /// Nor does a reader go astray where somebody else spoils the engine's words.
    #[test]
    fn spoilt_words_do_not_lead_the_reader_astray(
        head in any::<u64>(),
        tail in any::<u64>(),
        order in any::<u32>(),
        skip in any::<usize>(),
        len in amount(),
    ) {
        let slot = Slot::on_heap(0, MAX);
        let (_sendq, mut recvq) = slot.open(0, MAX);
        let header = slot.header();
        header.engine.recv_tail.store(tail, Ordering::Relaxed);
        header.engine.recv_ring.store(order, Ordering::Relaxed);
        header.receiver.recv_head.store(head, Ordering::Relaxed);
        prop_assert!(slot.reader().peek(skip, &mut vec![0; len]) <= len);
        slot.reader().consume(len);
        prop_assert_eq!(recvq.refresh(), 0);
    }
}

#[test]
fn the_first_writer_of_a_byte_wins() {
    let mut pair = Pair::new(100);
    pair.take(Step::Place(10, 10, b'a'));
    pair.take(Step::Place(5, 30, b'A'));
    pair.take(Step::Place(0, 40, b'0'));
    assert_eq!(pair.recvq.len(), 40);
    let mut out = [0; 30];
    assert_eq!(pair.reader.peek(4, &mut out), 30);
    assert_eq!(&out[..17], b"4ABCDEabcdefghijP");
}

#[test]
fn text_beyond_the_window_is_cut() {
    let mut pair = Pair::new(500);
    pair.take(Step::Place(490, 100, 1));
    assert!(pair.recvq.out_of_order().eq(core::iter::once(490..500)));
    pair.take(Step::Place(500, 1, 1));
    assert_eq!(pair.recvq.place(usize::MAX, &Text::from(&[1][..])), 0);
    pair.take(Step::Place(0, 1000, 2));
    assert_eq!((pair.recvq.len(), pair.recvq.window()), (500, 0));
    pair.take(Step::Place(0, 1, 3));
}

// Without the map of bytes, which takes Miri ten minutes for so many ranges.
#[test]
fn too_many_ranges_are_refused_and_nothing_of_them_is_written() {
    const LAST: usize = MAX_RANGES + 3;
    let slot = Slot::on_heap(0, MAX);
    let (_sendq, mut recvq) = slot.open(0, MAX);
    let mark = |index: usize| 1 + (index % 250) as u8;
    for index in 1..=LAST {
        assert_eq!(recvq.place(10 * index, &Text::from(&[mark(index); 5][..])), 0);
    }
    assert!(recvq.out_of_order().eq((1..=MAX_RANGES).map(|index| 10 * index..10 * index + 5)));
    let mut out = [0; 10 * LAST];
    assert_eq!(recvq.place(0, &Text::from(&out[..])), out.len());
    assert_eq!(slot.reader().peek(0, &mut out), out.len());
    let expected = |position: usize| match position / 10 {
        index @ 1..=MAX_RANGES if position % 10 < 5 => mark(index),
        _ => 0,
    };
    assert!(out.into_iter().eq((0..out.len()).map(expected)));
}

#[test]
fn an_empty_queue_goes_on_at_the_start_of_its_far_ring() {
    let mut pair = Pair::new(MAX);
    let little = NEAR + 1;
    for len in [MAX / 2, 3 * MAX / 4, little, 7] {
        for step in [Step::Place(0, len, 1), Step::Read(0, len), Step::Refresh] {
            pair.take(step);
        }
    }
    assert_eq!(pair.recvq.ring.index(pair.recvq.tail), little + 7);
    // What is held out of order keeps its place.
    for step in [Step::Place(0, MAX / 2, 2), Step::Place(100, 300, 3), Step::Read(0, MAX / 2), Step::Refresh]
    {
        pair.take(step);
    }
    for step in [Step::Place(0, 150, 4), Step::Read(0, 500)] {
        pair.take(step);
    }
    assert_eq!(pair.recvq.ring.index(pair.recvq.tail), little + 7 + MAX / 2 + 400);
}

#[test]
fn little_passes_through_the_near_ring() {
    let mut pair = Pair::new(MAX);
    for len in [100, NEAR, 300, NEAR, 1].repeat(30) {
        // The engine need not have seen that the last was read.
        [Step::Place(0, len, 1), Step::Read(0, len)].into_iter().for_each(|step| pair.take(step));
        assert!(pair.recvq.ring.is_near());
        if len == 1 {
            pair.take(Step::Refresh);
        }
    }
    for step in
        [Step::Place(20, 30, 2), Step::Place(0, 10, 3), Step::Read(0, 5), Step::Place(NEAR - 30, 10, 4)]
    {
        pair.take(step);
        assert!(pair.recvq.ring.is_near());
    }
    // What is held moves with what has no room beside it, out of order too.
    pair.take(Step::Place(NEAR, 10, 5));
    assert!(!pair.recvq.ring.is_near());
    for step in [Step::Place(0, 2 * NEAR, 6), Step::Read(0, MAX), Step::Place(0, MAX / 2, 7)] {
        pair.take(step);
    }
    pair.take(Step::Read(0, MAX));
    pair.take(Step::Refresh);
    // Once much has passed it is back.
    pair.take(Step::Place(0, 10, 8));
    assert!(pair.recvq.ring.is_near());
}

#[test]
fn the_ring_is_as_large_as_what_is_held_needs() {
    let mut pair = Pair::new(MAX);
    let order = |pair: &Pair| pair.recvq.ring.order();
    for (offset, expected) in [(0, 13), (5000, 14), (0, 14)] {
        [Step::Place(offset, 5000, 1), Step::Read(0, 1000)].into_iter().for_each(|step| pair.take(step));
        assert_eq!(order(&pair), expected);
    }
    // What was not needed for a while is left, once there is nothing to read.
    [Step::Read(0, MAX), Step::Refresh].into_iter().for_each(|step| pair.take(step));
    pair.take(Step::Place(0, 1100, 2));
    [Step::Read(0, MAX), Step::Refresh].into_iter().for_each(|step| pair.take(step));
    assert_eq!(order(&pair), 14);
    for expected in [13, 12, 12] {
        for step in [Step::Place(0, 1100, 2), Step::Read(0, MAX), Step::Refresh] {
            pair.take(step);
        }
        assert_eq!(order(&pair), expected);
    }
}
