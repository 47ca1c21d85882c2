//! Programs that write anything where they can write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_host::fuzzing::{Words, words};

fuzz_target!(|input: Words| words(&input));
