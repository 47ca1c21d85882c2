//! connect().

use crate::demux::{Owner, Tuple};
use crate::fast_open::{self, Opening};
use crate::host::{Host, Wire};
use crate::network::Network;
use crate::options::Options;
use crate::ports::Scope;
use crate::route::{Path, Via, is_unicast, loopback};
use crate::sharing::first_limit;
use crate::socket::{Bound, Connecting, Hold, Phase, RingsState, Socket};
use crate::{Error, Family, Rings, SocketId, congestion};
use sockeye_clock::Instant;
use sockeye_tcb::{AckCompression, Config, Handshake};
use sockeye_wire::SeqNum;
use std::net::{IpAddr, SocketAddr};

impl Network {
    /// connect(): `Ok` means the open is under way; `Connected` or `Failed` follows. To the unspecified address is to loopback. With
    /// TCP_FASTOPEN_CONNECT it may wait for text: see [`deferred_room`](Self::deferred_room).
    ///
    /// # Errors
    /// `IsConnected`, `AlreadyInProgress`, `NetworkUnreachable`, `AddressNotAvailable` (no port is left, or the four-tuple is
    /// in use), `AddressFamily`, and those of [`RingSource::open`](crate::RingSource::open).
    pub fn connect(&mut self, now: Instant, id: SocketId, address: SocketAddr) -> Result<(), Error> {
        let opening =
            if self.find(id)?.options.tcp.fast_open_connect { Opening::FastOpen } else { Opening::Ordinary };
        self.open(now, id, address, opening)
    }

    pub(crate) fn open(
        &mut self,
        now: Instant,
        id: SocketId,
        address: SocketAddr,
        opening: Opening,
    ) -> Result<(), Error> {
        self.now = self.now.max(now);
        let socket = self.find(id)?;
        match &socket.phase {
            Phase::Idle => {}
            // For the program it is connected already.
            Phase::Connecting(connecting) if connecting.handshake.is_deferred() => {
                return Err(Error::IsConnected);
            }
            Phase::Connecting(_) => return Err(Error::AlreadyInProgress),
            Phase::Listening(_) | Phase::Connected(_) | Phase::Over(_) => return Err(Error::IsConnected),
        }
        let remote = destination(socket, address)?;
        let host = &self.hosts[socket.host.0 as usize];
        let (via, source) = way(host, socket.bound, remote.ip())?;
        let (port, tried) = self.local_port(now, socket, source, remote)?;
        let path = Path { tuple: Tuple::new(SocketAddr::new(source, port), remote), via };
        let rings = self.rings_of(id.index, &path)?;
        if let Some(tried) = tried {
            let host = self.find(id)?.host.0 as usize;
            self.hosts[host].port_choice.advance(&(source, remote), tried);
        }
        self.start(now, id.index, (path, opening), rings);
        Ok(())
    }

    /// Our port, and if it is an ephemeral one how many were tried for it.
    fn local_port(
        &self,
        now: Instant,
        socket: &Socket,
        source: IpAddr,
        remote: SocketAddr,
    ) -> Result<(u16, Option<u32>), Error> {
        let index = socket.host.0 as usize;
        let host = &self.hosts[index];
        let is_free =
            |port| self.is_tuple_free(now, index, &Tuple::new(SocketAddr::new(source, port), remote));
        if let Some(bound) = socket.bound {
            return if is_free(bound.port) {
                Ok((bound.port, None))
            } else {
                Err(Error::AddressNotAvailable)
            };
        }
        let start = host.port_choice.start(&(source, remote));
        let is_free = |port| is_free(port) && !host.ports.is_bound(port, Scope::One(source));
        let own = socket.options.ip.local_port_range;
        let (port, tried) = host.ports.ephemeral(own, start, is_free).ok_or(Error::AddressNotAvailable)?;
        Ok((port, Some(tried)))
    }

    /// The rings of a socket that has none, or those that a failed `connect()` left.
    fn rings_of(&mut self, index: u32, path: &Path) -> Result<Rings, Error> {
        let socket = self.sockets.get_mut(index as usize).ok_or(Error::BadDescriptor)?;
        let host = &self.hosts[socket.host.0 as usize];
        let recv = socket.options.recv_buffer;
        let most = send_buffer_max(host, &socket.options, path).max(socket.options.send_buffer);
        let send = first_limit(host, &socket.options, path);
        let most = socket.options.send_accounting.room(most);
        match std::mem::replace(&mut socket.rings, RingsState::Open) {
            RingsState::Spare(mut rings) => {
                rings.sendq.set_limit(send);
                rings.recvq.set_limit(recv);
                Ok(*rings)
            }
            RingsState::Closed => {
                let opened = self.rings.open(socket.tag, most, recv);
                let mut rings = opened.inspect_err(|_| socket.rings = RingsState::Closed)?;
                rings.sendq.set_limit(send);
                Ok(rings)
            }
            // Rings in use belong to a connection, and a socket connects but once.
            RingsState::Open | RingsState::Over(_) => Err(Error::IsConnected),
        }
    }

    fn start(&mut self, now: Instant, index: u32, (path, opening): (Path, Opening), rings: Rings) {
        self.release_port(index);
        let Some(socket) = self.sockets.get(index as usize) else { return };
        let last = self.take_over(socket.host.0 as usize, &path.tuple);
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let host = &mut self.hosts[socket.host.0 as usize];
        let (source, port) = (path.tuple.local.ip(), path.tuple.local.port());
        if socket.bound.is_none() {
            socket.bound = Some(Bound { scope: Scope::One(source), port, is_chosen: false });
        }
        let claim = socket.claim(Scope::One(source));
        host.ports.add_connection(port, claim);
        socket.hold = Hold::Connection(claim);
        let iss = match last {
            Some(last) => host.isn.number_after(now, &path.tuple, last),
            None => host.isn.number(now, &path.tuple),
        };
        host.paths.forget_expired(now);
        let config = config(host, &self.wires, &socket.options, &path, iss);
        host.demux.insert(path.tuple, Owner::Socket(index));
        let handshake = match opening {
            Opening::Ordinary => Handshake::active(now, config),
            Opening::FastOpen => fast_open::handshake(host, &socket.options, &path, now, config),
        };
        socket.phase = Phase::Connecting(Box::new(Connecting { path, handshake, rings }));
        self.owe(Owner::Socket(index));
    }
}

/// Where the socket shall connect to, if it can.
fn destination(socket: &Socket, address: SocketAddr) -> Result<SocketAddr, Error> {
    match (socket.family, address.ip()) {
        (Family::V4, IpAddr::V6(_)) | (Family::V6, IpAddr::V4(_)) => return Err(Error::AddressFamily),
        (Family::V4, IpAddr::V4(_)) | (Family::V6, IpAddr::V6(_)) => {}
    }
    let ip = address.ip().to_canonical();
    if socket.family == Family::V6 && ip.is_ipv4() && socket.options.v6_only {
        return Err(Error::NetworkUnreachable);
    }
    let ip = if ip.is_unspecified() { loopback(ip) } else { ip };
    // MUST-46 (3.9.2.1): an OPEN to a multicast or broadcast address is refused.
    if !is_unicast(ip) {
        return Err(Error::NetworkUnreachable);
    }
    Ok(SocketAddr::new(ip, address.port()))
}

/// The way to `remote`, and our address on it.
fn way(host: &Host, bound: Option<Bound>, remote: IpAddr) -> Result<(Via, IpAddr), Error> {
    let via = host.routes.via(remote).ok_or(Error::NetworkUnreachable)?;
    match bound.map(|bound| bound.scope) {
        Some(Scope::One(own)) if own.is_ipv4() != remote.is_ipv4() => Err(Error::NetworkUnreachable),
        Some(Scope::One(own)) if own.is_loopback() && via != Via::Loopback => Err(Error::InvalidArgument),
        Some(Scope::One(own)) => Ok((via, own)),
        Some(Scope::Any4 | Scope::Any6 | Scope::AnyBoth) | None => {
            Ok((via, host.routes.source(remote).ok_or(Error::NetworkUnreachable)?))
        }
    }
}

/// How far RecvQ may grow. Not on loopback: there is no way on which more than its default could be.
fn recv_buffer_max(host: &Host, options: &Options, path: &Path) -> usize {
    let is_fixed = options.is_recv_fixed || host.settings.exact_recv_buffer.is_some();
    if is_fixed || path.via == Via::Loopback { 0 } else { host.settings.recv_buffer_bounds.1 }
}

/// How far SendQ may grow: its ring has room for that from the start. Not on loopback, where a ring should stay in the cache.
pub(crate) fn send_buffer_max(host: &Host, options: &Options, path: &Path) -> usize {
    let is_fixed = options.is_send_fixed || host.settings.exact_send_buffer.is_some();
    if is_fixed || path.via == Via::Loopback { 0 } else { host.settings.send_buffer_bounds.1 }
}

/// What a connection is configured with.
pub(crate) fn config(host: &Host, wires: &[Wire], options: &Options, path: &Path, iss: SeqNum) -> Config {
    let is_counted = options.tcp.syn_count != 0;
    let view = host.path_view(options, path, wires);
    let usual = Config::new(path.tuple.local.port(), path.tuple.remote.port(), iss);
    Config {
        recv_mss: view.recv_mss,
        send_mss_limit: options.mss_limit(),
        default_mss: view.default_mss,
        path_mtu: view.mtu,
        ip_header: view.ip_header,
        stdurg: host.settings.path.stdurg,
        mtu_probing: host.settings.path.probing(),
        initial_window: view.initial_window.unwrap_or(usual.initial_window),
        recv_buffer: options.recv_buffer,
        recv_buffer_max: recv_buffer_max(host, options, path),
        send_buffer_max: send_buffer_max(host, options, path),
        recv_tuning: host.settings.moderate_recv_buffer,
        window_clamp: options.window_clamp(),
        syn_window_max: if host.settings.workaround_signed_windows { 32_767 } else { u16::MAX },
        interactive_after: host.settings.interactive_after,
        ack_compression: AckCompression {
            delay: host.settings.ack_compression_delay,
            most: host.settings.ack_compression_most,
        },
        timestamp_offset: host.timestamp_offset(path),
        send_buffer: options.send_buffer,
        send_accounting: options.send_accounting,
        push_bursts: true,
        min_burst: host.settings.min_tso_segments,
        burst_divisor: host.settings.tso_window_divisor,
        nagle: !options.no_delay,
        keep_alive: options.keep_alive_times(),
        user_timeout: options.user_timeout(),
        time_wait: host.settings.time_wait,
        fin_timeout: host.settings.fin_timeout,
        window_scaling: host.settings.window_scaling,
        timestamps: host.settings.timestamps != 0,
        sack: host.settings.sack,
        dsack: host.settings.dsack,
        rto_min: host.settings.rto_min,
        rto_max: options.rto_max().unwrap_or(host.settings.rto_max),
        retries1: host.settings.retries1,
        retries2: host.settings.retries2,
        // A count that the program chose is of time-outs that double from the first: tcp(7) tells how long that takes.
        syn_retries: if is_counted { options.tcp.syn_count } else { host.settings.syn_retries },
        syn_linear_timeouts: if is_counted { 0 } else { host.settings.syn_linear_timeouts },
        thin_linear_timeouts: options.tcp.thin_linear_timeouts,
        rfc1337: host.settings.rfc1337,
        invalid_rate_limit: host.settings.invalid_rate_limit,
        synack_retries: host.settings.synack_retries,
        congestion: congestion::config_of(options, &host.settings),
        ecn: congestion::ecn_of(&host.settings),
        recovery: host.settings.recovery.config(),
        ..usual
    }
}
