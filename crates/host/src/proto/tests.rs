use super::*;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

fn sockets() -> (OwnedFd, OwnedFd) {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}

#[test]
fn a_message_brings_descriptors() {
    let (ours, theirs) = sockets();
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    let descriptors = vec![reader, writer];
    let answer = Answer { reply: Reply::Welcome { instance: 7, number: 1 }, descriptors };
    answer.send(ours.as_fd()).unwrap();
    let (reply, descriptors) = receive::<Reply>(theirs.as_fd(), RecvFlags::empty()).unwrap();
    assert!(matches!(reply, Reply::Welcome { instance: 7, number: 1 }));
    rustix::io::write(&descriptors[1], b"x").unwrap();
    assert_eq!(rustix::io::read(&descriptors[0], &mut [0; 2]), Ok(1));
    let is_closed_on_exec = rustix::io::fcntl_getfd(&descriptors[0]).unwrap();
    assert!(is_closed_on_exec.contains(rustix::io::FdFlags::CLOEXEC));
}

#[test]
fn requests_come_as_they_were_sent() {
    let (ours, theirs) = sockets();
    let requests = [
        Request::Hello { version: VERSION, host: Some("server".into()) },
        Request::Connect { tag: u64::MAX, address: "[::1]:8002".parse().unwrap() },
        Request::SetOption { tag: 1, option: SocketOption::Linger(Some(3)) },
    ];
    for request in &requests {
        send(ours.as_fd(), request, &[], SendFlags::empty()).unwrap();
    }
    for request in &requests {
        let (received, _) = receive::<Request>(theirs.as_fd(), RecvFlags::empty()).unwrap();
        assert_eq!(&received, request);
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let (ours, theirs) = sockets();
    for bytes in [&[0xff; 3][..], &[0x80; 40], &vec![1; MAX_MESSAGE + 1]] {
        rustix::net::send(&ours, bytes, SendFlags::empty()).unwrap();
        assert_eq!(receive::<Request>(theirs.as_fd(), RecvFlags::empty()).map(drop), Err(Errno::BADMSG));
    }
    assert_eq!(receive::<Request>(theirs.as_fd(), RecvFlags::DONTWAIT).map(drop), Err(Errno::AGAIN));
    drop(ours);
    assert_eq!(receive::<Request>(theirs.as_fd(), RecvFlags::empty()).map(drop), Err(Errno::CONNRESET));
}

#[test]
fn a_page_of_lines_fits() {
    let (ours, theirs) = sockets();
    let address = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535".parse().unwrap();
    let info = SocketInfo {
        host: sockeye_stack::HostId(u32::MAX),
        local: address,
        foreign: address,
        state: "ESTABLISHED".into(),
        recv_queue: usize::MAX,
        send_queue: usize::MAX,
    };
    let line = (String::new(), info);
    assert!(postcard::to_stdvec(&line).unwrap().len() <= BYTES_A_LINE);
    let lines = vec![("n".repeat(network_file::LONGEST_NAME), line.1); LOOKS_A_PAGE];
    let count = lines.len();
    Answer::from(Reply::Sockets { lines, next: Some(ListPlace::default()) }).send(ours.as_fd()).unwrap();
    let (reply, _) = receive::<Reply>(theirs.as_fd(), RecvFlags::empty()).unwrap();
    assert!(matches!(reply, Reply::Sockets { lines, next: Some(_) } if lines.len() == count));
}
