//! The rings that the stack asks for, out of the table's slots.

use crate::table::Table;
use parking_lot::Mutex;
use sockeye_buffer::Slot;
use sockeye_stack::{Error, Passed, RingSource, Rings};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What the stack gets its rings from.
#[derive(Debug)]
pub(crate) struct SlotRings(pub(crate) Arc<Mutex<Table>>);

impl RingSource for SlotRings {
    fn open(&mut self, tag: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error> {
        let mut table = self.0.lock();
        let entry = table.open_rings(tag).ok_or(Error::NoBufferSpace)?;
        let (sendq, recvq) = entry.slot.open(send_limit, recv_limit);
        Ok(Rings { sendq, recvq, tag })
    }

    fn open_passive(&mut self, owner: u64, send_limit: usize, recv_limit: usize) -> Result<Rings, Error> {
        let mut table = self.0.lock();
        let listener = table.entry(owner).ok_or(Error::NoBufferSpace)?;
        let (pool, host, family, settings) =
            (listener.pool, listener.host, listener.family, listener.slot.clone());
        let tag = table.add(pool, host, family)?.tag;
        let entry = table.open_rings(tag).ok_or(Error::NoBufferSpace)?;
        inherit(&settings, &entry.slot);
        entry.change_condition(sockeye_buffer::Condition::CONNECTED, 0);
        let (sendq, recvq) = entry.slot.open(send_limit, recv_limit);
        Ok(Rings { sendq, recvq, tag })
    }

    fn close(&mut self, tag: u64, passed: Passed) {
        self.0.lock().close_rings(tag, passed);
    }
}

/// As on Linux a connection begins with what the listener had that the engine knows nothing of, but without its O_NONBLOCK.
fn inherit(from: &Slot, to: &Slot) {
    let (from, to) = (from.header(), to.header());
    to.readiness.inherit(&from.readiness);
    to.arrivals.wanted.store(from.arrivals.wanted.load(Ordering::Relaxed), Ordering::Relaxed);
}
