//! What a network consists of, and how its hosts are set.

use crate::{CongestionName, FastOpenKeys, MemoryBounds, PathSettings, RecoverySettings};
use serde::{Deserialize, Serialize};
use sockeye_link::LinkConfig;
use sockeye_tcb::{AckCompression, CongestionControl, SendAccounting};
use std::net::IpAddr;
use std::time::Duration;

/// A network: hosts, their addresses, and the links between them. What a network file says (TOML is read in `host`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NetworkConfig {
    /// The hosts. The first is the one a program is on when it names none.
    pub hosts: Vec<HostConfig>,
    /// The links between them.
    pub links: Vec<LinkBetween>,
}

impl Default for NetworkConfig {
    /// One host, `localhost`, that owns 127.0.0.0/8 and ::1.
    fn default() -> Self {
        Self { hosts: vec![HostConfig::default()], links: Vec::new() }
    }
}

/// One host. It owns 127.0.0.0/8 and ::1 and `addresses`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HostConfig {
    /// Its name.
    pub name: String,
    /// Its addresses beyond loopback.
    pub addresses: Vec<IpAddr>,
    /// Its settings.
    pub settings: Settings,
}

/// A link and the two hosts at its ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkBetween {
    /// Names of the two hosts.
    pub between: (String, String),
    /// What it does, in each direction (the reverse direction uses seed + 1).
    pub config: LinkConfig,
}

/// Settings of a host. Exact buffer sizes, when given, are in force whatever a program asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Default SO_SNDBUF in force, bytes.
    pub send_buffer: usize,
    /// Default SO_RCVBUF in force, bytes.
    pub recv_buffer: usize,
    /// Least and most that tuning leaves of a SendQ (tcp_wmem's first and third number), bytes.
    pub send_buffer_bounds: (usize, usize),
    /// Least and most that tuning leaves of a RecvQ (tcp_rmem's first and third number), bytes.
    pub recv_buffer_bounds: (usize, usize),
    /// tcp_mem: bounds for what all queues hold together; `None`: those of [`MemoryBounds::default`], unless who makes the network knows
    /// the machine.
    pub memory: Option<MemoryBounds>,
    /// net.core.wmem_max: what SO_SNDBUF asks for is cut to this before it is doubled, bytes.
    pub wmem_max: usize,
    /// net.core.rmem_max: what SO_RCVBUF asks for is cut to this before it is doubled, bytes.
    pub rmem_max: usize,
    /// Whether SO_SNDBUF counts the memory of packet buffers, as on Linux ([`SendAccounting::Packets`]), instead of text. Not for
    /// sockets whose SendQ has an exact size.
    pub packet_accounting: bool,
    /// If given, every socket's SendQ has exactly this size.
    pub exact_send_buffer: Option<usize>,
    /// If given, every socket's RecvQ has exactly this size.
    pub exact_recv_buffer: Option<usize>,
    /// 2MSL.
    pub time_wait: Duration,
    /// tcp_fin_timeout.
    pub fin_timeout: Duration,
    /// Ephemeral ports, first and last (32768, 60999).
    pub ports: (u16, u16),
    /// net.core.somaxconn (4096).
    pub backlog_max: u32,
    /// MTU of loopback (65536).
    pub loopback_mtu: usize,
    /// IPv4's time to live and IPv6's hop limit of what the host sends (64; MUST-49, 3.9.2).
    pub hop_limit: u8,
    /// About packets and paths.
    pub path: PathSettings,
    /// Of the detection of losses.
    pub recovery: RecoverySettings,
    /// tcp_window_scaling: whether SYNs offer window scaling (RFC 7323).
    pub window_scaling: bool,
    /// tcp_timestamps: 0 not offered, 1 with a random offset for each pair of addresses, 2 without (RFC 7323).
    pub timestamps: u32,
    /// tcp_sack: whether SYNs offer selective acknowledgements (RFC 2018).
    pub sack: bool,
    /// tcp_moderate_rcvbuf: whether a RecvQ whose size nobody chose grows to what the program reads.
    pub moderate_recv_buffer: bool,
    /// tcp_pingpong_thresh: answers in a row after which ACKs wait for the next one (1).
    pub interactive_after: u8,
    /// tcp_comp_sack_delay_ns: the longest that ACKs of text out of order wait for each other (1 ms).
    pub ack_compression_delay: Duration,
    /// tcp_comp_sack_nr: the most of them that one stands for (44); with 0 each goes out.
    pub ack_compression_most: u8,
    /// tcp_workaround_signed_windows: whether SYNs offer no more than 32,767 bytes.
    pub workaround_signed_windows: bool,
    /// tcp_dsack: whether duplicates are told (RFC 2883).
    pub dsack: bool,
    /// tcp_keepalive_time: idle time before the first probe, of a socket that sets no other (2 h; MUST-27 and 28, 3.8.4).
    pub keepalive_time: Duration,
    /// tcp_keepalive_intvl: between probes (75 s).
    pub keepalive_interval: Duration,
    /// tcp_keepalive_probes: probes without answer until the connection is given up (9).
    pub keepalive_probes: u32,
    /// tcp_syn_retries: retransmissions of a SYN (6).
    pub syn_retries: u32,
    /// tcp_synack_retries: retransmissions of a SYN-ACK (5).
    pub synack_retries: u32,
    /// tcp_syn_linear_timeouts: retransmissions of a SYN before its timer begins to double, on top of those (4).
    pub syn_linear_timeouts: u32,
    /// tcp_fastopen: 1 clients, 2 listeners that ask for it, 4 clients without cookies, 0x200 listeners without cookies, 0x400 all
    /// listeners (1).
    pub fast_open: u32,
    /// tcp_fastopen_key: the keys of cookies; `None`: a secret one.
    pub fast_open_keys: Option<FastOpenKeys>,
    /// tcp_fastopen_blackhole_timeout_sec: how long clients do without Fast Open after time-outs that it may have caused (0: they go on).
    pub fast_open_black_hole_pause: Duration,
    /// tcp_rfc1337: whether a RST in TIME-WAIT changes nothing. On, although Linux has it off.
    pub rfc1337: bool,
    /// tcp_syncookies: whether a listener whose SYN queue is full answers with cookies (RFC 4987): 0 no, 1 yes, 2 always (1).
    pub syn_cookies: u32,
    /// tcp_max_syn_backlog: handshakes that wait at a listener at most if there are no cookies (4096).
    pub max_syn_backlog: u32,
    /// tcp_tw_reuse: whether `connect()` may take the place of a connection in TIME-WAIT (RFC 6191): 0 no, 1 yes, 2 on loopback (2).
    pub tw_reuse: u32,
    /// tcp_tw_reuse_delay: how long it must have been there (1 s).
    pub tw_reuse_delay: Duration,
    /// tcp_max_tw_buckets: connections in TIME-WAIT at most; those beyond are forgotten at once (262,144).
    pub max_tw_buckets: u32,
    /// tcp_max_orphans: connections that no program holds at most; those beyond are reset (65,536).
    pub max_orphans: u32,
    /// tcp_orphan_retries: retransmissions until such a connection is given up (0, which is 8).
    pub orphan_retries: u32,
    /// tcp_abort_on_overflow: whether a connection for which the accept queue has no room is reset.
    pub abort_on_overflow: bool,
    /// tcp_challenge_ack_limit: challenge ACKs in a second (RFC 5961); 2^31 - 1 is no limit.
    pub challenge_ack_limit: u32,
    /// tcp_invalid_ratelimit: least time between ACKs that answer segments which are not acceptable (500 ms).
    pub invalid_rate_limit: Duration,
    /// tcp_retries1: retransmissions until the path is in doubt, which probing for its MTU then looks into (3; R1, MUST-20).
    pub retries1: u32,
    /// tcp_retries2: retransmissions until the connection is given up (15; R2, MUST-20), read as time as on Linux: 924.6 s.
    pub retries2: u32,
    /// tcp_rto_min_us: lower bound of the RTO (200 ms).
    pub rto_min: Duration,
    /// tcp_rto_max_ms: upper bound of the RTO (120 s).
    pub rto_max: Duration,
    /// tcp_congestion_control: of a socket that asks for none.
    pub congestion_control: CongestionName,
    /// tcp_allowed_congestion_control: what TCP_CONGESTION can choose.
    pub allowed_congestion_control: Vec<CongestionName>,
    /// How CUBIC ends slow start early: 0 not at all, 1 as Linux, 2 HyStart++ (RFC 9406).
    pub hystart: u32,
    /// tcp_slow_start_after_idle: cwnd decays while a connection is idle (RFC 5681, 4.1).
    pub slow_start_after_idle: bool,
    /// tcp_pacing_ss_ratio: pacing rate in slow start, per cent of cwnd / SRTT (200).
    pub pacing_ss_ratio: u32,
    /// tcp_pacing_ca_ratio: pacing rate in congestion avoidance, per cent (120).
    pub pacing_ca_ratio: u32,
    /// net.core.default_qdisc is `fq`: segments of every connection leave at its pacing rate.
    pub is_paced: bool,
    /// tcp_min_tso_segs: PSH ends no burst that is shorter, segments (2).
    pub min_tso_segments: u32,
    /// tcp_tso_win_divisor: a burst of less than this part of the window may wait for the next ACK (3).
    pub tso_window_divisor: u32,
    /// tcp_ecn: 0 off, 1 asked for and accepted, 2 accepted (2; RFC 3168).
    pub ecn: u32,
    /// tcp_ecn_fallback: a SYN that is sent again does not ask for ECN.
    pub ecn_fallback: bool,
    /// tcp_notsent_lowat: a socket is not writable while it has so many bytes that were never sent.
    pub notsent_lowat: u32,
}

impl Default for HostConfig {
    /// `localhost`, with no address beyond loopback.
    fn default() -> Self {
        Self { name: "localhost".to_owned(), addresses: Vec::new(), settings: Settings::default() }
    }
}

impl Default for Settings {
    /// What a stock Linux has in force, but for the buffers. Linux tunes them while a connection runs; these are what it tends
    /// to, and memory is touched only when used. A program can ask for 2 MiB and have 4 in force.
    #[expect(clippy::too_many_lines, reason = "a line for each setting")]
    fn default() -> Self {
        Self {
            send_buffer: 1_048_576,
            recv_buffer: 1_048_576,
            send_buffer_bounds: (4096, 4_194_304),
            recv_buffer_bounds: (4096, 33_554_432),
            memory: None,
            wmem_max: 2_097_152,
            rmem_max: 2_097_152,
            packet_accounting: false,
            exact_send_buffer: None,
            exact_recv_buffer: None,
            time_wait: Duration::from_secs(60),
            fin_timeout: Duration::from_secs(60),
            ports: (32_768, 60_999),
            backlog_max: 4096,
            loopback_mtu: 65_536,
            hop_limit: 64,
            path: PathSettings::default(),
            recovery: RecoverySettings::default(),
            window_scaling: true,
            timestamps: 1,
            sack: true,
            dsack: true,
            moderate_recv_buffer: true,
            interactive_after: 1,
            ack_compression_delay: AckCompression::LINUX.delay,
            ack_compression_most: AckCompression::LINUX.most,
            workaround_signed_windows: false,
            keepalive_time: Duration::from_secs(7200),
            keepalive_interval: Duration::from_secs(75),
            keepalive_probes: 9,
            syn_retries: 6,
            synack_retries: 5,
            syn_linear_timeouts: 4,
            fast_open: 1,
            fast_open_keys: None,
            fast_open_black_hole_pause: Duration::ZERO,
            rfc1337: true,
            syn_cookies: 1,
            max_syn_backlog: 4096,
            tw_reuse: 2,
            tw_reuse_delay: Duration::from_secs(1),
            max_tw_buckets: 262_144,
            max_orphans: 65_536,
            orphan_retries: 0,
            abort_on_overflow: false,
            challenge_ack_limit: i32::MAX as u32,
            invalid_rate_limit: Duration::from_millis(500),
            retries1: 3,
            retries2: 15,
            rto_min: Duration::from_millis(200),
            rto_max: Duration::from_secs(120),
            congestion_control: CongestionControl::default().into(),
            allowed_congestion_control: CongestionControl::ALL.map(CongestionName::from).to_vec(),
            hystart: 1,
            slow_start_after_idle: true,
            pacing_ss_ratio: 200,
            pacing_ca_ratio: 120,
            is_paced: false,
            min_tso_segments: 2,
            tso_window_divisor: 3,
            ecn: 2,
            ecn_fallback: true,
            notsent_lowat: u32::MAX,
        }
    }
}

impl Settings {
    /// What SO_SNDBUF counts.
    pub(crate) fn send_accounting(&self) -> SendAccounting {
        let is_counted = self.packet_accounting && self.exact_send_buffer.is_none();
        if is_counted { SendAccounting::Packets } else { SendAccounting::Bytes }
    }

    /// tcp_mem.
    pub(crate) fn memory_bounds(&self) -> MemoryBounds {
        self.memory.unwrap_or_default()
    }

    /// R2 of a connection that no program holds. As Linux, 0 is 8: with the least RTO that takes some 100 s (MUST-20, MUST-23).
    pub(crate) fn retries_of_orphan(&self) -> u32 {
        if self.orphan_retries == 0 { 8 } else { self.orphan_retries }
    }
}
