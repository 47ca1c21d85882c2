//! Guaranteed delivery: what a program had handed over arrives, although it was killed.
//!
//! ```text
//!  client  --SendQ 21720-->  link, MTU 1500  --RecvQ 16384-->  server, which does not read
//!    |
//!  kill -9: the FIN joins the SendQ; the server reads; every byte arrives, then end of file
//! ```

use super::checks::Checks;
use super::kernel;
use super::program::Program;
use super::signals::Signals;
use super::stage::{PATIENCE, Stage};
use super::view::{PORT, Sample, View, kernel_rows};
use crate::args::GuaranteedDelivery;
use crate::failure::Failure;
use crate::host;
use crate::library;
use crate::preload::has_library;
use crate::run::{preload, set_way};
use rustix::process::Signal;
use sockeye_clock::monotonic;
use sockeye_host::{HostedOptions, Net, network_file};
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

/// RecvQ of the server, bytes in force; the program asks for half.
const RECV_BUFFER: usize = 16384;
/// SendQ of the client, bytes in force; the program asks for half.
const SEND_BUFFER: usize = 21720;
/// Bytes of a record.
const RECORD: usize = 1024;
/// Milliseconds between two reads, so that what happens between them can be seen.
const READ_PAUSE: &str = "40";
/// How long a state must stay that is said to stay.
const STAY: Duration = Duration::from_secs(1);
/// Seconds after which the host process leaves by itself, should this command be killed and not end it.
const HOST_IDLE: u64 = 5;
/// What the network of the demo looks like when no file is found.
const NETWORK: &str = include_str!("../../../../networks/guaranteed-delivery.toml");

/// Whose sizes the table is checked against.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carrier {
    Sockeye,
    /// Counts buffers in its own way: states and deliveries are checked, sizes are shown.
    Kernel,
}

/// Runs the experiment, prints both logs and the table, and fails if the table does not hold.
pub(crate) fn guaranteed_delivery(arguments: &GuaranteedDelivery) -> Result<(), Failure> {
    if arguments.kernel {
        let address = kernel::address(arguments)?;
        let programs = Programs::find(arguments, "../kernel")?;
        let stage = Stage::new(View::Kernel, Signals::record()?);
        return perform(Carrier::Kernel, stage, &Cast { programs, way: None, address, time_wait: None });
    }
    let programs = Programs::find(arguments, ".")?;
    // Before there is anything that a signal could leave behind.
    let signals = Signals::record()?;
    let folder = Folder::new()?;
    let network = match &arguments.network {
        Some(file) => file.clone(),
        None => folder.write("network.toml", NETWORK)?,
    };
    let Scene { address, time_wait } = Scene::of(&network)?;
    let options =
        HostedOptions { socket: Some(folder.0.join("host.sock")), network: Some(network), host: None };
    let _host = HostProcess(host::start(&options, &[], Some(HOST_IDLE))?);
    let net = Net::connect_existing(&options)?;
    let cast = Cast { programs, way: Some(options), address, time_wait: Some(time_wait) };
    perform(Carrier::Sockeye, Stage::new(View::Sockeye(net), signals), &cast)
}

/// Who plays, and where.
struct Cast {
    programs: Programs,
    /// The host process; `None` for the kernel.
    way: Option<HostedOptions>,
    address: String,
    /// 2MSL of the client's host, if its end is waited for.
    time_wait: Option<Duration>,
}

impl Cast {
    fn start(&self, name: &'static str, arguments: &[&str]) -> Result<Program, Failure> {
        let program = self.programs.0.join(format!("delivery_{name}"));
        let mut command = Command::new(&program);
        command.args(arguments);
        if let Some(way) = &self.way {
            set_way(&mut command, &HostedOptions { host: Some(name.to_owned()), ..way.clone() });
            command.env("SOCKEYE_MODE", "host");
            if !is_linked(&program)? {
                command.env("LD_PRELOAD", preload(&library::find()?, std::env::var_os("LD_PRELOAD")));
            }
        }
        Program::start(name, &mut command)
    }
}

fn perform(carrier: Carrier, mut stage: Stage, cast: &Cast) -> Result<(), Failure> {
    let mut checks = Checks::default();
    let whole = play(carrier, &mut stage, cast, &mut checks)?;
    write!(io::stdout(), "\n{checks}")?;
    match checks.first_broken() {
        None if whole => Ok(writeln!(io::stdout(), "\nThe table holds.")?),
        None => Err(Failure::failed("the experiment did not come to its end")),
        Some(broken) => Err(Failure::failed(broken)),
    }
}

/// The acts, each of which makes sense only if the one before did. Returns whether all were played.
fn play(carrier: Carrier, stage: &mut Stage, cast: &Cast, checks: &mut Checks) -> Result<bool, Failure> {
    Ok(fill(carrier, stage, cast, checks)?
        && kill(carrier, stage, checks)?
        && read(carrier, stage, checks)?
        && end(stage, cast, checks)?)
}

fn fill(carrier: Carrier, stage: &mut Stage, cast: &Cast, checks: &mut Checks) -> Result<bool, Failure> {
    let moment = "filling";
    stage.turn("the server listens, and will not read")?;
    let (port, asked) = (PORT.to_string(), (RECV_BUFFER / 2).to_string());
    stage.server = Some(cast.start("server", &[&cast.address, &port, &asked, READ_PAUSE])?);
    let (_, listens) = stage.watch(|sample, _| sample.listens)?;
    if !checks.add(moment, format!("the server listens on port {PORT}"), listens) {
        return Ok(false);
    }
    stage.turn("the client writes records of 1024 bytes without end")?;
    let asked = (SEND_BUFFER / 2).to_string();
    stage.client = Some(cast.start("client", &[&cast.address, &port, &asked])?);
    let established = |sample: &Sample| sample.server_is("ESTABLISHED") && sample.client_is("ESTABLISHED");
    if carrier == Carrier::Kernel {
        let mut last = (0, 0, monotonic());
        let (_, full) = stage.watch(|sample, _| {
            let queues = (sample.recv_queue(), sample.send_queue());
            if queues != (last.0, last.1) {
                last = (queues.0, queues.1, monotonic());
            }
            established(sample) && queues.0 > 0 && queues.1 > 0 && monotonic().since(last.2) > STAY
        })?;
        return Ok(checks.add(moment, "both queues fill, both ends ESTABLISHED", full));
    }
    let full = |sample: &Sample| {
        established(sample) && sample.recv_queue() == RECV_BUFFER && sample.send_queue() == SEND_BUFFER
    };
    stage.watch(|sample, _| full(sample))?;
    let stays = stage.stays(STAY, full)?;
    let claim = format!(
        "Recv-Q climbs to {RECV_BUFFER}, Send-Q to {SEND_BUFFER}, and they stay; both ends ESTABLISHED"
    );
    if !checks.add(moment, claim, stays) {
        return Ok(false);
    }
    let strangers =
        kernel_rows().map(|rows| rows.iter().any(|row| row.local_port == PORT || row.foreign_port == PORT));
    match strangers {
        Ok(any) => Ok(checks.add(moment, "the kernel carries nothing of it (ss)", !any)),
        // Without ss there is nobody to ask; the rest stands.
        Err(failure) => {
            writeln!(io::stdout(), "not checked: whether the kernel carries it; {}", failure.message)?;
            Ok(true)
        }
    }
}

fn kill(carrier: Carrier, stage: &mut Stage, checks: &mut Checks) -> Result<bool, Failure> {
    let moment = "client killed";
    stage.turn("kill -9 of the client")?;
    if let Some(client) = &mut stage.client {
        client.signal(Signal::KILL)?;
    }
    let queue = |sample: &Sample| match carrier {
        Carrier::Sockeye => sample.recv_queue() == RECV_BUFFER && sample.send_queue() == SEND_BUFFER + 1,
        Carrier::Kernel => true,
    };
    let orphaned =
        |sample: &Sample| sample.server_is("ESTABLISHED") && sample.client_is("FIN_WAIT1") && queue(sample);
    stage.watch(|sample, _| orphaned(sample))?;
    let stays = stage.stays(STAY, orphaned)?;
    let claim = match carrier {
        Carrier::Sockeye => {
            format!(
                "server ESTABLISHED, unchanged; client FIN_WAIT1, Send-Q {} (the FIN counts)",
                SEND_BUFFER + 1
            )
        }
        Carrier::Kernel => "server ESTABLISHED; client FIN_WAIT1".to_owned(),
    };
    Ok(checks.add(moment, claim, stays))
}

fn read(carrier: Carrier, stage: &mut Stage, checks: &mut Checks) -> Result<bool, Failure> {
    let moment = "server reads";
    stage.turn("SIGUSR1 to the server: it reads")?;
    if let Some(server) = &mut stage.server {
        server.signal(Signal::USR1)?;
    }
    let (mut fell, mut refilled, mut half_closed) = (false, false, false);
    stage.watch(|sample, stage| {
        let read: usize = reads(stage).iter().sum();
        fell |= sample.server.is_some() && sample.recv_queue() < RECV_BUFFER;
        // More than RecvQ held at first has been read or waits to be: it came out of the dead client's SendQ.
        refilled |= read + sample.recv_queue() > RECV_BUFFER + 1;
        // What is not read yet, and the FIN.
        let left = sample.recv_queue().checked_sub(1).map(|left| RECV_BUFFER + SEND_BUFFER - left);
        let counted = carrier == Carrier::Kernel
            || left.is_some_and(|read| read.is_multiple_of(RECORD) || read == RECV_BUFFER + SEND_BUFFER);
        half_closed |= sample.server_is("CLOSE_WAIT")
            && sample.client_is("FIN_WAIT2")
            && sample.send_queue() == 0
            && counted;
        stage.server.as_ref().is_none_or(|server| server.output().is_none())
    })?;
    let refill =
        checks.add(moment, "Recv-Q falls, and refills from the SendQ of the dead client", fell && refilled);
    let claim = "server CLOSE_WAIT (Recv-Q counts the FIN); client Send-Q 0, FIN_WAIT2";
    Ok(checks.add(moment, claim, half_closed) && refill)
}

fn end(stage: &mut Stage, cast: &Cast, checks: &mut Checks) -> Result<bool, Failure> {
    let moment = "server has read all";
    stage.turn("the server has read all, and closes")?;
    let began = monotonic();
    let (_, ended) = stage.watch(|sample, _| sample.server.is_none() && sample.client_is("TIME_WAIT"))?;
    let status = stage.server.as_mut().and_then(Program::ended);
    let reads = reads(stage);
    if cast.way.is_some() {
        let mut expected = vec![RECORD; (RECV_BUFFER + SEND_BUFFER) / RECORD];
        expected.push((RECV_BUFFER + SEND_BUFFER) % RECORD);
        let claim = format!(
            "{} reads: 37 of 1024 bytes and one of 216 = {} bytes = {RECV_BUFFER} + {SEND_BUFFER}",
            reads.len(),
            reads.iter().sum::<usize>()
        );
        checks.add(moment, claim, reads == expected);
    } else {
        let bytes: usize = reads.iter().sum();
        checks.add(moment, format!("{} reads, {bytes} bytes, then end of file", reads.len()), bytes > 0);
    }
    checks.add(
        moment,
        "the server ends of itself, with status 0",
        status.is_some_and(|status| status.success()),
    );
    checks.add(moment, "the server's end is gone, the client's in TIME_WAIT", ended);
    let Some(time_wait) = cast.time_wait else { return Ok(true) };
    stage.turn("TIME-WAIT lasts 2MSL")?;
    let (_, gone) = stage.watch_for(time_wait + PATIENCE, |sample, _| sample.client.is_none())?;
    let lasted = monotonic().since(began);
    // A tick of netstat may hide the first moment of TIME-WAIT, not the last.
    let long_enough = lasted + Duration::from_millis(200) >= time_wait;
    checks.add(
        moment,
        format!("the client's end is gone after 2MSL ({} s)", time_wait.as_secs()),
        gone && long_enough,
    );
    Ok(true)
}

/// The sizes of what the server read.
fn reads(stage: &Stage) -> Vec<usize> {
    let lines = stage.server.iter().flat_map(|server| &server.lines);
    lines.filter_map(|line| line.strip_prefix("read: ")?.split_whitespace().next()?.parse().ok()).collect()
}

/// Where delivery_server and delivery_client are.
struct Programs(PathBuf);

impl Programs {
    fn find(arguments: &GuaranteedDelivery, beside: &str) -> Result<Self, Failure> {
        let folder = match &arguments.programs {
            Some(folder) => folder.clone(),
            None => {
                let this = std::env::current_exe().unwrap_or_default();
                this.parent().unwrap_or(Path::new(".")).join(beside)
            }
        };
        let missing =
            ["delivery_server", "delivery_client"].into_iter().find(|name| !folder.join(name).is_file());
        match missing {
            None => Ok(Self(folder)),
            Some(name) => Err(Failure::usage(format!(
                "no {name} in {}; build it (make examples), or name its folder (--programs)",
                folder.display()
            ))),
        }
    }
}

/// Whether the program was linked with the library, and so needs no preloading.
fn is_linked(program: &Path) -> Result<bool, Failure> {
    let bytes =
        fs::read(program).map_err(|error| Failure::usage(format!("{}: {error}", program.display())))?;
    Ok(has_library(&bytes))
}

/// What the experiment takes from a network file.
struct Scene {
    /// Of the server.
    address: String,
    /// 2MSL of the client's host.
    time_wait: Duration,
}

impl Scene {
    fn of(network: &Path) -> Result<Self, Failure> {
        let config = network_file::read(network)?;
        let named = |name: &str| config.hosts.iter().find(|host| host.name == name);
        let lacks = |what: &str| {
            let file = network.display();
            Failure::usage(format!(
                "{file}: the experiment needs {what}, as in networks/guaranteed-delivery.toml"
            ))
        };
        let (Some(server), Some(client)) = (named("server"), named("client")) else {
            return Err(lacks("the hosts \"server\" and \"client\""));
        };
        if server.settings.exact_recv_buffer != Some(RECV_BUFFER) {
            return Err(lacks(&format!("exact_recv_buffer = {RECV_BUFFER} of the host \"server\"")));
        }
        if client.settings.exact_send_buffer != Some(SEND_BUFFER) {
            return Err(lacks(&format!("exact_send_buffer = {SEND_BUFFER} of the host \"client\"")));
        }
        let address = server.addresses.first().ok_or_else(|| lacks("an address of the host \"server\""))?;
        Ok(Self { address: address.to_string(), time_wait: client.settings.time_wait })
    }
}

/// A private folder that is gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("sockeye-lab-{}", std::process::id()));
        let cannot =
            |error| Failure::usage(format!("cannot make the folder {}: {error}; set TMPDIR", path.display()));
        fs::DirBuilder::new().mode(0o700).create(&path).map_err(cannot)?;
        Ok(Self(path))
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.0.join(name);
        match fs::write(&path, text) {
            Ok(()) => Ok(path),
            Err(error) => Err(Failure::usage(format!("cannot write {}: {error}", path.display()))),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed stays in the temporary folder, where it does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The experiment's own host process, which ends with it.
struct HostProcess(Child);

impl Drop for HostProcess {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to end.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
