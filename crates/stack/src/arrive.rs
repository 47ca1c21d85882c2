//! Segments that arrive: from a link or from the host itself, to a connection, a handshake, a listener, or nobody.

use crate::connect::config;
use crate::demux::{Owner, Tuple};
use crate::fast_open::Verdict;
use crate::lifecycle::Completion;
use crate::network::Network;
use crate::route::{Path, is_unicast};
use crate::socket::{Embryo, Phase, Schedule};
use crate::{Error, HostId};
use sockeye_buffer::Text;
use sockeye_clock::Instant;
use sockeye_tcb::{Handshake, Progress, Reason, Segment, TimeWaitVerdict};
use sockeye_wire::{Ecn, Flags, IpHeader, Protocol, SeqNum, TcpHeader, tcp};
use std::net::SocketAddr;

/// A segment that may open a connection.
#[derive(Clone, Copy)]
pub(crate) struct Opening<'a> {
    pub(crate) segment: &'a Segment<'a>,
    /// The last sequence number of the connection's incarnation that was in TIME-WAIT: the new ISS must be after it.
    pub(crate) last: Option<SeqNum>,
}

impl Network {
    /// A packet came out of a link.
    pub(crate) fn packet_arrives(&mut self, now: Instant, host: HostId, packet: &[u8]) {
        let here = &mut self.hosts[host.0 as usize];
        here.counters.packets_received += 1;
        let Ok((ip, range)) = IpHeader::parse(packet) else {
            here.counters.bad_headers += 1;
            return self.packet_is_refused(now, host, packet);
        };
        // MUST-46, MUST-57, MUST-63 (3.9.2.3): no segment to or from an address of many hosts is looked at. Loopback addresses must
        // not be seen on a link (RFC 1122, section 3.2.1.3), nor our own as a source.
        let is_from_peer = is_unicast(ip.src) && !here.routes.is_own(ip.src);
        if !is_from_peer || !here.routes.is_own(ip.dst) || ip.dst.is_loopback() {
            here.counters.bad_addresses += 1;
            return;
        }
        let Some(payload) = packet.get(range) else { return };
        match ip.protocol {
            Protocol::Tcp => self.tcp_arrives(now, host, &ip, payload),
            Protocol::Icmp | Protocol::Icmpv6 => self.icmp_arrives(now, host, &ip, payload),
            Protocol::Other(number) => self.protocol_is_unknown(now, host, packet, number),
        }
    }

    fn tcp_arrives(&mut self, now: Instant, host: HostId, ip: &IpHeader, payload: &[u8]) {
        let counters = &mut self.hosts[host.0 as usize].counters;
        // MUST-3 (3.1).
        if !tcp::verify_checksum(ip.src, ip.dst, payload) {
            counters.bad_checksums += 1;
            return;
        }
        let Ok((header, length)) = TcpHeader::parse(payload) else {
            counters.bad_headers += 1;
            return;
        };
        let text = Text::from(payload.get(length..).unwrap_or(&[]));
        let local = SocketAddr::new(ip.dst, header.dst_port);
        let remote = SocketAddr::new(ip.src, header.src_port);
        if self.is_from_too_far(host, &Tuple::new(local, remote), ip.hop_limit) {
            self.hosts[host.0 as usize].counters.min_hop_limit_drops += 1;
            return;
        }
        self.segment_arrives(
            now,
            host,
            Tuple::new(local, remote),
            &Segment { header: &header, text, ecn: Ecn::of(ip.traffic_class) },
        );
    }

    /// RFC 5082: whether the segment's socket wants more of a hop limit.
    fn is_from_too_far(&self, host: HostId, tuple: &Tuple, hop_limit: u8) -> bool {
        let here = &self.hosts[host.0 as usize];
        if !here.checks_hop_limits {
            return false;
        }
        let index = match here.demux.find(tuple) {
            Some(Owner::Socket(index)) => Some(index),
            Some(Owner::Embryo(index)) => self.embryos.get(index as usize).map(|embryo| embryo.listener),
            Some(Owner::TimeWait(_)) => None,
            None => {
                let choice = here.listener_choice.secret_of(tuple);
                here.ports.listener(tuple.local.port(), tuple.local.ip(), choice)
            }
        };
        let socket = index.and_then(|index| self.sockets.get(index as usize));
        socket.is_some_and(|socket| hop_limit < socket.options.ip.of(tuple.remote.ip()).min_hop_limit)
    }

    /// A segment arrived on a host. It is only taken in: what it causes to be sent is owed.
    pub(crate) fn segment_arrives(
        &mut self,
        now: Instant,
        host: HostId,
        tuple: Tuple,
        segment: &Segment<'_>,
    ) {
        match self.hosts[host.0 as usize].demux.find(&tuple) {
            Some(Owner::Socket(index)) => self.socket_segment(now, index, segment),
            Some(Owner::Embryo(index)) => self.embryo_segment(now, index, segment),
            Some(Owner::TimeWait(index)) => self.time_wait_segment(now, index, segment),
            None => self.listener_segment(now, host, tuple, Opening { segment, last: None }),
        }
    }

    fn socket_segment(&mut self, now: Instant, index: u32, segment: &Segment<'_>) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        match &mut socket.phase {
            Phase::Connected(connected) => {
                if connected.can_wait(segment) {
                    connected.tcb.segment_arrives(now, segment);
                } else {
                    let here = &mut self.hosts[socket.host.0 as usize];
                    self.is_in_round |= here.deliver(now, (connected, &mut socket.charged), segment);
                }
                if connected.tcb.owes_challenge() {
                    let here = &mut self.hosts[socket.host.0 as usize];
                    if !here.challenges.takes(now, here.settings.challenge_ack_limit, &mut self.rng) {
                        connected.tcb.withdraw_challenge();
                    }
                }
            }
            Phase::Connecting(connecting) => {
                let progress = connecting.handshake.segment_arrives(now, segment);
                self.active_progress(now, index, progress, Some(segment));
            }
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => return,
        }
        self.owe_socket(index);
    }

    /// An active handshake went on.
    pub(crate) fn active_progress(
        &mut self,
        now: Instant,
        index: u32,
        progress: Progress,
        segment: Option<&Segment<'_>>,
    ) {
        match progress {
            Progress::Waiting => {}
            Progress::Established { redeliver } => {
                self.complete_active(now, index, segment.filter(|_| redeliver));
            }
            // A simultaneous open was reset (3.10.7.4, second step: "connection refused").
            Progress::BackToListen => self.fail_connect(index, Error::ConnectionRefused),
            Progress::Failed(reason) => {
                let error = match reason {
                    Reason::Refused => Error::ConnectionRefused,
                    Reason::Reset => Error::ConnectionReset,
                    Reason::TimedOut => Error::TimedOut,
                    Reason::UserAbort => Error::ConnectionAborted,
                };
                self.fail_connect(index, error);
            }
        }
    }

    fn embryo_segment(&mut self, now: Instant, index: u32, segment: &Segment<'_>) {
        let Some(embryo) = self.embryos.get_mut(index as usize) else { return };
        let flags = segment.header.flags;
        let may_complete = flags.contains(Flags::ACK) && !flags.intersects(Flags::RST | Flags::SYN);
        let listener = self.sockets.get(embryo.listener as usize).map(|listener| &listener.phase);
        if let Some(Phase::Listening(listener)) = listener
            && may_complete
            && listener.is_accept_queue_full()
        {
            // As Linux: the ACK is forgotten, and the SYN-ACK will be sent again.
            let host = embryo.host;
            let here = &mut self.hosts[host.0 as usize];
            here.counters.accept_overflows += 1;
            if here.settings.abort_on_overflow {
                let tuple = embryo.path.tuple;
                self.forget_embryo(index);
                self.reset(host, tuple, segment);
            }
            return;
        }
        let deferring =
            self.sockets.get(embryo.listener as usize).map(|socket| socket.options.tcp.defer_accept);
        if may_complete && deferring.is_some_and(|limit| embryo.handshake.defers(segment, limit)) {
            return self.owe(Owner::Embryo(index));
        }
        match embryo.handshake.segment_arrives(now, segment) {
            Progress::Waiting => self.owe(Owner::Embryo(index)),
            Progress::Established { redeliver } => {
                self.complete_passive(now, index, segment, Completion::Acknowledged { redeliver });
            }
            Progress::BackToListen | Progress::Failed(_) => self.forget_embryo(index),
        }
    }

    fn time_wait_segment(&mut self, now: Instant, index: u32, segment: &Segment<'_>) {
        let Some(waiting) = self.time_waits.get_mut(index as usize) else { return };
        let (host, tuple) = (waiting.host, waiting.path.tuple);
        match waiting.time_wait.segment_arrives(now, segment) {
            TimeWaitVerdict::Discard => {}
            TimeWaitVerdict::Reply(header) => {
                self.replies.push_back(crate::lifecycle::Reply { host, tuple, header });
            }
            TimeWaitVerdict::Reopen(last) => {
                self.forget_time_wait(index);
                self.listener_segment(now, host, tuple, Opening { segment, last: Some(last) });
            }
            TimeWaitVerdict::Gone => self.forget_time_wait(index),
        }
    }

    /// 3.10.7.1 and 3.10.7.2: the state is LISTEN or CLOSED.
    fn listener_segment(&mut self, now: Instant, host: HostId, tuple: Tuple, opening: Opening<'_>) {
        let segment = opening.segment;
        let here = &self.hosts[host.0 as usize];
        let choice = || here.listener_choice.secret_of(&tuple);
        let listener = here.ports.listener(tuple.local.port(), tuple.local.ip(), choice());
        let flags = segment.header.flags;
        match listener {
            _ if flags.contains(Flags::RST) => {}
            None => self.reset(host, tuple, segment),
            Some(index) if flags.contains(Flags::ACK) => {
                if !self.take_syn_cookie(now, index, tuple, segment) {
                    self.reset(host, tuple, segment);
                }
            }
            // Neither RST, ACK nor SYN: it is dropped.
            Some(_) if !flags.contains(Flags::SYN) => {}
            Some(index) => self.syn_arrives(now, index, tuple, opening),
        }
    }

    fn syn_arrives(&mut self, now: Instant, listener_index: u32, tuple: Tuple, opening: Opening<'_>) {
        let Some(socket) = self.sockets.get_mut(listener_index as usize) else { return };
        let here = &mut self.hosts[socket.host.0 as usize];
        let Phase::Listening(listener) = &mut socket.phase else { return };
        if listener.is_accept_queue_full() {
            here.counters.syns_discarded += 1;
            return;
        }
        let Some(via) = here.routes.via(tuple.remote.ip()) else { return };
        let (host, path) = (socket.host, Path { tuple, via });
        if self.is_syn_settled(now, host, (listener_index, path), &opening) {
            return;
        }
        let Some(socket) = self.sockets.get_mut(listener_index as usize) else { return };
        let here = &mut self.hosts[socket.host.0 as usize];
        let Phase::Listening(listener) = &mut socket.phase else { return };
        let iss = match opening.last {
            Some(last) => here.isn.number_after(now, &tuple, last),
            None => here.isn.number(now, &tuple),
        };
        here.paths.forget_expired(now);
        let config = config(here, &self.wires, &socket.options, &path, iss);
        let mut handshake = Handshake::passive(now, config, opening.segment);
        let fast_open = (&socket.options, &mut listener.fast_open);
        let verdict = here.judge_syn(now, &tuple, fast_open, opening.segment);
        let is_early = matches!(verdict, Verdict::Early(_));
        let (Verdict::Ordinary(answer) | Verdict::Early(answer)) = verdict;
        if let Some(cookie) = answer {
            handshake.answer_fast_open(cookie);
        }
        let schedule = Schedule::default();
        let embryo = Embryo { host: socket.host, listener: listener_index, path, handshake, schedule };
        let index = self.embryos.insert(embryo) as u32;
        listener.syn_queue.insert(index);
        here.demux.insert(tuple, Owner::Embryo(index));
        if is_early {
            here.counters.fast_opens_passive += 1;
            self.complete_passive(now, index, opening.segment, Completion::Early);
        } else {
            self.owe(Owner::Embryo(index));
        }
    }
}
