//! A set: its Sockeye sockets, and who judges them.

use super::members::{Members, Place};
use crate::engine;
use crate::errno::Errno;
use crate::fork;
use crate::table::Guard;
use crate::{numbers, raw, real};
use libc::{EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLIN, EPOLLOUT, EPOLLWAKEUP};
use libc::{c_int, epoll_event};
use sockeye_host::{ForkMutex, Group, Lookout, Socket};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Host processes one after the other whose sockets a set can have.
const ENGINES: usize = 4;
/// What may go with EPOLLEXCLUSIVE.
const WITH_EXCLUSIVE: u32 =
    (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE) as u32;

/// Who judges a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum How {
    /// This library, by the ready list.
    #[default]
    Marks,
    /// The kernel, by tokens.
    Kernel,
}

/// An epoll set.
#[derive(Debug)]
pub struct Set {
    pub(super) state: ForkMutex<State>,
    /// Where its sockets' engines mark what happened.
    groups: [OnceLock<Group>; ENGINES],
    /// Threads that sleep in the kernel's epoll_wait(), or are about to.
    pub(super) sleepers: AtomicU32,
    pub(super) lookout: Lookout,
    /// The process that made it.
    process: u32,
    /// Shared with forked children: not 0 once one of them goes on with the set.
    is_shared: &'static AtomicU32,
    /// It was made by a parent, and has been left to the kernel.
    is_taken_over: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) how: How,
    pub(super) members: Members,
    /// Members of the kernel's set; those whose descriptors were closed count on.
    pub(super) foreign: u32,
    /// The last answer had room for our sockets only: the kernel's members come first in the next.
    pub(super) is_kernels_turn: bool,
}

impl Set {
    pub(super) fn new() -> Self {
        Self {
            state: ForkMutex::new(State::default()),
            groups: [const { OnceLock::new() }; ENGINES],
            sleepers: AtomicU32::new(0),
            lookout: Lookout::default(),
            process: fork::process(),
            is_shared: raw::shared_word(),
            is_taken_over: AtomicBool::new(false),
        }
    }

    /// The groups that there are.
    pub(super) fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.iter().map_while(OnceLock::get)
    }

    /// A descriptor of another kind was put into the kernel's set or taken out.
    pub(super) fn count_foreign(&self, operation: c_int) {
        let mut state = self.state.lock();
        match operation {
            libc::EPOLL_CTL_ADD => state.foreign += 1,
            libc::EPOLL_CTL_DEL => state.foreign = state.foreign.saturating_sub(1),
            _ => {}
        }
    }

    /// epoll_ctl() for one of our sockets.
    pub(super) fn control(
        &self,
        epoll: c_int,
        operation: c_int,
        fd: c_int,
        event: epoll_event,
    ) -> Result<(), Errno> {
        self.share_with_parent(epoll);
        let socket = engine::find(fd)?;
        let mut state = self.state.lock();
        if state.how == How::Kernel {
            drop(state);
            return control_kernel(epoll, operation, fd, event);
        }
        let has = state.members.has(fd, &socket);
        match operation {
            libc::EPOLL_CTL_ADD if has => return Err(Errno::EXIST),
            libc::EPOLL_CTL_MOD | libc::EPOLL_CTL_DEL if !has => return Err(Errno::NOENT),
            libc::EPOLL_CTL_ADD | libc::EPOLL_CTL_MOD => check(&mut state, operation, fd, event)?,
            libc::EPOLL_CTL_DEL => {
                if let Some((member, true)) = state.members.remove(fd) {
                    self.leave(&member.socket);
                }
                return Ok(());
            }
            _ => return Err(Errno::INVAL),
        }
        if operation == libc::EPOLL_CTL_MOD {
            state.members.change(fd, event);
        } else if let Some(place) = self.join(epoll, &socket) {
            state.members.add(fd, socket, place, event);
        } else {
            // No group or watch is left.
            drop(state);
            self.leave_to_kernel(epoll);
            return control_kernel(epoll, operation, fd, event);
        }
        let is_awaited = state.members.has_queued() && self.sleepers.load(Ordering::SeqCst) > 0;
        drop(state);
        if is_awaited {
            self.wake_one(epoll);
        }
        Ok(())
    }

    /// The set's group at the socket's engine is told of the socket.
    fn join(&self, epoll: c_int, socket: &Socket) -> Option<Place> {
        let instance = socket.instance();
        let known = self.groups().position(|group| group.is_of(instance));
        let number = match known {
            Some(number) => number,
            None => self.add_group(epoll, socket)?,
        };
        let watch = socket.join(self.groups.get(number)?.get()?).ok()?;
        Some(Place { group: number, watch })
    }

    fn add_group(&self, epoll: c_int, socket: &Socket) -> Option<usize> {
        let number = self.groups().count();
        let place = self.groups.get(number)?;
        let group = socket.group().ok()?;
        real::epoll_add(epoll, raw::number(group.bell()), bell_event()).ok()?;
        place.set(group).ok()?;
        Some(number)
    }

    fn leave(&self, socket: &Socket) {
        let instance = socket.instance();
        if let Some(group) = self.groups().find(|group| group.is_of(instance)) {
            socket.leave(group);
        }
    }

    /// Wakes one of the threads that sleep in the kernel: the bell is readable always, so to put it in anew is an edge.
    pub(super) fn wake_one(&self, epoll: c_int) {
        if let Some(group) = self.groups().next() {
            let _ = real::epoll_modify(epoll, raw::number(group.bell()), bell_event());
        }
    }

    /// From now on the kernel judges it. No event is lost: each token is brought up to date before the kernel looks at it.
    pub(super) fn leave_to_kernel(&self, epoll: c_int) {
        let mut state = self.state.lock();
        if state.how == How::Kernel {
            return;
        }
        state.how = How::Kernel;
        // What has no descriptor any more cannot be told of; Linux would.
        for member in state.members.all().filter(|member| member.is_named) {
            let fd = member.fd;
            let event = epoll_event { events: member.events, u64: member.data };
            if arm(fd, event.events).is_ok() && real::epoll_add(epoll, fd, event) == Err(Errno::EXIST) {
                let _ = real::epoll_modify(epoll, fd, event);
            }
        }
        state.members.clear();
        if fork::process() != self.process {
            // Its bells wake the parent, who takes them away.
            return;
        }
        for group in self.groups() {
            let _ = real::epoll_remove(epoll, raw::number(group.bell()));
        }
    }

    /// A forked child goes on with a set of its parent's: the kernel judges it for both. To be called before each use.
    pub(super) fn share_with_parent(&self, epoll: c_int) {
        if fork::process() != self.process {
            if !self.is_taken_over.swap(true, Ordering::SeqCst) {
                self.is_shared.store(1, Ordering::SeqCst);
                self.wake_one(epoll);
                self.leave_to_kernel(epoll);
            }
        } else if self.is_shared.load(Ordering::Relaxed) != 0 {
            self.leave_to_kernel(epoll);
        }
    }

    pub(super) fn forget_socket(&self, socket: &Guard<Socket>) {
        let mut state = self.state.lock();
        state.members.remove_socket(socket);
        if self.groups().next().is_some_and(Group::is_own) {
            self.leave(socket);
        }
    }

    pub(super) fn forget_descriptor(&self, fd: c_int) {
        self.state.lock().members.unname(fd);
    }

    pub(super) fn before_fork(&self) {
        let _ = self.state.before_fork(|_| ());
    }

    pub(super) fn after_fork_in_parent(&self) {
        self.state.after_fork_in_parent();
    }

    pub(super) fn after_fork_in_child(&self) {
        self.state.after_fork_in_child();
        self.state.lock().members.sockets().for_each(Guard::is_no_call);
        self.sleepers.store(0, Ordering::Relaxed);
    }
}

/// Brings a token up to date, before the kernel judges it.
pub(super) fn arm(fd: c_int, asked: u32) -> Result<(), Errno> {
    let socket = engine::find(fd)?;
    match numbers::arm(fd, &socket) {
        // The token has hung up, which is what the set will say, and so says a placeholder.
        Ok(()) | Err(Errno::NETDOWN) => {}
        Err(errno) => return Err(errno),
    }
    if asked & EPOLLET as u32 != 0 {
        socket.show_edges();
    }
    Ok(())
}

fn control_kernel(epoll: c_int, operation: c_int, fd: c_int, event: epoll_event) -> Result<(), Errno> {
    match operation {
        libc::EPOLL_CTL_ADD => arm(fd, event.events).and_then(|()| real::epoll_add(epoll, fd, event)),
        libc::EPOLL_CTL_MOD => arm(fd, event.events).and_then(|()| real::epoll_modify(epoll, fd, event)),
        libc::EPOLL_CTL_DEL => real::epoll_remove(epoll, fd),
        _ => Err(Errno::INVAL),
    }
}

/// Linux's rules of EPOLLEXCLUSIVE.
fn check(state: &mut State, operation: c_int, fd: c_int, event: epoll_event) -> Result<(), Errno> {
    const EXCLUSIVE: u32 = EPOLLEXCLUSIVE as u32;
    let was_exclusive = state.members.get_mut(fd).is_some_and(|member| member.events & EXCLUSIVE != 0);
    let is_exclusive = event.events & EXCLUSIVE != 0;
    let is_wrong = match operation {
        libc::EPOLL_CTL_MOD => was_exclusive || is_exclusive,
        _ => is_exclusive && event.events & !WITH_EXCLUSIVE != 0,
    };
    if is_wrong { Err(Errno::INVAL) } else { Ok(()) }
}

/// How a bell is in the kernel's set: by a number that no program uses.
fn bell_event() -> epoll_event {
    epoll_event { events: (EPOLLIN | EPOLLET) as u32, u64: bell() }
}

/// The number of a bell among the data of events: any, so that no program's is the same by intent.
pub(super) fn bell() -> u64 {
    static NUMBER: OnceLock<u64> = OnceLock::new();
    *NUMBER.get_or_init(raw::random_number)
}
