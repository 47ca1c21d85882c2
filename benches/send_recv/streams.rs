//! Measures of streams.

use crate::stacks::{Connect, Ends};
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
    let round_trip =
        |name, size| Measure::one(name, Unit::Micros, move |stack| round_trip((stack.connect)(), size));
    let slowest = |name, quantile| {
        Measure::one(name, Unit::Micros, move |stack| slow_round_trip((stack.connect)(), quantile))
    };
    let bulk = |name, size: usize| {
        Measure::one(name, Unit::Rate, move |stack| writes((stack.connect)(), size) / size as f64)
    };
    let small =
        |name, size| Measure::one(name, Unit::PerSecond, move |stack| writes((stack.connect)(), size));
    vec![
        round_trip("round trip of 1 B", 1),
        round_trip("round trip of 64 B", 64),
        round_trip("round trip of 1 KiB", 1024),
        slowest("round trip of 64 B, p99", 0.99),
        slowest("round trip of 64 B, p99.9", 0.999),
        bulk("bulk, writes of 64 KiB", BULK_WRITE),
        bulk("bulk, writes of 128 KiB", 128 * 1024),
        bulk("bulk, writes of 1 MiB", 1024 * 1024),
        Measure::one("bulk, 8 connections", Unit::Rate, |stack| side_by_side(&mut stack.connect)),
        small("writes of 1 KiB", 1024),
        small("writes of 64 B", SMALL_WRITE),
        Measure::one("connect, accept, close", Unit::PerSecond, |stack| connections(&mut stack.connect)),
        Measure::one("the same with a request", Unit::PerSecond, |stack| {
            short_connections(&mut stack.connect)
        }),
    ]
}

/// `size` bytes there and back, between two threads.
fn round_trip(ends: Ends, size: usize) -> f64 {
    with_echo(ends, size, |exchange| repeat(exchange))
}

/// Of the round trips of 64 bytes, one that so large a share of them is not slower than.
fn slow_round_trip(ends: Ends, quantile: f64) -> f64 {
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
    (mut client, mut server): Ends,
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

/// Writes of `size` bytes to a thread that reads and throws away, until it has read all. It reads as many bytes at a time, but 64 KiB at
/// least.
fn writes((mut client, mut server): Ends, size: usize) -> f64 {
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; size.max(BULK_WRITE)];
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

/// Each with a request and a reply of 64 bytes; the client closes first.
fn short_connections(connect: &mut Connect) -> f64 {
    one_by_one(connect, |(mut client, mut server)| {
        let mut buffer = [7; SMALL_WRITE];
        client.write_all(&buffer).unwrap();
        server.read_exact(&mut buffer).unwrap();
        server.write_all(&buffer).unwrap();
        client.read_exact(&mut buffer).unwrap();
        drop(client);
        drop(server);
    })
}

/// The client closes first.
fn connections(connect: &mut Connect) -> f64 {
    one_by_one(connect, |(client, server)| {
        drop(client);
        drop(server);
    })
}

/// Has `each` use and close connections, one after the other; nanoseconds for each. The time ends when both ends of all are closed. A host
/// process closes a connection after `close()` has returned, but in order: when both ends of the last connection have seen its end, those
/// before it are closed.
fn one_by_one(connect: &mut Connect, each: impl Fn(Ends)) -> f64 {
    let start = monotonic();
    for _ in 1..CONNECTIONS {
        each(connect());
    }
    let (mut client, mut server) = connect();
    client.end();
    assert_eq!(server.read(&mut [0]).unwrap(), 0, "the client has ended");
    drop(server);
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "the server has ended");
    drop(client);
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
