//! Active opens: `connect()`, and the first `send()` where that opens the connection (RFC 7413).

use super::Engine;
use crate::proto::{Answer, Reply};
use crate::table::condition;
use sockeye_buffer::Condition;
use sockeye_clock::Instant;
use sockeye_stack::{Error, SocketId};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

/// What a connection begins without.
const OF_LAST_CONNECTION: u32 = Condition::CONNECTED
    | Condition::END_OF_FILE
    | Condition::SEND_SHUT
    | Condition::RECV_SHUT
    | Condition::CLOSED
    | Condition::DRAINED
    | condition::FAILED;

impl Engine {
    pub(super) fn connect(&mut self, now: Instant, tag: u64, address: SocketAddr) -> Result<Answer, Error> {
        let id = self.id(tag)?;
        self.network.connect(now, id, address)?;
        self.opened(id, tag)
    }

    /// MSG_FASTOPEN, or a first send after `connect()` with TCP_FASTOPEN_CONNECT.
    pub(super) fn fast_open(
        &mut self,
        now: Instant,
        tag: u64,
        address: Option<SocketAddr>,
    ) -> Result<Answer, Error> {
        let id = self.id(tag)?;
        let was_open = self.network.deferred_room(id).is_some();
        let room = self.network.fast_open(now, id, address)?;
        if !was_open {
            self.opened(id, tag)?;
        }
        Ok(Reply::Room(room).into())
    }

    /// Tells the program that an open is under way, or that it waits for text: then the program must be able to write.
    fn opened(&mut self, id: SocketId, tag: u64) -> Result<Answer, Error> {
        let condition = match self.network.deferred_room(id) {
            Some(_) => Condition::CONNECTED | condition::DEFERRED,
            None => Condition::CONNECTING,
        };
        self.with_entry(tag, |entry| {
            let header = entry.slot.header();
            header.engine.error.store(0, Ordering::SeqCst);
            header.readiness.opening.store(1, Ordering::SeqCst);
            header.addresses.forget();
            entry.change_condition(condition, OF_LAST_CONNECTION);
            entry.mirror();
        })
    }

    /// The SYN goes out with what SendQ holds. Now it is an open like others.
    pub(super) fn launch(&mut self, now: Instant, tag: u64) -> Result<Answer, Error> {
        let id = self.id(tag)?;
        let is_waiting = self.network.deferred_room(id).is_some();
        self.network.launch(now, id)?;
        let (set, clear) = match is_waiting {
            true => (Condition::CONNECTING, Condition::CONNECTED | condition::DEFERRED),
            // A doorbell did it.
            false => (0, condition::DEFERRED),
        };
        self.with_entry(tag, |entry| entry.change_condition(set, clear))
    }
}
