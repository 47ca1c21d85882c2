//! Programs for which something is different than for their host process: process numbers, or where the path of the socket leads.

#![allow(clippy::print_stderr, reason = "for who runs the tests")]
mod common;

use common::hosted::{Host, Program};
use common::{listener, pair};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use sockeye_host::{Call, Net};
use sockeye_stack::Family;
use std::process::Command;
use std::time::Duration;

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

/// As in a child whose root folder is another one, or whose user.
#[test]
fn a_child_that_cannot_reach_the_path_goes_on() {
    let host = Host::start();
    let net = host.net();
    net.socket(Family::V4).unwrap();
    net.before_fork();
    std::fs::rename(host.socket(), host.file("kept.sock")).unwrap();
    // The host would make its socket again.
    std::fs::write(host.socket(), "").unwrap();
    net.after_fork_in_child();
    net.socket(Family::V4).unwrap();
    // It has one child's session only.
    net.before_fork();
    net.after_fork_in_child();
    assert!(net.socket(Family::V4).is_err());
}

#[test]
fn a_child_that_finds_another_host_at_the_path_goes_on_with_its_own() {
    let (host, other) = (Host::start(), Host::start());
    let net = host.net();
    let (_listener, address) = listener(&net, true);
    net.before_fork();
    std::fs::rename(host.socket(), host.file("kept.sock")).unwrap();
    std::fs::rename(other.socket(), host.socket()).unwrap();
    net.after_fork_in_child();
    let client = net.socket(Family::V4).unwrap();
    client.connect(Call::default(), address).unwrap();
}

#[test]
fn a_child_that_says_nothing_does_not_keep_the_host() {
    let mut host = Host::start_with(&["--idle", "0.2"]);
    let net = host.net();
    // As a copy of what a child has.
    let door = rustix::net::socket(AddressFamily::UNIX, SocketType::SEQPACKET, None).unwrap();
    rustix::net::connect(&door, &SocketAddrUnix::new(host.socket()).unwrap()).unwrap();
    drop(net);
    let deadline = sockeye_clock::monotonic() + Duration::from_secs(10);
    while host.socket().exists() {
        assert!(sockeye_clock::monotonic() < deadline, "it does not leave");
        std::thread::yield_now();
    }
    host.wait();
    assert!(Net::connect_existing(&host.options()).is_err());
}
