//! What the network keeps of a socket.

use crate::listener::Listener;
use crate::options::Options;
use crate::ports::{Claim, Scope};
use crate::reports::Reports;
use crate::route::Path;
use crate::tcp_info::Asked;
use crate::{Family, HostId, Passed, Rings, SocketId, TcpInfo};
use sockeye_buffer::RecvQ;
use sockeye_clock::Instant;
use sockeye_tcb::{Handshake, Tcb, TimeWait};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// One socket: held by a program, waiting to be accepted, or an orphan.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) generation: u32,
    pub(crate) host: HostId,
    /// What the caller calls it.
    pub(crate) tag: u64,
    pub(crate) family: Family,
    pub(crate) options: Options,
    pub(crate) holder: Holder,
    pub(crate) bound: Option<Bound>,
    pub(crate) hold: Hold,
    pub(crate) rings: RingsState,
    pub(crate) phase: Phase,
    /// It is counted among the connections that no program holds.
    pub(crate) is_orphan: bool,
    /// Bytes in its queues that the host's memory is charged for.
    pub(crate) charged: usize,
    /// What the program has not read of a connection that is over.
    pub(crate) unread: Option<Box<RecvQ>>,
    /// TCP_INFO of the connection that is over.
    pub(crate) last_info: Option<Box<TcpInfo>>,
    pub(crate) schedule: Schedule,
    /// What somebody wants to know of its sends.
    pub(crate) reports: Option<Box<Reports>>,
    /// What was known of paths when its segments were last brought to it.
    pub(crate) path_generation: u32,
}

/// Who has the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A program.
    Program,
    /// The accept queue of this listener.
    Listener(u32),
    /// Nobody any more.
    Nobody,
}

/// Where a socket is bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    pub(crate) scope: Scope,
    pub(crate) port: u16,
    /// Whether the program chose the port: then it keeps it although a connection ends.
    pub(crate) is_chosen: bool,
}

/// What the socket holds in the host's table of ports.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Hold {
    Nothing,
    Bound,
    Connection(Claim),
}

/// The rings that are under the socket's tag.
#[derive(Debug)]
pub(crate) enum RingsState {
    /// There are none.
    Closed,
    /// They are in use.
    Open,
    /// They were in use, and the connection is over.
    Over(Passed),
    /// They are open and untouched: a `connect()` failed.
    Spare(Box<Rings>),
}

/// What a socket is for.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Nothing yet.
    Idle,
    Listening(Box<Listener>),
    Connecting(Box<Connecting>),
    Connected(Box<Connected>),
    /// Its connection was this one.
    Over(Path),
}

#[derive(Debug)]
pub(crate) struct Connecting {
    pub(crate) path: Path,
    pub(crate) handshake: Handshake,
    pub(crate) rings: Rings,
}

#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) path: Path,
    pub(crate) tcb: Tcb,
    /// The peer's FIN is in order.
    pub(crate) is_peer_closed: bool,
    /// The program shut the connection for sending, or closed it.
    pub(crate) is_send_shut: bool,
    /// The socket at the other end, if it is on the same host, as it was last found.
    pub(crate) partner: Option<u32>,
    /// It may hold less than its limits say, or does not grow: the host is short of memory.
    pub(crate) is_rationed: bool,
    /// Whether programs ask for its TCP_INFO.
    pub(crate) asked: Asked,
    /// The listener that counts it, as long as its handshake is not complete (Fast Open).
    pub(crate) counted_by: Option<SocketId>,
}

/// A passive handshake: a place in a SYN queue.
#[derive(Debug)]
pub(crate) struct Embryo {
    pub(crate) host: HostId,
    pub(crate) listener: u32,
    pub(crate) path: Path,
    pub(crate) handshake: Handshake,
    pub(crate) schedule: Schedule,
}

/// A connection in TIME-WAIT.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) host: HostId,
    pub(crate) family: Family,
    pub(crate) path: Path,
    pub(crate) claim: Option<Claim>,
    pub(crate) time_wait: TimeWait,
    pub(crate) schedule: Schedule,
}

/// When an owner is to be served again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Schedule {
    /// It is in the queue of those that owe something.
    pub(crate) is_owing: bool,
    /// The deadline in the wheel that counts.
    pub(crate) armed: Option<Instant>,
    /// A later one that is in the wheel as well, and will count again.
    later: Option<Instant>,
}

impl Schedule {
    /// Sees to it that the owner is asked at `deadline`, or earlier. Returns whether that must be entered in the wheel.
    pub(crate) fn arm(&mut self, deadline: Instant) -> bool {
        if self.armed.is_some_and(|armed| armed <= deadline) {
            return false;
        }
        let has_later = self.later.is_some_and(|later| later <= deadline);
        if has_later {
            self.armed = self.later.take();
        } else {
            // What is between them is soon over; a later one may stay for hours, and must not be entered each time.
            self.later = self.later.or(self.armed);
            self.armed = Some(deadline);
        }
        !has_later
    }

    /// The entry of the wheel with this deadline is taken out. Returns whether it counted.
    pub(crate) fn disarm(&mut self, deadline: Instant) -> bool {
        if self.later == Some(deadline) {
            self.later = None;
        }
        let counts = self.armed == Some(deadline);
        if counts {
            self.armed = None;
        }
        counts
    }

    /// Whether an entry of the wheel counts, or will.
    pub(crate) fn has(&self, deadline: Instant) -> bool {
        self.armed == Some(deadline) || self.later == Some(deadline)
    }
}

impl Connected {
    pub(crate) fn passed(&self) -> Passed {
        let (sendq, recvq) = self.tcb.rings();
        let bytes = |position: u64| u32::try_from(position).unwrap_or(u32::MAX);
        Passed {
            sent: bytes(sendq.head() + sendq.len() as u64),
            received: bytes(recvq.tail()),
            has_info: self.asked.was_often(),
        }
    }
}

impl Socket {
    /// What the socket claims of a port where it is bound.
    pub(crate) const fn claim(&self, scope: Scope) -> Claim {
        Claim { scope, reuse_address: self.options.reuse_address, reuse_port: self.options.reuse_port }
    }

    /// What its connection has used of its rings, as far as that is known now.
    pub(crate) fn passed(&self) -> Passed {
        match &self.rings {
            RingsState::Over(passed) => *passed,
            RingsState::Closed | RingsState::Spare(_) => Passed::default(),
            RingsState::Open => match &self.phase {
                Phase::Connected(connected) => connected.passed(),
                Phase::Idle | Phase::Listening(_) | Phase::Connecting(_) | Phase::Over(_) => {
                    Passed::default()
                }
            },
        }
    }

    pub(crate) fn path(&self) -> Option<Path> {
        match &self.phase {
            Phase::Idle | Phase::Listening(_) => None,
            Phase::Connecting(connecting) => Some(connecting.path),
            Phase::Connected(connected) => Some(connected.path),
            Phase::Over(path) => Some(*path),
        }
    }

    /// getsockname().
    pub(crate) fn local_address(&self) -> SocketAddr {
        if let Some(path) = self.path() {
            return shown(self.family, path.tuple.local);
        }
        let Some(bound) = self.bound else { return unspecified(self.family) };
        match bound.scope {
            Scope::One(ip) => shown(self.family, SocketAddr::new(ip, bound.port)),
            // Bound to ::ffff:0.0.0.0 it is shown so.
            Scope::Any4 => shown(self.family, SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), bound.port)),
            Scope::Any6 | Scope::AnyBoth => SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), bound.port),
        }
    }
}

/// The unspecified address and port 0.
pub(crate) const fn unspecified(family: Family) -> SocketAddr {
    match family {
        Family::V4 => SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0),
        Family::V6 => SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0),
    }
}

/// An address as a socket of the family shows it: on an IPv6 socket an IPv4 address is mapped.
pub(crate) fn shown(family: Family, address: SocketAddr) -> SocketAddr {
    match (family, address.ip()) {
        (Family::V6, IpAddr::V4(v4)) => SocketAddr::new(v4.to_ipv6_mapped().into(), address.port()),
        (Family::V6, IpAddr::V6(_)) | (Family::V4, _) => address,
    }
}

#[cfg(test)]
mod tests;
