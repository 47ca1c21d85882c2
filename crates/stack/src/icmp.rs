//! ICMP errors that come back for our segments (RFC 9293, 3.9.2.2; RFC 5927).
//!
//! | error | a handshake | a connection |
//! |---|---|---|
//! | unreachable, time exceeded, parameter problem | an active one fails with it (RFC 5461), which with IP_RECVERR the error queue tells, too; a passive one is forgotten | remembered until something is acknowledged: told by SO_ERROR, or as the reason of a time-out; told at once with IP_RECVERR |
//! | packet too big | another MSS | another MSS, and what was too big is sent again |
//! | source quench | discarded | discarded |

use crate::demux::{Owner, Tuple};
use crate::ip_options::PmtuDiscovery;
use crate::network::Network;
use crate::route::Path;
use crate::socket::{Holder, Phase};
use crate::{Error, HostId, Report, SocketEvent, SocketId};
use sockeye_clock::Instant;
use sockeye_tcb::SoftError;
use sockeye_wire::{IcmpError, IcmpKind, IpHeader};
use std::net::SocketAddr;

/// What an error means to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Meaning {
    /// What the program is told.
    error: Error,
    /// Whether it ends a passive handshake.
    ends_embryo: bool,
    /// Whether it says that the path, and not congestion, loses segments (RFC 6069).
    is_connectivity: bool,
}

impl Network {
    /// An ICMP message came out of a link.
    pub(crate) fn icmp_arrives(&mut self, now: Instant, host: HostId, ip: &IpHeader, message: &[u8]) {
        let here = &mut self.hosts[host.0 as usize];
        let Ok(error) = IcmpError::parse(ip, message) else {
            here.counters.bad_headers += 1;
            return;
        };
        here.counters.icmp_errors += 1;
        let local = SocketAddr::new(error.src, error.src_port);
        let tuple = Tuple::new(local, SocketAddr::new(error.dst, error.dst_port));
        match here.demux.find(&tuple) {
            Some(Owner::Socket(index)) => self.icmp_to_socket(now, index, &error),
            Some(Owner::Embryo(index)) => self.icmp_to_embryo(index, &error),
            // Nothing of it can be lost that would matter to anybody.
            Some(Owner::TimeWait(_)) => {}
            None => here.counters.icmp_unmatched += 1,
        }
    }

    /// A passive handshake is forgotten in silence: accept() tells no errors of the network (POSIX).
    fn icmp_to_embryo(&mut self, index: u32, error: &IcmpError) {
        let Some(embryo) = self.embryos.get(index as usize) else { return };
        if !embryo.handshake.is_in_flight(error.seq) {
            self.hosts[embryo.host.0 as usize].counters.out_of_window_icmps += 1;
            return;
        }
        if meaning(error).is_some_and(|meaning| meaning.ends_embryo) {
            self.forget_embryo(index);
        }
    }

    fn icmp_to_socket(&mut self, now: Instant, index: u32, error: &IcmpError) {
        let Some(socket) = self.sockets.get(index as usize) else { return };
        // RFC 5927, section 4.1: an error about what is not in flight is an old one or a forged one.
        let is_in_flight = match &socket.phase {
            Phase::Connected(connected) => connected.tcb.is_in_flight(error.seq),
            Phase::Connecting(connecting) => connecting.handshake.is_in_flight(error.seq),
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => return,
        };
        if !is_in_flight {
            self.hosts[socket.host.0 as usize].counters.out_of_window_icmps += 1;
            return;
        }
        if let IcmpKind::PacketTooBig { mtu } = error.kind {
            self.packet_too_big(now, index, mtu);
        } else if let Some(meaning) = meaning(error) {
            self.socket_is_told(now, index, error, meaning);
        }
    }

    fn socket_is_told(&mut self, now: Instant, index: u32, error: &IcmpError, meaning: Meaning) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let reports_errors = socket.options.ip.of(error.dst).reports_errors;
        let connected = match &mut socket.phase {
            // RFC 5461, section 4.1, and as Linux: an open that cannot succeed now fails now.
            Phase::Connecting(_) => {
                if reports_errors {
                    self.report(index, report_of(error, meaning.error));
                }
                return self.fail_connect(index, meaning.error);
            }
            Phase::Connected(connected) => connected,
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => return,
        };
        if connected.tcb.is_pending() && matches!(socket.holder, Holder::Listener(_)) {
            // It was opened by its SYN alone (RFC 7413): who accepts it finds what the SYN carried, and then the error.
            return self.fail_connection(index, meaning.error);
        }
        if meaning.is_connectivity {
            connected.tcb.on_unreachable(now, error.seq);
        }
        if reports_errors {
            // As Linux: the error queue is for opens only.
            self.tell(index, SocketEvent::Reported(meaning.error));
        } else {
            // MUST-56 (3.9.2.2): it must not abort the connection. SHLD-25: the program can ask.
            connected.tcb.note_soft_error(SoftError(meaning.error.code()));
            self.tell(index, SocketEvent::Remembered);
        }
        self.owe_socket(index);
    }

    /// SO_ERROR of a connection that has not failed: the last error that came back, if nothing was acknowledged since. Told once.
    ///
    /// # Errors
    /// `BadDescriptor`.
    pub fn take_soft_error(&mut self, id: SocketId) -> Result<Option<Error>, Error> {
        let Phase::Connected(connected) = &mut self.find_mut(id)?.phase else { return Ok(None) };
        Ok(connected.tcb.take_soft_error().and_then(|soft| Error::from_code(soft.0)))
    }

    fn fail_connection(&mut self, index: u32, error: Error) {
        self.tell(index, SocketEvent::Failed(error));
        self.end(index);
    }

    /// SHLD-6 (3.7.2); RFC 1191, section 3; RFC 8201, section 4.
    fn packet_too_big(&mut self, now: Instant, index: u32, mtu: u32) {
        let Some(socket) = self.sockets.get(index as usize) else { return };
        let Some(Path { tuple, via }) = socket.path() else { return };
        let (host, remote) = (socket.host.0 as usize, tuple.remote.ip());
        let link = crate::host::mtu(via, &self.hosts[host], &self.wires);
        let here = &mut self.hosts[host];
        let discovery = socket.options.ip.of(remote).discovery;
        // net.ipv4.ip_no_pmtu_disc: 1 and 2 believe nobody; 3 believes only what fits a segment in flight, as we always do.
        if matches!(here.settings.path.no_pmtu_discovery, 1 | 2) || !discovery.believes_routers() {
            return;
        }
        here.paths.learn(now, (remote, link), mtu, &here.settings.path);
        // Where routers may fragment nothing was lost; segments follow with the next that is sent.
        if matches!(discovery, PmtuDiscovery::Want | PmtuDiscovery::Do) {
            self.follow_path(now, index, Told::ByRouter);
        }
    }

    /// Brings a socket's segments to what is known of its path.
    pub(crate) fn follow_path(&mut self, now: Instant, index: u32, told: Told) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let here = &mut self.hosts[socket.host.0 as usize];
        let generation = here.paths.generation(now);
        if told == Told::ByNobody && socket.path_generation == generation {
            return;
        }
        socket.path_generation = generation;
        let Some(path) = socket.path() else { return };
        let view = here.path_view(&socket.options, &path, &self.wires);
        match &mut socket.phase {
            Phase::Connected(connected) => match told {
                Told::ByRouter => connected.tcb.on_packet_too_big(view.mtu),
                Told::ByNobody => connected.tcb.set_path_mtu(view.mtu),
            },
            Phase::Connecting(connecting) => {
                connecting.handshake.on_path_mtu(view.mtu, view.recv_mss);
            }
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => return,
        }
        self.owe_socket(index);
    }
}

/// How a socket comes to look at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// A router dropped a segment of its own.
    ByRouter,
    /// Something that the host knows has changed.
    ByNobody,
}

/// The error as the error queue tells it.
fn report_of(icmp: &IcmpError, error: Error) -> Report {
    let [kind, code] = icmp.wire;
    let to = SocketAddr::new(icmp.dst, icmp.dst_port);
    Report::Icmp { error, kind, code, info: 0, from: icmp.sender, to }
}

/// What an error means; nothing if it is to be discarded.
fn meaning(error: &IcmpError) -> Option<Meaning> {
    if error.dst.is_ipv4() { meaning_v4(error) } else { meaning_v6(error) }
}

/// As Linux. The codes of "destination unreachable" are RFC 792's and RFC 1122's (section 3.2.2.1).
fn meaning_v4(error: &IcmpError) -> Option<Meaning> {
    let of = |error, ends_embryo, is_connectivity| Some(Meaning { error, ends_embryo, is_connectivity });
    match error.kind {
        // MUST-55 (3.9.2.2).
        IcmpKind::SourceQuench | IcmpKind::PacketTooBig { .. } => None,
        IcmpKind::TimeExceeded { .. } => of(Error::HostUnreachable, true, false),
        IcmpKind::ParameterProblem { .. } => of(Error::Protocol, true, false),
        IcmpKind::Unreachable(_) => match error.wire[1] {
            0 => of(Error::NetworkUnreachable, true, true),
            1 => of(Error::HostUnreachable, true, true),
            2 => of(Error::NoSuchOption, false, false),
            3 => of(Error::ConnectionRefused, false, false),
            5 => of(Error::NotSupported, false, false),
            7 => of(Error::HostDown, false, false),
            8 => of(Error::NotOnNetwork, false, false),
            6 | 9 | 11 => of(Error::NetworkUnreachable, false, false),
            10 | 12..=15 => of(Error::HostUnreachable, false, false),
            _ => None,
        },
    }
}

/// As Linux. The codes are RFC 4443's (section 3.1).
fn meaning_v6(error: &IcmpError) -> Option<Meaning> {
    let of = |error, ends_embryo, is_connectivity| Some(Meaning { error, ends_embryo, is_connectivity });
    match error.kind {
        IcmpKind::SourceQuench | IcmpKind::PacketTooBig { .. } => None,
        IcmpKind::TimeExceeded { .. } => of(Error::HostUnreachable, false, false),
        IcmpKind::ParameterProblem { .. } => of(Error::Protocol, true, false),
        IcmpKind::Unreachable(_) => match error.wire[1] {
            0 => of(Error::NetworkUnreachable, false, true),
            1 | 5 | 6 => of(Error::PermissionDenied, true, false),
            2 | 3 => of(Error::HostUnreachable, false, false),
            4 => of(Error::ConnectionRefused, true, false),
            _ => of(Error::Protocol, true, false),
        },
    }
}
