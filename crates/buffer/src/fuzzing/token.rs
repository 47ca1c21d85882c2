//! The token of a socket that is polled: programs and the engine, each of which may be interrupted by the others at every step of the
//! kernel's, and programs that are killed there. The model under loom tries all orders of a few steps; this tries some of many.

use core::cell::{Cell, RefCell};
use core::mem::offset_of;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use arbitrary::Arbitrary;

use crate::af_unix::{Pair, Side};
use crate::raw::Run;
use crate::slot::{Condition, ReadinessLine};
use crate::sync::Ordering;
use crate::token::{ARMED, ARMED_FOR_EDGES, Mirror, TokenEnd, mend, program, show_edge, show_report};
use crate::{Slot, SlotHeader, is_readable, is_writable};
use sockeye_trials::Number;

/// SO_SNDBUF: full SendQ is three bytes, and one byte that is free makes the socket writable.
const LIMIT: u64 = 3;
/// How deep interruptions are.
const DEPTH: u8 = 3;
/// Steps of the kernel's that nothing that is played takes.
const FOREVER: u32 = 1_000_000;
/// What kernels charge for a buffer of a byte: the least, one of today's, and the most.
const CHARGES: [usize; 3] = [512, 768, 1280];
/// Buffers that the engine can send.
const FIT: usize = 270;

sockeye_trials::script! {
    /// Steps of programs and the engine with a token.
    pub struct Polled { for_edges: bool, charge: u8 } of up to 512 Step
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Step {
    /// What somebody does.
    Act(Act),
    /// Somebody does that at a step of what comes next, so many steps of the kernel's later.
    Interrupt(u8, Act),
    /// All doorbells are answered: then nobody must wait for what is there.
    Settle,
    /// The program that acts next is killed after so many steps.
    Kill(u8),
    /// Anybody's, at so many bytes from the begin of the words of readiness.
    Scribble(u8, Number),
}

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Act {
    /// The engine's.
    Deliver,
    Acknowledge,
    Answer,
    Report,
    /// A program's.
    Send(u8),
    Recv(u8),
    TakeEdges,
}

/// What unwinds a program that is killed.
struct Killed;

/// Programs, the engine and the kernel.
struct Scene {
    slot: Slot,
    pair: RefCell<Pair>,
    charge: usize,
    mirror: RefCell<Mirror>,
    is_rung: Cell<bool>,
    has_hung_up: Cell<bool>,
    /// Who cannot be interrupted by themselves.
    engine_is_busy: Cell<bool>,
    sender_is_busy: Cell<bool>,
    receiver_is_busy: Cell<bool>,
    /// What is to interrupt, the next last: after so many steps.
    interrupts: RefCell<Vec<(u8, Act)>>,
    /// Steps that the program lives that acts next.
    lives: Cell<Option<u8>>,
    depth: Cell<u8>,
    taken: Cell<u32>,
}

/// Plays an input.
pub(super) fn play(polled: &Polled) {
    let charge = CHARGES[usize::from(polled.charge) % CHARGES.len()];
    let scene = Scene::new(if polled.for_edges { ARMED_FOR_EDGES } else { ARMED }, charge);
    let mut is_spoilt = false;
    for &step in &polled.steps {
        match step {
            Step::Act(act) => scene.act(act),
            Step::Interrupt(after, act) => scene.interrupts.borrow_mut().push((after % 8, act)),
            Step::Settle if is_spoilt => {}
            Step::Settle => scene.settle(),
            Step::Kill(after) => scene.lives.set(Some(after % 16)),
            Step::Scribble(at, number) => {
                is_spoilt = true;
                scene.scribble(at.into(), number.word());
            }
        }
    }
    if is_spoilt {
        // It ends, and that is all.
        scene.let_go();
        (0..2).for_each(|_| _ = scene.answer());
        return;
    }
    scene.settle();
    scene.check_text();
    scene.check_room();
    if polled.for_edges {
        scene.check_edges();
    }
}

impl Scene {
    fn new(armed: u32, charge: usize) -> Self {
        let slot = Slot::on_heap(4096, 4096);
        let scene = Self {
            slot,
            pair: RefCell::new(Pair::new(usize::MAX / 8, FIT * charge)),
            charge,
            mirror: RefCell::default(),
            is_rung: Cell::new(false),
            has_hung_up: Cell::new(false),
            engine_is_busy: Cell::new(false),
            sender_is_busy: Cell::new(false),
            receiver_is_busy: Cell::new(false),
            interrupts: RefCell::default(),
            lives: Cell::new(None),
            depth: Cell::new(0),
            taken: Cell::new(0),
        };
        let SlotHeader { engine, readiness, .. } = scene.header();
        engine.condition.store(Condition::CONNECTED, Ordering::Relaxed);
        engine.send_limit.store(LIMIT as u32, Ordering::Relaxed);
        engine.recv_limit.store(u32::MAX, Ordering::Relaxed);
        program::prepare(scene.header(), &scene.end(Side::Program));
        readiness.armed.store(armed, Ordering::Relaxed);
        scene.pair.borrow_mut().take_edges(Side::Program);
        scene
    }

    fn header(&self) -> &SlotHeader {
        self.slot.header()
    }

    fn end(&self, side: Side) -> End<'_> {
        End { scene: self, side, life: None }
    }

    /// Somebody does something, unless it waits for who is interrupted.
    fn act(&self, act: Act) {
        match act {
            Act::Deliver => self.as_engine(|| self.deliver()),
            Act::Acknowledge => self.as_engine(|| self.acknowledge()),
            Act::Answer => self.as_engine(|| _ = self.answer()),
            Act::Report => self.as_engine(|| show_report(self.header(), &self.end(Side::Engine))),
            Act::Send(len) => self.as_program(&self.sender_is_busy, |end| self.send(end, u64::from(len % 8))),
            Act::Recv(len) => self.recv(u64::from(len % 8)),
            Act::TakeEdges => _ = self.pair.borrow_mut().take_edges(Side::Program),
        }
    }

    fn as_engine(&self, work: impl FnOnce()) {
        if !self.engine_is_busy.replace(true) {
            work();
            self.engine_is_busy.set(false);
        }
    }

    /// A program does `work` under a lock, which its death releases.
    fn as_program(&self, lock: &Cell<bool>, work: impl FnOnce(&End<'_>)) {
        if !lock.replace(true) {
            self.live(work);
            lock.set(false);
        }
    }

    /// Lives until it is killed.
    fn live(&self, work: impl FnOnce(&End<'_>)) {
        let end = End { scene: self, side: Side::Program, life: Some(Cell::new(self.lives.take())) };
        let depth = self.depth.get();
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| work(&end))) {
            // A failed check is no kill.
            cause.downcast::<Killed>().map(drop).unwrap_or_else(|other| resume_unwind(other));
            self.depth.set(depth);
            self.has_hung_up.set(true);
        }
    }

    fn interrupt(&self) {
        self.taken.set(self.taken.get() + 1);
        assert!(self.taken.get() < FOREVER, "it never ends");
        if self.depth.get() == DEPTH {
            return;
        }
        let act = {
            let mut interrupts = self.interrupts.borrow_mut();
            let Some((after, act)) = interrupts.pop() else { return };
            if after > 0 {
                interrupts.push((after - 1, act));
                return;
            }
            act
        };
        self.depth.set(self.depth.get() + 1);
        self.act(act);
        self.depth.set(self.depth.get() - 1);
    }

    /// A byte has arrived, as `Entry::apply` has it.
    fn deliver(&self) {
        let tail = &self.header().engine.recv_tail;
        tail.store(tail.load(Ordering::Relaxed).wrapping_add(1), Ordering::Release);
        show_edge(self.header(), &self.end(Side::Engine));
        self.show();
    }

    /// All that was written is acknowledged.
    fn acknowledge(&self) {
        let tail = self.header().sender.send_tail.load(Ordering::Acquire);
        self.header().engine.send_head.store(tail, Ordering::Release);
        self.show();
    }

    /// Answers the doorbell, and mends what who was killed has left. Whether there was anything to do.
    fn answer(&self) -> bool {
        let (is_rung, has_hung_up) = (self.is_rung.replace(false), self.has_hung_up.replace(false));
        if has_hung_up {
            mend(self.header(), &self.end(Side::Engine));
        }
        if is_rung || has_hung_up {
            self.show();
        }
        is_rung || has_hung_up
    }

    fn show(&self) {
        let word = self.header().engine.condition.load(Ordering::Relaxed);
        let is_hung_up = self.mirror.borrow_mut().show(self.header(), word, &self.end(Side::Engine));
        assert!(!is_hung_up, "nobody has shut it");
    }

    /// send() of `wanted` bytes, as `Socket::send_rest` does it.
    fn send(&self, end: &End<'_>, wanted: u64) {
        let SlotHeader { engine, sender, .. } = self.header();
        let tail = sender.send_tail.load(Ordering::Relaxed);
        let free = LIMIT.saturating_sub(tail.wrapping_sub(engine.send_head.load(Ordering::Acquire)));
        sender.send_tail.store(tail.wrapping_add(free.min(wanted)), Ordering::Release);
        if program::after_write(self.header(), end) {
            self.ring(end);
        }
        if free < wanted && program::after_short_write(self.header(), Some(end)) {
            self.ring(end);
        }
    }

    /// recv() of up to `most` bytes, under a lock if there are some.
    fn recv(&self, most: u64) {
        let SlotHeader { engine, receiver, .. } = self.header();
        let head = receiver.recv_head.load(Ordering::Relaxed);
        let taken = engine.recv_tail.load(Ordering::Acquire).saturating_sub(head).min(most);
        if taken > 0 {
            self.as_program(&self.receiver_is_busy, |end| {
                receiver.recv_head.store(head + taken, Ordering::Release);
                self.after_read(end);
            });
        } else {
            self.live(|end| self.after_read(end));
        }
    }

    fn after_read(&self, end: &End<'_>) {
        if program::after_read(self.header(), end) {
            self.ring(end);
        }
    }

    fn ring(&self, end: &End<'_>) {
        end.live_on();
        self.is_rung.set(true);
    }

    fn scribble(&self, at: usize, word: u64) {
        let bytes = word.to_ne_bytes();
        let len = size_of::<ReadinessLine>() - bytes.len();
        let at = self.slot.near() + offset_of!(SlotHeader, readiness) + at % len;
        self.slot.region().write(at, &Run::from(&bytes[..]));
    }
}

/// At the end.
impl Scene {
    /// Nobody is at work any more, and all doorbells are answered.
    fn finish(&self) {
        while self.answer() {}
    }

    /// Nobody is at work, or interrupts: nobody waits for what is there.
    fn settle(&self) {
        self.let_go();
        self.finish();
        assert!(!self.is_readable() || self.is_shown_readable(), "text for which somebody waits for ever");
        assert!(!self.is_writable() || self.is_shown_writable(), "room for which somebody waits for ever");
    }

    /// Nobody interrupts, or is killed.
    fn let_go(&self) {
        self.interrupts.borrow_mut().clear();
        self.lives.set(None);
    }

    fn is_readable(&self) -> bool {
        is_readable(self.header())
    }

    fn is_writable(&self) -> bool {
        is_writable(self.header(), self.header().engine.condition.load(Ordering::Relaxed))
    }

    /// Nobody waits for text that is there, nobody is told again and again of what is not, and it goes on so.
    fn check_text(&self) {
        while self.is_readable() {
            self.recv(1);
        }
        self.recv(1);
        self.finish();
        assert!(!self.is_shown_readable(), "nothing to read, and the token says so for ever");
        self.deliver();
        self.finish();
        assert!(self.is_shown_readable(), "a token that cannot become readable any more");
    }

    fn is_shown_readable(&self) -> bool {
        self.pair.borrow().poll(Side::Program).readable
    }

    /// The same of room.
    fn check_room(&self) {
        self.act(Act::Send(LIMIT as u8 + 1));
        self.finish();
        assert_eq!(self.is_shown_writable(), self.is_writable(), "no room, and the token says so for ever");
        self.acknowledge();
        self.finish();
        assert!(self.is_shown_writable(), "a token that cannot become writable any more");
    }

    fn is_shown_writable(&self) -> bool {
        self.pair.borrow().poll(Side::Program).writable
    }

    /// Who waits for edges is told of what comes.
    fn check_edges(&self) {
        while self.is_readable() {
            self.recv(9);
        }
        self.recv(9);
        self.finish();
        for _ in 0..2 {
            self.pair.borrow_mut().take_edges(Side::Program);
            self.deliver();
            self.finish();
            let edges = self.pair.borrow_mut().take_edges(Side::Program);
            assert!(edges.readable, "an arrival for which somebody waits for ever");
            self.act(Act::Send(LIMIT as u8 + 1));
            self.finish();
            self.pair.borrow_mut().take_edges(Side::Program);
            self.acknowledge();
            self.finish();
            let edges = self.pair.borrow_mut().take_edges(Side::Program);
            assert!(edges.writable, "room for which somebody waits for ever");
        }
    }
}

/// An end of the model's pair.
struct End<'a> {
    scene: &'a Scene,
    side: Side,
    /// A program's: steps until it is killed.
    life: Option<Cell<Option<u8>>>,
}

impl End<'_> {
    /// A process can be interrupted or killed before each step and after it.
    fn step<T>(&self, step: impl FnOnce(&mut Pair) -> T) -> T {
        self.live_on();
        let result = step(&mut self.scene.pair.borrow_mut());
        self.live_on();
        result
    }

    fn live_on(&self) {
        self.scene.interrupt();
        let Some(life) = &self.life else { return };
        match life.get() {
            Some(0) => resume_unwind(Box::new(Killed)),
            Some(left) => life.set(Some(left - 1)),
            None => {}
        }
    }
}

impl TokenEnd for End<'_> {
    fn send(&self) {
        self.step(|pair| pair.send(self.side, 1, self.scene.charge));
    }

    fn send_urgent(&self) {
        // Nothing is urgent, but for a hostile word: it takes up as much.
        self.send();
    }

    fn held(&self) -> usize {
        self.step(|pair| pair.held(self.side))
    }

    fn take(&self, most: usize) -> usize {
        self.step(|pair| pair.recv(self.side, most))
    }

    fn take_urgent(&self) {}

    fn shut(&self) {
        self.step(|pair| pair.shut(self.side));
    }

    fn set_send_buffer(&self, bytes: usize) {
        self.step(|pair| pair.set_send_buffer(self.side, 2 * bytes));
    }
}
