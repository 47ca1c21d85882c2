//! Token descriptors: what a socket that is shared is to the kernel.
//! What is done with them, and why, is in [`sockeye_buffer::token`].

use crate::apart::Apart;
use crate::raw;
use rustix::event::epoll;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, Shutdown, SocketAddrAny, SocketAddrUnix, SocketFlags, SocketType,
    sockopt,
};
use sockeye_buffer::token::{self, TokenEnd};
use sockeye_stack::Error;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Hang-ups that are taken at once: what has hung up is closed, which may mean that some megabytes are given back.
pub(crate) const MANY: usize = 4;
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

    pub(crate) fn end(&self) -> End<'_> {
        End(self.as_fd())
    }
}

/// Either end of a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'a>(pub(crate) BorrowedFd<'a>);

impl End<'_> {
    fn send_with(self, flags: SendFlags) {
        let _ = rustix::net::send(self.0, &[0], flags | SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }
}

impl TokenEnd for End<'_> {
    fn send(&self) {
        self.send_with(SendFlags::empty());
    }

    fn send_urgent(&self) {
        // A kernel that cannot (CONFIG_AF_UNIX_OOB) leaves the program to poll().
        self.send_with(SendFlags::OOB);
    }

    fn held(&self) -> usize {
        usize::try_from(rustix::io::ioctl_fionread(self.0).unwrap_or(0)).unwrap_or(0)
    }

    fn take(&self, most: usize) -> usize {
        let mut sink = [MaybeUninit::uninit(); token::MOST];
        let most = most.min(sink.len());
        rustix::net::recv(self.0, &mut sink[..most], RecvFlags::DONTWAIT).map_or(0, |(_, taken)| taken)
    }

    fn take_urgent(&self) {
        let _ = rustix::net::recv(self.0, &mut [0; 1], RecvFlags::DONTWAIT | RecvFlags::OOB);
    }

    fn shut(&self) {
        // It can only fail if the program's end is gone.
        let _ = rustix::net::shutdown(self.0, Shutdown::Write);
    }

    fn set_send_buffer(&self, bytes: usize) {
        // It can only fail if the other end is closed: then there is nothing to be shown any more.
        let _ = sockopt::set_socket_send_buffer_size(self.0, bytes);
    }
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
