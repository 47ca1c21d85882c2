//! What is left of a connection when a program or the host process is killed.

mod common;

use common::{LIMIT, Running, Stack, World, pause};
use rustix::process::Signal;
use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

/// Clients of the kill test at once.
const AT_ONCE: usize = 10;

/// Clients of the kill test in all.
fn clients() -> usize {
    match std::env::var("SOCKEYE_KILLS") {
        Ok(value) => value.parse().expect("SOCKEYE_KILLS must be a whole number"),
        Err(_) => 300,
    }
}

#[test]
fn killed_writer_s_bytes_are_all_delivered() {
    let world = World::new(Stack::Sockeye);
    let (mut server, port) = world.server("delivery_server", &["8192"]);
    let mut client = world.example("delivery_client", &["127.0.0.1", &port, "10860"]);
    assert!(server.line("accepted").ends_with("16384 in force"));
    assert!(client.line("connected").ends_with("21720 in force"));
    // It blocks in the record that does not fit: 37 whole ones do.
    client.line("written: 1024 (37 records");
    assert!(client.is_silent_for(Duration::from_secs(1)), "the client does not block");
    client.kill();
    client.ends_within(LIMIT).expect("killed");
    server.signal(Signal::USR1);
    let text = server.finish_well();
    assert_eq!(text.matches("read: 1024\n").count(), 37, "{text}");
    assert!(text.ends_with("read: 216\nend of file: 38 reads, 38104 bytes\n"), "{text}");
}

/// Runs the kill test; gives how many clients had sent anything.
fn kill_clients(stack: Stack, clients: usize) -> usize {
    let world = World::new(stack);
    let (mut server, port) = world.server("journal_server", &[]);
    let mut sent: HashMap<String, u64> = HashMap::new();
    let mut random: u64 = 42;
    for first in (0..clients).step_by(AT_ONCE) {
        let running: Vec<(usize, Running)> = (first..(first + AT_ONCE).min(clients))
            .map(|number| {
                let journal = world.path(&format!("journal{number}"));
                let journal = journal.to_str().expect("UTF-8");
                (number, world.example("journal_client", &["127.0.0.1", &port, &number.to_string(), journal]))
            })
            .collect();
        for (number, client) in running {
            let path = world.path(&format!("journal{number}"));
            until_it_sends(&path);
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            pause(Duration::from_micros(random >> 33 & 0xffff));
            client.kill();
            let status = client.ends_within(LIMIT).expect("killed");
            assert_eq!(status.signal(), Some(9), "client {number} ended by itself: {}", client.errors());
            sent.insert(number.to_string(), journal(&path));
        }
    }
    let busy = sent.values().filter(|bytes| **bytes > 0).count();
    let mut left = busy;
    while left > 0 {
        let line = server.line("client ");
        let (name, rest) = line["client ".len()..].split_once(": ").expect("a name");
        let (bytes, end) = rest.split_once(" bytes, ").expect("a count");
        assert!(end.starts_with("end of file"), "{line}");
        let Some(journalled) = sent.remove(name) else { continue };
        let received: u64 = bytes.parse().expect("a number");
        assert!(received >= journalled, "{line}, but send() had returned for {journalled}");
        left -= usize::from(journalled > 0);
    }
    busy
}

/// Until a client is in its loop: its first `send()` has returned.
fn until_it_sends(path: &Path) {
    let deadline = sockeye_clock::monotonic() + LIMIT;
    while journal(path) == 0 {
        assert!(sockeye_clock::monotonic() < deadline, "{}: nothing was sent", path.display());
        pause(Duration::from_millis(1));
    }
}

/// The number in a client's journal; 0 if it was killed before it wrote any.
fn journal(path: &Path) -> u64 {
    std::fs::read(path).ok().and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_ne_bytes)
}

#[test]
fn killed_clients_lose_nothing() {
    assert_eq!(kill_clients(Stack::Sockeye, clients()), clients(), "each is killed in its send loop");
}

#[test]
fn kernel_passes_the_kill_test_too() {
    assert_eq!(kill_clients(Stack::Kernel, 30), 30, "each is killed in its send loop");
}

#[test]
fn killed_server_resets_its_clients() {
    for stack in [Stack::Kernel, Stack::Sockeye] {
        let world = World::new(stack);
        let (server, port) = world.server("delivery_server", &["8192"]);
        let mut client = world.example("delivery_client", &["127.0.0.1", &port, "10860"]);
        client.line("written");
        // Unread bytes wait at the server: its end is a reset.
        server.kill();
        let status = client.ends_within(LIMIT).expect("the client ends");
        let text = client.errors();
        let by_signal = status.signal() == Some(13);
        let by_error = text.contains("Connection reset by peer") || text.contains("Broken pipe");
        assert!(by_signal || by_error, "{stack:?}: {status}: {text}");
    }
}

#[test]
fn killed_host_ends_every_wait_within_a_second() {
    let world = World::new(Stack::Sockeye);
    let (server, port) = world.server("journal_server", &[]);
    let (mut sink, sink_port) = world.server("delivery_server", &["8192"]);
    let mut blocked = world.example("delivery_client", &["127.0.0.1", &sink_port, "10860"]);
    sink.line("hanging");
    blocked.line("written: 1024 (37 records");
    let mut waiting = world.example("echo_client", &["127.0.0.1", &port]);
    let (selecting, _) = world.server("select_server", &[]);
    let (polling, _) = world.server("poll_server", &[]);
    let (in_epoll, _) = world.server("epoll_server", &["level"]);
    waiting.write(b"hello\n");
    // Until it blocks in read().
    pause(Duration::from_millis(500));
    let killed_at = sockeye_clock::monotonic();
    world.kill_host();
    for program in [server, blocked, waiting, selecting, polling, in_epoll] {
        let status = program.ends_within(LIMIT).expect("an error, and so an end");
        let took = sockeye_clock::monotonic().since(killed_at);
        assert!(took < Duration::from_secs(1), "a program ended {took:?} after the host process");
        assert!(!status.success());
        let text = program.errors();
        assert_eq!(text.matches("sockeye: the host process is gone").count(), 1, "{text}");
    }
}

/// Calls that wait for the host process's death with the kernel's help, and others that look by themselves.
const UNTIMED: [&str; 4] = ["recv", "send", "accept", "connect"];
const OTHERS: [&str; 8] =
    ["recv-timed", "recv-child", "poll", "poll-timed", "select", "epoll", "epoll-edges", "epoll-nested"];

/// Kills the host process while a program waits in each of these ways.
fn kill_host_under(world: &World, ways: &[&str]) {
    let start = |way: &&str| {
        let mut program = Running::start(world.caller("blocked", &[way]));
        program.line("blocking");
        ((*way).to_string(), program)
    };
    let programs: Vec<_> = ways.iter().map(start).collect();
    // Until each sleeps.
    pause(Duration::from_millis(500));
    for (way, program) in &programs {
        assert!(program.ends_within(Duration::ZERO).is_none(), "{way} did not block");
    }
    let killed_at = sockeye_clock::monotonic();
    world.kill_host();
    for (way, program) in &programs {
        let status = program.ends_within(LIMIT).unwrap_or_else(|| panic!("{way} does not end"));
        let took = sockeye_clock::monotonic().since(killed_at);
        assert!(took < Duration::from_secs(1), "{way} ended {took:?} after the host process");
        assert!(status.success(), "{way}: {status}: {}", program.errors());
    }
}

#[test]
fn killed_host_ends_every_call_within_a_second() {
    for ways in [&UNTIMED[..], &OTHERS[..]] {
        kill_host_under(&World::new(Stack::Sockeye), ways);
    }
}

#[test]
fn no_program_can_keep_the_end_of_the_host_from_others() {
    let world = World::new(Stack::Sockeye);
    let (_peer, port) = world.server("thread_server", &[]);
    // If it is the one that the kernel wakes, it wakes nobody.
    let mut hostile = Running::start(world.caller("hostile", &["0", &port]));
    hostile.line("scribbling");
    kill_host_under(&world, &UNTIMED);
}

#[test]
fn next_program_starts_a_new_host() {
    let world = World::new(Stack::Sockeye);
    let (_server, _) = world.server("thread_server", &[]);
    let before = world.host_processes();
    world.kill_host();
    let (_server, port) = world.server("thread_server", &[]);
    let mut client = world.example("echo_client", &["127.0.0.1", &port]);
    client.write(b"hello\n");
    assert_eq!(client.line("hello"), "hello");
    let after = world.host_processes();
    assert_eq!(after.len(), 1);
    assert_ne!(before, after);
}

#[test]
fn mutual_send_blocks_until_somebody_reads() {
    for stack in [Stack::Kernel, Stack::Sockeye] {
        let world = World::new(stack);
        let bytes = "10000000";
        let mut one = world.example("mutual_send", &["listen", "127.0.0.1", "0", bytes, "2500"]);
        let port = one.listening_port();
        let mut other = world.example("mutual_send", &["connect", "127.0.0.1", &port, bytes, "2500"]);
        one.line("sending");
        other.line("sending");
        // Not a multiple of 500 ms: see the README's limits.
        assert!(one.is_silent_for(Duration::from_millis(1250)), "{stack:?}: it does not block");
        assert!(other.is_silent_for(Duration::from_millis(1)), "{stack:?}: it does not block");
        one.signal(Signal::USR1);
        one.line("blocked after");
        one.line("sent all");
        other.line("received all");
        one.line("received all");
    }
}

#[test]
fn transfers_arrive_whole() {
    for stack in [Stack::Kernel, Stack::Sockeye] {
        let world = World::new(stack);
        let mut receiver = world.example("transfer", &["receive", "127.0.0.1", "0"]);
        let port = receiver.listening_port();
        let sent = world.example("transfer", &["send", "127.0.0.1", &port, "67108864"]).finish_well();
        let received = receiver.finish_well();
        assert!(sent.starts_with("sent: 67108864 bytes"), "{sent}");
        assert_eq!(sent.trim_start_matches("sent"), received.trim_start_matches("received"));
    }
}
