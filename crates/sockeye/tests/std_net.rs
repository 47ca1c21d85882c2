//! What programs for `std::net` rely on.
#![allow(missing_docs)]

use rustix::event::{PollFd, PollFlags, Timespec};
use sockeye::{Net, TcpListener, TcpStream};
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::thread;
use std::time::Duration;

fn net() -> Net {
    Net::loopback().unwrap()
}

fn pair(net: &Net) -> (TcpStream, TcpStream) {
    let listener = net.bind("127.0.0.1:0").unwrap();
    let client = net.connect(listener.local_addr().unwrap()).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert_eq!(peer, client.local_addr().unwrap());
    assert_eq!(server.peer_addr().unwrap(), peer);
    assert_eq!(client.peer_addr().unwrap(), listener.local_addr().unwrap());
    (client, server)
}

#[test]
fn bytes_are_echoed_until_end_of_file() {
    let (mut client, mut server) = pair(&net());
    let echo = thread::spawn(move || io::copy(&mut server.try_clone().unwrap(), &mut server).unwrap());
    client.write_all(b"salmon").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut text = String::new();
    client.read_to_string(&mut text).unwrap();
    assert_eq!(text, "salmon");
    assert_eq!(echo.join().unwrap(), 6);
}

#[test]
fn references_read_and_write_too() {
    let (client, server) = pair(&net());
    assert_eq!((&client).write_vectored(&[IoSlice::new(b"ab"), IoSlice::new(b"cd")]).unwrap(), 4);
    let mut text = [0; 4];
    (&server).read_exact(&mut text).unwrap();
    assert_eq!(&text, b"abcd");
}

#[test]
fn peek_leaves_the_bytes() {
    let (mut client, mut server) = pair(&net());
    client.write_all(b"twice").unwrap();
    let mut text = [0; 5];
    while server.peek(&mut text).unwrap() < 5 {}
    assert_eq!(&text, b"twice");
    text.fill(0);
    server.read_exact(&mut text).unwrap();
    assert_eq!(&text, b"twice");
}

#[test]
fn both_families_have_their_loopback() {
    let net = net();
    for address in ["127.0.0.1:0", "127.8.9.10:0", "[::1]:0"] {
        let listener = net.bind(address).unwrap();
        let mut client = net.connect(listener.local_addr().unwrap()).unwrap();
        client.write_all(b"x").unwrap();
        let (mut server, _) = listener.accept().unwrap();
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x", "{address}");
    }
}

#[test]
fn the_errors_are_std_nets() {
    let net = net();
    let listener = net.bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    assert_eq!(net.bind(address).unwrap_err().kind(), ErrorKind::AddrInUse);
    assert_eq!(net.bind("198.51.100.1:80").unwrap_err().kind(), ErrorKind::AddrNotAvailable);
    assert_eq!(net.bind(&[] as &[SocketAddr]).unwrap_err().kind(), ErrorKind::InvalidInput);
    drop(listener);
    assert_eq!(net.connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    let soon = Duration::from_secs(5);
    assert_eq!(net.connect_timeout(&address, soon).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(net.connect_timeout(&address, Duration::ZERO).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn the_second_address_is_tried() {
    let net = net();
    let listener = net.bind("127.0.0.1:0").unwrap();
    let good = listener.local_addr().unwrap();
    let bad = net.bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(net.connect(&[bad, good][..]).unwrap().peer_addr().unwrap(), good);
}

#[test]
fn nothing_to_read_would_block_or_times_out() {
    let (client, server) = pair(&net());
    client.set_nonblocking(true).unwrap();
    let mut byte = [0];
    assert_eq!((&client).read(&mut byte).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    assert_eq!(server.read_timeout().unwrap(), Some(Duration::from_millis(20)));
    assert_eq!((&server).read(&mut byte).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.set_read_timeout(None).unwrap();
    assert_eq!(server.read_timeout().unwrap(), None);
    assert_eq!(server.set_read_timeout(Some(Duration::ZERO)).unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn no_room_would_block_or_times_out() {
    let (client, _server) = pair(&net());
    client.set_nonblocking(true).unwrap();
    let full = loop {
        match (&client).write(&[0; 65536]) {
            Ok(taken) => assert!(taken > 0),
            Err(error) => break error.kind(),
        }
    };
    assert_eq!(full, ErrorKind::WouldBlock);
    client.set_nonblocking(false).unwrap();
    client.set_write_timeout(Some(Duration::from_millis(20))).unwrap();
    assert_eq!((&client).write(&[0; 65536]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_listener_that_does_not_block_has_nobody() {
    let listener = net().bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn unread_bytes_thrown_away_are_a_reset() {
    let (mut client, server) = pair(&net());
    client.write_all(b"unread").unwrap();
    drop(server);
    let mut byte = [0];
    assert_eq!(client.read(&mut byte).unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(client.write(b"more").unwrap_err().kind(), ErrorKind::BrokenPipe);
}

#[test]
fn options_are_kept() {
    let (client, _server) = pair(&net());
    assert!(!client.nodelay().unwrap());
    client.set_nodelay(true).unwrap();
    assert!(client.nodelay().unwrap());
    assert_eq!(client.linger().unwrap(), None);
    client.set_linger(Some(Duration::from_secs(3))).unwrap();
    assert_eq!(client.linger().unwrap(), Some(Duration::from_secs(3)));
    assert!(client.take_error().unwrap().is_none());
}

#[test]
fn sockets_of_this_process_can_be_polled_like_others() {
    let (client, mut server) = pair(&net());
    let is_readable = || {
        let mut polled = [PollFd::from_borrowed_fd(client.poll_fd().unwrap(), PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    };
    assert!(!is_readable());
    server.write_all(b"x").unwrap();
    assert!(is_readable());
}

#[test]
fn each_loopback_is_a_network_of_its_own() {
    let (one, other) = (net(), net());
    let address = one.bind("127.0.0.1:7007").unwrap().local_addr().unwrap();
    assert_eq!(other.connect(address).unwrap_err().kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn netstat_shows_the_connection() {
    let net = net();
    let (client, server) = pair(&net);
    let sockets = net.sockets(true).unwrap();
    let state_of = |local: SocketAddr| {
        let found = sockets.iter().find(|(_, socket)| socket.local == local && socket.foreign.port() != 0);
        found.map(|(_, socket)| socket.state.as_str())
    };
    assert_eq!(state_of(client.local_addr().unwrap()), Some("ESTABLISHED"));
    assert_eq!(state_of(server.local_addr().unwrap()), Some("ESTABLISHED"));
}

#[test]
fn the_process_has_one_default_network() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut server = listener.incoming().next().unwrap().unwrap();
    client.write_all(b"!").unwrap();
    drop(client);
    let mut text = String::new();
    server.read_to_string(&mut text).unwrap();
    assert_eq!(text, "!");
}

#[test]
fn a_thousand_connections_at_once() {
    let net = net();
    let listener = net.bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut pairs = Vec::new();
    for _ in 0..1000 {
        let client = net.connect(address).unwrap();
        pairs.push((client, listener.accept().unwrap().0));
    }
    for (number, (client, server)) in pairs.iter().enumerate() {
        (&*client).write_all(&number.to_be_bytes()).unwrap();
        let mut text = [0; size_of::<usize>()];
        (&*server).read_exact(&mut text).unwrap();
        assert_eq!(usize::from_be_bytes(text), number);
    }
}
