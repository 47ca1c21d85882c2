//! setsockopt(), as far as it concerns an option alone: a function for each level, which leaves to the next what it does not know.

use super::Options;
use super::linux::retransmissions_of;
use crate::{Error, Settings, SocketOption, congestion};

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
/// The bits of the type of service that belong to ECN (RFC 3168): a stream's are TCP's.
const ECN_BITS: u8 = 3;

impl Options {
    /// setsockopt(), as far as it concerns the option alone.
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
            SocketOption::Linger(linger) => self.linger = linger,
            SocketOption::OobInline(on) => self.oob_inline = on,
            SocketOption::Priority(priority) => self.priority = priority,
            SocketOption::Mark(mark) => self.mark = mark,
            SocketOption::Broadcast(on) => self.broadcast = on,
            SocketOption::DontRoute(on) => self.dont_route = on,
            SocketOption::MaxPacingRate(rate) => self.max_pacing_rate = rate,
            SocketOption::ZeroCopy(on) => self.zero_copy = on,
            SocketOption::Timestamping(flags) => self.timestamping = flags,
            _ => return self.set_times(option, settings),
        }
        Ok(())
    }

    /// What TCP has had since before Linux gave it options of its own: times, sizes, and Nagle's algorithm.
    fn set_times(&mut self, option: SocketOption, settings: &Settings) -> Result<(), Error> {
        match option {
            SocketOption::NoDelay(on) => self.no_delay = on,
            SocketOption::KeepIdle(seconds) => self.keep_idle = check(seconds, 1..=MAX_KEEP_SECONDS)?,
            SocketOption::KeepInterval(seconds) => self.keep_interval = check(seconds, 1..=MAX_KEEP_SECONDS)?,
            SocketOption::KeepCount(count) => self.keep_count = check(count, 1..=MAX_KEEP_COUNT)?,
            SocketOption::MaxSegment(0) => self.max_segment = 0,
            SocketOption::MaxSegment(bytes) => self.max_segment = check(bytes, MAX_SEGMENT_BOUNDS)?,
            SocketOption::UserTimeout(millis) => self.user_timeout = millis,
            _ => return self.set_tcp(option, settings),
        }
        Ok(())
    }

    fn set_tcp(&mut self, option: SocketOption, settings: &Settings) -> Result<(), Error> {
        let tcp = &mut self.tcp;
        match option {
            SocketOption::Cork(on) => tcp.cork = on,
            SocketOption::QuickAck(value) => tcp.quick_ack = value,
            SocketOption::SynCount(count) => tcp.syn_count = check(count, 1..=MAX_SYN_COUNT)?,
            SocketOption::Linger2(seconds) => tcp.linger2 = seconds.clamp(-1, MAX_LINGER2),
            SocketOption::DeferAccept(seconds) => tcp.defer_accept = retransmissions_of(seconds),
            SocketOption::WindowClamp(0) => tcp.window_clamp = 0,
            SocketOption::WindowClamp(bytes) => tcp.window_clamp = bytes.max(MIN_WINDOW_CLAMP),
            SocketOption::NotSentLowat(bytes) => tcp.notsent_lowat = bytes,
            SocketOption::Inq(on) => tcp.inq = on,
            SocketOption::Congestion(name) => tcp.congestion = Some(congestion::choose(name, settings)?),
            SocketOption::FastOpen(length) => tcp.fast_open = length.min(settings.backlog_max),
            SocketOption::FastOpenConnect(on) => tcp.fast_open_connect = on,
            SocketOption::FastOpenKey(keys) => tcp.fast_open_key = keys,
            SocketOption::FastOpenNoCookie(on) => tcp.fast_open_no_cookie = on,
            SocketOption::ThinLinearTimeouts(on) => tcp.thin_linear_timeouts = on,
            SocketOption::RtoMax(millis) => tcp.rto_max = check(millis, RTO_MAX_BOUNDS)?,
            _ => return self.set_ip(option),
        }
        Ok(())
    }

    fn set_ip(&mut self, option: SocketOption) -> Result<(), Error> {
        let ip = &mut self.ip;
        match option {
            SocketOption::V6Only(on) => self.v6_only = on,
            // As on Linux the bits of ECN are not the program's.
            SocketOption::TypeOfService(tos) => ip.type_of_service = tos & !ECN_BITS,
            SocketOption::TimeToLive(Some(0))
            | SocketOption::MtuDiscover(TOO_MUCH_MTU_DISCOVER..)
            | SocketOption::MtuDiscover6(TOO_MUCH_MTU_DISCOVER..) => {
                return Err(Error::InvalidArgument);
            }
            SocketOption::TimeToLive(limit) => ip.time_to_live = limit,
            SocketOption::MtuDiscover(how) => ip.mtu_discover = how,
            SocketOption::ReceiveErrors(on) => ip.receive_errors = on,
            SocketOption::FreeBind(on) => ip.free_bind = on,
            SocketOption::BindAddressNoPort(on) => ip.bind_address_no_port = on,
            SocketOption::LocalPortRange((first, last)) if first != 0 && last != 0 && first > last => {
                return Err(Error::InvalidArgument);
            }
            SocketOption::LocalPortRange(range) => ip.local_port_range = range,
            SocketOption::MinTimeToLive(limit) => ip.min_time_to_live = limit,
            SocketOption::TrafficClass(class) => ip.traffic_class = class & !ECN_BITS,
            SocketOption::HopLimit(limit) => ip.hop_limit = limit,
            SocketOption::MtuDiscover6(how) => ip.mtu_discover6 = how,
            SocketOption::ReceiveErrors6(on) => ip.receive_errors6 = on,
            SocketOption::MinHopLimit(limit) => ip.min_hop_limit = limit,
            _ => return Err(Error::NoSuchOption),
        }
        Ok(())
    }
}

/// Linux cuts what is asked for at wmem_max or rmem_max, doubles it, and has a floor.
fn in_force(asked: u32, max: usize, floor: usize, exact: Option<usize>) -> usize {
    let doubled = (asked as usize).min(max).saturating_mul(2);
    exact.unwrap_or(doubled.max(floor)).max(1)
}

fn check(value: u32, bounds: std::ops::RangeInclusive<u32>) -> Result<u32, Error> {
    if bounds.contains(&value) { Ok(value) } else { Err(Error::InvalidArgument) }
}
