//! What is left of programs that have gone.

use super::bystanders::{Bystanders, CLIENTS};
use crate::engine::Engine;
use crate::memory::PoolId;
use crate::table::{ClientId, Entry, Held};
use sockeye_clock::Instant;
use std::time::Duration;

/// Any connection is over after so many times so long.
const WAITS: u32 = 100;
const WAIT: Duration = Duration::from_secs(60);
/// Bytes that the others send to show that all is well.
const LAST: u64 = 100_000;

/// All of `guests` are gone.
pub(super) fn check(mut engine: Engine, mut now: Instant, mut bystanders: Bystanders, guests: &[ClientId]) {
    engine.answer_hang_ups(now);
    engine.network.assert_invariants();
    check_at_once(&engine, guests);
    bystanders.go_on(&mut engine, &mut now, LAST);
    pass(&mut engine, &mut now);
    check_later(&engine);
    for client in CLIENTS {
        engine.client_gone(now, client);
    }
    pass(&mut engine, &mut now);
    assert!(engine.is_empty(), "{:?}", engine.network.sockets(None));
    assert_eq!(engine.table.lock().memory.pools().count(), 0, "memory of nobody");
}

fn is_guests(pool: PoolId) -> bool {
    !CLIENTS.contains(&ClientId(pool.0))
}

/// Connections may go on for a while; nobody holds them, or is told of them.
fn check_at_once(engine: &Engine, guests: &[ClientId]) {
    let table = engine.table.lock();
    for entry in table.entries().filter(|entry| is_guests(entry.pool)) {
        assert_eq!(entry.held, Held::Nobody, "{entry:?}");
        let is_alone = entry.id.is_none() && entry.token.is_none() && entry.waits_in.is_none();
        let is_quiet = entry.watchers.is_empty() && entry.armers.is_empty() && entry.lingering.is_empty();
        assert!(is_alone && is_quiet && entry.offers.is_none(), "{entry:?}");
    }
    let is_strange = |entry: &Entry| entry.watchers.iter().any(|watcher| guests.contains(&watcher.client));
    assert!(!table.entries().any(is_strange), "a ready list of nobody");
    assert!(guests.iter().all(|&guest| table.watches(guest).is_none()), "a ready list of nobody");
    assert_eq!(engine.tokens.len(), 0, "tokens of nobody");
}

fn pass(engine: &mut Engine, now: &mut Instant) {
    for _ in 0..WAITS {
        *now += WAIT;
        engine.timeout(*now);
    }
    engine.network.assert_invariants();
}

/// All their connections are over.
fn check_later(engine: &Engine) {
    let table = engine.table.lock();
    let left: Vec<&Entry> = table.entries().filter(|entry| is_guests(entry.pool)).collect();
    assert!(left.is_empty(), "{left:?}");
    let pools: Vec<PoolId> = table.memory.pools().filter(|&pool| is_guests(pool)).collect();
    assert!(pools.is_empty(), "memory of nobody: {pools:?}");
}
