//! Programs, the engine and AF_UNIX under loom, which tries every order of their steps within a bound of preemptions.
//!
//! The protocol is the real code of [`super`]; an operation of AF_UNIX is one step of [`af_unix`](crate::af_unix), which is compared with the
//! kernel. At the end of each order all doorbells are answered and nobody is at work any more: then nobody must wait for
//! what is there.

mod ending;
mod killed;
mod reader;
mod writer;

use core::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use loom::model::Builder;
use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Arc, Mutex, MutexGuard};

use super::{ARMED, Mirror, TokenEnd, mend, program, show_edge};
use crate::af_unix::{Pair, Polled, Side};
use crate::slot::Condition;
use crate::{SlotHeader, is_readable, is_writable};

/// What kernels charge for a buffer of a byte: the least, one of today's, and the most.
const CHARGES: [usize; 3] = [512, 768, 1280];
/// SO_SNDBUF: full SendQ is three bytes, and one byte that is free makes the socket writable.
const LIMIT: u64 = 3;
/// Buffers that the engine can send. The kernel has room for some 270.
const FIT: usize = 8;

/// Tries every order with so many preemptions, or with LOOM_MAX_PREEMPTIONS.
fn check(preemptions: usize, scene: impl Fn() + Send + Sync + 'static) {
    let mut model = Builder::new();
    model.preemption_bound = model.preemption_bound.or(Some(preemptions));
    model.max_branches = 10_000;
    model.check(scene);
}

/// What programs and the engine share.
struct World {
    header: SlotHeader,
    pair: Mutex<Pair>,
    /// The doorbell.
    rung: AtomicU32,
    /// A program was killed, and the engine has not noticed.
    hung_up: AtomicU32,
    send_lock: Mutex<()>,
    recv_lock: Mutex<()>,
    charge: usize,
}

impl World {
    /// An open connection that is polled as `armed` says.
    fn new(armed: u32, charge: usize) -> Arc<Self> {
        let world = Arc::new(Self {
            header: SlotHeader::default(),
            pair: Mutex::new(Pair::new(usize::MAX / 8, FIT * charge)),
            rung: AtomicU32::new(0),
            hung_up: AtomicU32::new(0),
            send_lock: Mutex::new(()),
            recv_lock: Mutex::new(()),
            charge,
        });
        let SlotHeader { engine, readiness, .. } = &world.header;
        engine.condition.store(Condition::CONNECTED, Ordering::Relaxed);
        engine.send_limit.store(LIMIT as u32, Ordering::Relaxed);
        engine.recv_limit.store(u32::MAX, Ordering::Relaxed);
        program::prepare(&world.header, &world.end(Side::Program));
        readiness.armed.store(armed, Ordering::Relaxed);
        world.pair().take_edges(Side::Program);
        world
    }

    fn pair(&self) -> MutexGuard<'_, Pair> {
        self.pair.lock().unwrap()
    }

    fn end(&self, side: Side) -> End<'_> {
        End { world: self, side, life: None }
    }

    /// What the kernel says of the program's end.
    fn polled(&self) -> Polled {
        self.pair().poll(Side::Program)
    }

    /// The engine sets bits of the condition word, which nobody else writes.
    fn set_condition(&self, set: u32) {
        let word = &self.header.engine.condition;
        word.store(word.load(Ordering::Relaxed) | set, Ordering::SeqCst);
    }

    fn is_writable(&self) -> bool {
        is_writable(&self.header, self.header.engine.condition.load(Ordering::Relaxed))
    }
}

/// How many steps a program does before it is killed.
struct Life(Cell<Option<u32>>);

/// What unwinds a program that is killed.
struct Killed;

impl Life {
    fn step(&self) {
        match self.0.get() {
            Some(0) => resume_unwind(Box::new(Killed)),
            Some(left) => self.0.set(Some(left - 1)),
            None => {}
        }
    }
}

/// An end of the model's pair.
struct End<'a> {
    world: &'a World,
    side: Side,
    life: Option<&'a Life>,
}

impl End<'_> {
    /// A process can be killed before each step and after it.
    fn step<T>(&self, step: impl FnOnce(&mut Pair) -> T) -> T {
        self.life.into_iter().for_each(Life::step);
        let result = step(&mut self.world.pair());
        self.life.into_iter().for_each(Life::step);
        result
    }
}

impl TokenEnd for End<'_> {
    fn send(&self) {
        self.step(|pair| pair.send(self.side, 1, self.world.charge));
    }

    fn send_urgent(&self) {
        unreachable!("no model has urgent data");
    }

    fn held(&self) -> usize {
        self.step(|pair| pair.held(self.side))
    }

    fn take(&self, most: usize) -> usize {
        self.step(|pair| pair.recv(self.side, most))
    }

    fn take_urgent(&self) {
        unreachable!("no model has urgent data");
    }

    fn shut(&self) {
        self.step(|pair| pair.shut(self.side));
    }

    fn set_send_buffer(&self, bytes: usize) {
        self.step(|pair| pair.set_send_buffer(self.side, 2 * bytes));
    }
}

/// The engine, as far as it has to do with one token.
struct Engine {
    world: Arc<World>,
    mirror: Mirror,
    is_closed: bool,
}

impl Engine {
    fn new(world: &Arc<World>) -> Self {
        Self { world: world.clone(), mirror: Mirror::default(), is_closed: false }
    }

    /// A byte has arrived, as `Entry::on_event` has it.
    fn deliver(&mut self) {
        let world = self.world.clone();
        let tail = &world.header.engine.recv_tail;
        tail.store(tail.load(Ordering::Relaxed) + 1, Ordering::Release);
        if !self.is_closed {
            show_edge(&world.header, &world.end(Side::Engine));
        }
        self.show();
    }

    /// All that was written is acknowledged.
    fn acknowledge(&mut self) {
        let world = self.world.clone();
        let tail = world.header.sender.send_tail.load(Ordering::Acquire);
        world.header.engine.send_head.store(tail, Ordering::Release);
        self.show();
    }

    /// The condition has changed.
    fn change(&mut self, set: u32) {
        self.world.set_condition(set);
        self.show();
    }

    /// Answers the doorbell, and mends what who was killed has left. Whether there was anything to do.
    fn answer(&mut self) -> bool {
        let is_rung = self.world.rung.swap(0, Ordering::AcqRel) != 0;
        let has_hung_up = self.world.hung_up.swap(0, Ordering::AcqRel) != 0;
        if has_hung_up && !self.is_closed {
            mend(&self.world.header, &self.world.end(Side::Engine));
        }
        if is_rung || has_hung_up {
            self.show();
        }
        is_rung || has_hung_up
    }

    /// Nobody else is at work any more.
    fn finish(&mut self) {
        while self.answer() {}
    }

    fn show(&mut self) {
        let world = self.world.clone();
        let is_armed = world.header.readiness.armed.load(Ordering::Relaxed) != 0;
        // Nobody else writes to it here.
        let word = world.header.engine.condition.load(Ordering::Relaxed);
        if is_armed && !self.is_closed && self.mirror.show(&world.header, word, &world.end(Side::Engine)) {
            super::show_hang_up(&world.end(Side::Engine));
            world.set_condition(Condition::TOKEN_CLOSED);
            self.close();
        }
    }

    /// Closes the engine's end.
    fn close(&mut self) {
        self.world.pair().close(Side::Engine);
        self.is_closed = true;
    }
}

/// A program that uses the socket; it never waits in a call.
struct Program {
    world: Arc<World>,
    life: Life,
}

impl Program {
    fn new(world: &Arc<World>) -> Self {
        Self { world: world.clone(), life: Life(Cell::new(None)) }
    }

    /// One that is killed after so many steps.
    fn mortal(world: &Arc<World>, steps: u32) -> Self {
        Self { world: world.clone(), life: Life(Cell::new(Some(steps))) }
    }

    /// Lives until it is killed.
    fn live(self, life: impl FnOnce(&Self)) {
        if let Err(cause) = catch_unwind(AssertUnwindSafe(|| life(&self))) {
            // A failed check is no kill.
            cause.downcast::<Killed>().map(drop).unwrap_or_else(|other| resume_unwind(other));
            self.world.hung_up.swap(1, Ordering::AcqRel);
        }
    }

    /// send() of `wanted` bytes, as in `Socket::send_rest`. How many were taken.
    fn send(&self, wanted: u64) -> u64 {
        let header = &self.world.header;
        let put = under(&self.world.send_lock, || {
            let tail = header.sender.send_tail.load(Ordering::Relaxed);
            let free = LIMIT - (tail - header.engine.send_head.load(Ordering::Acquire));
            header.sender.send_tail.store(tail + free.min(wanted), Ordering::Release);
            // The doorbell for the bytes is not rung: that must not hide that one for the token is missing.
            if self.token().is_some_and(|token| program::after_write(header, &token)) {
                self.ring();
            }
            free.min(wanted)
        });
        if put < wanted && program::after_short_write(header, self.token().as_ref()) {
            self.ring();
        }
        put
    }

    /// recv() of up to `most` bytes. How many there were.
    fn recv(&self, most: u64) -> u64 {
        let header = &self.world.header;
        let taken = under(&self.world.recv_lock, || {
            let head = header.receiver.recv_head.load(Ordering::Relaxed);
            let taken = (header.engine.recv_tail.load(Ordering::Acquire) - head).min(most);
            if taken > 0 {
                header.receiver.recv_head.store(head + taken, Ordering::Release);
                self.after_read();
            }
            taken
        });
        if taken == 0 {
            self.after_read();
        }
        taken
    }

    fn after_read(&self) {
        let header = &self.world.header;
        if self.token().is_some_and(|token| program::after_read(header, &token)) {
            self.ring();
        }
    }

    fn ring(&self) {
        self.life.step();
        self.world.rung.swap(1, Ordering::AcqRel);
    }

    /// As `Socket::mirrored`.
    fn token(&self) -> Option<End<'_>> {
        let SlotHeader { engine, readiness, .. } = &self.world.header;
        let is_open = engine.condition.load(Ordering::SeqCst) & Condition::TOKEN_CLOSED == 0;
        let is_mirrored = readiness.armed.load(Ordering::Relaxed) != 0 && is_open;
        is_mirrored.then_some(End { world: &self.world, side: Side::Program, life: Some(&self.life) })
    }

    /// What epoll_wait() says of room.
    fn has_room_edge(&self) -> bool {
        self.world.pair().take_edges(Side::Program).writable
    }

    /// What it says of something to read.
    fn has_text_edge(&self) -> bool {
        self.world.pair().take_edges(Side::Program).readable
    }
}

/// Does `work` under a lock between programs: the death of its owner releases it.
fn under<T>(lock: &Mutex<()>, work: impl FnOnce() -> T) -> T {
    let guard = lock.lock().unwrap();
    let result = catch_unwind(AssertUnwindSafe(work));
    drop(guard);
    result.unwrap_or_else(|cause| resume_unwind(cause))
}
