//! Embedded mode: sockets over an engine in this process.

mod common;

use common::{address, check_pattern, fill_pattern, listener, pair};
use sockeye_host::{Call, CallError, Net, Readiness, Socket};
use sockeye_stack::{Error, Family, NetworkConfig, Shutdown, SocketOption};
use std::io::{IoSlice, IoSliceMut};
use std::os::fd::{AsFd, BorrowedFd};
use std::thread;
use std::time::Duration;

fn net() -> Net {
    Net::embedded(&NetworkConfig::default(), None).unwrap()
}

#[test]
fn echo() {
    let net = net();
    let (client, server) = pair(&net, false);
    assert_eq!(client.socket.send(Call::default(), &[IoSlice::new(b"hel"), IoSlice::new(b"lo")]), Ok(5));
    let (mut first, mut second) = ([0; 2], [0; 10]);
    let buffers = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(server.socket.recv(Call::default(), buffers), Ok(5));
    assert_eq!((&first, &second[..3]), (b"he", &b"llo"[..]));
    client.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut first)]), Ok(0));
    assert_eq!(
        client.socket.send(Call::default(), &[IoSlice::new(b"x")]),
        Err(CallError::Failed(Error::BrokenPipe))
    );
}

#[test]
fn bulk() {
    const TOTAL: usize = 64 << 20;
    let net = net();
    let (client, server) = pair(&net, false);
    let sender = thread::spawn(move || {
        let mut bytes = vec![0; 1 << 20];
        for start in (0..TOTAL).step_by(bytes.len()) {
            fill_pattern(&mut bytes, start as u64);
            assert_eq!(client.socket.send(Call::default(), &[IoSlice::new(&bytes)]), Ok(bytes.len()));
        }
    });
    let mut received = 0;
    let mut bytes = vec![0; 300_000];
    loop {
        let len = server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]).unwrap();
        if len == 0 {
            break;
        }
        check_pattern(&bytes[..len], received as u64);
        received += len;
    }
    assert_eq!(received, TOTAL);
    sender.join().unwrap();
}

/// Says numbers and hears them again.
fn say(socket: &Socket, times: u16) {
    for time in 0..times {
        assert_eq!(socket.send(Call::default(), &[IoSlice::new(&time.to_ne_bytes())]), Ok(2));
        assert_eq!(hear(socket), time);
    }
}

/// Says what it hears.
fn repeat(socket: &Socket, times: u16) {
    for _ in 0..times {
        let heard = hear(socket).to_ne_bytes();
        assert_eq!(socket.send(Call::default(), &[IoSlice::new(&heard)]), Ok(2));
    }
}

fn hear(socket: &Socket) -> u16 {
    let mut heard = [0; 2];
    assert_eq!(socket.recv(Call::default(), &mut [IoSliceMut::new(&mut heard)]), Ok(2));
    u16::from_ne_bytes(heard)
}

/// Each of many threads finds the engine running again and again, and leaves its doorbell to who runs it.
#[test]
fn many_threads_run_one_engine() {
    const TIMES: u16 = 10_000;
    let net = net();
    let pairs: Vec<_> = (0..6).map(|_| pair(&net, false)).collect();
    thread::scope(|scope| {
        for (client, server) in &pairs {
            scope.spawn(|| say(&client.socket, TIMES));
            scope.spawn(|| repeat(&server.socket, TIMES));
        }
    });
}

#[test]
fn refused() {
    let net = net();
    let socket = net.socket(Family::V4).unwrap();
    assert_eq!(socket.connect(Call::default(), address(1)), Err(CallError::Failed(Error::ConnectionRefused)));
    assert_eq!(
        socket.recv(Call::default(), &mut [IoSliceMut::new(&mut [0])]),
        Err(CallError::Failed(Error::NotConnected))
    );
}

/// With TCP_FASTOPEN_CONNECT the SYN could wait for text, and connect() for the SYN.
#[test]
fn fast_open_does_not_wait_for_text() {
    let net = net();
    let (_listener, at) = listener(&net, false);
    let socket = net.socket(Family::V4).unwrap();
    socket.set_option(SocketOption::FastOpenNoCookie(true)).unwrap();
    socket.set_option(SocketOption::FastOpenConnect(true)).unwrap();
    socket.set_send_timeout(Duration::from_secs(10));
    assert_eq!(socket.connect(Call::default(), at), Ok(()));
}

#[test]
fn peek_leaves_and_wait_all_waits() {
    let net = net();
    let (client, server) = pair(&net, false);
    let sender = thread::spawn(move || {
        for part in [&b"ab"[..], b"cd", b"ef"] {
            client.socket.send(Call::default(), &[IoSlice::new(part)]).unwrap();
        }
        client
    });
    let (mut first, mut second) = ([0; 3], [0; 2]);
    let peek = Call { peek: true, wait_all: true, ..Call::default() };
    let buffers = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    assert_eq!(server.socket.recv(peek, buffers), Ok(5));
    assert_eq!((&first, &second), (b"abc", b"de"));
    let mut all = [0; 8];
    let wait_all = Call { wait_all: true, ..Call::default() };
    assert_eq!(server.socket.recv(wait_all, &mut [IoSliceMut::new(&mut all[..6])]), Ok(6));
    assert_eq!(&all[..6], b"abcdef");
    let client = sender.join().unwrap();
    client.socket.send(Call::default(), &[IoSlice::new(b"end")]).unwrap();
    client.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.socket.recv(wait_all, &mut [IoSliceMut::new(&mut all)]), Ok(3), "cut by end of file");
}

#[test]
fn timeouts_and_low_water() {
    let net = net();
    let (client, server) = pair(&net, false);
    let would_block = Err(CallError::Failed(Error::WouldBlock));
    let mut bytes = [0; 10];
    server.socket.set_recv_timeout(Duration::from_millis(5));
    assert_eq!(server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]), would_block);
    server.socket.set_recv_low_water(4);
    client.socket.send(Call::default(), &[IoSlice::new(b"abc")]).unwrap();
    assert!(!server.socket.readiness().readable);
    assert_eq!(
        server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]),
        Ok(3),
        "the time is up"
    );

    // Long enough to fill SendQ, also on a busy machine.
    client.socket.set_send_timeout(Duration::from_millis(250));
    let much = vec![0; 4 << 20];
    let sent = client.socket.send(Call::default(), &[IoSlice::new(&much)]).unwrap();
    assert!(sent > 0 && sent < much.len(), "{sent}");
    assert_eq!(client.socket.send(Call::default(), &[IoSlice::new(&much)]), would_block);
    assert!(!client.socket.readiness().writable);
    let dont_wait = Call { dont_wait: true, ..Call::default() };
    assert_eq!(client.socket.send(dont_wait, &[IoSlice::new(b"x")]), would_block);
}

#[test]
fn a_socket_without_a_token_is_closed_with_its_last_handle() {
    let net = net();
    let (client, server) = pair(&net, false);
    client.socket.send(Call::default(), &[IoSlice::new(b"x")]).unwrap();
    drop(client);
    let mut bytes = [0; 2];
    let mut read = || server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]);
    assert_eq!((read(), read()), (Ok(1), Ok(0)));
}

#[test]
fn tokens_work_in_embedded_mode_too() {
    let net = net();
    let (client, server) = pair(&net, true);
    drop(client.token);
    // The background thread sees the hang-up.
    let mut bytes = [0; 2];
    assert_eq!(server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]), Ok(0));
    let token = server.token.unwrap();
    assert!(net.adopt(token.as_fd()).is_ok());
    assert_eq!(another_engine_adopts(token.as_fd()), Err(Error::BadDescriptor));
}

/// Another engine does not know the token.
fn another_engine_adopts(token: BorrowedFd<'_>) -> Result<(), Error> {
    net().adopt(token).map(drop)
}

#[test]
fn readiness_by_linux_s_rules() {
    let net = net();
    let socket = net.socket(Family::V4).unwrap();
    let fresh = Readiness { writable: true, hang_up: true, ..Readiness::default() };
    assert_eq!(socket.readiness(), fresh);
    socket.listen(1).unwrap();
    assert_eq!(socket.readiness(), Readiness::default());
    assert!(socket.is_listening());
    let (client, server) = pair(&net, false);
    let open = Readiness { writable: true, ..Readiness::default() };
    assert_eq!(client.socket.readiness(), open);
    server.socket.shutdown(Shutdown::Write).unwrap();
    let half = Readiness { readable: true, peer_closed: true, ..open };
    assert_eq!(client.socket.readiness(), half);
    client.socket.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.socket.readiness(), Readiness { hang_up: true, ..half });
}

#[test]
fn faults_are_named() {
    let why = Net::embedded(&NetworkConfig::default(), Some("mars")).unwrap_err().to_string();
    assert!(why.contains("mars") && why.contains("localhost"), "{why}");
}

/// MSG_MORE is told before the bytes, so that nothing goes out early; what follows lets all go, and so does time.
#[test]
fn more_is_waited_for() {
    let net = net();
    let (client, server) = pair(&net, false);
    let more = Call { more: true, ..Call::default() };
    let start = sockeye_clock::monotonic();
    client.socket.send(more, &[IoSlice::new(b"ab")]).unwrap();
    let mut bytes = [0; 10];
    assert_eq!(server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]), Ok(2));
    assert!(sockeye_clock::monotonic().since(start) >= Duration::from_millis(100), "it went out at once");
    client.socket.send(more, &[IoSlice::new(b"cd")]).unwrap();
    client.socket.send(Call::default(), &[IoSlice::new(b"ef")]).unwrap();
    assert_eq!(server.socket.recv(Call::default(), &mut [IoSliceMut::new(&mut bytes)]), Ok(4));
}

/// Reads of how many bytes, and Recv-Q after each of: so many bytes and a FIN have come; a peek; a read; another.
const FIN_IN_RECV_Q: [(usize, usize, [usize; 4]); 4] = [
    (100, 100, [101, 101, 0, 0]),
    (100, 200, [101, 101, 0, 0]),
    (100, 99, [101, 101, 2, 0]),
    (0, 1, [1, 1, 0, 0]),
];

#[test]
fn a_fin_is_in_recv_q_until_a_read_comes_to_it() {
    for (text, size, expected) in FIN_IN_RECV_Q {
        let net = net();
        let (client, server) = pair(&net, false);
        client.socket.send(Call::default(), &[IoSlice::new(&[7; 100][..text])]).unwrap();
        client.socket.shutdown(Shutdown::Write).unwrap();
        let queue = || {
            let lines = net.sockets(true).unwrap();
            lines.iter().find(|(_, line)| line.state == "CLOSE_WAIT").map(|(_, line)| line.recv_queue)
        };
        let mut bytes = [0; 200];
        let mut read = |call: Call<'_>, size| {
            server.socket.recv(call, &mut [IoSliceMut::new(&mut bytes[..size])]).unwrap();
            queue().unwrap()
        };
        let first = queue().unwrap();
        let peek = Call { peek: true, ..Call::default() };
        let found = [first, read(peek, 200), read(Call::default(), size), read(Call::default(), size)];
        assert_eq!(found, expected, "{text} bytes, reads of {size}");
    }
}

#[test]
fn kernel_has_a_fin_in_recv_q_until_a_read_comes_to_it() {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    for (text, size, expected) in FIN_IN_RECV_Q {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        client.write_all(&[7; 100][..text]).unwrap();
        client.shutdown(std::net::Shutdown::Write).unwrap();
        let ends = [server.local_addr().unwrap(), client.local_addr().unwrap()];
        let ports = ends.map(|end| format!(":{:04X}", end.port()));
        let queue = || {
            let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let is_it = |words: &Vec<&str>| words[1].ends_with(&ports[0]) && words[2].ends_with(&ports[1]);
            let words = table.lines().map(|line| line.split_whitespace().collect()).find(is_it).unwrap();
            usize::from_str_radix(words[4].split_once(':').unwrap().1, 16).unwrap()
        };
        let mut bytes = [0; 200];
        let first = queue();
        server.peek(&mut bytes).unwrap();
        let peeked = queue();
        let found = [(); 2].map(|()| {
            let _ = server.read(&mut bytes[..size]).unwrap();
            queue()
        });
        assert_eq!([first, peeked, found[0], found[1]], expected, "{text} bytes, reads of {size}");
    }
}
