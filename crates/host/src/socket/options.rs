//! setsockopt() and getsockopt(): requests, and words that the engine reads or keeps.

use super::Socket;
use crate::proto::{Reply, Request};
use crate::table::condition;
use sockeye_buffer::{Condition, Flag};
use sockeye_clock::monotonic;
use sockeye_stack::{Error, KeptInfo, OptionName, SocketOption, TcpInfo};
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::time::Duration;

impl Socket {
    /// setsockopt() for what the engine keeps.
    ///
    /// # Errors
    /// As Linux.
    pub fn set_option(&self, option: SocketOption) -> Result<(), Error> {
        if let SocketOption::Inq(on) = option {
            self.header().readiness.tells_left.store(u32::from(on), Ordering::Relaxed);
        }
        let is_set = match option {
            SocketOption::NotSentLowat(bytes) => self.set_notsent_low(bytes)?,
            _ => self.set_flag(option)?,
        };
        if is_set {
            return Ok(());
        }
        self.way.tell(Request::SetOption { tag: self.tag(), option })
    }

    /// Sets an option of a connection that programs set with each request, in the slot. Whether it is one.
    fn set_flag(&self, option: SocketOption) -> Result<bool, Error> {
        let has_text = || !self.at.writer.is_empty();
        let (flag, is_on, lets_go) = match option {
            SocketOption::NoDelay(on) => (Flag::NO_DELAY, on, on && has_text()),
            SocketOption::Cork(on) => (Flag::CORK, on, !on && has_text()),
            // An ACK may be due.
            SocketOption::QuickAck(value @ 0..=1) => (Flag::QUICK_ACK, value == 1, value == 1),
            _ => return Ok(false),
        };
        if !self.has_words()? {
            return Ok(false);
        }
        let readiness = &self.header().readiness;
        match is_on {
            true => readiness.flags.fetch_or(flag, Ordering::SeqCst),
            false => readiness.flags.fetch_and(!flag, Ordering::SeqCst),
        };
        readiness.flags_changed.fetch_or(flag, Ordering::SeqCst);
        // What the option held back leaves now. Else it counts from the next look on, which the next bytes bring.
        if lets_go {
            self.ring();
        }
        Ok(true)
    }

    /// Sets TCP_NOTSENT_LOWAT in the slot. Whether the engine need not be asked.
    fn set_notsent_low(&self, bytes: u32) -> Result<bool, Error> {
        if !self.has_words()? {
            return Ok(false);
        }
        let header = self.header();
        let word = &header.readiness.notsent_low_water;
        if word.load(Ordering::SeqCst) == bytes {
            return Ok(true);
        }
        word.store(bytes, Ordering::SeqCst);
        header.readiness.flags_changed.fetch_or(Flag::NOTSENT_LOW_WATER, Ordering::SeqCst);
        // Whoever writes after this rings, and then the engine sees the flag.
        fence(Ordering::SeqCst);
        // Else who polls or writes next is to find how much was not sent once the engine has looked at it all, and who sleeps is to be woken.
        Ok(header.unsent() == 0)
    }

    /// Whether options that are words in the slot can be set there: on an open connection.
    fn has_words(&self) -> Result<bool, Error> {
        const STATE: u32 = Condition::CONNECTED | Condition::CLOSED | condition::DEFERRED;
        Ok(self.condition()? & STATE == Condition::CONNECTED && self.way.is_alive())
    }

    /// getsockopt() for what the engine keeps.
    ///
    /// # Errors
    /// As Linux.
    pub fn option(&self, name: OptionName) -> Result<SocketOption, Error> {
        match self.way.call(Request::Option { tag: self.tag(), name })?.reply {
            Reply::Option(option) => Ok(option),
            _ => Err(Error::HostGone),
        }
    }

    /// TCP_INFO.
    ///
    /// # Errors
    /// `HostGone`.
    pub fn tcp_info(&self) -> Result<TcpInfo, Error> {
        let mut info = self.kept_info().map_or_else(|| self.asked_info(), Ok)?;
        let times = [info.busy_time, info.rwnd_limited, info.sndbuf_limited];
        [info.busy_time, info.rwnd_limited, info.sndbuf_limited] = self.at.slot.told_times(times);
        Ok(info)
    }

    fn asked_info(&self) -> Result<TcpInfo, Error> {
        match self.way.call(Request::Info { tag: self.tag() })?.reply {
            Reply::Info(info) => Ok(*info),
            _ => Err(Error::HostGone),
        }
    }

    /// TCP_INFO from the copy that the engine keeps of an open connection while it is asked often.
    fn kept_info(&self) -> Option<TcpInfo> {
        const ABOUT_IT: u32 = Flag::NO_DELAY | Flag::CORK | Flag::QUICK_ACK;
        let is_open = || self.is_open() && self.way.is_alive();
        if !is_open() || self.header().readiness.flags_changed.load(Ordering::SeqCst) & ABOUT_IT != 0 {
            return None;
        }
        let kept = KeptInfo::find(&self.at.slot)?;
        // Of another socket's, if the slot was given to one meanwhile.
        is_open().then(|| kept.at(monotonic()))
    }

    /// SIOCOUTQNSD: bytes never sent.
    ///
    /// # Errors
    /// `HostGone`.
    pub fn unsent(&self) -> Result<usize, Error> {
        if self.is_open() && self.way.is_alive() && self.header().unsent() == 0 {
            return Ok(0);
        }
        // The engine may not have looked at what was written.
        Ok(self.tcp_info()?.notsent_bytes as usize)
    }

    /// SO_RCVTIMEO; zero is none.
    pub fn set_recv_timeout(&self, timeout: Duration) {
        store_timeout(&self.header().readiness.recv_timeout, timeout);
    }

    /// SO_RCVTIMEO.
    #[must_use]
    pub fn recv_timeout(&self) -> Duration {
        Duration::from_micros(self.header().readiness.recv_timeout.load(Ordering::Relaxed))
    }

    /// SO_SNDTIMEO; zero is none.
    pub fn set_send_timeout(&self, timeout: Duration) {
        store_timeout(&self.header().readiness.send_timeout, timeout);
    }

    /// SO_SNDTIMEO.
    #[must_use]
    pub fn send_timeout(&self) -> Duration {
        Duration::from_micros(self.header().readiness.send_timeout.load(Ordering::Relaxed))
    }

    /// SO_RCVLOWAT, bytes.
    pub fn set_recv_low_water(&self, bytes: u32) {
        let readiness = &self.header().readiness;
        readiness.recv_low_water.store(bytes, Ordering::SeqCst);
        if sockeye_buffer::held(self.header()) > 0 {
            readiness.flags_changed.fetch_or(Flag::LOW_WATER, Ordering::SeqCst);
            self.ring();
        }
    }

    /// SO_RCVLOWAT, bytes.
    #[must_use]
    pub fn recv_low_water(&self) -> u32 {
        self.header().readiness.recv_low_water.load(Ordering::Relaxed).max(1)
    }
}

fn store_timeout(word: &AtomicU64, timeout: Duration) {
    let micros = u64::try_from(timeout.as_micros()).unwrap_or(u64::MAX);
    // A timeout too short to be told is still one.
    let micros = if timeout.is_zero() { 0 } else { micros.max(1) };
    word.store(micros, Ordering::Relaxed);
}
