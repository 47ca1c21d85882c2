//! `RUSTFLAGS="--cfg loom" cargo test -p sockeye-buffer --lib loom --no-default-features`
//!
//! The far rings are of 4 bytes here, the near ones of 2.

use loom::thread;

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::accept_queue::{AcceptQueue, Claimant, Found, Waiting};
use crate::mailbox::{MailboxesWords, Outcome};
use crate::ready_list::ListWords;
use crate::{Handover, Mark, RecvQ, SendQ, Slot, Text, sequence};

/// What is written, so long that it wraps.
const BYTES: &[u8] = b"abcdef";

/// Takes what the engine sees in SendQ.
fn take(sendq: &mut SendQ, seen: &mut Vec<u8>) {
    sendq.refresh();
    let mut out = [0; 4];
    let len = sendq.text(0, 4).copy_to(&mut out);
    seen.extend_from_slice(&out[..len]);
    sendq.release(len);
}

#[test]
fn sent_bytes_are_published_after_they_are_copied() {
    loom::model(|| {
        let slot = Slot::on_heap(4, 4);
        let (mut sendq, _recvq) = slot.open(3, 4);
        let writer = slot.writer();
        let program = thread::spawn(move || {
            let first = writer.write(BYTES);
            first + writer.write(&BYTES[first..])
        });
        let mut seen = Vec::new();
        take(&mut sendq, &mut seen);
        take(&mut sendq, &mut seen);
        let written = program.join().unwrap();
        take(&mut sendq, &mut seen);
        assert_eq!(seen, BYTES[..written]);
        assert!(written >= 3 && sendq.clamped() == 0);
    });
}

/// With little in it the queue goes from the near ring to the far one, and back once it is empty.
#[test]
fn sent_bytes_move_to_the_far_ring_and_none_is_lost() {
    loom::model(|| {
        let slot = Slot::on_heap(4, 4);
        let (mut sendq, _recvq) = slot.open(4, 4);
        let writer = slot.writer();
        let program = thread::spawn(move || [0..1, 1..3, 3..4].map(|part| writer.write(&BYTES[part])));
        let mut seen = Vec::new();
        take(&mut sendq, &mut seen);
        take(&mut sendq, &mut seen);
        assert_eq!(program.join().unwrap(), [1, 2, 1]);
        take(&mut sendq, &mut seen);
        assert_eq!(seen, BYTES[..4]);
        assert_eq!(sendq.clamped(), 0);
    });
}

#[test]
fn received_bytes_move_to_the_far_ring_and_none_is_lost() {
    loom::model(|| {
        let slot = Slot::on_heap(4, 4);
        let (_sendq, mut recvq) = slot.open(4, 4);
        let reader = slot.reader();
        let read = move || {
            let mut out = [0; 4];
            let len = reader.peek(0, &mut out);
            reader.consume(len);
            out[..len].to_vec()
        };
        let program = thread::spawn(read.clone());
        for part in [0..1, 1..3, 3..4] {
            recvq.refresh();
            assert_eq!(recvq.place(0, &Text::from(&BYTES[part.clone()])), part.len());
        }
        let mut seen = program.join().unwrap();
        seen.extend(read());
        assert_eq!(seen, BYTES[..4]);
    });
}

/// Places what fits of the rest of `BYTES`; the later half first.
fn place(recvq: &mut RecvQ, placed: usize) -> usize {
    recvq.refresh();
    let rest = Text::from(&BYTES[placed..]);
    let later = recvq.window() / 2;
    assert_eq!(recvq.place(later.max(1), &rest.slice(later.max(1), 4)), 0);
    recvq.place(0, &rest.slice(0, later))
}

#[test]
fn received_bytes_are_published_after_they_are_copied() {
    loom::model(|| {
        let slot = Slot::on_heap(4, 4);
        let (_sendq, mut recvq) = slot.open(4, 4);
        let reader = slot.reader();
        let program = thread::spawn(move || {
            let mut out = [0; 6];
            let first = reader.peek(0, &mut out);
            reader.consume(first);
            let second = reader.peek(0, &mut out[first..]);
            reader.consume(second);
            out[..first + second].to_vec()
        });
        let first = place(&mut recvq, 0);
        let placed = first + place(&mut recvq, first);
        let mut seen = program.join().unwrap();
        let mut out = [0; 4];
        let len = slot.reader().peek(0, &mut out);
        seen.extend_from_slice(&out[..len]);
        assert_eq!(seen, BYTES[..placed]);
        assert!(placed >= 4 && recvq.clamped() == 0);
    });
}

#[test]
fn the_wish_for_a_doorbell_and_the_reader_do_not_miss_each_other() {
    loom::model(|| {
        let slot = Slot::on_heap(4, 4);
        let (_sendq, mut recvq) = slot.open(4, 4);
        recvq.place(0, &Text::from(BYTES));
        let reader = slot.reader();
        let program = thread::spawn(move || {
            let first = reader.consume(1);
            let second = reader.consume(1);
            first || second
        });
        let is_there = recvq.ring_after(Some(2));
        let is_rung = program.join().unwrap();
        assert!(is_there || is_rung);
    });
}

/// Of what an engine publishes and marks, and who waits for it, either the mark is taken or the sleeper is woken.
#[test]
fn no_mark_and_no_sleeper_are_missed() {
    loom::model(|| {
        let list = Arc::new(ListWords::default());
        let published = Arc::new(AtomicU32::new(0));
        list.join(3, 0);
        let (marks, news) = (list.clone(), published.clone());
        let engine = thread::spawn(move || {
            news.store(1, Ordering::Relaxed);
            marks.post(3, Mark::RX)
        });
        let mut taken = 0;
        list.take(0, |_, _| taken += 1);
        list.fall_asleep(0);
        let sleeps = taken == 0 && !list.has_marks(0);
        let woken = engine.join().unwrap();
        assert!(!sleeps || woken == 1, "asleep for ever");
        list.take(0, |_, _| taken += 1);
        assert_eq!(taken, 1, "a mark is taken once");
        assert_eq!(published.load(Ordering::Relaxed), 1);
    });
}

/// Who joins and then looks sees what was published, or gets the mark.
#[test]
fn who_joins_sees_what_is_there_or_is_told() {
    loom::model(|| {
        let list = Arc::new(ListWords::default());
        let published = Arc::new(AtomicU32::new(0));
        let (marks, news) = (list.clone(), published.clone());
        let engine = thread::spawn(move || {
            news.store(1, Ordering::Relaxed);
            marks.post(3, Mark::RX);
        });
        list.join(3, 0);
        let is_seen = published.load(Ordering::Relaxed) == 1;
        engine.join().unwrap();
        assert!(is_seen || list.has_marks(0));
    });
}

/// While one mark is taken another of the same socket comes.
#[test]
fn a_mark_that_comes_while_others_are_taken_is_not_lost() {
    loom::model(|| {
        let list = Arc::new(ListWords::default());
        let published = Arc::new(AtomicU32::new(0));
        list.join(3, 0);
        let (marks, news) = (list.clone(), published.clone());
        let engine = thread::spawn(move || {
            for text in 1..=2 {
                news.store(text, Ordering::Relaxed);
                marks.post(3, Mark::RX);
            }
        });
        let mut seen = 0;
        list.take(0, |_, _| seen = published.load(Ordering::Relaxed));
        engine.join().unwrap();
        list.take(0, |_, _| seen = published.load(Ordering::Relaxed));
        assert_eq!(seen, 2);
    });
}

/// Who waits for an answer sees it, or is woken, and reads what the engine wrote.
#[test]
fn no_answer_is_missed() {
    loom::model(|| {
        let mailboxes = Arc::new(MailboxesWords::default());
        let text = Arc::new(AtomicU32::new(0));
        mailboxes.ask(0, 0);
        let (engine_side, written) = (mailboxes.clone(), text.clone());
        let engine = thread::spawn(move || {
            engine_side.words(0).take().unwrap();
            written.store(7, Ordering::Relaxed);
            engine_side.words(0).answer(Some(1))
        });
        let mailbox = mailboxes.words(0);
        mailbox.fall_asleep();
        let outcome = mailbox.outcome();
        if outcome == Outcome::Answered(1) {
            assert_eq!(text.load(Ordering::Relaxed), 7);
        }
        let is_woken = engine.join().unwrap();
        assert!(outcome == Outcome::Answered(1) || is_woken, "asleep for ever");
    });
}

/// A request that the program takes back is not executed as well.
#[test]
fn a_request_is_taken_or_withdrawn() {
    loom::model(|| {
        let mailboxes = Arc::new(MailboxesWords::default());
        mailboxes.ask(0, 0);
        let engine_side = mailboxes.clone();
        let engine = thread::spawn(move || engine_side.words(0).take().is_some());
        let is_withdrawn = mailboxes.words(0).withdraw();
        assert_ne!(is_withdrawn, engine.join().unwrap());
    });
}

/// Of two threads that ask at the same time, each is heard once.
#[test]
fn no_request_is_missed() {
    loom::model(|| {
        let mailboxes = Arc::new(MailboxesWords::default());
        let taken = |mailboxes: &MailboxesWords| {
            mailboxes.take_asked().filter(|&index| mailboxes.words(index).take() == Some(index)).count()
        };
        let programs = [0, 1].map(|index| {
            let mailboxes = mailboxes.clone();
            thread::spawn(move || mailboxes.ask(index, index))
        });
        let first = taken(&mailboxes);
        programs.into_iter().for_each(|program| program.join().unwrap());
        assert_eq!(mailboxes.are_asked(), first < 2);
        assert_eq!(first + taken(&mailboxes), 2);
    });
}

/// An engine of which one thread does at a time what all have asked for.
#[derive(Default)]
struct Shared {
    is_locked: AtomicU32,
    handover: Handover,
    works: [AtomicU32; 2],
}

impl Shared {
    /// Does all work, if nobody does it just now.
    fn try_work(&self) -> bool {
        if self.is_locked.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            return false;
        }
        self.handover.take();
        self.works.iter().for_each(|work| _ = work.swap(0, Ordering::SeqCst));
        self.is_locked.store(0, Ordering::Release);
        true
    }

    fn ask(&self, own: usize) {
        self.works[own].store(1, Ordering::SeqCst);
        if !self.try_work() {
            self.handover.leave();
        }
        assert!(self.handover.settle(|| self.try_work()));
    }
}

/// Each of two threads does its work, or has the other do it.
#[test]
fn no_work_that_was_left_is_forgotten() {
    let mut model = loom::model::Builder::new();
    // All orders take four minutes.
    model.preemption_bound = Some(3);
    model.check(|| {
        let shared = Arc::new(Shared::default());
        let others = shared.clone();
        let other = thread::spawn(move || (0..2).for_each(|_| others.ask(1)));
        shared.ask(0);
        other.join().unwrap();
        assert!(shared.works.iter().all(|work| work.load(Ordering::SeqCst) == 0));
    });
}

#[test]
fn words_under_a_sequence_lock_are_those_of_one_writing() {
    loom::model(|| {
        let shared = Arc::new((AtomicU32::new(0), [AtomicU64::new(1), AtomicU64::new(1)]));
        let writer = shared.clone();
        let engine = thread::spawn(move || sequence::write(&writer.0, &writer.1, [2, 2]));
        if let Some([first, second]) = sequence::read(&shared.0, &shared.1) {
            assert_eq!(first, second);
        }
        engine.join().unwrap();
        assert_eq!(sequence::read(&shared.0, &shared.1), Some([2, 2]));
    });
}

fn waiting(tag: u64) -> Waiting {
    Waiting { tag, arena: tag, index: tag as u32, peer: ([127, 0, 0, 1], tag as u16).into() }
}

/// Takes what it can get at a position: the tag.
fn accept(queue: &AcceptQueue, position: u32, number: u32) -> Option<u64> {
    match queue.take(position, Claimant::new(number, 0).unwrap()) {
        Found::Taken(taken) => {
            assert_eq!(taken, waiting(taken.tag), "torn");
            Some(taken.tag)
        }
        Found::Gone | Found::Nothing => None,
    }
}

/// There are two places: the third connection is where the first was.
#[test]
fn each_connection_is_accepted_once() {
    loom::model(|| {
        let queue = Arc::new(AcceptQueue::default());
        queue.offer(0, &waiting(10));
        let programs = [1, 2].map(|number| {
            let queue = queue.clone();
            thread::spawn(move || [0, 2].map(|position| accept(&queue, position, number)))
        });
        let first = queue.taken_by(0);
        if first.is_some() {
            queue.offer(2, &waiting(12));
        }
        let taken = programs.map(|program| program.join().unwrap());
        let takers = |tag| taken.iter().flatten().filter(|&&taken| taken == Some(tag)).count();
        // What the engine offers anew is taken from nobody.
        let first = first.or_else(|| queue.taken_by(0));
        assert_eq!(takers(10), 1);
        let by = first.unwrap().number() as usize;
        assert_eq!(taken[by - 1][0], Some(10));
        let third = queue.taken_by(2);
        assert_eq!(takers(12), usize::from(third.is_some()));
        assert!(third.is_none_or(|by| taken[by.number() as usize - 1][1] == Some(12)));
    });
}

#[test]
fn an_offer_is_taken_or_withdrawn() {
    loom::model(|| {
        let queue = Arc::new(AcceptQueue::default());
        queue.offer(0, &waiting(10));
        let program = {
            let queue = queue.clone();
            thread::spawn(move || accept(&queue, 0, 1))
        };
        let taken_by = queue.withdraw(0);
        assert_eq!(program.join().unwrap().is_some(), taken_by.is_some());
    });
}

/// What happens to a connection that is just being accepted is seen by who accepts it, or told to it.
#[test]
fn who_accepts_sees_what_has_happened_or_is_told() {
    loom::model(|| {
        let queue = Arc::new(AcceptQueue::default());
        let words = Arc::new(AtomicU32::new(0));
        queue.offer(0, &waiting(10));
        let program = {
            let (queue, words) = (queue.clone(), words.clone());
            thread::spawn(move || {
                let taken = accept(&queue, 0, 1);
                (taken, words.load(Ordering::Relaxed))
            })
        };
        words.store(1, Ordering::Relaxed);
        let is_told = queue.taken_by(0).is_some();
        let (taken, seen) = program.join().unwrap();
        assert_eq!(taken, Some(10));
        assert!(is_told || seen == 1);
    });
}

/// TCP_INFO's copy: whoever sees that there is one finds all of it, and one that is given up and kept again is as good.
#[test]
fn a_copy_of_tcp_info_is_one_writing_s() {
    loom::model(|| {
        let slot = Slot::on_heap(4, 4);
        let engines = slot.clone();
        let engine = thread::spawn(move || {
            engines.tell_info([1, 1]);
            engines.forget_info();
            engines.tell_info([2, 2]);
        });
        let seen = slot.info();
        assert!(seen.is_none_or(|[first, second]| first == second && first != 0), "{seen:?}");
        engine.join().unwrap();
        assert_eq!(slot.info(), Some([2, 2]));
    });
}
