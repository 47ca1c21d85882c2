//! The head of a listener's accept queue, from which programs take connections without asking.
//!
//! The engine *offers* the connections that have waited longest, each in the place of its position in the queue. A program takes one by one
//! exchange of that place's word, which says who took it: so each is taken once, by whichever thread of whichever process that shares the
//! listener, and the engine knows whose it is also if that process was killed at once.
//!
//! ```text
//!   engine    nothing ──offer──▶ OFFERED ──withdraw──▶ nothing        taken ──taken_by──▶ nothing, or the next offer
//!   program                      OFFERED ──take──▶ taken by it
//! ```
//!
//! What is offered is written before the word says so, and a place is offered anew only after the engine has seen that it was taken: whoever
//! reads while that happens takes nothing, for the word is no longer what it was.
//!
//! What happens to a connection is told to who has taken it. The engine publishes what happened, then looks who has taken it; the program
//! takes it, then looks what has happened. With a SeqCst fence between the two steps of each, one of them sees the other.

use core::net::SocketAddr;

use crate::addresses::{self, WORDS};
use crate::sync::{AtomicU64, Ordering, fence};

/// Connections that are offered at once.
#[cfg(not(loom))]
pub const PLACES: u32 = 16;
/// As few as a model can do with.
#[cfg(loom)]
pub const PLACES: u32 = 2;

/// Bits of a claim that hold the position, so that a place that was used again is told from what it was.
const POSITION_BITS: u32 = 24;
const POSITION: u64 = (1 << POSITION_BITS) - 1;
/// Above it: the watch.
const WATCH_BITS: u32 = 16;
/// Above that: the number of the process.
const NUMBER_SHIFT: u32 = POSITION_BITS + WATCH_BITS;
/// The number of nobody, with this watch: the connection can be taken.
const OFFERED: u64 = 1 << POSITION_BITS;

/// Bits that hold the number of a slot in its arena. Above them: the arena's.
const INDEX_BITS: u32 = 16;
/// The largest number of a slot that fits.
pub(crate) const MAX_INDEX: u32 = (1 << INDEX_BITS) - 1;

/// Who takes a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimant {
    number: u32,
    watch: u16,
}

impl Claimant {
    /// Numbers that processes have: from 1 to this.
    pub const MAX_NUMBER: u32 = (1 << (64 - NUMBER_SHIFT)) - 1;

    /// The process of this number, which watches the connection by this watch of its own. `None` if it can have no such number.
    #[must_use]
    pub fn new(number: u32, watch: u16) -> Option<Self> {
        (1..=Self::MAX_NUMBER).contains(&number).then_some(Self { number, watch })
    }

    /// The number of its process.
    #[must_use]
    pub fn number(self) -> u32 {
        self.number
    }

    /// The watch by which it is told of the connection.
    #[must_use]
    pub fn watch(self) -> u16 {
        self.watch
    }

    fn claim(self, position: u32) -> u64 {
        u64::from(self.number) << NUMBER_SHIFT | u64::from(self.watch) << POSITION_BITS | at(position)
    }
}

/// A connection that waits: how a program finds its slot, and who connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The engine's name of it.
    pub tag: u64,
    /// The number of the arena: below 2^48.
    pub arena: u64,
    /// Which slot of that.
    pub index: u32,
    /// Who connected.
    pub peer: SocketAddr,
}

/// What a program finds at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It has taken this.
    Taken(Waiting),
    /// Somebody else has.
    Gone,
    /// Nothing is offered there.
    Nothing,
}

/// The places.
#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
pub struct AcceptQueue {
    places: [Place; PLACES as usize],
}

#[repr(C, align(64))]
#[derive(Debug)]
#[cfg_attr(loom, derive(Default))]
struct Place {
    /// The position, and who has taken what is there: 0 for nothing.
    claim: AtomicU64,
    tag: AtomicU64,
    /// The arena, and the slot in the lower half.
    slot: AtomicU64,
    peer: [AtomicU64; WORDS],
}

impl AcceptQueue {
    fn place(&self, position: u32) -> &Place {
        &self.places[(position % PLACES) as usize]
    }
}

/// The program's side.
impl AcceptQueue {
    /// Takes what is offered at this position. What the caller looks at after that is as new as what it is told of the connection.
    #[must_use]
    pub fn take(&self, position: u32, by: Claimant) -> Found {
        let place = self.place(position);
        let claim = place.claim.load(Ordering::Acquire);
        if claim == 0 || claim & POSITION != at(position) {
            return Found::Nothing;
        }
        if claim != OFFERED | at(position) {
            return Found::Gone;
        }
        let found = place.read();
        let taken = by.claim(position);
        match place.claim.compare_exchange(claim, taken, Ordering::SeqCst, Ordering::Acquire) {
            Ok(_) => {
                fence(Ordering::SeqCst);
                found.map_or(Found::Gone, Found::Taken)
            }
            Err(other) if other & POSITION == at(position) && other != 0 => Found::Gone,
            Err(_) => Found::Nothing,
        }
    }
}

/// The engine's side.
impl AcceptQueue {
    /// Nothing is offered.
    pub fn reset(&self) {
        self.places.iter().for_each(|place| place.claim.store(0, Ordering::Release));
    }

    /// Offers a connection, where nothing is offered, or what was is known to be taken.
    pub fn offer(&self, position: u32, waiting: &Waiting) {
        let place = self.place(position);
        place.write(waiting);
        place.claim.store(OFFERED | at(position), Ordering::SeqCst);
    }

    /// Who has taken what was offered at this position. Looks after what was published before.
    #[must_use]
    pub fn taken_by(&self, position: u32) -> Option<Claimant> {
        fence(Ordering::SeqCst);
        claimant(self.place(position).claim.load(Ordering::SeqCst), position)
    }

    /// Takes an offer back, unless a program was faster: who.
    #[must_use]
    pub fn withdraw(&self, position: u32) -> Option<Claimant> {
        claimant(self.place(position).claim.swap(0, Ordering::SeqCst), position)
    }
}

impl Place {
    fn read(&self) -> Option<Waiting> {
        let slot = self.slot.load(Ordering::Relaxed);
        let words = core::array::from_fn(|word| self.peer[word].load(Ordering::Relaxed));
        let peer = addresses::decode(words)?;
        let tag = self.tag.load(Ordering::Relaxed);
        Some(Waiting { tag, arena: slot >> INDEX_BITS, index: slot as u32 & MAX_INDEX, peer })
    }

    fn write(&self, waiting: &Waiting) {
        let slot = waiting.arena << INDEX_BITS | u64::from(waiting.index & MAX_INDEX);
        self.tag.store(waiting.tag, Ordering::Relaxed);
        self.slot.store(slot, Ordering::Relaxed);
        for (word, value) in self.peer.iter().zip(addresses::encode(waiting.peer)) {
            word.store(value, Ordering::Relaxed);
        }
    }
}

/// Who has taken what is at this position, if that is what a claim says.
fn claimant(claim: u64, position: u32) -> Option<Claimant> {
    let claimant = Claimant::new((claim >> NUMBER_SHIFT) as u32, (claim >> POSITION_BITS) as u16);
    claimant.filter(|_| claim & POSITION == at(position))
}

/// The position as a claim holds it.
fn at(position: u32) -> u64 {
    u64::from(position) & POSITION
}

#[cfg(all(test, not(loom)))]
mod tests;
