//! Two programs that keep to the rules, beside each attack.

use crate::common::{LIMIT, Running, World};
use std::time::Duration;

/// Milliseconds that a round trip may take.
pub const BOUND: f64 = 50.0;
/// While thousands of sockets of another program close at once.
pub const BOUND_OF_CROWDS: f64 = 100.0;

/// The pair: `bystander.c` says what it does.
pub struct Bystander {
    _server: Running,
    client: Running,
    pub port: String,
    slow: Vec<Trip>,
}

/// A slow round trip, milliseconds of the system's clock.
#[derive(Clone, Copy, Debug)]
struct Trip {
    of: Pair,
    start: f64,
    end: f64,
}

/// Whose pair it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pair {
    Ours,
    Kernel,
}

/// Round trips since the last report.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub trips: u64,
    /// Milliseconds.
    pub longest: f64,
    pub kernel_longest: f64,
    /// Over the bound, while the kernel's own took more than 25 ms.
    pub excused: usize,
    /// Over the bound otherwise: how long, milliseconds.
    pub too_long: Vec<f64>,
}

impl Trip {
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("slow ")?.split(' ');
        let of = if words.next()? == "ours" { Pair::Ours } else { Pair::Kernel };
        Some(Self { of, start: words.next()?.parse().ok()?, end: words.next()?.parse().ok()? })
    }

    fn overlaps(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

impl Bystander {
    pub fn start(world: &World) -> Self {
        let mut server = Running::start(world.caller("bystander", &["serve"]));
        let (port, kernel_port) = (server.listening_port(), server.listening_port());
        let client = Running::start(world.caller("bystander", &["measure", &port, &kernel_port]));
        Self { _server: server, client, port, slow: Vec::new() }
    }

    /// Lets the current round trips end, and no other begin.
    ///
    /// # Errors
    /// What the pair complains of: other bytes than those sent, an error, no answer.
    pub fn pause(&mut self, bound: f64) -> Result<Report, String> {
        self.client.write(b"pause\n");
        self.slow.clear();
        loop {
            let Some(line) = self.client.next_line(LIMIT) else {
                return Err(format!("the bystander ended: {}", self.client.errors().trim()));
            };
            self.slow.extend(Trip::parse(&line));
            if let Some(counts) = line.strip_prefix("report ") {
                return self.report(counts, bound).ok_or_else(|| format!("not a report: {line}"));
            }
        }
    }

    pub fn go(&mut self) {
        self.client.write(b"go\n");
    }

    fn report(&self, counts: &str, bound: f64) -> Option<Report> {
        let mut words = counts.split(' ');
        let (trips, longest) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let kernel_longest = words.nth(1)?.parse().ok()?;
        let (ours, kernel): (Vec<Trip>, Vec<Trip>) = self.slow.iter().partition(|trip| trip.of == Pair::Ours);
        let over: Vec<&Trip> = ours.iter().filter(|trip| trip.end - trip.start > bound).collect();
        let is_excused = |trip: &&&Trip| kernel.iter().any(|busy| busy.overlaps(trip));
        let too_long: Vec<f64> =
            over.iter().filter(|trip| !is_excused(trip)).map(|trip| trip.end - trip.start).collect();
        Some(Report { trips, longest, kernel_longest, excused: over.len() - too_long.len(), too_long })
    }

    /// A new program can do what the pair does.
    ///
    /// # Errors
    /// What it complains of.
    pub fn newcomer(&self, world: &World) -> Result<(), String> {
        let program = Running::start(world.caller("bystander", &["once", &self.port]));
        match program.ends_within(Duration::from_secs(5)) {
            Some(status) if status.success() => Ok(()),
            Some(_) => Err(format!("a new program: {}", program.errors().trim())),
            None => Err("a new program waits for more than 5 s".into()),
        }
    }
}
