//! A program that scribbles over the memory that it shares with the host process hurts only itself.

mod common;

use common::{LIMIT, Running, Stack, World, pause};
use std::time::Duration;

/// How long one hostile program runs.
const TURN: Duration = Duration::from_millis(700);
/// No wait of the others may be longer, milliseconds.
const LONGEST_WAIT: &str = "2000";
/// Bytes that another program transfers in a turn.
const TRANSFER: &str = "16777216";

/// How long the others work, seconds.
fn seconds() -> u64 {
    match std::env::var("SOCKEYE_STRESS_SECONDS") {
        Ok(value) => value.parse().expect("SOCKEYE_STRESS_SECONDS must be a whole number"),
        Err(_) => 7,
    }
}

/// Pieces of memory that a host process shares with programs, and its descriptors.
fn holdings(host: u32) -> (usize, usize) {
    let maps = std::fs::read_to_string(format!("/proc/{host}/maps")).expect("it lives");
    let shared = maps.lines().filter(|line| line.contains("memfd:sockeye-")).count();
    (shared, std::fs::read_dir(format!("/proc/{host}/fd")).expect("it lives").count())
}

/// Processor time of a process, in the kernel's ticks: hundredths of a second.
fn ticks(process: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it lives");
    let after_name = stat.rsplit_once(')').expect("a name").1;
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
}

/// Waits until `found` is `Ok`.
fn eventually<T>(found: impl Fn() -> Result<T, String>) -> T {
    let deadline = sockeye_clock::monotonic() + LIMIT;
    loop {
        match found() {
            Ok(value) => return value,
            Err(why) => assert!(sockeye_clock::monotonic() < deadline, "{why}"),
        }
        pause(Duration::from_millis(20));
    }
}

/// One transfer, which arrives as it was sent.
fn transfer(world: &World) {
    let mut receiver = world.example("transfer", &["receive", "127.0.0.1", "0"]);
    let port = receiver.listening_port();
    let sent = world.example("transfer", &["send", "127.0.0.1", &port, TRANSFER]).finish_well();
    let received = receiver.finish_well();
    assert_eq!(sent.trim_start_matches("sent"), received.trim_start_matches("received"));
}

/// Prints the seed if what follows fails.
struct Seed(u64);

impl Drop for Seed {
    #[allow(clippy::print_stderr, reason = "a test that fails says why")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the hostile program's seed is {}", self.0);
        }
    }
}

/// A hostile program comes, scribbles while others transfer, and is killed. Then it has no sockets any more.
fn turn(world: &World, seed: u64, port: &str) {
    let _seed = Seed(seed);
    let mut hostile = Running::start(world.caller("hostile", &[&seed.to_string(), port]));
    let own_port = hostile.listening_port();
    hostile.line("scribbling");
    let start = sockeye_clock::monotonic();
    while sockeye_clock::monotonic().since(start) < TURN {
        transfer(world);
    }
    hostile.kill();
    hostile.ends_within(LIMIT).expect("killed");
    let address = format!(":{own_port} ");
    eventually(|| {
        let left: Vec<String> = world
            .netstat()
            .lines()
            .filter(|line| line.contains(&address) && !line.contains("TIME_WAIT"))
            .map(ToOwned::to_owned)
            .collect();
        if left.is_empty() { Ok(()) } else { Err(format!("left of seed {seed}: {left:#?}")) }
    });
}

#[test]
fn programs_that_scribble_over_shared_memory_hurt_only_themselves() {
    let world = World::new(Stack::Sockeye);
    let (_peer, port) = world.server("thread_server", &[]);
    let hosts = world.host_processes();
    let &[host] = &hosts[..] else { panic!("one host process, not {hosts:?}") };
    let before = holdings(host);
    let seconds = seconds();
    let waits = Running::start(world.caller("waits", &["-l", LONGEST_WAIT, &seconds.to_string()]));
    let start = sockeye_clock::monotonic();
    // Each run has others; with these it can be had again.
    let mut seed = start.as_nanos() % 1_000_000_000;
    while sockeye_clock::monotonic().since(start) < Duration::from_secs(seconds) {
        seed += 1;
        turn(&world, seed, &port);
        assert_eq!(world.host_processes(), hosts, "with seed {seed} the host process ended");
    }
    let status = waits.ends_within(Duration::from_secs(seconds) + LIMIT).expect("the others go on");
    assert!(status.success(), "up to seed {seed}: {}", waits.errors());
    eventually(|| match holdings(host) {
        now if now == before => Ok(()),
        now => {
            Err(format!("the host process holds {now:?} pieces of memory and descriptors, not {before:?}"))
        }
    });
    let used = ticks(host);
    pause(Duration::from_secs(1));
    assert!(ticks(host) - used <= 5, "the host process works for nobody");
    transfer(&world);
    assert_eq!(world.host_processes(), hosts);
}
