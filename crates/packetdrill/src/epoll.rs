//! Epoll sets.

use crate::drive::Shared;
use crate::poll::wait_of;
use crate::socket::{ERR, HUP};
use crate::world::World;
use sockeye_posix::Errno;
use std::task::Poll;

/// Bits of an interest that are not events.
const EDGE: u32 = libc::EPOLLET as u32;
const ONE_SHOT: u32 = libc::EPOLLONESHOT as u32;
const PRIVATE: u32 = EDGE | ONE_SHOT | (libc::EPOLLWAKEUP | libc::EPOLLEXCLUSIVE) as u32;

/// An interest list, in the order in which descriptors became ready.
#[derive(Debug, Default)]
pub(crate) struct Epoll {
    interests: Vec<Interest>,
}

#[derive(Clone, Debug)]
struct Interest {
    fd: i32,
    tag: u64,
    events: u32,
    data: u64,
    /// It was woken since it was last told of.
    is_woken: bool,
}

impl Epoll {
    /// The descriptor was closed.
    pub(crate) fn forget(&mut self, fd: i32) {
        self.interests.retain(|interest| interest.fd != fd);
    }

    /// The socket was woken for these events.
    pub(crate) fn wake(&mut self, tag: u64, events: u32) {
        for interest in self.interests.iter_mut().filter(|interest| interest.tag == tag) {
            if events & (interest.events | ERR | HUP) != 0 {
                interest.is_woken = true;
            }
        }
    }
}

impl World {
    pub(crate) fn epoll_ctl(
        &mut self,
        epoll: i32,
        op: i32,
        fd: i32,
        event: Option<(u32, u64)>,
    ) -> Result<(), Errno> {
        if epoll == fd {
            return Err(Errno::INVAL);
        }
        let tag =
            self.table.tag(fd).map_err(|error| if self.table.has(fd) { Errno::INVAL } else { error })?;
        let set = self.table.epoll(epoll)?;
        let at = set.interests.iter().position(|interest| interest.fd == fd);
        let new = event.map(|(events, data)| Interest { fd, tag, events, data, is_woken: true });
        match (op, at) {
            (libc::EPOLL_CTL_ADD, Some(_)) => Err(Errno::EXIST),
            (libc::EPOLL_CTL_ADD, None) => {
                set.interests.push(new.ok_or(Errno::FAULT)?);
                Ok(())
            }
            (libc::EPOLL_CTL_MOD, Some(at)) => {
                set.interests[at] = new.ok_or(Errno::FAULT)?;
                Ok(())
            }
            (libc::EPOLL_CTL_DEL, Some(at)) => {
                set.interests.remove(at);
                Ok(())
            }
            (libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL, None) => Err(Errno::NOENT),
            _ => Err(Errno::INVAL),
        }
    }

    /// What is ready, at most `room`.
    fn collect(&mut self, epoll: i32, room: usize) -> Result<Vec<(u32, u64)>, Errno> {
        let mut interests = std::mem::take(&mut self.table.epoll(epoll)?.interests);
        let mut ready = Vec::new();
        for interest in &mut interests {
            let is_disabled = interest.events & !PRIVATE == 0;
            let is_edge = interest.events & EDGE != 0;
            if ready.len() == room || is_disabled || (is_edge && !interest.is_woken) {
                continue;
            }
            interest.is_woken = false;
            let events = self.readiness(interest.fd).unwrap_or(0) & (interest.events | ERR | HUP);
            if events == 0 {
                continue;
            }
            ready.push((events, interest.data));
            if interest.events & ONE_SHOT != 0 {
                interest.events &= PRIVATE;
            }
        }
        self.table.epoll(epoll)?.interests = interests;
        Ok(ready)
    }
}

impl Shared {
    pub(crate) fn epoll_wait(&self, epoll: i32, room: i32, millis: i32) -> Result<Vec<(u32, u64)>, Errno> {
        let room = usize::try_from(room).ok().filter(|&room| room > 0).ok_or(Errno::INVAL)?;
        let attempt = |world: &mut World| match world.collect(epoll, room) {
            Ok(ready) if ready.is_empty() => Poll::Pending,
            result => Poll::Ready(result),
        };
        let ready = self.block(|world| Ok(wait_of(world, millis)), attempt)?;
        Ok(ready.unwrap_or_default())
    }
}
