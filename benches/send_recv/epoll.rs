//! Round trips through epoll, as C programs have them: `epoll.c`, over the kernel or with the library preloaded.

use crate::processes::{Obedient, World, numbers};
use crate::stacks::{Kind, Stack};
use crate::table::{Measure, Missing, Round, Row, Unit};
use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::process::Command;

/// Milliseconds that one measure of one stack takes in a round.
const MILLIS: u32 = 150;

/// Idle connections, unless `SOCKEYE_BENCH_IDLE` asks for another number.
pub(crate) const IDLE: usize = 10_000;

/// The places of the client and the server.
#[derive(Clone, Copy)]
enum Shape {
    /// Both are threads of one process.
    Threads,
    /// Each is a process, so that each can have half the descriptors; but embedded they must share one.
    Processes,
}

/// A client and a server that wait for each other in epoll.
struct Party {
    client: Obedient,
    _server: Option<Obedient>,
    /// Dropped last: the processes use its host process.
    _world: World,
}

impl Party {
    /// `idle` connections are in both epoll sets beside the one that is measured.
    fn start(kind: Kind, shape: Shape, idle: usize) -> Result<Self, String> {
        let world = World::new()?;
        let (server, mut client) = match (shape, kind) {
            (Shape::Threads, _) | (Shape::Processes, Kind::Embedded) => {
                (None, Obedient::start(command(kind, &world)?.arg("both"))?)
            }
            (Shape::Processes, Kind::Kernel | Kind::Hosted) => {
                let mut server = Obedient::start(command(kind, &world)?.arg("server"))?;
                let line = server.line()?;
                let port = line.rsplit(' ').next().unwrap_or_default();
                let client = Obedient::start(command(kind, &world)?.args(["client", port]))?;
                (Some(server), client)
            }
        };
        client.ask(&format!("idle {idle}"))?;
        Ok(Self { client, _server: server, _world: world })
    }

    /// Nanoseconds: the median, and the 99th percentile.
    fn measure(&mut self) -> Result<Vec<f64>, String> {
        numbers(&self.client.ask(&format!("measure {MILLIS}"))?)
    }
}

/// The program, over the kernel or over the preloaded library.
fn command(kind: Kind, world: &World) -> Result<Command, String> {
    let program = named("SOCKEYE_BENCH_EPOLL")?;
    let mut command = Command::new(program);
    ["LD_PRELOAD", "SOCKEYE_MODE", "SOCKEYE_NETWORK", "SOCKEYE_AS"].iter().for_each(|variable| {
        command.env_remove(variable);
    });
    if kind != Kind::Kernel {
        command.env("LD_PRELOAD", named("SOCKEYE_LIBRARY")?).env("SOCKEYE_SOCKET", world.socket());
    }
    if kind == Kind::Embedded {
        command.env("SOCKEYE_MODE", "embedded");
    }
    Ok(command)
}

fn named(variable: &str) -> Result<OsString, String> {
    env::var_os(variable).ok_or_else(|| format!("{variable} is not set; `make bench` sets it"))
}

/// The parties of a measure, one for each stack. A party starts with the first round, and is not tried again once it has failed.
struct Parties {
    shape: Shape,
    idle: usize,
    started: HashMap<Kind, Result<Party, String>>,
}

impl Parties {
    fn new(shape: Shape, idle: usize) -> Self {
        Self { shape, idle, started: HashMap::new() }
    }

    fn measure(&mut self, kind: Kind) -> Round {
        let start = || Party::start(kind, self.shape, self.idle);
        let party = self.started.entry(kind).or_insert_with(start);
        let measured = party.as_mut().map_err(|reason| reason.clone()).and_then(Party::measure);
        measured.map_err(|reason| {
            *party = Err(reason.clone());
            Missing::Because(reason)
        })
    }
}

/// Of a pair of connections, alone and among `idle` ones.
pub(crate) fn measures(idle: usize) -> Vec<Measure> {
    vec![round_trips(), among_idle(idle)]
}

/// A client's thread and a server's thread; an idle connection is in their sets, too.
fn round_trips() -> Measure {
    let rows = ["epoll round trip of 64 B, p50", "epoll round trip of 64 B, p99"];
    let mut parties = Parties::new(Shape::Threads, 1);
    Measure {
        rows: rows.map(|name| Row::new(name, Unit::Micros)).into(),
        of: Box::new(move |stack: &mut Stack| parties.measure(stack.kind)),
    }
}

/// The same between two processes (two threads with the embedded stack), with `idle` connections in both sets, and the ratio to such a
/// round trip with one idle connection.
fn among_idle(idle: usize) -> Measure {
    let mut few = Parties::new(Shape::Processes, 1);
    let mut many = Parties::new(Shape::Processes, idle);
    Measure {
        rows: vec![
            Row::new(format!("the same, {idle} idle connections, p50"), Unit::Micros),
            Row::new(format!("the same, {idle} idle connections, p99"), Unit::Micros),
            Row::new(format!("p50 with {idle} idle, to that with 1"), Unit::Times),
        ],
        of: Box::new(move |stack: &mut Stack| {
            let (few, many) = (few.measure(stack.kind)?, many.measure(stack.kind)?);
            Ok(vec![many[0], many[1], many[0] / few[0]])
        }),
    }
}
