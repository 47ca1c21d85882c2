//! What tests with real sockets share.
#![allow(dead_code, reason = "not every test uses everything")]

pub mod hosted;

use sockeye_host::{Accepted, Call, CallError, Net, Socket};
use sockeye_stack::Family;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// A socket, and its token if it has one.
pub struct End {
    pub socket: Socket,
    pub token: Option<OwnedFd>,
}

impl End {
    /// With a token, if `token`.
    pub fn new(socket: Socket, token: bool) -> Self {
        let token = if token { socket.give_token().unwrap() } else { None };
        Self { socket, token }
    }
}

/// The next connection.
pub fn accept(listener: &Socket) -> Result<Accepted, CallError> {
    listener.accept(Call::default(), || Ok(())).map(|(accepted, ())| accepted)
}

/// A port of localhost.
pub fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A listener, and where.
pub fn listener(net: &Net, token: bool) -> (End, SocketAddr) {
    let socket = net.socket(Family::V4).unwrap();
    socket.bind(address(0)).unwrap();
    socket.listen(128).unwrap();
    let at = socket.local_address().unwrap();
    (End::new(socket, token), at)
}

/// Both ends of a connection: who connected, and who accepted.
pub fn pair(net: &Net, token: bool) -> (End, End) {
    let (listener, at) = listener(net, token);
    let client = connect(net, at, token);
    (client, End::new(accept(&listener.socket).unwrap().socket, token))
}

pub fn connect(net: &Net, at: SocketAddr, token: bool) -> End {
    let socket = net.socket(Family::V4).unwrap();
    socket.connect(Call::default(), at).unwrap();
    End::new(socket, token)
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
