//! What may be written after `sockeye`.

use crate::failure::Failure;
use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;

/// A TCP in user space for programs written for the kernel's.
#[derive(Debug, Parser)]
#[command(name = "sockeye", version, infer_subcommands = false)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a finished program over Sockeye (by preloading the library)
    Run(Run),
    /// Serve programs: the process that owns the connections (started by the library when it is needed)
    Host(Host),
    /// Show sockets, as netstat does
    Netstat(Netstat),
    /// Show and change the settings of a host, under Linux's names
    Sysctl(Sysctl),
    /// Run an experiment
    Lab {
        #[command(subcommand)]
        lab: Option<Lab>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Lab {
    /// What a program had sent is delivered although it was killed with SIGKILL
    GuaranteedDelivery(GuaranteedDelivery),
}

/// Which host process, and which host of its network.
#[derive(Debug, Default, Args)]
pub(crate) struct Way {
    /// Network file: hosts, addresses and links (default: one host, localhost)
    #[arg(long, value_name = "FILE")]
    pub(crate) network: Option<PathBuf>,
    /// Host of the network (default: the first; netstat shows all)
    #[arg(long = "as", value_name = "HOST")]
    pub(crate) host: Option<String>,
    /// Socket of the host process (default: the user's own)
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) way: Way,
    /// Change a setting of the host first, as `sockeye sysctl` does
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// The program, and its arguments
    #[arg(value_name = "PROGRAM", required = true, trailing_var_arg = true)]
    pub(crate) program: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Host {
    /// Socket to serve (default: the user's own)
    #[arg(long, value_name = "PATH")]
    pub(crate) socket: Option<PathBuf>,
    /// Network file: hosts, addresses and links (default: one host, localhost)
    #[arg(long, value_name = "FILE")]
    pub(crate) network: Option<PathBuf>,
    /// Begin with this setting on every host of the network (docs/sysctl.md names the settings)
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    /// Return when it serves, and leave it running
    #[arg(long)]
    pub(crate) background: bool,
    /// Leave after so many seconds without programs and connections (default: stay)
    #[arg(long, value_name = "SECONDS")]
    pub(crate) idle: Option<u64>,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Netstat {
    /// Listening sockets too
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Listening sockets only
    #[arg(short, long)]
    pub(crate) listening: bool,
    /// Numbers instead of names (always so)
    #[arg(short, long)]
    pub(crate) numeric: bool,
    /// TCP only (there is nothing else)
    #[arg(short, long)]
    pub(crate) tcp: bool,
    /// What all sockets hold together, as /proc/net/sockstat, instead of a line for each
    #[arg(short, long, conflicts_with_all = ["all", "listening"])]
    pub(crate) memory: bool,
    /// Again and again, after so many seconds
    #[arg(short, long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "1",
          value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub(crate) continuous: Option<u32>,
    #[command(flatten)]
    pub(crate) way: Way,
}

#[derive(Debug, Default, Args)]
pub(crate) struct Sysctl {
    /// All settings
    #[arg(short, long)]
    pub(crate) all: bool,
    /// Values without names
    #[arg(short = 'n', long)]
    pub(crate) values: bool,
    /// Say nothing of what is set
    #[arg(short, long)]
    pub(crate) quiet: bool,
    /// Without effect: NAME=VALUE changes a setting anyway
    #[arg(short, long)]
    pub(crate) write: bool,
    #[command(flatten)]
    pub(crate) way: Way,
    /// NAME to show, NAME=VALUE to change
    #[arg(value_name = "NAME[=VALUE]", required_unless_present = "all")]
    pub(crate) settings: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct GuaranteedDelivery {
    /// The same programs over the kernel's TCP, for comparison
    #[arg(long)]
    pub(crate) kernel: bool,
    /// Where delivery_server and delivery_client are (default: beside this command; with --kernel, in ../kernel)
    #[arg(long, value_name = "DIR")]
    pub(crate) programs: Option<PathBuf>,
    /// Network file with a host `server` (exact_recv_buffer = 16384) and a host `client` (exact_send_buffer = 21720)
    #[arg(long, value_name = "FILE", conflicts_with = "kernel")]
    pub(crate) network: Option<PathBuf>,
    /// Already inside a network namespace of its own
    #[arg(long, hide = true, requires = "kernel")]
    pub(crate) in_namespace: bool,
}

/// The command line of this process. Prints what `--help` and `--version` ask for.
pub(crate) fn parse() -> Result<Command, Failure> {
    Arguments::try_parse().map(|arguments| arguments.command).or_else(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            write!(io::stdout(), "{error}")?;
            Err(Failure { status: 0, message: String::new() })
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => Err(
            Failure::usage("what shall it do? One of run, host, netstat, sysctl, lab; see sockeye --help"),
        ),
        _ => Err(Failure::usage(one_line(&error.to_string()))),
    })
}

/// The first paragraph of clap's text, which names the thing, without what it is called; and what is similar, if there is such a thing.
fn one_line(text: &str) -> String {
    let line = |paragraph: &str| paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
    let first = line(text.split("\n\n").next().unwrap_or(text));
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    // Other tips are about passing the word to a program.
    let similar = tip.filter(|tip| tip.contains("similar")).map_or(String::new(), |tip| format!("; {tip}"));
    format!("{}{similar}; see sockeye --help", first.strip_prefix("error: ").unwrap_or(&first))
}

#[cfg(test)]
mod tests;
