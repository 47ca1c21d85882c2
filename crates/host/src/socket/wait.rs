//! Waiting for the engine: briefly awake, then asleep on the slot's futex.

use super::{CallError, Socket};
use crate::mirror::EAGER;
use crate::transport::AfterSignal;
use sockeye_buffer::futex::Waited;
use sockeye_clock::{Instant, monotonic};
use sockeye_stack::Error;
use std::sync::atomic::{Ordering, fence};
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
        after_signal: AfterSignal,
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
        match self.way.wait(sequence, seen, deadline, after_signal) {
            Waited::Woken => Ok(()),
            Waited::TimedOut => Err(Ended::TimedOut),
            Waited::Interrupted => Err(Ended::Interrupted),
        }
    }
}

/// What a call with this deadline (SO_RCVTIMEO, SO_SNDTIMEO) does after a signal, as Linux, once `done` bytes or messages are.
pub(super) const fn after_signal(deadline: Option<Instant>, done: usize) -> AfterSignal {
    if deadline.is_none() && done == 0 { AfterSignal::GoOn } else { AfterSignal::End }
}

/// When a call with this timeout gives up; zero is never.
pub(super) fn deadline(timeout: Duration) -> Option<Instant> {
    (!timeout.is_zero()).then(|| monotonic() + timeout)
}
