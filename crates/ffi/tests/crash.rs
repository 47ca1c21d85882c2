//! The crash matrix: who dies, or stops, at which step of which call, and what all others find then.
//!
//! The steps are enumerated, not random: [`trace`] goes through a call and notes each place at which others can tell where it is. A place can
//! be played again by its name, which a failure tells: `SOCKEYE_STEP=send/peer:17`.
#![cfg(target_arch = "x86_64")]

mod common;
mod crash {
    pub mod cast;
    pub mod code;
    pub mod found;
    pub mod scene;
    pub mod stage;
    pub mod table;
    pub mod trace;
}

use common::Stack;
use crash::scene::{Until, Way, play};
use crash::stage::Stage;
use crash::table::{self, Death, Row};
use crash::trace::{Place, Stop};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

/// How many places of each combination are tried.
#[derive(Clone, Copy, Debug)]
enum Effort {
    All,
    Some(usize),
}

impl Effort {
    /// As `SOCKEYE_STEPS` says.
    fn from_env() -> Self {
        match std::env::var("SOCKEYE_STEPS").as_deref() {
            Ok("all") => Self::All,
            Ok(count) => Self::Some(count.parse().expect("SOCKEYE_STEPS must be a whole number, or `all`")),
            Err(_) => Self::Some(3),
        }
    }
}

/// The one place to play, as `SOCKEYE_STEP` says: CALL/DEATH:NUMBER.
struct Wanted {
    call: String,
    death: String,
    number: usize,
}

impl Wanted {
    fn from_env() -> Option<Self> {
        let text = std::env::var("SOCKEYE_STEP").ok()?;
        let parts = text.split_once('/').and_then(|(call, rest)| Some((call, rest.split_once(':')?)));
        let (call, (death, number)) = parts.expect("SOCKEYE_STEP is CALL/DEATH:NUMBER");
        let number = number.parse().expect("SOCKEYE_STEP ends with a whole number");
        let calls: BTreeSet<_> = table::ALL.iter().flat_map(|rows| rows.iter().map(|row| row.call)).collect();
        let deaths = Death::ALL.map(Death::name);
        assert!(calls.contains(call), "SOCKEYE_STEP: there is no call {call}; there are {calls:?}");
        assert!(deaths.contains(&death), "SOCKEYE_STEP: nobody is called {death}; there are {deaths:?}");
        Some(Self { call: call.into(), death: death.into(), number })
    }

    fn is(&self, row: &Row, death: Death) -> bool {
        self.call == row.call && self.death == death.name()
    }
}

/// The instructions of the host that matter, as far as they are known where not each of its steps is looked at.
static HOST_STOPS: OnceLock<HashSet<Stop>> = OnceLock::new();

/// A part of the matrix, over one TCP.
struct Matrix {
    stack: Stack,
    effort: Effort,
    wanted: Option<Wanted>,
    stage: Stage,
    /// The instructions that matter, of all calls up to now, and of the host.
    stops: HashSet<Stop>,
    host_stops: HashSet<Stop>,
    places: HashMap<(&'static str, &'static str), Vec<Place>>,
    report: Vec<String>,
    failures: Vec<String>,
}

impl Matrix {
    fn new(stack: Stack) -> Self {
        Self {
            stack,
            effort: Effort::from_env(),
            wanted: Wanted::from_env(),
            stage: Stage::new(stack),
            stops: HashSet::new(),
            host_stops: HashSet::new(),
            places: HashMap::new(),
            report: Vec::new(),
            failures: Vec::new(),
        }
    }

    fn play_all(&mut self, rows: &'static [Row]) {
        for row in rows {
            for (column, death) in Death::ALL.into_iter().enumerate() {
                let is_there = row.has(death) && (self.stack == Stack::Sockeye || !death.kills_host());
                let is_wanted = self.wanted.as_ref().is_none_or(|wanted| wanted.is(row, death));
                if is_there && is_wanted {
                    self.play_combination(row, death, column);
                }
            }
        }
    }

    fn play_combination(&mut self, row: &'static Row, death: Death, column: usize) {
        let Some(places) = self.survey(row, death) else { return };
        let chosen = match &self.wanted {
            Some(wanted) => {
                let (number, places) = (wanted.number, places.len());
                assert!(number < places, "SOCKEYE_STEP: there is no place {number}, but 0 to {}", places - 1);
                BTreeSet::from([number])
            }
            None => choose(&places, column, self.effort),
        };
        let before = self.failures.len();
        for number in &chosen {
            let stops = self.stops_for(death).clone();
            let way = self.try_to_play(row, death, Until::Place(*number, &stops), &format!(":{number}"));
            if self.wanted.is_some() {
                say(&format!("place {number} is {:?}", way.and_then(|way| way.places.last().cloned())));
            }
        }
        let (tried, failed) = (chosen.len(), self.failures.len() - before);
        let line = format!("{:18} {:12} {:6} {tried:6} {failed:6}", row.call, death.name(), places.len());
        self.report.push(line);
    }

    /// The places of a call, or of the host while it serves that.
    fn survey(&mut self, row: &'static Row, death: Death) -> Option<Vec<Place>> {
        let key = if death == Death::HostItself { "host" } else { row.sibling_for(death) };
        if let Some(places) = self.places.get(&(row.call, key)) {
            return Some(places.clone());
        }
        let stops = self.known_stops(row, death);
        let until = stops.as_ref().map_or(Until::EndInSteps, Until::End);
        let way = self.try_to_play(row, death, until, "")?;
        let known = if death == Death::HostItself { &mut self.host_stops } else { &mut self.stops };
        known.extend(way.stops);
        self.places.insert((row.call, key), way.places.clone());
        Some(way.places)
    }

    /// The instructions to look at, where not each step is looked at: if only some places are tried, others know most of them.
    fn known_stops(&mut self, row: &Row, death: Death) -> Option<HashSet<Stop>> {
        if matches!(self.effort, Effort::All) {
            return None;
        }
        match death {
            Death::HostItself => {
                let stops = HOST_STOPS.get_or_init(|| {
                    let way = self.try_to_play(&table::SENDS[0], death, Until::EndInSteps, "");
                    way.map(|way| way.stops).unwrap_or_default()
                });
                self.host_stops.extend(stops.iter().cloned());
                Some(self.host_stops.clone())
            }
            _ => {
                let is_like_others = row.sibling_for(death) != "none" || row.call.ends_with("-token");
                (is_like_others && !self.stops.is_empty()).then(|| self.stops.clone())
            }
        }
    }

    fn stops_for(&self, death: Death) -> &HashSet<Stop> {
        if death == Death::HostItself { &self.host_stops } else { &self.stops }
    }

    fn try_to_play(&mut self, row: &Row, death: Death, until: Until<'_>, place: &str) -> Option<Way> {
        let played = catch_unwind(AssertUnwindSafe(|| play(&mut self.stage, row, death, until)));
        let why = match played {
            Ok(Ok(way)) => return Some(way),
            Ok(Err(why)) => why,
            Err(panic) => panic.downcast::<String>().map_or_else(|_| "a panic".into(), |text| *text),
        };
        let failure = format!("{:?}: SOCKEYE_STEP={}/{}{place}: {why}", self.stack, row.call, death.name());
        say(&failure);
        self.failures.push(failure);
        self.stage = Stage::new(self.stack);
        None
    }
}

/// Some of the places, others in each column: half of them steps into and out of system calls.
fn choose(places: &[Place], column: usize, effort: Effort) -> BTreeSet<usize> {
    let Effort::Some(most) = effort else { return (0..places.len()).collect() };
    let is_special = |number: &usize| match &places[*number] {
        Place::Before(what) => what.starts_with("SystemCall"),
        Place::Asleep | Place::End => true,
    };
    let all: Vec<usize> = (0..places.len()).collect();
    let entries = all.iter().copied().filter(is_special);
    let special: Vec<usize> =
        entries.flat_map(|number| [number, number + 1]).filter(|number| *number < places.len()).collect();
    let spread = |from: &[usize], count: usize| -> Vec<usize> {
        let count = count.min(from.len());
        // A column's own share of each stretch.
        let shift = |length: usize| column * length / count.max(1) / Death::ALL.len();
        (0..count).map(|index| from[(index * from.len() / count + shift(from.len())) % from.len()]).collect()
    };
    spread(&special, most.div_ceil(2)).into_iter().chain(spread(&all, most / 2)).collect()
}

#[allow(clippy::print_stdout, reason = "whoever asks for many steps reads what became of them")]
fn say(text: &str) {
    println!("{text}");
}

fn play_matrix(stack: Stack, rows: &'static [Row]) {
    let mut matrix = Matrix::new(stack);
    matrix.play_all(rows);
    let idle = matrix.stage.check_idle();
    let heading = "call               who dies     places  tried failed";
    say(&format!("{stack:?}\n{heading}\n{}", matrix.report.join("\n")));
    assert!(matrix.failures.is_empty(), "{}", matrix.failures.join("\n"));
    assert_eq!(idle, Ok(()));
}

#[test]
fn opening_and_ending() {
    play_matrix(Stack::Sockeye, table::OPENINGS);
}

#[test]
fn sending() {
    play_matrix(Stack::Sockeye, table::SENDS);
}

#[test]
fn receiving() {
    play_matrix(Stack::Sockeye, table::RECEIVES);
}

#[test]
fn options() {
    play_matrix(Stack::Sockeye, table::OPTIONS);
}

#[test]
fn waiting() {
    play_matrix(Stack::Sockeye, table::WAITS);
}

#[test]
fn sharing() {
    play_matrix(Stack::Sockeye, table::SHARES);
}

/// The rules are the kernel's.
#[test]
fn kernel_passes_too() {
    table::ALL.into_iter().for_each(|rows| play_matrix(Stack::Kernel, rows));
}
