//! What goes out: the one flush, and the timers that make it necessary.

use crate::HostId;
use crate::demux::{Owner, Tuple};
use crate::host::{Host, mtu};
use crate::icmp::Told;
use crate::ip_options::FamilyOptions;
use crate::marks::{Marks, packet_of};
use crate::network::Network;
use crate::route::{Path, Via};
use crate::socket::Phase;
use sockeye_buffer::Text;
use sockeye_clock::Instant;
use sockeye_tcb::{Progress, Segment, Transmit};
use sockeye_wire::TcpHeader;

/// Segments that one connection sends before the others have their turn.
const SEGMENTS: usize = 32;
/// Turns of one flush. What is owed after them is left to the next: two peers that answer each other for ever must not keep the
/// caller for ever.
const MAX_TURNS: usize = 1 << 16;
/// Bytes of text after which a short turn ends: two segments of the loopback.
const SHORT: usize = 128 * 1024;
/// Of so many that are served where others wait, one has had a turn before.
const SHARE: usize = 8;

/// How much a connection sends at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// [`SEGMENTS`]. Then it stands behind all others.
    Full,
    /// About so many bytes of text, where others wait. Then it stands behind all that have not had a turn.
    Short(usize),
}

impl Turn {
    const fn is_over(self, sent: usize) -> bool {
        match self {
            Self::Full => false,
            Self::Short(bytes) => sent >= bytes,
        }
    }
}

impl Network {
    /// Moves segments and packets until nothing more is owed at `now`. Call after every input; then drain [`poll_event`](Self::poll_event).
    /// After very many segments it stops nevertheless; [`poll_timeout`](Self::poll_timeout) then says `now`.
    pub fn flush(&mut self, now: Instant) {
        self.begin_flush(now);
        for _ in 0..MAX_TURNS {
            if let Some(reply) = self.replies.pop_front() {
                self.send_reply(now, reply.host, reply.tuple, &reply.header);
            } else if let Some(owner) = self.owing.pop_front().or_else(|| self.bulk.pop_front()) {
                self.serve(now, owner, Turn::Full);
            } else if !self.receive_packets(now) {
                return;
            }
        }
    }

    /// The same for a caller that others wait for: stops when some bytes of text were moved, or two segments more, and subtracts them from
    /// what is `left`. [`poll_timeout`](Self::poll_timeout) then says `now`. Who sends much does not keep those waiting who send little.
    pub fn flush_some(&mut self, now: Instant, left: &mut usize) {
        self.begin_flush(now);
        for turn in 0..MAX_TURNS {
            if *left == 0 {
                return;
            }
            if let Some(reply) = self.replies.pop_front() {
                self.send_reply(now, reply.host, reply.tuple, &reply.header);
            } else if let Some(owner) = self.next_owing(turn) {
                let sent = self.serve(now, owner, Turn::Short(SHORT.min(*left)));
                *left = left.saturating_sub(sent);
            } else if !self.receive_packets(now) {
                return;
            }
        }
    }

    fn begin_flush(&mut self, now: Instant) {
        self.now = self.now.max(now);
        if self.is_in_round {
            self.visit(now);
        }
    }

    fn next_owing(&mut self, turn: usize) -> Option<Owner> {
        if turn % SHARE == SHARE - 1 {
            self.bulk.pop_front().or_else(|| self.owing.pop_front())
        } else {
            self.owing.pop_front().or_else(|| self.bulk.pop_front())
        }
    }

    /// Timers and links up to `now`.
    pub fn timeout(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.receive_packets(now);
        let mut due = Vec::new();
        self.wheel.advance(now, &mut due);
        for (deadline, owner) in due {
            if !self.disarm(owner, deadline) {
                continue;
            }
            match owner {
                Owner::Socket(index) => self.socket_timeout(now, index),
                Owner::Embryo(index) => self.embryo_timeout(now, index),
                Owner::TimeWait(index) => self.time_wait_timeout(now, index),
            }
        }
    }

    fn socket_timeout(&mut self, now: Instant, index: u32) {
        if self.ends_orphan(now, index) {
            return;
        }
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        match &mut socket.phase {
            Phase::Connected(connected) => connected.tcb.timeout(now),
            Phase::Connecting(connecting) => {
                let progress = connecting.handshake.timeout(now);
                self.suspect_black_hole(now, index, progress != Progress::Waiting);
                self.active_progress(now, index, progress, None);
            }
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => return,
        }
        self.owe_socket(index);
    }

    fn embryo_timeout(&mut self, now: Instant, index: u32) {
        let Some(embryo) = self.embryos.get_mut(index as usize) else { return };
        match embryo.handshake.timeout(now) {
            // Only a segment establishes.
            Progress::Waiting | Progress::Established { .. } => self.owe(Owner::Embryo(index)),
            Progress::BackToListen | Progress::Failed(_) => self.forget_embryo(index),
        }
    }

    fn time_wait_timeout(&mut self, now: Instant, index: u32) {
        let Some(waiting) = self.time_waits.get(index as usize) else { return };
        let expires = waiting.time_wait.expires();
        if expires <= now {
            self.forget_time_wait(index);
        } else {
            // It was restarted by a retransmitted FIN.
            self.arm(Owner::TimeWait(index), Some(expires));
        }
    }

    /// Takes one packet from every link that has one; says whether there was any.
    fn receive_packets(&mut self, now: Instant) -> bool {
        let mut is_any = false;
        for index in 0..self.wires.len() {
            let wire = &mut self.wires[index];
            if let Some(packet) = wire.link.poll_returned(now) {
                // The two directions of a link lie side by side.
                if let Some(back) = self.wires.get(index ^ 1) {
                    let host = back.to;
                    self.packet_arrives(now, host, &packet);
                }
                is_any = true;
            }
            let wire = &mut self.wires[index];
            if let Some(packet) = wire.link.poll_receive(now) {
                let host = wire.to;
                self.packet_arrives(now, host, &packet);
                is_any = true;
            }
        }
        is_any
    }

    /// Sends what `owner` owes in one turn. Returns how many bytes of text these were.
    fn serve(&mut self, now: Instant, owner: Owner, turn: Turn) -> usize {
        self.clear_owing(owner);
        match owner {
            Owner::Socket(index) => self.serve_socket(now, index, turn),
            Owner::Embryo(index) => {
                self.serve_embryo(now, index);
                0
            }
            Owner::TimeWait(_) => 0,
        }
    }

    fn serve_socket(&mut self, now: Instant, index: u32, turn: Turn) -> usize {
        self.follow_path(now, index, Told::ByNobody);
        self.look_at_queue(index);
        let mut sent = 0;
        for _ in 0..SEGMENTS {
            let Some(socket) = self.sockets.get_mut(index as usize) else { return sent };
            let transmit = match &mut socket.phase {
                Phase::Connected(connected) => connected.tcb.poll_transmit(now),
                Phase::Connecting(connecting) => connecting.handshake.poll_transmit(now),
                Phase::Idle | Phase::Listening(_) | Phase::Over(_) => return sent,
            };
            let Some(transmit) = transmit else {
                self.let_rest(now, index);
                return sent;
            };
            self.send_from_socket(now, index, &transmit);
            sent += transmit.text_len;
            if turn.is_over(sent) {
                break;
            }
        }
        match turn {
            Turn::Full => self.owe_socket(index),
            Turn::Short(_) => self.owe_bulk(Owner::Socket(index)),
        }
        sent
    }

    /// A socket that was served has nothing more to send now: it is accounted for, and its deadline and events are known.
    fn let_rest(&mut self, now: Instant, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let deadline = match &mut socket.phase {
            Phase::Connected(connected) => {
                self.is_in_round |= connected.settle(&mut self.hosts, socket.host, &mut socket.charged);
                connected.refresh_info(now, socket.options.max_pacing_rate);
                connected.tcb.poll_timeout()
            }
            Phase::Connecting(connecting) => {
                let held = connecting.rings.sendq.len();
                let here = &mut self.hosts[socket.host.0 as usize];
                self.is_in_round |= here.memory.charge(&mut socket.charged, held);
                connecting.handshake.poll_timeout()
            }
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => None,
        };
        self.arm(Owner::Socket(index), deadline);
        self.note_progress(now, index);
        self.take_events(now, index);
    }

    /// Whether the link's queue takes what the socket sends.
    fn look_at_queue(&mut self, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let Some(Path { via: Via::Link(wire), .. }) = socket.path() else { return };
        let is_full = self.wires.get(wire).is_some_and(|wire| wire.link.is_full());
        if let Phase::Connected(connected) = &mut socket.phase {
            connected.tcb.set_blocked(is_full);
        }
    }

    fn serve_embryo(&mut self, now: Instant, index: u32) {
        loop {
            let Some(embryo) = self.embryos.get_mut(index as usize) else { return };
            let (host, path, listener) = (embryo.host, embryo.path, embryo.listener);
            let Some(transmit) = embryo.handshake.poll_transmit(now) else {
                let deadline = embryo.handshake.poll_timeout();
                return self.arm(Owner::Embryo(index), deadline);
            };
            let options = self.sockets.get(listener as usize).map(|listener| &listener.options);
            let options = options.map(|options| options.ip.of(path.tuple.remote.ip()));
            let marks = self.marks(host, &path, options.as_ref());
            self.send(
                now,
                host,
                (path, marks),
                &Segment { header: &transmit.header, text: Text::empty(), ecn: transmit.ecn },
            );
        }
    }

    fn send_reply(&mut self, now: Instant, host: HostId, tuple: Tuple, header: &TcpHeader) {
        // A source route is not followed; the way back is the one that we know.
        let Some(via) = self.hosts[host.0 as usize].routes.via(tuple.remote.ip()) else { return };
        let path = Path { tuple, via };
        let marks = self.marks(host, &path, None);
        self.send(now, host, (path, marks), &Segment::new(header, Text::empty()));
    }

    fn marks(&self, host: HostId, path: &Path, options: Option<&FamilyOptions>) -> Marks {
        let here = &self.hosts[host.0 as usize];
        here.marks(&path.tuple, options, mtu(path.via, here, &self.wires))
    }

    fn send(&mut self, now: Instant, host: HostId, (path, marks): (Path, Marks), segment: &Segment<'_>) {
        match path.via {
            Via::Loopback => {
                self.hosts[host.0 as usize].note_loopback(now, &path.tuple, segment);
                self.segment_arrives(now, host, path.tuple.reversed(), segment);
            }
            Via::Link(wire) => {
                let packet = packet_of(&path.tuple, segment, marks);
                self.send_packet(now, host, wire, packet);
            }
        }
    }

    pub(crate) fn send_packet(&mut self, now: Instant, host: HostId, wire: usize, packet: Vec<u8>) {
        self.hosts[host.0 as usize].counters.packets_sent += 1;
        if let Some(wire) = self.wires.get_mut(wire) {
            wire.link.transmit(now, packet);
        }
    }

    fn send_from_socket(&mut self, now: Instant, index: u32, transmit: &Transmit) {
        let Some(socket) = self.sockets.get(index as usize) else { return };
        let host = socket.host;
        let Some(path) = socket.path() else { return };
        if path.via == Via::Loopback && self.hand_over(now, index, transmit) {
            return;
        }
        let Some(socket) = self.sockets.get(index as usize) else { return };
        let marks = self.marks(host, &path, Some(&socket.options.ip.of(path.tuple.remote.ip())));
        let text = match &socket.phase {
            Phase::Connected(connected) => connected.tcb.text(transmit),
            Phase::Connecting(connecting) => {
                connecting.rings.sendq.text(transmit.text_offset, transmit.text_len)
            }
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => return,
        };
        if let Via::Link(wire) = path.via {
            let packet =
                packet_of(&path.tuple, &Segment { header: &transmit.header, text, ecn: transmit.ecn }, marks);
            return self.send_packet(now, host, wire, packet);
        }
        // Not to an open connection, or to itself: the text must not be borrowed from the socket meanwhile.
        let mut copy = vec![0; text.len()];
        text.copy_to(&mut copy);
        let text = Text::from(copy.as_slice());
        self.send(now, host, (path, marks), &Segment { header: &transmit.header, text, ecn: transmit.ecn });
    }

    /// Loopback between two open connections: the receiver takes the text out of the sender's SendQ. No packet is made, and a
    /// trusted link needs no checksum. Says whether it was possible.
    fn hand_over(&mut self, now: Instant, from: u32, transmit: &Transmit) -> bool {
        let Some(to) = self.partner(from).filter(|&to| to != from) else { return false };
        let Some((sender, receiver)) = self.sockets.get2_mut(from as usize, to as usize) else {
            return false;
        };
        let (host, charged) = (sender.host, &mut receiver.charged);
        let (Phase::Connected(sender), Phase::Connected(receiver)) = (&sender.phase, &mut receiver.phase)
        else {
            return false;
        };
        let segment =
            Segment { header: &transmit.header, text: sender.tcb.text(transmit), ecn: transmit.ecn };
        let here = &mut self.hosts[host.0 as usize];
        here.note_loopback(now, &sender.path.tuple, &segment);
        if receiver.can_wait(&segment) {
            receiver.tcb.segment_arrives(now, &segment);
        } else {
            self.is_in_round |= here.deliver(now, (receiver, charged), &segment);
        }
        self.owe_socket(to);
        true
    }

    /// The open connection on the same host that a connection's segments go to. It is looked up once: as long as it is open, its tuple
    /// leads to it.
    fn partner(&mut self, index: u32) -> Option<u32> {
        let socket = self.sockets.get(index as usize)?;
        let Phase::Connected(connected) = &socket.phase else { return None };
        let (host, tuple) = (socket.host, &connected.path.tuple);
        let is_partner = |to: &u32| {
            self.sockets.get(*to as usize).is_some_and(|other| match &other.phase {
                Phase::Connected(there) => other.host == host && there.path.tuple.is_reverse_of(tuple),
                Phase::Idle | Phase::Listening(_) | Phase::Connecting(_) | Phase::Over(_) => false,
            })
        };
        if let Some(known) = connected.partner.filter(is_partner) {
            return Some(known);
        }
        let Some(Owner::Socket(found)) = self.hosts[host.0 as usize].demux.find(&tuple.reversed()) else {
            return None;
        };
        if let Some(Phase::Connected(connected)) =
            self.sockets.get_mut(index as usize).map(|socket| &mut socket.phase)
        {
            connected.partner = Some(found);
        }
        Some(found)
    }
}

impl Host {
    /// Counts a segment that stays on the host, and records it if somebody wants that.
    fn note_loopback(&mut self, now: Instant, tuple: &Tuple, segment: &Segment<'_>) {
        self.counters.loopback_segments += 1;
        if let Some((capture, interface)) = &self.capture {
            capture.record(*interface, now, &packet_of(tuple, segment, self.marks(tuple, None, u32::MAX)));
        }
    }
}
