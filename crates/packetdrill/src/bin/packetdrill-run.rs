//! Runs packetdrill's TCP scripts against the library, in their three variants, as the tool's own `run_all.py` runs them against a kernel.
//!
//! `packetdrill-run DIR [-v] [--log FILE] [PART...]`: DIR holds `packetdrill/packetdrill` and `tcp/`; of several PARTs each script whose path
//! contains one is run.
#![forbid(unsafe_code)]
#![allow(clippy::print_stdout, clippy::print_stderr)]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::time::Duration;

/// How long a script may run, in real time.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// What a thread of the tool has for its stack, bytes.
const STACK: u64 = 1 << 20;
/// Makes room for what scripts write to /sys/module; the host under test has no modules.
const MODULES: &str =
    "mount -t tmpfs none /sys/module && mkdir -p /sys/module/tcp_cubic/parameters; exec \"$0\" \"$@\"";
/// The user `nobody`.
const NOBODY: u32 = 65_534;

#[derive(Clone, Copy, Debug)]
enum Variant {
    V4,
    V6,
    Mapped,
}

#[derive(Debug)]
struct Run {
    script: PathBuf,
    variant: Variant,
}

#[derive(Debug)]
struct Plan {
    tool: PathBuf,
    scripts: PathBuf,
    library: PathBuf,
    stand_ins: PathBuf,
    scratch: PathBuf,
    log: PathBuf,
    parts: Vec<String>,
    is_verbose: bool,
}

impl Variant {
    const fn name(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
            Self::Mapped => "ipv4-mapped-v6",
        }
    }

    /// The name of an option that sets one of the hosts' addresses, in the variant's family.
    fn named(self, option: &str) -> Option<&str> {
        let (name, address) = option.split_once('=')?;
        let address: IpAddr = address.parse().ok()?;
        let is_ours = address.is_ipv6() == matches!(self, Self::V6);
        (is_ours && matches!(name, "--local_ip" | "--remote_ip")).then_some(name)
    }

    /// As `CmdTestIPv4` and its like in `run_all.py`.
    fn arguments(self) -> Vec<&'static str> {
        let (network, own): (&[_], &[_]) = match self {
            Self::V4 => (
                &V4_NETWORK,
                &["--ip_version=ipv4", "-DCMSG_LEVEL_IP=SOL_IP", "-DCMSG_TYPE_RECVERR=IP_RECVERR"],
            ),
            Self::V6 => (
                &V6_NETWORK,
                &["--ip_version=ipv6", "-DCMSG_LEVEL_IP=SOL_IPV6", "-DCMSG_TYPE_RECVERR=IPV6_RECVERR"],
            ),
            Self::Mapped => (
                &V4_NETWORK,
                &[
                    "--ip_version=ipv4-mapped-ipv6",
                    "-DCMSG_LEVEL_IP=SOL_IPV6",
                    "-DCMSG_TYPE_RECVERR=IPV6_RECVERR",
                ],
            ),
        };
        [network, own].concat()
    }
}

/// Both hosts' addresses, and what depends on them.
const V4_NETWORK: [&str; 6] = [
    "--local_ip=192.168.0.1",
    "--gateway_ip=192.168.0.1",
    "--netmask_ip=255.255.0.0",
    "--remote_ip=192.0.2.1",
    "-DTFO_COOKIE=3021b9d889017eeb",
    "-DCODE=host_unreachable",
];
const V6_NETWORK: [&str; 5] = [
    "--mtu=1520",
    "--local_ip=fd3d:0a0b:17d6::1",
    "--gateway_ip=fd3d:0a0b:17d6:8888::1",
    "--remote_ip=fd3d:fa7b:d17d::1",
    "-DTFO_COOKIE=c1d1e9742a47a9bc",
];

impl Run {
    /// The variant's, without the addresses that the script names itself: the tool prefers arguments to what a script says, and cookies
    /// belong to addresses. Addresses of the other family do not replace the variant's. A script that names the local address alone is
    /// written for the tool's defaults of the others.
    fn arguments(&self) -> Vec<&'static str> {
        let text = fs::read_to_string(&self.script).unwrap_or_default();
        let own: Vec<&str> = text.lines().filter_map(|line| self.variant.named(line.trim())).collect();
        let has_defaults = own == ["--local_ip"];
        let is_left_out = |argument: &str| {
            let is_named = self.variant.named(argument).is_some_and(|name| own.contains(&name));
            is_named || (has_defaults && argument.contains("_ip="))
        };
        self.variant.arguments().into_iter().filter(|argument| !is_left_out(argument)).collect()
    }
}

fn main() -> ExitCode {
    match Plan::from_arguments().and_then(|plan| plan.run()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("packetdrill-run: {why}");
            ExitCode::from(2)
        }
    }
}

impl Plan {
    fn from_arguments() -> Result<Self, String> {
        let mut words = std::env::args().skip(1);
        let (mut folder, mut log, mut is_verbose, mut parts) = (None, None, false, Vec::new());
        while let Some(word) = words.next() {
            match word.as_str() {
                "-v" => is_verbose = true,
                "--log" => log = words.next().map(PathBuf::from),
                _ if folder.is_none() => folder = Some(PathBuf::from(word)),
                _ => parts.push(word),
            }
        }
        let folder =
            folder.ok_or("which folder? give the one with packetdrill/packetdrill and tcp/ (gtests/net)")?;
        let folder = fs::canonicalize(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        // The tool's own folder is as good as its parent.
        let folder = match folder.file_name().is_some_and(|name| name == "packetdrill") {
            true => folder.parent().map(Path::to_owned).unwrap_or(folder),
            false => folder,
        };
        let tool = folder.join("packetdrill/packetdrill");
        if !tool.is_file() {
            return Err(format!(
                "{} is missing: build packetdrill there (./configure && make)",
                tool.display()
            ));
        }
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let scratch = std::env::temp_dir().join(format!("sockeye-packetdrill-{}", std::process::id()));
        Ok(Self {
            tool,
            scripts: folder.join("tcp"),
            library: own.with_file_name("libsockeye_packetdrill.so"),
            stand_ins: Path::new(env!("CARGO_MANIFEST_DIR")).join("stand-ins"),
            scratch,
            log: log.unwrap_or_else(|| PathBuf::from("build/packetdrill.log")),
            parts,
            is_verbose,
        })
    }

    fn run(&self) -> Result<bool, String> {
        let told = |error: std::io::Error| error.to_string();
        make_locked_memory_fit();
        fs::create_dir_all(&self.scratch).map_err(told)?;
        fs::set_permissions(&self.scratch, fs::Permissions::from_mode(0o777)).map_err(told)?;
        let runs = Mutex::new(self.runs().map_err(told)?.into_iter().enumerate());
        let results = Mutex::new(Vec::new());
        let workers = std::thread::available_parallelism().map_or(2, |count| count.get());
        std::thread::scope(|scope| {
            for _ in 0..workers {
                scope.spawn(|| self.work(&runs, &results));
            }
        });
        let _ = fs::remove_dir_all(&self.scratch);
        let results = results.into_inner().unwrap_or_default();
        self.report(&results).map_err(told)
    }

    /// Runs scripts until none is left.
    fn work(
        &self,
        runs: &Mutex<impl Iterator<Item = (usize, Run)>>,
        results: &Mutex<Vec<(Run, Option<String>)>>,
    ) {
        loop {
            let next = lock(runs).next();
            let Some((index, run)) = next else { return };
            let failure = self.run_one(index, &run);
            if self.is_verbose {
                let word = if failure.is_none() { "ok  " } else { "FAIL" };
                println!("{word} {} ({})", self.shown(&run.script), run.variant.name());
                if let Some(text) = &failure {
                    println!("{text}");
                }
            }
            lock(results).push((run, failure));
        }
    }

    /// The names decide: `*v4.pkt` and `*v6.pkt` are of one family.
    fn runs(&self) -> std::io::Result<Vec<Run>> {
        let mut scripts = Vec::new();
        find_scripts(&self.scripts, &mut scripts)?;
        scripts.sort();
        let mut runs = Vec::new();
        for script in scripts {
            let name = script.to_string_lossy().into_owned();
            if !self.parts.is_empty() && !self.parts.iter().any(|part| name.contains(part.as_str())) {
                continue;
            }
            if !name.ends_with("v6.pkt") {
                runs.push(Run { script: script.clone(), variant: Variant::V4 });
                runs.push(Run { script: script.clone(), variant: Variant::Mapped });
            }
            if !name.ends_with("v4.pkt") {
                runs.push(Run { script, variant: Variant::V6 });
            }
        }
        Ok(runs)
    }

    /// `None` if the script passed, else what the tool said.
    fn run_one(&self, index: usize, run: &Run) -> Option<String> {
        match self.try_run(index, run) {
            Ok(failure) => failure,
            Err(error) => Some(format!("cannot be run: {error}")),
        }
    }

    fn try_run(&self, index: usize, run: &Run) -> std::io::Result<Option<String>> {
        let (Some(folder), Some(name)) = (run.script.parent(), run.script.file_name()) else {
            return Ok(Some("not a script".to_owned()));
        };
        let settings = self.scratch.join(format!("settings-{index}"));
        fs::write(&settings, "")?;
        fs::set_permissions(&settings, fs::Permissions::from_mode(0o666))?;
        let output = self.scratch.join(format!("output-{index}"));
        let out = File::create(&output)?;
        let mut command = self.command(run);
        command
            .arg("--send_omit_free")
            .args(run.arguments())
            .arg(format!("--so_filename={}", self.library.display()))
            .arg(format!("--so_flags={}", self.flags(run)))
            .args(self.is_verbose.then_some("-v"))
            .arg(name)
            .current_dir(folder)
            .env("LD_PRELOAD", &self.library)
            .env("PATH", self.path())
            .env("SOCKEYE_PACKETDRILL_SETTINGS", &settings)
            .stdin(Stdio::null())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0);
        if rustix::process::geteuid().is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        let mut child = command.spawn()?;
        let status = if has_ended_in_time(&child)? {
            Some(child.wait()?)
        } else {
            child.kill()?;
            child.wait()?;
            None
        };
        let said = String::from_utf8_lossy(&fs::read(&output)?).into_owned();
        Ok(match status {
            Some(status) if status.success() => None,
            Some(status) => Some(format!("{said}\n{status}")),
            None => Some(format!("took more than {} s\n{said}", TIME_LIMIT.as_secs())),
        })
    }

    /// The tool; with a /sys/module of its own, where the system lets every user have one, for scripts that set modules.
    fn command(&self, run: &Run) -> Command {
        let text = fs::read_to_string(&run.script).unwrap_or_default();
        if !text.contains("/sys/module/") {
            return Command::new(&self.tool);
        }
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", MODULES]).arg(&self.tool);
        command
    }

    /// What the host has to know, and the tool knows from its arguments and from the script.
    fn flags(&self, run: &Run) -> String {
        let text = fs::read_to_string(&run.script).unwrap_or_default();
        let mut flags = String::new();
        let arguments = run.arguments();
        for word in arguments.iter().copied().chain(text.split_whitespace()) {
            if let Some(mtu) = word.strip_prefix("--mtu=") {
                let _ = write!(flags, "mtu={mtu},");
            } else if let Some(address) = word.strip_prefix("--local_ip=") {
                let _ = write!(flags, "address={address},");
            }
        }
        if self.is_verbose {
            flags.push_str("verbose");
        }
        flags
    }

    fn path(&self) -> OsString {
        let mut path = self.stand_ins.clone().into_os_string();
        path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        path
    }

    fn shown(&self, script: &Path) -> String {
        script.strip_prefix(&self.scripts).unwrap_or(script).display().to_string()
    }

    /// Prints what passed and failed in each folder, and writes the failures to the log.
    fn report(&self, results: &[(Run, Option<String>)]) -> std::io::Result<bool> {
        let mut folders: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let mut failures = Vec::new();
        for (run, failure) in results {
            let shown = self.shown(&run.script);
            let folder = shown.split('/').next().unwrap_or_default().to_owned();
            let counts = folders.entry(folder).or_default();
            match failure {
                None => counts.0 += 1,
                Some(text) => {
                    counts.1 += 1;
                    failures.push(format!("{shown} ({}): {}", run.variant.name(), first_line(text)));
                }
            }
        }
        failures.sort();
        if let Some(folder) = self.log.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&self.log, failures.iter().map(|line| format!("{line}\n")).collect::<String>())?;
        println!("{:<20} passed failed", "folder");
        for (folder, (passed, failed)) in &folders {
            println!("{folder:<20} {passed:>6} {failed:>6}");
        }
        println!("{:<20} {:>6} {:>6}", "total", results.len() - failures.len(), failures.len());
        if !failures.is_empty() {
            println!("failures: {}", self.log.display());
        }
        Ok(failures.is_empty())
    }
}

/// The tool's first line about the script, without the warnings before it.
fn first_line(text: &str) -> &str {
    let is_error =
        |line: &&str| line.contains(".pkt:") || line.contains("rror") || line.contains("took more");
    let first = text.lines().find(is_error);
    first.or_else(|| text.lines().find(|line| !line.is_empty())).unwrap_or("no output")
}

/// The tool locks all its memory, also the stacks of its threads, of which a user may lock little.
fn make_locked_memory_fit() {
    let most = rustix::process::getrlimit(rustix::process::Resource::Memlock).maximum;
    let limit = rustix::process::Rlimit { current: most, maximum: most };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Memlock, limit);
    let stack = rustix::process::getrlimit(rustix::process::Resource::Stack);
    let limit = rustix::process::Rlimit { current: Some(STACK), maximum: stack.maximum };
    let _ = rustix::process::setrlimit(rustix::process::Resource::Stack, limit);
}

/// Waits for the end of a child as long as a script may run.
fn has_ended_in_time(child: &Child) -> std::io::Result<bool> {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).ok_or(std::io::ErrorKind::NotFound)?;
    let descriptor = pidfd_open(pid, PidfdFlags::empty())?;
    let limit = Timespec { tv_sec: TIME_LIMIT.as_secs() as i64, tv_nsec: 0 };
    Ok(poll(&mut [PollFd::new(&descriptor, PollFlags::IN)], Some(&limit))? > 0)
}

fn find_scripts(folder: &Path, scripts: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find_scripts(&path, scripts)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") {
            scripts.push(path);
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
