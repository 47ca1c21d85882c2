//! socket, bind, listen, accept, connect, shutdown, close.

use crate::drive::{Shared, Wait};
use crate::socket::{Socket, deadline};
use crate::world::World;
use sockeye_posix::address::{self, Structure, Use};
use sockeye_posix::{Errno, errno};
use sockeye_stack::{Family, Shutdown};
use std::task::Poll;

impl World {
    pub(crate) fn make_socket(&mut self, domain: i32, kind: i32) -> Result<i32, Errno> {
        let family = match domain {
            libc::AF_INET => Family::V4,
            libc::AF_INET6 => Family::V6,
            _ => return Err(Errno::AFNOSUPPORT),
        };
        if kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) != libc::SOCK_STREAM {
            return Err(Errno::AFNOSUPPORT);
        }
        let tag = self.rings.new_tag();
        let id = self.network.socket(self.host, family, tag).map_err(errno::of)?;
        let is_nonblocking = kind & libc::SOCK_NONBLOCK != 0;
        let is_v6 = family == Family::V6;
        self.sockets.insert(tag, Socket { id: Some(id), is_v6, is_nonblocking, ..Socket::default() });
        self.table.add_socket(tag)
    }

    pub(crate) fn bind(&mut self, fd: i32, bytes: &[u8]) -> Result<(), Errno> {
        let (_, socket) = self.socket(fd)?;
        let (id, family) = (socket.id.ok_or(Errno::BADF)?, socket.family());
        let address = address::parse(bytes, family, Use::Bind)?;
        self.network.bind(id, address).map_err(errno::of)
    }

    pub(crate) fn listen(&mut self, fd: i32, backlog: i32) -> Result<(), Errno> {
        let (_, socket) = self.socket(fd)?;
        let id = socket.id.ok_or(Errno::BADF)?;
        self.network.listen(id, backlog).map_err(errno::of)?;
        self.socket(fd)?.1.is_listening = true;
        Ok(())
    }

    fn try_accept(&mut self, fd: i32) -> Poll<Result<(i32, Structure), Errno>> {
        let listener = match self.socket(fd) {
            Ok((_, socket)) => socket,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let (id, family) = (listener.id, listener.family());
        let (recv_timeout, send_timeout, low_water) =
            (listener.recv_timeout, listener.send_timeout, listener.low_water);
        let Some(id) = id else { return Poll::Ready(Err(Errno::BADF)) };
        let (id, tag, remote) = match self.network.accept(id) {
            Ok(accepted) => accepted,
            Err(sockeye_stack::Error::WouldBlock) => return Poll::Pending,
            Err(error) => return Poll::Ready(Err(errno::of(error))),
        };
        if let Ok((_, listener)) = self.socket(fd) {
            listener.accept_len = listener.accept_len.saturating_sub(1);
        }
        let child = self.sockets.entry(tag).or_default();
        child.id = Some(id);
        child.is_v6 = family == Family::V6;
        child.is_connected = true;
        (child.recv_timeout, child.send_timeout, child.low_water) = (recv_timeout, send_timeout, low_water);
        let accepted = self.table.add_socket(tag);
        Poll::Ready(accepted.map(|fd| (fd, Structure::new(remote, family))))
    }

    /// Begins to connect; whether it is under way.
    fn start_connect(&mut self, fd: i32, bytes: &[u8]) -> Result<(), Errno> {
        let (tag, socket) = self.socket(fd)?;
        let (id, family) = (socket.id.ok_or(Errno::BADF)?, socket.family());
        if let Some(error) = socket.error.take() {
            return Err(errno::of(error));
        }
        let address = address::parse(bytes, family, Use::Connect)?;
        self.network.connect(self.now, id, address).map_err(errno::of)?;
        let is_deferred = self.network.deferred_room(id).is_some();
        if let Some(socket) = self.sockets.get_mut(&tag) {
            (socket.is_closed, socket.is_send_shut) = (false, false);
            (socket.is_deferred, socket.is_connected, socket.is_connecting) =
                (is_deferred, is_deferred, !is_deferred);
        }
        Ok(())
    }

    pub(crate) fn try_connected(&mut self, fd: i32) -> Poll<Result<(), Errno>> {
        let socket = match self.socket(fd) {
            Ok((_, socket)) => socket,
            Err(error) => return Poll::Ready(Err(error)),
        };
        match socket.error.take() {
            Some(error) => Poll::Ready(Err(errno::of(error))),
            None if socket.is_connected => Poll::Ready(Ok(())),
            None if socket.is_connecting => Poll::Pending,
            None => Poll::Ready(Err(Errno::CONNABORTED)),
        }
    }

    pub(crate) fn shutdown(&mut self, fd: i32, how: i32) -> Result<(), Errno> {
        let how = match how {
            libc::SHUT_RD => Shutdown::Read,
            libc::SHUT_WR => Shutdown::Write,
            libc::SHUT_RDWR => Shutdown::Both,
            _ => return Err(Errno::INVAL),
        };
        let now = self.now;
        let (tag, socket) = self.socket(fd)?;
        let id = socket.id.ok_or(Errno::BADF)?;
        self.network.shutdown(now, id, how).map_err(errno::of)?;
        let (_, socket) = self.socket(fd)?;
        if how != Shutdown::Write {
            socket.is_recv_shut = true;
        }
        if how != Shutdown::Read {
            socket.is_send_shut = true;
        }
        let woken = socket.poll(None);
        self.table.wake(tag, woken);
        Ok(())
    }

    pub(crate) fn close(&mut self, fd: i32) -> Result<(), Errno> {
        let tag = self.table.remove(fd).ok_or(Errno::BADF)?;
        if let Some(tag) = tag
            && let Some(socket) = self.sockets.remove(&tag)
            && let Some(id) = socket.id
        {
            self.network.close(self.now, id);
        }
        Ok(())
    }
}

impl Shared {
    pub(crate) fn accept(&self, fd: i32) -> Result<(i32, Structure), Errno> {
        let wait = |world: &mut World| {
            let now = world.now;
            let (_, socket) = world.socket(fd)?;
            Ok(match socket.is_nonblocking {
                true => Wait::Not,
                false => Wait::Until(deadline(now, socket.recv_timeout)),
            })
        };
        self.block(wait, |world| world.try_accept(fd))?.ok_or(Errno::AGAIN)
    }

    pub(crate) fn connect(&self, fd: i32, bytes: &[u8]) -> Result<(), Errno> {
        let wait = |world: &mut World| {
            world.start_connect(fd, bytes)?;
            let now = world.now;
            let (_, socket) = world.socket(fd)?;
            Ok(match socket.is_nonblocking {
                true => Wait::Not,
                false => Wait::Until(deadline(now, socket.send_timeout)),
            })
        };
        self.block(wait, |world| world.try_connected(fd))?.ok_or(Errno::INPROGRESS)
    }
}
