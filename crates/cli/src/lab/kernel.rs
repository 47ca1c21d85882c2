//! Where the experiment over the kernel's TCP plays: in a network namespace of its own, or on loopback.

use crate::args::GuaranteedDelivery;
use crate::failure::Failure;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// The address that the server shall have. Where a namespace may be made, this process begins anew inside one.
pub(super) fn address(arguments: &GuaranteedDelivery) -> Result<String, Failure> {
    if arguments.in_namespace {
        set_up_namespace()?;
        return Ok("192.168.0.195".to_owned());
    }
    if !namespaces_work() {
        writeln!(io::stdout(), "No network namespace may be made here: the experiment plays on 127.0.0.1.")?;
        return Ok("127.0.0.1".to_owned());
    }
    let this = std::env::current_exe()
        .map_err(|error| Failure::usage(format!("cannot find this command: {error}")))?;
    let mut command = Command::new("unshare");
    command.args(["--net", "--map-root-user"]).arg(this);
    command.args(["lab", "guaranteed-delivery", "--kernel", "--in-namespace"]);
    command.args(arguments.programs.iter().flat_map(|folder| ["--programs".as_ref(), folder.as_os_str()]));
    // One process all along, so that a signal for this command reaches the experiment.
    let error = command.exec();
    Err(Failure::usage(format!("cannot run unshare: {error}")))
}

fn namespaces_work() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["--net", "--map-root-user", "ip", "link", "set", "lo", "up"]);
    probe.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Gives the namespace's loopback the addresses of the two hosts.
fn set_up_namespace() -> Result<(), Failure> {
    let steps: [&[&str]; 3] = [
        &["link", "set", "lo", "up"],
        &["address", "add", "192.168.0.195/32", "dev", "lo"],
        &["address", "add", "192.168.0.192/32", "dev", "lo"],
    ];
    for step in steps {
        let done = Command::new("ip").args(step).status().is_ok_and(|status| status.success());
        if !done {
            return Err(Failure::usage(format!("cannot do: ip {}", step.join(" "))));
        }
    }
    Ok(())
}
