//! The link to whatever is outside of the network: its far end is the caller.

use crate::Link;
use sockeye_clock::Instant;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Packets that wait in one direction at most; more are dropped, as by any queue.
const QUEUE_MAX: usize = 1 << 16;

/// A host's link to its caller: what the host sends waits for [`Outside::take`], what [`Outside::put`] brings arrives at once. Clones
/// are handles to the same link: the network gets one, the caller keeps another.
#[derive(Clone, Debug)]
pub struct Outside {
    queues: Arc<Mutex<Queues>>,
}

#[derive(Debug, Default)]
struct Queues {
    mtu: usize,
    is_full: bool,
    leaving: VecDeque<(Instant, Vec<u8>)>,
    arriving: VecDeque<Vec<u8>>,
}

impl Outside {
    /// A link without packets. `mtu` is in bytes.
    #[must_use]
    pub fn new(mtu: usize) -> Self {
        Self { queues: Arc::new(Mutex::new(Queues { mtu, ..Queues::default() })) }
    }

    /// Changes the MTU, bytes.
    pub fn set_mtu(&self, mtu: usize) {
        self.lock().mtu = mtu;
    }

    /// Lets the queue to the outside take nothing, or again something.
    pub fn set_full(&self, is_full: bool) {
        self.lock().is_full = is_full;
    }

    /// Brings a packet to the host: the next flush takes it.
    pub fn put(&self, packet: Vec<u8>) {
        let mut queues = self.lock();
        if queues.arriving.len() < QUEUE_MAX {
            queues.arriving.push_back(packet);
        }
    }

    /// The next packet that the host sent, and when.
    #[must_use]
    pub fn take(&self) -> Option<(Instant, Vec<u8>)> {
        self.lock().leaving.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        // Each change is one call: it is whole whatever panicked meanwhile.
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link for Outside {
    fn mtu(&self) -> usize {
        self.lock().mtu
    }

    fn transmit(&mut self, now: Instant, packet: Vec<u8>) {
        let mut queues = self.lock();
        if !queues.is_full && queues.leaving.len() < QUEUE_MAX {
            queues.leaving.push_back((now, packet));
        }
    }

    fn is_full(&self) -> bool {
        self.lock().is_full
    }

    fn poll_receive(&mut self, _: Instant) -> Option<Vec<u8>> {
        self.lock().arriving.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.lock().arriving.front().map(|_| Instant::ZERO)
    }
}

#[cfg(test)]
mod tests;
