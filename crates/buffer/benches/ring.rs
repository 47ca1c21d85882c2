//! The cost of passing bytes through a ring: one copy in, one copy out.

fn main() {}
