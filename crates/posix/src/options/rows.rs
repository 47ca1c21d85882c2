//! The options that the stack keeps: their numbers in C, and what Linux takes as their values.

use super::rule::{self, Rule};
use libc::c_int;
use sockeye_stack::{OptionName, SocketOption as Value};

/// The same as SO_TIMESTAMPING where `time_t` has 64 bits.
const SO_TIMESTAMPING_NEW: c_int = 65;
/// Of Linux 6.15.
const TCP_RTO_MAX_MS: c_int = 44;
/// Of Linux 6.3.
const IP_LOCAL_PORT_RANGE: c_int = 51;
/// As `IP_MINTTL`.
const IPV6_MINHOPCOUNT: c_int = 73;

/// One option.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) number: c_int,
    pub(super) name: OptionName,
    pub(super) rule: Rule,
}

const fn row(number: c_int, name: OptionName, rule: Rule) -> Row {
    Row { number, name, rule }
}

/// `SOL_SOCKET`.
pub(super) const SOCKET: &[Row] = &[
    row(libc::SO_SNDBUF, OptionName::SendBuffer, Rule::Any(Value::SendBuffer)),
    row(libc::SO_RCVBUF, OptionName::ReceiveBuffer, Rule::Any(Value::ReceiveBuffer)),
    row(libc::SO_REUSEADDR, OptionName::ReuseAddress, Rule::Flag(Value::ReuseAddress)),
    row(libc::SO_REUSEPORT, OptionName::ReusePort, Rule::Flag(Value::ReusePort)),
    row(libc::SO_KEEPALIVE, OptionName::KeepAlive, Rule::Flag(Value::KeepAlive)),
    row(libc::SO_LINGER, OptionName::Linger, Rule::Bytes(rule::linger)),
    row(libc::SO_OOBINLINE, OptionName::OobInline, Rule::Flag(Value::OobInline)),
    row(libc::SO_PRIORITY, OptionName::Priority, Rule::Any(Value::Priority)),
    row(libc::SO_MARK, OptionName::Mark, Rule::Any(Value::Mark)),
    row(libc::SO_BROADCAST, OptionName::Broadcast, Rule::Flag(Value::Broadcast)),
    row(libc::SO_DONTROUTE, OptionName::DontRoute, Rule::Flag(Value::DontRoute)),
    row(libc::SO_MAX_PACING_RATE, OptionName::MaxPacingRate, Rule::Bytes(rule::rate)),
    row(libc::SO_ZEROCOPY, OptionName::ZeroCopy, Rule::Switch(Value::ZeroCopy)),
    row(libc::SO_TIMESTAMPING, OptionName::Timestamping, Rule::Int(rule::timestamping)),
    row(SO_TIMESTAMPING_NEW, OptionName::Timestamping, Rule::Int(rule::timestamping)),
];

/// `IPPROTO_TCP`.
pub(super) const TCP: &[Row] = &[
    row(libc::TCP_NODELAY, OptionName::NoDelay, Rule::Flag(Value::NoDelay)),
    row(libc::TCP_MAXSEG, OptionName::MaxSegment, Rule::Int(rule::max_segment)),
    row(libc::TCP_KEEPIDLE, OptionName::KeepIdle, Rule::Number(Value::KeepIdle, 1, 32_767)),
    row(libc::TCP_KEEPINTVL, OptionName::KeepInterval, Rule::Number(Value::KeepInterval, 1, 32_767)),
    row(libc::TCP_KEEPCNT, OptionName::KeepCount, Rule::Number(Value::KeepCount, 1, 127)),
    row(libc::TCP_USER_TIMEOUT, OptionName::UserTimeout, Rule::Number(Value::UserTimeout, 0, c_int::MAX)),
    row(libc::TCP_CORK, OptionName::Cork, Rule::Flag(Value::Cork)),
    row(libc::TCP_QUICKACK, OptionName::QuickAck, Rule::Any(Value::QuickAck)),
    row(libc::TCP_SYNCNT, OptionName::SynCount, Rule::Number(Value::SynCount, 1, 127)),
    row(libc::TCP_LINGER2, OptionName::Linger2, Rule::Int(rule::linger2)),
    row(libc::TCP_DEFER_ACCEPT, OptionName::DeferAccept, Rule::Int(rule::defer_accept)),
    row(libc::TCP_WINDOW_CLAMP, OptionName::WindowClamp, Rule::Int(rule::window_clamp)),
    row(libc::TCP_NOTSENT_LOWAT, OptionName::NotSentLowat, Rule::Any(Value::NotSentLowat)),
    row(libc::TCP_INQ, OptionName::Inq, Rule::Switch(Value::Inq)),
    row(libc::TCP_CONGESTION, OptionName::Congestion, Rule::Bytes(rule::congestion)),
    row(libc::TCP_FASTOPEN, OptionName::FastOpen, Rule::Number(Value::FastOpen, 0, c_int::MAX)),
    row(libc::TCP_FASTOPEN_CONNECT, OptionName::FastOpenConnect, Rule::Switch(Value::FastOpenConnect)),
    row(libc::TCP_FASTOPEN_KEY, OptionName::FastOpenKey, Rule::Bytes(rule::fast_open_key)),
    row(libc::TCP_FASTOPEN_NO_COOKIE, OptionName::FastOpenNoCookie, Rule::Switch(Value::FastOpenNoCookie)),
    row(
        libc::TCP_THIN_LINEAR_TIMEOUTS,
        OptionName::ThinLinearTimeouts,
        Rule::Switch(Value::ThinLinearTimeouts),
    ),
    row(TCP_RTO_MAX_MS, OptionName::RtoMax, Rule::Number(Value::RtoMax, 1000, 120_000)),
];

/// `IPPROTO_IP`.
pub(super) const IP: &[Row] = &[
    row(libc::IP_TOS, OptionName::TypeOfService, Rule::Int(rule::type_of_service)),
    row(libc::IP_TTL, OptionName::TimeToLive, Rule::Hops(Value::TimeToLive, 1)),
    row(libc::IP_MTU_DISCOVER, OptionName::MtuDiscover, Rule::Byte(Value::MtuDiscover, 0, 5)),
    row(libc::IP_RECVERR, OptionName::ReceiveErrors, Rule::Flag(Value::ReceiveErrors)),
    row(libc::IP_FREEBIND, OptionName::FreeBind, Rule::Flag(Value::FreeBind)),
    row(libc::IP_BIND_ADDRESS_NO_PORT, OptionName::BindAddressNoPort, Rule::Flag(Value::BindAddressNoPort)),
    row(IP_LOCAL_PORT_RANGE, OptionName::LocalPortRange, Rule::Int(rule::local_port_range)),
    row(libc::IP_MINTTL, OptionName::MinTimeToLive, Rule::Byte(Value::MinTimeToLive, 0, 255)),
];

/// `IPPROTO_IPV6`.
pub(super) const IPV6: &[Row] = &[
    row(libc::IPV6_V6ONLY, OptionName::V6Only, Rule::Flag(Value::V6Only)),
    row(libc::IPV6_TCLASS, OptionName::TrafficClass, Rule::Int(rule::traffic_class)),
    row(libc::IPV6_UNICAST_HOPS, OptionName::HopLimit, Rule::Hops(Value::HopLimit, 0)),
    row(libc::IPV6_MTU_DISCOVER, OptionName::MtuDiscover6, Rule::Byte(Value::MtuDiscover6, 0, 5)),
    row(libc::IPV6_RECVERR, OptionName::ReceiveErrors6, Rule::Flag(Value::ReceiveErrors6)),
    row(IPV6_MINHOPCOUNT, OptionName::MinHopLimit, Rule::Byte(Value::MinHopLimit, 0, 255)),
];
