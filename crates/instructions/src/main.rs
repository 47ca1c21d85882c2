//! Counts the instructions of works that are always the same, and compares them with the stored figures.
//!
//! `sockeye-instructions FIGURES LIBRARY` counts all works: FIGURES is the file of the stored figures, which `SOCKEYE_BLESS=1` writes
//! anew, and LIBRARY is `libsockeye.so`. `sockeye-instructions WORK` does one work, to be counted.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program whose output is a table")]

mod callgrind;
mod figures;
mod raw;
mod works;

use figures::{Counts, Figures, Row, TOLERANCE, Verdict, compare};
use std::path::Path;
use std::process::{Command, ExitCode};
use works::{TIMES, Work};

const HEADING: &str =
    "# Instructions of each work, by callgrind: SOCKEYE_BLESS=1 make instructions writes them.\n";
/// A count is not as stored.
const DIFFERS: u8 = 1;
/// Nothing could be counted.
const CANNOT: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [work] => work_of(work),
        [figures, library] => measure(Path::new(figures), Path::new(library)),
        _ => Err("usage: sockeye-instructions FIGURES LIBRARY | WORK".into()),
    };
    result.unwrap_or_else(|error| {
        eprintln!("instructions: {error}");
        ExitCode::from(CANNOT)
    })
}

/// Does one work.
fn work_of(name: &str) -> Result<ExitCode, String> {
    let work = Work::of_name(name).ok_or_else(|| format!("no work `{name}`"))?;
    if !raw::has_sockeye() {
        return Err("Sockeye's library is not preloaded".into());
    }
    work.run().map_err(|error| format!("{name}: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Counts all works, prints the table, and judges it or stores it.
fn measure(path: &Path, library: &Path) -> Result<ExitCode, String> {
    if !cfg!(target_arch = "x86_64") {
        println!("instructions: the stored figures are of x86-64: nothing to compare with");
        return Ok(ExitCode::SUCCESS);
    }
    if !callgrind::is_there() {
        return Err("valgrind is missing: apt-get install valgrind".into());
    }
    if !library.exists() {
        return Err(format!("{} is missing: make lib", library.display()));
    }
    let mut counts = Counts::new();
    for work in Work::ALL {
        counts.insert(work.name().to_owned(), count(work, library)?);
    }
    let now = Figures { rustc: rustc()?, counts };
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        return store(path, &now);
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let stored: Figures = toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let rows = compare(&stored.counts, &now.counts);
    print(&rows);
    Ok(judge(&rows, &stored, &now))
}

/// Instructions of a work. The engine of a program has a thread of its own: if valgrind stops that while it runs the engine, it does what the
/// counted thread leaves to it, and that is missing. So of three counts the middle one counts.
fn count(work: Work, library: &Path) -> Result<u64, String> {
    if !work.has_an_engine_thread() {
        return callgrind::count(work, library);
    }
    let mut counts = Vec::new();
    for _ in 0..3 {
        counts.push(callgrind::count(work, library)?);
    }
    counts.sort_unstable();
    Ok(counts[1])
}

fn store(path: &Path, figures: &Figures) -> Result<ExitCode, String> {
    let counts = toml::to_string(figures).map_err(|error| error.to_string())?;
    let text = format!("{HEADING}{counts}");
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
    print(&compare(&figures.counts, &figures.counts));
    println!("stored in {}", path.display());
    Ok(ExitCode::SUCCESS)
}

fn judge(rows: &[Row], stored: &Figures, now: &Figures) -> ExitCode {
    if stored.rustc != now.rustc {
        println!("not judged: the stored figures are of rustc {}, and this is {}", stored.rustc, now.rustc);
        return ExitCode::SUCCESS;
    }
    if rows.iter().all(|row| row.verdict == Verdict::Alike) {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "instructions: not as stored, within {TOLERANCE} %. If that is meant: SOCKEYE_BLESS=1 make instructions"
    );
    ExitCode::from(DIFFERS)
}

fn print(rows: &[Row]) {
    println!(
        "{:<40} {:>12} {:>12} {:>11} {:>8}",
        "instructions", "stored", "measured", "difference", "of one"
    );
    for row in rows {
        let title = Work::of_name(&row.work).map_or(row.work.as_str(), |work| work.title());
        let count = |count: Option<u64>| count.map_or("-".to_owned(), |count| count.to_string());
        let difference = row.difference().map_or("-".to_owned(), |part| format!("{part:+.2} %"));
        let of_one = count(row.measured.map(|count| count / TIMES as u64));
        println!(
            "{title:<40} {:>12} {:>12} {difference:>11} {of_one:>8}  {}",
            count(row.stored),
            count(row.measured),
            row.verdict
        );
    }
}

/// The version of the compiler.
fn rustc() -> Result<String, String> {
    let failed = || "cannot find the version of the compiler: rustc --version".to_owned();
    let output = Command::new("rustc").arg("--version").output().map_err(|_| failed())?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().nth(1).map(str::to_owned).ok_or_else(failed)
}
