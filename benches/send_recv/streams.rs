//! What is measured of streams.

use crate::stacks::{Connect, Stream};
use crate::table::{Measure, Unit};
use sockeye_clock::monotonic;
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

pub(crate) fn measures() -> Vec<Measure> {
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
