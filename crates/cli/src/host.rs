//! `sockeye host`: the process that owns the connections.

use crate::args::{Host, Way};
use crate::failure::Failure;
use crate::pause::pause;
use crate::sysctl;
use sockeye_clock::monotonic;
use sockeye_host::{HostedOptions, Net, ServeOptions, serve};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long a host process may take to begin to serve, on a machine under load.
const START: Duration = Duration::from_secs(20);

/// Serves here, or starts a process that does.
pub(crate) fn host(host: &Host) -> Result<(), Failure> {
    let way = Way { network: host.network.clone(), host: None, socket: host.socket.clone() };
    let options = HostedOptions { host: None, ..way.checked()? };
    let sysctl = sysctl::assignments(&host.set)?;
    if host.background {
        return start(&options, &host.set, host.idle).map(drop);
    }
    run_without_thread_cache();
    let idle = host.idle.map(Duration::from_secs);
    serve(&ServeOptions { socket: options.socket, network: options.network, sysctl, idle })?;
    Ok(())
}

/// Runs this command anew with glibc's cache of freed pieces off, which can only be said before a process starts. What is in that cache counts as
/// used, lies anywhere after many sockets, and nothing around it is given back to the system. The engine is as fast without it.
fn run_without_thread_cache() {
    const VARIABLE: &str = "GLIBC_TUNABLES";
    const CACHE: &str = "glibc.malloc.tcache_count";
    let told = std::env::var(VARIABLE).unwrap_or_default();
    let arguments: Vec<_> = std::env::args_os().collect();
    let (Ok(this), Some((name, arguments))) = (std::env::current_exe(), arguments.split_first()) else {
        return;
    };
    if cfg!(target_env = "gnu") && !told.contains(CACHE) {
        let told = if told.is_empty() { format!("{CACHE}=0") } else { format!("{told}:{CACHE}=0") };
        // If it cannot be, it serves as it is.
        let _ = Command::new(this).arg0(name).args(arguments).env(VARIABLE, told).exec();
    }
}

/// Starts a host process and waits until it serves.
pub(crate) fn start(options: &HostedOptions, set: &[String], idle: Option<u64>) -> Result<Child, Failure> {
    if Net::connect_existing(options).is_ok() {
        return Err(Failure::usage("a host process serves there already; end it, or use another --socket"));
    }
    let this = std::env::current_exe()
        .map_err(|error| Failure::usage(format!("cannot find this command: {error}")))?;
    let mut command = Command::new(&this);
    command.arg("host").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).process_group(0);
    command.args(options.socket.iter().flat_map(|path| ["--socket".as_ref(), path.as_os_str()]));
    command.args(options.network.iter().flat_map(|path| ["--network".as_ref(), path.as_os_str()]));
    command.args(set.iter().flat_map(|assignment| ["--set", assignment]));
    command.args(idle.iter().flat_map(|seconds| ["--idle".to_owned(), seconds.to_string()]));
    let mut child = command
        .spawn()
        .map_err(|error| Failure::usage(format!("cannot start {}: {error}", this.display())))?;
    match wait_until_it_serves(&mut child, options) {
        Ok(()) => Ok(child),
        Err(failure) => {
            // It may have ended already; then there is nothing to end.
            let _ = child.kill();
            let _ = child.wait();
            Err(failure)
        }
    }
}

fn wait_until_it_serves(child: &mut Child, options: &HostedOptions) -> Result<(), Failure> {
    let deadline = monotonic() + START;
    while Net::connect_existing(options).is_err() {
        if let Ok(Some(status)) = child.try_wait() {
            let mut said = String::new();
            if let Some(stderr) = &mut child.stderr {
                // What cannot be read is not known to have been said.
                let _ = stderr.read_to_string(&mut said);
            }
            let said = said.lines().next().unwrap_or("it said nothing");
            let said = said.strip_prefix("sockeye: ").unwrap_or(said);
            return Err(Failure::usage(format!("the host process ended ({status}): {said}")));
        }
        if monotonic() > deadline {
            return Err(Failure::usage(format!(
                "the host process does not serve after {} s",
                START.as_secs()
            )));
        }
        pause(Duration::from_millis(5));
    }
    Ok(())
}
