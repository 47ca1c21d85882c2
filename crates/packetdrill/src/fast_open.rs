//! MSG_FASTOPEN, and what follows connect() with TCP_FASTOPEN_CONNECT.

use crate::drive::{Shared, Wait};
use crate::socket::deadline;
use crate::world::World;
use sockeye_posix::address::{self, Use};
use sockeye_posix::{Errno, errno};
use sockeye_stack::Error;

impl World {
    /// Whether the first send() opens the connection.
    fn is_opened_by_send(&mut self, fd: i32, flags: i32) -> Result<bool, Errno> {
        let (_, socket) = self.socket(fd)?;
        Ok(socket.is_deferred || flags & libc::MSG_FASTOPEN != 0)
    }

    /// Sends a SYN with as much of `bytes` as it has room for; what else SendQ takes follows the handshake if the caller waits for that.
    /// How many it took. `None`: there is a connection already.
    fn open_with(
        &mut self,
        fd: i32,
        (bytes, flags): (&[u8], i32),
        name: Option<&[u8]>,
    ) -> Result<Option<usize>, Errno> {
        let now = self.now;
        let (tag, socket) = self.socket(fd)?;
        let (id, family) = (socket.id.ok_or(Errno::BADF)?, socket.family());
        let is_patient = !socket.is_nonblocking && flags & libc::MSG_DONTWAIT == 0;
        if name.is_some_and(address::is_unspecified_family) {
            return Err(Errno::OPNOTSUPP);
        }
        let remote = name.map(|name| address::parse(name, family, Use::Connect)).transpose()?;
        let room = match self.network.fast_open(now, id, remote) {
            Ok(room) => room,
            Err(Error::IsConnected) => return Ok(None),
            Err(error) => return Err(errno::of(error)),
        };
        let bytes = if is_patient { bytes } else { &bytes[..room.min(bytes.len())] };
        let count = self.rings.slot(tag).map_or(0, |slot| slot.writer().write(bytes));
        self.network.launch(now, id).map_err(errno::of)?;
        let (_, socket) = self.socket(fd)?;
        (socket.is_deferred, socket.is_connected, socket.is_connecting) = (false, false, true);
        Ok(Some(count))
    }
}

impl Shared {
    /// send() and sendto(): with an address, and MSG_FASTOPEN, it may open the connection.
    pub(crate) fn send_to(
        &self,
        fd: i32,
        bytes: &[u8],
        flags: i32,
        name: Option<&[u8]>,
    ) -> Result<usize, Errno> {
        if !self.call(|world| world.is_opened_by_send(fd, flags))? {
            return self.send_from(fd, bytes, 0, flags);
        }
        let Some(count) = self.call(|world| world.open_with(fd, (bytes, flags), name))? else {
            return self.send_from(fd, bytes, 0, flags);
        };
        let wait = |world: &mut World| {
            let now = world.now;
            let (_, socket) = world.socket(fd)?;
            let is_impatient = socket.is_nonblocking || flags & libc::MSG_DONTWAIT != 0;
            Ok(if is_impatient { Wait::Not } else { Wait::Until(deadline(now, socket.send_timeout)) })
        };
        match self.block(wait, |world| world.try_connected(fd))? {
            Some(()) => self.send_from(fd, bytes, count, flags),
            None if count > 0 => self.mark_zero_copy(fd, count, flags),
            None => Err(Errno::INPROGRESS),
        }
    }
}
