//! How connections begin and end: between handshakes, sockets and TIME-WAIT.

use crate::connect::send_buffer_max;
use crate::demux::{Owner, Tuple};
use crate::network::Network;
use crate::ports::Scope;
use crate::route::Path;
use crate::sharing::first_limit;
use crate::socket::{Bound, Connected, Hold, Holder, Phase, RingsState, Schedule, Socket, Waiting};
use crate::tcp_info::Asked;
use crate::{Error, HostId, Rings, SocketEvent, SocketId};
use slab::Slab;
use sockeye_clock::Instant;
use sockeye_tcb::{Event, Reason, Segment, Tcb, reset_for};
use sockeye_wire::TcpHeader;

/// Connections in TIME-WAIT for which memory is kept when there is none.
const KEPT_TIME_WAITS: usize = 1024;

/// A segment without text that belongs to no socket.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) host: HostId,
    pub(crate) tuple: Tuple,
    pub(crate) header: TcpHeader,
}

/// What makes a connection of a passive handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// Our SYN is acknowledged; the segment may have more to say.
    Acknowledged { redeliver: bool },
    /// The SYN had a good cookie.
    Early,
}

/// Why a listener counts a connection no more among those that began early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaving {
    /// Its handshake is complete, or it is over.
    Complete,
    Reset,
}

impl Network {
    /// An active open succeeded.
    pub(crate) fn complete_active(&mut self, now: Instant, index: u32, redelivered: Option<&Segment<'_>>) {
        self.learn_from_answer(index);
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let phase = std::mem::replace(&mut socket.phase, Phase::Idle);
        let Phase::Connecting(connecting) = phase else {
            socket.phase = phase;
            return;
        };
        let (path, rings) = (connecting.path, connecting.rings);
        let tcb = connecting.handshake.into_tcb(now, rings.sendq, rings.recvq);
        socket.phase = Phase::Connected(Box::new(Connected::new(path, tcb)));
        socket.apply_options(now);
        if let Phase::Connected(connected) = &mut socket.phase {
            self.hosts[socket.host.0 as usize].ration(connected);
            if let Some(segment) = redelivered {
                connected.tcb.redeliver(now, segment);
            }
        }
        self.owe_socket(index);
        self.tell(index, SocketEvent::Connected);
    }

    /// A passive open succeeded: the embryo becomes a socket in the listener's accept queue.
    pub(crate) fn complete_passive(
        &mut self,
        now: Instant,
        index: u32,
        segment: &Segment<'_>,
        how: Completion,
    ) {
        let Some(embryo) = self.embryos.get(index as usize) else { return };
        let (listener, host, path) = (embryo.listener, embryo.host, embryo.path);
        let Some(rings) = self.open_child_rings(listener, &path) else {
            self.hosts[host.0 as usize].counters.no_rings += 1;
            self.forget_embryo(index);
            return self.reset(host, path.tuple, segment);
        };
        let Some(embryo) = self.take_embryo(index) else { return };
        let tag = rings.tag;
        let tcb = match how {
            Completion::Acknowledged { .. } => embryo.handshake.into_tcb(now, rings.sendq, rings.recvq),
            Completion::Early => embryo.handshake.into_early_tcb(now, rings.sendq, rings.recvq, segment),
        };
        let Some(child) = self.add_child(listener, tag, Connected::new(path, tcb)) else { return };
        self.settle_child(now, child, segment, how);
        self.queue_child(listener, child, how);
    }

    /// Rings as the listener's options say.
    fn open_child_rings(&mut self, listener_index: u32, path: &Path) -> Option<Rings> {
        let listener = self.sockets.get(listener_index as usize)?;
        let options = listener.options.of_accepted();
        let host = &self.hosts[listener.host.0 as usize];
        let most = send_buffer_max(host, &options, path).max(options.send_buffer);
        let most = options.send_accounting.room(most);
        let mut rings = self.rings.open_passive(listener.tag, most, options.recv_buffer).ok()?;
        rings.sendq.set_limit(first_limit(host, &options, path));
        Some(rings)
    }

    /// The socket of a connection that the listener's program may accept, and its index.
    fn add_child(&mut self, listener_index: u32, tag: u64, connected: Connected) -> Option<u32> {
        let listener = self.sockets.get(listener_index as usize)?;
        let (host, tuple) = (listener.host, connected.path.tuple);
        let claim = listener.claim(Scope::One(tuple.local.ip()));
        let child = Socket {
            generation: 0,
            host,
            tag,
            family: listener.family,
            options: listener.options.of_accepted(),
            holder: Holder::Listener(listener_index),
            bound: Some(Bound { scope: claim.scope, port: tuple.local.port(), is_chosen: false }),
            hold: Hold::Connection(claim),
            rings: RingsState::Open,
            phase: Phase::Connected(Box::new(connected)),
            is_orphan: false,
            charged: 0,
            unread: None,
            last_info: None,
            schedule: Schedule::default(),
            reports: None,
            path_generation: 0,
        };
        let child = self.add_socket(child).index;
        let host = &mut self.hosts[host.0 as usize];
        host.ports.add_connection(tuple.local.port(), claim);
        host.demux.insert(tuple, Owner::Socket(child));
        Some(child)
    }

    /// What the program set on the listener holds, and what else the segment says is heard.
    fn settle_child(&mut self, now: Instant, child: u32, segment: &Segment<'_>, how: Completion) {
        let Some(socket) = self.sockets.get_mut(child as usize) else { return };
        let Holder::Listener(listener) = socket.holder else { return };
        socket.apply_options(now);
        if let Phase::Connected(connected) = &mut socket.phase {
            self.hosts[socket.host.0 as usize].ration(connected);
        }
        match (how, &mut socket.phase) {
            (Completion::Acknowledged { redeliver: true }, Phase::Connected(connected)) => {
                connected.tcb.redeliver(now, segment);
            }
            (Completion::Early, Phase::Connected(_)) => self.count_early(listener, child),
            (Completion::Acknowledged { .. } | Completion::Early, _) => {}
        }
    }

    /// The listener counts what began early, until it is complete.
    fn count_early(&mut self, listener_index: u32, child: u32) {
        let Some(listener) = self.sockets.get(listener_index as usize) else { return };
        let id = SocketId { index: listener_index, generation: listener.generation };
        if let Some(Phase::Connected(connected)) =
            self.sockets.get_mut(child as usize).map(|socket| &mut socket.phase)
        {
            connected.counted_by = Some(id);
        }
    }

    /// A connection waits to be accepted.
    fn queue_child(&mut self, listener_index: u32, child: u32, how: Completion) {
        if let Some(Phase::Listening(listener)) =
            self.sockets.get_mut(listener_index as usize).map(|listener| &mut listener.phase)
        {
            listener.accept_queue.push_back(child);
            if how == Completion::Early {
                listener.fast_open.on_begin();
            }
        }
        self.owe_socket(child);
        self.tell(listener_index, SocketEvent::Acceptable);
    }

    /// Passes the connection's events on, and ends it if they say so.
    pub(crate) fn take_events(&mut self, now: Instant, index: u32) {
        loop {
            let Some(socket) = self.sockets.get_mut(index as usize) else { return };
            let Phase::Connected(connected) = &mut socket.phase else { return };
            let Some(event) = connected.tcb.poll_event() else { return };
            match event {
                Event::Established => self.leave_fast_open_queue(now, index, Leaving::Complete),
                Event::Urgent => self.tell(index, SocketEvent::Urgent),
                Event::Readable => self.tell(index, SocketEvent::Readable),
                Event::Writable => self.tell(index, SocketEvent::Writable),
                Event::PeerClosed => {
                    connected.is_peer_closed = true;
                    self.tell(index, SocketEvent::EndOfFile);
                }
                Event::Drained => self.tell(index, SocketEvent::Drained),
                Event::TimeWait => self.enter_time_wait(now, index),
                Event::Closed => self.end(index),
                Event::Aborted(reason) => {
                    if reason == Reason::Reset {
                        self.leave_fast_open_queue(now, index, Leaving::Reset);
                    }
                    let Some(socket) = self.sockets.get_mut(index as usize) else { return };
                    let Phase::Connected(connected) = &mut socket.phase else { return };
                    let error = error_of(reason, connected);
                    if let Some(error) = error {
                        self.tell(index, SocketEvent::Failed(error));
                    }
                    self.end(index);
                }
            }
        }
    }

    fn leave_fast_open_queue(&mut self, now: Instant, index: u32, how: Leaving) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let Phase::Connected(connected) = &mut socket.phase else { return };
        let Some(listener) = connected.counted_by.take() else { return };
        let Ok(Socket { phase: Phase::Listening(listener), .. }) = self.find_mut(listener) else { return };
        match how {
            Leaving::Complete => listener.fast_open.on_complete(),
            Leaving::Reset => listener.fast_open.on_reset(now),
        }
    }

    /// Only a few words of the connection are kept, for 2MSL (3.10.7.4, 3.6).
    fn enter_time_wait(&mut self, now: Instant, index: u32) {
        self.note_progress(now, index);
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let Some(path) = socket.path() else { return };
        let Phase::Connected(mut connected) = std::mem::replace(&mut socket.phase, Phase::Over(path)) else {
            return;
        };
        if socket.holder != Holder::Nobody {
            socket.last_info = Some(connected.last_info(now));
        }
        socket.rings = RingsState::Over(connected.passed());
        socket.keep_unread(&mut connected.tcb);
        let time_wait = connected.tcb.into_time_wait(now);
        let claim = match std::mem::replace(&mut socket.hold, Hold::Nothing) {
            Hold::Connection(claim) => Some(claim),
            Hold::Nothing | Hold::Bound => None,
        };
        let here = &self.hosts[socket.host.0 as usize];
        if here.time_waits >= here.settings.max_tw_buckets {
            // Peers must not make it keep more: what comes late is answered with RST.
            if let Some(claim) = claim {
                let ports = &mut self.hosts[socket.host.0 as usize].ports;
                ports.remove_connection(path.tuple.local.port(), claim);
            }
            self.hosts[socket.host.0 as usize].demux.remove(&path.tuple, Owner::Socket(index));
            return self.leave_to_holder(index);
        }
        let expires = time_wait.expires();
        let (family, schedule) = (socket.family, Schedule::default());
        let waiting = Waiting { host: socket.host, family, path, claim, time_wait, schedule };
        let host = socket.host.0 as usize;
        let owner = Owner::TimeWait(self.time_waits.insert(waiting) as u32);
        self.hosts[host].demux.insert(path.tuple, owner);
        self.hosts[host].time_waits += 1;
        self.arm(owner, Some(expires));
        self.leave_to_holder(index);
    }

    /// The connection is over, and nothing of it is kept.
    pub(crate) fn end(&mut self, index: u32) {
        self.leave_fast_open_queue(self.now, index, Leaving::Complete);
        self.note_progress(self.now, index);
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let Some(path) = socket.path() else { return };
        if let Phase::Connected(mut connected) = std::mem::replace(&mut socket.phase, Phase::Over(path)) {
            if socket.holder != Holder::Nobody {
                socket.last_info = Some(connected.last_info(self.now));
            }
            socket.rings = RingsState::Over(connected.passed());
            socket.keep_unread(&mut connected.tcb);
        }
        self.hosts[socket.host.0 as usize].demux.remove(&path.tuple, Owner::Socket(index));
        self.release_port(index);
        self.rebind(index);
        self.leave_to_holder(index);
    }

    /// What is left of a socket whose connection is over belongs to its holder, if there is one.
    fn leave_to_holder(&mut self, index: u32) {
        self.note_progress(self.now, index);
        self.charge(index);
        self.tell(index, SocketEvent::Closed);
        if self.sockets.get(index as usize).is_some_and(|socket| socket.holder == Holder::Nobody) {
            self.free(index);
        }
    }

    /// 2MSL is over, or the connection is opened again.
    pub(crate) fn forget_time_wait(&mut self, index: u32) {
        let Some(waiting) = self.time_waits.try_remove(index as usize) else { return };
        let host = &mut self.hosts[waiting.host.0 as usize];
        host.time_waits -= 1;
        host.demux.remove(&waiting.path.tuple, Owner::TimeWait(index));
        if let Some(claim) = waiting.claim {
            host.ports.remove_connection(waiting.path.tuple.local.port(), claim);
        }
        if self.time_waits.is_empty() && self.time_waits.capacity() > KEPT_TIME_WAITS {
            self.time_waits = Slab::new();
        }
    }

    /// A handshake is over.
    pub(crate) fn forget_embryo(&mut self, index: u32) {
        let _ = self.take_embryo(index);
    }

    fn take_embryo(&mut self, index: u32) -> Option<crate::socket::Embryo> {
        let embryo = self.embryos.try_remove(index as usize)?;
        let listener = self.sockets.get_mut(embryo.listener as usize);
        self.hosts[embryo.host.0 as usize].demux.remove(&embryo.path.tuple, Owner::Embryo(index));
        if let Some(Phase::Listening(listener)) = listener.map(|listener| &mut listener.phase) {
            listener.syn_queue.remove(&index);
        }
        Some(embryo)
    }

    /// The socket is gone: nobody holds it, and the protocol is through with it.
    pub(crate) fn free(&mut self, index: u32) {
        self.release_port(index);
        let Some(mut socket) = self.sockets.try_remove(index as usize) else { return };
        let host = &mut self.hosts[socket.host.0 as usize];
        self.is_in_round |= host.memory.charge(&mut socket.charged, 0);
        host.memory.remove_socket();
        if socket.is_orphan {
            host.orphans = host.orphans.saturating_sub(1);
        }
        let (tag, passed) = (socket.tag, socket.passed());
        let has_rings = !matches!(socket.rings, RingsState::Closed);
        // The engine's halves of the rings go before the owner hears of it.
        drop(socket);
        if has_rings {
            self.rings.close(tag, passed);
        }
    }

    /// Gives back what the socket holds of its port.
    pub(crate) fn release_port(&mut self, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let ports = &mut self.hosts[socket.host.0 as usize].ports;
        let hold = std::mem::replace(&mut socket.hold, Hold::Nothing);
        match (hold, socket.bound) {
            (Hold::Bound, Some(bound)) => ports.unbind(bound.port, index),
            (Hold::Connection(claim), Some(bound)) => ports.remove_connection(bound.port, claim),
            (Hold::Nothing, _) | (_, None) => {}
        }
    }

    /// A port that the program chose stays the socket's when the connection is over; another does not.
    pub(crate) fn rebind(&mut self, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let ports = &mut self.hosts[socket.host.0 as usize].ports;
        match socket.bound {
            Some(bound) if bound.is_chosen => {
                ports.bind(bound.port, index, socket.claim(bound.scope));
                socket.hold = Hold::Bound;
            }
            Some(_) | None => socket.bound = None,
        }
    }

    /// Answers a segment that belongs to no connection (3.10.7.1).
    pub(crate) fn reset(&mut self, host: HostId, tuple: Tuple, segment: &Segment<'_>) {
        if let Some(header) = reset_for(segment) {
            self.hosts[host.0 as usize].counters.resets_sent += 1;
            self.replies.push_back(Reply { host, tuple, header });
        }
    }
}

impl Connected {
    fn new(path: Path, tcb: Tcb) -> Self {
        let asked = Asked::default();
        Self {
            path,
            tcb,
            is_peer_closed: false,
            is_send_shut: false,
            partner: None,
            is_rationed: false,
            asked,
            counted_by: None,
        }
    }
}

impl Socket {
    /// What the program has not read of its connection, which is over, still takes up memory.
    fn keep_unread(&mut self, tcb: &mut Tcb) {
        if self.holder != Holder::Nobody {
            self.unread = tcb.take_unread().map(Box::new);
        }
    }
}

/// What a program is told; nothing if it ended the connection itself.
fn error_of(reason: Reason, connected: &Connected) -> Option<Error> {
    match reason {
        Reason::Refused => Some(Error::ConnectionRefused),
        // As Linux in CLOSE-WAIT.
        Reason::Reset if connected.is_peer_closed && !connected.is_send_shut => Some(Error::BrokenPipe),
        Reason::Reset => Some(Error::ConnectionReset),
        // SHLD-25 (3.9.2.2): what came back meanwhile is the better reason.
        Reason::TimedOut => {
            let soft = connected.tcb.soft_error().and_then(|soft| Error::from_code(soft.0));
            Some(soft.unwrap_or(Error::TimedOut))
        }
        Reason::UserAbort => None,
    }
}
