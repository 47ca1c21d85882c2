//! All control connections: who may have one.

use super::listener::Arrival;
use super::session::Session;
use crate::quota::Quota;
use crate::rota::Rota;
use rustix::process::Pid;
use sockeye_clock::Instant;
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Who has connected and not said hello for so long has to make room for others.
const PATIENCE: Duration = Duration::from_millis(100);

/// The sessions of a host process.
#[derive(Debug)]
pub(super) struct Sessions {
    quota: Quota,
    all: BTreeMap<u64, Session>,
    rota: Rota,
    by_process: HashMap<Option<Pid>, usize>,
    next: u64,
}

impl Sessions {
    /// None yet. The first is to have the number `first`.
    pub(super) fn new(quota: Quota, first: u64) -> Self {
        Self { quota, all: BTreeMap::new(), rota: Rota::default(), by_process: HashMap::new(), next: first }
    }

    /// Whether there is room for one more.
    pub(super) fn have_room_for(&self, arrival: &Arrival) -> bool {
        let others = self.by_process.get(&arrival.process).copied().unwrap_or(0);
        !self.quota.is_exhausted(&arrival.socket) && others < self.quota.share()
    }

    /// Begins a session; its number.
    pub(super) fn begin(&mut self, arrival: Arrival) -> u64 {
        let id = self.next;
        self.next += 1;
        *self.by_process.entry(arrival.process).or_default() += 1;
        self.all.insert(id, Session::new(arrival, id));
        id
    }

    /// What many sessions needed goes, if there are few.
    pub(super) fn give_memory_back(&mut self) {
        self.rota.give_memory_back();
        self.by_process.shrink_to_fit();
    }

    pub(super) fn end(&mut self, id: u64) -> Option<Session> {
        let session = self.all.remove(&id)?;
        if let Entry::Occupied(mut others) = self.by_process.entry(session.process) {
            *others.get_mut() -= 1;
            if *others.get() == 0 {
                others.remove();
            }
        }
        Some(session)
    }

    /// The one that has been silent for longest, if that is too long.
    pub(super) fn most_silent(&self, now: Instant) -> Option<u64> {
        let silent = self.all.iter().filter(|(_, session)| session.is_silent());
        let (&id, session) = silent.min_by_key(|(_, session)| session.since)?;
        (now.since(session.since) >= PATIENCE).then_some(id)
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Session> {
        self.all.get_mut(&id)
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether anybody has said hello. A forked child may never do, and hold a control socket from before the fork for as long as it lives.
    pub(super) fn has_guests(&self) -> bool {
        self.all.values().any(|session| !session.is_silent())
    }

    /// Whether any request is to be answered. It is among the next.
    pub(super) fn are_asked(&mut self) -> bool {
        self.rota.turn_to(&self.all, Session::is_asked)
    }

    /// Appends those who have asked for something, as far as it is their turn; some of them twice.
    pub(super) fn find_asked(&mut self, now: Instant, asked: &mut Vec<u64>) {
        self.rota.look_at_some(now, &self.all, |id, session| {
            let is_asked = session.is_asked();
            asked.extend(is_asked.then_some(id));
            is_asked
        });
    }
}
