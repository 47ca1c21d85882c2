//! Measures of all stacks in turn, round after round, and a line for each.

use crate::stacks::{Kind, Stack};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Outcome of a round of one stack: a value for each row, of which less is better.
pub(crate) type Round = Result<Vec<f64>, Missing>;

/// Rows that are measured together.
pub(crate) struct Measure {
    pub(crate) rows: Vec<Row>,
    pub(crate) of: Box<dyn FnMut(&mut Stack) -> Round>,
}

impl Measure {
    /// Whether the name of one of its rows has this text.
    pub(crate) fn is_named(&self, text: &str) -> bool {
        self.rows.iter().any(|row| row.name.contains(text))
    }

    /// The names of its rows.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.name.as_str())
    }

    /// A measure of one row, which can be taken of each stack.
    pub(crate) fn one(name: &str, unit: Unit, of: impl Fn(&mut Stack) -> f64 + 'static) -> Self {
        Self { rows: vec![Row::new(name, unit)], of: Box::new(move |stack| Ok(vec![of(stack)])) }
    }
}

pub(crate) struct Row {
    name: String,
    unit: Unit,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, unit: Unit) -> Self {
        Self { name: name.into(), unit }
    }
}

/// The reason why there is no value.
#[derive(Clone)]
pub(crate) enum Missing {
    /// The stack has no such thing.
    NotApplicable,
    /// It could not be measured.
    Because(String),
}

#[derive(Clone, Copy)]
pub(crate) enum Unit {
    /// The value is nanoseconds.
    Micros,
    /// The value is nanoseconds.
    Millis,
    /// Bytes a second: the value is the nanoseconds of a byte.
    Rate,
    /// Number a second: the value is the nanoseconds of one.
    PerSecond,
    /// The value is bytes.
    Bytes,
    /// The value is a ratio to another measure of the same stack.
    Times,
}

impl Unit {
    fn show(self, value: f64) -> String {
        match self {
            Self::Micros => format!("{:.2} us", value / 1e3),
            Self::Millis => format!("{:.2} ms", value / 1e6),
            Self::Rate => format!("{:.2} GB/s", 1.0 / value),
            Self::PerSecond => format!("{:.0} /s", 1e9 / value),
            Self::Bytes => format!("{value:.0} B"),
            Self::Times => format!("{value:.2} x"),
        }
    }
}

/// The columns of a table.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// Each of our stacks has its ratio to the kernel, above 1 if it is better: the median, and the lowest of all rounds.
    WithRatios,
    Plain,
}

/// Prints the table of these measures.
pub(crate) fn print(measures: Vec<Measure>, stacks: &mut [Stack], rounds: usize, columns: Columns) {
    print!("{:<NAME$}", format!("median of {rounds} rounds"));
    for stack in &*stacks {
        print!(" {:>12}", stack.kind.name());
        if has_ratio(stack, columns) {
            print!(" {:>9} {:>7}", "to kernel", "lowest");
        }
    }
    println!();
    for mut measure in measures {
        let taken = take(&mut measure, stacks, rounds);
        for (index, row) in measure.rows.iter().enumerate() {
            line(row, index, stacks, &taken, columns);
        }
        notes(stacks, &taken, rounds);
    }
}

/// The width of the column of names.
const NAME: usize = 40;

/// All rounds of a measure, for each stack.
fn take(measure: &mut Measure, stacks: &mut [Stack], rounds: usize) -> Vec<Vec<Round>> {
    let mut taken = vec![Vec::new(); stacks.len()];
    for _ in 0..rounds {
        for (stack, taken) in stacks.iter_mut().zip(&mut taken) {
            let caught = catch_unwind(AssertUnwindSafe(|| (measure.of)(stack)));
            taken.push(caught.unwrap_or_else(|_| Err(Missing::Because("a panic, told above".into()))));
        }
    }
    taken
}

/// Prints one line of the table: each stack's median, and its ratios.
fn line(row: &Row, index: usize, stacks: &[Stack], taken: &[Vec<Round>], columns: Columns) {
    let values = |rounds: &Vec<Round>| -> Vec<Option<f64>> {
        rounds.iter().map(|round| round.as_ref().ok().map(|values| values[index])).collect()
    };
    let kernel = values(&taken[0]);
    print!("{:<NAME$}", row.name);
    for (stack, rounds) in stacks.iter().zip(taken) {
        let ours = values(rounds);
        let middle = median(ours.iter().copied().flatten().collect());
        print!(" {:>12}", middle.map_or("-".into(), |value| row.unit.show(value)));
        if has_ratio(stack, columns) {
            let ratios: Vec<f64> = match row.unit {
                Unit::Times => Vec::new(),
                Unit::Micros | Unit::Millis | Unit::Rate | Unit::PerSecond | Unit::Bytes => kernel
                    .iter()
                    .zip(&ours)
                    .filter_map(|(kernel, ours)| Some((*kernel)? / (*ours)?))
                    .collect(),
            };
            let show = |ratio: Option<f64>| ratio.map_or("-".into(), |ratio| format!("{ratio:.2} x"));
            let lowest = ratios.iter().copied().min_by(f64::total_cmp);
            print!(" {:>9} {:>7}", show(median(ratios)), show(lowest));
        }
    }
    println!();
}

/// Prints the reasons of missing values, under their rows.
fn notes(stacks: &[Stack], taken: &[Vec<Round>], rounds: usize) {
    for (stack, taken) in stacks.iter().zip(taken) {
        let mut reasons = taken.iter().filter_map(|round| match round {
            Err(Missing::Because(reason)) => Some(reason),
            Err(Missing::NotApplicable) | Ok(_) => None,
        });
        let count = reasons.clone().count();
        if let Some(reason) = reasons.next_back() {
            println!("  {}, {count} of {rounds} rounds not measured: {reason}", stack.kind.name());
        }
    }
}

fn has_ratio(stack: &Stack, columns: Columns) -> bool {
    columns == Columns::WithRatios && stack.kind != Kind::Kernel
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
