//! The send and receive path, embedded, beside the kernel's loopback TCP in the same run.
#![allow(missing_docs)]

use criterion::{
    BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime,
};
use sockeye::Net;
use std::io::{Read, Write};
use std::thread;

const BULK_WRITE: usize = 64 * 1024;
const PING: usize = 64;

/// Both ends of a connection of each kind.
fn kernel() -> (std::net::TcpStream, std::net::TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    (client, server)
}

fn embedded() -> (sockeye::TcpStream, sockeye::TcpStream) {
    let net = Net::loopback().unwrap();
    let listener = net.bind("127.0.0.1:0").unwrap();
    let client = net.connect(listener.local_addr().unwrap()).unwrap();
    let (server, _) = listener.accept().unwrap();
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    (client, server)
}

/// Writes of 64 KiB to a thread that reads and throws away.
fn bulk<S: Read + Write + Send + 'static>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    (mut client, mut server): (S, S),
) {
    let reader = thread::spawn(move || {
        let mut buffer = vec![0; BULK_WRITE];
        while server.read(&mut buffer).unwrap() > 0 {}
    });
    let data = vec![7; BULK_WRITE];
    group.throughput(Throughput::Bytes(BULK_WRITE as u64));
    group.bench_function(name, |bencher| bencher.iter(|| client.write_all(&data).unwrap()));
    drop(client);
    reader.join().unwrap();
}

/// 64 bytes there and back, between two threads.
fn ping_pong<S: Read + Write + Send + 'static>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    (mut client, mut server): (S, S),
) {
    let echo = thread::spawn(move || {
        let mut buffer = [0; PING];
        while server.read_exact(&mut buffer).is_ok() {
            server.write_all(&buffer).unwrap();
        }
    });
    let mut buffer = [7; PING];
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            client.write_all(&buffer).unwrap();
            client.read_exact(&mut buffer).unwrap();
        });
    });
    drop(client);
    echo.join().unwrap();
}

fn send_recv(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("bulk, writes of 64 KiB");
    bulk(&mut group, "sockeye embedded", embedded());
    bulk(&mut group, "kernel loopback", kernel());
    group.finish();
    let mut group = criterion.benchmark_group("ping-pong, 64 B");
    ping_pong(&mut group, "sockeye embedded", embedded());
    ping_pong(&mut group, "kernel loopback", kernel());
    group.finish();
}

criterion_group!(benches, send_recv);
criterion_main!(benches);
