//! Readiness: what epoll sets report is what the kernel's report, and a wait ends when it should.

mod common;

use common::{LIMIT, Running, Stack, World};
use std::time::Duration;

/// Steps of a random program.
const STEPS: &str = "60";

/// A variable of the environment that asks for the long form of a test.
fn asked_for(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(value) => {
            value.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, not {value:?}"))
        }
        Err(_) => default,
    }
}

/// What the random program of this seed prints, whose sets are judged by the ready list (none is in another or in a poll()). `grace` is the time in milliseconds that epoll sets have after each step.
fn program(world: &World, seed: u64, grace: &str) -> String {
    Running::start(world.caller("epoll_random", &[&seed.to_string(), STEPS, grace, "apart"])).finish_well()
}

/// The first line that differs, with the calls before it.
fn difference(found: &str, expected: &str) -> Option<String> {
    let same = found.lines().zip(expected.lines()).take_while(|(found, expected)| found == expected).count();
    let (found, line) = (found.lines().nth(same), expected.lines().nth(same));
    if found == line {
        return None;
    }
    let before: Vec<&str> = expected.lines().take(same).collect();
    let (found, line) = (found.unwrap_or("the end"), line.unwrap_or("the end"));
    Some(format!("{}\n{found}\n  instead of\n{line}", before.join("\n")))
}

#[test]
fn random_programs_see_the_kernels_events() {
    let kernel = World::new(Stack::Kernel);
    let worlds = [Stack::Sockeye, Stack::Embedded].map(|stack| (stack, World::new(stack)));
    let mut differing = Vec::new();
    for seed in 1..=asked_for("SOCKEYE_SEEDS", 12) {
        let expected = program(&kernel, seed, "3");
        assert!(!expected.contains("unsettled"), "the kernel does not settle with seed {seed}:\n{expected}");
        for (stack, world) in &worlds {
            if program(world, seed, "3") == expected {
                continue;
            }
            // On a busy machine a set may be late, which is not asked here: only what a longer time does not mend counts.
            if let Some(difference) = difference(&program(world, seed, "100"), &expected) {
                differing.push(format!("seed {seed} over {stack:?}:\n{difference}"));
            }
        }
    }
    assert!(differing.is_empty(), "{} programs differ\n{}", differing.len(), differing.join("\n\n"));
}

/// Runs the stress of all ways to wait.
fn stress(stack: Stack, options: &[&str]) {
    let seconds = asked_for("SOCKEYE_STRESS_SECONDS", 3);
    let world = World::new(stack);
    let seconds_text = seconds.to_string();
    let mut arguments = options.to_vec();
    arguments.push(&seconds_text);
    let running = Running::start(world.caller("waits", &arguments));
    let ended = running.ends_within(Duration::from_secs(seconds) + LIMIT);
    let status = ended.unwrap_or_else(|| panic!("waits over {stack:?} do not end: {}", running.errors()));
    assert!(status.success(), "waits over {stack:?}: {status}\n{}", running.errors());
}

#[test]
fn no_wait_is_lost() {
    stress(Stack::Sockeye, &[]);
    // Another process does not reach what lives inside of one.
    stress(Stack::Embedded, &["-t"]);
}
