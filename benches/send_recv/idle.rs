//! The cost of connections that carry nothing: memory and processor time.
//!
//! Each figure is that of a fresh process, which is this program with other arguments, and of a fresh host process: memory that an earlier
//! measure has freed would be used again, and not be counted.

use crate::memory;
use crate::processes::{Obedient, World, host_of, numbers};
use crate::stacks::{Connect, Ends, Kind, Stack};
use crate::table::{Measure, Missing, Round, Row, Unit};
use rustix::process::{Pid, Resource, Rlimit, getpid, getrlimit, setrlimit};
use std::env;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

/// The first argument of the process that has the connections.
pub(crate) const COMMAND: &str = "have-idle-connections";

/// Connections whose memory is measured: the kernel's have 10,000 descriptors, which a process is allowed nearly everywhere.
const IN_MEMORY: usize = 5_000;
/// Connections whose time is measured; those of ours need no descriptors.
const IN_TIME: usize = 10_000;
const TIME: Duration = Duration::from_secs(5);
/// Descriptors of a process beside its connections'.
const OTHER_DESCRIPTORS: usize = 64;
/// Time for work that is put off: delayed acknowledgments, and memory that the kernel frees later.
const SETTLING: Duration = Duration::from_millis(500);
const MESSAGE: usize = 64;

#[derive(Clone, Copy)]
enum What {
    Memory,
    Time,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Time => "time",
        }
    }
}

pub(crate) fn measures() -> Vec<Measure> {
    let memory = [
        format!("memory of one of {IN_MEMORY} fresh connections"),
        "  of which page tables".into(),
        "the same after a request and reply".into(),
        "  of which page tables".into(),
    ];
    let time = format!("CPU time with {IN_TIME} idle, in {} s", TIME.as_secs());
    vec![
        Measure {
            rows: memory.map(|name| Row::new(name, Unit::Bytes)).into(),
            of: Box::new(|stack: &mut Stack| of_child(What::Memory, stack.kind)),
        },
        Measure {
            rows: vec![Row::new(time, Unit::Millis)],
            of: Box::new(|stack: &mut Stack| match stack.kind {
                // There is no process to look at.
                Kind::Kernel => Err(Missing::NotApplicable),
                Kind::Embedded | Kind::Hosted => of_child(What::Time, stack.kind),
            }),
        },
    ]
}

fn of_child(what: What, kind: Kind) -> Round {
    let measured = || {
        let world = World::new()?;
        let program = env::current_exe().map_err(|error| error.to_string())?;
        let mut command = Command::new(program);
        command.args([COMMAND, what.name(), kind.name()]).env("SOCKEYE_SOCKET", world.socket());
        numbers(&Obedient::start(&mut command)?.line()?)
    };
    measured().map_err(Missing::Because)
}

/// Measures, in the child, and prints the values or the reason why there are none.
pub(crate) fn run(what: &str, kind: &str) {
    let measured = match (what, Kind::of_name(kind)) {
        ("memory", Some(kind)) => memory_of(kind),
        ("time", Some(kind)) => time_of(kind),
        _ => Err(format!("{what}, {kind}: unknown")),
    };
    match measured {
        Ok(values) => println!("{}", values.iter().map(f64::to_string).collect::<Vec<_>>().join(" ")),
        Err(reason) => println!("failed: {reason}"),
    }
}

/// Bytes for a connection with both its ends, and those of its page tables, before and after an exchange. Memory that the first
/// connection needs is not counted.
fn memory_of(kind: Kind) -> Result<Vec<f64>, String> {
    allow_descriptors(kind, IN_MEMORY)?;
    let mut connect = kind.start()?.connect;
    let mut first = connect();
    exchange(&mut first);
    let processes = processes_of(kind)?;
    pause(SETTLING);
    let before = memory::in_use(&processes)?;
    let each = || -> Result<[f64; 2], String> {
        pause(SETTLING);
        let now = memory::in_use(&processes)?;
        let more = [now.all - before.all, now.page_tables - before.page_tables];
        Ok(more.map(|bytes| bytes / IN_MEMORY as f64))
    };
    let mut connections = open(&mut connect, IN_MEMORY);
    let fresh = each()?;
    connections.iter_mut().for_each(exchange);
    Ok([fresh, each()?].concat())
}

/// Nanoseconds of processor time of the host process, or of this one if the engine is here.
fn time_of(kind: Kind) -> Result<Vec<f64>, String> {
    allow_descriptors(kind, IN_TIME)?;
    let mut connect = kind.start()?.connect;
    let _connections = open(&mut connect, IN_TIME);
    let processes = processes_of(kind)?;
    let engine = processes.last().ok_or("no process")?;
    pause(2 * SETTLING);
    let before = memory::ran(*engine)?;
    pause(TIME);
    Ok(vec![memory::ran(*engine)? - before])
}

fn open(connect: &mut Connect, count: usize) -> Vec<Ends> {
    let mut connections = Vec::with_capacity(count);
    connections.extend((0..count).map(|_| connect()));
    connections
}

fn exchange((client, server): &mut Ends) {
    let mut message = [7; MESSAGE];
    client.write_all(&message).unwrap();
    server.read_exact(&mut message).unwrap();
    server.write_all(&message).unwrap();
    client.read_exact(&mut message).unwrap();
}

/// This process and, after it, the host process if there is one.
fn processes_of(kind: Kind) -> Result<Vec<Pid>, String> {
    let mut processes = vec![getpid()];
    if kind == Kind::Hosted {
        let socket = env::var_os("SOCKEYE_SOCKET").ok_or("SOCKEYE_SOCKET is not set")?;
        processes.push(host_of(Path::new(&socket))?);
    }
    Ok(processes)
}

/// Raises the limit of descriptors. A connection needs two of them in the kernel, and none in Sockeye.
fn allow_descriptors(kind: Kind, connections: usize) -> Result<(), String> {
    let each = if kind == Kind::Kernel { 2 } else { 0 };
    let needed = (each * connections + OTHER_DESCRIPTORS) as u64;
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        return Err(format!(
            "{needed} descriptors are needed, the limit is {}",
            limit.maximum.unwrap_or_default()
        ));
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).map_err(|error| error.to_string())
}

/// Lets time pass, where that is the point.
fn pause(time: Duration) {
    let (_sender, receiver) = channel::<()>();
    let _ = receiver.recv_timeout(time);
}
