//! docs/rfc9293.md: for each label of RFC 9293, appendix B, the code that cites it, the tests that name it, or that
//! docs/exceptions.md says why not. `SOCKEYE_BLESS=1 cargo test -p sockeye-sim --test rfc9293` writes it anew.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

/// A row of the RFC's table.
#[derive(Debug)]
struct Requirement {
    label: String,
    level: String,
    group: String,
    text: String,
}

/// Where labels are named.
#[derive(Debug, Default)]
struct Named {
    code: BTreeMap<String, BTreeSet<String>>,
    tests: BTreeMap<String, BTreeSet<String>>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fields of a line of CSV, in which a quote within quotes is doubled.
fn fields(line: &str) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut is_quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.next_if_eq(&'"').is_some() => fields.last_mut().unwrap().push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => fields.push(String::new()),
            _ => fields.last_mut().unwrap().push(c),
        }
    }
    fields
}

fn requirements() -> Vec<Requirement> {
    let table = read(&root().join("docs/rfc9293-requirements.csv"));
    let rows = table.lines().skip(1).map(fields);
    rows.map(|row| {
        let [label, level, group, text] = <[String; 4]>::try_from(row).expect("four fields");
        Requirement { label, level, group, text }
    })
    .collect()
}

/// `MUST-20 (R1), SHLD-10` and `MUST-51, 52`: labels, or numbers after the last label's word.
fn labels_of_cell(cell: &str) -> Vec<String> {
    let mut word = "";
    let mut labels = Vec::new();
    for part in cell.split([',', ' ']).filter(|part| !part.is_empty()) {
        let (prefix, number) = part.split_once('-').unwrap_or((word, part));
        if !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && !prefix.is_empty() {
            word = prefix;
            labels.push(format!("{prefix}-{number}"));
        }
    }
    labels
}

fn exceptions() -> BTreeSet<String> {
    let table = read(&root().join("docs/exceptions.md"));
    let cells =
        table.lines().filter_map(|line| line.strip_prefix("| ")?.split('|').next().map(str::to_owned));
    cells.flat_map(|cell| labels_of_cell(&cell)).collect()
}

/// Labels as comments write them (MUST-5) and as names of functions do (must_5_14_…).
fn labels_in(line: &str) -> Vec<String> {
    let mut labels = Vec::new();
    for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')) {
        if let Some((prefix, number)) = word.split_once('-')
            && ["MUST", "SHLD", "MAY", "REC"].contains(&prefix)
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            labels.push(word.to_owned());
        }
    }
    if let Some(name) = name_of(line) {
        let mut prefix = "";
        for part in name.split('_') {
            if ["must", "shld", "may", "rec"].contains(&part) {
                prefix = part;
            } else if !prefix.is_empty() && part.parse::<u32>().is_ok() {
                labels.push(format!("{}-{part}", prefix.to_uppercase()));
            } else {
                break;
            }
        }
    }
    labels
}

/// The name of the function that this line defines.
fn name_of(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let rest = line.strip_prefix("fn ").or_else(|| line.strip_prefix("pub fn "))?;
    rest.split(['(', '<']).next()
}

/// From the comment over a test to its closing brace.
fn tests_of(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut tests = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.trim() == "#[test]") {
        let end_line = format!("{}}}", &line[..line.len() - line.trim_start().len()]);
        let is_over =
            |line: &&str| ["///", "//", "#["].iter().any(|start| line.trim_start().starts_with(start));
        let start = at - lines[..at].iter().rev().take_while(|line| is_over(line)).count();
        let end = lines[at..].iter().position(|line| *line == end_line).map_or(lines.len(), |len| at + len);
        let Some(name) = lines[at..end].iter().find_map(|line| name_of(line)) else { continue };
        tests.push((name.to_owned(), lines[start..end].iter().flat_map(|line| labels_in(line)).collect()));
    }
    tests
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

fn named() -> Named {
    let crates = root().join("crates");
    let mut files = Vec::new();
    sources(&crates, &mut files);
    let mut named = Named::default();
    for file in files {
        let path = file.strip_prefix(&crates).expect("it is inside").to_string_lossy().into_owned();
        let text = read(&file);
        if path.contains("/tests/") || path.ends_with("/tests.rs") {
            for label in text.lines().filter(|line| line.starts_with("//!")).flat_map(labels_in) {
                named.tests.entry(label).or_default().insert(format!("all of {path}"));
            }
            for (test, labels) in tests_of(&text) {
                let place = format!("`{test}` ({path})");
                labels.into_iter().for_each(|label| {
                    named.tests.entry(label).or_default().insert(place.clone());
                });
            }
        } else if !path.starts_with("sim/") {
            for label in text.lines().flat_map(labels_in) {
                named.code.entry(label).or_default().insert(path.clone());
            }
        }
    }
    named
}

fn cell(places: Option<&BTreeSet<String>>) -> String {
    places.map_or_else(String::new, |places| places.iter().cloned().collect::<Vec<_>>().join("<br>"))
}

fn render(requirements: &[Requirement], named: &Named, exceptions: &BTreeSet<String>) -> String {
    let labels: BTreeSet<&str> = requirements.iter().map(|row| row.label.as_str()).collect();
    let tested = labels.iter().filter(|label| named.tests.contains_key(**label)).count();
    let excepted = labels.iter().filter(|label| exceptions.contains(**label)).count();
    let only_excepted = labels
        .iter()
        .filter(|label| exceptions.contains(**label) && !named.tests.contains_key(**label))
        .count();
    let mut page = format!(
        "# RFC 9293, label by label\n\n\
         Made from the sources by `SOCKEYE_BLESS=1 cargo test -p sockeye-sim --test rfc9293`; `make check` fails if it is out of date, or if a \
         label has neither a test that names it nor a line in [exceptions.md](exceptions.md).\n\n\
         {} labels: {tested} have tests; {excepted} stand in exceptions.md, in whole or in part; {only_excepted} only there.\n",
        labels.len()
    );
    let mut group = "";
    for row in requirements {
        if row.group != group {
            group = &row.group;
            write!(page, "\n## {group}\n\n| label | | requirement | code | tests |\n|---|---|---|---|---|\n")
                .unwrap();
        }
        let code = cell(named.code.get(&row.label));
        let mut tests = cell(named.tests.get(&row.label));
        if exceptions.contains(&row.label) {
            let separator = if tests.is_empty() { "" } else { "<br>" };
            write!(tests, "{separator}[exception](exceptions.md)").unwrap();
        }
        writeln!(page, "| {} | {} | {} | {code} | {tests} |", row.label, row.level, row.text).unwrap();
    }
    page
}

#[test]
fn each_label_has_a_test_or_an_exception() {
    let (requirements, named, exceptions) = (requirements(), named(), exceptions());
    let labels: BTreeSet<&String> = requirements.iter().map(|row| &row.label).collect();
    assert_eq!(labels.len(), 119);
    let missing: Vec<_> = labels
        .iter()
        .filter(|label| !named.tests.contains_key(**label) && !exceptions.contains(**label))
        .collect();
    assert!(
        missing.is_empty(),
        "no test names these, and docs/exceptions.md does not say why not: {missing:?}"
    );
    let unknown: Vec<_> = exceptions.iter().filter(|label| !labels.contains(label)).collect();
    assert!(unknown.is_empty(), "docs/exceptions.md names labels that RFC 9293 has not: {unknown:?}");
    let named = named.tests.keys().chain(named.code.keys());
    let unknown: BTreeSet<_> = named.filter(|label| !labels.contains(label)).collect();
    assert!(unknown.is_empty(), "the sources name labels that RFC 9293 has not: {unknown:?}");
}

#[test]
fn the_table_is_up_to_date() {
    let path = root().join("docs/rfc9293.md");
    let page = render(&requirements(), &named(), &exceptions());
    if std::env::var_os("SOCKEYE_BLESS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == page, "run SOCKEYE_BLESS=1 cargo test -p sockeye-sim --test rfc9293");
}
