//! A hierarchical timer wheel.
//!
//! ```text
//! level 0: 64 slots of 1 tick        |now ....|....|....
//! level 1: 64 slots of 64 ticks           |now ........|........|
//! level 2: 64 slots of 4096 ticks     |now ..............................|
//! ```
//!
//! An entry lies in the level of the highest digit (base 64) in which its tick differs from the present one. So every entry of a
//! level is due before every entry of the levels above, and the next one is in the first occupied slot of the lowest level
//! that holds any. Entries are not removed: who sets a timer remembers its deadline and ignores older ones. Each time a slot has become
//! twice as long, those that do not count any more go.

use sockeye_clock::Instant;

/// log2 of the nanoseconds of a tick: about a millisecond.
const TICK_ORDER: u32 = 20;
/// log2 of the slots of a level.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
/// Entries of a slot that are not looked through.
const FEW: usize = 64;
/// Enough for every instant.
const LEVELS: usize = 8;

/// Entries of type `T`, each with a deadline.
#[derive(Debug)]
pub(crate) struct Wheel<T> {
    levels: Vec<Level<T>>,
    /// The present tick; no entry lies in an earlier slot.
    tick: u64,
}

#[derive(Debug)]
struct Level<T> {
    /// Bit n: slot n holds entries.
    occupied: u64,
    slots: Vec<Slot<T>>,
}

#[derive(Debug)]
struct Slot<T> {
    /// The least deadline in `entries`.
    earliest: Instant,
    entries: Vec<(Instant, T)>,
    /// With more entries it is looked through.
    most: usize,
}

impl<T> Wheel<T> {
    pub(crate) fn new(now: Instant) -> Self {
        let slot = || Slot { earliest: Instant::MAX, entries: Vec::new(), most: FEW };
        let level = || Level { occupied: 0, slots: (0..SLOTS).map(|_| slot()).collect() };
        Self { levels: (0..LEVELS).map(|_| level()).collect(), tick: tick_of(now) }
    }

    /// Adds an entry. `counts` says which entries still do.
    pub(crate) fn insert(&mut self, deadline: Instant, entry: T, counts: impl Fn(Instant, &T) -> bool) {
        let slot = self.push(deadline, entry);
        if slot.entries.len() > slot.most {
            slot.entries.retain(|(deadline, entry)| counts(*deadline, entry));
            slot.earliest = slot.entries.iter().map(|(deadline, _)| *deadline).min().unwrap_or(Instant::MAX);
            slot.most = (2 * slot.entries.len()).max(FEW);
            slot.entries.shrink_to(slot.most);
        }
    }

    /// Entries that there are, whether they count or not.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.levels.iter().flat_map(|level| &level.slots).map(|slot| slot.entries.len()).sum()
    }

    fn push(&mut self, deadline: Instant, entry: T) -> &mut Slot<T> {
        let tick = tick_of(deadline).max(self.tick);
        let level = match tick ^ self.tick {
            0 => 0,
            differing => (differing.ilog2() / DIGIT) as usize,
        };
        let index = digit(tick, level);
        let level = &mut self.levels[level];
        level.occupied |= 1 << index;
        let slot = &mut level.slots[index];
        slot.earliest = slot.earliest.min(deadline);
        slot.entries.push((deadline, entry));
        slot
    }

    /// The least deadline.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        let level = self.levels.iter().find(|level| level.occupied != 0)?;
        Some(level.slots[level.occupied.trailing_zeros() as usize].earliest)
    }

    /// Moves to `now`, and moves what is due by then to `due`.
    pub(crate) fn advance(&mut self, now: Instant, due: &mut Vec<(Instant, T)>) {
        let target = tick_of(now).max(self.tick);
        while let Some(depth) = self.levels.iter().position(|level| level.occupied != 0) {
            let level = &mut self.levels[depth];
            let index = level.occupied.trailing_zeros() as usize;
            let start = start_of(self.tick, depth, index).max(self.tick);
            if start > target {
                break;
            }
            level.occupied &= !(1 << index);
            let slot = &mut level.slots[index];
            (slot.earliest, slot.most) = (Instant::MAX, FEW);
            let entries = std::mem::take(&mut slot.entries);
            self.tick = start;
            let mut is_waiting = false;
            for (deadline, entry) in entries {
                if deadline <= now {
                    due.push((deadline, entry));
                } else {
                    is_waiting |= depth == 0;
                    self.push(deadline, entry);
                }
            }
            // What waits in the present tick is not due before the clock moves on.
            if is_waiting {
                break;
            }
        }
        self.tick = target;
    }
}

fn tick_of(instant: Instant) -> u64 {
    instant.as_nanos() >> TICK_ORDER
}

fn digit(tick: u64, level: usize) -> usize {
    (tick >> (DIGIT * level as u32)) as usize % SLOTS
}

/// The first tick of a slot of the present turn of a level.
fn start_of(tick: u64, level: usize, index: usize) -> u64 {
    let shift = DIGIT * level as u32;
    let above = tick >> (shift + DIGIT) << (shift + DIGIT);
    above | (index as u64) << shift
}

#[cfg(test)]
mod tests;
