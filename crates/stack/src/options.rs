//! The options in force of one socket, and the rules of setting them.

mod linux;

use crate::option::{CongestionName, FastOpenKeys};
use crate::{Error, OptionName, Settings, SocketOption, congestion};
use linux::{retransmissions_of, seconds_of};
use sockeye_tcb::{KeepAlive, SendAccounting};
use std::time::Duration;

/// SOCK_MIN_SNDBUF.
const MIN_SEND_BUFFER: usize = 4608;
/// SOCK_MIN_RCVBUF.
const MIN_RECV_BUFFER: usize = 2304;
/// MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL, seconds.
const MAX_KEEP_SECONDS: u32 = 32_767;
/// MAX_TCP_KEEPCNT.
const MAX_KEEP_COUNT: u32 = 127;
/// MAX_TCP_SYNCNT.
const MAX_SYN_COUNT: u32 = 127;
/// TCP_MIN_MSS and MAX_TCP_WINDOW: the bounds of TCP_MAXSEG, bytes.
const MAX_SEGMENT_BOUNDS: std::ops::RangeInclusive<u32> = 88..=32_767;
/// Half of SOCK_MIN_RCVBUF: no smaller TCP_WINDOW_CLAMP but 0, bytes.
const MIN_WINDOW_CLAMP: u32 = 1152;
/// TCP_FIN_TIMEOUT_MAX, seconds.
const MAX_LINGER2: i32 = 120;
/// TCP_RTO_MAX_SEC: the bounds of TCP_RTO_MAX_MS, milliseconds.
const RTO_MAX_BOUNDS: std::ops::RangeInclusive<u32> = 1000..=120_000;
/// The number after IP_PMTUDISC_OMIT, the last.
const TOO_MUCH_MTU_DISCOVER: u8 = 6;
/// IP_PMTUDISC_DONT.
const NO_MTU_DISCOVER: u8 = 0;
/// IP_PMTUDISC_WANT.
const DEFAULT_MTU_DISCOVER: u8 = 1;
/// The bits of the type of service that belong to ECN (RFC 3168): a stream's are TCP's.
const ECN_BITS: u8 = 3;

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
            mtu_discover: if no_pmtu_discovery == 0 { DEFAULT_MTU_DISCOVER } else { NO_MTU_DISCOVER },
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

    /// setsockopt(), as far as it concerns the option alone.
    #[allow(clippy::too_many_lines, reason = "a table: one row for each option")]
    pub(crate) fn set(&mut self, option: SocketOption, settings: &Settings) -> Result<(), Error> {
        match option {
            SocketOption::SendBuffer(asked) => {
                self.is_send_fixed = true;
                self.send_buffer =
                    in_force(asked, settings.wmem_max, MIN_SEND_BUFFER, settings.exact_send_buffer);
            }
            SocketOption::ReceiveBuffer(asked) => {
                self.is_recv_fixed = true;
                self.recv_buffer =
                    in_force(asked, settings.rmem_max, MIN_RECV_BUFFER, settings.exact_recv_buffer);
            }
            SocketOption::ReuseAddress(on) => self.reuse_address = on,
            SocketOption::ReusePort(on) => self.reuse_port = on,
            SocketOption::KeepAlive(on) => self.keep_alive = on,
            SocketOption::NoDelay(on) => self.no_delay = on,
            SocketOption::V6Only(on) => self.v6_only = on,
            SocketOption::Linger(linger) => self.linger = linger,
            SocketOption::KeepIdle(seconds) => self.keep_idle = check(seconds, 1..=MAX_KEEP_SECONDS)?,
            SocketOption::KeepInterval(seconds) => self.keep_interval = check(seconds, 1..=MAX_KEEP_SECONDS)?,
            SocketOption::KeepCount(count) => self.keep_count = check(count, 1..=MAX_KEEP_COUNT)?,
            SocketOption::MaxSegment(0) => self.max_segment = 0,
            SocketOption::MaxSegment(bytes) => self.max_segment = check(bytes, MAX_SEGMENT_BOUNDS)?,
            SocketOption::UserTimeout(millis) => self.user_timeout = millis,
            SocketOption::OobInline(on) => self.oob_inline = on,
            SocketOption::Priority(priority) => self.priority = priority,
            SocketOption::Mark(mark) => self.mark = mark,
            SocketOption::Broadcast(on) => self.broadcast = on,
            SocketOption::DontRoute(on) => self.dont_route = on,
            SocketOption::MaxPacingRate(rate) => self.max_pacing_rate = rate,
            SocketOption::ZeroCopy(on) => self.zero_copy = on,
            SocketOption::Timestamping(flags) => self.timestamping = flags,
            SocketOption::Cork(on) => self.tcp.cork = on,
            SocketOption::QuickAck(value) => self.tcp.quick_ack = value,
            SocketOption::SynCount(count) => self.tcp.syn_count = check(count, 1..=MAX_SYN_COUNT)?,
            SocketOption::Linger2(seconds) => self.tcp.linger2 = seconds.clamp(-1, MAX_LINGER2),
            SocketOption::DeferAccept(seconds) => self.tcp.defer_accept = retransmissions_of(seconds),
            SocketOption::WindowClamp(0) => self.tcp.window_clamp = 0,
            SocketOption::WindowClamp(bytes) => self.tcp.window_clamp = bytes.max(MIN_WINDOW_CLAMP),
            SocketOption::NotSentLowat(bytes) => self.tcp.notsent_lowat = bytes,
            SocketOption::Inq(on) => self.tcp.inq = on,
            SocketOption::Congestion(name) => self.tcp.congestion = Some(congestion::choose(name, settings)?),
            SocketOption::FastOpen(length) => self.tcp.fast_open = length.min(settings.backlog_max),
            SocketOption::FastOpenConnect(on) => self.tcp.fast_open_connect = on,
            SocketOption::FastOpenKey(keys) => self.tcp.fast_open_key = keys,
            SocketOption::FastOpenNoCookie(on) => self.tcp.fast_open_no_cookie = on,
            SocketOption::RtoMax(millis) => self.tcp.rto_max = check(millis, RTO_MAX_BOUNDS)?,
            // As on Linux the bits of ECN are not the program's.
            SocketOption::TypeOfService(tos) => self.ip.type_of_service = tos & !ECN_BITS,
            SocketOption::TimeToLive(Some(0))
            | SocketOption::MtuDiscover(TOO_MUCH_MTU_DISCOVER..)
            | SocketOption::MtuDiscover6(TOO_MUCH_MTU_DISCOVER..) => {
                return Err(Error::InvalidArgument);
            }
            SocketOption::TimeToLive(limit) => self.ip.time_to_live = limit,
            SocketOption::MtuDiscover(how) => self.ip.mtu_discover = how,
            SocketOption::ReceiveErrors(on) => self.ip.receive_errors = on,
            SocketOption::FreeBind(on) => self.ip.free_bind = on,
            SocketOption::BindAddressNoPort(on) => self.ip.bind_address_no_port = on,
            SocketOption::LocalPortRange((first, last)) if first != 0 && last != 0 && first > last => {
                return Err(Error::InvalidArgument);
            }
            SocketOption::LocalPortRange(range) => self.ip.local_port_range = range,
            SocketOption::MinTimeToLive(limit) => self.ip.min_time_to_live = limit,
            SocketOption::TrafficClass(class) => self.ip.traffic_class = class & !ECN_BITS,
            SocketOption::HopLimit(limit) => self.ip.hop_limit = limit,
            SocketOption::MtuDiscover6(how) => self.ip.mtu_discover6 = how,
            SocketOption::ReceiveErrors6(on) => self.ip.receive_errors6 = on,
            SocketOption::MinHopLimit(limit) => self.ip.min_hop_limit = limit,
        }
        Ok(())
    }

    /// getsockopt().
    #[allow(clippy::too_many_lines, reason = "a table: one row for each option")]
    pub(crate) fn read(&self, name: OptionName, settings: &Settings) -> SocketOption {
        let (tcp, ip) = (&self.tcp, &self.ip);
        match name {
            OptionName::SendBuffer => SocketOption::SendBuffer(to_u32(self.send_buffer)),
            OptionName::ReceiveBuffer => SocketOption::ReceiveBuffer(to_u32(self.recv_buffer)),
            OptionName::ReuseAddress => SocketOption::ReuseAddress(self.reuse_address),
            OptionName::ReusePort => SocketOption::ReusePort(self.reuse_port),
            OptionName::KeepAlive => SocketOption::KeepAlive(self.keep_alive),
            OptionName::NoDelay => SocketOption::NoDelay(self.no_delay),
            OptionName::V6Only => SocketOption::V6Only(self.v6_only),
            OptionName::Linger => SocketOption::Linger(self.linger),
            OptionName::KeepIdle => SocketOption::KeepIdle(self.keep_idle),
            OptionName::KeepInterval => SocketOption::KeepInterval(self.keep_interval),
            OptionName::KeepCount => SocketOption::KeepCount(self.keep_count),
            OptionName::MaxSegment => SocketOption::MaxSegment(self.max_segment),
            OptionName::UserTimeout => SocketOption::UserTimeout(self.user_timeout),
            OptionName::OobInline => SocketOption::OobInline(self.oob_inline),
            OptionName::Priority => SocketOption::Priority(self.priority),
            OptionName::Mark => SocketOption::Mark(self.mark),
            OptionName::Broadcast => SocketOption::Broadcast(self.broadcast),
            OptionName::DontRoute => SocketOption::DontRoute(self.dont_route),
            OptionName::MaxPacingRate => SocketOption::MaxPacingRate(self.max_pacing_rate),
            OptionName::ZeroCopy => SocketOption::ZeroCopy(self.zero_copy),
            OptionName::Timestamping => SocketOption::Timestamping(self.timestamping),
            OptionName::Cork => SocketOption::Cork(tcp.cork),
            OptionName::QuickAck => SocketOption::QuickAck(u32::from(tcp.quick_ack != 0)),
            OptionName::SynCount => SocketOption::SynCount(or(tcp.syn_count, settings.syn_retries)),
            OptionName::Linger2 => SocketOption::Linger2(match tcp.linger2 {
                0 => i32::try_from(settings.fin_timeout.as_secs()).unwrap_or(i32::MAX),
                seconds => seconds,
            }),
            OptionName::DeferAccept => SocketOption::DeferAccept(seconds_of(tcp.defer_accept)),
            OptionName::WindowClamp => SocketOption::WindowClamp(tcp.window_clamp),
            OptionName::NotSentLowat => SocketOption::NotSentLowat(tcp.notsent_lowat),
            OptionName::Inq => SocketOption::Inq(tcp.inq),
            OptionName::Congestion => {
                SocketOption::Congestion(tcp.congestion.unwrap_or(settings.congestion_control))
            }
            OptionName::FastOpen => SocketOption::FastOpen(tcp.fast_open),
            OptionName::FastOpenConnect => SocketOption::FastOpenConnect(tcp.fast_open_connect),
            OptionName::FastOpenKey => SocketOption::FastOpenKey(tcp.fast_open_key),
            OptionName::FastOpenNoCookie => SocketOption::FastOpenNoCookie(tcp.fast_open_no_cookie),
            OptionName::RtoMax => {
                let host = u32::try_from(settings.rto_max.as_millis()).unwrap_or(u32::MAX);
                SocketOption::RtoMax(or(tcp.rto_max, host))
            }
            OptionName::TypeOfService => SocketOption::TypeOfService(ip.type_of_service),
            OptionName::TimeToLive => SocketOption::TimeToLive(ip.time_to_live.or(Some(settings.hop_limit))),
            OptionName::MtuDiscover => SocketOption::MtuDiscover(ip.mtu_discover),
            OptionName::ReceiveErrors => SocketOption::ReceiveErrors(ip.receive_errors),
            OptionName::FreeBind => SocketOption::FreeBind(ip.free_bind),
            OptionName::BindAddressNoPort => SocketOption::BindAddressNoPort(ip.bind_address_no_port),
            OptionName::LocalPortRange => SocketOption::LocalPortRange(ip.local_port_range),
            OptionName::MinTimeToLive => SocketOption::MinTimeToLive(ip.min_time_to_live),
            OptionName::TrafficClass => SocketOption::TrafficClass(ip.traffic_class),
            OptionName::HopLimit => SocketOption::HopLimit(ip.hop_limit.or(Some(settings.hop_limit))),
            OptionName::MtuDiscover6 => SocketOption::MtuDiscover6(ip.mtu_discover6),
            OptionName::ReceiveErrors6 => SocketOption::ReceiveErrors6(ip.receive_errors6),
            OptionName::MinHopLimit => SocketOption::MinHopLimit(ip.min_hop_limit),
        }
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

/// Linux cuts what is asked for at wmem_max or rmem_max, doubles it, and has a floor.
fn in_force(asked: u32, max: usize, floor: usize, exact: Option<usize>) -> usize {
    let doubled = (asked as usize).min(max).saturating_mul(2);
    exact.unwrap_or(doubled.max(floor)).max(1)
}

/// What the socket has, or the host if that is 0.
const fn or(own: u32, host: u32) -> u32 {
    if own == 0 { host } else { own }
}

fn check(value: u32, bounds: std::ops::RangeInclusive<u32>) -> Result<u32, Error> {
    if bounds.contains(&value) { Ok(value) } else { Err(Error::InvalidArgument) }
}

fn to_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
