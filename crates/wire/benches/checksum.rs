//! The wide checksum beside the textbook one, over the sizes of an ACK, a packet of Ethernet and one of loopback.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use sockeye_wire::checksum::checksum;

/// The checksum as RFC 1071, section 4.1 writes it: one 16-bit word after the other.
fn naive(bytes: &[u8]) -> u16 {
    let mut sum = 0_u32;
    for word in bytes.chunks(2) {
        sum += u32::from(word[0]) << 8 | word.get(1).map_or(0, |&low| u32::from(low));
    }
    while sum >> 16 != 0 {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn checksums(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("checksum");
    for size in [64, 1460, 65_483] {
        let bytes: Vec<u8> = (0..size).map(|place| (place * 31) as u8).collect();
        assert_eq!(checksum(&bytes), naive(&bytes));
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_with_input(BenchmarkId::new("wide", size), &bytes, |bencher, bytes| {
            bencher.iter(|| checksum(black_box(bytes)));
        });
        group.bench_with_input(BenchmarkId::new("naive", size), &bytes, |bencher, bytes| {
            bencher.iter(|| naive(black_box(bytes)));
        });
    }
    group.finish();
}

criterion_group!(benches, checksums);
criterion_main!(benches);
