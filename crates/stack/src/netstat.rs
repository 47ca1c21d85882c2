//! netstat.

use crate::demux::Owner;
use crate::network::Network;
use crate::socket::{Holder, Phase, shown, unspecified};
use crate::{HostId, SocketInfo};
use sockeye_tcb::State;

impl Network {
    /// netstat: listeners, handshakes, connections, orphans, TIME-WAIT; of one host or all. Programs read and write without telling,
    /// so this looks at their rings, and what that makes due the next flush does.
    pub fn sockets(&mut self, host: Option<HostId>) -> Vec<SocketInfo> {
        self.look_at_rings();
        let wanted = |other: HostId| host.is_none_or(|host| host == other);
        let mut lines = Vec::new();
        for (_, socket) in self.sockets.iter().filter(|(_, socket)| wanted(socket.host)) {
            let (state, recv_queue, send_queue) = match &socket.phase {
                Phase::Idle | Phase::Over(_) => continue,
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
            lines.push(SocketInfo {
                host: socket.host,
                local: socket.local_address(),
                foreign: remote.unwrap_or(unspecified(socket.family)),
                state: name_of(state).to_owned(),
                recv_queue,
                send_queue,
            });
        }
        self.add_small(wanted, &mut lines);
        lines
    }

    fn add_small(&self, wanted: impl Fn(HostId) -> bool, lines: &mut Vec<SocketInfo>) {
        let embryos = self.embryos.iter().filter_map(|(_, embryo)| {
            let family = self.sockets.get(embryo.listener as usize)?.family;
            Some((embryo.host, family, embryo.path, embryo.handshake.state()))
        });
        let waiting = self
            .time_waits
            .iter()
            .map(|(_, waiting)| (waiting.host, waiting.family, waiting.path, State::TimeWait));
        for (host, family, path, state) in embryos.chain(waiting).filter(|(host, ..)| wanted(*host)) {
            lines.push(SocketInfo {
                host,
                local: shown(family, path.tuple.local),
                foreign: shown(family, path.tuple.remote),
                state: name_of(state).to_owned(),
                recv_queue: 0,
                send_queue: 0,
            });
        }
    }

    /// As if every doorbell had been rung.
    pub(crate) fn look_at_rings(&mut self) {
        let now = self.now;
        let mut seen = Vec::new();
        for (index, socket) in &mut self.sockets {
            if let Phase::Connected(connected) = &mut socket.phase
                && socket.holder != Holder::Nobody
            {
                connected.tcb.send(now);
                connected.tcb.receive(now);
                seen.push(Owner::Socket(index as u32));
            }
        }
        seen.into_iter().for_each(|owner| self.owe(owner));
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
