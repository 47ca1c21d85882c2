//! Each shape of server, unchanged, over the kernel and over Sockeye.

mod common;

use common::{Running, Stack, World, kernel_ports, library};
use std::net::UdpSocket;
use std::time::Duration;

/// Sends much text and expects it back, `clients` times at once.
fn echo(world: &World, port: &str, clients: usize) {
    let text: String = (0..2000).map(|number| format!("line {number}\n")).collect();
    echo_text(world, port, clients, &text);
}

fn echo_text(world: &World, port: &str, clients: usize, text: &str) {
    let mut running: Vec<Running> =
        (0..clients).map(|_| world.example("echo_client", &["127.0.0.1", port])).collect();
    for client in &mut running {
        client.write(text.as_bytes());
        client.close_input();
    }
    for client in running {
        assert!(client.finish_well() == text, "the echo differs");
    }
}

fn serves(name: &str, arguments: &[&str], clients: usize) {
    for stack in [Stack::Kernel, Stack::Sockeye] {
        let world = World::new(stack);
        let (_server, port) = world.server(name, arguments);
        echo(&world, &port, clients);
        // And again: the server is as good as new.
        echo(&world, &port, clients);
    }
}

#[test]
fn echo_server_serves() {
    serves("echo_server", &[], 1);
}

#[test]
fn fork_server_serves() {
    serves("fork_server", &[], 4);
}

#[test]
fn thread_server_serves() {
    serves("thread_server", &[], 4);
}

#[test]
fn select_server_serves() {
    serves("select_server", &[], 4);
}

#[test]
fn poll_server_serves() {
    serves("poll_server", &[], 4);
}

#[test]
fn level_triggered_epoll_server_serves() {
    serves("epoll_server", &["level"], 4);
}

#[test]
fn edge_triggered_epoll_server_serves() {
    serves("epoll_server", &["edge"], 4);
}

#[test]
fn connection_passed_by_scm_rights_is_served() {
    serves("fdpass", &[], 1);
}

#[test]
fn mixed_epoll_set_serves_all_kinds() {
    for stack in [Stack::Kernel, Stack::Sockeye] {
        let world = World::new(stack);
        let (mut server, port) = world.server("mixed_epoll", &[]);
        // The timer ticks as soon as all is set up.
        server.line("timer");
        let udp = UdpSocket::bind("127.0.0.1:0").expect("a UDP socket");
        udp.set_read_timeout(Some(common::LIMIT)).expect("a timeout");
        udp.send_to(b"datagram", format!("127.0.0.1:{port}")).expect("sent");
        let mut buffer = [0; 64];
        assert_eq!(udp.recv(&mut buffer).expect("an echo"), 8);
        echo(&world, &port, 3);
        let mut expected = vec!["pipe", "a connection came", "tcp data", "udp data"];
        while !expected.is_empty() {
            let line = server.line("");
            expected.retain(|expected| *expected != line);
        }
    }
}

#[test]
fn programs_inherit_sockets_across_exec() {
    // `cat` reads and writes descriptors, `sed` the standard streams.
    for program in [&["cat"][..], &["sed", "-u", "s/^x/x/"]] {
        let world = World::new(Stack::Sockeye);
        let mut shell = world.command("env");
        let mut preload = std::ffi::OsString::from("LD_PRELOAD=");
        preload.push(library());
        shell.arg(preload).arg(world.program("exec_server")).args(["127.0.0.1", "0"]).args(program);
        let mut server = Running::start(shell);
        let port = server.listening_port();
        // Whole lines at once: `sed` gives back no part of a line.
        echo_text(&world, &port, 2, "one line\nand another\n");
    }
}

#[test]
fn kernel_does_not_carry_the_connections() {
    let world = World::new(Stack::Sockeye);
    let (_server, port) = world.server("thread_server", &[]);
    let mut client = greet(&world, &port);
    let text = world.netstat();
    let line =
        |state: &str| text.lines().find(|line| line.contains(&format!(":{port}")) && line.contains(state));
    assert!(line("LISTEN").is_some(), "netstat does not show the listener:\n{text}");
    let established =
        line("ESTABLISHED").unwrap_or_else(|| panic!("netstat does not show the connection:\n{text}"));
    let ports: Vec<u16> =
        established.split_whitespace().filter_map(|word| word.rsplit_once(':')?.1.parse().ok()).collect();
    let [local, remote] = ports[..] else { panic!("no two ports in {established}") };
    // Both, because another program's socket may have one of them.
    assert!(
        !kernel_ports().iter().any(|pair| [(local, remote), (remote, local)].contains(pair)),
        "{established}"
    );
    client.close_input();
    client.finish_well();

    // The test itself can fail: the kernel's sockets are seen.
    let world = World::new(Stack::Kernel);
    let (_server, port) = world.server("thread_server", &[]);
    let mut client = greet(&world, &port);
    let port: u16 = port.parse().expect("a port");
    let ports = kernel_ports();
    assert!(ports.iter().any(|&(local, remote)| remote == port && ports.contains(&(remote, local))));
    client.close_input();
    client.finish_well();
}

/// A client that has had an answer, and whose connection is open.
fn greet(world: &World, port: &str) -> Running {
    let mut client = world.example("echo_client", &["127.0.0.1", port]);
    client.write(b"hello\n");
    assert_eq!(client.line("hello"), "hello");
    client
}

#[test]
fn blocking_calls_are_interrupted_bounded_and_shaped_alike() {
    for stack in [Stack::Kernel, Stack::Sockeye] {
        let text = World::new(stack).example("interrupt", &["127.0.0.1"]).finish_well();
        assert!(text.contains("ok - then recv: end of file"), "{text}");
        assert!(!text.contains("not ok"), "{text}");
    }
}

#[test]
fn options_in_force_are_linux_s() {
    let of = |stack| World::new(stack).example("options", &[]).finish_well();
    let (kernel, ours) = (of(Stack::Kernel), of(Stack::Sockeye));
    // Default sizes are the system administrator's; all that was set must be the same.
    let set = |text: &str| text.split_once("set:\n").expect("two parts").1.to_string();
    assert_eq!(set(&ours), set(&kernel));
}

#[test]
fn wrong_arguments_get_a_usage_line() {
    let world = World::new(Stack::Sockeye);
    for name in ["echo_server", "transfer", "delivery_client", "mutual_send", "interrupt"] {
        let (status, text) = world.example(name, &[]).finish();
        assert_eq!(status.code(), Some(2), "{name}");
        assert!(text.starts_with("usage: "), "{name}: {text}");
    }
    let (status, text) = world.example("echo_server", &["localhost", "1"]).finish();
    assert_eq!(status.code(), Some(2));
    assert!(text.contains("ADDRESS must be"), "{text}");
    assert!(world.host_processes().is_empty(), "a program that made no socket started a host process");
}

#[test]
fn missing_host_program_is_one_clear_line() {
    let world = World::new(Stack::Sockeye);
    let mut command = world.command(world.program("options"));
    command.env("SOCKEYE_HOST_PROGRAM", "/nonexistent/sockeye");
    let client = Running::start(command);
    let status = client.ends_within(Duration::from_secs(20)).expect("it does not hang");
    let text = client.errors();
    assert_eq!(status.code(), Some(1));
    assert_eq!(text.lines().filter(|line| line.starts_with("sockeye: ")).count(), 1, "{text}");
    assert!(text.contains("Network is down"), "{text}");
}

/// Numbers in a line of `lives`: descriptors, and mappings.
fn held(line: &str) -> (usize, usize) {
    let numbers: Vec<usize> = line.split(' ').filter_map(|word| word.parse().ok()).collect();
    (numbers[0], numbers[1])
}

#[test]
fn program_outlives_any_number_of_hosts_and_keeps_nothing_of_them() {
    let world = World::new(Stack::Sockeye);
    let mut program = Running::start(world.caller("lives", &[]));
    let live = |program: &mut Running| {
        program.write(b"\n");
        held(&program.line(""))
    };
    let (descriptors, mappings) = live(&mut program);
    for _ in 0..70 {
        world.kill_host();
        live(&mut program);
    }
    let (in_the_end, mappings_in_the_end) = live(&mut program);
    assert!(in_the_end <= descriptors, "{descriptors} descriptors became {in_the_end}");
    // The allocator has some of its own.
    assert!(mappings_in_the_end <= mappings + 8, "{mappings} mappings became {mappings_in_the_end}");
}
