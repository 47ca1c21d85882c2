//! getsockopt, setsockopt, fcntl, ioctl.

use crate::socket::Socket;
use crate::world::World;
use sockeye_posix::options::{self, Privilege};
use sockeye_posix::{Errno, errno};
use std::time::Duration;

/// `SO_RCVTIMEO_NEW` and `SO_SNDTIMEO_NEW`.
const SO_RCVTIMEO_NEW: i32 = 66;
const SO_SNDTIMEO_NEW: i32 = 67;
const SO_MEMINFO: i32 = 55;
/// `SK_MEMINFO_VARS` numbers, bytes.
const MEMINFO_LENGTH: usize = 36;

impl World {
    /// The value of an option for a caller that has room for `room` bytes.
    pub(crate) fn read_option(
        &mut self,
        fd: i32,
        level: i32,
        name: i32,
        room: usize,
    ) -> Result<Vec<u8>, Errno> {
        let (_, socket) = self.socket(fd)?;
        let id = socket.id.ok_or(Errno::BADF)?;
        let family = socket.family();
        if let Some(option) = options::name(level, name, family) {
            return self
                .network
                .option(id, option)
                .map(|option| options::encode(option, room))
                .map_err(errno::of);
        }
        match (level, name) {
            (libc::IPPROTO_TCP, libc::TCP_INFO) => {
                let info = self.network.tcp_info(self.now, id).map_err(errno::of)?;
                return Ok(info.to_bytes().to_vec());
            }
            // There is none, and the congestion control has nothing to tell.
            (libc::IPPROTO_TCP, libc::TCP_ULP | libc::TCP_CC_INFO) => return Ok(Vec::new()),
            // Linux's counters of socket memory: there is no such memory.
            (libc::SOL_SOCKET, SO_MEMINFO) => return Ok(vec![0; MEMINFO_LENGTH]),
            _ => {}
        }
        if level != libc::SOL_SOCKET {
            return Err(options::unreadable(level, name, family));
        }
        let number = match name {
            libc::SO_ERROR => socket.error.take().map_or(0, |error| errno::of(error).number()),
            libc::SO_TYPE => libc::SOCK_STREAM,
            libc::SO_PROTOCOL => libc::IPPROTO_TCP,
            libc::SO_DOMAIN if socket.is_v6 => libc::AF_INET6,
            libc::SO_DOMAIN => libc::AF_INET,
            libc::SO_ACCEPTCONN => i32::from(socket.is_listening),
            libc::SO_RCVLOWAT => i32::try_from(socket.low_water.max(1)).unwrap_or(i32::MAX),
            libc::SO_SNDLOWAT => 1,
            libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW => {
                return Ok(options::encode_time(socket.recv_timeout.unwrap_or_default()));
            }
            libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW => {
                return Ok(options::encode_time(socket.send_timeout.unwrap_or_default()));
            }
            _ => return Err(options::unreadable(level, name, family)),
        };
        Ok(number.to_ne_bytes().to_vec())
    }

    pub(crate) fn set_option(&mut self, fd: i32, level: i32, name: i32, bytes: &[u8]) -> Result<(), Errno> {
        let now = self.now;
        let (_, socket) = self.socket(fd)?;
        let id = socket.id.ok_or(Errno::BADF)?;
        if let Some(option) = options::name(level, name, socket.family()) {
            let value = options::decode(option, bytes)?;
            return self.network.set_option(now, id, value).map_err(errno::of);
        }
        let given = |time: Duration| (!time.is_zero()).then_some(time);
        match (level, name) {
            (libc::SOL_SOCKET, libc::SO_RCVLOWAT) => {
                socket.low_water = usize::try_from(options::number(bytes)?).unwrap_or(usize::MAX);
            }
            (libc::SOL_SOCKET, libc::SO_RCVTIMEO | SO_RCVTIMEO_NEW) => {
                socket.recv_timeout = given(options::decode_time(bytes)?);
            }
            (libc::SOL_SOCKET, libc::SO_SNDTIMEO | SO_SNDTIMEO_NEW) => {
                socket.send_timeout = given(options::decode_time(bytes)?);
            }
            // Scripts are written for root.
            _ => return options::refusal(level, name, bytes, Privilege::Root).map_or(Ok(()), Err),
        }
        Ok(())
    }

    pub(crate) fn fcntl(&mut self, fd: i32, command: i32, argument: i32) -> Result<i32, Errno> {
        let (_, socket) = self.socket(fd)?;
        match command {
            libc::F_GETFL => Ok(libc::O_RDWR | if socket.is_nonblocking { libc::O_NONBLOCK } else { 0 }),
            libc::F_SETFL => {
                socket.is_nonblocking = argument & libc::O_NONBLOCK != 0;
                Ok(0)
            }
            libc::F_GETFD => Ok(libc::FD_CLOEXEC),
            libc::F_SETFD => Ok(0),
            _ => Err(Errno::INVAL),
        }
    }

    /// The number that an ioctl gives, or `None` if it takes one.
    pub(crate) fn ioctl(
        &mut self,
        fd: i32,
        request: u64,
        argument: Option<i32>,
    ) -> Result<Option<i32>, Errno> {
        let (tag, socket) = self.socket(fd)?;
        let (is_listening, is_open) = (socket.is_listening, socket.is_connected);
        let slot = self.rings.slot(tag).filter(|_| is_open);
        let to_number = |bytes: usize| Some(i32::try_from(bytes).unwrap_or(i32::MAX));
        match request {
            libc::FIONBIO => {
                let on = argument.ok_or(Errno::FAULT)? != 0;
                self.socket(fd)?.1.is_nonblocking = on;
                Ok(None)
            }
            libc::FIONREAD | libc::TIOCOUTQ if is_listening => Err(Errno::INVAL),
            libc::FIONREAD => Ok(to_number(Socket::held(slot.as_ref()))),
            libc::TIOCOUTQ => Ok(to_number(slot.map_or(0, |slot| slot.writer().len()))),
            _ => Err(Errno::INVAL),
        }
    }
}
