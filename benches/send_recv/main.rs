//! The kernel's loopback TCP beside ours, embedded and hosted, in one run.
//!
//! Each measure is taken of all stacks in turn, round after round, so that what else the machine does meets them alike. The table has,
//! for each stack, the median of its rounds, the median of its ratios to the kernel *in the same round*, and the lowest of these: ratios
//! carry over to other machines, the absolute figures do not. `SOCKEYE_BENCH_ROUNDS` says how many rounds (default 9; of the second
//! table, which is slow and varies little, at most 3), and `SOCKEYE_BENCH_ROWS` a part of the names of the rows that are wanted. A
//! mistake in them gets one line and status 2.
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

use std::io::{self, Write};
use std::process::ExitCode;
use table::{Columns, Measure};

/// Rounds of the second table at most.
const IDLE_ROUNDS: usize = 3;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [command, what, kind] = &arguments[..]
        && command == idle::COMMAND
    {
        idle::run(what, kind);
        return ExitCode::SUCCESS;
    }
    match Plan::from_env() {
        Ok(plan) => {
            plan.carry_out();
            ExitCode::SUCCESS
        }
        Err(mistake) => {
            // Nothing is left to be done if even this cannot be reported.
            let _ = writeln!(io::stderr(), "bench: {mistake}");
            ExitCode::from(2)
        }
    }
}

/// The rows that are wanted, and how often.
struct Plan {
    rounds: usize,
    measures: Vec<Measure>,
    /// Of the second table.
    idle: Vec<Measure>,
}

impl Plan {
    /// As `SOCKEYE_BENCH_ROUNDS`, `SOCKEYE_BENCH_ROWS` and `SOCKEYE_BENCH_IDLE` say; one line for what is wrong in them.
    fn from_env() -> Result<Self, String> {
        let rounds = number("SOCKEYE_BENCH_ROUNDS", 9)?;
        let mut measures = streams::measures();
        measures.extend(epoll::measures(number("SOCKEYE_BENCH_IDLE", epoll::IDLE)?));
        let mut idle = idle::measures();
        let wanted = std::env::var("SOCKEYE_BENCH_ROWS").unwrap_or_default();
        let tables = [&measures, &idle].into_iter().flatten();
        let names: Vec<&str> = tables.flat_map(Measure::names).map(str::trim_start).collect();
        if !names.iter().any(|name| name.contains(&wanted)) {
            let names = names.join("; ");
            return Err(format!("SOCKEYE_BENCH_ROWS={wanted}: in no name of a row; the rows are: {names}"));
        }
        [&mut measures, &mut idle]
            .into_iter()
            .for_each(|table| table.retain(|measure| measure.is_named(&wanted)));
        Ok(Self { rounds, measures, idle })
    }

    fn carry_out(self) {
        let mut stacks = stacks::stacks();
        if !self.measures.is_empty() {
            table::print(self.measures, &mut stacks, self.rounds, Columns::WithRatios);
            println!();
        }
        if !self.idle.is_empty() {
            table::print(self.idle, &mut stacks, self.rounds.min(IDLE_ROUNDS), Columns::Plain);
        }
    }
}

/// The number in an environment variable, 1 or more; an empty one counts as not set.
fn number(variable: &str, default: usize) -> Result<usize, String> {
    let text = std::env::var_os(variable).filter(|text| !text.is_empty());
    let Some(text) = text else { return Ok(default) };
    let number = text.to_str().and_then(|text| text.parse().ok()).filter(|&number| number > 0);
    number.ok_or_else(|| format!("{variable}={}: write a whole number, 1 or more", text.display()))
}
