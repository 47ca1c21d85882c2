//! The `sockeye` command: run programs over Sockeye, serve them, and see what their sockets do.
#![forbid(unsafe_code)]

mod args;
mod failure;
mod host;
mod lab;
mod library;
mod netstat;
mod pause;
mod preload;
mod run;
mod sysctl;
mod waiting;
mod way;

use args::{Command, Lab};
use failure::Failure;
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = args::parse().and_then(|command| match command {
        Command::Run(run) => run::run(&run),
        Command::Host(host) => host::host(&host),
        Command::Netstat(netstat) => netstat::netstat(&netstat),
        Command::Sysctl(sysctl) => sysctl::sysctl(&sysctl),
        Command::Lab { lab: Some(Lab::GuaranteedDelivery(lab)) } => lab::guaranteed_delivery(&lab),
        Command::Lab { lab: None } => {
            Err(Failure::usage("which experiment? There is guaranteed-delivery; see sockeye lab --help"))
        }
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.message.is_empty() {
                // Nothing is left to be done if even this cannot be said.
                let _ = writeln!(io::stderr(), "sockeye: {}", failure.message);
            }
            ExitCode::from(failure.status)
        }
    }
}
