//! When text arrived, for SO_TIMESTAMP: kept only while somebody asks.

use crate::SlotHeader;
use crate::sync::{AtomicU32, AtomicU64, Ordering};

/// Times that are kept: of more arrivals that nobody has read, the oldest are told as later ones.
const KEPT: usize = 16;

/// The newest arrivals. Written by the engine, but for what is wanted.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct ArrivalLine {
    /// What is told of arrivals, as the program's side numbers it; 0 for nothing. Written by the program.
    pub wanted: AtomicU32,
    /// Arrivals since the start.
    pub count: AtomicU32,
    arrivals: [Arrival; KEPT],
}

#[repr(C)]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
struct Arrival {
    /// RecvQ tail behind the text.
    end: AtomicU64,
    /// Of the engine's clock.
    nanos: AtomicU64,
}

/// Keeps when text arrived that now ends at RecvQ's tail, if somebody wants to know.
pub fn note_arrival(header: &SlotHeader, nanos: u64) {
    let line = &header.arrivals;
    if line.wanted.load(Ordering::Relaxed) == 0 {
        return;
    }
    let count = line.count.load(Ordering::Relaxed);
    let Some(arrival) = line.arrivals.get(count as usize % KEPT) else { return };
    arrival.end.store(header.engine.recv_tail.load(Ordering::Relaxed), Ordering::Relaxed);
    arrival.nanos.store(nanos, Ordering::Relaxed);
    line.count.store(count.wrapping_add(1), Ordering::Release);
}

/// When the text arrived whose last byte is the one before `end`; `None` if nobody noted that.
#[must_use]
pub fn arrival_of(header: &SlotHeader, end: u64) -> Option<u64> {
    let line = &header.arrivals;
    let kept = (line.count.load(Ordering::Acquire) as usize).min(KEPT);
    let ends = line
        .arrivals
        .iter()
        .take(kept)
        .map(|arrival| (arrival.end.load(Ordering::Relaxed), arrival.nanos.load(Ordering::Relaxed)));
    ends.filter(|&(last, _)| last >= end).min().map(|(_, nanos)| nanos)
}

#[cfg(all(test, not(loom)))]
mod tests;
