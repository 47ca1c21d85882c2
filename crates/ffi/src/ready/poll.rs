//! poll() by the ready list.

use super::events_of;
use crate::engine::{self, TABLE};
use crate::errno::Errno;
use crate::table::{Found, Guard};
use crate::{raw, real};
use libc::{c_int, c_short, pollfd, sigset_t};
use sockeye_clock::{Instant, monotonic};
use sockeye_host::{ForkMutex, Group, Socket, let_run};
use std::time::Duration;

/// Groups that calls of poll() have left for later ones.
static SPARE: ForkMutex<Vec<Group>> = ForkMutex::new(Vec::new());
/// How long to look before sleeping, awake: less than a wake-up costs.
const SPIN: Duration = Duration::from_micros(20);

/// The Sockeye sockets of an array, each with its place there. A descriptor that cannot be used at all is `None`.
pub(super) struct Ours(Vec<(usize, Option<Guard<Socket>>)>);

/// A group that is told of the sockets, until it is dropped.
pub(super) struct Watching<'a> {
    ours: &'a Ours,
    group: Option<Group>,
}

impl<'a> Watching<'a> {
    /// `None` where no group is to be had, or not one for all.
    pub(super) fn start(ours: &'a Ours) -> Option<Self> {
        let Some(first) = ours.sockets().next() else { return Some(Self { ours, group: None }) };
        let instance = first.instance();
        let spare = {
            let mut spare = SPARE.lock();
            let place = spare.iter().position(|group| group.is_of(instance) && group.is_alive());
            let found = place.map(|place| spare.swap_remove(place));
            if found.is_none() {
                // Those of an engine that is gone keep descriptors and memory of it.
                spare.retain(Group::is_alive);
            }
            found
        };
        let group = spare.map_or_else(|| first.group(), Ok).ok()?;
        let watching = Self { ours, group: Some(group) };
        let group = watching.group.as_ref()?;
        let are_told =
            ours.sockets().all(|socket| socket.instance() == instance && socket.join(group).is_ok());
        are_told.then_some(watching)
    }
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        let Some(group) = self.group.take() else { return };
        self.ours.sockets().for_each(|socket| socket.leave(&group));
        if group.is_own() && group.is_alive() {
            SPARE.lock().push(group);
        }
    }
}

impl Ours {
    pub(super) fn find(fds: &[pollfd]) -> Self {
        let ours = fds.iter().enumerate().filter(|(_, entry)| TABLE.has(entry.fd));
        Self(ours.map(|(at, entry)| (at, engine::find(entry.fd).ok())).collect())
    }

    fn sockets(&self) -> impl Iterator<Item = &Guard<Socket>> {
        self.0.iter().filter_map(|(_, socket)| socket.as_ref())
    }

    pub(super) fn wait(
        &self,
        fds: &mut [pollfd],
        deadline: Option<Instant>,
        mask: Option<&sigset_t>,
        watching: &Watching<'_>,
    ) -> Result<c_int, Errno> {
        let has_others = fds.len() > self.0.len();
        loop {
            let left = deadline.map(|deadline| deadline.since(monotonic()));
            let is_over = left.is_some_and(|left| left.is_zero());
            let count = self.answer(fds);
            if count > 0 {
                return if has_others { self.ask_kernel(fds, count, None) } else { Ok(count) };
            }
            if is_over {
                // As Linux: a signal that only the mask lets through is taken if nothing is ready.
                let asks = has_others || mask.is_some();
                return if asks { self.ask_kernel(fds, count, mask) } else { Ok(count) };
            }
            if self.stare(fds) {
                continue;
            }
            let count = self.sleep(fds, left, mask, watching.group.as_ref())?;
            if count > 0 {
                return Ok(count);
            }
        }
    }

    /// Writes the answers of our sockets: how many are ready.
    fn answer(&self, fds: &mut [pollfd]) -> c_int {
        let mut count = 0;
        for (at, socket) in &self.0 {
            let entry = &mut fds[*at];
            entry.revents = match socket {
                Some(socket) => events_of(socket, u32::from(entry.events.cast_unsigned())) as c_short,
                None => libc::POLLERR | libc::POLLHUP,
            };
            count += c_int::from(entry.revents != 0);
        }
        count
    }

    /// Adds the answers of other descriptors to `count`.
    fn ask_kernel(&self, fds: &mut [pollfd], count: c_int, mask: Option<&sigset_t>) -> Result<c_int, Errno> {
        let mut all = self.others(fds, None);
        real::poll_once(&mut all, Some(Duration::ZERO), mask)?;
        Ok(count + self.take_others(fds, &all))
    }

    /// Looks for a while, awake. Whether something is ready.
    fn stare(&self, fds: &mut [pollfd]) -> bool {
        let start = monotonic();
        while !self.0.is_empty() && monotonic().since(start) < SPIN && let_run() {
            if self.answer(fds) > 0 {
                return true;
            }
        }
        false
    }

    /// Sleeps in the kernel: how many are ready then, of which there may be none.
    fn sleep(
        &self,
        fds: &mut [pollfd],
        left: Option<Duration>,
        mask: Option<&sigset_t>,
        group: Option<&Group>,
    ) -> Result<c_int, Errno> {
        if let Some(group) = group {
            group.fall_asleep();
            let count = self.answer(fds);
            if count > 0 {
                group.wake_up();
                return self.ask_kernel(fds, count, None);
            }
        }
        let mut all = self.others(fds, group);
        let slept = real::poll_once(&mut all, left, mask);
        if let Some(group) = group {
            group.wake_up();
            if all.last().is_some_and(|bell| bell.revents & libc::POLLIN != 0) {
                group.drain();
            }
        }
        slept?;
        let count = self.answer(fds) + self.take_others(fds, &all);
        Ok(count + self.tell_closed(fds))
    }

    /// What another thread has closed meanwhile is told as such: how many more are ready so. As on Linux its socket stays until the call
    /// returns, and must have woken it.
    fn tell_closed(&self, fds: &mut [pollfd]) -> c_int {
        let names = |fd, socket| matches!(TABLE.find(fd), Found::Ours(now) if now.is_same(socket));
        let mut more = 0;
        for (at, socket) in &self.0 {
            let entry = &mut fds[*at];
            if socket.as_ref().is_some_and(|socket| !names(entry.fd, socket)) {
                more += c_int::from(entry.revents == 0);
                entry.revents = libc::POLLNVAL;
            }
        }
        more
    }

    /// What the kernel is to poll: the array without our sockets, and the bell.
    fn others(&self, fds: &[pollfd], group: Option<&Group>) -> Vec<pollfd> {
        let mut all = fds.to_vec();
        self.0.iter().for_each(|(at, _)| all[*at].fd = -1);
        let bell = group.map(|group| raw::number(group.bell()));
        all.extend(bell.map(|fd| pollfd { fd, events: libc::POLLIN, revents: 0 }));
        all
    }

    /// The kernel's answers about other descriptors, into the array: how many are ready.
    fn take_others(&self, fds: &mut [pollfd], all: &[pollfd]) -> c_int {
        let mut count = 0;
        let mut ours = self.0.iter().map(|(at, _)| *at).peekable();
        for (at, (entry, told)) in fds.iter_mut().zip(all).enumerate() {
            if ours.next_if_eq(&at).is_none() {
                entry.revents = told.revents;
                count += c_int::from(told.revents != 0);
            }
        }
        count
    }
}

/// Before `fork()`.
pub fn before_fork() {
    let _ = SPARE.before_fork(|_| ());
}

/// In the parent after `fork()`.
pub fn after_fork_in_parent() {
    SPARE.after_fork_in_parent();
}

/// In a child after `fork()`: the groups are the parent's.
pub fn after_fork_in_child() {
    SPARE.after_fork_in_child();
    SPARE.lock().clear();
}
