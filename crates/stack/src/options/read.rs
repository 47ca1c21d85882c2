//! getsockopt(), as far as it concerns an option alone: a function for each level, which knows nothing of what is not its own.

use super::linux::seconds_of;
use super::{IpOptions, Options, TcpOptions, or, to_u32};
use crate::{OptionName, Settings, SocketOption};

impl Options {
    /// getsockopt(); `None` is for what nobody keeps, which is none of [`OptionName::ALL`].
    pub(crate) fn read(&self, name: OptionName, settings: &Settings) -> Option<SocketOption> {
        self.read_socket(name)
            .or_else(|| self.tcp.read(name, settings))
            .or_else(|| self.ip.read(name, settings))
    }

    fn read_socket(&self, name: OptionName) -> Option<SocketOption> {
        Some(match name {
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
            _ => return None,
        })
    }
}

impl TcpOptions {
    fn read(&self, name: OptionName, settings: &Settings) -> Option<SocketOption> {
        Some(match name {
            OptionName::Cork => SocketOption::Cork(self.cork),
            OptionName::QuickAck => SocketOption::QuickAck(u32::from(self.quick_ack != 0)),
            OptionName::SynCount => SocketOption::SynCount(or(self.syn_count, settings.syn_retries)),
            OptionName::Linger2 => SocketOption::Linger2(match self.linger2 {
                0 => i32::try_from(settings.fin_timeout.as_secs()).unwrap_or(i32::MAX),
                seconds => seconds,
            }),
            OptionName::DeferAccept => SocketOption::DeferAccept(seconds_of(self.defer_accept)),
            OptionName::WindowClamp => SocketOption::WindowClamp(self.window_clamp),
            OptionName::NotSentLowat => SocketOption::NotSentLowat(self.notsent_lowat),
            OptionName::Inq => SocketOption::Inq(self.inq),
            OptionName::Congestion => {
                SocketOption::Congestion(self.congestion.unwrap_or(settings.congestion_control))
            }
            OptionName::FastOpen => SocketOption::FastOpen(self.fast_open),
            OptionName::FastOpenConnect => SocketOption::FastOpenConnect(self.fast_open_connect),
            OptionName::FastOpenKey => SocketOption::FastOpenKey(self.fast_open_key),
            OptionName::FastOpenNoCookie => SocketOption::FastOpenNoCookie(self.fast_open_no_cookie),
            OptionName::ThinLinearTimeouts => SocketOption::ThinLinearTimeouts(self.thin_linear_timeouts),
            OptionName::RtoMax => {
                let host = u32::try_from(settings.rto_max.as_millis()).unwrap_or(u32::MAX);
                SocketOption::RtoMax(or(self.rto_max, host))
            }
            _ => return None,
        })
    }
}

impl IpOptions {
    fn read(&self, name: OptionName, settings: &Settings) -> Option<SocketOption> {
        Some(match name {
            OptionName::TypeOfService => SocketOption::TypeOfService(self.type_of_service),
            OptionName::TimeToLive => {
                SocketOption::TimeToLive(self.time_to_live.or(Some(settings.hop_limit)))
            }
            OptionName::MtuDiscover => SocketOption::MtuDiscover(self.mtu_discover),
            OptionName::ReceiveErrors => SocketOption::ReceiveErrors(self.receive_errors),
            OptionName::FreeBind => SocketOption::FreeBind(self.free_bind),
            OptionName::BindAddressNoPort => SocketOption::BindAddressNoPort(self.bind_address_no_port),
            OptionName::LocalPortRange => SocketOption::LocalPortRange(self.local_port_range),
            OptionName::MinTimeToLive => SocketOption::MinTimeToLive(self.min_time_to_live),
            OptionName::TrafficClass => SocketOption::TrafficClass(self.traffic_class),
            OptionName::HopLimit => SocketOption::HopLimit(self.hop_limit.or(Some(settings.hop_limit))),
            OptionName::MtuDiscover6 => SocketOption::MtuDiscover6(self.mtu_discover6),
            OptionName::ReceiveErrors6 => SocketOption::ReceiveErrors6(self.receive_errors6),
            OptionName::MinHopLimit => SocketOption::MinHopLimit(self.min_hop_limit),
            _ => return None,
        })
    }
}
