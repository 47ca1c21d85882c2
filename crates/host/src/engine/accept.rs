//! accept(): by request, and by programs that have helped themselves.

use super::{Caller, Engine};
use crate::offers::{self, Taken};
use crate::proto::{Answer, Reply};
use crate::table::Entry;
use sockeye_clock::Instant;
use sockeye_stack::Error;

impl Engine {
    pub(super) fn accept(&mut self, now: Instant, caller: Caller, tag: u64) -> Result<Answer, Error> {
        let listener = self.id(tag)?;
        self.table.lock().withdraw_first(tag);
        self.accept_taken(now);
        let accepted = self.network.accept(listener);
        self.with_entry(tag, |entry| match accepted {
            Err(Error::WouldBlock | Error::InvalidArgument) => entry.forget_waiting(),
            Ok(_) | Err(_) => entry.on_accepted(),
        })?;
        offers::offer(&self.network, &mut self.table.lock(), tag);
        let (id, tag, peer) = accepted?;
        let mut table = self.table.lock();
        let entry = table.entry_mut(tag).ok_or(Error::ConnectionAborted)?;
        entry.id = Some(id);
        offers::prepare(&self.network, entry, id, peer);
        drop(table);
        Ok(Reply::Accepted(self.hold(caller, tag)?, peer).into())
    }

    /// Places in the caller's ready list for what it takes.
    pub(super) fn lend_watches(&mut self, caller: Caller) -> Result<Answer, Error> {
        let mut table = self.table.lock();
        let watches = table.watches_mut(caller.client).ok_or(Error::InvalidArgument)?;
        Ok(Reply::Watches(watches.lend()).into())
    }

    /// The stack is told what programs have taken, and further connections are offered.
    pub(super) fn accept_taken(&mut self, now: Instant) {
        let Taken { mut from, unowned } = std::mem::take(&mut self.table.lock().taken);
        for &(listener, taken) in &from {
            // It stays in the queue whatever becomes of its connection.
            let accepted = self.id(listener).and_then(|id| self.network.accept_this(id, taken));
            debug_assert!(accepted.is_ok(), "{accepted:?}");
            let mut table = self.table.lock();
            table.entry_mut(listener).map(Entry::on_accepted);
        }
        from.dedup_by_key(|(listener, _)| *listener);
        for (listener, _) in from {
            offers::offer(&self.network, &mut self.table.lock(), listener);
        }
        for tag in unowned {
            self.close(now, tag);
        }
    }

    /// The socket `tag` offers connections, or is offered: what programs have taken is theirs from now on.
    pub(super) fn settle_claims(&mut self, now: Instant, tag: u64) {
        let mut table = self.table.lock();
        let Some(entry) = table.entry(tag).filter(|entry| entry.is_about_accepting()) else { return };
        let listener = entry.waits_in.unwrap_or(tag);
        table.take_claims(listener);
        drop(table);
        self.accept_taken(now);
    }

    /// What programs have taken of any listener is theirs.
    pub(super) fn accept_all(&mut self, now: Instant) {
        let mut table = self.table.lock();
        for listener in table.offering() {
            table.take_claims(listener);
        }
        drop(table);
        self.accept_taken(now);
    }

    /// The listener `tag` is about to be one no more.
    pub(super) fn stop_offering(&mut self, now: Instant, tag: u64) {
        let mut table = self.table.lock();
        if table.entry(tag).is_none_or(|entry| entry.offers.is_none()) {
            return;
        }
        table.withdraw_all(tag);
        drop(table);
        self.accept_taken(now);
        // What is left is reset.
        if let Some(entry) = self.table.lock().entry_mut(tag) {
            entry.forget_waiting();
        }
    }
}
