//! Random inputs for the bodies of the fuzz targets, where there is no fuzzer.
//!
//! ```text
//!   libFuzzer:  bytes it has bred  ──▶ Arbitrary ──▶ body      fuzz/, by hand, for hours
//!   here:       random bytes       ──▶ Arbitrary ──▶ body      the tests, for seconds
//! ```
#![forbid(unsafe_code)]

use std::fmt::{Debug, Formatter};
use std::process::abort;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};
use sockeye_clock::monotonic;

/// Names how many seconds each body is tried.
const VARIABLE: &str = "SOCKEYE_FUZZ_SECONDS";
/// How long, if it is not set.
const SECONDS: u64 = 15;
/// Longest input, bytes: that of libFuzzer.
const LONGEST: usize = 4096;
/// Inputs between two looks at the clock.
const CASES: u32 = 8;
/// An input that takes longer never ends.
const FOREVER: Duration = Duration::from_secs(120);
/// How long, and how often at most, a failing input is made smaller.
const SHRINK_MILLIS: u32 = 60_000;
const SHRINKS: u32 = 100_000;

/// An input, and the bytes that it was made of: a file of these is an input of the fuzzer.
#[derive(Clone)]
struct Input<T> {
    bytes: Vec<u8>,
    value: T,
}

impl<T: Debug> Debug for Input<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let hex: String = self.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        write!(f, "{:?}\nof the bytes (xxd -r -p makes them a file for cargo fuzz): {hex}", self.value)
    }
}

/// Tries `body` on random inputs for `SOCKEYE_FUZZ_SECONDS`. An input on which it never ends ends the process.
///
/// # Panics
/// If `body` panics on an input: with the smallest one that was found.
pub fn try_for_a_while<T>(body: fn(&T))
where
    T: for<'a> Arbitrary<'a> + Clone + Debug,
{
    let (progress, watched) = channel();
    let watch = thread::spawn(move || watch(&watched));
    let (start, time) = (monotonic(), time());
    let strategy = proptest::collection::vec(any::<u8>(), 0..LONGEST).prop_filter_map("too short", |bytes| {
        let value = T::arbitrary_take_rest(Unstructured::new(&bytes)).ok()?;
        Some(Input { bytes, value })
    });
    let mut result = Ok(());
    while result.is_ok() && monotonic().since(start) < time {
        let config = Config {
            cases: CASES,
            failure_persistence: None,
            max_shrink_time: SHRINK_MILLIS,
            max_shrink_iters: SHRINKS,
            ..Config::default()
        };
        result = TestRunner::new(config).run(&strategy, |input| {
            // The watch has ended only if this process ends.
            let _ = progress.send(());
            body(&input.value);
            Ok(())
        });
    }
    drop(progress);
    watch.join().expect("it watches until the end");
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, input)) => panic!("{why}\nfor {input:?}"),
        Err(TestError::Abort(why)) => panic!("no inputs: {why}"),
    }
}

fn time() -> Duration {
    let seconds = match std::env::var(VARIABLE) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{VARIABLE} must be a whole number, not `{text}`")),
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
