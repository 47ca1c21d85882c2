//! The functions of the C library that ours stand before.

mod raw;

pub use raw::*;
