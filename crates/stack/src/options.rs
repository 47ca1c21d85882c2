//! The options in force of one socket, and the rules of setting them.

mod linux;
mod read;
mod set;

use crate::Settings;
use crate::option::{CongestionName, FastOpenKeys};
use sockeye_tcb::{KeepAlive, SendAccounting};
use std::time::Duration;

/// IP_PMTUDISC_DONT.
const NO_MTU_DISCOVER: u8 = 0;
/// IP_PMTUDISC_WANT.
const DEFAULT_MTU_DISCOVER: u8 = 1;

/// What `setsockopt()` has set.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// In force, bytes.
    pub(crate) send_buffer: usize,
    /// What SO_SNDBUF counts.
    pub(crate) send_accounting: SendAccounting,
    /// Whether SO_SNDBUF was set: tuning leaves such a SendQ alone.
    pub(crate) is_send_fixed: bool,
    /// In force, bytes.
    pub(crate) recv_buffer: usize,
    /// Whether SO_RCVBUF was set: tuning leaves such a RecvQ alone.
    pub(crate) is_recv_fixed: bool,
    pub(crate) reuse_address: bool,
    pub(crate) reuse_port: bool,
    pub(crate) keep_alive: bool,
    pub(crate) no_delay: bool,
    pub(crate) v6_only: bool,
    pub(crate) linger: Option<u32>,
    keep_idle: u32,
    keep_interval: u32,
    keep_count: u32,
    /// 0 for none.
    pub(crate) max_segment: u32,
    user_timeout: u32,
    pub(crate) oob_inline: bool,
    priority: u32,
    mark: u32,
    broadcast: bool,
    dont_route: bool,
    /// Bytes a second; `u64::MAX` for no limit.
    pub(crate) max_pacing_rate: u64,
    pub(crate) zero_copy: bool,
    /// SOF_TIMESTAMPING flags.
    pub(crate) timestamping: u32,
    pub(crate) tcp: TcpOptions,
    pub(crate) ip: IpOptions,
}

/// What was set at the level of TCP.
#[derive(Clone, Debug)]
pub(crate) struct TcpOptions {
    pub(crate) cork: bool,
    pub(crate) quick_ack: u32,
    /// 0 for what the host has.
    pub(crate) syn_count: u32,
    /// Seconds; negative for none, 0 for what the host has.
    pub(crate) linger2: i32,
    /// Retransmissions of the SYN-ACK that it comes to.
    pub(crate) defer_accept: u8,
    /// Bytes; 0 for none.
    pub(crate) window_clamp: u32,
    /// Bytes; 0 for what the host has.
    pub(crate) notsent_lowat: u32,
    /// What the host had when the socket was made.
    notsent_lowat_of_host: u32,
    pub(crate) inq: bool,
    /// `None` for what the host has.
    pub(crate) congestion: Option<CongestionName>,
    /// Length of the queue; 0 for off.
    pub(crate) fast_open: u32,
    pub(crate) fast_open_connect: bool,
    pub(crate) fast_open_key: Option<FastOpenKeys>,
    pub(crate) fast_open_no_cookie: bool,
    pub(crate) thin_linear_timeouts: bool,
    /// Milliseconds; 0 for what the host has.
    pub(crate) rto_max: u32,
}

/// What was set at the levels of IP.
#[derive(Clone, Debug)]
pub(crate) struct IpOptions {
    pub(crate) type_of_service: u8,
    pub(crate) time_to_live: Option<u8>,
    pub(crate) mtu_discover: u8,
    pub(crate) receive_errors: bool,
    pub(crate) free_bind: bool,
    pub(crate) bind_address_no_port: bool,
    /// 0 for what the host has.
    pub(crate) local_port_range: (u16, u16),
    pub(crate) min_time_to_live: u8,
    pub(crate) traffic_class: u8,
    pub(crate) hop_limit: Option<u8>,
    pub(crate) mtu_discover6: u8,
    pub(crate) receive_errors6: bool,
    pub(crate) min_hop_limit: u8,
}

impl TcpOptions {
    const fn new() -> Self {
        Self {
            cork: false,
            quick_ack: 1,
            syn_count: 0,
            linger2: 0,
            defer_accept: 0,
            window_clamp: 0,
            notsent_lowat: 0,
            notsent_lowat_of_host: u32::MAX,
            inq: false,
            congestion: None,
            fast_open: 0,
            fast_open_connect: false,
            fast_open_key: None,
            fast_open_no_cookie: false,
            thin_linear_timeouts: false,
            rto_max: 0,
        }
    }
}

impl IpOptions {
    /// `no_pmtu_discovery`: net.ipv4.ip_no_pmtu_disc.
    const fn new(no_pmtu_discovery: u8) -> Self {
        Self {
            type_of_service: 0,
            time_to_live: None,
            mtu_discover: match no_pmtu_discovery {
                // 3: routers are believed that quote a segment in flight, as they must anyway.
                0 | 3 => DEFAULT_MTU_DISCOVER,
                _ => NO_MTU_DISCOVER,
            },
            receive_errors: false,
            free_bind: false,
            bind_address_no_port: false,
            local_port_range: (0, 0),
            min_time_to_live: 0,
            traffic_class: 0,
            hop_limit: None,
            mtu_discover6: DEFAULT_MTU_DISCOVER,
            receive_errors6: false,
            min_hop_limit: 0,
        }
    }
}

impl Options {
    /// What a new socket has.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            send_accounting: settings.send_accounting(),
            send_buffer: settings.exact_send_buffer.unwrap_or(settings.send_buffer).max(1),
            recv_buffer: settings.exact_recv_buffer.unwrap_or(settings.recv_buffer).max(1),
            is_send_fixed: false,
            is_recv_fixed: false,
            reuse_address: false,
            reuse_port: false,
            keep_alive: false,
            no_delay: false,
            v6_only: false,
            linger: None,
            keep_idle: to_u32(settings.keepalive_time.as_secs() as usize),
            keep_interval: to_u32(settings.keepalive_interval.as_secs() as usize),
            keep_count: settings.keepalive_probes,
            max_segment: 0,
            user_timeout: 0,
            oob_inline: false,
            priority: 0,
            mark: 0,
            broadcast: false,
            dont_route: false,
            max_pacing_rate: u64::MAX,
            zero_copy: false,
            timestamping: 0,
            tcp: TcpOptions { notsent_lowat_of_host: settings.notsent_lowat, ..TcpOptions::new() },
            ip: IpOptions::new(settings.path.no_pmtu_discovery),
        }
    }

    /// What a connection has that a listener with these options accepts: the same, but for what is the listener's alone.
    pub(crate) fn of_accepted(&self) -> Self {
        let mut options = self.clone();
        options.tcp.defer_accept = 0;
        options.tcp.fast_open = 0;
        options
    }

    /// TCP_MAXSEG as a bound.
    pub(crate) fn mss_limit(&self) -> u16 {
        match self.max_segment {
            0 => u16::MAX,
            bytes => u16::try_from(bytes).unwrap_or(u16::MAX),
        }
    }

    /// TCP_RTO_MAX_MS, if it was set.
    pub(crate) fn rto_max(&self) -> Option<Duration> {
        (self.tcp.rto_max != 0).then(|| Duration::from_millis(u64::from(self.tcp.rto_max)))
    }

    /// TCP_NOTSENT_LOWAT in force, bytes; `None` for no bound.
    pub(crate) fn notsent_lowat(&self) -> Option<u32> {
        Some(or(self.tcp.notsent_lowat, self.tcp.notsent_lowat_of_host)).filter(|&bytes| bytes != u32::MAX)
    }

    /// TCP_NOTSENT_LOWAT where the program has set none, bytes; 0 for no bound.
    pub(crate) fn notsent_default(&self) -> u32 {
        match self.tcp.notsent_lowat_of_host {
            u32::MAX => 0,
            low => low.max(1),
        }
    }

    /// MUST-25 (3.8.4): keep-alive is off unless asked for.
    pub(crate) fn keep_alive_times(&self) -> Option<KeepAlive> {
        self.keep_alive.then(|| KeepAlive {
            idle: Duration::from_secs(u64::from(self.keep_idle)),
            interval: Duration::from_secs(u64::from(self.keep_interval)),
            count: self.keep_count,
        })
    }

    pub(crate) fn window_clamp(&self) -> Option<u32> {
        (self.tcp.window_clamp != 0).then_some(self.tcp.window_clamp)
    }

    /// How long an orphan stays in FIN-WAIT-2: TCP_LINGER2; zero is not at all.
    pub(crate) fn fin_timeout(&self, settings: &Settings) -> Duration {
        match self.tcp.linger2 {
            0 => settings.fin_timeout,
            seconds => Duration::from_secs(u64::try_from(seconds).unwrap_or(0)),
        }
    }

    pub(crate) fn user_timeout(&self) -> Option<Duration> {
        (self.user_timeout != 0).then(|| Duration::from_millis(u64::from(self.user_timeout)))
    }
}

/// What the socket has, or the host if that is 0.
const fn or(own: u32, host: u32) -> u32 {
    if own == 0 { host } else { own }
}

fn to_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
