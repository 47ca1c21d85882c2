//! Who is looked at in a round, where there are many.
//!
//! A look at the memory of each of thousands of programs takes far longer than to serve one of them. So those that had something to do
//! lately are looked at in each round, and a few of the others in turn: more after a round that took long, for then there are fewer rounds.

use sockeye_clock::Instant;
use std::collections::BTreeMap;

/// Others that are looked at in a round. Where there are no more, all are.
const FEW: usize = 32;
/// One more is looked at for so many nanoseconds since the last round. A look takes some 60, if it is at memory that is not in a cache.
const NANOS_FOR_ONE: u128 = 400;
/// Rounds without anything to do until one counts among the others again. A round takes about a microsecond.
const LATELY: u32 = 10_000;

/// Whose turn it is.
#[derive(Debug, Default)]
pub(crate) struct Rota {
    busy: Vec<Busy>,
    /// From which number on the others are looked at next.
    next: u64,
    /// When the last round was.
    last: Option<Instant>,
}

/// One that had something to do.
#[derive(Debug)]
struct Busy {
    number: u64,
    rounds_since: u32,
}

impl Rota {
    /// Looks at some of `all`: each is looked at within a round for every [`FEW`] of them, or sooner. `look` returns whether it found something to do.
    pub(crate) fn look_at_some<T>(
        &mut self,
        now: Instant,
        all: &BTreeMap<u64, T>,
        mut look: impl FnMut(u64, &T) -> bool,
    ) {
        let nanos = self.last.replace(now).map_or(0, |last| now.since(last).as_nanos());
        if all.len() <= FEW {
            self.busy.clear();
            all.iter().for_each(|(&number, one)| {
                look(number, one);
            });
            return;
        }
        self.busy.retain_mut(|busy| {
            let Some(one) = all.get(&busy.number) else { return false };
            busy.rounds_since = if look(busy.number, one) { 0 } else { busy.rounds_since + 1 };
            busy.rounds_since < LATELY
        });
        let few = FEW + usize::try_from(nanos / NANOS_FOR_ONE).unwrap_or(usize::MAX).min(all.len());
        let mut looked = 0;
        for (&number, one) in all.range(self.next..).take(few) {
            if look(number, one) && !self.is_busy(number) {
                self.busy.push(Busy { number, rounds_since: 0 });
            }
            (looked, self.next) = (looked + 1, number + 1);
        }
        if looked < few {
            self.next = 0;
        }
    }

    /// Whether one of them has something to do: it is looked at next.
    pub(crate) fn turn_to<T>(&mut self, all: &BTreeMap<u64, T>, is_due: impl Fn(&T) -> bool) -> bool {
        let due = all.iter().find(|(_, one)| is_due(one));
        if let Some((&number, _)) = due {
            self.next = number;
        }
        due.is_some()
    }

    fn is_busy(&self, number: u64) -> bool {
        self.busy.iter().any(|busy| busy.number == number)
    }

    /// What many needed goes, if there are few.
    pub(crate) fn give_memory_back(&mut self) {
        self.busy.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests;
