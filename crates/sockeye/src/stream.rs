//! Connections.

use crate::Net;
use crate::error::{from_call, from_stack};
use sockeye_host::{Call, Socket};
use sockeye_stack::{Error, OptionName, SocketOption};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read, Write};
use std::net::{Shutdown, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// A socket: what clones of a stream or a listener share.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) socket: Socket,
    /// Its token, once it is polled: until then nobody but this process has it.
    token: OnceLock<OwnedFd>,
    /// Held by who makes it.
    making: Mutex<()>,
}

impl Handle {
    pub(crate) fn new(socket: Socket) -> Self {
        Self { socket, token: OnceLock::new(), making: Mutex::new(()) }
    }

    pub(crate) fn call(&self) -> Call<'_> {
        Call { token: self.token.get().map(AsFd::as_fd), ..Call::default() }
    }

    pub(crate) fn poll_fd(&self) -> io::Result<BorrowedFd<'_>> {
        let token = self.token()?;
        self.socket.arm(token).map_err(from_stack)?;
        Ok(token)
    }

    fn token(&self) -> io::Result<BorrowedFd<'_>> {
        let mut token = self.token.get();
        if token.is_none() {
            let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(made) = self.socket.give_token().map_err(from_stack)? {
                self.token.get_or_init(|| made);
            }
            token = self.token.get();
        }
        // There is one now, whoever made it.
        token.map(AsFd::as_fd).ok_or_else(|| from_stack(Error::BadDescriptor))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // The socket is closed when its last token is; only then can it be waited for (SO_LINGER).
        drop(self.token.take());
        self.socket.close();
    }
}

/// As [`std::net::TcpStream`].
#[derive(Debug)]
pub struct TcpStream(Arc<Handle>);

impl TcpStream {
    pub(crate) fn new(handle: Handle) -> Self {
        Self(Arc::new(handle))
    }

    /// A connection in the network of [`Net::process_default`].
    ///
    /// # Errors
    /// As [`std::net::TcpStream::connect`].
    pub fn connect(addresses: impl ToSocketAddrs) -> io::Result<Self> {
        Net::process_default()?.connect(addresses)
    }

    /// As [`connect`](Self::connect), given up after `timeout`.
    ///
    /// # Errors
    /// As [`std::net::TcpStream::connect_timeout`].
    pub fn connect_timeout(address: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        Net::process_default()?.connect_timeout(address, timeout)
    }

    /// Our address.
    ///
    /// # Errors
    /// The host process is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.socket.local_address().map_err(from_stack)
    }

    /// The peer's address.
    ///
    /// # Errors
    /// Not connected any more.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.socket.peer_address().map_err(from_stack)
    }

    /// Ends one direction, or both.
    ///
    /// # Errors
    /// As [`std::net::TcpStream::shutdown`].
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => sockeye_stack::Shutdown::Read,
            Shutdown::Write => sockeye_stack::Shutdown::Write,
            Shutdown::Both => sockeye_stack::Shutdown::Both,
        };
        self.0.socket.shutdown(how).map_err(from_stack)
    }

    /// Another handle of the same connection.
    ///
    /// # Errors
    /// None; the signature is that of `std::net`.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(Arc::clone(&self.0)))
    }

    /// Bytes that can be read, left where they are.
    ///
    /// # Errors
    /// As [`Read::read`].
    pub fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let call = Call { peek: true, ..self.0.call() };
        self.0.socket.recv(call, &mut [IoSliceMut::new(buffer)]).map_err(from_call)
    }

    /// Turns Nagle's algorithm off (`true`) or on.
    ///
    /// # Errors
    /// The host process is gone.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        self.set(SocketOption::NoDelay(nodelay))
    }

    /// Whether Nagle's algorithm is off.
    ///
    /// # Errors
    /// The host process is gone.
    pub fn nodelay(&self) -> io::Result<bool> {
        match self.option(OptionName::NoDelay)? {
            SocketOption::NoDelay(on) => Ok(on),
            _ => Err(from_stack(Error::NoSuchOption)),
        }
    }

    /// What dropping the last handle does with bytes that are not acknowledged: `None` leaves them to the engine, zero
    /// throws them away with a reset, anything else waits so long (whole seconds, rounded up).
    ///
    /// # Errors
    /// The host process is gone.
    pub fn set_linger(&self, linger: Option<Duration>) -> io::Result<()> {
        let seconds = linger.map(|time| u32::try_from(time.as_millis().div_ceil(1000)).unwrap_or(u32::MAX));
        self.set(SocketOption::Linger(seconds))
    }

    /// See [`set_linger`](Self::set_linger).
    ///
    /// # Errors
    /// The host process is gone.
    pub fn linger(&self) -> io::Result<Option<Duration>> {
        match self.option(OptionName::Linger)? {
            SocketOption::Linger(seconds) => Ok(seconds.map(|seconds| Duration::from_secs(seconds.into()))),
            _ => Err(from_stack(Error::NoSuchOption)),
        }
    }

    /// Whether reading and writing fail with `WouldBlock` instead of waiting.
    ///
    /// # Errors
    /// None; the signature is that of `std::net`.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.0.socket.set_nonblocking(nonblocking);
        Ok(())
    }

    /// How long [`read`](Read::read) waits; `None` is for ever.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.socket.set_recv_timeout(checked_timeout(timeout)?);
        Ok(())
    }

    /// See [`set_read_timeout`](Self::set_read_timeout).
    ///
    /// # Errors
    /// None; the signature is that of `std::net`.
    pub fn read_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(Some(self.0.socket.recv_timeout()).filter(|timeout| !timeout.is_zero()))
    }

    /// How long [`write`](Write::write) waits; `None` is for ever.
    ///
    /// # Errors
    /// `InvalidInput` for zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        self.0.socket.set_send_timeout(checked_timeout(timeout)?);
        Ok(())
    }

    /// See [`set_write_timeout`](Self::set_write_timeout).
    ///
    /// # Errors
    /// None; the signature is that of `std::net`.
    pub fn write_timeout(&self) -> io::Result<Option<Duration>> {
        Ok(Some(self.0.socket.send_timeout()).filter(|timeout| !timeout.is_zero()))
    }

    /// The pending error, told once.
    ///
    /// # Errors
    /// None; the signature is that of `std::net`.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.0.socket.take_error().map(from_stack))
    }

    /// The descriptor whose readiness (`poll`, `select`, `epoll`) is that of the connection. It is not for reading or
    /// writing. Ask for it again before each wait by `poll` or `select`; with `epoll`, once is enough.
    ///
    /// It is made by the first call: until then a connection has no descriptor.
    ///
    /// # Errors
    /// The process can have no more descriptors; the host process is gone.
    pub fn poll_fd(&self) -> io::Result<BorrowedFd<'_>> {
        self.0.poll_fd()
    }

    fn set(&self, option: SocketOption) -> io::Result<()> {
        self.0.socket.set_option(option).map_err(from_stack)
    }

    fn option(&self, name: OptionName) -> io::Result<SocketOption> {
        self.0.socket.option(name).map_err(from_stack)
    }
}

fn checked_timeout(timeout: Option<Duration>) -> io::Result<Duration> {
    match timeout {
        Some(Duration::ZERO) => {
            Err(io::Error::new(ErrorKind::InvalidInput, "cannot set a 0 duration timeout"))
        }
        Some(timeout) => Ok(timeout),
        None => Ok(Duration::ZERO),
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_vectored(&mut [IoSliceMut::new(buffer)])
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.0.socket.recv(self.0.call(), buffers).map_err(from_call)
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(buffer)])
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.socket.send(self.0.call(), buffers).map_err(from_call)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }

    fn read_vectored(&mut self, buffers: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        (&*self).read_vectored(buffers)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self).write(buffer)
    }

    fn write_vectored(&mut self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(buffers)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
