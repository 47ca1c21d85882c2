//! A listener's connections that its programs can take without asking: see [`sockeye_buffer::accept_queue`].
//!
//! They stay in the stack's accept queue until it is seen who has taken them, so that the backlog and netstat count them.

use crate::table::{ClientId, Entry, Held, Table, condition};
use crate::watch::Watcher;
use sockeye_buffer::SlotHeader;
use sockeye_buffer::accept_queue::{Claimant, PLACES, Waiting};
use sockeye_stack::{Network, OptionName, SocketId, SocketOption};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

/// What a listener offers, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Offers {
    /// The position in the queue of the first that nobody is known to have.
    next: u32,
    offered: VecDeque<Offer>,
    /// So many before it are accepted, and the stack does not know it yet.
    untold: u32,
    /// The position behind the last that came. Programs are told by `accept_tail`, which they can write as well.
    end: u32,
}

/// A connection that is offered.
#[derive(Clone, Copy, Debug)]
struct Offer {
    tag: u64,
    id: SocketId,
}

impl Offers {
    /// Of a listener whose programs have accepted so many.
    pub(crate) fn new(accepted: u32) -> Self {
        Self { next: accepted, end: accepted, ..Self::default() }
    }
}

/// Connections that were taken, and of which the stack does not know yet.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// Their listeners, and the stack's names of them.
    pub(crate) from: Vec<(u64, SocketId)>,
    /// Those among them that nobody can have.
    pub(crate) unowned: Vec<u64>,
}

impl Taken {
    pub(crate) fn is_empty(&self) -> bool {
        self.from.is_empty()
    }
}

/// The number by which a process says that it has taken a connection.
pub(crate) fn number_of(client: ClientId) -> u32 {
    (client.0 % u64::from(Claimant::MAX_NUMBER)) as u32 + 1
}

/// The newest of the clients up to `newest` that has this number.
fn numbered(number: u32, newest: ClientId) -> Option<ClientId> {
    let all = u64::from(Claimant::MAX_NUMBER);
    let behind = (newest.0 % all + all - u64::from(number - 1)) % all;
    newest.0.checked_sub(behind).map(ClientId)
}

/// Offers what waits, as far as there are places.
pub(crate) fn offer(network: &Network, table: &mut Table, listener: u64) {
    // In a program's own process a request is a call.
    if !table.memory.is_shared() {
        return;
    }
    loop {
        let Some(entry) = table.entry(listener) else { return };
        let (Some(offers), Some(id)) = (&entry.offers, entry.id) else { return };
        let len = offers.offered.len() as u32;
        if len == PLACES {
            return;
        }
        let position = offers.next.wrapping_add(len);
        let ahead = (offers.untold + len) as usize;
        let Some((id, tag, peer)) = network.waiting(id, ahead) else { return };
        let Some(child) = table.entry_mut(tag) else { return };
        child.waits_in = Some(listener);
        prepare(network, child, id, peer);
        let (arena, index) = child.place();
        let Some(entry) = table.entry_mut(listener) else { return };
        entry.slot.accept_queue().offer(position, &Waiting { tag, arena, index, peer });
        if let Some(offers) = &mut entry.offers {
            offers.offered.push_back(Offer { tag, id });
        }
    }
}

/// Tells in the slot of a connection what its program will look for, which is about to have it.
pub(crate) fn prepare(network: &Network, entry: &Entry, id: SocketId, peer: SocketAddr) {
    if let Ok(local) = network.local_address(id) {
        entry.slot.header().addresses.tell(local, peer);
    }
    entry.change_condition(lingers(network, id) | stamps(network, id), 0);
}

/// The condition bit that says whether SO_LINGER is on.
pub(crate) fn lingers(network: &Network, id: SocketId) -> u32 {
    match network.option(id, OptionName::Linger) {
        Ok(SocketOption::Linger(Some(_))) => condition::LINGER,
        Ok(_) | Err(_) => 0,
    }
}

/// The condition bit that says whether sends are stamped.
pub(crate) fn stamps(network: &Network, id: SocketId) -> u32 {
    match network.option(id, OptionName::Timestamping) {
        Ok(SocketOption::Timestamping(flags)) if sockeye_stack::wants_stamps(flags) => condition::STAMPS,
        Ok(_) | Err(_) => 0,
    }
}

impl Entry {
    /// Whether it is a listener, or waits in the queue of one.
    pub(crate) fn is_about_accepting(&self) -> bool {
        self.offers.is_some() || self.waits_in.is_some()
    }

    /// It listens from now on, if it did not.
    pub(crate) fn begin_offering(&mut self) {
        if self.offers.is_none() {
            let SlotHeader { engine, receiver, .. } = self.slot.header();
            let accepted = receiver.accept_head.load(Ordering::Relaxed);
            engine.accept_tail.store(accepted, Ordering::SeqCst);
            self.slot.accept_queue().reset();
            self.offers = Some(Box::new(Offers::new(accepted)));
        }
    }

    /// A connection waits to be accepted.
    pub(crate) fn on_acceptable(&mut self) {
        if let Some(offers) = &mut self.offers {
            offers.end = offers.end.wrapping_add(1);
        }
    }

    /// Who has taken the first of what is offered.
    fn first_taken_by(&self) -> Option<Claimant> {
        let offers = self.offers.as_ref().filter(|offers| !offers.offered.is_empty())?;
        self.slot.accept_queue().taken_by(offers.next)
    }

    /// The first of what is offered is offered no more.
    fn next_offer(&mut self) -> Option<Offer> {
        let offers = self.offers.as_mut()?;
        let offer = offers.offered.pop_front()?;
        offers.next = offers.next.wrapping_add(1);
        offers.untold += 1;
        Some(offer)
    }

    /// The stack's accept() has given one: of those that were offered, or another.
    pub(crate) fn on_accepted(&mut self) {
        let Some(offers) = &mut self.offers else {
            self.slot.header().receiver.accept_head.fetch_add(1, Ordering::SeqCst);
            return;
        };
        match offers.untold.checked_sub(1) {
            Some(untold) => offers.untold = untold,
            None => offers.next = offers.next.wrapping_add(1),
        }
        self.tell_accepted();
    }

    /// Programs count as accepted what is known to be.
    fn tell_accepted(&self) {
        let Some(next) = self.offers.as_ref().map(|offers| offers.next) else { return };
        let head = &self.slot.header().receiver.accept_head;
        let found = head.load(Ordering::Acquire);
        // Who has just taken one counts it as well.
        if next.wrapping_sub(found).cast_signed() > 0 {
            let _ = head.compare_exchange(found, next, Ordering::SeqCst, Ordering::Relaxed);
        }
    }

    /// Nothing waits any more.
    pub(crate) fn forget_waiting(&mut self) {
        let SlotHeader { engine, receiver, .. } = self.slot.header();
        let end = match &mut self.offers {
            Some(offers) => {
                offers.next = offers.end;
                engine.accept_tail.store(offers.end, Ordering::SeqCst);
                offers.end
            }
            None => engine.accept_tail.load(Ordering::Relaxed),
        };
        receiver.accept_head.store(end, Ordering::SeqCst);
    }
}

impl Table {
    /// What programs have taken is theirs from now on. The stack is to be told what is in [`Table::taken`].
    pub(crate) fn take_claims(&mut self, listener: u64) {
        while let Some(by) = self.entry(listener).and_then(Entry::first_taken_by) {
            self.hand_over(listener, by);
        }
        if let Some(entry) = self.entry(listener) {
            entry.tell_accepted();
        }
    }

    /// Takes the first offer back, for the caller to accept it. Whether there was one.
    pub(crate) fn withdraw_first(&mut self, listener: u64) -> bool {
        loop {
            let Some(entry) = self.entry_mut(listener) else { return false };
            let Some(position) =
                entry.offers.as_ref().filter(|offers| !offers.offered.is_empty()).map(|offers| offers.next)
            else {
                return false;
            };
            if let Some(by) = entry.slot.accept_queue().withdraw(position) {
                self.hand_over(listener, by);
                continue;
            }
            let offer = entry.next_offer();
            entry.tell_accepted();
            if let Some(child) = offer.and_then(|offer| self.entry_mut(offer.tag)) {
                child.waits_in = None;
            }
            return true;
        }
    }

    /// Takes all offers back, and makes no more.
    pub(crate) fn withdraw_all(&mut self, listener: u64) {
        while self.withdraw_first(listener) {}
        if let Some(entry) = self.entry_mut(listener) {
            entry.offers = None;
        }
    }

    /// Listeners whose programs may have taken something.
    pub(crate) fn offering(&self) -> Vec<u64> {
        let is_offering =
            |entry: &&Entry| entry.offers.as_ref().is_some_and(|offers| !offers.offered.is_empty());
        self.entries().filter(is_offering).map(|entry| entry.tag).collect()
    }

    fn hand_over(&mut self, listener: u64, by: Claimant) {
        let client = self.claiming_client(listener, by);
        let Some(offer) = self.entry_mut(listener).and_then(Entry::next_offer) else { return };
        self.taken.from.push((listener, offer.id));
        // Nobody is given a connection in a place that was not lent: a program could say so in another's name.
        let watcher = client.and_then(|client| {
            let watches = self.watches_mut(client)?;
            let watch = u32::from(by.watch());
            watches.take_lent(watch).then(|| Watcher { client, list: watches.list.clone(), watch })
        });
        let Some(child) = self.entry_mut(offer.tag) else { return };
        child.waits_in = None;
        child.id = Some(offer.id);
        match watcher {
            Some(watcher) => {
                let client = watcher.client;
                child.held = Held::By(client);
                child.watchers.push(watcher);
                self.tie(offer.tag, client);
            }
            None => self.taken.unowned.push(offer.tag),
        }
    }

    /// Whose claim that is: nobody's, if the process is gone or never had the listener.
    fn claiming_client(&self, listener: u64, by: Claimant) -> Option<ClientId> {
        let client = numbered(by.number(), self.newest_client())?;
        let watches = self.watches(client)?;
        let has_it = match self.entry(listener)?.held {
            Held::By(holder) => holder == client,
            // It has asked for a place in its ready list before.
            Held::ByToken(_) => watches.tied.contains(&listener),
            Held::Nobody => false,
        };
        has_it.then_some(client)
    }
}

#[cfg(test)]
mod tests;
