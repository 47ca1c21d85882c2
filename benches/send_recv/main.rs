//! The kernel's loopback TCP beside ours, embedded and hosted, in one run.
//!
//! Each measure is taken of all stacks in turn, round after round, so that what else the machine does meets them alike. The table has,
//! for each stack, the median of its rounds, the median of its ratios to the kernel *in the same round*, and the lowest of these: ratios
//! carry over to other machines, the absolute figures do not. `SOCKEYE_BENCH_ROUNDS` says how many rounds (default 9; of the second
//! table, which is slow and varies little, at most 3), and `SOCKEYE_BENCH_ROWS` a part of the names of the rows that are wanted.
//!
//! Hosted mode needs the command `sockeye`, and the rows of epoll a C program and the library: `make bench` builds all three and names
//! them in `SOCKEYE_HOST_PROGRAM`, `SOCKEYE_BENCH_EPOLL` and `SOCKEYE_LIBRARY`. A row that cannot be measured says why.
#![allow(missing_docs, clippy::print_stdout, reason = "a program whose output is a table")]

mod epoll;
mod idle;
mod memory;
mod processes;
mod stacks;
mod streams;
mod table;

use table::Columns;

/// Rounds of the second table at most.
const IDLE_ROUNDS: usize = 3;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, what, kind] = &arguments[..]
        && command == idle::COMMAND
    {
        return idle::run(what, kind);
    }
    let rounds = number("SOCKEYE_BENCH_ROUNDS", 9).max(1);
    let mut stacks = stacks::stacks();
    let mut measures = streams::measures();
    measures.extend(epoll::measures());
    let mut idle = idle::measures();
    let wanted = std::env::var("SOCKEYE_BENCH_ROWS").unwrap_or_default();
    [&mut measures, &mut idle]
        .into_iter()
        .for_each(|table| table.retain(|measure| measure.is_named(&wanted)));
    if !measures.is_empty() {
        table::print(measures, &mut stacks, rounds, Columns::WithRatios);
        println!();
    }
    if !idle.is_empty() {
        table::print(idle, &mut stacks, rounds.min(IDLE_ROUNDS), Columns::Plain);
    }
}

/// The number in an environment variable.
fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}
