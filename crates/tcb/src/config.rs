//! What a connection is configured with.

use core::time::Duration;
use sockeye_wire::SeqNum;

use crate::{AckCompression, CongestionConfig, EcnConfig, RecoveryConfig, SendAccounting};

/// What a connection is configured with, before it starts. All of it is plain data.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our port.
    pub local_port: u16,
    /// The peer's.
    pub remote_port: u16,
    /// MMS_R - 20: the MSS to announce (MUST-67), bytes.
    pub recv_mss: u16,
    /// Limit of what the program lets us send: TCP_MAXSEG, or `u16::MAX`. Bytes of text and options.
    pub send_mss_limit: u16,
    /// The path MTU as far as it is known: the largest IP packet, bytes (MMS_S + headers).
    pub path_mtu: u32,
    /// Length of the IP header before every segment: 20 or 40 bytes.
    pub ip_header: u8,
    /// The urgent pointer names the last byte of urgent text, as RFC 1122 had it (tcp_stdurg).
    pub stdurg: bool,
    /// How the path MTU is probed (RFC 4821).
    pub mtu_probing: MtuProbing,
    /// The MSS to assume when the peer's SYN has no MSS option: 536 or 1220 (MUST-15).
    pub default_mss: u16,
    /// Offer window scaling in the SYN (RFC 7323).
    pub window_scaling: bool,
    /// Offer timestamps (RFC 7323).
    pub timestamps: bool,
    /// Where the connection's timestamp clock starts (RFC 7323, 5.4 and 7.1), from the stack.
    pub timestamp_offset: u32,
    /// Offer selective acknowledgements (RFC 2018).
    pub sack: bool,
    /// Tell what came twice (RFC 2883).
    pub dsack: bool,
    /// SO_RCVBUF in force (decides the window and the scale), bytes.
    pub recv_buffer: usize,
    /// The most that tuning may make of RecvQ, bytes (tcp_rmem's third number); no more than `recv_buffer` for a fixed size. The
    /// scale is chosen for it.
    pub recv_buffer_max: usize,
    /// The most that tuning may make of SendQ, bytes (tcp_wmem's third number), if its ring has room for that; 0 for a fixed size.
    pub send_buffer_max: usize,
    /// Whether RecvQ grows to what the program reads (tcp_moderate_rcvbuf).
    pub recv_tuning: bool,
    /// TCP_WINDOW_CLAMP: no larger window is offered, bytes.
    pub window_clamp: Option<u32>,
    /// The largest window in a SYN: 32,767 for peers that take it for a signed number (tcp_workaround_signed_windows).
    pub syn_window_max: u16,
    /// SO_SNDBUF in force, bytes.
    pub send_buffer: usize,
    /// What SO_SNDBUF counts.
    pub send_accounting: SendAccounting,
    /// Whether PSH ends each burst of segments, as Linux has it.
    pub push_bursts: bool,
    /// tcp_min_tso_segs: no such burst is shorter for the rate's sake, segments (2).
    pub min_burst: u32,
    /// tcp_tso_win_divisor: a burst of less than this part of the window may wait for the next ACK (3); 0 for three segments.
    pub burst_divisor: u32,
    /// False for TCP_NODELAY.
    pub nagle: bool,
    /// The least delay of an ACK: 40 ms as Linux, < 0.5 s (MUST-40).
    pub delayed_ack: Duration,
    /// The most: 200 ms, and no more than `rto_min`.
    pub delayed_ack_max: Duration,
    /// When ACKs of text out of order are put together.
    pub ack_compression: AckCompression,
    /// Answers in a row after which an ACK waits for the next one (tcp_pingpong_thresh = 1).
    pub interactive_after: u8,
    /// Lower bound of the RTO (200 ms).
    pub rto_min: Duration,
    /// Upper bound of the RTO (120 s).
    pub rto_max: Duration,
    /// First RTO (1 s).
    pub rto_initial: Duration,
    /// Initial window, segments (10, RFC 6928).
    pub initial_window: u32,
    /// Explicit congestion notification.
    pub ecn: EcnConfig,
    /// The congestion control and its settings.
    pub congestion: CongestionConfig,
    /// Time-outs after which the path is suspected to swallow large packets (tcp_retries1 = 3; R1).
    pub retries1: u32,
    /// Retransmissions of data until the connection is given up (tcp_retries2 = 15, some 15 minutes; SHLD-11): as many as there are
    /// in that time where the RTO is 200 ms at first.
    pub retries2: u32,
    /// Retransmissions of a SYN (6).
    pub syn_retries: u32,
    /// Retransmissions of a SYN before its timer begins to double (tcp_syn_linear_timeouts, 4); they come on top of `syn_retries`.
    pub syn_linear_timeouts: u32,
    /// Whether the timer of a thin stream does not double at first (TCP_THIN_LINEAR_TIMEOUTS).
    pub thin_linear_timeouts: bool,
    /// Retransmissions of a SYN-ACK (5).
    pub synack_retries: u32,
    /// How losses are found.
    pub recovery: RecoveryConfig,
    /// Keep-alive, if on.
    pub keep_alive: Option<KeepAlive>,
    /// TCP_USER_TIMEOUT.
    pub user_timeout: Option<Duration>,
    /// 2MSL (60 s).
    pub time_wait: Duration,
    /// FIN-WAIT-2 of an orphan is cut to this (tcp_fin_timeout, 60 s).
    pub fin_timeout: Duration,
    /// Whether a RST in TIME-WAIT changes nothing (tcp_rfc1337).
    pub rfc1337: bool,
    /// Least time between two ACKs that answer segments without text which are not acceptable (tcp_invalid_ratelimit, 500 ms).
    pub invalid_rate_limit: Duration,
    /// The initial send sequence number (RFC 6528), from the stack.
    pub iss: SeqNum,
}

impl Config {
    /// The most that a segment carries to a peer that does not say less: what the path and the program allow, bytes of text and
    /// options.
    #[must_use]
    pub fn mss_limit(&self) -> u16 {
        let headers = u32::from(self.ip_header) + 20;
        let path = u16::try_from(self.path_mtu.saturating_sub(headers)).unwrap_or(u16::MAX);
        self.send_mss_limit.min(path)
    }

    /// The values Linux has for a connection over IPv4 on an Ethernet.
    #[must_use]
    pub const fn new(local_port: u16, remote_port: u16, iss: SeqNum) -> Self {
        Self {
            local_port,
            remote_port,
            recv_mss: 1460,
            send_mss_limit: 1460,
            path_mtu: 65_575,
            ip_header: 20,
            stdurg: false,
            mtu_probing: MtuProbing::OFF,
            default_mss: 536,
            window_scaling: true,
            timestamps: true,
            timestamp_offset: 0,
            sack: true,
            dsack: true,
            recv_buffer: 131_072,
            recv_buffer_max: 0,
            send_buffer_max: 0,
            recv_tuning: true,
            window_clamp: None,
            syn_window_max: u16::MAX,
            send_buffer: 16_384,
            send_accounting: SendAccounting::Bytes,
            push_bursts: false,
            min_burst: 2,
            burst_divisor: 3,
            nagle: true,
            delayed_ack: Duration::from_millis(40),
            delayed_ack_max: Duration::from_millis(200),
            ack_compression: AckCompression::LINUX,
            interactive_after: 1,
            rto_min: Duration::from_millis(200),
            rto_max: Duration::from_secs(120),
            rto_initial: Duration::from_secs(1),
            initial_window: 10,
            ecn: EcnConfig::new(),
            congestion: CongestionConfig::new(),
            retries1: 3,
            retries2: 15,
            syn_retries: 6,
            syn_linear_timeouts: 4,
            thin_linear_timeouts: false,
            synack_retries: 5,
            recovery: RecoveryConfig::new(),
            // MUST-25 (3.8.4): off unless the program asks.
            keep_alive: None,
            user_timeout: None,
            time_wait: Duration::from_secs(60),
            fin_timeout: Duration::from_secs(60),
            rfc1337: true,
            invalid_rate_limit: Duration::from_millis(500),
            iss,
        }
    }
}

/// Whether a connection probes for its path MTU (tcp_mtu_probing).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeMode {
    /// It believes what it is told.
    Off,
    /// From when the path seems to swallow large packets.
    OnBlackHole,
    /// From the start.
    Always,
}

/// Packetization layer path MTU discovery (RFC 4821).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MtuProbing {
    /// When it is done (tcp_mtu_probing = 0, 1, 2).
    pub mode: ProbeMode,
    /// The MSS to begin with (tcp_base_mss = 1024), bytes.
    pub base_mss: u16,
    /// The MSS that a black hole makes us fall back to at least (tcp_mtu_probe_floor = 48), bytes.
    pub floor: u16,
    /// The search ends when the unknown is narrower (tcp_probe_threshold = 8), bytes.
    pub threshold: u16,
    /// The least MSS, options included (tcp_min_snd_mss = 48), bytes.
    pub min_snd_mss: u16,
    /// The search begins anew after this (tcp_probe_interval = 600 s).
    pub interval: Duration,
}

impl MtuProbing {
    /// What Linux has.
    pub const OFF: Self = Self {
        mode: ProbeMode::Off,
        base_mss: 1024,
        floor: 48,
        threshold: 8,
        min_snd_mss: 48,
        interval: Duration::from_secs(600),
    };
}

/// Keep-alive settings (MUST-24..29).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Idle time before the first probe (7200 s).
    pub idle: Duration,
    /// Between probes (75 s).
    pub interval: Duration,
    /// Probes unanswered until the connection is given up (9).
    pub count: u32,
}

impl Default for KeepAlive {
    /// What Linux has. MUST-28 (3.8.4): the idle time is no less than two hours.
    fn default() -> Self {
        Self { idle: Duration::from_secs(7200), interval: Duration::from_secs(75), count: 9 }
    }
}
