//! epoll_wait() of a program that is linked with the library, with many sockets in the set and one ready at a time.

use super::{TIMES, counted_part};
use crate::raw::{self, EpollSet};
use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// Both ends of each are in the set, so that half as many as there are sockets will do.
const CONNECTIONS: usize = 500;

/// Both ends of connections, side by side.
fn sockets() -> std::io::Result<Vec<TcpStream>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let at = listener.local_addr()?;
    let mut sockets = Vec::new();
    for _ in 0..CONNECTIONS {
        sockets.push(TcpStream::connect(at)?);
        sockets.push(listener.accept()?.0);
    }
    Ok(sockets)
}

pub(super) fn run() -> Result<(), Box<dyn Error>> {
    raw::raise_descriptor_limit()?;
    let mut sockets = sockets()?;
    let mut set = EpollSet::new()?;
    for (number, socket) in sockets.iter().enumerate() {
        set.add(socket, number)?;
    }
    // The first looks at all that were added, and finds what it calls.
    make_ready(&mut sockets, 0)?;
    set.wait()?;
    sockets[0].read_exact(&mut [0])?;
    for round in 0..TIMES {
        let ready = round % sockets.len();
        make_ready(&mut sockets, ready)?;
        let told = counted_part(|| set.wait())?;
        if told != (1, ready as u64) {
            return Err(format!("socket {ready} is ready, but epoll_wait() told of {told:?}").into());
        }
        sockets[ready].read_exact(&mut [0])?;
    }
    Ok(())
}

/// Writes a byte at the other end of the connection.
fn make_ready(sockets: &mut [TcpStream], number: usize) -> std::io::Result<()> {
    sockets[number ^ 1].write_all(&[7])
}
