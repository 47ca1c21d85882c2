//! What tests with real sockets share.
#![allow(dead_code, reason = "not every test uses everything")]

pub mod hosted;

use sockeye_host::{Call, Net, Socket};
use sockeye_stack::Family;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// A socket and its token.
pub struct End {
    pub socket: Socket,
    pub token: Option<OwnedFd>,
}

/// A port of localhost.
pub fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A listener, and where.
pub fn listener(net: &Net, token: bool) -> (End, SocketAddr) {
    let (socket, token) = net.socket(Family::V4, token).unwrap();
    socket.bind(address(0)).unwrap();
    socket.listen(128).unwrap();
    let at = socket.local_address().unwrap();
    (End { socket, token }, at)
}

/// Both ends of a connection: who connected, and who accepted.
pub fn pair(net: &Net, token: bool) -> (End, End) {
    let (listener, at) = listener(net, token);
    let client = connect(net, at, token);
    let accepted = listener.socket.accept(Call::default()).unwrap();
    (client, End { socket: accepted.socket, token: accepted.token })
}

pub fn connect(net: &Net, at: SocketAddr, token: bool) -> End {
    let (socket, token) = net.socket(Family::V4, token).unwrap();
    socket.connect(Call::default(), at).unwrap();
    End { socket, token }
}

/// The bytes of a stream, from `position` on.
pub fn fill_pattern(bytes: &mut [u8], position: u64) {
    for (at, byte) in (position..).zip(bytes) {
        *byte = (at % 251) as u8;
    }
}

pub fn check_pattern(bytes: &[u8], position: u64) {
    for (at, &byte) in (position..).zip(bytes) {
        assert_eq!(byte, (at % 251) as u8, "at {at}");
    }
}
