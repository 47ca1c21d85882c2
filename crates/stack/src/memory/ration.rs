//! What each connection may hold while the host is short of memory.

use super::{MemoryBounds, Sides};
use crate::HostId;
use crate::demux::Owner;
use crate::host::Host;
use crate::network::Network;
use crate::socket::{Connected, Phase, Socket};
use sockeye_buffer::Slot;
use sockeye_clock::Instant;
use sockeye_tcb::{MemoryEffects, Segment, Strain};

/// A change by less is not accounted for, bytes: near rings are there in any case. Linux accounts in pages.
pub(crate) const UNCHARGED: usize = Slot::NEAR;
/// Longer texts are charged at once, bytes.
const SOON: usize = MemoryBounds::PAGE as usize;
/// Sockets that one flush visits: with more others would wait for long.
const VISITS: usize = 512;

impl Host {
    /// Says to a connection what it may hold, if that is not what the limits of its queues say.
    #[inline]
    pub(crate) fn ration(&self, connected: &mut Connected) {
        if !self.memory.is_relaxed() || connected.is_rationed {
            self.ration_anew(connected);
        }
    }

    #[cold]
    fn ration_anew(&self, connected: &mut Connected) {
        let (sendq, recvq) = connected.tcb.rings();
        let held = Sides { send: sendq.len(), receive: recvq.len() + recvq.out_of_order_len() };
        let (send, receive) = (self.settings.send_buffer_bounds.0, self.settings.recv_buffer_bounds.0);
        let allowance = self.memory.allowance(held, Sides { send, receive });
        connected.tcb.allow(allowance);
        connected.is_rationed = allowance.strain != Strain::Relaxed;
    }

    /// What a connection holds has changed, or what it may hold. Returns whether connections are to be visited.
    #[inline(never)]
    pub(crate) fn account(&mut self, connected: &mut Connected, charged: &mut usize, held: usize) -> bool {
        let is_in_round = self.memory.charge(charged, held);
        self.ration(connected);
        is_in_round
    }

    /// A segment arrives at a connection, and is accounted for at once. Returns whether connections are to be visited.
    pub(crate) fn deliver(
        &mut self,
        now: Instant,
        (connected, charged): (&mut Connected, &mut usize),
        segment: &Segment<'_>,
    ) -> bool {
        self.ration(connected);
        connected.tcb.segment_arrives(now, segment);
        self.counters.add(connected.tcb.take_memory_effects());
        let held = connected.tcb.held();
        self.account(connected, charged, held)
    }
}

impl Connected {
    /// Nothing more is to be done for the connection now: its host accounts for what has changed. Returns whether connections are to be
    /// visited.
    #[inline]
    pub(crate) fn settle(&mut self, hosts: &mut [Host], host: HostId, charged: &mut usize) -> bool {
        let held = self.tcb.held();
        // The difference is less than UNCHARGED either way, by one comparison.
        let is_little = held.wrapping_sub(*charged).wrapping_add(UNCHARGED - 1) < 2 * UNCHARGED - 1;
        (self.is_rationed || !is_little) && hosts[host.0 as usize].account(self, charged, held)
    }

    /// Whether it is soon enough to account for the segment when the connection is served: before its sender has a second turn.
    #[inline]
    pub(crate) fn can_wait(&self, segment: &Segment<'_>) -> bool {
        segment.text.len() < SOON && !self.is_rationed
    }
}

impl crate::Counters {
    fn add(&mut self, effects: MemoryEffects) {
        self.prune_called += u64::from(effects.prune_called);
        self.recv_pruned += u64::from(effects.recv_pruned);
        self.out_of_order_pruned += u64::from(effects.out_of_order_pruned);
        self.recv_drops += u64::from(effects.recv_dropped);
        self.out_of_order_drops += u64::from(effects.out_of_order_dropped);
    }
}

impl Socket {
    /// Bytes in its queues.
    pub(crate) fn held(&self) -> usize {
        match &self.phase {
            Phase::Connected(connected) => connected.tcb.held(),
            Phase::Connecting(connecting) => connecting.rings.sendq.len(),
            Phase::Over(_) => self.unread.as_ref().map_or(0, |unread| unread.len()),
            Phase::Idle | Phase::Listening(_) => 0,
        }
    }
}

impl Network {
    /// The queues of a socket may have changed.
    #[inline]
    pub(crate) fn charge(&mut self, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let held = socket.held();
        self.is_in_round |= self.hosts[socket.host.0 as usize].memory.charge(&mut socket.charged, held);
    }

    /// Visits connections that rest, some in each flush: what their programs have read is found out, and they learn what they may hold.
    #[cold]
    pub(crate) fn visit(&mut self, now: Instant) {
        for host in 0..self.hosts.len() {
            let Some(from) = self.hosts[host].memory.round().take() else { continue };
            let end = (from + VISITS).min(self.sockets.capacity());
            for index in from..end {
                self.visit_one(now, HostId(host as u32), index);
            }
            // Unless a new round has begun meanwhile.
            if end < self.sockets.capacity() {
                self.hosts[host].memory.round().get_or_insert(end);
            }
        }
        self.is_in_round = self.hosts.iter().any(|host| host.memory.is_in_round());
    }

    fn visit_one(&mut self, now: Instant, host: HostId, index: usize) {
        let Some(socket) = self.sockets.get_mut(index).filter(|socket| socket.host == host) else { return };
        let here = &mut self.hosts[host.0 as usize];
        let Phase::Connected(connected) = &mut socket.phase else {
            if let Some(unread) = &mut socket.unread {
                unread.refresh();
            }
            return self.charge(index as u32);
        };
        connected.tcb.send(now);
        connected.tcb.receive(now);
        let held = connected.tcb.held();
        self.is_in_round |= here.account(connected, &mut socket.charged, held);
        // Window updates for which there is room now.
        connected.tcb.receive(now);
        self.owe(Owner::Socket(index as u32));
    }
}
