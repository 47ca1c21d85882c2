//! The sockets calls that need no segment: socket, bind, listen, accept, options, addresses.

use crate::listener::Listener;
use crate::network::Network;
use crate::options::Options;
use crate::ports::Scope;
use crate::socket::{Bound, Hold, Holder, Phase, RingsState, Schedule, Socket, shown, unspecified};
use crate::{Error, Family, HostId, SocketId};
use rand::RngCore;
use sockeye_tcb::State;
use std::net::{IpAddr, SocketAddr};

impl Network {
    /// socket(): unbound. `tag` is the caller's name for it.
    ///
    /// # Errors
    /// `InvalidArgument` if there is no such host.
    pub fn socket(&mut self, host: HostId, family: Family, tag: u64) -> Result<SocketId, Error> {
        let settings = &self.hosts.get(host.0 as usize).ok_or(Error::InvalidArgument)?.settings;
        let options = Options::new(settings);
        Ok(self.add_socket(Socket {
            generation: 0,
            host,
            tag,
            family,
            options,
            holder: Holder::Program,
            bound: None,
            hold: Hold::Nothing,
            rings: RingsState::Closed,
            phase: Phase::Idle,
            is_orphan: false,
            charged: 0,
            unread: None,
            last_info: None,
            schedule: Schedule::default(),
            reports: None,
            path_generation: 0,
        }))
    }

    pub(crate) fn add_socket(&mut self, mut socket: Socket) -> SocketId {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        socket.generation = generation;
        self.hosts[socket.host.0 as usize].memory.add_socket();
        SocketId { index: self.sockets.insert(socket) as u32, generation }
    }

    /// bind().
    ///
    /// # Errors
    /// `InvalidArgument` if it is bound or connected, `AddressNotAvailable` if the host does not own the address,
    /// `AddressInUse`, `AddressFamily`.
    pub fn bind(&mut self, id: SocketId, address: SocketAddr) -> Result<(), Error> {
        let socket = self.find(id)?;
        let is_fresh = matches!(socket.phase, Phase::Idle) && socket.bound.is_none();
        let scope = scope_of(socket, address.ip())?;
        if !is_fresh {
            return Err(Error::InvalidArgument);
        }
        if let Scope::One(ip) = scope
            && !(socket.options.ip.free_bind || self.hosts[socket.host.0 as usize].routes.is_own(ip))
        {
            return Err(Error::AddressNotAvailable);
        }
        self.bind_to(id.index, scope, address.port())
    }

    fn bind_to(&mut self, index: u32, scope: Scope, port: u16) -> Result<(), Error> {
        let start = self.rng.next_u64();
        let socket = self.sockets.get_mut(index as usize).ok_or(Error::BadDescriptor)?;
        let ports = &mut self.hosts[socket.host.0 as usize].ports;
        let claim = socket.claim(scope);
        let bound = if port == 0 {
            let own = socket.options.ip.local_port_range;
            let found = ports.ephemeral(own, start, |port| ports.is_unused(port, scope));
            let (port, _) = found.ok_or(Error::AddressInUse)?;
            Bound { scope, port, is_chosen: false }
        } else if ports.is_taken(port, &claim, index) {
            return Err(Error::AddressInUse);
        } else {
            Bound { scope, port, is_chosen: true }
        };
        ports.bind(bound.port, index, claim);
        socket.bound = Some(bound);
        socket.hold = Hold::Bound;
        Ok(())
    }

    /// listen(); binds to an ephemeral port if unbound. Called again it changes the backlog.
    ///
    /// # Errors
    /// `AddressInUse`; `InvalidArgument` if it is connected or connecting.
    pub fn listen(&mut self, id: SocketId, backlog: i32) -> Result<(), Error> {
        let socket = self.find_mut(id)?;
        match &socket.phase {
            Phase::Idle => {}
            Phase::Listening(_) => return self.set_backlog(id, backlog),
            Phase::Connecting(_) | Phase::Connected(_) | Phase::Over(_) => {
                return Err(Error::InvalidArgument);
            }
        }
        if socket.bound.is_none() {
            let scope = wildcard(socket);
            self.bind_to(id.index, scope, 0)?;
        }
        let socket = self.sockets.get_mut(id.index as usize).ok_or(Error::BadDescriptor)?;
        let bound = socket.bound.ok_or(Error::InvalidArgument)?;
        let host = &mut self.hosts[socket.host.0 as usize];
        if host.ports.is_taken(bound.port, &socket.claim(bound.scope), id.index) {
            return Err(Error::AddressInUse);
        }
        host.ports.set_listening(bound.port, id.index, true);
        let mut listener = Box::new(Listener::new(backlog, host.settings.backlog_max));
        if host.settings.is_fast_open_for_all() && socket.options.tcp.fast_open == 0 {
            socket.options.tcp.fast_open = listener.backlog;
        }
        listener.fast_open.max = socket.options.tcp.fast_open;
        socket.phase = Phase::Listening(listener);
        Ok(())
    }

    fn set_backlog(&mut self, id: SocketId, backlog: i32) -> Result<(), Error> {
        let max = self.hosts[self.find(id)?.host.0 as usize].settings.backlog_max;
        if let Phase::Listening(listener) = &mut self.find_mut(id)?.phase {
            listener.set_backlog(backlog, max);
        }
        Ok(())
    }

    /// accept(): the connection that has waited longest; its `tag` is what `open_passive` gave.
    ///
    /// # Errors
    /// `WouldBlock`; `InvalidArgument` if it does not listen.
    pub fn accept(&mut self, id: SocketId) -> Result<(SocketId, u64, SocketAddr), Error> {
        let Phase::Listening(listener) = &mut self.find_mut(id)?.phase else {
            return Err(Error::InvalidArgument);
        };
        let index = listener.accept_queue.pop_front().ok_or(Error::WouldBlock)?;
        let socket = self.sockets.get_mut(index as usize).ok_or(Error::ConnectionAborted)?;
        socket.holder = Holder::Program;
        let path = socket.path().ok_or(Error::ConnectionAborted)?;
        let accepted = SocketId { index, generation: socket.generation };
        Ok((accepted, socket.tag, shown(socket.family, path.tuple.remote)))
    }

    /// accept() of one that [`waiting`](Self::waiting) told, wherever in the queue it is.
    ///
    /// # Errors
    /// `WouldBlock` if it does not wait there; `InvalidArgument` if `id` does not listen.
    pub fn accept_this(&mut self, id: SocketId, waiting: SocketId) -> Result<(), Error> {
        let Phase::Listening(listener) = &mut self.find_mut(id)?.phase else {
            return Err(Error::InvalidArgument);
        };
        // It is the first, as a rule.
        let place = listener.accept_queue.iter().position(|&index| index == waiting.index);
        listener.accept_queue.remove(place.ok_or(Error::WouldBlock)?);
        self.find_mut(waiting)?.holder = Holder::Program;
        Ok(())
    }

    /// What [`accept`](Self::accept) would give after `ahead` others. The queue stays as it is.
    #[must_use]
    pub fn waiting(&self, id: SocketId, ahead: usize) -> Option<(SocketId, u64, SocketAddr)> {
        let Phase::Listening(listener) = &self.find(id).ok()?.phase else { return None };
        let index = *listener.accept_queue.get(ahead)?;
        let socket = self.sockets.get(index as usize)?;
        let peer = shown(socket.family, socket.path()?.tuple.remote);
        Some((SocketId { index, generation: socket.generation }, socket.tag, peer))
    }

    /// getsockname(); unspecified and port 0 if unbound.
    ///
    /// # Errors
    /// `BadDescriptor`.
    pub fn local_address(&self, id: SocketId) -> Result<SocketAddr, Error> {
        self.find(id).map(Socket::local_address)
    }

    /// getpeername().
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn peer_address(&self, id: SocketId) -> Result<SocketAddr, Error> {
        let socket = self.find(id)?;
        match &socket.phase {
            Phase::Connected(connected) => Ok(shown(socket.family, connected.path.tuple.remote)),
            Phase::Idle | Phase::Listening(_) | Phase::Connecting(_) | Phase::Over(_) => {
                Err(Error::NotConnected)
            }
        }
    }

    /// The state, for TCP_INFO's first field.
    ///
    /// # Errors
    /// `BadDescriptor`.
    pub fn state(&self, id: SocketId) -> Result<State, Error> {
        Ok(match &self.find(id)?.phase {
            Phase::Idle | Phase::Over(_) => State::Closed,
            Phase::Listening(_) => State::Listen,
            Phase::Connecting(connecting) => connecting.handshake.state(),
            Phase::Connected(connected) => connected.tcb.state(),
        })
    }
}

/// All addresses that the socket can have.
fn wildcard(socket: &Socket) -> Scope {
    match (unspecified(socket.family).ip(), socket.options.v6_only) {
        (IpAddr::V4(_), _) => Scope::Any4,
        (IpAddr::V6(_), true) => Scope::Any6,
        (IpAddr::V6(_), false) => Scope::AnyBoth,
    }
}

fn scope_of(socket: &Socket, address: IpAddr) -> Result<Scope, Error> {
    match (socket.family, address) {
        (Family::V4, IpAddr::V6(_)) => return Err(Error::AddressFamily),
        // An IPv4 address is too short for an IPv6 socket.
        (Family::V6, IpAddr::V4(_)) => return Err(Error::InvalidArgument),
        (Family::V4, IpAddr::V4(_)) | (Family::V6, IpAddr::V6(_)) => {}
    }
    let canonical = address.to_canonical();
    if socket.family == Family::V6 && canonical.is_ipv4() && socket.options.v6_only {
        return Err(Error::InvalidArgument);
    }
    Ok(match (address.is_unspecified(), canonical) {
        (true, _) => wildcard(socket),
        (false, ip) if ip.is_unspecified() => Scope::Any4,
        (false, ip) => Scope::One(ip),
    })
}
