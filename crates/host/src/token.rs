//! Token descriptors: what a socket that is shared is to the kernel.
//!
//! ```text
//!   program's end `a` (the descriptor)                       engine's end `h`
//!        |  guard byte: so that closing h shows as a reset --->  |  from the first time on that it is polled
//!        |  four bytes more: a is not writable               ->  |  read but for the last when SendQ has room
//!        |  <- a byte: a is readable                             |
//!        |  <- an urgent byte: a has urgent data                 |
//!        |  <- shutdown: the peer's FIN                          |
//!        |  last copy of a closed -----------------------------> |  EPOLLHUP
//! ```
//!
//! AF_UNIX charges the sender for whole buffers, each until its last byte is read. So every buffer here holds one byte: what is left
//! of a send never counts for more than its bytes, in whichever order the two sides send and read.

use crate::apart::Apart;
use crate::raw;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType,
    sockopt,
};
use sockeye_stack::Error;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// SO_SNDBUF of the program's end before the kernel doubles it. It is writable while at most a quarter of the double is charged: by
/// one buffer, which takes 512 to 1280 bytes by kernel version, and not by five, which fit.
const SEND_BUFFER: usize = 4096;
/// Buffers of a byte that make a token not writable, with the guard.
const FILL: usize = 4;
/// Hang-ups that are taken at once.
pub(crate) const MANY: usize = 256;
/// Abstract names of engines' ends begin so.
const PREFIX: &str = "sockeye/";

/// The engine's end of a token.
#[derive(Debug)]
pub(crate) struct EngineEnd(Descriptor);

#[derive(Debug)]
enum Descriptor {
    /// Of a host process.
    Plain(OwnedFd),
    /// Among those of a program.
    Apart(Apart),
}

/// Which token of which engine it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) instance: u64,
    pub(crate) id: u64,
}

impl Name {
    fn text(self) -> String {
        format!("{PREFIX}{:016x}/{:016x}", self.instance, self.id)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let (instance, id) = std::str::from_utf8(text).ok()?.strip_prefix(PREFIX)?.split_once('/')?;
        let number = |digits| u64::from_str_radix(digits, 16).ok();
        Some(Self { instance: number(instance)?, id: number(id)? })
    }

    /// Of the token `descriptor`, if it is one.
    pub(crate) fn of(descriptor: BorrowedFd<'_>) -> Option<Self> {
        let address: SocketAddrAny = rustix::net::getpeername(descriptor).ok()??;
        let address = SocketAddrUnix::try_from(address).ok()?;
        Self::parse(address.abstract_name()?)
    }
}

/// A new token: the program's end, and the engine's.
pub(crate) fn pair(name: Name) -> Result<(OwnedFd, EngineEnd), Error> {
    make(name).map_err(|error| match error {
        Errno::MFILE | Errno::NFILE => Error::TooManyFiles,
        _ => Error::NoBufferSpace,
    })
}

fn make(name: Name) -> Result<(OwnedFd, EngineEnd), Errno> {
    let (program, engine) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    raw::take_no_descriptors(engine.as_fd());
    rustix::net::bind(&engine, &SocketAddrUnix::new_abstract_name(name.text().as_bytes())?)?;
    Ok((program, EngineEnd(Descriptor::Plain(engine))))
}

impl AsFd for EngineEnd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Descriptor::Plain(descriptor) => descriptor.as_fd(),
            Descriptor::Apart(descriptor) => descriptor.as_fd(),
        }
    }
}

impl EngineEnd {
    /// The same, out of the way of the program whose process this is.
    pub(crate) fn apart(self) -> Self {
        match self.0 {
            Descriptor::Plain(descriptor) => Self(Descriptor::Apart(Apart::new(descriptor))),
            Descriptor::Apart(_) => self,
        }
    }

    /// Has `epoll` tell under `id` when the last copy of the program's end is closed.
    pub(crate) fn watch(&self, epoll: BorrowedFd<'_>, id: u64) -> Result<(), Error> {
        let data = epoll::EventData::new_u64(id);
        epoll::add(epoll, self, data, epoll::EventFlags::empty()).map_err(|_| Error::NoBufferSpace)
    }

    /// Makes the program's end readable.
    pub(crate) fn show_readable(&self) {
        // If it is full it is readable already.
        let _ = rustix::net::send(self, &[0], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }

    /// Shows an urgent byte: the program's end is readable with it, and its owner gets SIGURG.
    pub(crate) fn show_urgent(&self) {
        // A kernel that cannot (CONFIG_AF_UNIX_OOB) leaves the program to poll().
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL | SendFlags::OOB;
        let _ = rustix::net::send(self, &[0], flags);
    }

    /// Makes it writable: all but the last byte, the guard, is taken out.
    pub(crate) fn show_writable(&self) {
        self.take_all_but(1);
    }

    /// Takes out the guard as well: closing then shows as a hang-up, not as a reset.
    pub(crate) fn empty(&self) {
        self.take_all_but(0);
    }

    fn take_all_but(&self, kept: usize) {
        let held = rustix::io::ioctl_fionread(self).unwrap_or(0);
        let mut rest = usize::try_from(held).unwrap_or(0).saturating_sub(kept);
        let mut sink = [0; 64];
        while rest > 0 {
            let len = rest.min(sink.len());
            match rustix::net::recv(self, &mut sink[..len], RecvFlags::DONTWAIT) {
                Ok((taken, _)) if taken > 0 => rest -= taken.min(rest),
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// Shows the peer's FIN.
    pub(crate) fn show_fin(&self) {
        // It can only fail if the program's end is gone.
        let _ = rustix::net::shutdown(self, Shutdown::Write);
    }
}

/// On the program's end, once, before the engine mirrors anything onto it.
pub(crate) fn prepare(token: BorrowedFd<'_>) {
    // It can only fail if the engine's end is closed: then there is nothing to be shown any more.
    let _ = sockopt::set_socket_send_buffer_size(token, SEND_BUFFER);
    let _ = rustix::net::send(token, &[0], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
}

/// On the program's end: makes it not writable.
pub(crate) fn fill(token: BorrowedFd<'_>) {
    for _ in 0..FILL {
        // What does not fit is not needed: the token is full then.
        let _ = rustix::net::send(token, &[0], SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }
}

/// On the program's end: takes away what was shown, but for one byte.
pub(crate) fn take_surplus(token: BorrowedFd<'_>) {
    let held = usize::try_from(rustix::io::ioctl_fionread(token).unwrap_or(0)).unwrap_or(0);
    let mut sink = [0; 512];
    let surplus = held.saturating_sub(1).min(sink.len());
    if surplus > 0 {
        let _ = rustix::net::recv(token, &mut sink[..surplus], RecvFlags::DONTWAIT);
    }
}

/// On the program's end: makes it not readable.
pub(crate) fn drain(token: BorrowedFd<'_>) {
    let mut sink = [0; 64];
    while let Ok((taken, _)) = rustix::net::recv(token, &mut sink, RecvFlags::DONTWAIT) {
        if taken < sink.len() {
            return;
        }
    }
}

/// On the program's end: as [`drain`], where an urgent byte may be among what there is to read.
pub(crate) fn drain_urgent(token: BorrowedFd<'_>) {
    let mut sink = [0; 64];
    while rustix::net::recv(token, &mut sink, RecvFlags::DONTWAIT).is_ok_and(|(taken, _)| taken > 0) {}
}

/// On the program's end: takes the urgent byte away.
pub(crate) fn take_urgent(token: BorrowedFd<'_>) {
    // There may be none any more.
    let _ = rustix::net::recv(token, &mut [0; 1], RecvFlags::DONTWAIT | RecvFlags::OOB);
}

/// An epoll set of engine's ends.
pub(crate) fn watcher() -> Result<OwnedFd, Errno> {
    epoll::create(epoll::CreateFlags::CLOEXEC)
}

/// Numbers of the tokens whose last holder is gone, into `ids`: up to [`MANY`].
pub(crate) fn hung_up(watcher: BorrowedFd<'_>, ids: &mut Vec<u64>) {
    const NOW: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut events = [MaybeUninit::uninit(); MANY];
    if let Ok((events, _)) = epoll::wait(watcher, &mut events, Some(&NOW)) {
        ids.extend(events.iter().map(|event| event.data.u64()));
    }
}

#[cfg(test)]
mod tests;
