//! The engine: a network, its sockets' slots and tokens. Both modes drive the same one.
//!
//! ```text
//!   requests  doorbells  timers  hang-ups of tokens
//!       |         |         |         |
//!       v         v         v         v
//!   +-------------- Engine --------------+
//!   |  Network (hosts, links, TCP)       | --- events ---> slot words, futex wakes, tokens
//!   +------------------------------------+
//! ```

mod accept;
mod execute;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod leave;
mod open;

use crate::apart::Apart;
use crate::idle::Sweep;
use crate::machine::with_memory;
use crate::memory::{Look, Memory, PoolId};
use crate::proto::Handle;
use crate::quota::Quota;
use crate::rings::SlotRings;
use crate::table::{ClientId, Entry, Held, Table, largest_rings};
use crate::tokens::Tokens;
use crate::{SetupError, offers, token};
pub(crate) use execute::needs_ends;
use leave::{Leaving, Looks};
use parking_lot::Mutex;
use sockeye_buffer::{Arena, Flag, ReadyList, note_arrival};
use sockeye_clock::Instant;
use sockeye_stack::{Error, HostId, Network, NetworkConfig, OptionName, SocketEvent, SocketOption};
use std::collections::VecDeque;
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Letters of a name that is unknown, and names that are known: so many are told who asks for a host that there is not.
const SHOWN_NAME: usize = 64;
const SHOWN_NAMES: usize = 50;
/// Bytes of text that are moved between two looks at doorbells. Where memory is touched for the first time, that takes a millisecond.
const PIECE: usize = 256 * 1024;
/// Tokens that are looked at between two looks at doorbells.
const MENDED_AT_ONCE: usize = 64;

/// Where slots are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    Heap,
    /// In memory that other processes see, which have these descriptors of this one.
    Shared(Quota),
}

impl Storage {
    pub(crate) const fn quota(self) -> Quota {
        match self {
            Self::Heap => Quota::NONE,
            Self::Shared(quota) => quota,
        }
    }

    /// Bytes of text that are moved at once, where more of one program's would keep others waiting.
    const fn piece(self) -> Option<usize> {
        match self {
            Self::Heap => None,
            Self::Shared(_) => Some(PIECE),
        }
    }
}

/// Who asks: which process, and the host of the network that it is on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) client: ClientId,
    pub(crate) host: HostId,
}

impl Caller {
    fn pool(self) -> PoolId {
        PoolId(self.client.0)
    }
}

/// A network, its sockets' slots and their tokens.
pub(crate) struct Engine {
    pub(crate) network: Network,
    pub(crate) table: Arc<Mutex<Table>>,
    tokens: Tokens,
    quota: Quota,
    /// Bytes of text that are moved between two looks at doorbells.
    piece: Option<usize>,
    /// Those that are left until the next look.
    left: usize,
    watcher: Apart,
    /// Names this engine among all.
    instance: u64,
    tags: Vec<u64>,
    /// Processes that have hung up, and whose sockets are being closed.
    leaving: VecDeque<Leaving>,
    pub(crate) looks: Looks,
    /// Places of tokens that are to be looked at.
    to_mend: Range<usize>,
    pub(crate) idle: Sweep,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn new(now: Instant, config: &NetworkConfig, storage: Storage) -> Result<Self, SetupError> {
        Self::seeded(now, config, storage, rand::random())
    }

    /// `seed` decides all that the network leaves to chance.
    fn seeded(now: Instant, config: &NetworkConfig, storage: Storage, seed: u64) -> Result<Self, SetupError> {
        let (send, recv) = largest_rings(config.hosts.iter().map(|host| &host.settings));
        let memory = match storage {
            Storage::Heap => Memory::heap(send, recv),
            Storage::Shared(quota) => Memory::shared(quota, send, recv),
        };
        let mut table = Table::new(memory, seed);
        if storage == Storage::Heap {
            let list = ReadyList::on_heap().ok_or_else(|| {
                SetupError("no address space for the list of ready sockets; raise the limit".into())
            })?;
            table.add_list(ClientId(0), Arc::new(list));
        }
        let table = Arc::new(Mutex::new(table));
        let rings = Box::new(SlotRings(table.clone()));
        let network = Network::new(now, &with_memory(config), rings, seed).map_err(SetupError)?;
        let watcher = token::watcher().map_err(|error| {
            SetupError(format!("cannot watch descriptors: {error}; raise the limit of open files"))
        })?;
        Ok(Self {
            network,
            table,
            tokens: Tokens::new(storage, seed),
            quota: storage.quota(),
            piece: storage.piece(),
            left: PIECE,
            watcher: Apart::new(watcher),
            instance: rand::random(),
            tags: Vec::new(),
            leaving: VecDeque::new(),
            looks: Looks::default(),
            to_mend: 0..0,
            idle: Sweep::default(),
        })
    }

    pub(crate) fn instance(&self) -> u64 {
        self.instance
    }

    /// Readable when a token's last holder is gone.
    pub(crate) fn watcher(&self) -> BorrowedFd<'_> {
        self.watcher.as_fd()
    }

    /// The host of that name, or the first.
    pub(crate) fn host(&self, name: Option<&str>) -> Result<HostId, String> {
        let Some(name) = name else { return Ok(HostId(0)) };
        self.network.host(name).ok_or_else(|| {
            // It has to fit into an answer.
            let name: String = name.chars().take(SHOWN_NAME).collect();
            let names = self.network.host_names();
            let others = if names.len() > SHOWN_NAMES { ", ..." } else { "" };
            let names = names[..names.len().min(SHOWN_NAMES)].join(", ");
            format!("no host `{name}` in this network; it has: {names}{others}")
        })
    }

    /// Whether nothing is left that needs an engine: no socket, no connection, no TIME-WAIT.
    pub(crate) fn is_empty(&self) -> bool {
        self.table.lock().is_empty() && self.network.is_quiet()
    }

    /// The slot of a socket, for an engine and a program in one process.
    pub(crate) fn slot(&self, tag: u64) -> Option<sockeye_buffer::Slot> {
        self.table.lock().entry(tag).map(|entry| entry.slot.clone())
    }

    /// The arena of a slot, for who is in the same process.
    pub(crate) fn arena_of(&self, handle: Handle) -> Option<Arena> {
        self.table.lock().memory.arena(handle.arena)
    }

    /// Makes the ready list of a new process; its descriptor, to be sent to it.
    pub(crate) fn add_client(&self, client: ClientId) -> std::io::Result<OwnedFd> {
        let mut list = ReadyList::create()?;
        let file = rustix::io::fcntl_dupfd_cloexec(list.fd().ok_or(std::io::ErrorKind::Unsupported)?, 0)?;
        list.forget_file();
        self.table.lock().add_list(client, Arc::new(list));
        Ok(file)
    }

    /// The ready list of a process, for an engine and a program in one process.
    pub(crate) fn list(&self, client: ClientId) -> Option<Arc<ReadyList>> {
        self.table.lock().watches(client).map(|watches| watches.list.list.clone())
    }

    /// Moves what is owed, or a piece of it, and tells programs what happened. After every input; what is left is a [`timeout`](Self::timeout)
    /// that is due.
    pub(crate) fn settle(&mut self, now: Instant) {
        loop {
            match self.piece {
                None => self.network.flush(now),
                Some(_) => self.network.flush_some(now, &mut self.left),
            }
            if !self.tell_events(now) {
                return;
            }
            self.accept_taken(now);
        }
    }

    /// Whether a program was seen to have accepted a connection.
    fn tell_events(&mut self, now: Instant) -> bool {
        let mut next = self.network.poll_event();
        if next.is_none() {
            return false;
        }
        self.idle.note_traffic(now);
        let mut table = self.table.lock();
        while let Some((_, tag, event)) = next {
            tracing::trace!(tag, ?event);
            if event == SocketEvent::Acceptable {
                table.entry_mut(tag).into_iter().for_each(Entry::on_acceptable);
                offers::offer(&self.network, &mut table, tag);
            }
            if let Some(entry) = table.entry_mut(tag) {
                if event == SocketEvent::Readable {
                    note_arrival(entry.slot.header(), now.as_nanos());
                }
                if event == SocketEvent::Connected {
                    tell_addresses(&self.network, entry);
                }
                // The order matters: words first, then wakes, then the ready lists and the token.
                entry.apply(event);
                match entry.waits_in {
                    None => entry.announce(event),
                    Some(listener) => announce_to_taker(&mut table, listener, tag, event),
                }
            }
            next = self.network.poll_event();
        }
        !table.taken.is_empty()
    }

    /// When [`timeout`](Self::timeout) is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match (self.network.poll_timeout(), self.idle.due) {
            (Some(network), Some(idle)) => Some(network.min(idle)),
            (network, idle) => network.or(idle),
        }
    }

    pub(crate) fn timeout(&mut self, now: Instant) {
        self.begin_piece();
        self.sweep(now);
        self.network.timeout(now);
        self.settle(now);
    }

    /// Whether a program rang.
    pub(crate) fn is_rung(&self) -> bool {
        self.table.lock().memory.is_rung()
    }

    /// From now on a piece of text may be moved.
    fn begin_piece(&mut self) {
        self.left = self.piece.unwrap_or(usize::MAX);
    }

    /// Serves the sockets whose doorbells were rung, and begins to move a piece of text. Returns whether any was.
    pub(crate) fn answer_doorbells(&mut self, now: Instant) -> bool {
        self.begin_piece();
        self.look_at_rung(now, Look::InTurn)
    }

    fn look_at_rung(&mut self, now: Instant, look: Look) -> bool {
        let mut tags = std::mem::take(&mut self.tags);
        tags.clear();
        self.table.lock().memory.take_rung(now, look, &mut tags);
        for &tag in &tags {
            self.look_at(now, tag);
        }
        let was_rung = !tags.is_empty();
        self.tags = tags;
        if was_rung {
            self.idle.note_traffic(now);
            self.settle(now);
        }
        was_rung
    }

    /// One doorbell, where the program and the engine are one process.
    pub(crate) fn ring(&mut self, now: Instant, tag: u64) {
        self.begin_piece();
        self.look_at(now, tag);
        self.settle(now);
    }

    /// Options that the program has set in the slot take effect.
    pub(crate) fn apply_flags(&mut self, now: Instant, tag: u64) {
        let table = self.table.lock();
        let Some(entry) = table.entry(tag) else { return };
        let Some(id) = entry.id.filter(|_| entry.has_new_flags()) else { return };
        let readiness = &entry.slot.header().readiness;
        // Before the program finds that they were seen.
        self.network.hide_info(id);
        let changed = readiness.flags_changed.swap(0, Ordering::SeqCst);
        let flags = readiness.flags.load(Ordering::SeqCst);
        if changed & Flag::LOW_WATER != 0 {
            entry.on_low_water();
        }
        drop(table);
        if changed & Flag::NOTSENT_LOW_WATER != 0 {
            self.network.look_at_notsent_lowat(now, id);
        }
        let options = [
            (Flag::NO_DELAY, SocketOption::NoDelay(flags & Flag::NO_DELAY != 0)),
            (Flag::CORK, SocketOption::Cork(flags & Flag::CORK != 0)),
            (Flag::QUICK_ACK, SocketOption::QuickAck(u32::from(flags & Flag::QUICK_ACK != 0))),
        ];
        for (_, option) in options.into_iter().filter(|(flag, _)| changed & flag != 0) {
            // A socket that was closed meanwhile has no use for them.
            let _ = self.network.set_option(now, id, option);
        }
    }

    /// The program may have written, read, set options, accepted, changed what its token shows, or given the socket up.
    fn look_at(&mut self, now: Instant, tag: u64) {
        let mut table = self.table.lock();
        if table.entry(tag).is_some_and(|entry| entry.is_about_accepting() || entry.has_new_flags()) {
            drop(table);
            self.settle_claims(now, tag);
            self.apply_flags(now, tag);
            table = self.table.lock();
        }
        let Some(entry) = table.entry_mut(tag) else { return };
        let (is_released, id) = (entry.is_released(), entry.id);
        entry.mirror();
        entry.post_room();
        drop(table);
        if is_released {
            self.close(now, tag);
        } else if let Some(id) = id {
            self.network.doorbell(now, id);
        }
    }

    /// Closes the sockets whose last holder is gone.
    pub(crate) fn answer_hang_ups(&mut self, now: Instant) {
        while self.close_hung_up(now) {}
    }

    /// Closes a few of them. Returns whether there may be more.
    pub(crate) fn close_hung_up(&mut self, now: Instant) -> bool {
        let mut ids = Vec::new();
        if !self.tokens.is_empty() {
            token::hung_up(self.watcher.as_fd(), &mut ids);
        }
        for &id in &ids {
            match self.tokens.tag(id) {
                Some(tag) => self.close(now, tag),
                None => self.tokens.forget(id),
            }
        }
        self.settle(now);
        ids.len() == token::MANY
    }

    /// The last holder of a socket is gone: every byte that it published counts, then it is closed.
    fn close(&mut self, now: Instant, tag: u64) {
        self.stop_offering(now, tag);
        let id = self.table.lock().entry_mut(tag).and_then(|entry| entry.id.take());
        if let Some(id) = id {
            self.network.doorbell(now, id);
            let linger = match self.network.option(id, OptionName::Linger) {
                Ok(SocketOption::Linger(seconds)) => seconds,
                Ok(_) | Err(_) => None,
            };
            if let Some(entry) = self.table.lock().entry_mut(tag) {
                entry.linger = linger;
            }
            self.forget_but_text(tag, id);
            self.network.close(now, id);
        }
        let mut table = self.table.lock();
        let held = table.let_go(tag);
        if let Some(entry) = table.entry_mut(tag) {
            entry.token = None;
            match held {
                Held::ByToken(id) => self.tokens.forget(id),
                Held::By(client) => entry.closed_by = Some(client),
                Held::Nobody => {}
            }
        }
        table.release_if_unused(tag);
    }

    /// Whether the next call has something to give back.
    pub(crate) fn has_spare_memory(&self) -> bool {
        self.network.has_spare_memory()
    }

    /// Gives memory back that was needed while there were many more sockets than now.
    pub(crate) fn give_memory_back(&mut self) {
        self.network.give_memory_back();
        self.table.lock().give_memory_back();
        self.tokens.give_memory_back();
        self.tags = Vec::new();
    }

    /// A process that is gone may have been filling or draining the token of a socket that it had from its parent, and that the engine does
    /// not know it had: all are looked at, a few at a time. Whether there were any left.
    pub(crate) fn mend_some(&mut self) -> bool {
        let some: Vec<usize> = self.to_mend.by_ref().take(MENDED_AT_ONCE).collect();
        for place in some {
            if let Some(tag) = self.tokens.tag_at(place) {
                self.mend_token(tag);
            }
        }
        !self.to_mend.is_empty()
    }

    /// A process is gone, and may have been filling or draining the token of a socket that others have as well. It need not have armed it:
    /// its parent may have.
    fn mend_token(&mut self, tag: u64) {
        if let Some(entry) = self.table.lock().entry_mut(tag) {
            entry.mend_token();
        }
    }

    /// `client` is gone and held the socket, or it has closed its descriptors of one whose token shows a reset.
    fn forget(&mut self, now: Instant, tag: u64, client: ClientId) {
        let is_last = self.table.lock().entry_mut(tag).is_some_and(|entry| {
            let was_armer = entry.armers.contains(&client);
            entry.armers.retain(|&armer| armer != client);
            let was_last_armer = was_armer
                && entry.armers.is_empty()
                && entry.condition() & crate::table::condition::TOKEN_CLOSED != 0;
            was_last_armer || entry.held == Held::By(client)
        });
        if is_last {
            self.close(now, tag);
        }
    }

    /// The stack's name of a socket that a program holds.
    fn id(&self, tag: u64) -> Result<sockeye_stack::SocketId, Error> {
        self.table.lock().entry(tag).and_then(|entry| entry.id).ok_or(Error::BadDescriptor)
    }
}

/// A program that has just taken the connection `tag` has not seen what was applied, and is told.
fn announce_to_taker(table: &mut Table, listener: u64, tag: u64, event: SocketEvent) {
    table.take_claims(listener);
    if let Some(entry) = table.entry_mut(tag) {
        entry.announce(event);
    }
}

/// Copies the addresses of an open connection to where programs look.
fn tell_addresses(network: &Network, entry: &Entry) {
    // An accepted one has no name here before somebody has accepted it.
    let Some(id) = entry.id else { return };
    if let (Ok(local), Ok(peer)) = (network.local_address(id), network.peer_address(id)) {
        entry.slot.header().addresses.tell(local, peer);
    }
}

#[cfg(test)]
mod tests;
