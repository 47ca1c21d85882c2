//! What connections cost a host process, and that the bounds hold: `make memory` in small.
#![allow(missing_docs)]

#[path = "../../../benches/memory/measure.rs"]
mod measure;

use measure::World;
use std::path::Path;
use std::process::Command;

/// tcp_wmem's first number, and tcp_rmem's at the other end.
const LEAST: u64 = 2 * 4096;

fn world(settings: &[&str]) -> World {
    World::start(Path::new(env!("CARGO_BIN_EXE_sockeye")), settings)
}

fn netstat(world: &World) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    let output = command.args(["netstat", "--memory", "--socket"]).arg(world.socket()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn memory_of_closed_connections_comes_back() {
    let [_, before, after] = world(&[]).opened_and_closed(6000);
    assert!(after.all() * 100 <= before.all() * 105, "{before:?}, then {after:?}");
}

#[test]
fn idle_connections_are_cheap() {
    let each = world(&[]).idle(1000);
    assert!(each.all() < 24 << 10, "{each:?}");
}

/// With a bound, and without.
#[test]
fn orphans_are_bounded_in_bytes() {
    const ORPHANS: usize = 100;
    let free = world(&[]);
    let (_, usage) = free.orphans(ORPHANS);
    assert!(usage.orphans == ORPHANS as u64 && usage.orphaned > ORPHANS as u64 * 65_536, "{usage:?}");
    let bounded = world(&["tcp_mem=100 150 200"]);
    assert!(netstat(&bounded).starts_with("TCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nBytes: queued 0 "));
    let (_, usage) = bounded.orphans(ORPHANS);
    assert!(usage.held <= 200 * 4096 + ORPHANS as u64 * LEAST, "{usage:?}");
    assert!(usage.held > 150 * 4096, "{usage:?}: the bound is used");
    let text = netstat(&bounded);
    assert!(
        text.contains("TCPMemoryPressures 1 ") && text.ends_with('\n') && text.lines().count() == 3,
        "{text}"
    );
}

/// The default is computed from the machine's memory.
#[test]
fn the_default_is_the_machines() {
    let world = world(&[]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    let output = command.args(["sysctl", "-n", "tcp_mem", "--socket"]).arg(world.socket()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<u64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    assert!(numbers.is_sorted() && numbers.len() == 3 && numbers[1] >= 128, "{text}");
    assert!(numbers[0] == numbers[1] / 4 * 3 && numbers[2] == 2 * numbers[0], "{text}");
}
