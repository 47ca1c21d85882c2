//! The kernel's TCP and ours, behind one interface.

use sockeye::{HostedOptions, Net};
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

/// Both ends of a connection: who opened it, and who accepted it.
pub(crate) type Ends = (Box<dyn Stream>, Box<dyn Stream>);

/// Makes a new connection.
pub(crate) type Connect = Box<dyn FnMut() -> Ends>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Kernel,
    Embedded,
    Hosted,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Kernel, Self::Embedded, Self::Hosted];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Embedded => "embedded",
            Self::Hosted => "hosted",
        }
    }

    pub(crate) fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    pub(crate) fn start(self) -> Result<Stack, String> {
        let connect = match self {
            Self::Kernel => kernel(),
            Self::Embedded => ours(Net::loopback().map_err(|error| error.to_string())?),
            Self::Hosted => {
                let options = HostedOptions::from_env();
                ours(Net::hosted_with(&options).map_err(|error| error.to_string())?)
            }
        };
        Ok(Stack { kind: self, connect })
    }
}

pub(crate) struct Stack {
    pub(crate) kind: Kind,
    pub(crate) connect: Connect,
}

/// The kernel first; then those of ours that there are.
pub(crate) fn stacks() -> Vec<Stack> {
    let started = Kind::ALL.into_iter().filter_map(|kind| {
        kind.start().map_err(|error| println!("{} mode is left out: {error}", kind.name())).ok()
    });
    started.collect()
}

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
