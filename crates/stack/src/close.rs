//! shutdown(), close() and the doorbell.

use crate::demux::Owner;
use crate::listener::Listener;
use crate::network::Network;
use crate::socket::{Connected, Holder, Phase, RingsState};
use crate::{Error, Shutdown, SocketEvent, SocketId};
use sockeye_buffer::{RecvQ, SendQ};
use sockeye_clock::Instant;
use sockeye_tcb::State;

impl Network {
    /// shutdown(). Of a listener `Read` ends the listening; of a connection that is being opened all end the opening.
    ///
    /// # Errors
    /// `NotConnected`.
    pub fn shutdown(&mut self, now: Instant, id: SocketId, how: Shutdown) -> Result<(), Error> {
        self.now = self.now.max(now);
        match (&mut self.find_mut(id)?.phase, how) {
            (Phase::Idle | Phase::Over(_), _) => return Err(Error::NotConnected),
            (Phase::Listening(_), Shutdown::Write) => {}
            (Phase::Connected(connected), Shutdown::Read) => connected.tcb.shut_receive(),
            (Phase::Listening(_), Shutdown::Read | Shutdown::Both) => self.stop_listening(now, id.index),
            (Phase::Connecting(_), _) => self.fail_connect(id.index, Error::ConnectionReset),
            (Phase::Connected(connected), Shutdown::Write | Shutdown::Both) => {
                if how == Shutdown::Both {
                    connected.tcb.shut_receive();
                }
                connected.is_send_shut = true;
                connected.tcb.send(now);
                connected.tcb.close(now);
            }
        }
        self.owe_socket(id.index);
        Ok(())
    }

    /// The last holder is gone. FIN after SendQ drains; RST if RecvQ holds unread bytes or linger is 0. The id is invalid afterwards;
    /// `RingSource::close` tells when the slot is free (it is free at once if the socket never had rings).
    pub fn close(&mut self, now: Instant, id: SocketId) {
        self.now = self.now.max(now);
        let Ok(socket) = self.find_mut(id) else { return };
        let linger = socket.options.linger;
        socket.holder = Holder::Nobody;
        self.generation = self.generation.wrapping_add(1);
        let next = self.generation;
        let Ok(socket) = self.find_mut(id) else { return };
        // The orphan is another socket than the one that the caller knew.
        socket.generation = next;
        match &mut socket.phase {
            Phase::Idle | Phase::Over(_) => self.free(id.index),
            Phase::Listening(_) => {
                self.stop_listening(now, id.index);
                self.free(id.index);
            }
            Phase::Connecting(_) => {
                self.leave_connecting(id.index);
                self.free(id.index);
            }
            Phase::Connected(_) => self.close_connected(now, id.index, linger),
        }
    }

    fn close_connected(&mut self, now: Instant, index: u32, linger: Option<u32>) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let host = &mut self.hosts[socket.host.0 as usize];
        let Phase::Connected(connected) = &mut socket.phase else { return };
        connected.tcb.set_fin_timeout(socket.options.fin_timeout(&host.settings));
        connected.tcb.set_retries(host.settings.retries_of_orphan());
        host.orphans += 1;
        socket.is_orphan = true;
        close_connection(connected, now, linger);
        if connected.tcb.state() != State::Closed && host.must_end_orphan(&connected.tcb, 0) {
            connected.tcb.give_up();
            host.counters.aborts_on_memory += 1;
        }
        self.owe_socket(index);
    }

    /// The doorbell: the program may have written to SendQ or read from RecvQ.
    pub fn doorbell(&mut self, now: Instant, id: SocketId) {
        self.now = self.now.max(now);
        let Ok(socket) = self.find_mut(id) else { return };
        match &mut socket.phase {
            Phase::Connected(connected) => {
                connected.tcb.send(now);
                connected.tcb.receive(now);
            }
            Phase::Connecting(connecting) => connecting.launch_with_text(now),
            Phase::Over(_) => return self.look_at_unread(id.index),
            Phase::Idle | Phase::Listening(_) => return,
        }
        self.share_out(now, id.index);
        self.owe_socket(id.index);
    }

    /// Whether an open connection holds no text: nothing that is not acknowledged, and nothing that the program has not read.
    #[must_use]
    pub fn is_drained(&self, id: SocketId) -> bool {
        self.open_rings(id).is_some_and(|(sendq, recvq)| sendq.is_drained() && recvq.is_drained())
    }

    /// Bytes of an open connection that were acknowledged, and that arrived in order.
    #[must_use]
    pub fn passed(&self, id: SocketId) -> Option<(u64, u64)> {
        self.open_rings(id).map(|(sendq, recvq)| (sendq.head(), recvq.tail()))
    }

    /// Where the text in SendQ of an open connection is in its slot's memory: each place, and how many bytes.
    #[must_use]
    pub fn text_places(&self, id: SocketId) -> Option<[(usize, usize); 2]> {
        self.open_rings(id).map(|(sendq, _)| sendq.places())
    }

    fn open_rings(&self, id: SocketId) -> Option<(&SendQ, &RecvQ)> {
        match &self.find(id).ok()?.phase {
            Phase::Connected(connected) => Some(connected.tcb.rings()),
            Phase::Idle | Phase::Listening(_) | Phase::Connecting(_) | Phase::Over(_) => None,
        }
    }

    /// The program may have read what was left of a connection that is over.
    fn look_at_unread(&mut self, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        if let Some(unread) = &mut socket.unread {
            unread.refresh();
            if unread.is_empty() {
                socket.unread = None;
            }
        }
        self.charge(index);
    }

    /// Back to a bound socket. Handshakes are forgotten (an ACK that completes one is answered with a RST), connections that nobody
    /// accepted are reset.
    fn stop_listening(&mut self, now: Instant, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let Phase::Listening(listener) = std::mem::replace(&mut socket.phase, Phase::Idle) else { return };
        if let Some(bound) = socket.bound {
            self.hosts[socket.host.0 as usize].ports.set_listening(bound.port, index, false);
        }
        let Listener { syn_queue, accept_queue, .. } = *listener;
        for embryo in syn_queue {
            self.forget_embryo(embryo);
        }
        for child in accept_queue {
            let Some(socket) = self.sockets.get_mut(child as usize) else { continue };
            socket.holder = Holder::Nobody;
            if let Phase::Connected(connected) = &mut socket.phase {
                connected.tcb.abort(now);
                self.owe_socket(child);
            } else {
                self.free(child);
            }
        }
    }

    /// An active open ends without a connection; the socket can be used again.
    pub(crate) fn fail_connect(&mut self, index: u32, error: Error) {
        self.leave_connecting(index);
        self.tell(index, SocketEvent::Failed(error));
    }

    fn leave_connecting(&mut self, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let phase = std::mem::replace(&mut socket.phase, Phase::Idle);
        let Phase::Connecting(connecting) = phase else {
            socket.phase = phase;
            return;
        };
        let mut rings = connecting.rings;
        // Text for a SYN is lost with it.
        rings.sendq.refresh();
        rings.sendq.release(rings.sendq.len());
        socket.rings = RingsState::Spare(Box::new(rings));
        let host = &mut self.hosts[socket.host.0 as usize];
        host.demux.remove(&connecting.path.tuple, Owner::Socket(index));
        self.release_port(index);
        self.rebind(index);
        self.charge(index);
    }

    pub(crate) fn owe_socket(&mut self, index: u32) {
        self.owe(Owner::Socket(index));
    }
}

/// Nobody holds the connection any more.
fn close_connection(connected: &mut Connected, now: Instant, linger: Option<u32>) {
    connected.is_send_shut = true;
    // Every byte that was published counts, and so does every byte that was read.
    connected.tcb.send(now);
    connected.tcb.receive(now);
    let is_unread = !connected.tcb.rings_mut().1.is_empty();
    if is_unread || linger == Some(0) {
        // RFC 2525, section 2.17: the peer is told that data was lost.
        connected.tcb.abort(now);
    } else {
        connected.tcb.close(now);
        connected.tcb.orphan(now);
    }
}
