//! The kernel's TCP and ours, behind one interface.

use sockeye::Net;
use std::io::{Read, Write};
use std::net::Shutdown;

/// A stream of any stack.
pub(crate) trait Stream: Read + Write + Send {
    fn set_nodelay(&self);
    fn end(&self);
}

impl Stream for std::net::TcpStream {
    fn set_nodelay(&self) {
        Self::set_nodelay(self, true).unwrap();
    }
    fn end(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

impl Stream for sockeye::TcpStream {
    fn set_nodelay(&self) {
        Self::set_nodelay(self, true).unwrap();
    }
    fn end(&self) {
        self.shutdown(Shutdown::Write).unwrap();
    }
}

/// Makes both ends of a new connection.
pub(crate) type Connect = Box<dyn FnMut() -> (Box<dyn Stream>, Box<dyn Stream>)>;

fn kernel() -> Connect {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    Box::new(move || {
        let client = std::net::TcpStream::connect(address).unwrap();
        (Box::new(client), Box::new(listener.accept().unwrap().0))
    })
}

fn ours(net: Net) -> Connect {
    let listener = net.bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    Box::new(move || {
        let client = net.connect(address).unwrap();
        (Box::new(client), Box::new(listener.accept().unwrap().0))
    })
}

/// The kernel first; then those of ours that there are.
pub(crate) fn stacks() -> Vec<(&'static str, Connect)> {
    let mut stacks = vec![("kernel", kernel()), ("embedded", ours(Net::loopback().unwrap()))];
    match Net::hosted() {
        Ok(net) => stacks.push(("hosted", ours(net))),
        Err(error) => println!("hosted mode is left out: {error}"),
    }
    stacks
}
