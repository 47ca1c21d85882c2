//! Where attacks are played: a host process, the bystanders, and what is looked at after each.

use crate::attacks::Attack;
use crate::bystander::{Bystander, Report};
use crate::common::{LIMIT, Running, Stack, World, pause, sockeye};
use crate::holdings::{Holdings, processor};
use crate::wire;
use rustix::io::Errno;
use sockeye_clock::monotonic;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How long an attack that has no end lasts.
pub const TURN: Duration = Duration::from_millis(200);
/// How long the host process may take to put things in order again.
const ORDER: Duration = Duration::from_secs(5);
/// The bystander's: a listener, and both ends of a connection.
const OWN_SOCKETS: usize = 3;
/// How long it is watched at rest.
const REST: Duration = Duration::from_millis(200);
/// Hundredths of a processor that may go to nothing.
const IDLE: f64 = 1.0;

/// A host process with its bystanders.
pub struct Field {
    pub world: World,
    host: Running,
    bystander: Bystander,
    socket: PathBuf,
    /// Descriptors that the host process may have.
    pub descriptors: Option<u32>,
    before: Holdings,
}

/// What a seed of an attack showed.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub report: Report,
    pub before: Holdings,
    pub after: Holdings,
    /// Processor time at rest afterwards, hundredths.
    pub idle: f64,
    /// What was not as it has to be.
    pub faults: Vec<String>,
}

impl Field {
    /// A host process that may have so many descriptors, and two programs that have talked for a while.
    pub fn new(descriptors: Option<u32>) -> Self {
        let world = World::new(Stack::Sockeye);
        let socket = world.path("host");
        let limit = descriptors.map_or_else(|| "hard".into(), |count| count.to_string());
        let mut command = world.command("sh");
        // TIME-WAIT takes a minute, for which nobody here waits.
        let script = "ulimit -n $1; exec $2 host --socket $3 --set net.ipv4.tcp_max_tw_buckets=8";
        command.args(["-c", script, "sh", &limit]).arg(sockeye()).arg(&socket);
        let host = Running::start(command);
        let deadline = monotonic() + LIMIT;
        while wire::dial(&socket).is_err() {
            assert!(monotonic() < deadline, "the host process does not serve: {}", host.errors());
            pause(Duration::from_millis(5));
        }
        let bystander = Bystander::start(&world);
        let mut field = Self { world, host, bystander, socket, descriptors, before: Holdings::default() };
        field.warm_up();
        field.remember();
        field
    }

    /// What is made once, for whoever comes first, is there before anything is measured.
    fn warm_up(&mut self) {
        pause(Duration::from_millis(150));
        self.bystander.pause(f64::INFINITY).expect("nobody disturbs it");
        self.bystander.newcomer(&self.world).expect("nobody disturbs it");
        let (status, text) = self.program("crowd", &["sockets", "200"]).finish();
        assert!(status.success(), "a crowd: {text}");
        self.look_at_sockets().expect("nobody disturbs it");
        self.look_at_rest().expect("nobody disturbs it");
    }

    /// What the host process has now is what it is to have afterwards.
    pub fn remember(&mut self) {
        self.before = Holdings::of(self.host());
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub fn host(&self) -> u32 {
        self.host.number
    }

    /// Where the bystander listens.
    pub fn port(&self) -> &str {
        &self.bystander.port
    }

    /// A program of `tests/calls`.
    pub fn program(&self, name: &str, arguments: &[&str]) -> Running {
        Running::start(self.world.caller(name, arguments))
    }

    /// Kills a program.
    pub fn end(&self, program: Running) -> Result<(), String> {
        program.kill();
        program.ends_within(LIMIT).map(drop).ok_or_else(|| "a program cannot be killed".into())
    }

    /// A new program can do what the bystanders do.
    pub fn newcomer(&self) -> Result<(), String> {
        self.bystander.newcomer(&self.world)
    }

    /// Plays an attack, and looks at what it has left.
    pub fn play(&mut self, attack: &Attack, seed: u64) -> Found {
        let mut found = Found { before: self.before, ..Found::default() };
        self.bystander.go();
        let played = (attack.play)(self, seed);
        // What becomes of its sockets is a part of it.
        pause(Duration::from_millis(100));
        found.faults.extend(played.err());
        match self.bystander.pause(attack.bound) {
            Ok(report) => found.report = report,
            Err(why) => found.faults.push(why),
        }
        if found.report.trips == 0 {
            found.faults.push("the bystander was kept from its work".into());
        }
        let too_long = found.report.too_long.iter().copied().fold(0.0, f64::max);
        if too_long > 0.0 {
            let times = found.report.too_long.len();
            found.faults.push(format!("{times} round trips of the bystander took up to {too_long:.0} ms"));
        }
        let looks = [Self::look_at_sockets, Self::look_at_holdings];
        found.faults.extend(looks.iter().filter_map(|look| look(self).err()));
        found.after = Holdings::of(self.host());
        match self.look_at_rest() {
            Ok(idle) => found.idle = idle,
            Err(why) => found.faults.push(why),
        }
        found.faults.extend(self.newcomer().err());
        if self.world.host_processes() != [self.host()] {
            found.faults.push(format!("the host process ended: {}", self.host.errors().trim()));
        }
        found
    }

    /// Sockets that are not the bystander's, but for TIME-WAIT.
    fn strangers(&self) -> Result<Vec<String>, String> {
        let mut command = self.world.command(sockeye());
        command.args(["netstat", "-a", "-n"]);
        let (status, text) = Running::start(command).finish();
        if !status.success() {
            return Err(format!("netstat: {text}"));
        }
        let own = format!(":{} ", self.bystander.port);
        let lines = text.lines().filter(|line| line.starts_with("tcp") && !line.contains("TIME_WAIT"));
        let (own, mut others): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.contains(&own));
        if own.len() > OWN_SOCKETS {
            others.extend(own);
        }
        Ok(others.into_iter().map(ToOwned::to_owned).collect())
    }

    fn look_at_sockets(&self) -> Result<(), String> {
        eventually(|| match self.strangers()? {
            left if left.is_empty() => Ok(()),
            left => Err(format!("{} sockets are left: {:#?}", left.len(), &left[..left.len().min(6)])),
        })
    }

    fn look_at_holdings(&self) -> Result<(), String> {
        eventually(|| match Holdings::of(self.host()) {
            now if now.is_back(&self.before) => Ok(()),
            now => Err(format!(
                "the host process has {} KiB and {} descriptors, not {} and {}",
                now.memory, now.descriptors, self.before.memory, self.before.descriptors
            )),
        })
    }

    fn look_at_rest(&self) -> Result<f64, String> {
        eventually(|| match self.work_at_rest() {
            idle if idle <= IDLE => Ok(idle),
            busy => Err(format!("the host process works for nobody, {busy:.0} % of a processor")),
        })
    }

    /// Hundredths of a processor that the host process uses while nobody wants anything.
    fn work_at_rest(&self) -> f64 {
        let (used, start) = (processor(self.host()), monotonic());
        pause(REST);
        let used = processor(self.host()).saturating_sub(used);
        used.as_secs_f64() / monotonic().since(start).as_secs_f64() * 100.0
    }
}

/// Does something over and over. That its own session ends is no fault; that nobody answers is.
pub fn while_it_lasts(mut attack: impl FnMut() -> Result<(), Errno>) -> Result<(), String> {
    let end = monotonic() + TURN;
    while monotonic() < end {
        if attack() == Err(Errno::AGAIN) {
            return Err("the host process does not answer".into());
        }
    }
    Ok(())
}

/// The same, in two threads.
pub fn twice_while_it_lasts(attack: impl Fn() -> Result<(), Errno> + Sync) -> Result<(), String> {
    thread::scope(|scope| {
        let other = scope.spawn(|| while_it_lasts(&attack));
        while_it_lasts(&attack)?;
        other.join().expect("no panic")
    })
}

/// Waits until all is in order.
fn eventually<T>(look: impl Fn() -> Result<T, String>) -> Result<T, String> {
    let deadline = monotonic() + ORDER;
    loop {
        match look() {
            Err(why) if monotonic() >= deadline => return Err(why),
            Err(_) => pause(Duration::from_millis(20)),
            Ok(value) => return Ok(value),
        }
    }
}
