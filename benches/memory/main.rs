//! Memory of a host process and its programs: a table for the limits that the README tells, and whether the bounds hold.
//!
//! `make memory` builds the command `sockeye` and names it in `SOCKEYE_HOST_PROGRAM`. Status 1 if something is out of its bounds.
#![allow(missing_docs, clippy::print_stdout, reason = "a program whose output is a table")]

mod measure;

use measure::{Memory, World};
use std::path::PathBuf;
use std::process::ExitCode;

/// Connections opened and closed, twice: what only grows once has grown after the first of them.
const CLOSED: usize = 100_000;
const IDLE: usize = 10_000;
const ORPHANS: usize = 1_000;
/// The third number of tcp_mem for the orphans' bound, pages: 16 MiB.
const MOST: u64 = 4096;
/// What each connection may hold beyond it: tcp_wmem's first number, and tcp_rmem's at the other end.
const LEAST: u64 = 2 * 4096;

fn main() -> ExitCode {
    let Some(program) = std::env::var_os("SOCKEYE_HOST_PROGRAM").map(PathBuf::from) else {
        println!("memory: SOCKEYE_HOST_PROGRAM does not name the command sockeye: make memory");
        return ExitCode::from(2);
    };
    println!("| what | host process | program | together |\n|---|---|---|---|");
    let mut are_within = true;
    let [fresh, before, after] = World::start(&program, &[]).opened_and_closed(CLOSED);
    line("before the first connection", fresh);
    line(&format!("the most that was left after {CLOSED} connections, opened and closed"), before);
    line(&format!("the least that was left after {CLOSED} more"), after);
    are_within &= after.all() * 100 <= before.all() * 105;
    line(&format!("each of {IDLE} idle connections, both ends"), World::start(&program, &[]).idle(IDLE));
    let (each, usage) = World::start(&program, &[]).orphans(ORPHANS);
    line(
        &format!("each of {ORPHANS} orphans with {} bytes to send", usage.orphaned / usage.orphans.max(1)),
        each,
    );
    let bounded = World::start(&program, &[&format!("tcp_mem={} {} {MOST}", MOST / 2, MOST / 4 * 3)]);
    let (each, usage) = bounded.orphans(ORPHANS);
    let (held, most) = (usage.held, MOST * 4096 + ORPHANS as u64 * LEAST);
    line(&format!("the same with tcp_mem's third number {MOST}: {} are left", usage.orphans), each);
    println!("\nAll queues of these hold {held} bytes; the bound is {most}.");
    are_within &= held <= most;
    ExitCode::from(u8::from(!are_within))
}

fn line(what: &str, memory: Memory) {
    println!("| {what} | {} | {} | {} |", memory.host, memory.program, memory.all());
}
