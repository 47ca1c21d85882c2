//! The files around the socket of a host process: whose they are, and what becomes of them.

mod common;

use common::hosted::Host;
use common::pair;
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::thread;
use std::time::Duration;

/// One line, with all of these in it.
fn assert_says(said: &str, parts: &[&str]) {
    assert!(said.lines().count() == 1 && parts.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn a_file_that_is_no_lock_stays() {
    let host = Host::on_demand();
    let lock = host.file("host.sock.lock");
    fs::write(&lock, "precious").unwrap();
    assert_says(&host.second(), &["host.sock.lock: what is there is no lock file", "choose another socket"]);
    assert_eq!(fs::read_to_string(&lock).unwrap(), "precious");
    assert!(!host.socket().exists());
}

#[test]
fn an_empty_file_that_has_the_lock_s_name_stays() {
    let mut host = Host::on_demand();
    let (lock, start) = (host.file("host.sock.lock"), host.file("host.sock.start"));
    fs::write(&lock, "").unwrap();
    fs::write(&start, "").unwrap();
    let number = fs::metadata(&lock).unwrap().ino();
    host.run(&["--idle", "0.05"]);
    host.wait();
    assert!(!host.socket().exists());
    assert_eq!(fs::read(&lock).unwrap(), b"");
    assert_eq!(fs::metadata(&lock).unwrap().ino(), number);
    assert!(start.exists());
}

#[test]
fn a_file_that_is_no_lock_of_who_starts_a_host_stays() {
    let host = Host::on_demand();
    let start = host.file("host.sock.start");
    fs::write(&start, "precious").unwrap();
    let said = host.complaint("/bin/false");
    assert_says(&said, &["host.sock.start: what is there is no lock file", "SOCKEYE_SOCKET"]);
    assert_eq!(fs::read_to_string(&start).unwrap(), "precious");
}

#[test]
fn a_socket_on_which_a_program_does_not_listen_yet_stays() {
    for kind in [SocketType::STREAM, SocketType::SEQPACKET, SocketType::DGRAM] {
        let host = Host::on_demand();
        let socket = rustix::net::socket(AddressFamily::UNIX, kind, None).unwrap();
        rustix::net::bind(&socket, &SocketAddrUnix::new(host.socket()).unwrap()).unwrap();
        let number = fs::symlink_metadata(host.socket()).unwrap().ino();
        assert_says(&host.second(), &["cannot listen at", "host.sock"]);
        assert_eq!(fs::symlink_metadata(host.socket()).unwrap().ino(), number, "{kind:?}");
        assert_eq!(fs::read_dir(host.file("")).unwrap().count(), 1, "nothing is left beside it");
    }
}

#[test]
fn a_lock_that_is_removed_is_made_again_and_the_next_host_believes_it() {
    let mut host = Host::start();
    let lock = host.file("host.sock.lock");
    fs::remove_file(&lock).unwrap();
    let deadline = sockeye_clock::monotonic() + Duration::from_secs(5);
    while !lock.exists() {
        assert!(sockeye_clock::monotonic() < deadline, "the lock is not made again");
        thread::yield_now();
    }
    assert_says(&host.second(), &["already"]);
    host.kill();
    host.run(&[]);
    pair(&host.net(), true);
}

#[test]
fn a_lock_that_another_process_holds_is_named() {
    let mut host = Host::start();
    host.kill();
    let lock = host.file("host.sock.lock");
    let file = rustix::fs::open(&lock, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()).unwrap();
    rustix::fs::flock(&file, FlockOperation::LockExclusive).unwrap();
    assert_says(&host.second(), &["host.sock.lock: locked by a process that does not serve"]);
    drop(file);
    host.run(&[]);
}

#[test]
fn a_file_that_is_no_log_stays() {
    let host = Host::on_demand();
    let log = host.file("host.sock.log");
    fs::write(&log, "precious").unwrap();
    let said = host.second_with(&[("SOCKEYE_LOG", "info")]);
    assert_says(&said, &["host.sock.log: what is there is no log of a host process", "SOCKEYE_LOG"]);
    assert_eq!(fs::read_to_string(&log).unwrap(), "precious");
    assert_eq!(fs::read_dir(host.file("")).unwrap().count(), 1, "nothing is left beside it");
}
