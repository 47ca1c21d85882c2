//! The kernel's loopback TCP beside ours, embedded and hosted, in one run.
//!
//! Each measure is taken of all stacks in turn, round after round, so that what else the machine does meets them alike. What is told of
//! a stack is the median of its rounds, and the median of its ratios to the kernel *in the same round*: these carry over to other
//! machines, the absolute figures do not. `SOCKEYE_BENCH_ROUNDS` says how many rounds (default 9).
//!
//! Hosted mode needs the command `sockeye`: `make bench` builds it and names it in `SOCKEYE_HOST_PROGRAM`.
#![allow(missing_docs, clippy::print_stdout, reason = "a program whose output is a table")]

use sockeye::Net;
use sockeye_clock::monotonic;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

/// How long one measure of one stack takes in a round.
const TIME: Duration = Duration::from_millis(150);
/// Exchanges, or writes, between two looks at the clock.
const BATCH: usize = 64;
const BULK_WRITE: usize = 64 * 1024;
const SMALL_WRITE: usize = 64;
/// Connections of one round: as many as leave enough ports free, for each stays in TIME-WAIT.
const CONNECTIONS: usize = 500;
/// Connections that carry text at the same time.
const SIDE_BY_SIDE: usize = 8;

/// A stream of any stack.
trait Stream: Read + Write + Send {
    fn set_nodelay(&self);
    fn end(&self);
}

impl Stream for std::net::TcpStream {
    fn set_nodelay(&self) {
        Self::set_nodelay(self, true).unwrap();
    }
    fn end(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

impl Stream for sockeye::TcpStream {
    fn set_nodelay(&self) {
        Self::set_nodelay(self, true).unwrap();
    }
    fn end(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

/// Makes both ends of a new connection.
type Connect = Box<dyn FnMut() -> (Box<dyn Stream>, Box<dyn Stream>)>;

fn kernel() -> Connect {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    Box::new(move || {
        let client = std::net::TcpStream::connect(address).unwrap();
        (Box::new(client), Box::new(listener.accept().unwrap().0))
    })
}

fn ours(net: Net) -> Connect {
    let listener = net.bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    Box::new(move || {
        let client = net.connect(address).unwrap();
        (Box::new(client), Box::new(listener.accept().unwrap().0))
    })
}

/// The kernel first; then those of ours that there are.
fn stacks() -> Vec<(&'static str, Connect)> {
    let mut stacks = vec![("kernel", kernel()), ("embedded", ours(Net::loopback().unwrap()))];
    match Net::hosted() {
        Ok(net) => stacks.push(("hosted", ours(net))),
        Err(error) => println!("hosted mode is left out: {error}"),
    }
    stacks
}

/// What is measured: nanoseconds for each unit of work.
struct Measure {
    name: &'static str,
    unit: Unit,
    of: Box<dyn Fn(&mut Connect) -> f64>,
}

#[derive(Clone, Copy)]
enum Unit {
    /// Microseconds each: less is better.
    Micros,
    /// Bytes a second: nanoseconds are those of a byte.
    Rate,
    /// So many a second.
    PerSecond,
}

impl Unit {
    fn show(self, nanos: f64) -> String {
        match self {
            Self::Micros => format!("{:.2} us", nanos / 1e3),
            Self::Rate => format!("{:.2} GB/s", 1.0 / nanos),
            Self::PerSecond => format!("{:.0} /s", 1e9 / nanos),
        }
    }
}

fn measures() -> Vec<Measure> {
    let round_trip = |name, size| Measure {
        name,
        unit: Unit::Micros,
        of: Box::new(move |connect| round_trip(connect(), size)),
    };
    let writes = |name, unit, size, each| Measure {
        name,
        unit,
        of: Box::new(move |connect| writes(connect(), size) / each),
    };
    let slowest = |name, quantile| Measure {
        name,
        unit: Unit::Micros,
        of: Box::new(move |connect| slow_round_trip(connect(), quantile)),
    };
    vec![
        round_trip("round trip of 1 B", 1),
        round_trip("round trip of 64 B", 64),
        round_trip("round trip of 1 KiB", 1024),
        slowest("round trip of 64 B, p99", 0.99),
        slowest("round trip of 64 B, p99.9", 0.999),
        writes("bulk, writes of 64 KiB", Unit::Rate, BULK_WRITE, BULK_WRITE as f64),
        Measure { name: "bulk, 8 connections", unit: Unit::Rate, of: Box::new(side_by_side) },
        writes("many writes of 64 B", Unit::PerSecond, SMALL_WRITE, 1.0),
        Measure { name: "connect, accept, close", unit: Unit::PerSecond, of: Box::new(connections) },
        Measure { name: "the same with a request", unit: Unit::PerSecond, of: Box::new(short_connections) },
    ]
}

/// `size` bytes there and back, between two threads.
fn round_trip(ends: (Box<dyn Stream>, Box<dyn Stream>), size: usize) -> f64 {
    with_echo(ends, size, |exchange| repeat(exchange))
}

/// Of the round trips of 64 bytes, one that so large a share of them is not slower than.
fn slow_round_trip(ends: (Box<dyn Stream>, Box<dyn Stream>), quantile: f64) -> f64 {
    let mut taken = Vec::new();
    with_echo(ends, SMALL_WRITE, |exchange| {
        repeat(|| {
            let start = monotonic();
            exchange();
            taken.push(monotonic().since(start).as_nanos() as f64);
        })
    });
    taken.sort_by(f64::total_cmp);
    taken[((taken.len() as f64 * quantile) as usize).min(taken.len() - 1)]
}

/// Has `measure` exchange `size` bytes with a thread that sends them back.
fn with_echo(
    (mut client, mut server): (Box<dyn Stream>, Box<dyn Stream>),
    size: usize,
    measure: impl FnOnce(&mut dyn FnMut()) -> f64,
) -> f64 {
    client.set_nodelay();
    server.set_nodelay();
    let echo = thread::spawn(move || {
        let mut buffer = vec![0; size];
        while server.read_exact(&mut buffer).is_ok() {
            server.write_all(&buffer).unwrap();
        }
    });
    let mut buffer = vec![7; size];
    let nanos = measure(&mut || {
        client.write_all(&buffer).unwrap();
        client.read_exact(&mut buffer).unwrap();
    });
    drop(client);
    echo.join().unwrap();
    nanos
}

/// Writes of `size` bytes to a thread that reads and throws away, until it has read all.
fn writes((mut client, mut server): (Box<dyn Stream>, Box<dyn Stream>), size: usize) -> f64 {
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; BULK_WRITE];
        while server.read(&mut buffer).unwrap() > 0 {}
    });
    let data = vec![7; size];
    let (start, mut count) = (monotonic(), 0);
    while monotonic().since(start) < TIME {
        for _ in 0..BATCH {
            client.write_all(&data).unwrap();
        }
        count += BATCH;
    }
    client.end();
    reader.join().unwrap();
    monotonic().since(start).as_nanos() as f64 / count as f64
}

/// Nanoseconds for a byte, of all connections together.
fn side_by_side(connect: &mut Connect) -> f64 {
    let pairs: Vec<_> = (0..SIDE_BY_SIDE).map(|_| connect()).collect();
    let threads: Vec<_> =
        pairs.into_iter().map(|ends| thread::spawn(move || writes(ends, BULK_WRITE))).collect();
    let rate: f64 = threads.into_iter().map(|thread| BULK_WRITE as f64 / thread.join().unwrap()).sum();
    1.0 / rate
}

/// Each with a request and a reply of 64 bytes.
fn short_connections(connect: &mut Connect) -> f64 {
    let mut buffer = [7; SMALL_WRITE];
    let start = monotonic();
    for _ in 0..CONNECTIONS {
        let (mut client, mut server) = connect();
        client.write_all(&buffer).unwrap();
        server.read_exact(&mut buffer).unwrap();
        server.write_all(&buffer).unwrap();
        client.read_exact(&mut buffer).unwrap();
    }
    monotonic().since(start).as_nanos() as f64 / CONNECTIONS as f64
}

fn connections(connect: &mut Connect) -> f64 {
    let start = monotonic();
    for _ in 0..CONNECTIONS {
        drop(connect());
    }
    monotonic().since(start).as_nanos() as f64 / CONNECTIONS as f64
}

/// Does it for a while; nanoseconds each.
fn repeat(mut act: impl FnMut()) -> f64 {
    let (start, mut count) = (monotonic(), 0);
    while monotonic().since(start) < TIME {
        (0..BATCH).for_each(|_| act());
        count += BATCH;
    }
    monotonic().since(start).as_nanos() as f64 / count as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// One line of the table: each stack's median, and how many times as good as the kernel it is.
fn line(measure: &Measure, stacks: &mut [(&str, Connect)], rounds: usize) {
    let mut taken = vec![Vec::new(); stacks.len()];
    for _ in 0..rounds {
        for ((_, connect), taken) in stacks.iter_mut().zip(&mut taken) {
            taken.push((measure.of)(connect));
        }
    }
    print!("{:<28}", measure.name);
    for (index, nanos) in taken.iter().enumerate() {
        print!(" {:>12}", measure.unit.show(median(nanos.clone())));
        if index > 0 {
            let ratios = taken[0].iter().zip(nanos).map(|(kernel, ours)| kernel / ours).collect();
            print!(" {:>6.1} x", median(ratios));
        }
    }
    println!();
}

fn main() {
    let told = std::env::var("SOCKEYE_BENCH_ROUNDS").ok().and_then(|rounds| rounds.parse().ok());
    let rounds = told.unwrap_or(9usize).max(1);
    let mut stacks = stacks();
    print!("{:<28}", format!("median of {rounds} rounds"));
    for (index, (name, _)) in stacks.iter().enumerate() {
        print!(" {name:>12}{}", if index > 0 { " to kernel" } else { "" });
    }
    println!();
    measures().iter().for_each(|measure| line(measure, &mut stacks, rounds));
}
