//! The Sockeye sockets of a set, and which of them may be ready.

use crate::table::Guard;
use libc::{EPOLLERR, EPOLLET, EPOLLEXCLUSIVE, EPOLLHUP, EPOLLIN, EPOLLONESHOT, EPOLLOUT, EPOLLPRI};
use libc::{EPOLLRDBAND, EPOLLRDNORM, EPOLLWAKEUP, EPOLLWRBAND, EPOLLWRNORM, c_int, epoll_event};
use sockeye_host::{Mark, Socket};
use std::collections::{HashMap, VecDeque};

/// Not about what is asked for, but about how it is told.
pub(super) const MANNERS: u32 = (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP) as u32;
const EDGES: u32 = EPOLLET as u32;
const ONCE: u32 = EPOLLONESHOT as u32;
/// Told whether asked for or not.
const ALWAYS: u32 = (EPOLLERR | EPOLLHUP) as u32;
/// What arriving text wakes, and what room wakes, as in Linux.
const RX: u32 = (EPOLLIN | EPOLLPRI | EPOLLRDNORM | EPOLLRDBAND) as u32;
const TX: u32 = (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND) as u32;

/// So many void entries there may be in a queue, besides as many as there are others.
const VOID: usize = 64;

/// A descriptor of a socket in a set.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) fd: c_int,
    /// Not once the descriptor was closed while the socket has others: as on Linux its events go on.
    pub(super) is_named: bool,
    pub(super) socket: Guard<Socket>,
    /// Which of the set's groups tells of it, and by which number.
    pub(super) place: Place,
    pub(super) events: u32,
    pub(super) data: u64,
    /// Its entry in the queue has this stamp; 0: it has none.
    stamp: u64,
    /// The next member for the same socket.
    next: Option<usize>,
}

/// A group of a set, and a watch in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) group: usize,
    pub(super) watch: u32,
}

/// The Sockeye sockets of a set.
#[derive(Debug, Default)]
pub(super) struct Members {
    all: slab::Slab<Member>,
    by_fd: HashMap<c_int, usize>,
    /// Members whose descriptor was closed.
    unnamed: usize,
    /// By group and watch: the first member for the socket, and one more; 0 for none.
    first: Vec<Vec<usize>>,
    /// Members that may be ready, in the order in which they became so, with their stamps. An entry whose stamp is not its member's is void.
    queue: VecDeque<(usize, u64)>,
    last_stamp: u64,
    /// Members that have an entry.
    queued: usize,
}

impl Members {
    pub(super) fn get_mut(&mut self, fd: c_int) -> Option<&mut Member> {
        self.all.get_mut(*self.by_fd.get(&fd)?)
    }

    /// Whether the descriptor of this socket is a member. To Linux one that was closed and is the same socket's again is the same.
    pub(super) fn has(&mut self, fd: c_int, socket: &Guard<Socket>) -> bool {
        if self.unnamed > 0 {
            let is_it =
                |member: &Member| !member.is_named && member.fd == fd && member.socket.is_same(socket);
            let found = self.all.iter_mut().find(|(_, member)| is_it(member));
            if let Some((number, member)) = found {
                member.is_named = true;
                self.unnamed -= 1;
                self.by_fd.insert(fd, number);
            }
        }
        match self.by_fd.get(&fd) {
            // It was closed behind our back, and its number is another's.
            Some(&number) if !self.all[number].socket.is_same(socket) => {
                self.by_fd.remove(&fd);
                self.take_out(number);
                false
            }
            known => known.is_some(),
        }
    }

    /// Adds a member, to be looked at.
    pub(super) fn add(&mut self, fd: c_int, socket: Guard<Socket>, place: Place, event: epoll_event) {
        let next = self.first(place).checked_sub(1);
        let member = Member {
            fd,
            is_named: true,
            socket,
            place,
            events: event.events | ALWAYS,
            data: event.u64,
            stamp: 0,
            next,
        };
        let number = self.all.insert(member);
        self.by_fd.insert(fd, number);
        *self.first_mut(place) = number + 1;
        self.enqueue(number);
    }

    /// Changes what a member asks for. It is to be looked at.
    pub(super) fn change(&mut self, fd: c_int, event: epoll_event) {
        let Some(&number) = self.by_fd.get(&fd) else { return };
        if let Some(member) = self.all.get_mut(number) {
            (member.events, member.data) = (event.events | ALWAYS, event.u64);
            self.enqueue(number);
        }
    }

    /// Takes a member out. Returns its place if no other member has its socket.
    pub(super) fn remove(&mut self, fd: c_int) -> Option<(Member, bool)> {
        let number = self.by_fd.remove(&fd)?;
        Some(self.take_out(number))
    }

    /// The members' sockets.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Guard<Socket>> {
        self.all.iter().map(|(_, member)| &member.socket)
    }

    /// Takes out all members for a socket.
    pub(super) fn remove_socket(&mut self, socket: &Guard<Socket>) {
        let numbers: Vec<_> = self
            .all
            .iter()
            .filter(|(_, member)| member.socket.is_same(socket))
            .map(|(number, _)| number)
            .collect();
        for number in numbers {
            let member = &self.all[number];
            if member.is_named {
                self.by_fd.remove(&member.fd);
            }
            self.take_out(number);
        }
    }

    /// The descriptor is closed, the socket is not.
    pub(super) fn unname(&mut self, fd: c_int) {
        if let Some(member) = self.by_fd.remove(&fd).and_then(|number| self.all.get_mut(number)) {
            member.is_named = false;
            self.unnamed += 1;
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Member> {
        self.all.iter().map(|(_, member)| member)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Something happened to the socket of `place`.
    pub(super) fn mark(&mut self, place: Place, mark: Mark) {
        let mut next = self.first(place).checked_sub(1);
        while let Some(number) = next {
            let Some(member) = self.all.get(number) else { return };
            next = member.next;
            if concerns(mark, member.events) {
                self.enqueue(number);
            }
        }
    }

    /// All are to be looked at.
    pub(super) fn mark_all(&mut self) {
        let numbers: Vec<_> = self.all.iter().map(|(number, _)| number).collect();
        numbers.into_iter().for_each(|number| self.enqueue(number));
    }

    pub(super) fn has_queued(&self) -> bool {
        self.queued > 0
    }

    /// Looks at each queued member once, and tells what is ready; level-triggered ones stay queued. Returns how many there are.
    pub(super) fn tell(&mut self, out: &mut [epoll_event]) -> usize {
        let mut told = 0;
        // What is queued meanwhile is for the next look.
        let newest = self.last_stamp;
        while told < out.len() {
            let Some((number, stamp)) = self.queue.pop_front_if(|&mut (_, stamp)| stamp <= newest) else {
                break;
            };
            let Some(member) = self.all.get_mut(number).filter(|member| member.stamp == stamp) else {
                continue;
            };
            member.stamp = 0;
            self.queued -= 1;
            if member.socket.is_gone() {
                self.drop_gone(number);
                continue;
            }
            let ready = member.ready();
            if ready == 0 {
                continue;
            }
            out[told] = epoll_event { events: ready, u64: member.data };
            told += 1;
            if member.events & ONCE != 0 {
                member.events &= MANNERS;
            } else if member.events & EDGES == 0 {
                self.enqueue(number);
            }
        }
        told
    }

    fn enqueue(&mut self, number: usize) {
        if let Some(member) = self.all.get_mut(number).filter(|member| member.stamp == 0 && member.is_on()) {
            self.last_stamp += 1;
            member.stamp = self.last_stamp;
            self.queue.push_back((number, member.stamp));
            self.queued += 1;
        }
    }

    /// A member that was taken out had the entry with this stamp.
    fn withdraw(&mut self, stamp: u64) {
        if stamp == 0 {
            return;
        }
        self.queued -= 1;
        // To look for each is dear; void ones are passed over, as long as they are not too many.
        if self.queue.len() > 2 * self.queued + VOID {
            let all = &self.all;
            self.queue.retain(|&(number, stamp)| all.get(number).is_some_and(|member| member.stamp == stamp));
        }
    }

    /// As the kernel does with what is closed.
    fn drop_gone(&mut self, number: usize) {
        let fd = self.all[number].fd;
        if self.by_fd.get(&fd) == Some(&number) {
            self.by_fd.remove(&fd);
        }
        self.take_out(number);
    }

    /// Takes a member out that has no name any more; and whether it was the last for its socket.
    fn take_out(&mut self, number: usize) -> (Member, bool) {
        let member = self.all.remove(number);
        self.unnamed -= usize::from(!member.is_named);
        self.withdraw(member.stamp);
        let mut at = self.first(member.place);
        if at == number + 1 {
            *self.first_mut(member.place) = member.next.map_or(0, |next| next + 1);
        }
        while let Some(before) = at.checked_sub(1).and_then(|at| self.all.get_mut(at)) {
            if before.next == Some(number) {
                before.next = member.next;
            }
            at = before.next.map_or(0, |next| next + 1);
        }
        let is_last = self.first(member.place) == 0;
        (member, is_last)
    }

    fn first(&self, place: Place) -> usize {
        self.first.get(place.group).and_then(|group| group.get(place.watch as usize)).copied().unwrap_or(0)
    }

    fn first_mut(&mut self, place: Place) -> &mut usize {
        if self.first.len() <= place.group {
            self.first.resize_with(place.group + 1, Vec::new);
        }
        let group = &mut self.first[place.group];
        if group.len() <= place.watch as usize {
            group.resize(place.watch as usize + 1, 0);
        }
        &mut group[place.watch as usize]
    }
}

impl Member {
    /// Whether it asks for anything; not after EPOLLONESHOT has told something.
    fn is_on(&self) -> bool {
        self.events & !MANNERS != 0
    }

    /// What is ready of what it asks for.
    fn ready(&self) -> u32 {
        if !self.is_on() {
            return 0;
        }
        let asked = self.events & !MANNERS;
        crate::ready::events_of(&self.socket, asked) & asked
    }
}

/// Whether what happened may be what is asked for.
fn concerns(mark: Mark, events: u32) -> bool {
    mark == Mark::STATE || (mark.is_rx() && events & RX != 0) || (mark.is_tx() && events & TX != 0)
}
