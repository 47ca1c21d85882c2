//! SendQ and RecvQ, whoever scribbles over their words.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_buffer::fuzzing::{Rings, rings};

fuzz_target!(|input: Rings| rings(&input));
