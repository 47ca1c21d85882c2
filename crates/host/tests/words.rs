//! Options and numbers in shared memory: nobody asks the engine for them.

mod common;

use common::hosted::Host;
use common::{End, pair};
use rustix::process::{Pid, Signal, kill_process};
use sockeye_clock::monotonic;
use sockeye_host::{Call, Net, Socket};
use sockeye_stack::{NetworkConfig, OptionName, Shutdown, SocketOption};
use std::io::{IoSlice, IoSliceMut};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

const ESTABLISHED: u8 = 1;
const FIN_WAIT_2: u8 = 5;
const CLOSE_WAIT: u8 = 8;

fn send(socket: &Socket, bytes: &[u8]) {
    assert_eq!(socket.send(Call::default(), &[IoSlice::new(bytes)]), Ok(bytes.len()));
}

fn recv(socket: &Socket, len: usize) {
    let mut bytes = vec![0; len];
    let call = Call { wait_all: true, ..Call::default() };
    assert_eq!(socket.recv(call, &mut [IoSliceMut::new(&mut bytes)]), Ok(len));
}

fn exchange(client: &Socket, server: &Socket) {
    send(client, &[1; 100]);
    recv(server, 100);
    send(server, &[2; 200]);
    recv(client, 200);
}

fn until(is_so: impl Fn() -> bool) {
    let deadline = monotonic() + Duration::from_secs(10);
    while !is_so() {
        assert!(monotonic() < deadline, "it never comes");
        thread::yield_now();
    }
}

/// What `work` gives while the host process is stopped. Whatever asks it would never end: then the host goes on, and that is an error.
fn without_host<T: Send>(host: Pid, work: impl FnOnce() -> T + Send) -> T {
    kill_process(host, Signal::STOP).unwrap();
    let stat = format!("/proc/{host}/stat");
    while !std::fs::read_to_string(&stat).unwrap().contains(") T ") {
        thread::yield_now();
    }
    let (tell, told) = mpsc::channel();
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let done = work();
            let _ = tell.send(());
            done
        });
        let is_done = told.recv_timeout(Duration::from_secs(10)).is_ok();
        kill_process(host, Signal::CONT).unwrap();
        assert!(is_done, "the host process was asked");
        worker.join().unwrap()
    })
}

#[test]
fn what_is_asked_and_set_often_needs_no_host() {
    let host = Host::start();
    let (client, server) = pair(&host.net(), false);
    let (client, server) = (client.socket, server.socket);
    exchange(&client, &server);
    for _ in 0..3 {
        client.tcp_info().unwrap();
    }
    // Nothing more is to come: the host process may be stopped anywhere.
    until(|| server.tcp_info().unwrap().bytes_acked == 200);
    let id = Pid::from_raw(host.process_id().as_raw_nonzero().get()).unwrap();
    let infos = without_host(id, || {
        let first = client.tcp_info().unwrap();
        for low in [4096, 16_384, u32::MAX, 0, 4096] {
            client.set_option(SocketOption::NotSentLowat(low)).unwrap();
            assert!(client.readiness().writable, "{low}");
        }
        assert_eq!(client.unsent(), Ok(0));
        until(|| client.tcp_info().unwrap().last_data_sent >= first.last_data_sent + 20);
        (first, (0..1000).map(|_| client.tcp_info().unwrap()).last().unwrap())
    });
    assert_eq!((infos.0.state, infos.0.bytes_acked, infos.0.bytes_received), (ESTABLISHED, 100, 200));
    assert!(infos.1.last_data_sent >= infos.0.last_data_sent + 20, "{infos:?}");
    assert_eq!((infos.1.bytes_sent, infos.1.segs_in), (infos.0.bytes_sent, infos.0.segs_in));
    assert_eq!(client.option(OptionName::NotSentLowat), Ok(SocketOption::NotSentLowat(4096)));
}

/// What the program has done counts, whoever answers.
fn numbers_are_those_of_the_moment(net: &Net) {
    let (client, server) = pair(net, false);
    let (client, server) = (client.socket, server.socket);
    for round in 1..200u64 {
        exchange(&client, &server);
        let (ours, theirs) = (client.tcp_info().unwrap(), server.tcp_info().unwrap());
        // On a busy machine something may have been sent again.
        assert_eq!((ours.bytes_sent - ours.bytes_retrans, ours.bytes_received), (100 * round, 200 * round));
        assert_eq!(
            (theirs.bytes_sent - theirs.bytes_retrans, theirs.bytes_received),
            (200 * round, 100 * round)
        );
        assert_eq!((ours.notsent_bytes, ours.bytes_acked), (0, 100 * round));
    }
    server.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.recv(Call::default(), &mut [IoSliceMut::new(&mut [0; 10])]), Ok(0));
    assert_eq!(client.tcp_info().map(|info| info.state), Ok(CLOSE_WAIT));
    until(|| server.tcp_info().map(|info| info.state) == Ok(FIN_WAIT_2));
}

#[test]
fn hosted_numbers_are_those_of_the_moment() {
    numbers_are_those_of_the_moment(&Host::start().net());
}

#[test]
fn embedded_numbers_are_those_of_the_moment() {
    numbers_are_those_of_the_moment(&Net::embedded(&NetworkConfig::default(), None).unwrap());
}

/// TCP_NOTSENT_LOWAT of a listener, and of a socket that connects later, is asked of the engine, and is in force all the same.
#[test]
fn a_low_water_mark_from_before_the_connection_counts() {
    let net = Net::embedded(&NetworkConfig::default(), None).unwrap();
    let (listener, at) = common::listener(&net, false);
    listener.socket.set_option(SocketOption::NotSentLowat(5000)).unwrap();
    let client = net.socket(sockeye_stack::Family::V4).unwrap();
    client.set_option(SocketOption::NotSentLowat(6000)).unwrap();
    client.connect(Call::default(), at).unwrap();
    let server = End::new(common::accept(&listener.socket).unwrap().socket, false).socket;
    for (socket, low) in [(&client, 6000), (&server, 5000)] {
        assert_eq!(socket.option(OptionName::NotSentLowat), Ok(SocketOption::NotSentLowat(low)));
        let call = Call { dont_wait: true, ..Call::default() };
        while socket.send(call, &[IoSlice::new(&[0; 50_000])]).is_ok() {}
        assert!(!socket.readiness().writable);
        socket.set_option(SocketOption::NotSentLowat(u32::MAX)).unwrap();
        assert!(socket.readiness().writable, "the rest of SendQ");
    }
}
