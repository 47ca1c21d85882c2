//! A host process for tests: `host [--background] [--socket PATH] [--network FILE] [--idle SECONDS]`, as `sockeye host`.
//!
//! And what needs processes of its own, against the host at `SOCKEYE_SOCKET`: see `child`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command")]

#[path = "host/child.rs"]
mod child;

use sockeye_host::{HostedOptions, Net, ServeOptions, serve};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("host") => host(arguments),
        Some(part) => child::play(part, &arguments.collect::<Vec<_>>()),
        None => Err("say `host`, or the name of a part".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("sockeye: {why}");
            ExitCode::from(2)
        }
    }
}

fn host(mut arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn std::error::Error>> {
    let mut options = ServeOptions::default();
    let mut is_background = false;
    let mut passed_on = vec!["host".to_owned()];
    while let Some(name) = arguments.next() {
        if name == "--background" {
            is_background = true;
            continue;
        }
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        passed_on.extend([name.clone(), value.clone()]);
        match name.as_str() {
            "--socket" => options.socket = Some(value.into()),
            "--network" => options.network = Some(value.into()),
            "--idle" => options.idle = Some(Duration::from_secs_f64(value.parse()?)),
            _ => return Err(format!("{name} is unknown").into()),
        }
    }
    if !is_background {
        return Ok(serve(&options)?);
    }
    let mut command = Command::new(std::env::current_exe()?);
    let mut child =
        command.args(passed_on).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let way = HostedOptions { socket: options.socket, network: options.network, host: None };
    while Net::connect_existing(&way).is_err() {
        if let Some(status) = child.try_wait()? {
            return Err(format!("the host process ended: {status}").into());
        }
    }
    Ok(())
}
