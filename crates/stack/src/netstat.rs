//! netstat.

use crate::demux::Owner;
use crate::network::Network;
use crate::route::Path;
use crate::socket::{Holder, Phase, Socket, shown, unspecified};
use crate::{Family, HostId, SocketInfo};
use serde::{Deserialize, Serialize};
use sockeye_tcb::State;

/// Where a listing goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListPlace {
    kind: Kind,
    index: u32,
}

/// What is listed, in this order, which is that of a connection's life: what becomes the next kind while it is listed is listed twice, and
/// never missed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Kind {
    #[default]
    Embryos,
    Sockets,
    TimeWaits,
}

impl Kind {
    const fn next(self) -> Option<Self> {
        match self {
            Self::Embryos => Some(Self::Sockets),
            Self::Sockets => Some(Self::TimeWaits),
            Self::TimeWaits => None,
        }
    }
}

impl Network {
    /// netstat: handshakes, listeners, connections, orphans, TIME-WAIT; of one host or all. Programs read and write without telling,
    /// so this looks at their rings, and what that makes due the next flush does.
    pub fn sockets(&mut self, host: Option<HostId>) -> Vec<SocketInfo> {
        let mut lines = Vec::new();
        self.list(host, ListPlace::default(), usize::MAX, &mut lines);
        lines
    }

    /// Appends a part of netstat's lines: as [`sockets`](Self::sockets), from `from` on, after at most `most` looks. Where to go on, if that
    /// was not all. Parts are not of one moment.
    pub fn list(
        &mut self,
        host: Option<HostId>,
        from: ListPlace,
        most: usize,
        lines: &mut Vec<SocketInfo>,
    ) -> Option<ListPlace> {
        let (mut kind, mut start, mut left) = (from.kind, from.index as usize, most);
        loop {
            let end = start.saturating_add(left).min(self.places(kind));
            for index in start..end {
                let line = self.line(kind, index);
                lines.extend(line.filter(|line| host.is_none_or(|host| host == line.host)));
            }
            if end < self.places(kind) {
                return Some(ListPlace { kind, index: u32::try_from(end).ok()? });
            }
            left -= end.saturating_sub(start);
            (kind, start) = (kind.next()?, 0);
        }
    }

    /// Whether there is nothing that netstat would show.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        let is_over = |socket: &Socket| matches!(socket.phase, Phase::Idle | Phase::Over(_));
        let is_small_empty = self.embryos.is_empty() && self.time_waits.is_empty();
        is_small_empty && self.sockets.iter().all(|(_, socket)| is_over(socket))
    }

    /// Places of that kind; some are free.
    fn places(&self, kind: Kind) -> usize {
        match kind {
            Kind::Embryos => self.embryos.capacity(),
            Kind::Sockets => self.sockets.capacity(),
            Kind::TimeWaits => self.time_waits.capacity(),
        }
    }

    fn line(&mut self, kind: Kind, index: usize) -> Option<SocketInfo> {
        match kind {
            Kind::Embryos => self.embryo_line(index),
            Kind::Sockets => self.socket_line(index),
            Kind::TimeWaits => self.time_wait_line(index),
        }
    }

    fn socket_line(&mut self, index: usize) -> Option<SocketInfo> {
        self.look_at_ring(index);
        let socket = self.sockets.get(index)?;
        let (state, recv_queue, send_queue) = match &socket.phase {
            Phase::Idle | Phase::Over(_) => return None,
            Phase::Listening(listener) => {
                (State::Listen, listener.accept_queue.len(), listener.backlog as usize)
            }
            // The SYN counts.
            Phase::Connecting(connecting) => (connecting.handshake.state(), 0, 1),
            Phase::Connected(connected) => {
                (connected.tcb.state(), connected.tcb.recv_queue(), connected.tcb.send_queue())
            }
        };
        let remote = socket.path().map(|path| shown(socket.family, path.tuple.remote));
        Some(SocketInfo {
            host: socket.host,
            local: socket.local_address(),
            foreign: remote.unwrap_or(unspecified(socket.family)),
            state: name_of(state).to_owned(),
            recv_queue,
            send_queue,
        })
    }

    fn embryo_line(&self, index: usize) -> Option<SocketInfo> {
        let embryo = self.embryos.get(index)?;
        let family = self.sockets.get(embryo.listener as usize)?.family;
        Some(small_line(embryo.host, family, &embryo.path, embryo.handshake.state()))
    }

    fn time_wait_line(&self, index: usize) -> Option<SocketInfo> {
        let waiting = self.time_waits.get(index)?;
        Some(small_line(waiting.host, waiting.family, &waiting.path, State::TimeWait))
    }

    /// As if its doorbell had been rung.
    fn look_at_ring(&mut self, index: usize) {
        let now = self.now;
        let Some(socket) = self.sockets.get_mut(index) else { return };
        if let Phase::Connected(connected) = &mut socket.phase
            && socket.holder != Holder::Nobody
        {
            connected.tcb.send(now);
            connected.tcb.receive(now);
            self.owe(Owner::Socket(index as u32));
        }
    }

    /// As if every doorbell had been rung.
    pub(crate) fn look_at_rings(&mut self) {
        (0..self.sockets.capacity()).for_each(|index| self.look_at_ring(index));
    }
}

fn small_line(host: HostId, family: Family, path: &Path, state: State) -> SocketInfo {
    SocketInfo {
        host,
        local: shown(family, path.tuple.local),
        foreign: shown(family, path.tuple.remote),
        state: name_of(state).to_owned(),
        recv_queue: 0,
        send_queue: 0,
    }
}

/// As net-tools prints it.
const fn name_of(state: State) -> &'static str {
    match state {
        State::Closed => "CLOSE",
        State::Listen => "LISTEN",
        State::SynSent => "SYN_SENT",
        State::SynReceived => "SYN_RECV",
        State::Established => "ESTABLISHED",
        State::FinWait1 => "FIN_WAIT1",
        State::FinWait2 => "FIN_WAIT2",
        State::CloseWait => "CLOSE_WAIT",
        State::Closing => "CLOSING",
        State::LastAck => "LAST_ACK",
        State::TimeWait => "TIME_WAIT",
    }
}
