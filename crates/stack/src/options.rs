//! The options in force of one socket, and the rules of setting them.

use crate::{Error, OptionName, Settings, SocketOption};
use sockeye_tcb::KeepAlive;
use std::time::Duration;

/// SOCK_MIN_SNDBUF.
const MIN_SEND_BUFFER: usize = 4608;
/// SOCK_MIN_RCVBUF.
const MIN_RECV_BUFFER: usize = 2304;
/// MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL, seconds.
const MAX_KEEP_SECONDS: u32 = 32_767;
/// MAX_TCP_KEEPCNT.
const MAX_KEEP_COUNT: u32 = 127;
/// TCP_MIN_MSS and MAX_TCP_WINDOW: the bounds of TCP_MAXSEG, bytes.
const MAX_SEGMENT_BOUNDS: std::ops::RangeInclusive<u32> = 88..=32_767;

/// What `setsockopt()` has set.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// In force, bytes.
    pub(crate) send_buffer: usize,
    /// In force, bytes.
    pub(crate) recv_buffer: usize,
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
}

impl Options {
    /// What a new socket has.
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            send_buffer: settings.exact_send_buffer.unwrap_or(settings.send_buffer).max(1),
            recv_buffer: settings.exact_recv_buffer.unwrap_or(settings.recv_buffer).max(1),
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
        }
    }

    /// setsockopt(), as far as it concerns the option alone.
    pub(crate) fn set(&mut self, option: SocketOption, settings: &Settings) -> Result<(), Error> {
        match option {
            SocketOption::SendBuffer(asked) => {
                self.send_buffer =
                    in_force(asked, settings.wmem_max, MIN_SEND_BUFFER, settings.exact_send_buffer);
            }
            SocketOption::ReceiveBuffer(asked) => {
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
        }
        Ok(())
    }

    /// getsockopt().
    pub(crate) fn read(&self, name: OptionName) -> SocketOption {
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

    pub(crate) fn user_timeout(&self) -> Option<Duration> {
        (self.user_timeout != 0).then(|| Duration::from_millis(u64::from(self.user_timeout)))
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

fn to_u32(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
