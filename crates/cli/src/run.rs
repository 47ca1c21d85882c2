//! `sockeye run`: becomes the program, with the library preloaded.

use crate::args::Run;
use crate::failure::Failure;
use crate::preload::obstacle;
use crate::{library, sysctl};
use sockeye_host::HostedOptions;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

/// Returns only if the program cannot be started.
pub(crate) fn run(run: &Run) -> Result<(), Failure> {
    let options = run.way.checked()?;
    let library = library::find()?;
    sysctl::set_before(&options, &run.set)?;
    let (program, arguments) =
        run.program.split_first().ok_or_else(|| Failure::usage("no program to run"))?;
    let mut command = Command::new(program);
    command.args(arguments).env("LD_PRELOAD", preload(&library, std::env::var_os("LD_PRELOAD")));
    set_way(&mut command, &options);
    let name = program.to_string_lossy();
    if let Some(obstacle) = obstacle(program) {
        // The program runs all the same if this cannot be reported.
        let _ = writeln!(
            io::stderr(),
            "sockeye: warning: {name} {obstacle}: it cannot be preloaded, and runs over the kernel's TCP; link it with -lsockeye"
        );
    }
    let error = command.exec();
    Err(match error.kind() {
        // What a shell says and returns.
        ErrorKind::NotFound => Failure { status: 127, message: format!("{name}: {}", missing(program)) },
        _ => Failure { status: 126, message: format!("{name}: cannot be run: {error}") },
    })
}

/// What is missing where the system says that a program is not there.
fn missing(program: &OsStr) -> &'static str {
    let path = Path::new(program);
    match (path.exists(), path.components().count()) {
        (true, 2..) => "the interpreter that it names is not there",
        (_, 2..) => "no such program",
        (..) => "no such program; give its path",
    }
}

/// The environment by which the library knows its host process and its host.
pub(crate) fn set_way(command: &mut Command, options: &HostedOptions) {
    if let Some(socket) = &options.socket {
        command.env("SOCKEYE_SOCKET", socket);
    }
    if let Some(network) = &options.network {
        command.env("SOCKEYE_NETWORK", network);
    }
    if let Some(host) = &options.host {
        command.env("SOCKEYE_AS", host);
    }
}

/// The library comes first, so that its names are found before those of others that are preloaded.
pub(crate) fn preload(library: &Path, others: Option<OsString>) -> OsString {
    let mut list = library.as_os_str().to_owned();
    if let Some(others) = others.filter(|others| !others.is_empty()) {
        list.push(":");
        list.push(others);
    }
    list
}

#[cfg(test)]
mod tests;
