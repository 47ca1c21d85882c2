//! read, write, and their kin.

use crate::drive::{Shared, Wait};
use crate::socket::{Socket, deadline};
use crate::world::World;
use sockeye_buffer::is_hidden_next;
use sockeye_posix::{Errno, control, errno, report};
use sockeye_stack::{Mark, OptionName, SocketOption};
use std::sync::atomic::Ordering;
use std::task::Poll;

/// What came of a receive.
#[derive(Debug, Default)]
pub(crate) struct Received {
    /// The bytes.
    pub(crate) bytes: Vec<u8>,
    /// How many there are for the caller: with MSG_TRUNC they are not copied.
    pub(crate) count: usize,
    /// `struct cmsghdr` after `struct cmsghdr`.
    pub(crate) control: Vec<u8>,
    /// `msg_flags`.
    pub(crate) flags: i32,
}

impl World {
    fn try_send(
        &mut self,
        fd: i32,
        bytes: &[u8],
        done: &mut usize,
        flags: i32,
    ) -> Poll<Result<usize, Errno>> {
        // As Linux: who waits for room goes on when there is much of it.
        if *done > 0 && self.socket(fd).is_ok_and(|(_, socket)| socket.lacks_room && !socket.is_closed) {
            return Poll::Pending;
        }
        loop {
            match self.send_some(fd, &bytes[*done..], flags) {
                Ok(0) => break,
                Ok(count) => *done += count,
                Err(_) if *done > 0 => return Poll::Ready(Ok(*done)),
                Err(error) => return Poll::Ready(Err(error)),
            }
            // What is sent meanwhile may make room (TCP_NOTSENT_LOWAT).
            self.network.flush(self.now);
        }
        if *done == bytes.len() { Poll::Ready(Ok(*done)) } else { Poll::Pending }
    }

    fn send_some(&mut self, fd: i32, bytes: &[u8], flags: i32) -> Result<usize, Errno> {
        let (tag, socket) = self.socket(fd)?;
        if let Some(error) = socket.error.take() {
            return Err(errno::of(error));
        }
        if socket.is_send_shut || socket.is_closed || !(socket.is_connected || socket.is_connecting) {
            return Err(Errno::PIPE);
        }
        let (id, is_connected) = (socket.id, socket.is_connected);
        let slot = self.rings.slot(tag).filter(|_| is_connected);
        let (Some(slot), Some(id)) = (slot, id) else { return Ok(0) };
        let put = bytes.len().min(slot.writer().free());
        let offset = slot.header().sender.send_tail.load(Ordering::Relaxed) + put as u64;
        if flags & libc::MSG_MORE != 0 && put > 0 {
            self.network.mark(self.now, id, Mark::More, offset).map_err(errno::of)?;
        }
        if flags & libc::MSG_EOR != 0 && put == bytes.len() {
            self.network.mark(self.now, id, Mark::EndOfRecord, offset).map_err(errno::of)?;
        }
        if put > 0 {
            // Without SO_TIMESTAMPING nobody takes note.
            self.network.mark(self.now, id, Mark::Stamp, offset).map_err(errno::of)?;
        }
        let count = slot.writer().write(bytes);
        if count < bytes.len()
            && let Some(socket) = self.sockets.get_mut(&tag)
        {
            socket.lacks_room = true;
        }
        if count > 0 {
            self.network.doorbell(self.now, id);
        }
        Ok(count)
    }

    /// Receives what is there, if it is enough, or if no more can come.
    fn try_recv(&mut self, fd: i32, room: usize, flags: i32) -> Poll<Result<Received, Errno>> {
        let (tag, socket) = match self.socket(fd) {
            Ok(found) => found,
            Err(error) => return Poll::Ready(Err(error)),
        };
        if socket.is_listening {
            return Poll::Ready(Err(Errno::NOTCONN));
        }
        let enough = match flags & libc::MSG_WAITALL {
            0 => room.min(socket.low_water.max(1)),
            _ => room,
        };
        let is_over = socket.is_end_of_file || socket.is_recv_shut || socket.is_closed;
        let is_open = socket.is_connected || socket.is_connecting;
        let slot = self.rings.slot(tag);
        let held = Socket::held(slot.as_ref());
        let held = held - usize::from(slot.as_ref().is_some_and(|slot| is_hidden_next(slot.header())));
        if held > 0 && (held >= enough || is_over) {
            return Poll::Ready(Ok(self.take(tag, room, flags)));
        }
        let Some(socket) = self.sockets.get_mut(&tag) else { return Poll::Ready(Err(Errno::BADF)) };
        if socket.is_end_of_file {
            return Poll::Ready(Ok(Received::default()));
        }
        match socket.error.take() {
            Some(error) => Poll::Ready(Err(errno::of(error))),
            None if is_over => Poll::Ready(Ok(Received::default())),
            None if !is_open => Poll::Ready(Err(Errno::NOTCONN)),
            None if room == 0 => Poll::Ready(Ok(Received::default())),
            None => Poll::Pending,
        }
    }

    /// Whether the urgent byte is next, and has come: as on Linux, splice() does not pass it.
    pub(crate) fn is_at_urgent(&mut self, fd: i32) -> Result<bool, Errno> {
        let tag = self.socket(fd)?.0;
        let slot = self.rings.slot(tag);
        Ok(slot.is_some_and(|slot| slot.reader().is_at_mark() && !slot.reader().is_empty()))
    }

    /// What there is, although the caller wants more.
    fn take(&mut self, tag: u64, room: usize, flags: i32) -> Received {
        let Some(slot) = self.rings.slot(tag) else { return Received::default() };
        let reader = slot.reader();
        let (skip, most) = reader.before_mark(0);
        let count = room.min(most).min(reader.len() - skip);
        let mut bytes = vec![0; count];
        reader.peek(skip, &mut bytes);
        if flags & libc::MSG_PEEK == 0 {
            let must_ring = reader.consume(skip + count);
            if let Some(id) = self.sockets.get(&tag).and_then(|socket| socket.id)
                && must_ring
            {
                self.network.doorbell(self.now, id);
            }
        }
        if flags & libc::MSG_TRUNC != 0 {
            bytes.clear();
        }
        Received { bytes, count, control: self.control(tag), ..Received::default() }
    }

    /// What recvmsg() tells beside the bytes.
    fn control(&self, tag: u64) -> Vec<u8> {
        let Some(socket) = self.sockets.get(&tag) else { return Vec::new() };
        let is_told = socket.id.map(|id| self.network.option(id, OptionName::Inq));
        match is_told {
            Some(Ok(SocketOption::Inq(true))) => {
                let left = Socket::held(self.rings.slot(tag).as_ref());
                control::left_to_read(left, socket.is_end_of_file)
            }
            Some(_) | None => Vec::new(),
        }
    }

    fn waits(&mut self, fd: i32, flags: i32, is_sending: bool) -> Result<Wait, Errno> {
        let now = self.now;
        let (_, socket) = self.socket(fd)?;
        if socket.is_nonblocking || flags & libc::MSG_DONTWAIT != 0 {
            return Ok(Wait::Not);
        }
        let timeout = if is_sending { socket.send_timeout } else { socket.recv_timeout };
        Ok(Wait::Until(deadline(now, timeout)))
    }
}

impl Shared {
    pub(crate) fn send(&self, fd: i32, bytes: &[u8], flags: i32) -> Result<usize, Errno> {
        self.send_to(fd, bytes, flags, None)
    }

    /// Sends what follows the first `done` bytes.
    pub(crate) fn send_from(
        &self,
        fd: i32,
        bytes: &[u8],
        mut done: usize,
        flags: i32,
    ) -> Result<usize, Errno> {
        let sent = self
            .block(|world| world.waits(fd, flags, true), |world| world.try_send(fd, bytes, &mut done, flags));
        match sent? {
            Some(count) => self.mark_zero_copy(fd, count, flags),
            None if done > 0 => self.mark_zero_copy(fd, done, flags),
            None => Err(Errno::AGAIN),
        }
    }

    /// MSG_ZEROCOPY: what was sent by one call is one send.
    pub(crate) fn mark_zero_copy(&self, fd: i32, count: usize, flags: i32) -> Result<usize, Errno> {
        if flags & libc::MSG_ZEROCOPY != 0 && count > 0 {
            self.call(|world| {
                let (tag, socket) = world.socket(fd)?;
                let id = socket.id.ok_or(Errno::BADF)?;
                let Some(slot) = world.rings.slot(tag) else { return Ok(()) };
                let end = slot.header().sender.send_tail.load(Ordering::Relaxed);
                world.network.mark(world.now, id, Mark::ZeroCopy, end).map_err(errno::of)
            })?;
        }
        Ok(count)
    }

    /// MSG_ERRQUEUE.
    fn take_report(&self, fd: i32) -> Result<Received, Errno> {
        self.call(|world| {
            let (_, socket) = world.socket(fd)?;
            let (id, family) = (socket.id.ok_or(Errno::BADF)?, socket.family());
            let (report, _) = world.network.take_report(id).map_err(errno::of)?;
            // The world's clock is the time of day.
            let (control, flags) = report::encode(report, family, |now| now);
            Ok(Received { control, flags, ..Received::default() })
        })
    }

    pub(crate) fn recv(&self, fd: i32, room: usize, flags: i32) -> Result<Received, Errno> {
        if flags & libc::MSG_ERRQUEUE != 0 {
            return self.take_report(fd);
        }
        let received =
            self.block(|world| world.waits(fd, flags, false), |world| world.try_recv(fd, room, flags));
        match received? {
            Some(received) => Ok(received),
            // It waited for more, or was not to wait: what there is is better than nothing.
            None => {
                let received = self.call(|world| {
                    let tag = world.socket(fd)?.0;
                    Ok(world.take(tag, room, flags))
                })?;
                if received.count > 0 { Ok(received) } else { Err(Errno::AGAIN) }
            }
        }
    }
}
