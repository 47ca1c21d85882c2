//! Random inputs for the bodies of the fuzz targets, where there is no fuzzer.
//!
//! ```text
//!   libFuzzer:  bytes it has bred  ──▶ Arbitrary ──▶ body      fuzz/, by hand, for hours
//!   here:       random bytes       ──▶ Arbitrary ──▶ body      the tests, for seconds
//! ```
#![forbid(unsafe_code)]

mod script;

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::abort;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sockeye_clock::{Instant, monotonic};

pub use script::{Number, steps};

/// Names how many seconds each body is tried.
const VARIABLE: &str = "SOCKEYE_FUZZ_SECONDS";
/// How long, if it is not set.
const SECONDS: u64 = 15;
/// Longest input, bytes: that of libFuzzer.
const LONGEST: usize = 4096;
/// An input that takes longer never ends.
const FOREVER: Duration = Duration::from_secs(120);
/// How long a failing input is made smaller.
const SHRINKING: Duration = Duration::from_secs(60);

/// What a body plays.
pub trait Input: for<'a> Arbitrary<'a> + Clone + Debug {
    /// Of how many steps it consists.
    fn len(&self) -> usize;

    /// Whether there is no step.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Leaves out a step.
    fn remove(&mut self, at: usize);
}

impl<T: for<'a> Arbitrary<'a> + Clone + Debug> Input for Vec<T> {
    fn len(&self) -> usize {
        Self::len(self)
    }

    fn remove(&mut self, at: usize) {
        Self::remove(self, at);
    }
}

/// Tries `body` on random inputs for `SOCKEYE_FUZZ_SECONDS`. An input on which it never ends ends the process.
///
/// # Panics
/// If `body` panics on an input: with the fewest steps of it that were found to do the same.
pub fn try_for_a_while<T: Input>(body: fn(&T)) {
    let (progress, watched) = channel();
    let watch = thread::spawn(move || watch(&watched));
    let try_it = |input: &T| {
        // The watch has ended only if this process ends.
        let _ = progress.send(());
        catch_unwind(AssertUnwindSafe(|| body(input))).is_ok()
    };
    let (start, time) = (monotonic(), time());
    let mut random = StdRng::seed_from_u64(start.as_nanos());
    let mut failed = None;
    while failed.is_none() && monotonic().since(start) < time {
        failed = random_input(&mut random).filter(|input| !try_it(input));
    }
    let failed = failed.map(|input| smaller(input, monotonic(), |input| !try_it(input)));
    drop(progress);
    watch.join().expect("it watches until the end");
    if let Some(input) = failed {
        body(&input);
        panic!("fails now and then, for {input:?}");
    }
}

fn random_input<T: Input>(random: &mut StdRng) -> Option<T> {
    let mut bytes = vec![0; random.random_range(0..LONGEST)];
    random.fill(&mut bytes[..]);
    T::arbitrary_take_rest(Unstructured::new(&bytes)).ok()
}

/// As few steps of `input` as `fails` needs, as far as they are found in time. Prints them.
#[allow(clippy::print_stderr, reason = "a test that fails says why")]
fn smaller<T: Input>(mut input: T, start: Instant, fails: impl Fn(&T) -> bool) -> T {
    let mut before = usize::MAX;
    while input.len() < before && monotonic().since(start) < SHRINKING {
        before = input.len();
        for at in (0..before).rev() {
            let mut less = input.clone();
            less.remove(at);
            if fails(&less) {
                input = less;
            }
        }
    }
    eprintln!("it fails for {input:?}");
    input
}

fn time() -> Duration {
    let seconds = match std::env::var(VARIABLE) {
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("{VARIABLE} must be a whole number, not `{text}`"))
        }
        Err(_) => SECONDS,
    };
    Duration::from_secs(seconds)
}

/// Ends the process when there is no progress.
#[allow(clippy::print_stderr, reason = "a test that never ends says why it was ended")]
fn watch(progress: &Receiver<()>) {
    loop {
        match progress.recv_timeout(FOREVER) {
            Ok(()) => {}
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {
                eprintln!("a body has not ended for {FOREVER:?}");
                abort();
            }
        }
    }
}

#[cfg(test)]
mod tests;
