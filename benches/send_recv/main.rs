//! The kernel's loopback TCP beside ours, embedded and hosted, in one run.
//!
//! Each measure is taken of all stacks in turn, round after round, so that what else the machine does meets them alike. What is told of
//! a stack is the median of its rounds, and the median of its ratios to the kernel *in the same round*: these carry over to other
//! machines, the absolute figures do not. `SOCKEYE_BENCH_ROUNDS` says how many rounds (default 9).
//!
//! Hosted mode needs the command `sockeye`: `make bench` builds it and names it in `SOCKEYE_HOST_PROGRAM`.
#![allow(missing_docs, clippy::print_stdout, reason = "a program whose output is a table")]

mod stacks;
mod streams;
mod table;

fn main() {
    let told = std::env::var("SOCKEYE_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds = told.unwrap_or(9usize).max(1);
    let mut stacks = stacks::stacks();
    print!("{:<28}", format!("median of {rounds} rounds"));
    for (index, (name, _)) in stacks.iter().enumerate() {
        print!(" {name:>12}{}", if index > 0 { " to kernel" } else { "" });
    }
    println!();
    streams::measures().iter().for_each(|measure| table::line(measure, &mut stacks, rounds));
}
