//! setsockopt() and getsockopt(): when an option may be set, and whom it concerns at once.

use crate::network::Network;
use crate::socket::{Hold, Phase, Socket};
use crate::{Error, Family, Mark, OptionName, SocketId, SocketOption, congestion};
use sockeye_buffer::{RecvQ, SendQ};
use sockeye_clock::Instant;

/// TCP_MSS_DEFAULT: MUST-15 (3.7.1), bytes.
const DEFAULT_MSS: u32 = 536;

impl Network {
    /// setsockopt(). Buffer sizes: doubled, cut, floored as Linux (send floor 4608, receive floor 2304).
    ///
    /// # Errors
    /// `InvalidArgument` for a value out of bounds, or too late; `NoSuchOption` for an IPv6 option of an IPv4 socket.
    pub fn set_option(&mut self, now: Instant, id: SocketId, option: SocketOption) -> Result<(), Error> {
        self.now = self.now.max(now);
        let socket = self.find_mut(id)?;
        check_family(option.name(), socket.family)?;
        check_phase(option, socket)?;
        let host = socket.host.0 as usize;
        let is_for_clients = matches!(option, SocketOption::FastOpenConnect(_));
        if is_for_clients && !self.hosts[host].settings.has_fast_open_clients() {
            return Err(Error::NotSupported);
        }
        let (socket, host) = (&mut self.sockets[id.index as usize], &mut self.hosts[host]);
        let stamped = socket.options.timestamping;
        socket.options.set(option, &host.settings)?;
        match option.name() {
            OptionName::ReuseAddress | OptionName::ReusePort => {
                if let (Hold::Bound, Some(bound)) = (socket.hold, socket.bound) {
                    host.ports.bind(bound.port, id.index, socket.claim(bound.scope));
                }
            }
            OptionName::SendBuffer => socket.apply_send_buffer(),
            OptionName::ReceiveBuffer => socket.apply_recv_buffer(),
            OptionName::SynCount | OptionName::FastOpen => socket.apply_to_handshakes(),
            OptionName::UserTimeout => {
                socket.apply_to_handshakes();
                socket.apply_option(now, OptionName::UserTimeout);
            }
            OptionName::MinTimeToLive | OptionName::MinHopLimit => host.checks_hop_limits = true,
            OptionName::Congestion => {
                let control = congestion::control_of(&socket.options, &host.settings);
                if let Phase::Connected(connected) = &mut socket.phase {
                    connected.tcb.set_congestion_control(now, control);
                }
            }
            OptionName::Timestamping => self.start_stamps(id.index, stamped),
            OptionName::NotSentLowat => {
                socket.tell_notsent_lowat();
                socket.apply_option(now, OptionName::NotSentLowat);
            }
            _ => socket.apply_option(now, option.name()),
        }
        self.owe_socket(id.index);
        Ok(())
    }

    /// The program has set TCP_NOTSENT_LOWAT of a connection in the slot.
    pub fn look_at_notsent_lowat(&mut self, now: Instant, id: SocketId) {
        let Ok(socket) = self.find_mut(id) else { return };
        let Phase::Connected(connected) = &socket.phase else { return };
        socket.options.tcp.notsent_lowat = connected.tcb.rings().0.notsent_low();
        socket.apply_option(now, OptionName::NotSentLowat);
        self.owe_socket(id.index);
    }

    /// Says something of the bytes before `offset` of what the program sends, counted from the start of the stream. More and
    /// EndOfRecord must come before they are published.
    ///
    /// # Errors
    /// `BadDescriptor`.
    pub fn mark(&mut self, now: Instant, id: SocketId, mark: Mark, offset: u64) -> Result<(), Error> {
        if matches!(mark, Mark::ZeroCopy | Mark::Stamp) {
            return self.mark_report(now, id, mark, offset);
        }
        if let Phase::Connected(connected) = &mut self.find_mut(id)?.phase {
            let mark = match mark {
                Mark::More => sockeye_tcb::Mark::More,
                Mark::EndOfRecord => sockeye_tcb::Mark::EndOfRecord,
                Mark::Urgent => sockeye_tcb::Mark::Urgent,
                Mark::ZeroCopy | Mark::Stamp => return Ok(()),
            };
            connected.tcb.mark(mark, offset);
        }
        Ok(())
    }

    /// getsockopt().
    ///
    /// # Errors
    /// `NoSuchOption` for an IPv6 option of an IPv4 socket.
    pub fn option(&self, id: SocketId, name: OptionName) -> Result<SocketOption, Error> {
        let socket = self.find(id)?;
        check_family(name, socket.family)?;
        if let Some(option) = socket.option_in_force(name) {
            return Ok(option);
        }
        let here = &self.hosts[socket.host.0 as usize];
        Ok(match name {
            OptionName::MaxSegment => SocketOption::MaxSegment(socket.max_segment()),
            _ => socket.options.read(name, &here.settings).ok_or(Error::NoSuchOption)?,
        })
    }
}

/// The options of IPv6 are IPv6 sockets' alone; those of IPv4 are both's, as on Linux.
fn check_family(name: OptionName, family: Family) -> Result<(), Error> {
    let is_of_v6 = matches!(
        name,
        OptionName::V6Only
            | OptionName::TrafficClass
            | OptionName::HopLimit
            | OptionName::MtuDiscover6
            | OptionName::ReceiveErrors6
            | OptionName::MinHopLimit
    );
    match (is_of_v6, family) {
        (true, Family::V4) => Err(Error::NoSuchOption),
        (true, Family::V6) | (false, _) => Ok(()),
    }
}

/// What comes too late, or too early.
fn check_phase(option: SocketOption, socket: &Socket) -> Result<(), Error> {
    /// SOF_TIMESTAMPING_OPT_ID: counts from what is sent, so there must be a connection.
    const OPT_ID: u32 = 1 << 7;
    let is_idle = matches!(socket.phase, Phase::Idle | Phase::Over(_));
    let is_listener = matches!(socket.phase, Phase::Listening(_));
    let is_allowed = match option {
        SocketOption::V6Only(_) => socket.bound.is_none(),
        SocketOption::FastOpen(_) | SocketOption::FastOpenNoCookie(_) => is_idle || is_listener,
        SocketOption::FastOpenConnect(_) | SocketOption::WindowClamp(0) => is_idle,
        SocketOption::Timestamping(flags) => {
            flags & OPT_ID == 0 || socket.options.timestamping & OPT_ID != 0 || !(is_idle || is_listener)
        }
        _ => true,
    };
    if is_allowed { Ok(()) } else { Err(Error::InvalidArgument) }
}

impl Network {
    /// Whether a program that waits for room is told to write if the socket's SendQ holds `held` bytes: when a third of SO_SNDBUF, as
    /// [`Settings::packet_accounting`](crate::Settings::packet_accounting) has it counted, is free. True for a socket without
    /// connection.
    #[must_use]
    pub fn has_send_room(&self, id: SocketId, held: usize) -> bool {
        match self.find(id).map(|socket| &socket.phase) {
            Ok(Phase::Connected(connected)) => connected.tcb.has_send_room(held),
            _ => true,
        }
    }
}

impl Socket {
    /// Brings the connection's SendQ to the size in force, which it keeps from now on.
    fn apply_send_buffer(&mut self) {
        let size = self.options.send_buffer;
        let room = self.options.send_accounting.room(size);
        if let Some((sendq, _)) = self.rings_mut().filter(|(sendq, _)| sendq.limit() != room) {
            sendq.set_limit(room);
        }
        if let Phase::Connected(connected) = &mut self.phase {
            connected.tcb.fix_send_buffer(size);
        }
    }

    /// Brings the connection's RecvQ to the size in force, which it keeps from now on.
    fn apply_recv_buffer(&mut self) {
        let size = self.options.recv_buffer;
        if let Some((_, recvq)) = self.rings_mut().filter(|(_, recvq)| recvq.limit() != size) {
            recvq.set_limit(size);
        }
        if let Phase::Connected(connected) = &mut self.phase {
            connected.tcb.fix_receive_buffer();
        }
    }

    fn rings_mut(&mut self) -> Option<(&mut SendQ, &mut RecvQ)> {
        match &mut self.phase {
            Phase::Connecting(connecting) => Some((&mut connecting.rings.sendq, &mut connecting.rings.recvq)),
            Phase::Connected(connected) => Some(connected.tcb.rings_mut()),
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => None,
        }
    }

    /// What only the connection knows of an option.
    fn option_in_force(&self, name: OptionName) -> Option<SocketOption> {
        let Phase::Connected(connected) = &self.phase else { return None };
        match name {
            OptionName::QuickAck => Some(SocketOption::QuickAck(u32::from(connected.tcb.is_quick_ack()))),
            OptionName::SendBuffer => {
                let size = connected.tcb.send_limit();
                Some(SocketOption::SendBuffer(u32::try_from(size).unwrap_or(u32::MAX)))
            }
            OptionName::ReceiveBuffer => {
                let size = connected.tcb.recv_limit();
                Some(SocketOption::ReceiveBuffer(u32::try_from(size).unwrap_or(u32::MAX)))
            }
            _ => None,
        }
    }

    /// What counts for a SYN that is out, and for a listener that listens.
    fn apply_to_handshakes(&mut self) {
        match &mut self.phase {
            Phase::Connecting(connecting) => {
                connecting.handshake.set_user_timeout(self.options.user_timeout());
                if self.options.tcp.syn_count != 0 {
                    connecting.handshake.set_syn_retries(self.options.tcp.syn_count);
                }
            }
            Phase::Listening(listener) => listener.fast_open.max = self.options.tcp.fast_open,
            Phase::Idle | Phase::Connected(_) | Phase::Over(_) => {}
        }
    }

    /// TCP_MAXSEG as it is read: of a connection what a segment carries now; else what was set, or the default of RFC 9293 (3.7.1).
    fn max_segment(&self) -> u32 {
        match &self.phase {
            Phase::Connected(connected) => connected.tcb.status().eff_snd_mss,
            Phase::Connecting(connecting) => connecting.handshake.mss(),
            Phase::Idle | Phase::Listening(_) | Phase::Over(_) => match self.options.max_segment {
                0 => DEFAULT_MSS,
                bytes => bytes,
            },
        }
    }

    /// Tells the connection the options that it has to know.
    pub(crate) fn apply_options(&mut self, now: Instant) {
        let names = [
            OptionName::NoDelay,
            OptionName::Cork,
            OptionName::KeepAlive,
            OptionName::UserTimeout,
            OptionName::OobInline,
            OptionName::RtoMax,
        ];
        for name in names {
            self.apply_option(now, name);
        }
        self.tell_notsent_lowat();
        if self.options.notsent_lowat().is_some() {
            self.apply_option(now, OptionName::NotSentLowat);
        }
        if let Phase::Connected(connected) = &mut self.phase {
            // Sizes that the program chose while the connection was made.
            if self.options.is_send_fixed {
                connected.tcb.fix_send_buffer(self.options.send_buffer);
            }
            if self.options.is_recv_fixed {
                connected.tcb.fix_receive_buffer();
            }
        }
        if self.options.tcp.quick_ack == 0 {
            self.apply_option(now, OptionName::QuickAck);
        }
    }

    /// Tells the program's side TCP_NOTSENT_LOWAT, which it may change there from now on.
    fn tell_notsent_lowat(&self) {
        if let Phase::Connected(connected) = &self.phase {
            let low = self.options.tcp.notsent_lowat;
            connected.tcb.rings().0.set_notsent_low(low, self.options.notsent_default());
            connected.tcb.tell_goal();
        }
    }

    /// Tells the connection one option that has changed. Most are looked at when they are needed.
    fn apply_option(&mut self, now: Instant, name: OptionName) {
        let Phase::Connected(connected) = &mut self.phase else { return };
        match name {
            OptionName::NoDelay => connected.tcb.set_nagle(now, !self.options.no_delay),
            OptionName::KeepAlive
            | OptionName::KeepIdle
            | OptionName::KeepInterval
            | OptionName::KeepCount => {
                connected.tcb.set_keep_alive(now, self.options.keep_alive_times());
            }
            OptionName::OobInline => connected.tcb.rings_mut().1.set_inline(self.options.oob_inline),
            OptionName::UserTimeout => connected.tcb.set_user_timeout(self.options.user_timeout()),
            OptionName::QuickAck => connected.tcb.set_quick_ack(self.options.tcp.quick_ack),
            OptionName::WindowClamp => connected.tcb.set_window_clamp(self.options.window_clamp()),
            OptionName::NotSentLowat => connected.tcb.set_notsent_lowat(self.options.notsent_lowat()),
            OptionName::Cork => connected.tcb.set_cork(now, self.options.tcp.cork),
            OptionName::RtoMax => {
                if let Some(max) = self.options.rto_max() {
                    connected.tcb.set_rto_max(max);
                }
            }
            OptionName::ThinLinearTimeouts => {
                connected.tcb.set_thin_linear_timeouts(self.options.tcp.thin_linear_timeouts);
            }
            OptionName::MaxPacingRate => connected.tcb.set_max_pacing_rate(self.options.max_pacing_rate),
            _ => {}
        }
    }
}
