//! The engine's side of ready lists: who watches a socket, and how sleepers are woken.

use crate::apart::Apart;
use crate::quota::Quota;
use crate::table::ClientId;
use parking_lot::Mutex;
use rustix::pipe::PipeFlags;
use sockeye_buffer::{Mark, ReadyList};
use sockeye_stack::Error;
use std::collections::HashSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// No watch: the process watches as many sockets as it can.
pub(crate) const NO_WATCH: u32 = u32::MAX;
/// So many a process gets at once for what it accepts.
const BATCH: usize = 32;
/// Bytes that a bell holds: more than a program lets gather (see [`crate::Group`]).
const BELL: usize = 4096;

/// A process's ready list, and the bells of its groups.
///
/// A bell is a pipe. Each end is an open file of its own, so that no program can make the engine wait for it, and the
/// program's end hangs up when the engine dies. It is never empty: a program can then wake its own threads by putting it into their
/// epoll set anew.
#[derive(Debug)]
pub(crate) struct ClientList {
    pub(crate) list: Arc<ReadyList>,
    bells: [Mutex<Option<Apart>>; sockeye_buffer::GROUPS as usize],
}

impl ClientList {
    pub(crate) fn new(list: Arc<ReadyList>) -> Self {
        Self { list, bells: [const { Mutex::new(None) }; sockeye_buffer::GROUPS as usize] }
    }

    /// Marks what happened to a socket, and wakes who sleeps for it.
    fn post(&self, watch: u32, mark: Mark) {
        let mut asleep = self.list.post(watch, mark);
        while asleep != 0 {
            let group = asleep.trailing_zeros();
            asleep &= asleep - 1;
            if let Some(bell) = &*self.bells[group as usize].lock() {
                // Full, it has woken everybody; without a reader there is nobody to wake.
                let _ = rustix::io::write(bell, &[0]);
            }
        }
    }

    /// A new bell for a group: the program's end. It takes the place of one that the program had no room for.
    pub(crate) fn new_bell(&self, group: u32, quota: Quota) -> Result<OwnedFd, Error> {
        let place = self.bells.get(group as usize).ok_or(Error::InvalidArgument)?;
        let (program, engine) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)
            .map_err(|_| Error::TooManyFiles)?;
        if quota.is_reserved(&program) || quota.is_reserved(&engine) {
            return Err(Error::TooManyFiles);
        }
        // If it stays larger, it takes more memory.
        let _ = rustix::pipe::fcntl_setpipe_size(&engine, BELL);
        rustix::io::write(&engine, &[0]).map_err(|_| Error::NoBufferSpace)?;
        *place.lock() = Some(Apart::new(engine));
        Ok(program)
    }
}

/// A process that watches a socket.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) client: ClientId,
    pub(crate) list: Arc<ClientList>,
    pub(crate) watch: u32,
}

impl Watcher {
    pub(crate) fn post(&self, mark: Mark) {
        self.list.post(self.watch, mark);
    }
}

/// The watches of a process: which are free; and its sockets.
#[derive(Debug)]
pub(crate) struct Watches {
    pub(crate) list: Arc<ClientList>,
    free: Vec<u32>,
    next: u32,
    /// Those that the process may give to what it accepts.
    lent: HashSet<u32>,
    /// Sockets that the process holds, watches, has armed, or waits for: what its end concerns.
    pub(crate) tied: HashSet<u64>,
}

impl Watches {
    pub(crate) fn new(list: Arc<ReadyList>) -> Self {
        let list = Arc::new(ClientList::new(list));
        Self { list, free: Vec::new(), next: 0, lent: HashSet::new(), tied: HashSet::new() }
    }

    pub(crate) fn take(&mut self) -> Option<u32> {
        let watch = self.free.pop().or_else(|| {
            let next = (self.next < sockeye_buffer::WATCHES).then_some(self.next)?;
            self.next += 1;
            Some(next)
        })?;
        self.list.list.clear(watch);
        Some(watch)
    }

    /// Some for the process to give to what it accepts; fewer, or none, if it watches as many sockets as it can.
    pub(crate) fn lend(&mut self) -> Vec<u16> {
        let lent: Vec<u16> = (0..BATCH).map_while(|_| self.take()?.try_into().ok()).collect();
        self.lent.extend(lent.iter().copied().map(u32::from));
        lent
    }

    /// The process has given one to a connection. Whether it could.
    pub(crate) fn take_lent(&mut self, watch: u32) -> bool {
        self.lent.remove(&watch)
    }

    pub(crate) fn give_back(&mut self, watch: u32) {
        self.list.list.clear(watch);
        self.free.push(watch);
    }
}
