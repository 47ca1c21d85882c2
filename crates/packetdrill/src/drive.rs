//! Time, and the threads that wait in it.

use crate::world::World;
use sockeye_clock::Instant;
use sockeye_posix::Errno;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// How long, in virtual time, the tool's own thread waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How long, in real time, another thread has to take note of something.
const REAL_PATIENCE: Duration = Duration::from_secs(5);

/// How long, in real time, the tool sleeps after a call of another thread was over.
const REAL_PAUSE: Duration = Duration::from_millis(5);

/// The world, and what its threads wait on.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    /// A new round begins.
    round: Condvar,
    /// A thread has looked again, or taken note of the time.
    seen: Condvar,
}

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    /// Not at all.
    Not,
    /// Until then; for ever if `None`.
    Until(Option<Instant>),
}

#[expect(
    clippy::disallowed_methods,
    reason = "the tool has no event to wait for: its thread calls nothing of ours"
)]
fn pause() {
    std::thread::sleep(REAL_PAUSE);
}

impl Shared {
    pub(crate) fn new(world: World) -> Self {
        Self { world: Mutex::new(world), round: Condvar::new(), seen: Condvar::new() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The world, ready for a call.
    pub(crate) fn enter(&self) -> MutexGuard<'_, World> {
        let mut world = self.lock();
        world.enter();
        world
    }

    /// A call that does not wait.
    pub(crate) fn call<T>(&self, call: impl FnOnce(&mut World) -> Result<T, Errno>) -> Result<T, Errno> {
        let mut world = self.enter();
        let result = call(&mut world);
        drop(self.settle(world));
        result
    }

    /// Moves everything that needs no time, and lets the threads that wait look at it.
    pub(crate) fn settle<'a>(&'a self, mut world: MutexGuard<'a, World>) -> MutexGuard<'a, World> {
        world.settle();
        if world.waiting.is_empty() {
            return world;
        }
        world.round += 1;
        world.unseen = world.waiting.len();
        self.round.notify_all();
        while world.unseen > 0 || !world.returning.is_empty() {
            let (guard, timeout) =
                self.seen.wait_timeout(world, REAL_PATIENCE).unwrap_or_else(PoisonError::into_inner);
            world = guard;
            if timeout.timed_out() {
                world.unseen = 0;
                world.returning.clear();
            }
        }
        world.settle();
        world
    }

    /// Lets time pass up to `target`, or until `is_done`.
    fn advance<'a>(
        &'a self,
        mut world: MutexGuard<'a, World>,
        target: Instant,
        mut is_done: impl FnMut(&mut World) -> bool,
    ) -> MutexGuard<'a, World> {
        loop {
            world = self.settle(world);
            if is_done(&mut world) {
                return world;
            }
            let deadlines = world.waiting.iter().filter_map(|(_, deadline)| *deadline);
            let due = deadlines.chain(world.network.poll_timeout()).min();
            let Some(due) = due.filter(|&due| due <= target) else { break };
            let now = world.now.max(due);
            world.now = now;
            world.network.timeout(now);
        }
        world.now = world.now.max(target);
        let now = world.now;
        world.network.timeout(now);
        self.settle(world)
    }

    /// usleep().
    pub(crate) fn sleep(&self, time: Duration) {
        let mut world = self.enter();
        if core::mem::take(&mut world.has_returned) {
            // The tool's own lock is free as long as it sleeps: a thread whose call is over takes it then, to write down what came of it.
            drop(world);
            pause();
            world = self.enter();
        }
        let target = world.now + time;
        drop(self.advance(world, target, |_| false));
    }

    /// gettimeofday(): each look at the clock takes a microsecond, after which the tool goes on.
    pub(crate) fn look_at_clock(&self) -> Instant {
        let mut world = self.lock();
        if world.returning.remove(&std::thread::current().id()) {
            world.has_returned = true;
            self.seen.notify_all();
            return world.now;
        }
        let now = world.now;
        drop(self.advance(world, now + Duration::from_micros(1), |_| false));
        now
    }

    /// The next packet that leaves the host; `None` if none will.
    pub(crate) fn next_packet(&self) -> Option<(Instant, Vec<u8>)> {
        let mut world = self.enter();
        let mut packet = world.outside.take();
        if packet.is_none() {
            let start = world.now;
            let limit = start + PATIENCE;
            world = self.advance(world, limit, |world| {
                packet = packet.take().or_else(|| world.outside.take());
                packet.is_some() || (world.waiting.is_empty() && world.network.poll_timeout().is_none())
            });
        }
        drop(world);
        packet
    }

    /// A packet arrives.
    pub(crate) fn packet_arrives(&self, packet: Vec<u8>) {
        let world = self.enter();
        world.outside.put(packet);
        self.settle(world).report();
    }

    /// A call that may wait: `attempt` is made at once and after everything that happens. `None` if it waited in vain.
    pub(crate) fn block<T>(
        &self,
        wait: impl FnOnce(&mut World) -> Result<Wait, Errno>,
        mut attempt: impl FnMut(&mut World) -> Poll<Result<T, Errno>>,
    ) -> Result<Option<T>, Errno> {
        let mut world = self.enter();
        let wait = wait(&mut world)?;
        let first = attempt(&mut world);
        world = self.settle(world);
        let until = match (first, wait) {
            (Poll::Ready(result), _) => return result.map(Some),
            (Poll::Pending, Wait::Not) => return Ok(None),
            (Poll::Pending, Wait::Until(until)) => until,
        };
        if std::thread::current().id() == world.driver {
            return self.block_driver(world, until, attempt);
        }
        let me = std::thread::current().id();
        world.waiting.push((me, until));
        loop {
            let round = world.round;
            while world.round == round {
                world = self.round.wait(world).unwrap_or_else(PoisonError::into_inner);
            }
            let outcome = match attempt(&mut world) {
                Poll::Ready(result) => Some(result.map(Some)),
                Poll::Pending if until.is_some_and(|until| until <= world.now) => Some(Ok(None)),
                Poll::Pending => None,
            };
            if outcome.is_some() {
                world.waiting.retain(|(thread, _)| *thread != me);
                world.returning.insert(me);
            }
            world.unseen = world.unseen.saturating_sub(1);
            self.seen.notify_all();
            if let Some(result) = outcome {
                return result;
            }
        }
    }

    /// The thread that moves time waits itself: it lets time pass.
    fn block_driver<T>(
        &self,
        world: MutexGuard<'_, World>,
        until: Option<Instant>,
        mut attempt: impl FnMut(&mut World) -> Poll<Result<T, Errno>>,
    ) -> Result<Option<T>, Errno> {
        let limit = until.unwrap_or(world.now + PATIENCE);
        let mut outcome = None;
        drop(self.advance(world, limit, |world| {
            if outcome.is_none()
                && let Poll::Ready(result) = attempt(world)
            {
                outcome = Some(result);
            }
            outcome.is_some()
        }));
        outcome.transpose()
    }
}
