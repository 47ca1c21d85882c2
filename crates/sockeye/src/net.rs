//! Networks: where sockets live.

use crate::error::{from_call, from_setup, from_stack};
use crate::stream::Handle;
use crate::{HostedOptions, NetworkConfig, SetupError, TcpListener, TcpStream};
use sockeye_stack::{Error, Family, SocketInfo, SocketOption};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::OnceLock;
use std::time::Duration;

/// What std::net passes to listen().
const BACKLOG: i32 = 4096;

/// A network that sockets can live in, seen from one of its hosts. Clones are handles to the same.
#[derive(Clone, Debug)]
pub struct Net {
    engine: sockeye_host::Net,
}

impl Net {
    /// A network inside this process: one host that owns 127.0.0.0/8 and ::1.
    ///
    /// # Errors
    /// The process cannot start a thread.
    pub fn loopback() -> io::Result<Self> {
        Self::with_config(&NetworkConfig::default(), None).map_err(from_setup)
    }

    /// A network inside this process, seen from `host`, or from its first host. See [`on_host`](Self::on_host) for the
    /// view from another one.
    ///
    /// # Errors
    /// A faulty configuration: one line that names the thing and the mend.
    pub fn with_config(config: &NetworkConfig, host: Option<&str>) -> Result<Self, SetupError> {
        Ok(Self { engine: sockeye_host::Net::embedded(config, host)? })
    }

    /// The network of the user's host process, which is started if it does not run. What was written to its sockets is
    /// delivered even if this process is killed.
    ///
    /// # Errors
    /// The host process cannot be started or reached.
    pub fn hosted() -> Result<Self, SetupError> {
        Self::hosted_with(&HostedOptions::default())
    }

    /// As [`hosted`](Self::hosted), with a socket, a network file, or a host of the network.
    ///
    /// # Errors
    /// As [`hosted`](Self::hosted); a faulty network file.
    pub fn hosted_with(options: &HostedOptions) -> Result<Self, SetupError> {
        Ok(Self { engine: sockeye_host::Net::hosted(options)? })
    }

    /// As `SOCKEYE_MODE` (`host`, which is the default, or `embedded`), `SOCKEYE_SOCKET`, `SOCKEYE_NETWORK` and
    /// `SOCKEYE_AS` say.
    ///
    /// # Errors
    /// As the others; an unknown mode.
    pub fn from_env() -> Result<Self, SetupError> {
        Ok(Self { engine: sockeye_host::Net::from_env()? })
    }

    /// The network of [`TcpListener::bind`] and [`TcpStream::connect`]: [`from_env`](Self::from_env) if `SOCKEYE_MODE` is
    /// set, [`loopback`](Self::loopback) if it is not. The first call makes it, for the rest of the process.
    ///
    /// # Errors
    /// As those two.
    pub fn process_default() -> io::Result<Self> {
        static DEFAULT: OnceLock<Result<Net, SetupError>> = OnceLock::new();
        let made = DEFAULT.get_or_init(|| match mode() {
            Some(_) => Self::from_env(),
            None => Self::with_config(&NetworkConfig::default(), None),
        });
        made.clone().map_err(from_setup)
    }

    /// The same network, seen from another of its hosts.
    ///
    /// # Errors
    /// There is no such host.
    pub fn on_host(&self, name: &str) -> Result<Self, SetupError> {
        Ok(Self { engine: self.engine.at(Some(name))? })
    }

    /// A listener on the first of `addresses` that can be bound.
    ///
    /// # Errors
    /// As [`std::net::TcpListener::bind`].
    pub fn bind(&self, addresses: impl ToSocketAddrs) -> io::Result<TcpListener> {
        first_that_works(addresses, |address| {
            let handle = self.handle(address)?;
            // As std::net does: a server that is started again is not hindered by TIME-WAIT.
            handle.socket.set_option(SocketOption::ReuseAddress(true)).map_err(from_stack)?;
            handle.socket.bind(address).map_err(from_stack)?;
            handle.socket.listen(BACKLOG).map_err(from_stack)?;
            Ok(TcpListener::new(handle))
        })
    }

    /// A connection to the first of `addresses` that answers.
    ///
    /// # Errors
    /// As [`std::net::TcpStream::connect`].
    pub fn connect(&self, addresses: impl ToSocketAddrs) -> io::Result<TcpStream> {
        first_that_works(addresses, |address| {
            let handle = self.handle(address)?;
            connect(&handle, address)?;
            Ok(TcpStream::new(handle))
        })
    }

    /// A connection to `address`, given up after `timeout`.
    ///
    /// # Errors
    /// As [`std::net::TcpStream::connect_timeout`].
    pub fn connect_timeout(&self, address: &SocketAddr, timeout: Duration) -> io::Result<TcpStream> {
        if timeout.is_zero() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "cannot set a 0 duration timeout"));
        }
        let handle = self.handle(*address)?;
        // Linux bounds connect() by SO_SNDTIMEO, and says EINPROGRESS when it runs out.
        handle.socket.set_send_timeout(timeout);
        let connected = connect(&handle, *address);
        handle.socket.set_send_timeout(Duration::ZERO);
        match connected {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Err(from_stack(Error::TimedOut)),
            Err(error) => Err(error),
            Ok(()) => Ok(TcpStream::new(handle)),
        }
    }

    /// What netstat would show: the host's name and the socket, for the host of this view or for all.
    ///
    /// # Errors
    /// The host process is gone.
    pub fn sockets(&self, all_hosts: bool) -> io::Result<Vec<(String, SocketInfo)>> {
        self.engine.sockets(all_hosts).map_err(from_stack)
    }

    fn handle(&self, address: SocketAddr) -> io::Result<Handle> {
        let family = if address.is_ipv4() { Family::V4 } else { Family::V6 };
        Ok(Handle::new(self.engine.socket(family).map_err(from_stack)?))
    }
}

/// What `SOCKEYE_MODE` says; empty is not set.
fn mode() -> Option<OsString> {
    std::env::var_os("SOCKEYE_MODE").filter(|mode| !mode.is_empty())
}

fn connect(handle: &Handle, address: SocketAddr) -> io::Result<()> {
    let call = handle.call();
    loop {
        match handle.socket.connect(call, address).map_err(from_call) {
            // After a signal the open goes on; asking again waits for it.
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

fn first_that_works<T>(
    addresses: impl ToSocketAddrs,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = io::Error::new(ErrorKind::InvalidInput, "could not resolve to any addresses");
    for address in addresses.to_socket_addrs()? {
        match attempt(address) {
            Ok(made) => return Ok(made),
            Err(error) => last = error,
        }
    }
    Err(last)
}
