//! Programs that ask the host process anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sockeye_host::fuzzing::{Control, control};

fuzz_target!(|input: Control| control(&input));
