//! Programs that break every rule hurt only themselves.
//!
//! Each attack has a name and seeds. Beside it two programs that keep to the rules talk over the same host process, whose bytes are compared
//! and whose round trips are measured, and at the same time over the kernel, which shows how busy the machine is. After it the host process
//! sleeps, has no more memory and descriptors than before, and no socket but the two programs'.
//!
//! `SOCKEYE_ATTACK=name SOCKEYE_SEED=n` plays one; `SOCKEYE_SEEDS=n` plays so many seeds of each (`make hostile`).

#[path = "../common/mod.rs"]
mod common;

mod attacks;
mod bystander;
mod crowds;
mod field;
mod holdings;
mod messages;
mod random;
mod wakes;
mod wire;
mod words;

use attacks::{ATTACKS, Attack};
use field::{Field, Found};

/// A number from the environment.
fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")))
}

/// Which seeds of an attack are played.
fn seeds(attack: &Attack) -> Vec<u64> {
    if let Some(seed) = number("SOCKEYE_SEED") {
        return vec![seed];
    }
    // Each run has others; with these it can be had again.
    let first = sockeye_clock::monotonic().as_nanos() / 1000 % 1_000_000_000;
    let count = (number("SOCKEYE_SEEDS").unwrap_or(1) / attack.each).max(1);
    (first..first + count).collect()
}

/// Lines of the table, and what was found.
#[derive(Default)]
struct Result {
    rows: Vec<String>,
    faults: Vec<String>,
    /// Of the last attack, if that has left nothing.
    field: Option<Field>,
}

impl Result {
    #[allow(clippy::print_stdout, reason = "a table that takes an hour is read as it grows")]
    fn play(&mut self, attack: &Attack) {
        let mut all: Vec<Found> = Vec::new();
        for seed in seeds(attack) {
            let mut field = self.field_for(attack, all.is_empty());
            let found = field.play(attack, seed);
            let lines = found.faults.iter();
            let lines = lines.map(|why| format!("SOCKEYE_ATTACK={} SOCKEYE_SEED={seed}: {why}", attack.name));
            self.faults.extend(lines);
            // What it has left is not to be blamed on the next.
            self.field = found.faults.is_empty().then_some(field);
            all.push(found);
        }
        let row = row(attack.name, &all);
        println!("{row}");
        self.rows.push(row);
    }

    /// The field of the last seed, or a new one. What an attack is to leave is what was there before its first seed.
    fn field_for(&mut self, attack: &Attack, is_first: bool) -> Field {
        match self.field.take().filter(|field| field.descriptors == attack.descriptors) {
            Some(mut field) => {
                if is_first {
                    field.remember();
                }
                field
            }
            None => Field::new(attack.descriptors),
        }
    }
}

/// What the seeds of an attack showed, at the worst.
fn row(name: &str, all: &[Found]) -> String {
    let worst = |number: fn(&Found) -> f64| all.iter().map(number).fold(0.0, f64::max);
    let trips: u64 = all.iter().map(|found| found.report.trips).sum();
    let excused: usize = all.iter().map(|found| found.report.excused).sum();
    let last = all.last().map(|found| (found.before, found.after)).unwrap_or_default();
    format!(
        "| {name} | {} | {trips} | {:.1} | {:.1} | {excused} | {:.2} | {} → {} | {} → {} | {} |",
        all.len(),
        worst(|found| found.report.longest),
        worst(|found| found.report.kernel_longest),
        worst(|found| found.idle),
        last.0.memory,
        last.1.memory,
        last.0.descriptors,
        last.1.descriptors,
        if all.iter().all(|found| found.faults.is_empty()) { "ok" } else { "FAILED" },
    )
}

#[test]
fn programs_that_break_the_rules_hurt_only_themselves() {
    let only = std::env::var("SOCKEYE_ATTACK").ok().filter(|name| !name.is_empty());
    let chosen = |attack: &&Attack| only.as_ref().is_none_or(|name| attack.name == name);
    let chosen: Vec<&Attack> = ATTACKS.iter().filter(chosen).collect();
    let names: Vec<_> = ATTACKS.iter().map(|attack| attack.name).collect();
    assert!(!chosen.is_empty(), "no attack has this name; there are {}", names.join(", "));
    println!(
        "| attack | seeds | round trips | longest, ms | kernel's, ms | excused | idle, % | memory, KiB | descriptors | |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut result = Result::default();
    chosen.into_iter().for_each(|attack| result.play(attack));
    assert!(result.faults.is_empty(), "{}\n{}", result.rows.join("\n"), result.faults.join("\n"));
}
