//! SendQ and RecvQ: both halves of each, in any order of their steps, beside what they should hold.

use core::mem::offset_of;
use std::sync::LazyLock;

use arbitrary::Arbitrary;

use crate::raw::Run;
use crate::ring::NEAR;
use crate::slot::{EngineLine, ReadinessLine, ReceiverLine, SenderLine, UrgentLine};
use crate::slot::{HEADER_SPACE, NEAR_SPACE};
use crate::{Arena, Condition, INFO_TIMES, INFO_WORDS, RecvQ, SendQ, Slot, SlotHeader, Text, UrgentByte};
use crate::{arrival_of, is_readable, is_urgent_here, is_writable, note_arrival};
use sockeye_trials::Number;

/// Room for the largest rings, bytes.
const MOST: usize = 1 << 16;

sockeye_trials::script! {
    /// Steps of a program and the engine with the two queues of a socket.
    pub struct Rings { limits: [u32; 2] } of up to 512 Step
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Step {
    /// The program's.
    Write(Bytes),
    Peek(Bytes, Bytes),
    Consume(Bytes),
    TakeUrgent(bool),
    Ask,
    /// The engine's.
    Refresh,
    Cut(Bytes, Bytes),
    Release(Bytes),
    SendLimit(Bytes),
    Hold(bool),
    Place(Bytes, Bytes),
    RecvLimit(Bytes),
    RingAfter(Option<u16>),
    MarkUrgent(Bytes, bool),
    TellInfo(bool),
    /// Anybody's: a word at any place of the slot's near part.
    Scribble(Line, u16, Number),
}

/// So many bytes: a few, or many.
#[derive(Clone, Copy, Debug, Arbitrary)]
enum Bytes {
    Few(u8),
    Many(u16),
}

impl Bytes {
    fn count(self) -> usize {
        match self {
            Self::Few(count) => count.into(),
            Self::Many(count) => count.into(),
        }
    }
}

/// Where somebody scribbles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Arbitrary)]
enum Line {
    Engine,
    Sender,
    Receiver,
    Readiness,
    Urgent,
    Rest,
    SendRing,
    RecvRing,
}

impl Line {
    fn start_and_len(self) -> (usize, usize) {
        let start = match self {
            Self::Engine => offset_of!(SlotHeader, engine),
            Self::Sender => offset_of!(SlotHeader, sender),
            Self::Receiver => offset_of!(SlotHeader, receiver),
            Self::Readiness => offset_of!(SlotHeader, readiness),
            Self::Urgent => offset_of!(SlotHeader, urgent),
            Self::Rest => offset_of!(SlotHeader, arrivals),
            Self::SendRing => HEADER_SPACE,
            Self::RecvRing => HEADER_SPACE + NEAR,
        };
        let len = match self {
            Self::Rest => HEADER_SPACE - start,
            Self::SendRing | Self::RecvRing => NEAR,
            Self::Engine => size_of::<EngineLine>(),
            Self::Readiness => size_of::<ReadinessLine>(),
            Self::Sender => size_of::<SenderLine>(),
            Self::Receiver => size_of::<ReceiverLine>(),
            Self::Urgent => size_of::<UrgentLine>(),
        };
        (start, len)
    }
}

/// The bytes of either stream, which begin anew after so many: made once, for a fuzzer watches each.
static STREAM: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..PERIOD).cycle().take(2 * MOST + PERIOD as usize).collect());
const PERIOD: u8 = 251;

/// At most twice [`MOST`] of them.
fn bytes_from(position: u64, len: usize) -> &'static [u8] {
    &STREAM[(position % u64::from(PERIOD)) as usize..][..len]
}

/// Both sides, and what there should be.
#[derive(Debug)]
struct Scene {
    slot: Slot,
    sendq: SendQ,
    recvq: RecvQ,
    /// SendQ: bytes written, seen and released.
    written: u64,
    seen: u64,
    released: u64,
    /// RecvQ: bytes in order, and read.
    arrived: u64,
    read: u64,
    /// The largest limits that there were.
    limits: [usize; 2],
    send_is_spoilt: bool,
    recv_is_spoilt: bool,
    /// The mark may be anywhere.
    mark_is_spoilt: bool,
}

/// Plays an input.
///
/// # Panics
/// If a byte is not what was written, or what was scribbled misleads the engine about what it knows itself.
pub fn rings(input: &Rings) {
    let arena = Arena::on_heap(3, MOST, MOST).expect("address space");
    let [before, slot, after] = [0, 1, 2].map(|index| arena.slot(index).expect("a slot"));
    let neighbours = [neighbour(&before), neighbour(&after)];
    slot.reset();
    let limits = input.limits.map(|limit| limit as usize % (MOST + 2));
    let (sendq, recvq) = slot.open(limits[0], limits[1]);
    let (send_is_spoilt, recv_is_spoilt, mark_is_spoilt) = (false, false, false);
    let [written, seen, released, arrived, read] = [0; 5];
    let mut scene = Scene {
        slot,
        sendq,
        recvq,
        written,
        seen,
        released,
        arrived,
        read,
        limits,
        send_is_spoilt,
        recv_is_spoilt,
        mark_is_spoilt,
    };
    for &step in &input.steps {
        scene.step(step);
        scene.check();
    }
    for (slot, (mut sendq, _recvq)) in [before, after].into_iter().zip(neighbours) {
        let words = near_part(&slot);
        sendq.refresh();
        assert_eq!(copied(&sendq.text(0, NEAR)), bytes_from(0, NEAR), "another socket's bytes");
        assert_eq!(
            copied(&sendq.text(NEAR, MOST)),
            bytes_from(NEAR as u64, 3 * NEAR),
            "another socket's bytes"
        );
        assert_eq!(near_part(&slot), words, "to look is to change nothing");
        assert_eq!(slot.header().sender.send_tail.load(crate::sync::Ordering::Relaxed), 4 * NEAR as u64);
    }
}

/// The halves of a neighbouring slot, whose SendQ holds bytes in its far ring.
fn neighbour(slot: &Slot) -> (SendQ, RecvQ) {
    slot.reset();
    let halves = slot.open(MOST, MOST);
    assert_eq!(slot.writer().write(bytes_from(0, 4 * NEAR)), 4 * NEAR);
    halves
}

fn near_part(slot: &Slot) -> Vec<u8> {
    let mut bytes = vec![0; NEAR_SPACE];
    slot.region().run(slot.near(), NEAR_SPACE).copy_to(&mut bytes);
    bytes
}

fn copied(text: &Text<'_>) -> Vec<u8> {
    let mut bytes = vec![0; text.len()];
    text.copy_to(&mut bytes);
    bytes
}

impl Scene {
    fn step(&mut self, step: Step) {
        match step {
            Step::Write(len) => self.write(len.count()),
            Step::Peek(skip, len) => self.peek(skip.count(), len.count()),
            Step::Consume(len) => self.consume(len.count()),
            Step::TakeUrgent(is_peek) => self.take_urgent(is_peek),
            Step::Ask => self.ask(),
            Step::Refresh => self.refresh(),
            Step::Cut(offset, len) => self.cut(offset.count(), len.count()),
            Step::Release(len) => {
                self.released += len.count().min(self.sendq.len()) as u64;
                self.sendq.release(len.count());
                self.sendq.tell_sent(len.count());
            }
            Step::SendLimit(limit) => {
                self.sendq.set_limit(limit.count());
                self.limits[0] = self.limits[0].max(limit.count());
            }
            Step::Hold(is_held) => self.sendq.hold(is_held),
            Step::Place(offset, len) => self.place(offset.count(), len.count()),
            Step::RecvLimit(limit) => {
                self.recvq.set_limit(limit.count());
                self.limits[1] = self.limits[1].max(limit.count());
            }
            Step::RingAfter(after) => _ = self.recvq.ring_after(after.map(usize::from)),
            Step::MarkUrgent(offset, is_inline) => {
                self.recvq.set_inline(is_inline);
                self.recvq.mark_urgent(offset.count());
            }
            Step::TellInfo(true) => self.slot.tell_info([self.written; INFO_WORDS]),
            Step::TellInfo(false) => self.slot.forget_info(),
            Step::Scribble(line, at, number) => self.scribble(line, at.into(), number.word()),
        }
    }

    fn write(&mut self, len: usize) {
        let writer = self.slot.writer();
        let free = writer.free();
        assert!(free <= MOST, "more room than there can be");
        let written = writer.write(bytes_from(self.written, len));
        assert!(written <= len.min(free));
        assert!(self.send_is_spoilt || written == len.min(free));
        self.written += written as u64;
    }

    fn refresh(&mut self) {
        let (new, before) = (self.sendq.refresh(), self.sendq.len());
        self.seen += new as u64;
        self.recvq.refresh();
        assert_eq!(self.sendq.len(), before);
        assert!(self.send_is_spoilt || self.seen == self.written, "bytes that the engine does not see");
        assert!(self.send_is_spoilt || self.sendq.clamped() == 0);
        assert!(self.recv_is_spoilt || self.recvq.read_in_all() == self.read && self.recvq.clamped() == 0);
    }

    fn cut(&mut self, offset: usize, len: usize) {
        let text = self.sendq.text(offset, len);
        let held = self.sendq.len();
        assert_eq!(text.len(), len.min(held - offset.min(held)), "a segment of another length");
        let bytes = copied(&text);
        if !self.send_is_spoilt {
            assert_eq!(bytes, bytes_from(self.released + offset.min(held) as u64, bytes.len()));
        }
    }

    fn place(&mut self, offset: usize, len: usize) {
        let bytes = bytes_from(self.arrived + offset as u64, len);
        // What came out of order counts also if the window was made smaller since.
        let most = self.recvq.window().max(self.recvq.out_of_order_end().unwrap_or(0));
        let moved = self.recvq.place(offset, &Text::from(bytes));
        assert!(moved <= most, "beyond the window");
        self.arrived += moved as u64;
        note_arrival(self.slot.header(), self.arrived);
    }

    fn peek(&mut self, skip: usize, len: usize) {
        let reader = self.slot.reader();
        let mut bytes = vec![0; len];
        let peeked = reader.peek(skip, &mut bytes);
        if !self.recv_is_spoilt {
            let held = (self.arrived - self.read) as usize;
            assert_eq!((reader.len(), peeked), (held, len.min(held.saturating_sub(skip))));
            assert_eq!(bytes[..peeked], *bytes_from(self.read + skip as u64, peeked));
        }
    }

    fn consume(&mut self, len: usize) {
        let held = self.arrived - self.read;
        let _ = self.slot.reader().consume(len);
        if !self.recv_is_spoilt {
            self.read += (len as u64).min(held);
        }
    }

    fn take_urgent(&mut self, is_peek: bool) {
        let reader = self.slot.reader();
        let found = reader.take_urgent(is_peek);
        let is_honest = !self.recv_is_spoilt && !self.mark_is_spoilt;
        if let UrgentByte::Here(byte) = found
            && is_honest
        {
            let mark = self.slot.header().urgent.mark.load(crate::sync::Ordering::Relaxed);
            assert_eq!(byte, bytes_from(mark - 1, 1)[0]);
        }
        let (skip, most) = reader.before_mark(0);
        assert!(skip <= 1 && (most > 0 || skip == 0));
    }

    /// What calls ask that copy nothing.
    fn ask(&self) {
        let header = self.slot.header();
        let condition = Condition::CONNECTED;
        let _ = (is_readable(header), is_writable(header, condition), is_urgent_here(header));
        let _ = (self.slot.reader().is_at_mark(), header.addresses.get(), header.waiting());
        let _ = (arrival_of(header, self.read), header.unsent(), header.is_unsent_low());
        let _ = (self.slot.info(), self.slot.told_times([0; INFO_TIMES]), self.slot.was_info_read());
    }

    fn scribble(&mut self, line: Line, at: usize, word: u64) {
        match line {
            Line::Engine => (self.send_is_spoilt, self.recv_is_spoilt) = (true, true),
            Line::Sender | Line::Readiness | Line::SendRing => self.send_is_spoilt = true,
            Line::Receiver | Line::RecvRing => self.recv_is_spoilt = true,
            Line::Urgent => self.mark_is_spoilt = true,
            Line::Rest => {}
        }
        let (start, len) = line.start_and_len();
        let bytes = word.to_ne_bytes();
        let at = self.slot.near() + start + at % (len - bytes.len() + 1);
        self.slot.region().write(at, &Run::from(&bytes[..]));
    }

    /// What the engine knows itself stays so, whatever is written where programs can write.
    fn check(&self) {
        assert_eq!(self.sendq.head(), self.released, "bytes that nobody has acknowledged");
        assert_eq!(self.sendq.len() as u64, self.seen - self.released);
        assert!(self.sendq.len() <= self.limits[0].min(MOST), "more than the program was ever told to send");
        assert_eq!(self.recvq.tail(), self.arrived, "bytes that nobody has sent");
        assert!(self.recvq.len() <= self.limits[1].min(MOST), "more than was ever offered");
        assert!(self.recvq.read_in_all() <= self.arrived, "bytes read that have not come");
        assert!(self.recvq.window() <= self.recvq.limit());
    }
}
