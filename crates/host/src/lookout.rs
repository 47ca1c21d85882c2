//! Looking for a while before sleeping: a wake-up often takes longer than what is waited for.

use crate::yielding::let_run;
use sockeye_clock::monotonic;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long to look without letting others run: as long as somebody takes who runs on another processor.
const STARE: Duration = Duration::from_micros(3);
/// Times that a lookout does without once it was in vain: there may be no other processor for whom it waits for.
const DISCOURAGED: u32 = 64;

/// Who looks for something, again and again.
#[derive(Debug, Default)]
pub struct Lookout {
    /// Times to come that it lets others run from the start.
    discouraged: AtomicU32,
}

impl Lookout {
    /// Looks until `is_there`, for `patience` at most. Others may run meanwhile, but for the first microseconds if that has not been in vain
    /// lately. Whether it is there.
    pub fn look(&self, patience: Duration, is_there: impl Fn() -> bool) -> bool {
        if is_there() {
            return true;
        }
        let start = monotonic();
        let discouraged = self.discouraged.load(Ordering::Relaxed);
        if discouraged == 0 {
            while monotonic().since(start) < STARE {
                spin_loop();
                if is_there() {
                    return true;
                }
            }
        }
        self.discouraged.store(discouraged.checked_sub(1).unwrap_or(DISCOURAGED), Ordering::Relaxed);
        let mut now = monotonic();
        while now.since(start) < patience && let_run() {
            if is_there() {
                return true;
            }
            now = monotonic();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn discouraged(lookout: &Lookout) -> u32 {
        lookout.discouraged.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_there_at_once_changes_nothing() {
        let lookout = Lookout::default();
        let looks = Cell::new(0);
        let is_there = || {
            looks.set(looks.get() + 1);
            looks.get() % 2 == 0
        };
        assert!(lookout.look(Duration::from_secs(1), || true));
        // The clock may stand still for longer than the lookout stares: then it is there all the same.
        assert!(lookout.look(Duration::from_secs(1), is_there));
        assert!(matches!(discouraged(&lookout), 0 | DISCOURAGED));
    }

    #[test]
    fn what_was_in_vain_is_not_tried_for_a_while() {
        let lookout = Lookout::default();
        assert!(!lookout.look(Duration::ZERO, || false));
        for left in (0..DISCOURAGED).rev() {
            assert_eq!(discouraged(&lookout), left + 1);
            assert!(!lookout.look(Duration::ZERO, || false));
        }
        assert_eq!(discouraged(&lookout), 0);
        assert!(!lookout.look(Duration::ZERO, || false));
        assert_eq!(discouraged(&lookout), DISCOURAGED);
    }
}
