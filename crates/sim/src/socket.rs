//! A program's side of a socket.

use crate::Sim;
use sockeye_buffer::{Slot, UrgentByte};
use sockeye_stack::{Error, Family, Mark, Network, Shutdown, SocketId, SocketOption};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long, in virtual time, a call blocks at most: then it fails with `TimedOut`, and a test does not hang.
const PATIENCE: Duration = Duration::from_secs(3600);

/// A socket of a [`Sim`]: a name for it, to be copied freely. It is closed by [`close`](Self::close) and by nothing else.
///
/// The methods without `try_` block as a program would, in virtual time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimSocket {
    id: SocketId,
    tag: u64,
}

impl SimSocket {
    /// A socket on the host of that name.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such host.
    pub fn new(sim: &mut Sim, host: &str, family: Family) -> Result<Self, Error> {
        let host = sim.host(host)?;
        let tag = sim.rings().new_tag();
        let id = sim.network().socket(host, family, tag)?;
        Ok(Self { id, tag })
    }

    /// A socket that listens at an address.
    ///
    /// # Errors
    /// Those of [`Network::bind`] and [`Network::listen`].
    pub fn listen(sim: &mut Sim, host: &str, address: SocketAddr, backlog: i32) -> Result<Self, Error> {
        let socket = Self::new(sim, host, family_of(address))?;
        let bound = sim.network().bind(socket.id, address);
        let result = bound.and_then(|()| sim.network().listen(socket.id, backlog));
        socket.or_close(sim, result)
    }

    /// A socket that is connected to an address.
    ///
    /// # Errors
    /// Those of [`Network::connect`], and why the connection failed.
    pub fn connect(sim: &mut Sim, host: &str, address: SocketAddr) -> Result<Self, Error> {
        let socket = Self::new(sim, host, family_of(address))?;
        let result = socket.connect_to(sim, address);
        socket.or_close(sim, result)
    }

    fn or_close(self, sim: &mut Sim, result: Result<(), Error>) -> Result<Self, Error> {
        if result.is_err() {
            self.close(sim);
        }
        result.map(|()| self)
    }

    /// connect().
    ///
    /// # Errors
    /// Those of [`Network::connect`], and why the connection failed.
    pub fn connect_to(self, sim: &mut Sim, address: SocketAddr) -> Result<(), Error> {
        self.try_connect(sim, address)?;
        sim.run_until(PATIENCE, |sim| {
            let status = sim.status(self);
            status.is_connected || status.error.is_some()
        });
        match sim.take_error(self) {
            Some(error) => Err(error),
            None if sim.status(self).is_connected => Ok(()),
            None => Err(Error::TimedOut),
        }
    }

    /// connect() with O_NONBLOCK: `Ok` is EINPROGRESS.
    ///
    /// # Errors
    /// Those of [`Network::connect`].
    pub fn try_connect(self, sim: &mut Sim, address: SocketAddr) -> Result<(), Error> {
        let now = sim.now();
        sim.network().connect(now, self.id, address)?;
        sim.settle();
        Ok(())
    }

    /// sendto() with MSG_FASTOPEN and O_NONBLOCK: how many of `bytes` went with the SYN; 0 if a cookie had to be asked for.
    ///
    /// # Errors
    /// Those of [`Network::fast_open`].
    pub fn try_fast_open(self, sim: &mut Sim, address: SocketAddr, bytes: &[u8]) -> Result<usize, Error> {
        let now = sim.now();
        let room = sim.network().fast_open(now, self.id, Some(address))?;
        let bytes = &bytes[..room.min(bytes.len())];
        let written = self.slot(sim).map_or(0, |slot| slot.writer().write(bytes));
        sim.network().launch(now, self.id)?;
        sim.settle();
        Ok(written)
    }

    /// accept().
    ///
    /// # Errors
    /// `InvalidArgument` if it does not listen.
    pub fn accept(self, sim: &mut Sim) -> Result<Self, Error> {
        let mut accepted = Err(Error::TimedOut);
        sim.run_until(PATIENCE, |sim| {
            accepted = self.try_accept(sim);
            accepted != Err(Error::WouldBlock)
        });
        accepted
    }

    /// accept() with O_NONBLOCK.
    ///
    /// # Errors
    /// `WouldBlock`; `InvalidArgument` if it does not listen.
    pub fn try_accept(self, sim: &mut Sim) -> Result<Self, Error> {
        sim.settle();
        let (id, tag, _) = sim.network().accept(self.id)?;
        Ok(Self { id, tag })
    }

    /// Bytes that SendQ takes of `bytes` now: 0 if it is full, or before there is a connection.
    pub fn try_write(self, sim: &mut Sim, bytes: &[u8]) -> usize {
        let written = self.slot(sim).map_or(0, |slot| slot.writer().write(bytes));
        self.ring(sim);
        written
    }

    /// send(MSG_OOB): `bytes` of which the last is urgent. Returns how many SendQ took.
    pub fn send_urgent(self, sim: &mut Sim, bytes: &[u8]) -> usize {
        let Some(slot) = self.slot(sim) else { return 0 };
        let written = bytes.len().min(slot.writer().free());
        let offset = slot.header().sender.send_tail.load(Ordering::Relaxed) + written as u64;
        let now = sim.now();
        let _ = sim.network().mark(now, self.id, Mark::Urgent, offset);
        self.try_write(sim, &bytes[..written])
    }

    /// recv(MSG_OOB): the urgent byte.
    ///
    /// # Errors
    /// `WouldBlock` if it was announced and has not come; `InvalidArgument` if there is none.
    pub fn recv_urgent(self, sim: &mut Sim) -> Result<u8, Error> {
        sim.settle();
        let slot = self.slot(sim).ok_or(Error::NotConnected)?;
        match slot.reader().take_urgent(false) {
            UrgentByte::Here(byte) => Ok(byte),
            UrgentByte::Awaited => Err(Error::WouldBlock),
            UrgentByte::None => Err(Error::InvalidArgument),
        }
    }

    /// sockatmark().
    pub fn is_at_mark(self, sim: &mut Sim) -> bool {
        sim.settle();
        self.slot(sim).is_some_and(|slot| slot.reader().is_at_mark())
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// Why the connection ended; `TimedOut` if nobody reads for an hour.
    pub fn write_all(self, sim: &mut Sim, bytes: &[u8]) -> Result<(), Error> {
        let mut written = 0;
        sim.run_until(PATIENCE, |sim| {
            written += self.try_write(sim, &bytes[written..]);
            written == bytes.len() || sim.status(self).is_closed
        });
        match sim.take_error(self) {
            Some(error) => Err(error),
            None if written == bytes.len() => Ok(()),
            None if sim.status(self).is_closed => Err(Error::BrokenPipe),
            None => Err(Error::TimedOut),
        }
    }

    /// Reads what is there, at most `max` bytes; nothing at end of file.
    ///
    /// # Errors
    /// `WouldBlock`; why the connection ended.
    pub fn try_read(self, sim: &mut Sim, max: usize) -> Result<Vec<u8>, Error> {
        sim.settle();
        // The status is looked at first: bytes come before the end of file.
        let status = sim.status(self);
        let Some(reader) = self.slot(sim).map(|slot| slot.reader()) else { return Err(Error::NotConnected) };
        let (hidden, most) = reader.before_mark(0);
        if hidden > 0 && reader.consume(hidden) {
            self.ring(sim);
        }
        let mut bytes = vec![0; max.min(reader.len()).min(most)];
        let len = reader.peek(0, &mut bytes);
        bytes.truncate(len);
        if reader.consume(len) {
            self.ring(sim);
        }
        if !bytes.is_empty() || status.is_end_of_file || max == 0 {
            return Ok(bytes);
        }
        match sim.take_error(self) {
            Some(error) => Err(error),
            None if status.is_closed => Ok(bytes),
            None => Err(Error::WouldBlock),
        }
    }

    /// Reads up to `max` bytes; nothing at end of file.
    ///
    /// # Errors
    /// Why the connection ended; `TimedOut` if nothing comes for an hour.
    pub fn read(self, sim: &mut Sim, max: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = Err(Error::WouldBlock);
        sim.run_until(PATIENCE, |sim| {
            bytes = self.try_read(sim, max);
            bytes != Err(Error::WouldBlock)
        });
        match bytes {
            Err(Error::WouldBlock) => Err(Error::TimedOut),
            other => other,
        }
    }

    /// Reads until end of file.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_to_end(self, sim: &mut Sim) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        loop {
            let bytes = self.read(sim, usize::MAX)?;
            if bytes.is_empty() {
                return Ok(all);
            }
            all.extend(bytes);
        }
    }

    /// Rings the doorbell.
    pub fn ring(self, sim: &mut Sim) {
        let now = sim.now();
        sim.network().doorbell(now, self.id);
        sim.settle();
    }

    /// shutdown().
    ///
    /// # Errors
    /// Those of [`Network::shutdown`].
    pub fn shutdown(self, sim: &mut Sim, how: Shutdown) -> Result<(), Error> {
        let now = sim.now();
        let result = sim.network().shutdown(now, self.id, how);
        sim.settle();
        result
    }

    /// The last holder is gone: by close(), or because the program was killed.
    pub fn close(self, sim: &mut Sim) {
        let now = sim.now();
        sim.network().close(now, self.id);
        sim.settle();
    }

    /// setsockopt().
    ///
    /// # Errors
    /// Those of [`Network::set_option`].
    pub fn set_option(self, sim: &mut Sim, option: SocketOption) -> Result<(), Error> {
        let now = sim.now();
        let result = sim.network().set_option(now, self.id, option);
        sim.settle();
        result
    }

    /// A call of [`Network`] that needs its name for the socket.
    pub fn with<T>(self, sim: &mut Sim, call: impl FnOnce(&mut Network, SocketId) -> T) -> T {
        call(sim.network(), self.id)
    }

    /// The network's name for it.
    #[must_use]
    pub const fn id(self) -> SocketId {
        self.id
    }

    /// Its name for the owner of the rings.
    #[must_use]
    pub const fn tag(self) -> u64 {
        self.tag
    }

    /// The memory that it shares with the network; `None` before it had a connection.
    #[must_use]
    pub fn slot(self, sim: &Sim) -> Option<Slot> {
        sim.rings().slot(self.tag)
    }
}

const fn family_of(address: SocketAddr) -> Family {
    match address {
        SocketAddr::V4(_) => Family::V4,
        SocketAddr::V6(_) => Family::V6,
    }
}
