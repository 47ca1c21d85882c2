//! What surrounds a combination: a host process, a bystander, and what both were like before.

use crate::common::{LIMIT, Running, Stack, World, pause, signal};
use rustix::process::Signal;
use sockeye_clock::monotonic;
use sockeye_host::{HostedOptions, Net};
use std::time::Duration;

use super::cast::{Pulse, reap};

/// How long the host may keep what was a dead program's, beyond what the machine is late.
const SECOND: Duration = Duration::from_secs(1);

/// A world with a bystander in it.
pub struct Stage {
    pub world: World,
    pub pulse: Pulse,
    bystander: Running,
    host: Option<Host>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.kill_host();
    }
}

/// The host process, and what it held before anybody else came.
struct Host {
    number: u32,
    net: Net,
    holdings: (usize, usize),
    sockets: Vec<String>,
}

impl Stage {
    pub fn new(stack: Stack) -> Self {
        // So that the host process becomes a child: others must not be traced everywhere.
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        let world = World::new(stack);
        let bystander = start_bystander(&world);
        let host = (stack == Stack::Sockeye).then(|| Host::find(&world));
        Self { world, pulse: Pulse::start(), bystander, host }
    }

    /// The process number of the host.
    pub fn host(&self) -> u32 {
        self.host.as_ref().expect("hosted").number
    }

    /// Kills it, and waits until it is dead.
    pub fn kill_host(&mut self) {
        if let Some(host) = self.host.take() {
            signal(host.number, Signal::KILL);
            reap(host.number);
        }
    }

    /// How long a transfer of the bystander takes.
    pub fn turn(&mut self) -> Duration {
        let start = monotonic();
        self.bystander.write(b"\n");
        self.bystander.line("turned");
        monotonic().since(start)
    }

    /// After a combination: nothing of it is left, and the bystander goes on.
    pub fn check(&mut self) -> Result<(), String> {
        self.turn();
        let Some(host) = &self.host else { return Ok(()) };
        self.pulse.reset();
        let start = monotonic();
        loop {
            match host.left() {
                None => return Ok(()),
                Some(left) if monotonic().since(start) > self.pulse.allow(SECOND) => return Err(left),
                Some(_) => pause(Duration::from_millis(2)),
            }
        }
    }

    /// After the death of the host: the next programs have another.
    pub fn check_without_host(&mut self) {
        self.bystander = start_bystander(&self.world);
        self.turn();
        self.host = Some(Host::find(&self.world));
    }

    /// Whether the host does nothing once nobody asks for anything.
    pub fn check_idle(&self) -> Result<(), String> {
        const TICKS: u64 = 2;
        let Some(host) = &self.host else { return Ok(()) };
        let before = ticks(host.number);
        pause(Duration::from_secs(1));
        match ticks(host.number) - before {
            ..=TICKS => Ok(()),
            used => Err(format!("the host process works for nobody: {used} hundredths of a second")),
        }
    }
}

fn start_bystander(world: &World) -> Running {
    let mut bystander = Running::start(world.caller("crash_bystander", &[]));
    bystander.line("ready");
    bystander
}

impl Host {
    fn find(world: &World) -> Self {
        let socket = Some(world.path("host"));
        let net =
            Net::connect_existing(&HostedOptions { socket, ..HostedOptions::default() }).expect("it serves");
        // It serves, and so is not one that is about to find that another does.
        let number = only_host(world);
        // What has ended rightly is not to make the lists long.
        net.set_sysctl("net.ipv4.tcp_max_tw_buckets", "4").expect("it serves").expect("a setting");
        let mut host = Self { number, net, holdings: (0, 0), sockets: Vec::new() };
        host.sockets = host.sockets();
        host.holdings = holdings(number);
        host
    }

    fn sockets(&self) -> Vec<String> {
        let all = self.net.sockets(true).expect("the host lives");
        let lines = all.into_iter().filter(|(_, info)| info.state != "TIME_WAIT");
        let mut lines: Vec<String> =
            lines.map(|(_, info)| format!("{} {} {}", info.local, info.foreign, info.state)).collect();
        lines.sort();
        lines
    }

    /// What there is more, or less, than before.
    fn left(&self) -> Option<String> {
        let (sockets, held) = (self.sockets(), holdings(self.number));
        let new: Vec<&String> = sockets.iter().filter(|line| !self.sockets.contains(line)).collect();
        let is_same = sockets.len() == self.sockets.len() && new.is_empty() && held == self.holdings;
        let before = self.holdings;
        (!is_same).then(|| {
            format!("left are {new:?}; held are {held:?} pieces of memory and descriptors, not {before:?}")
        })
    }
}

/// The process number of the host. If several programs find none at the same time, all start one, of which one stays.
fn only_host(world: &World) -> u32 {
    let start = monotonic();
    loop {
        match &world.host_processes()[..] {
            &[number] => return number,
            numbers => assert!(monotonic().since(start) < LIMIT, "one host process, not {numbers:?}"),
        }
        pause(Duration::from_millis(5));
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
