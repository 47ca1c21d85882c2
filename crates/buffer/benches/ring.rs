//! The cost of passing bytes through a ring: one copy in, one copy out, and the words that are told on the way.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sockeye_buffer::{Slot, Text};

const SIZES: [usize; 4] = [64, 1 << 10, 16 << 10, 64 << 10];
/// Ring size: as sockets have it by default.
const LIMIT: usize = 128 << 10;

/// The program writes, the engine copies the text out and gives the space back.
fn send(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sendq");
    for size in SIZES {
        let slot = Slot::on_heap(LIMIT, LIMIT);
        let (mut sendq, _recvq) = slot.open(LIMIT, LIMIT);
        let (writer, bytes, mut out) = (slot.writer(), vec![1; size], vec![0; size]);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                writer.write(black_box(&bytes));
                sendq.refresh();
                sendq.text(0, size).copy_to(black_box(&mut out));
                sendq.release(size);
            });
        });
    }
    group.finish();
}

/// The engine places text, the program reads it.
fn receive(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recvq");
    for size in SIZES {
        let slot = Slot::on_heap(LIMIT, LIMIT);
        let (_sendq, mut recvq) = slot.open(LIMIT, LIMIT);
        let (reader, bytes, mut out) = (slot.reader(), vec![1; size], vec![0; size]);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                recvq.place(0, &Text::from(black_box(&bytes[..])));
                reader.peek(0, black_box(&mut out));
                reader.consume(size);
                recvq.refresh();
            });
        });
    }
    group.finish();
}

/// Loopback as it is: write, place by reference, read; three copies. With the locks that programs take.
fn pass(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pass");
    for size in SIZES {
        let slot = Slot::on_heap(LIMIT, LIMIT);
        let (mut sendq, mut recvq) = slot.open(LIMIT, LIMIT);
        let (writer, reader) = (slot.writer(), slot.reader());
        let (bytes, mut out) = (vec![1; size], vec![0; size]);
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            bencher.iter(|| {
                let guard = slot.lock_send();
                writer.write(black_box(&bytes));
                drop(guard);
                sendq.refresh();
                recvq.place(0, &sendq.text(0, size));
                sendq.release(size);
                let guard = slot.lock_recv();
                reader.peek(0, black_box(&mut out));
                reader.consume(size);
                drop(guard);
                recvq.refresh();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, send, receive, pass);
criterion_main!(benches);
