//! The least round trip of the last minutes: the three best samples of a window, as Kathleen Nichols' filter has it.

use core::time::Duration;
use sockeye_clock::Instant;

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: Instant,
    rtt: Duration,
}

impl Sample {
    /// Nanoseconds since it was taken.
    const fn age(&self, now: Instant) -> u64 {
        now.as_nanos().saturating_sub(self.at.as_nanos())
    }
}

/// The filter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MinRtt {
    /// Length of the window (tcp_min_rtt_wlen), nanoseconds.
    window: u64,
    /// The best, the best since it, and the best since that.
    best: Option<[Sample; 3]>,
}

impl MinRtt {
    pub(crate) fn new(window: Duration) -> Self {
        Self { window: u64::try_from(window.as_nanos()).unwrap_or(u64::MAX), best: None }
    }

    pub(crate) fn get(&self) -> Option<Duration> {
        self.best.as_ref().map(|best| best[0].rtt)
    }

    pub(crate) fn on_sample(&mut self, now: Instant, rtt: Duration) {
        let new = Sample { at: now, rtt };
        let Some(best) = &mut self.best else {
            self.best = Some([new; 3]);
            return;
        };
        if rtt > best[2].rtt && best[0].age(now) <= self.window / 4 {
            // No better than what there is, and nothing of that is old.
            return;
        }
        if rtt <= best[0].rtt || best[2].age(now) > self.window {
            *best = [new; 3];
            return;
        }
        if rtt <= best[1].rtt {
            (best[1], best[2]) = (new, new);
        } else if rtt <= best[2].rtt {
            best[2] = new;
        }
        age(best, new, self.window);
    }
}

/// What is too old gives way to the next best; the others are taken from different parts of the window.
fn age(best: &mut [Sample; 3], new: Sample, window: u64) {
    let age = best[0].age(new.at);
    if age > window {
        *best = [best[1], best[2], new];
        if best[0].age(new.at) > window {
            *best = [best[1], best[2], new];
        }
    } else if best[1].at == best[0].at && age > window / 4 {
        (best[1], best[2]) = (new, new);
    } else if best[2].at == best[1].at && age > window / 2 {
        best[2] = new;
    }
}

#[cfg(test)]
mod tests {
    use super::MinRtt;
    use core::time::Duration;
    use sockeye_clock::Instant;

    fn after(samples: &[(u64, u64)]) -> Option<Duration> {
        let mut least = MinRtt::new(Duration::from_secs(8));
        for &(second, millis) in samples {
            least.on_sample(Instant::from_millis(second * 1000), Duration::from_millis(millis));
        }
        least.get()
    }

    /// The best sample counts for a window, however many worse ones follow it; then the best of those counts.
    #[test]
    fn the_least_is_forgotten_after_a_window() {
        let least = Some(Duration::from_millis(10));
        assert_eq!(after(&[(0, 10), (1, 30), (2, 40), (3, 20), (5, 30), (8, 50)]), least);
        assert_eq!(after(&[(0, 10), (1, 30), (3, 20), (5, 30), (9, 50)]), Some(Duration::from_millis(20)));
        assert_eq!(after(&[(0, 10), (20, 50)]), Some(Duration::from_millis(50)));
        assert_eq!(after(&[(0, 20), (1, 10)]), least);
    }
}
