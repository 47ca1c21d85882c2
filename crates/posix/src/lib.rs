//! What C programs and the stack call the same things: errno numbers, socket addresses, options, as Linux numbers and lays them out.
//!
//! Nothing here reads a caller's memory: bytes come in and go out, and whoever has pointers turns them into slices.
#![forbid(unsafe_code)]

pub mod address;
pub mod control;
pub mod errno;
pub mod kept;
pub mod options;
pub mod report;

pub use errno::Errno;
