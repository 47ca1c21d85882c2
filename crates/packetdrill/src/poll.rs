//! poll().

use crate::drive::{Shared, Wait};
use crate::socket::ERR;
use crate::world::World;
use sockeye_posix::Errno;
use std::task::Poll;
use std::time::Duration;

impl World {
    /// What poll() tells of a descriptor of ours; `None` if it is not.
    pub(crate) fn readiness(&mut self, fd: i32) -> Option<u32> {
        let tag = self.table.tag(fd).ok()?;
        let slot = self.rings.slot(tag);
        let socket = self.sockets.get_mut(&tag)?;
        let has_report = socket.id.is_some_and(|id| self.network.has_report(id));
        socket.look_for_room(&self.network, slot.as_ref());
        Some(socket.poll(slot.as_ref()) | if has_report { ERR } else { 0 })
    }
}

impl Shared {
    /// `wanted`: descriptors and events. The events of each, and how many have any.
    pub(crate) fn poll(&self, wanted: &[(i32, i16)], millis: i32) -> Result<(usize, Vec<i16>), Errno> {
        let look = |world: &mut World| {
            let events = wanted.iter().map(|&(fd, events)| match world.readiness(fd) {
                Some(ready) => (ready as i16) & (events | libc::POLLERR | libc::POLLHUP),
                None if fd < 0 => 0,
                None => libc::POLLNVAL,
            });
            events.collect::<Vec<i16>>()
        };
        let attempt = |world: &mut World| {
            let events = look(world);
            let count = events.iter().filter(|&&events| events != 0).count();
            if count > 0 { Poll::Ready(Ok((count, events))) } else { Poll::Pending }
        };
        let polled = self.block(|world| Ok(wait_of(world, millis)), attempt)?;
        Ok(polled.unwrap_or_else(|| (0, vec![0; wanted.len()])))
    }
}

/// A time-out as poll() and epoll_wait() have it: negative is for ever.
pub(crate) fn wait_of(world: &World, millis: i32) -> Wait {
    match u64::try_from(millis) {
        Ok(0) => Wait::Not,
        Ok(millis) => Wait::Until(Some(world.now + Duration::from_millis(millis))),
        Err(_) => Wait::Until(None),
    }
}
