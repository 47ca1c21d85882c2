//! TCP_INFO: what Linux's `struct tcp_info` tells.

mod kept;

pub(crate) use kept::Asked;
pub use kept::KeptInfo;

use crate::network::Network;
use crate::socket::{Connected, Phase};
use crate::{Error, SocketId};
use serde::{Deserialize, Serialize};
use sockeye_clock::Instant;
use sockeye_tcb::{Info, State};
use std::time::Duration;

/// TCP_INFINITE_SSTHRESH.
const NO_THRESHOLD: u32 = 0x7fff_ffff;
/// Segments with which a connection begins.
const INITIAL_WINDOW: u32 = 10;

/// Makes [`TcpInfo`], with its fields in Linux's order.
macro_rules! tcp_info {
    ($($name:ident: $number:ty,)*) => {
        /// The numbers of Linux's `struct tcp_info` (6.18), in its order and under its names without `tcpi_`. docs/tcp_info.md says
        /// what each means, and which are always 0.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[allow(missing_docs)]
        pub struct TcpInfo {
            $(pub $name: $number,)*
        }

        impl TcpInfo {
            /// The names of the fields, in order.
            pub const FIELDS: &[&str] = &[$(stringify!($name),)*];

            /// Bytes of them all.
            pub const SIZE: usize = 0 $(+ size_of::<$number>())*;

            /// As Linux lays them out: there are no gaps between them.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; Self::SIZE] {
                let mut bytes = [0; Self::SIZE];
                let mut rest = &mut bytes[..];
                $(rest = put(rest, &self.$name.to_ne_bytes());)*
                debug_assert!(rest.is_empty());
                bytes
            }

            /// What [`to_bytes`](Self::to_bytes) made.
            fn from_bytes(bytes: &[u8; Self::SIZE]) -> Self {
                let mut rest = &bytes[..];
                let info = Self { $($name: <$number>::from_ne_bytes(take(&mut rest)),)* };
                debug_assert!(rest.is_empty());
                info
            }
        }
    };
}

tcp_info! {
    state: u8,
    ca_state: u8,
    retransmits: u8,
    probes: u8,
    backoff: u8,
    options: u8,
    wscale: u8,
    flags: u8,
    rto: u32,
    ato: u32,
    snd_mss: u32,
    rcv_mss: u32,
    unacked: u32,
    sacked: u32,
    lost: u32,
    retrans: u32,
    fackets: u32,
    last_data_sent: u32,
    last_ack_sent: u32,
    last_data_recv: u32,
    last_ack_recv: u32,
    pmtu: u32,
    rcv_ssthresh: u32,
    rtt: u32,
    rttvar: u32,
    snd_ssthresh: u32,
    snd_cwnd: u32,
    advmss: u32,
    reordering: u32,
    rcv_rtt: u32,
    rcv_space: u32,
    total_retrans: u32,
    pacing_rate: u64,
    max_pacing_rate: u64,
    bytes_acked: u64,
    bytes_received: u64,
    segs_out: u32,
    segs_in: u32,
    notsent_bytes: u32,
    min_rtt: u32,
    data_segs_in: u32,
    data_segs_out: u32,
    delivery_rate: u64,
    busy_time: u64,
    rwnd_limited: u64,
    sndbuf_limited: u64,
    delivered: u32,
    delivered_ce: u32,
    bytes_sent: u64,
    bytes_retrans: u64,
    dsack_dups: u32,
    reord_seen: u32,
    rcv_ooopack: u32,
    snd_wnd: u32,
    rcv_wnd: u32,
    rehash: u32,
    total_rto: u16,
    total_rto_recoveries: u16,
    total_rto_time: u32,
    received_ce: u32,
    delivered_e1_bytes: u32,
    delivered_e0_bytes: u32,
    delivered_ce_bytes: u32,
    received_e1_bytes: u32,
    received_e0_bytes: u32,
    received_ce_bytes: u32,
    accecn_fail_mode: u16,
    accecn_opt_seen: u16,
}

/// Puts a field's bytes where there is room for it; the room behind them.
fn put<'a, const N: usize>(room: &'a mut [u8], field: &[u8; N]) -> &'a mut [u8] {
    let (place, rest) = room.split_at_mut(N);
    place.copy_from_slice(field);
    rest
}

/// Takes a field's bytes, of which there are enough.
fn take<const N: usize>(bytes: &mut &[u8]) -> [u8; N] {
    let (field, rest) = bytes.split_first_chunk().unwrap_or((&[0; N], &[]));
    *bytes = rest;
    *field
}

impl Network {
    /// TCP_INFO.
    ///
    /// # Errors
    /// `BadDescriptor`.
    pub fn tcp_info(&mut self, now: Instant, id: SocketId) -> Result<TcpInfo, Error> {
        self.now = self.now.max(now);
        let socket = self.find_mut(id)?;
        let mut info = match &mut socket.phase {
            Phase::Idle => TcpInfo::of_state(State::Closed),
            // As Linux: what it was when it ended.
            Phase::Over(_) => {
                let last = socket.last_info.as_deref();
                last.copied().unwrap_or_else(|| TcpInfo::of_state(State::Closed))
            }
            // As Linux: how many wait to be accepted, and how many may.
            Phase::Listening(listener) => TcpInfo {
                unacked: u32::try_from(listener.accept_queue.len()).unwrap_or(u32::MAX),
                sacked: listener.backlog,
                ..TcpInfo::of_state(State::Listen)
            },
            Phase::Connecting(connecting) => TcpInfo::of_state(connecting.handshake.state()),
            Phase::Connected(connected) => {
                connected.tcb.send(now);
                connected.tcp_info(now)
            }
        };
        info.max_pacing_rate = socket.options.max_pacing_rate;
        // What was just seen of its text is to be sent, and accounted for.
        self.owe_socket(id.index);
        Ok(info)
    }

    /// A program has asked for TCP_INFO. If it does so often, a copy is kept for it where it finds it: [`KeptInfo`].
    pub fn note_info_asked(&mut self, now: Instant, id: SocketId) {
        let Ok(socket) = self.find_mut(id) else { return };
        let Phase::Connected(connected) = &mut socket.phase else { return };
        if connected.asked.is_often(now) {
            connected.refresh_info(now, socket.options.max_pacing_rate);
        }
    }

    /// What a program has asked for is about to change TCP_INFO: until that is done it finds no copy.
    pub fn hide_info(&self, id: SocketId) {
        if let Ok(Phase::Connected(connected)) = self.find(id).map(|socket| &socket.phase) {
            connected.tcb.rings().0.slot().forget_info();
        }
    }
}

impl Connected {
    fn tcp_info(&self, now: Instant) -> TcpInfo {
        self.kept_info(now).at(now)
    }

    /// What is told of the connection when it is over.
    pub(crate) fn last_info(&self, now: Instant) -> Box<TcpInfo> {
        Box::new(TcpInfo { state: number_of(State::Closed), ..self.tcp_info(now) })
    }
}

impl TcpInfo {
    fn of_state(state: State) -> Self {
        Self {
            state: number_of(state),
            snd_ssthresh: NO_THRESHOLD,
            snd_cwnd: INITIAL_WINDOW,
            reordering: 3,
            pacing_rate: u64::MAX,
            ..Self::default()
        }
    }

    /// All but the times, which depend on when they are told.
    fn new(info: &Info) -> Self {
        let segments = |bytes: u32| bytes / info.snd_mss.max(1);
        let (snd_scale, rcv_scale) = info.negotiated.scales.unwrap_or((0, 0));
        Self {
            ca_state: info.phase as u8,
            retransmits: small(info.retransmits),
            probes: small(info.probes),
            backoff: small(info.backoff),
            options: u8::from(info.negotiated.timestamps)
                | u8::from(info.negotiated.sack) << 1
                | u8::from(info.negotiated.scales.is_some()) << 2
                | u8::from(info.negotiated.ecn) << 3
                | u8::from(info.negotiated.ecn_seen) << 4
                | u8::from(info.negotiated.syn_text) << 5,
            wscale: (snd_scale & 15) | rcv_scale << 4,
            flags: u8::from(info.is_rate_app_limited),
            rto: micros(info.rto),
            ato: micros(info.ato),
            snd_mss: info.snd_mss,
            rcv_mss: info.rcv_mss,
            unacked: info.unacked,
            sacked: info.sacked,
            lost: info.lost,
            retrans: info.retrans,
            rtt: micros(info.srtt.unwrap_or_default()),
            rttvar: micros(info.rttvar),
            snd_ssthresh: if info.ssthresh >= NO_THRESHOLD { NO_THRESHOLD } else { segments(info.ssthresh) },
            snd_cwnd: segments(info.cwnd),
            pacing_rate: info.pacing_rate,
            advmss: info.advertised_mss,
            reordering: info.reordering,
            total_retrans: info.total_retrans,
            bytes_acked: info.bytes_acked,
            bytes_received: info.bytes_received,
            segs_out: info.segs_out,
            segs_in: info.segs_in,
            notsent_bytes: info.notsent,
            min_rtt: info.min_rtt.map_or(u32::MAX, micros),
            data_segs_in: info.data_segs_in,
            data_segs_out: info.data_segs_out,
            delivery_rate: info.delivery_rate,
            delivered: info.delivered,
            delivered_ce: info.delivered_ce,
            bytes_sent: info.bytes_sent,
            bytes_retrans: info.bytes_retrans,
            dsack_dups: info.dsack_dups,
            reord_seen: info.reorderings_seen,
            snd_wnd: info.snd_wnd,
            rcv_wnd: info.rcv_wnd,
            rcv_ssthresh: info.rcv_wnd_limit,
            rcv_rtt: info.rcv_rtt.map_or(0, micros),
            rcv_space: u32::try_from(info.rcv_space).unwrap_or(u32::MAX),
            rcv_ooopack: info.rcv_out_of_order,
            ..Self::of_state(info.state)
        }
    }
}

/// Linux's numbers (include/net/tcp_states.h).
const fn number_of(state: State) -> u8 {
    match state {
        State::Established => 1,
        State::SynSent => 2,
        State::SynReceived => 3,
        State::FinWait1 => 4,
        State::FinWait2 => 5,
        State::TimeWait => 6,
        State::Closed => 7,
        State::CloseWait => 8,
        State::LastAck => 9,
        State::Listen => 10,
        State::Closing => 11,
    }
}

fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
