//! Host processes and programs that do not see each other's process numbers.

mod common;

use common::hosted::{Host, Program};
use common::pair;
use std::process::Command;

/// In PID and user namespaces of its own, where the first process is number 1. Its end is that of the command.
const APART: &str = "exec unshare --user --map-current-user --pid --fork --kill-child";

/// Whether the system lets this user make namespaces; many containers do not.
fn may_be_apart() -> bool {
    let may =
        Command::new("sh").arg("-c").arg(format!("{APART} true")).status().is_ok_and(|end| end.success());
    if !may {
        eprintln!("not tried: this system has no namespaces for this user");
    }
    may
}

#[test]
fn a_program_whose_number_the_host_does_not_see_is_served() {
    if !may_be_apart() {
        return;
    }
    let mut host = Host::start();
    let mut others: Vec<_> = (0..3).map(|_| Program::start_after(APART, &host, &["survivor"])).collect();
    pair(&host.net(), true);
    host.kill();
    host.run(&[]);
    for program in &mut others {
        assert_eq!(program.output(), "Err(Failed(HostGone))\nagain\n");
    }
}

#[test]
fn a_host_that_does_not_see_the_programs_numbers_serves_them() {
    if !may_be_apart() {
        return;
    }
    let mut host = Host::start_after(APART);
    let mut program = Program::start(&host, &["survivor"]);
    pair(&host.net(), true);
    host.kill();
    host.run(&[]);
    assert_eq!(program.output(), "Err(Failed(HostGone))\nagain\n");
}
