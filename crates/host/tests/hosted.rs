//! Hosted mode: a host process, programs, and what happens when either dies.

mod common;

use common::hosted::{Host, Program};
use common::{End, accept, address, check_pattern, connect, fill_pattern, listener, pair};
use rustix::event::{PollFd, PollFlags, Timespec, epoll};
use rustix::process::{Resource, Rlimit};
use sockeye_host::{Call, CallError, HostedOptions, Net, Socket};
use sockeye_stack::{Error, Family, Shutdown, SocketOption};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;
use std::time::Duration;

/// What poll() says of a token, at once, or after something is said.
fn poll(token: &OwnedFd, wait: bool) -> PollFlags {
    let asked = PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP;
    let mut polled = [PollFd::new(token, asked)];
    let timeout = Timespec { tv_sec: if wait { 10 } else { 0 }, tv_nsec: 0 };
    rustix::event::poll(&mut polled, Some(&timeout)).unwrap();
    polled[0].revents()
}

/// Waits until poll() says all of `flags`.
fn poll_until(token: &OwnedFd, flags: PollFlags) {
    let asked = flags & (PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP);
    let mut polled = [PollFd::new(token, asked)];
    let timeout = Timespec { tv_sec: 10, tv_nsec: 0 };
    let deadline = sockeye_clock::monotonic() + Duration::from_secs(10);
    while !polled[0].revents().contains(flags) {
        assert!(sockeye_clock::monotonic() < deadline, "{:?}", polled[0].revents());
        rustix::event::poll(&mut polled, Some(&timeout)).unwrap();
    }
}

fn recv(socket: &Socket, token: &OwnedFd, bytes: &mut [u8]) -> Result<usize, CallError> {
    socket.recv(Call { token: Some(token.as_fd()), ..Call::default() }, &mut [IoSliceMut::new(bytes)])
}

fn send(socket: &Socket, token: &OwnedFd, bytes: &[u8]) -> Result<usize, CallError> {
    let call = Call { token: Some(token.as_fd()), dont_wait: true, ..Call::default() };
    socket.send(call, &[IoSlice::new(bytes)])
}

#[test]
fn echo() {
    let host = Host::start();
    let (client, server) = pair(&host.net(), true);
    client.socket.send(Call::default(), &[IoSlice::new(b"hello")]).unwrap();
    let mut bytes = [0; 10];
    assert_eq!(server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]), Ok(5));
    assert_eq!(&bytes[..5], b"hello");
    // The last copy of the descriptor is closed: FIN.
    drop(client.token);
    assert_eq!(server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]), Ok(0));
}

#[test]
fn a_host_is_started_on_demand_and_again_after_its_death() {
    let host = Host::on_demand();
    let mut program = Program::start(&host, &["survivor"]);
    // What is in the lock file tells nothing; who listens does.
    let id = host.process_id();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    assert_eq!(program.output(), "Err(Failed(HostGone))\nagain\n");
    assert_ne!(host.process_id(), id);
    rustix::process::kill_process(host.process_id(), rustix::process::Signal::TERM).unwrap();
}

#[test]
fn a_host_has_not_the_limits_of_the_program_that_started_it() {
    let host = Host::on_demand();
    let first = "ulimit -S -t 1000; ulimit -S -f 20000000; ulimit -S -d 20000000; ulimit -S -s 256; exec nice -n 7 taskset 1";
    let mut program = Program::start_after(first, &host, &["survivor"]);
    let id = host.process_id().as_raw_nonzero();
    let file = |name: &str| std::fs::read_to_string(format!("/proc/{id}/{name}")).unwrap();
    let limits = file("limits");
    for name in ["Max cpu time", "Max file size", "Max data size"] {
        let line = limits.lines().find(|line| line.starts_with(name)).unwrap();
        let (soft, hard) = line[26..].split_once(' ').unwrap();
        assert!(hard.trim_start().starts_with(soft), "{line}");
    }
    let stack = limits.lines().find(|line| line.starts_with("Max stack size")).unwrap();
    assert_eq!(stack.split_whitespace().nth(3), Some("8388608"), "{stack}");
    let stat = file("stat");
    let nice = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(16).unwrap();
    // Who may not be less nice stays as nice as the program was.
    let may = rustix::process::geteuid().is_root();
    assert!(nice == "0" || !may, "{nice}");
    let processors =
        |text: &str| text.lines().find(|line| line.starts_with("Cpus_allowed_list")).unwrap().to_owned();
    let own = std::fs::read_to_string("/proc/self/status").unwrap();
    assert_eq!(processors(&file("status")), processors(&own));
    rustix::process::kill_process(host.process_id(), rustix::process::Signal::KILL).unwrap();
    assert_eq!(program.output(), "Err(Failed(HostGone))\nagain\n");
    rustix::process::kill_process(host.process_id(), rustix::process::Signal::TERM).unwrap();
}

/// More threads than a process has mailboxes, with requests of each kind: answered in place, with descriptors, and too long for a mailbox.
#[test]
fn each_thread_gets_its_own_answers() {
    const THREADS: u16 = 12;
    const TIMES: u16 = 40;
    let host = Host::start();
    let net = host.net();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let net = &net;
            scope.spawn(move || {
                for time in 0..TIMES {
                    let socket = net.socket(Family::V4).unwrap();
                    let address = address(20_000 + number * TIMES + time);
                    socket.bind(address).unwrap();
                    assert_eq!(socket.local_address(), Ok(address));
                    let token = socket.give_token().unwrap().unwrap();
                    assert_eq!(net.adopt(token.as_fd()).unwrap().local_address(), Ok(address));
                    socket.listen(1).unwrap();
                    let is_listed = |(_, info): &(String, sockeye_stack::SocketInfo)| info.local == address;
                    assert!(net.sockets(false).unwrap().iter().any(is_listed));
                }
            });
        }
    });
}

#[test]
fn a_child_that_cannot_reach_the_host_knows_why() {
    let host = Host::start();
    let net = host.net();
    net.socket(Family::V4).unwrap();
    let place = host.socket();
    std::fs::rename(&place, host.file("kept.sock")).unwrap();
    std::os::unix::fs::symlink(&place, &place).unwrap();
    // As in a child, whose session is to be its own.
    net.before_fork();
    net.after_fork_in_child();
    assert_eq!(net.refusal(), None);
    assert_eq!(net.socket(Family::V4).unwrap_err(), Error::HostGone);
    let why = net.refusal().unwrap();
    assert!(why.contains("cannot use the host process") && why.contains("symbolic links"), "{why}");
}

#[test]
fn bulk() {
    const TOTAL: usize = 16 << 20;
    let host = Host::start();
    let (client, server) = pair(&host.net(), true);
    let sender = thread::spawn(move || {
        let mut bytes = vec![0; 1 << 20];
        for start in (0..TOTAL).step_by(bytes.len()) {
            fill_pattern(&mut bytes, start as u64);
            assert_eq!(client.socket.send(Call::default(), &[IoSlice::new(&bytes)]), Ok(bytes.len()));
        }
    });
    let (mut received, mut bytes) = (0, vec![0; 100_000]);
    while received < TOTAL {
        let len = server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]).unwrap();
        assert_ne!(len, 0, "end of file after {received}");
        check_pattern(&bytes[..len], received as u64);
        received += len;
    }
    sender.join().unwrap();
}

#[test]
fn every_byte_whose_send_returned_arrives_though_the_sender_is_killed() {
    let host = Host::start();
    let net = host.net();
    let (listener, at) = listener(&net, true);
    for round in 0..20u64 {
        let journal = host.file(&format!("journal{round}"));
        let mut sender = Program::start(&host, &["sender", &at.to_string(), journal.to_str().unwrap()]);
        let accepted = accept(&listener.socket).unwrap();
        let mut bytes = vec![0; 7_001];
        let mut received = 0u64;
        let kill_at = 1 + round * 23_456;
        let mut is_killed = false;
        loop {
            if !is_killed && received >= kill_at {
                sender.kill();
                is_killed = true;
            }
            let len = accepted.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]).unwrap();
            if len == 0 {
                break;
            }
            check_pattern(&bytes[..len], received);
            received += len as u64;
        }
        let journal = std::fs::read(journal).unwrap();
        let told = journal
            .chunks_exact(8)
            .next_back()
            .map_or(0, |last| u64::from_le_bytes(last.try_into().unwrap()));
        assert!(received >= told, "round {round}: {told} bytes were taken, {received} arrived");
    }
}

#[test]
fn nobody_hangs_when_the_host_is_killed() {
    nobody_hangs_when(Host::kill);
}

#[test]
fn nobody_hangs_when_the_host_is_asked_to_end() {
    nobody_hangs_when(|host| {
        rustix::process::kill_process(host.process_id(), rustix::process::Signal::TERM).unwrap();
        host.wait();
    });
}

/// The kernel wakes one of those who wait for the host's death; that one may die as well.
#[test]
fn who_is_left_finds_out_when_the_host_and_the_others_are_killed() {
    const WAITERS: usize = 6;
    for round in 0..10 {
        let mut host = Host::start();
        let net = host.net();
        let mut waiters: Vec<_> = (0..WAITERS)
            .map(|_| {
                let (listener, at) = listener(&net, true);
                let waiter = Program::start(&host, &["waiter", &at.to_string()]);
                (waiter, accept(&listener.socket).unwrap())
            })
            .collect();
        for number in (0..WAITERS).filter(|number| (number + round) % 2 == 0) {
            waiters[number].0.kill();
        }
        host.kill();
        for number in (0..WAITERS).rev().filter(|number| (number + round) % 3 == 0) {
            waiters[number].0.kill();
        }
        let killed = sockeye_clock::monotonic();
        for (waiter, _) in &mut waiters {
            let said = waiter.output();
            assert!(said.is_empty() || said.contains("HostGone") || said.contains("Ok(0)"), "{said}");
        }
        let took = sockeye_clock::monotonic().since(killed);
        assert!(took < Duration::from_secs(1), "round {round}: {took:?}");
    }
}

fn nobody_hangs_when(end: impl FnOnce(&mut Host)) {
    let mut host = Host::start();
    let net = host.net();
    let (client, _server) = pair(&net, true);
    let blocked: Vec<_> = (0..3)
        .map(|_| {
            let (listener, _) = listener(&net, true);
            thread::spawn(move || {
                let End { socket, token: _token } = listener;
                accept(&socket).map(drop)
            })
        })
        .chain([thread::spawn(move || {
            let End { socket, token: _token } = client;
            socket.recv(Call::default(), &mut [IoSliceMut::new(&mut [0])]).map(drop)
        })])
        .collect();
    let mut other = {
        let (listener, at) = listener(&net, true);
        let other = Program::start(&host, &["waiter", &at.to_string()]);
        accept(&listener.socket).unwrap();
        other
    };
    end(&mut host);
    for thread in blocked {
        assert_eq!(thread.join().unwrap(), Err(CallError::Failed(Error::HostGone)));
    }
    let said = other.output();
    assert!(said.contains("HostGone") || said.contains("Ok(0)"), "{said}");
}

#[test]
fn an_armed_token_follows_the_socket() {
    let host = Host::start();
    let net = host.net();
    let (client, server) = pair(&net, true);
    let (token, peer) = (client.token.unwrap(), server.token.unwrap());
    client.socket.arm(token.as_fd()).unwrap();
    assert_eq!(poll(&token, false), PollFlags::OUT);
    send(&server.socket, &peer, b"abc").unwrap();
    poll_until(&token, PollFlags::IN);
    let mut bytes = [0; 2];
    assert_eq!(recv(&client.socket, &token, &mut bytes), Ok(2));
    assert_eq!(poll(&token, false), PollFlags::IN | PollFlags::OUT, "a byte is left");
    assert_eq!(recv(&client.socket, &token, &mut bytes), Ok(1));
    assert_eq!(poll(&token, false), PollFlags::OUT);
    client.socket.set_nonblocking(true);
    assert_eq!(recv(&client.socket, &token, &mut bytes), Err(CallError::Failed(Error::WouldBlock)));

    // Full: nobody reads.
    let chunk = vec![7; 50_000];
    let mut sent = 0;
    loop {
        match send(&client.socket, &token, &chunk) {
            Ok(len) => sent += len,
            Err(error) => {
                assert_eq!(error, CallError::Failed(Error::WouldBlock));
                if poll(&token, false).is_empty() {
                    break;
                }
            }
        }
    }
    let mut received = 0;
    let mut bytes = vec![0; 50_000];
    while received < sent {
        received += recv(&server.socket, &peer, &mut bytes).unwrap();
    }
    poll_until(&token, PollFlags::OUT);
    server.socket.shutdown(Shutdown::Write).unwrap();
    poll_until(&token, PollFlags::IN | PollFlags::RDHUP);
    assert!(!poll(&token, false).contains(PollFlags::ERR));
    assert_eq!(recv(&client.socket, &token, &mut bytes), Ok(0));
}

#[test]
fn a_reset_shows_on_an_armed_token() {
    let host = Host::start();
    let net = host.net();
    let (client, server) = pair(&net, true);
    let token = client.token.unwrap();
    client.socket.arm(token.as_fd()).unwrap();
    server.socket.set_option(SocketOption::Linger(Some(0))).unwrap();
    drop(server.token);
    poll_until(&token, PollFlags::IN | PollFlags::ERR | PollFlags::HUP);
    assert!(Net::is_token(token.as_fd()));
    let mut bytes = [0];
    assert_eq!(recv(&client.socket, &token, &mut bytes), Err(CallError::Failed(Error::ConnectionReset)));
    assert_eq!(recv(&client.socket, &token, &mut bytes), Ok(0));
    assert_eq!(send(&client.socket, &token, b"x"), Err(CallError::Failed(Error::BrokenPipe)));
}

#[test]
fn connecting_shows_on_an_armed_token() {
    let host = Host::start();
    let net = host.net();
    let (_listener, at) = listener(&net, true);
    let End { socket, token } = End::new(net.socket(Family::V4).unwrap(), true);
    let token = token.unwrap();
    socket.set_nonblocking(true);
    socket.arm(token.as_fd()).unwrap();
    let call = Call { token: Some(token.as_fd()), ..Call::default() };
    assert_eq!(socket.connect(call, at), Err(CallError::Failed(Error::InProgress)));
    poll_until(&token, PollFlags::OUT);
    assert_eq!(socket.take_error(), None);

    let End { socket, token } = End::new(net.socket(Family::V4).unwrap(), true);
    let token = token.unwrap();
    socket.arm(token.as_fd()).unwrap();
    let call = Call { token: Some(token.as_fd()), dont_wait: true, ..Call::default() };
    assert_eq!(socket.connect(call, address(1)), Err(CallError::Failed(Error::InProgress)));
    poll_until(&token, PollFlags::OUT | PollFlags::ERR | PollFlags::HUP);
    assert_eq!(socket.take_error(), Some(Error::ConnectionRefused));
    assert_eq!(socket.take_error(), None);
}

/// Waits until a set of edges says `flags` and nothing else.
fn edge(set: &OwnedFd, flags: epoll::EventFlags) {
    let mut events = Vec::with_capacity(4);
    let timeout = Timespec { tv_sec: 10, tv_nsec: 0 };
    epoll::wait(set, rustix::buffer::spare_capacity(&mut events), Some(&timeout)).unwrap();
    let flags_seen: Vec<_> = events.iter().map(|event: &epoll::Event| event.flags).collect();
    assert_eq!(flags_seen, [flags]);
}

fn set_of_edges(socket: &Socket, token: &OwnedFd) -> OwnedFd {
    socket.arm(token.as_fd()).unwrap();
    socket.show_edges();
    let set = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    let flags = epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::ET;
    epoll::add(&set, token, epoll::EventData::new_u64(0), flags).unwrap();
    set
}

#[test]
fn whatever_arrives_is_an_edge_though_nobody_reads() {
    let host = Host::start();
    let (client, server) = pair(&host.net(), true);
    let token = client.token.unwrap();
    let set = set_of_edges(&client.socket, &token);
    edge(&set, epoll::EventFlags::OUT);
    for _ in 0..3 {
        server.socket.send(Call::default(), &[IoSlice::new(b"more")]).unwrap();
        edge(&set, epoll::EventFlags::IN | epoll::EventFlags::OUT);
    }
    let mut bytes = [0; 100];
    assert_eq!(recv(&client.socket, &token, &mut bytes), Ok(12));
    assert_eq!(poll(&token, false), PollFlags::OUT, "every byte on the token is gone");
}

#[test]
fn connecting_is_an_edge_however_soon_it_is_over() {
    let host = Host::start();
    let net = host.net();
    let (_listener, at) = listener(&net, true);
    let End { socket, token } = End::new(net.socket(Family::V4).unwrap(), true);
    let token = token.unwrap();
    let set = set_of_edges(&socket, &token);
    edge(&set, epoll::EventFlags::OUT);
    let call = Call { token: Some(token.as_fd()), dont_wait: true, ..Call::default() };
    assert_eq!(socket.connect(call, at), Err(CallError::Failed(Error::InProgress)));
    edge(&set, epoll::EventFlags::OUT);
}

#[test]
fn lingering_ends_with_the_host() {
    let mut host = Host::start();
    let (client, _server) = pair(&host.net(), true);
    client.socket.set_option(SocketOption::Linger(Some(60))).unwrap();
    client.socket.set_nonblocking(true);
    let token = client.token.unwrap();
    let chunk = vec![7; 1 << 20];
    let other = host.net();
    let is_full = || other.sockets(true).unwrap().iter().any(|(_, line)| line.recv_queue >= 1_000_000);
    while send(&client.socket, &token, &chunk).is_ok() || !is_full() {}
    drop(token);
    let socket = client.socket;
    let start = sockeye_clock::monotonic();
    let closing = thread::spawn(move || socket.close());
    while sockeye_clock::monotonic().since(start).as_millis() < 300 {
        assert_eq!(other.sockets(true).unwrap().len(), 2, "both ends");
    }
    assert!(!closing.is_finished(), "nobody reads");
    host.kill();
    closing.join().unwrap();
    assert!(sockeye_clock::monotonic().since(start).as_secs() < 10, "it waited for a host that is gone");
}

#[test]
fn a_listener_s_token_is_readable_while_connections_wait() {
    let host = Host::start();
    let net = host.net();
    let (listener, at) = listener(&net, true);
    let token = listener.token.unwrap();
    listener.socket.arm(token.as_fd()).unwrap();
    assert!(!poll(&token, false).contains(PollFlags::IN));
    let _clients = [connect(&net, at, true), connect(&net, at, true)];
    poll_until(&token, PollFlags::IN);
    let call = Call { token: Some(token.as_fd()), dont_wait: true, ..Call::default() };
    let (first, ()) = listener.socket.accept(call, || Ok(())).unwrap();
    poll_until(&token, PollFlags::IN);
    let (second, ()) = listener.socket.accept(call, || Ok(())).unwrap();
    assert!(!poll(&token, false).contains(PollFlags::IN));
    assert_eq!(listener.socket.accept(call, || Ok(())).map(drop), Err(CallError::Failed(Error::WouldBlock)));
    drop((first, second));
}

#[test]
fn a_port_is_free_as_soon_as_its_listener_is_closed() {
    let host = Host::start();
    let net = host.net();
    let (first, at) = listener(&net, true);
    let second = net.socket(Family::V4).unwrap();
    assert_eq!(second.bind(at), Err(Error::AddressInUse));
    drop(first.token);
    second.bind(at).unwrap();
}

#[test]
fn a_received_token_is_adopted() {
    let host = Host::start();
    let (client, server) = pair(&host.net(), true);
    // Another process's view: another connection to the host.
    let other = host.net();
    let copy = server.token.unwrap().try_clone().unwrap();
    let adopted = other.adopt(copy.as_fd()).unwrap();
    drop(server.socket);
    client.socket.send(Call::default(), &[IoSlice::new(b"x")]).unwrap();
    let mut bytes = [0; 2];
    assert_eq!(adopted.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]), Ok(1));
    assert!(!Net::is_token(std::io::stdin().as_fd()));
    let (plain, _) = std::os::unix::net::UnixStream::pair().unwrap();
    assert_eq!(other.adopt(plain.as_fd()).map(drop), Err(Error::BadDescriptor));
}

#[test]
fn a_thousand_sockets_are_listed_page_by_page() {
    let host = Host::start();
    let net = host.net();
    let limit = rustix::process::getrlimit(Resource::Nofile);
    rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).unwrap();
    let listeners: Vec<_> = (0..1_000).map(|_| listener(&net, true)).collect();
    let lines = net.sockets(true).unwrap();
    assert_eq!(lines.len(), listeners.len());
    assert!(lines.iter().all(|(name, info)| name == "localhost" && info.state == "LISTEN"));
}

#[test]
fn a_host_leaves_when_nobody_needs_it_and_another_can_follow() {
    let mut host = Host::start_with(&["--idle", "0.05"]);
    drop(host.net());
    host.wait();
    assert!(!host.socket().exists());
    assert!(Net::connect_existing(&host.options()).is_err());
}

#[test]
fn a_socket_file_that_a_killed_host_left_is_replaced() {
    let mut host = Host::start();
    host.kill();
    assert!(host.socket().exists());
    host.run(&[]);
    pair(&host.net(), true);
}

/// Removes what `which` of the files in a host's folder are, or the folder, and makes a pair in the old way and in a new one.
fn serves_on_without(which: impl Fn(&Host)) {
    let host = Host::start();
    let (old, id) = (host.net(), host.process_id());
    let (client, server) = pair(&old, true);
    which(&host);
    let deadline = sockeye_clock::monotonic() + Duration::from_secs(5);
    while Net::connect_existing(&host.options()).is_err() {
        assert!(sockeye_clock::monotonic() < deadline, "it does not serve at the path again");
    }
    assert_eq!(host.process_id(), id);
    pair(&host.net(), true);
    pair(&old, true);
    assert_eq!(send(&client.socket, &client.token.unwrap(), b"x"), Ok(1));
    assert_eq!(recv(&server.socket, &server.token.unwrap(), &mut [0]), Ok(1));
    let said = host.second();
    assert!(said.contains("already"), "{said}");
}

#[test]
fn a_socket_file_that_is_removed_is_made_again() {
    serves_on_without(|host| std::fs::remove_file(host.socket()).unwrap());
}

#[test]
fn a_socket_file_that_is_moved_away_is_made_again() {
    serves_on_without(|host| std::fs::rename(host.socket(), host.file("elsewhere")).unwrap());
}

#[test]
fn the_socket_and_the_lock_that_are_removed_are_made_again() {
    serves_on_without(|host| std::fs::remove_dir_all(host.file("")).unwrap());
}

#[test]
fn a_file_that_lies_at_the_path_of_the_socket_stays() {
    let host = Host::start();
    let client = pair(&host.net(), true).0;
    std::fs::write(host.file("precious"), "precious").unwrap();
    std::fs::rename(host.file("precious"), host.socket()).unwrap();
    rustix::event::poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 500_000_000 })).unwrap();
    assert_eq!(std::fs::read_to_string(host.socket()).unwrap(), "precious");
    assert!(client.socket.tcp_info().is_ok());
    std::fs::remove_file(host.socket()).unwrap();
    let deadline = sockeye_clock::monotonic() + Duration::from_secs(5);
    while Net::connect_existing(&host.options()).is_err() {
        assert!(sockeye_clock::monotonic() < deadline, "it does not serve at the path again");
    }
}

#[test]
fn a_host_that_leaves_leaves_no_file() {
    let mut host = Host::start_with(&["--idle", "0.05"]);
    host.wait();
    // Nor does a program that starts one.
    let mut program = Program::start(&host, &["survivor"]);
    rustix::process::kill_process(host.process_id(), rustix::process::Signal::TERM).unwrap();
    assert_eq!(program.output(), "Err(Failed(HostGone))\nagain\n");
    rustix::process::kill_process(host.process_id(), rustix::process::Signal::TERM).unwrap();
    let left = || std::fs::read_dir(host.file("")).unwrap().flatten().collect::<Vec<_>>();
    let deadline = sockeye_clock::monotonic() + Duration::from_secs(5);
    while !left().is_empty() {
        assert!(sockeye_clock::monotonic() < deadline, "{:?}", left());
        thread::yield_now();
    }
}

#[test]
fn one_host_at_a_socket() {
    let host = Host::start();
    let said = host.second();
    assert!(said.contains("already"), "{said}");
}

#[test]
fn lingering_waits_for_the_last_byte_to_be_acknowledged() {
    let host = Host::start();
    let (client, server) = pair(&host.net(), true);
    client.socket.set_option(SocketOption::Linger(Some(10))).unwrap();
    let mut bytes = vec![0; 100_000];
    let mut sent = 0;
    while let Ok(len) =
        client.socket.send(Call { dont_wait: true, ..Call::default() }, &[IoSlice::new(&bytes)])
    {
        sent += len;
    }
    drop(client.token);
    let reader = thread::spawn(move || {
        let mut received = 0;
        loop {
            match server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]).unwrap() {
                0 => break,
                len => received += len,
            }
        }
        // Its FIN lets the other side be over.
        drop(server.token);
        received
    });
    client.socket.close();
    assert_eq!(client.socket.unacknowledged(), 0);
    assert_eq!(reader.join().unwrap(), sent);
}

#[test]
fn a_missing_program_is_named() {
    let host = Host::on_demand();
    let said = host.complaint("/no/such/program");
    assert!(said.starts_with("sockeye: SOCKEYE_HOST_PROGRAM=/no/such/program: not a program"), "{said}");
    assert_eq!(said.lines().count(), 1);
    let said = host.complaint("/bin/false");
    assert!(said.contains("/bin/false host"), "{said}");
    assert_eq!(said.lines().count(), 1);
}

#[test]
fn a_missing_folder_is_named() {
    let host = Host::on_demand();
    let options =
        HostedOptions { socket: Some(host.file("no/such/folder/x.sock")), ..HostedOptions::default() };
    let why = Net::hosted(&options).unwrap_err().to_string();
    assert!(why.contains("no/such/folder") && !why.contains('\n'), "{why}");
}
