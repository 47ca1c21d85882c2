//! Waiting for the engine: briefly awake, then asleep on the slot's futex.

use super::{CallError, Socket};
use crate::mirror::EAGER;
use sockeye_buffer::futex::Waited;
use sockeye_clock::{Instant, monotonic};
use sockeye_stack::Error;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

/// How long to look before sleeping: less than a wake-up costs.
const SPIN: Duration = Duration::from_micros(20);
/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// For bytes, or connections to accept.
    Receiver,
    /// For a third of the room, to be connected, or for the last acknowledgment.
    Sender,
    /// For any room.
    EagerSender,
}

/// Why a wait gave nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    TimedOut,
    Interrupted,
}

/// How many threads of this process sleep in calls on a socket.
///
/// A forked child has none, whatever the parent had: the count is that of an epoch, in the upper half.
#[derive(Debug, Default)]
pub(super) struct Waiters(AtomicU64);

/// One of them.
#[derive(Debug)]
pub(super) struct Waiter<'a> {
    all: &'a Waiters,
    epoch: u32,
}

impl Waiters {
    /// Until the waiter is dropped there is one more.
    pub(super) fn enter(&self, epoch: u32) -> Waiter<'_> {
        self.change(|count, of| Some(if of == epoch { count + 1 } else { 1 }), epoch);
        Waiter { all: self, epoch }
    }

    pub(super) fn are_there(&self, epoch: u32) -> bool {
        let word = self.0.load(Ordering::SeqCst);
        (word >> 32) as u32 == epoch && word as u32 > 0
    }

    /// Has `change` say the new count of `epoch` from the old count and its epoch; `None` changes nothing.
    fn change(&self, change: impl Fn(u32, u32) -> Option<u32>, epoch: u32) {
        let next = |word: u64| {
            let count = change(word as u32, (word >> 32) as u32)?;
            Some(u64::from(epoch) << 32 | u64::from(count))
        };
        // `None` is told by the value, which nobody needs.
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next);
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.all.change(|count, of| (of == self.epoch).then(|| count.saturating_sub(1)), self.epoch);
    }
}

impl Ended {
    /// What a call returns that had already done something, or nothing.
    pub(super) fn after(self, done: usize) -> Result<usize, CallError> {
        match (done, self) {
            (0, Self::TimedOut) => Err(Error::WouldBlock.into()),
            (0, Self::Interrupted) => Err(CallError::Interrupted),
            (done, _) => Ok(done),
        }
    }
}

impl Socket {
    /// Waits until something may have changed; the caller looks again.
    pub(super) fn wait(
        &self,
        side: Side,
        deadline: Option<Instant>,
        is_ready: impl Fn() -> bool,
    ) -> Result<(), Ended> {
        let is_ready = || is_ready() || !self.way.is_alive();
        if self.lookout.look(SPIN, is_ready) {
            return Ok(());
        }
        let header = self.header();
        let (flag, value, sequence) = match side {
            Side::Receiver => (&header.receiver.rx_wait, 1, &header.engine.rx_seq),
            Side::Sender => (&header.sender.tx_wait, 1, &header.engine.tx_seq),
            Side::EagerSender => (&header.sender.tx_wait, EAGER, &header.engine.tx_seq),
        };
        let seen = sequence.load(Ordering::SeqCst);
        // Of several writers that wait, the most eager decides.
        flag.fetch_max(value, Ordering::SeqCst);
        // With the fence in the engine's wake: either it sees the flag, or what it published is seen here.
        fence(Ordering::SeqCst);
        if is_ready() {
            return Ok(());
        }
        let _waiter = self.waiters.enter(self.way.epoch());
        match self.way.wait(sequence, seen, deadline) {
            Waited::Woken => Ok(()),
            Waited::TimedOut => Err(Ended::TimedOut),
            Waited::Interrupted => Err(Ended::Interrupted),
        }
    }
}

/// When a call with this timeout gives up; zero is never.
pub(super) fn deadline(timeout: Duration) -> Option<Instant> {
    (!timeout.is_zero()).then(|| monotonic() + timeout)
}
