//! Many threads that wait, each for a connection of its own: more than there are groups in a ready list.

#[allow(dead_code, reason = "each test file uses a part")]
#[path = "hostile/bystander.rs"]
mod bystander;
mod common;

use bystander::{BOUND, Bystander};
use common::{LIMIT, Running, Stack, World, pause, sockeye};
use sockeye_clock::monotonic;
use std::time::Duration;

/// Ways to wait.
const WAYS: [&str; 8] = ["poll", "select", "recv", "mixed", "epoll", "churn", "fresh", "fork"];
const THREADS: u32 = 400;
const ROUNDS: &str = "6";
/// Milliseconds in which all threads have their bytes, or as many times what the kernel takes.
const SOON: f64 = 1_000.0;
const TIMES: f64 = 10.0;
/// One in so many round trips of the bystander may take longer than its bound.
const RARE: u64 = 100;

/// What `throng` measured, milliseconds: the first round, and the longest of the others.
fn throng(world: &World, way: &str, threads: u32) -> [f64; 2] {
    let text = Running::start(world.caller("throng", &[way, &threads.to_string(), ROUNDS])).finish_well();
    let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok());
    std::array::from_fn(|_| numbers.next().unwrap_or_else(|| panic!("{way}: {text}")))
}

fn assert_soon(world: &World, kernel: &World, way: &str, threads: u32) {
    let (took, kernels) = (throng(world, way, threads), throng(kernel, way, threads));
    for (took, kernels) in took.into_iter().zip(kernels) {
        let bound = SOON.max(TIMES * kernels);
        assert!(took < bound, "{threads} threads, {way}: {took} ms; the kernel's {kernels} ms");
    }
}

#[test]
fn hundreds_of_threads_wait_no_longer_than_for_the_kernel() {
    let (kernel, world) = (World::new(Stack::Kernel), World::new(Stack::Sockeye));
    let mut bystander = Bystander::start(&world);
    for way in WAYS {
        assert_soon(&world, &kernel, way, THREADS);
    }
    let report = bystander.pause(BOUND).expect("nobody disturbs it");
    // A round trip wakes four threads, each of which may have to wait for hundreds that can run.
    let is_well = report.too_long.len() as u64 * RARE < report.trips && report.longest < SOON;
    assert!(is_well, "the bystander waited: {report:?}");
    let inside = World::new(Stack::Embedded);
    for way in WAYS {
        assert_soon(&inside, &kernel, way, THREADS);
    }
}

/// Where the host process has no descriptors left, threads that poll have neither groups nor tokens.
#[test]
fn who_finds_neither_group_nor_token_waits_all_the_same() {
    let (kernel, world) = (World::new(Stack::Kernel), World::new(Stack::Sockeye));
    let mut command = world.command("sh");
    let socket = world.path("host");
    command.args(["-c", "ulimit -n 160; exec $1 host --socket $2", "sh"]).arg(sockeye()).arg(&socket);
    let host = Running::start(command);
    let deadline = monotonic() + LIMIT;
    while !socket.exists() {
        assert!(monotonic() < deadline, "the host process does not serve: {}", host.errors());
        pause(Duration::from_millis(5));
    }
    for way in ["poll", "select", "mixed", "fresh"] {
        assert_soon(&world, &kernel, way, 200);
    }
}
