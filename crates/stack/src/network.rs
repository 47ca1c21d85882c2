//! The network: hosts, links, sockets, timers; and what comes out of it.

use crate::demux::Owner;
use crate::host::{Host, Wire};
use crate::lifecycle::Reply;
use crate::sharing::Sharing;
use crate::socket::{Embryo, Holder, Schedule, Socket, Waiting};
use crate::wheel::Wheel;
use crate::{Error, HostId, NetworkConfig, RingSource, SocketEvent, SocketId};
use rand::SeedableRng;
use rand::rngs::StdRng;
use slab::Slab;
use sockeye_clock::Instant;
use sockeye_link::{Capture, Interface, Link, LinkConfig, Outside, PointToPoint};
use std::collections::VecDeque;
use std::fmt;

/// Hosts and links, driven by the caller: no clock, no I/O, no threads.
///
/// | in | out |
/// |---|---|
/// | the sockets calls, [`doorbell`](Self::doorbell) | [`poll_event`](Self::poll_event) |
/// | [`timeout`](Self::timeout): early or late is harmless | [`poll_timeout`](Self::poll_timeout) |
///
/// Inputs mark what is owed; [`flush`](Self::flush) moves it. After every input, or every few: flush, then drain the events,
/// then ask for the time-out.
pub struct Network {
    pub(crate) hosts: Vec<Host>,
    pub(crate) wires: Vec<Wire>,
    pub(crate) sockets: Slab<Socket>,
    pub(crate) embryos: Slab<Embryo>,
    pub(crate) time_waits: Slab<Waiting>,
    pub(crate) wheel: Wheel<Owner>,
    /// Who is to be served by the next flush; nobody is in it twice.
    pub(crate) owing: VecDeque<Owner>,
    /// The same for those who have had a turn, and have more to send; nobody is in both.
    pub(crate) bulk: VecDeque<Owner>,
    /// Segments that belong to no socket.
    pub(crate) replies: VecDeque<Reply>,
    pub(crate) events: VecDeque<(SocketId, u64, SocketEvent)>,
    pub(crate) rings: Box<dyn RingSource>,
    pub(crate) sharing: Sharing,
    /// Connections are still to be visited: see [`memory`](crate::memory).
    pub(crate) is_in_round: bool,
    pub(crate) generation: u32,
    /// The latest instant that a caller told.
    pub(crate) now: Instant,
    pub(crate) rng: StdRng,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("hosts", &self.host_names())
            .field("links", &self.wires.len())
            .field("sockets", &self.sockets.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// A network in which nothing has happened. `seed` decides all that is left to chance: secrets, and so sequence numbers and ports.
    ///
    /// # Errors
    /// A link that names an unknown host, two hosts of one name or address: the text says which and what to do.
    pub fn new(
        now: Instant,
        config: &NetworkConfig,
        rings: Box<dyn RingSource>,
        seed: u64,
    ) -> Result<Self, String> {
        config.validate()?;
        let mut rng = StdRng::seed_from_u64(seed);
        let mut network = Self {
            hosts: config.hosts.iter().map(|host| Host::new(host, &mut rng)).collect(),
            wires: Vec::new(),
            sockets: Slab::new(),
            embryos: Slab::new(),
            time_waits: Slab::new(),
            wheel: Wheel::new(now),
            owing: VecDeque::new(),
            bulk: VecDeque::new(),
            replies: VecDeque::new(),
            events: VecDeque::new(),
            rings,
            sharing: Sharing::default(),
            is_in_round: false,
            generation: 0,
            now,
            rng,
        };
        for link in &config.links {
            let (there, back) =
                (&link.config, LinkConfig { seed: link.config.seed.wrapping_add(1), ..link.config.clone() });
            if let (Some(a), Some(b)) = (network.host(&link.between.0), network.host(&link.between.1)) {
                network.add_direction(config, (a, b), Box::new(PointToPoint::new(there.clone())));
                network.add_direction(config, (b, a), Box::new(PointToPoint::new(back)));
            }
        }
        Ok(network)
    }

    fn add_direction(&mut self, config: &NetworkConfig, ends: (HostId, HostId), link: Box<dyn Link>) {
        let (from, to) = ends;
        let index = self.wires.len();
        self.wires.push(Wire { to, link });
        let addresses = config.hosts.get(to.0 as usize).map_or(&[][..], |host| &host.addresses);
        for address in addresses {
            self.hosts[from.0 as usize].routes.add(address.to_canonical(), index);
        }
    }

    /// Gives a host a link to the outside, which is its default route. Add it after [`wrap_links`](Self::wrap_links), if at all.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such host.
    pub fn add_outside(&mut self, host: HostId, outside: Outside) -> Result<(), Error> {
        let index = self.wires.len();
        let here = self.hosts.get_mut(host.0 as usize).ok_or(Error::InvalidArgument)?;
        here.routes.set_default(index);
        self.wires.push(Wire { to: host, link: Box::new(outside) });
        Ok(())
    }

    /// Puts something around every direction of every link, as a capture: `wrap` is told the names of the two hosts.
    pub fn wrap_links(&mut self, mut wrap: impl FnMut(&str, &str, Box<dyn Link>) -> Box<dyn Link>) {
        let ends: Vec<HostId> = self.wires.iter().map(|wire| wire.to).collect();
        let wires = std::mem::take(&mut self.wires);
        for (index, wire) in wires.into_iter().enumerate() {
            // The two directions of a link lie side by side, so each comes from where its neighbour leads.
            let from = ends.get(index ^ 1).map_or("", |end| &self.hosts[end.0 as usize].name);
            let to = &self.hosts[wire.to.0 as usize].name;
            let link = wrap(from, to, wire.link);
            self.wires.push(Wire { to: wire.to, link });
        }
    }

    /// Records from now on what stays on the host: segments on loopback, as the packets that they would be on a link. No packets are
    /// made while nobody records. Links are captured by [`wrap_links`](Self::wrap_links).
    pub fn capture_loopback(&mut self, host: HostId, capture: Option<(Capture, Interface)>) {
        if let Some(host) = self.hosts.get_mut(host.0 as usize) {
            host.capture = capture;
        }
    }

    /// The host of that name.
    #[must_use]
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.hosts.iter().position(|host| host.name == name).map(|index| HostId(index as u32))
    }

    /// Names in order of [`HostId`].
    #[must_use]
    pub fn host_names(&self) -> Vec<&str> {
        self.hosts.iter().map(|host| host.name.as_str()).collect()
    }

    /// The next event, with the socket's tag. After [`close`](Self::close) the id is another one, the tag stays: of an orphan only
    /// `Drained`, `Failed` and `Closed` are told.
    pub fn poll_event(&mut self) -> Option<(SocketId, u64, SocketEvent)> {
        self.events.pop_front()
    }

    /// When [`timeout`](Self::timeout) is due: timers of connections and arrivals on links.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let is_owing = !(self.owing.is_empty() && self.bulk.is_empty() && self.replies.is_empty());
        if is_owing || self.is_in_round {
            return Some(self.now);
        }
        let arrivals = self.wires.iter().filter_map(|wire| wire.link.poll_timeout());
        arrivals.chain(self.wheel.earliest()).min()
    }

    pub(crate) fn find(&self, id: SocketId) -> Result<&Socket, Error> {
        let socket = self.sockets.get(id.index as usize);
        socket.filter(|socket| socket.generation == id.generation).ok_or(Error::BadDescriptor)
    }

    pub(crate) fn find_mut(&mut self, id: SocketId) -> Result<&mut Socket, Error> {
        let socket = self.sockets.get_mut(id.index as usize);
        socket.filter(|socket| socket.generation == id.generation).ok_or(Error::BadDescriptor)
    }

    /// Tells an event. Of an orphan only its end is told, for who lingers.
    pub(crate) fn tell(&mut self, index: u32, event: SocketEvent) {
        let Some(socket) = self.sockets.get(index as usize) else { return };
        let is_about_end = match event {
            SocketEvent::Drained | SocketEvent::Failed(_) | SocketEvent::Closed => true,
            SocketEvent::Connected
            | SocketEvent::Urgent
            | SocketEvent::Remembered
            | SocketEvent::Readable
            | SocketEvent::Acceptable
            | SocketEvent::Reported(_)
            | SocketEvent::ReportQueued
            | SocketEvent::Writable
            | SocketEvent::EndOfFile => false,
        };
        if is_about_end || socket.holder != Holder::Nobody {
            let id = SocketId { index, generation: socket.generation };
            self.events.push_back((id, socket.tag, event));
        }
    }

    fn schedule(&mut self, owner: Owner) -> Option<&mut Schedule> {
        match owner {
            Owner::Socket(index) => self.sockets.get_mut(index as usize).map(|socket| &mut socket.schedule),
            Owner::Embryo(index) => self.embryos.get_mut(index as usize).map(|embryo| &mut embryo.schedule),
            Owner::TimeWait(index) => {
                self.time_waits.get_mut(index as usize).map(|waiting| &mut waiting.schedule)
            }
        }
    }

    /// `owner` may owe segments or events: the next flush asks it.
    pub(crate) fn owe(&mut self, owner: Owner) {
        if self.begin_owing(owner) {
            self.owing.push_back(owner);
        }
    }

    /// `owner` has had a turn, and owes more.
    pub(crate) fn owe_bulk(&mut self, owner: Owner) {
        if self.begin_owing(owner) {
            self.bulk.push_back(owner);
        }
    }

    /// Whether `owner` is there, and in neither queue.
    fn begin_owing(&mut self, owner: Owner) -> bool {
        self.schedule(owner).is_some_and(|schedule| !std::mem::replace(&mut schedule.is_owing, true))
    }

    /// `owner` begins to be served.
    pub(crate) fn clear_owing(&mut self, owner: Owner) {
        if let Some(schedule) = self.schedule(owner) {
            schedule.is_owing = false;
        }
    }

    /// Sees to it that `owner` is asked at `deadline`. A later deadline than the one that is armed is not entered: when that fires,
    /// early, it is armed again.
    pub(crate) fn arm(&mut self, owner: Owner, deadline: Option<Instant>) {
        let Some(deadline) = deadline else { return };
        if self.schedule(owner).is_some_and(|schedule| schedule.arm(deadline)) {
            self.enter(owner, deadline);
        }
    }

    fn enter(&mut self, owner: Owner, deadline: Instant) {
        let Self { wheel, sockets, embryos, time_waits, .. } = self;
        wheel.insert(deadline, owner, |deadline, owner| {
            let schedule = match *owner {
                Owner::Socket(index) => sockets.get(index as usize).map(|socket| &socket.schedule),
                Owner::Embryo(index) => embryos.get(index as usize).map(|embryo| &embryo.schedule),
                Owner::TimeWait(index) => time_waits.get(index as usize).map(|waiting| &waiting.schedule),
            };
            schedule.is_some_and(|schedule| schedule.has(deadline))
        });
    }

    /// Whether the entry of the wheel is the one that counts; it then counts no more.
    pub(crate) fn disarm(&mut self, owner: Owner, deadline: Instant) -> bool {
        self.schedule(owner).is_some_and(|schedule| schedule.disarm(deadline))
    }
}

/// An engine may move to another thread.
const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Network>();
};
