//! Letting others run, unless that takes long.
//!
//! Who looks for something awake lets others run meanwhile: it is one of them that brings what is looked for. Beside a thread that is busy all
//! the time, `sched_yield()` returns after a whole time slice of that one, milliseconds, while who sleeps is woken at once; and sometimes much
//! later: where busy threads have another weight than their neighbours in a group of the scheduler, Linux 6.18 has let a process that yields wait
//! for seconds. So it is not tried again for a while, and for twice as long each time that it has soon been in vain. One thread finds that
//! out for all of the process: each by itself would wait as often as there are threads.

use sockeye_clock::{Instant, monotonic};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::yield_now;
use std::time::Duration;

/// Who lets others run for so long has let a busy one run: a sleeper would have been woken sooner.
const LONG: Duration = Duration::from_millis(1);
/// So many times as long as it took it is not tried again.
const TIMES: u32 = 4;
/// But no longer than this.
const MOST: Duration = Duration::from_secs(4);

/// Lets others run. `false` if that is not to be done now: somebody busy would take long, and who sleeps is woken sooner.
pub fn let_run() -> bool {
    static YIELDING: Yielding = Yielding::new();
    YIELDING.try_at(monotonic(), || {
        yield_now();
        monotonic()
    })
}

/// What a process knows of how long it takes to let others run. Times and durations are nanoseconds.
#[derive(Debug)]
struct Yielding {
    /// Not to be tried before, and then by one thread first; 0 while it does not take long.
    not_before: AtomicU64,
    /// When it was to be tried again after it had taken long, and for how long it was not.
    resumed: AtomicU64,
    spared: AtomicU64,
}

impl Yielding {
    const fn new() -> Self {
        Self { not_before: AtomicU64::new(0), resumed: AtomicU64::new(0), spared: AtomicU64::new(0) }
    }

    /// Lets others run by `give_way`, which returns when it ended, unless that takes long. Whether it was done.
    fn try_at(&self, now: Instant, give_way: impl FnOnce() -> Instant) -> bool {
        let known = self.not_before.load(Ordering::Relaxed);
        // Others wait for what the first one finds.
        let trial = if known == 0 { 0 } else { (now + LONG * TIMES).as_nanos() };
        if known != 0 && (now.as_nanos() < known || !self.change(known, trial)) {
            return false;
        }
        let end = give_way();
        let took = end.since(now);
        if took > LONG {
            self.spare(trial, took, end);
        } else if trial != 0 {
            self.change(trial, 0);
        }
        true
    }

    /// Has nobody try it for a while, unless another thread has found the same meanwhile.
    fn spare(&self, known: u64, took: Duration, end: Instant) {
        let spared = self.spared.load(Ordering::Relaxed);
        let was_well_for = end.as_nanos().saturating_sub(self.resumed.load(Ordering::Relaxed));
        let again = if was_well_for < spared { Duration::from_nanos(2 * spared) } else { Duration::ZERO };
        let spare = again.max(took * TIMES).min(MOST);
        let resume = (end + spare).as_nanos();
        if self.change(known, resume) {
            self.resumed.store(resume, Ordering::Relaxed);
            self.spared.store(spare.as_nanos() as u64, Ordering::Relaxed);
        }
    }

    /// Whether nobody has changed what was known.
    fn change(&self, known: u64, to: u64) -> bool {
        self.not_before.compare_exchange(known, to, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_millis(1000 + millis)
    }

    fn is_spared(yielding: &Yielding, millis: u64) -> bool {
        !yielding.try_at(at(millis), || panic!("tried at {millis} ms"))
    }

    #[test]
    fn while_it_takes_no_time_it_is_always_done() {
        let yielding = Yielding::new();
        assert!([0, 0, 1].iter().all(|&millis| yielding.try_at(at(millis), || at(millis))));
    }

    #[test]
    fn after_a_long_time_it_is_spared_for_all_threads() {
        let yielding = Yielding::new();
        assert!(yielding.try_at(at(0), || at(4)));
        assert!([4, 5, 19].iter().all(|&millis| is_spared(&yielding, millis)));
        assert!(yielding.try_at(at(20), || at(20)));
        assert!(yielding.try_at(at(20), || at(20)), "it took no time");
    }

    #[test]
    fn one_thread_tries_again_for_all() {
        let yielding = Yielding::new();
        assert!(yielding.try_at(at(0), || at(2)));
        assert!(yielding.try_at(at(10), || {
            assert!(is_spared(&yielding, 11));
            at(13)
        }));
        assert!(is_spared(&yielding, 13));
    }

    #[test]
    fn it_is_spared_twice_as_long_after_it_was_soon_in_vain_again() {
        let yielding = Yielding::new();
        let mut now = 0;
        for spared in [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4000, 4000] {
            assert!(yielding.try_at(at(now), || at(now)));
            assert!(yielding.try_at(at(now), || at(now + 2)));
            now += 2 + spared;
            assert!(is_spared(&yielding, now - 1), "for {spared} ms");
        }
        // As long well as it was spared.
        now += 4000;
        assert!(yielding.try_at(at(now), || at(now)));
        assert!(yielding.try_at(at(now), || at(now + 2)));
        assert!(yielding.try_at(at(now + 10), || at(now + 10)));
    }

    #[test]
    fn threads_that_have_waited_together_count_once() {
        let yielding = Yielding::new();
        assert!(yielding.try_at(at(0), || {
            assert!(yielding.try_at(at(0), || at(2)));
            at(4)
        }));
        assert!(yielding.try_at(at(10), || at(10)));
    }
}
