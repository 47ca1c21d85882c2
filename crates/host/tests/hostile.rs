//! Clients that break the protocol between programs and the host process: only their own sessions end.

mod common;

use common::hosted::Host;
use common::{End, pair};
use rustix::event::Timespec;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sockopt,
};
use rustix::process::Signal;
use sockeye_host::{Call, Net};
use sockeye_stack::{Error, Family};
use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How long others may be kept waiting.
const LIMIT: Duration = Duration::from_secs(2);
/// Kinds of requests.
const TOKEN: u8 = 2;
const BIND: u8 = 7;
const WAKE: u8 = 31;

/// A control connection without a library.
fn dial(host: &Host) -> OwnedFd {
    let socket = common::hosted::dial(&host.socket());
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Recv, Some(LIMIT)).unwrap();
    socket
}

fn send(socket: &OwnedFd, bytes: &[u8]) -> Result<usize, Errno> {
    rustix::net::send(socket, bytes, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)
}

/// A reply, and its descriptors. No bytes are the end of the session.
fn receive(socket: &OwnedFd) -> (Vec<u8>, Vec<OwnedFd>) {
    let mut bytes = vec![0; 65_536];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(8))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let parts = &mut [IoSliceMut::new(&mut bytes)];
    let received = match rustix::net::recvmsg(socket, parts, &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
        Ok(received) => received.bytes,
        Err(Errno::CONNRESET) => 0,
        Err(error) => panic!("no answer, and no end: {error}"),
    };
    let rights = ancillary.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(rights) => Some(rights),
        _ => None,
    });
    let descriptors = rights.flatten().collect();
    bytes.truncate(received);
    (bytes, descriptors)
}

/// A session that has said hello, and what the welcome brought: the doorbell first.
fn greet(host: &Host) -> (OwnedFd, Vec<OwnedFd>) {
    (0..64)
        .find_map(|version| {
            let socket = dial(host);
            send(&socket, &[0, version, 0]).unwrap();
            let (reply, descriptors) = receive(&socket);
            (reply.first() == Some(&0)).then_some((socket, descriptors))
        })
        .expect("a version that the host process speaks")
}

/// A byte goes there and back between programs that keep to the rules, in time.
fn others_go_on(host: &Host) {
    let options = host.options();
    let (done, is_done) = channel();
    thread::spawn(move || {
        round_trips(&Net::hosted(&options).unwrap());
        let _ = done.send(());
    });
    is_done.recv_timeout(LIMIT).expect("the others are kept waiting");
}

fn round_trips(net: &Net) {
    let (one, other) = pair(net, false);
    for byte in 0..20 {
        // So long that the host process falls asleep.
        rustix::event::poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 2_000_000 })).unwrap();
        pass(&one, &other, byte);
    }
}

/// A byte goes from one end to the other.
fn pass(one: &End, other: &End, byte: u8) {
    one.socket.send(Call::default(), &[IoSlice::new(&[byte])]).unwrap();
    let mut got = [0];
    other.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut got)]).unwrap();
    assert_eq!(got, [byte]);
}

#[test]
fn a_message_that_is_none_ends_its_session_alone() {
    let host = Host::start();
    let id = host.process_id();
    let (bystander, _descriptors) = greet(&host);
    let long = vec![0xff; 65_536];
    let too_long = vec![0; 66_000];
    let messages: [&[u8]; 8] = [&[], &[0xff], &[0], &[0, 4], &[BIND], &[BIND, 0xff, 0xff], &long, &too_long];
    for message in messages {
        let stranger = dial(&host);
        send(&stranger, message).unwrap();
        assert_eq!(receive(&stranger).0, [], "{message:?} before a hello");
        let (guest, _descriptors) = greet(&host);
        send(&guest, message).unwrap();
        assert_eq!(receive(&guest).0, [], "{message:?} after a hello");
    }
    let early = dial(&host);
    send(&early, &[WAKE]).unwrap();
    assert_eq!(receive(&early).0, [], "a request before a hello");
    send(&bystander, &[WAKE]).unwrap();
    assert_ne!(receive(&bystander).0, []);
    others_go_on(&host);
    assert_eq!(host.process_id(), id);
}

/// Processor time of a process, in the kernel's ticks: hundredths of a second.
fn ticks(process: rustix::process::Pid) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap();
    let after_name = stat.rsplit_once(')').unwrap().1;
    after_name.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

/// Memory of a process, KiB.
fn resident(process: rustix::process::Pid) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.as_raw_nonzero())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
fn a_client_that_does_not_read_its_answers_is_not_waited_for() {
    let host = Host::start();
    let (client, _descriptors) = greet(&host);
    others_go_on(&host);
    let before = resident(host.process_id());
    let mut asked = 0;
    loop {
        match send(&client, &[WAKE]) {
            Ok(_) => asked += 1,
            Err(Errno::AGAIN) => thread::yield_now(),
            Err(_) => break,
        }
        assert!(asked < 100_000, "its session goes on");
        if asked % 100 == 0 {
            others_go_on(&host);
        }
    }
    let after = resident(host.process_id());
    assert!(after < before + 4096, "{asked} requests left {} KiB", after - before);
}

#[test]
fn programs_that_connect_and_say_nothing_take_nobody_s_place() {
    let host = Host::with_files(64);
    let id = host.process_id();
    let silent: Vec<_> = (0..80).map(|_| dial(&host)).collect();
    // So long everybody may take to say hello.
    rustix::event::poll(&mut [], Some(&Timespec { tv_sec: 0, tv_nsec: 200_000_000 })).unwrap();
    others_go_on(&host);
    let used = ticks(id);
    rustix::event::poll(&mut [], Some(&Timespec { tv_sec: 1, tv_nsec: 0 })).unwrap();
    assert!(ticks(id) - used <= 5, "the host process works for nobody");
    drop(silent);
    others_go_on(&host);
}

#[test]
fn who_finds_no_descriptors_left_is_told_so() {
    let host = Host::with_files(64);
    let net = host.net();
    let share = |net: &Net| net.socket(Family::V4).and_then(|socket| Ok((socket.give_token()?, socket)));
    let mut many = Vec::new();
    let error = loop {
        match share(&net) {
            Ok(socket) => many.push(socket),
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::TooManyFiles);
    assert!(many.len() >= 16, "{}", many.len());
    // Without a token it takes none, and other programs have theirs.
    net.socket(Family::V4).unwrap();
    others_go_on(&host);
    share(&host.net()).expect("one program has taken all");
    let mut programs = Vec::new();
    let why = loop {
        match Net::hosted(&host.options()) {
            Ok(net) => programs.push(net),
            Err(why) => break why,
        }
        assert!(programs.len() < 100);
    };
    assert!(why.to_string().contains("too many open files"), "{why}");
    assert!(programs.len() >= 4, "{}", programs.len());
    drop((many, programs));
    let id = host.process_id().as_raw_nonzero();
    let open = || std::fs::read_dir(format!("/proc/{id}/fd")).unwrap().count();
    let deadline = sockeye_clock::monotonic() + LIMIT;
    while open() > 32 {
        assert!(sockeye_clock::monotonic() < deadline, "{} are still open", open());
        thread::yield_now();
    }
    others_go_on(&host);
}

/// Puts more than so many descriptors under way, until it is dropped.
fn descriptors_under_way(many: usize) -> Vec<(OwnedFd, OwnedFd)> {
    let descriptor =
        rustix::fs::open("/dev/null", rustix::fs::OFlags::CLOEXEC, rustix::fs::Mode::empty()).unwrap();
    let pair = || {
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).unwrap()
    };
    let mut pairs = vec![pair()];
    for _ in 0..=many {
        let sent = send_descriptor(pairs[pairs.len() - 1].0.as_fd(), &[0], &descriptor);
        if sent == Err(Errno::AGAIN) {
            pairs.push(pair());
        }
    }
    pairs
}

#[test]
fn descriptors_that_a_program_keeps_under_way_end_nobody_s_session() {
    let host = Host::without_rights(64);
    let net = host.net();
    let (one, other) = pair(&net, false);
    let under_way = descriptors_under_way(100);
    assert_eq!(one.socket.give_token().unwrap_err(), Error::TooManyFiles);
    let why = Net::hosted(&host.options()).unwrap_err().to_string();
    assert!(why.contains("too many open files"), "{why}");
    pass(&one, &other, 1);
    drop(under_way);
    let _token = one.socket.give_token().expect("they are under way no more");
    pass(&one, &other, 2);
    others_go_on(&host);
}

#[test]
fn a_client_that_misuses_its_doorbell_keeps_nobody_waiting() {
    let host = Host::start();
    let (_client, descriptors) = greet(&host);
    let doorbell = &descriptors[0];
    rustix::io::write(doorbell, &(u64::MAX - 1).to_ne_bytes()).unwrap();
    rustix::fs::fcntl_setfl(doorbell, rustix::fs::OFlags::empty()).unwrap();
    others_go_on(&host);
}

/// A socket of the kernel's whose last close waits, for nobody reads what was sent.
fn lingering() -> (OwnedFd, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    sockopt::set_socket_linger(&socket, Some(Duration::from_secs(20))).unwrap();
    socket.set_nonblocking(true).unwrap();
    while socket.write(&[0; 65_536]).is_ok() {}
    (socket.into(), peer)
}

fn send_descriptor(to: BorrowedFd<'_>, bytes: &[u8], descriptor: &OwnedFd) -> Result<usize, Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let rights = [descriptor.as_fd()];
    assert!(ancillary.push(SendAncillaryMessage::ScmRights(&rights)));
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    rustix::net::sendmsg(to, &[IoSlice::new(bytes)], &mut ancillary, flags)
}

/// Whether the kernel can be asked to pass no descriptors: from Linux 6.16 on.
fn can_refuse_descriptors() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next(), numbers.next()) >= (Some(6), Some(16))
}

#[test]
fn a_descriptor_that_takes_long_to_close_is_not_taken() {
    if !can_refuse_descriptors() {
        return;
    }
    let host = Host::start();
    let (client, _descriptors) = greet(&host);
    send(&client, &[TOKEN]).unwrap();
    let (_reply, tokens) = receive(&client);
    let id = host.process_id();
    for to in [&client, &tokens[0], &dial(&host)] {
        let (descriptor, _peer) = lingering();
        // If it is taken, the host process has the last copy.
        rustix::process::kill_process(id, Signal::STOP).unwrap();
        let sent = send_descriptor(to.as_fd(), &[WAKE], &descriptor);
        if sent.is_err() {
            sockopt::set_socket_linger(&descriptor, None).unwrap();
        }
        drop(descriptor);
        rustix::process::kill_process(id, Signal::CONT).unwrap();
        others_go_on(&host);
        assert_eq!(sent, Err(Errno::PERM));
    }
}
