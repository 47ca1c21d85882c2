//! Ready list, accept queue and token: nobody waits for what is there.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_buffer::fuzzing::{Ready, ready};

fuzz_target!(|input: Ready| ready(&input));
