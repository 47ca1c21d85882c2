//! Packets from the network.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_wire::fuzzing::parse;

fuzz_target!(|input: &[u8]| parse(input));
