//! Listeners.

use crate::error::{from_call, from_stack};
use crate::stream::Handle;
use crate::{Net, TcpStream};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::fd::BorrowedFd;
use std::sync::Arc;

/// As [`std::net::TcpListener`].
#[derive(Debug)]
pub struct TcpListener(Arc<Handle>);

impl TcpListener {
    pub(crate) fn new(handle: Handle) -> Self {
        Self(Arc::new(handle))
    }

    /// A listener in the network of [`Net::process_default`].
    ///
    /// # Errors
    /// As [`std::net::TcpListener::bind`].
    pub fn bind(addresses: impl ToSocketAddrs) -> io::Result<Self> {
        Net::process_default()?.bind(addresses)
    }

    /// The next connection, and who made it.
    ///
    /// # Errors
    /// As [`std::net::TcpListener::accept`].
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.0.socket.accept(self.0.call(), || Ok(())) {
                Ok((accepted, ())) => {
                    return Ok((TcpStream::new(Handle::new(accepted.socket)), accepted.peer));
                }
                Err(error) => match from_call(error) {
                    error if error.kind() == ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
    }

    /// Connections without end.
    #[must_use]
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// The host process is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.socket.local_address().map_err(from_stack)
    }

    /// Another handle of the same listener.
    ///
    /// # Errors
    /// None; the signature is that of `std::net`.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(Arc::clone(&self.0)))
    }

    /// Whether [`accept`](Self::accept) fails with `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// None; the signature is that of `std::net`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// The pending error, told once.
    ///
    /// # Errors
    /// None; the signature is that of `std::net`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.0.socket.take_error().map(from_stack))
    }

    /// As [`TcpStream::poll_fd`].
    ///
    /// # Errors
    /// As there.
    pub fn poll_fd(&self) -> io::Result<BorrowedFd<'_>> {
        self.0.poll_fd()
    }
}

/// The connections of a listener; see [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _peer)| stream))
    }
}
