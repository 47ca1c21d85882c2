//! Programs for which something is different than for their host process: process numbers, or where the path of the socket leads.

#![allow(clippy::print_stderr, reason = "for who runs the tests")]
mod common;

use common::hosted::{Host, Program, dial};
use common::{listener, pair};
use rustix::event::Timespec;
use sockeye_host::{Call, Net};
use sockeye_stack::{Error, Family};
use std::process::Command;
use std::time::Duration;

/// In PID and user namespaces of its own, where the first process is number 1. Its end is that of the command, and of all it has started:
/// so it starts no host process, which the others would use and lose, but looks for one again.
const APART: &str =
    "export SOCKEYE_HOST_PROGRAM=/bin/true; exec unshare --user --map-current-user --pid --fork --kill-child";

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

/// What was made for it before the fork is given to others who have none, if it says nothing.
#[test]
fn a_child_that_cannot_reach_the_path_and_came_too_late_finds_no_descriptors() {
    let host = Host::with_files(64);
    let net = host.net();
    net.socket(Family::V4).unwrap();
    net.before_fork();
    let kept = host.file("kept.sock");
    std::fs::rename(host.socket(), &kept).unwrap();
    std::fs::write(host.socket(), "").unwrap();
    let pause = || rustix::event::poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 200_000_000 })).unwrap();
    pause();
    let others: Vec<_> = (0..40).map(|_| dial(&kept)).collect();
    pause();
    net.after_fork_in_child();
    let start = sockeye_clock::monotonic();
    for _ in 0..3 {
        assert_eq!(net.socket(Family::V4).unwrap_err(), Error::TooManyFiles);
    }
    assert!(
        sockeye_clock::monotonic().since(start) < Duration::from_secs(1),
        "it looks for the host for long"
    );
    drop(others);
    // It is not lost: as soon as the path leads to the host again, it goes on.
    std::fs::rename(&kept, host.socket()).unwrap();
    net.socket(Family::V4).unwrap();
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
    let _door = dial(&host.socket());
    drop(net);
    let deadline = sockeye_clock::monotonic() + Duration::from_secs(10);
    while host.socket().exists() {
        assert!(sockeye_clock::monotonic() < deadline, "it does not leave");
        std::thread::yield_now();
    }
    host.wait();
    assert!(Net::connect_existing(&host.options()).is_err());
}
