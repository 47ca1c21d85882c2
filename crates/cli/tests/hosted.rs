//! The Rust API over a host process, and what becomes of connections when the host process or a program dies.
#![allow(missing_docs)]

#[path = "../../sockeye/tests/transfer/stream.rs"]
mod stream;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use sockeye::{HostedOptions, Net};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, Command, Stdio};
use stream::{bad_link, length, pair, transfer};
use tempfile::TempDir;

/// A host process of the test's own.
struct Host {
    child: Child,
    folder: TempDir,
}

impl Host {
    fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.arg("host").arg("--socket").arg(folder.path().join("host.sock")).args(arguments);
        let child = command.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::null()).spawn().unwrap();
        Self { child, folder }
    }

    fn net(&self, host: Option<&str>) -> Net {
        let options = HostedOptions {
            socket: Some(self.folder.path().join("host.sock")),
            network: None,
            host: host.map(ToOwned::to_owned),
        };
        // Started by this test; until it listens, another one would be started.
        let mut tries = 0;
        while sockeye_host::Net::connect_existing(&options).is_err() {
            tries += 1;
            assert!(tries < 2000, "the host process does not serve");
            let _ = poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 5_000_000 }));
        }
        Net::hosted_with(&options).unwrap()
    }

    fn netstat(&self, arguments: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.arg("netstat").args(arguments).arg("--socket").arg(self.folder.path().join("host.sock"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn a_long_stream_arrives_whole() {
    let host = Host::start(&[]);
    let net = host.net(None);
    let (client, server) = pair(&net, &net, "127.0.0.1:0");
    transfer(client, server, length(16 << 20, 1 << 30));
}

#[test]
fn a_stream_over_a_bad_link_arrives_whole() {
    let (network, length) = bad_link();
    let host = Host::start(&["--network", network]);
    let (client, server) = pair(&host.net(Some("client")), &host.net(Some("server")), "10.0.0.1:0");
    transfer(client, server, length);
}

#[test]
fn netstat_shows_both_ends() {
    let host = Host::start(&[]);
    let net = host.net(None);
    let listener = net.bind("127.0.0.1:8002").unwrap();
    let client = net.connect("127.0.0.1:8002").unwrap();
    let (_server, _) = listener.accept().unwrap();
    let local = client.local_addr().unwrap();
    let table = host.netstat(&["-a"]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "Active Internet connections (servers and established)");
    let has = |words: &[&str]| lines.iter().any(|line| line.split_whitespace().eq(words.iter().copied()));
    assert!(has(&["tcp", "0", "4096", "127.0.0.1:8002", "0.0.0.0:*", "LISTEN"]), "{table}");
    assert!(has(&["tcp", "0", "0", "127.0.0.1:8002", &local.to_string(), "ESTABLISHED"]), "{table}");
    assert!(has(&["tcp", "0", "0", &local.to_string(), "127.0.0.1:8002", "ESTABLISHED"]), "{table}");
    assert_eq!(host.netstat(&[]).lines().count(), 4, "without -a no listener");
    assert_eq!(host.netstat(&["-l"]).lines().count(), 3, "with -l only the listener");
}

#[test]
fn the_descriptor_tells_readiness() {
    let host = Host::start(&[]);
    let net = host.net(None);
    let (mut client, server) = pair(&net, &net, "127.0.0.1:0");
    let ready = |milliseconds: i64, flags: PollFlags| {
        let mut descriptors = [PollFd::from_borrowed_fd(server.poll_fd().unwrap(), flags)];
        let timeout = Timespec { tv_sec: milliseconds / 1000, tv_nsec: milliseconds % 1000 * 1_000_000 };
        poll(&mut descriptors, Some(&timeout)).unwrap();
        descriptors[0].revents()
    };
    assert_eq!(ready(0, PollFlags::IN | PollFlags::OUT), PollFlags::OUT);
    client.write_all(b"x").unwrap();
    assert_eq!(ready(10_000, PollFlags::IN), PollFlags::IN);
    let mut byte = [0];
    (&server).read_exact(&mut byte).unwrap();
    assert_eq!(ready(0, PollFlags::IN), PollFlags::empty());
    drop(client);
    assert_eq!(ready(10_000, PollFlags::IN | PollFlags::RDHUP), PollFlags::IN | PollFlags::RDHUP);
    assert_eq!((&server).read(&mut byte).unwrap(), 0);
}

#[test]
fn when_the_host_process_dies_nobody_hangs() {
    let mut host = Host::start(&[]);
    let net = host.net(None);
    let (_client, mut server) = pair(&net, &net, "127.0.0.1:0");
    let reader = std::thread::spawn(move || server.read(&mut [0]).map_err(|error| error.kind()));
    host.child.kill().unwrap();
    host.child.wait().unwrap();
    let outcome = reader.join().unwrap();
    assert!(matches!(outcome, Err(ErrorKind::NetworkDown | ErrorKind::ConnectionReset)), "{outcome:?}");
}

#[test]
fn who_waits_for_a_host_process_that_is_stopped_is_told() {
    let host = Host::start(&[]);
    let _net = host.net(None);
    let process = rustix::process::Pid::from_child(&host.child);
    rustix::process::kill_process(process, rustix::process::Signal::STOP).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.arg("netstat").arg("--socket").arg(host.folder.path().join("host.sock"));
    let mut netstat = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(netstat.stderr.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("does not answer"), "{line}");
    rustix::process::kill_process(process, rustix::process::Signal::CONT).unwrap();
    assert!(netstat.wait_with_output().unwrap().status.success(), "it has its answer then");
}

#[test]
fn two_hosts_at_one_socket_are_refused() {
    let host = Host::start(&[]);
    let _net = host.net(None);
    let mut second = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    second.arg("host").arg("--socket").arg(host.folder.path().join("host.sock"));
    let output = second.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("serves at") && said.lines().count() == 1, "{said}");
}

/// `sockeye sysctl` shows and changes what `host --set` began with; what is wrong is said in one line, with status 2.
#[test]
fn a_second_host_in_the_background_is_refused_too() {
    let host = Host::start(&[]);
    let _net = host.net(None);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
    command.args(["host", "--background", "--set", "net.ipv4.tcp_sack=0", "--socket"]);
    let output = command.arg(host.folder.path().join("host.sock")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("serves there already") && said.lines().count() == 1, "{said}");
}

#[test]
fn settings_are_shown_and_changed() {
    let host = Host::start(&["--set", "net.ipv4.tcp_fin_timeout=7"]);
    drop(host.net(None));
    let sysctl = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.arg("sysctl").args(arguments).arg("--socket").arg(host.folder.path().join("host.sock"));
        let output = command.output().unwrap();
        let (said, error) = (String::from_utf8(output.stdout), String::from_utf8(output.stderr));
        (output.status.code(), said.unwrap(), error.unwrap())
    };
    let good = |arguments: &[&str], said: &str| {
        assert_eq!(sysctl(arguments), (Some(0), said.to_owned(), String::new()), "{arguments:?}");
    };
    good(&["net/ipv4/tcp_fin_timeout"], "net.ipv4.tcp_fin_timeout = 7\n");
    good(&["/proc/sys/net/ipv4/tcp_fin_timeout"], "net.ipv4.tcp_fin_timeout = 7\n");
    good(&["tcp_retries2=9"], "net.ipv4.tcp_retries2 = 9\n");
    good(&["net.ipv4.tcp_fin_timeout=9"], "net.ipv4.tcp_fin_timeout = 9\n");
    good(&["-q", "tcp_retries2=8"], "");
    good(&["-n", "tcp_retries2", "tcp_fin_timeout"], "8\n9\n");
    let (status, all, _) = sysctl(&["-a"]);
    assert_eq!(status, Some(0));
    assert!(all.contains("net.ipv4.tcp_retries2 = 8\n"), "{all}");
    assert_eq!(all.lines().count(), sockeye_stack::sysctl_names().len());
    for (wrong, said) in [
        ("tcp_sac", "sockeye: tcp_sac: there is no such setting"),
        ("tcp_sac=1", "sockeye: tcp_sac = 1: there is no such setting"),
        ("tcp_sack=7", "sockeye: tcp_sack = 7: write a number from 0 to 1"),
    ] {
        let (status, _, error) = sysctl(&[wrong]);
        assert_eq!(status, Some(2), "{error}");
        assert!(error.starts_with(said) && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn a_host_that_the_network_does_not_have_is_a_mistake_in_the_arguments() {
    let host = Host::start(&[]);
    drop(host.net(None));
    for arguments in [&["netstat", "--as", "nobody"][..], &["sysctl", "-a", "--as", "nobody"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sockeye"));
        command.args(arguments).arg("--socket").arg(host.folder.path().join("host.sock"));
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("nobody") && said.lines().count() == 1, "{said}");
    }
}
