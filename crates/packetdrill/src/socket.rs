//! What a program knows of a socket.

use sockeye_buffer::Slot;
use sockeye_clock::Instant;
use sockeye_stack::{Error, Family, Network, SocketEvent, SocketId};
use std::time::Duration;

/// The state of a socket as its program sees it.
#[derive(Debug, Default)]
pub(crate) struct Socket {
    /// `None` before it is accepted.
    pub(crate) id: Option<SocketId>,
    pub(crate) is_v6: bool,
    pub(crate) is_nonblocking: bool,
    pub(crate) recv_timeout: Option<Duration>,
    pub(crate) send_timeout: Option<Duration>,
    /// SO_RCVLOWAT; 0 counts as 1.
    pub(crate) low_water: usize,
    pub(crate) is_connecting: bool,
    pub(crate) is_connected: bool,
    /// The SYN waits for text (TCP_FASTOPEN_CONNECT): the program finds itself connected.
    pub(crate) is_deferred: bool,
    pub(crate) is_listening: bool,
    pub(crate) is_end_of_file: bool,
    pub(crate) is_send_shut: bool,
    pub(crate) is_recv_shut: bool,
    pub(crate) is_drained: bool,
    pub(crate) is_closed: bool,
    pub(crate) accept_len: usize,
    pub(crate) error: Option<Error>,
    /// Somebody was told that there is no room: then room is news.
    pub(crate) lacks_room: bool,
    /// Whether a third of SO_SNDBUF was free when that was looked at.
    pub(crate) has_room: bool,
}

/// Events of poll() as epoll numbers them.
pub(crate) const IN: u32 = (libc::EPOLLIN | libc::EPOLLRDNORM) as u32;
pub(crate) const OUT: u32 = (libc::EPOLLOUT | libc::EPOLLWRNORM) as u32;
pub(crate) const ERR: u32 = libc::EPOLLERR as u32;
pub(crate) const HUP: u32 = libc::EPOLLHUP as u32;
pub(crate) const RDHUP: u32 = libc::EPOLLRDHUP as u32;

impl Socket {
    /// The family that it was made with.
    pub(crate) const fn family(&self) -> Family {
        if self.is_v6 { Family::V6 } else { Family::V4 }
    }

    /// Takes note of what happened; the poll events that it wakes for.
    pub(crate) fn on_event(&mut self, event: SocketEvent, slot: Option<&Slot>) -> u32 {
        match event {
            SocketEvent::Connected => {
                self.is_connecting = false;
                self.is_connected = true;
                OUT
            }
            // The text tells.
            SocketEvent::Urgent | SocketEvent::Remembered => 0,
            SocketEvent::Readable => IN,
            SocketEvent::Acceptable => {
                self.accept_len += 1;
                IN
            }
            SocketEvent::Writable => {
                if self.lacks_room && slot.is_some_and(|slot| self.is_writable(slot)) {
                    self.lacks_room = false;
                    return OUT;
                }
                0
            }
            SocketEvent::EndOfFile => {
                self.is_end_of_file = true;
                IN | RDHUP | if self.is_send_shut { HUP } else { 0 }
            }
            SocketEvent::Drained => {
                self.is_drained = true;
                0
            }
            SocketEvent::Failed(error) => {
                self.error = Some(error);
                self.end();
                self.is_connecting = false;
                IN | OUT | ERR | HUP | RDHUP
            }
            SocketEvent::ReportQueued => ERR,
            SocketEvent::Closed => {
                self.end();
                IN | OUT | HUP | RDHUP
            }
            #[allow(unreachable_patterns)]
            _ => 0,
        }
    }

    fn end(&mut self) {
        self.is_closed = true;
        self.is_send_shut = true;
    }

    /// Bytes that wait in RecvQ.
    pub(crate) fn held(slot: Option<&Slot>) -> usize {
        slot.map_or(0, |slot| slot.reader().len())
    }

    /// Linux's rule: at least a third of SO_SNDBUF is free.
    pub(crate) fn is_writable(&self, slot: &Slot) -> bool {
        self.has_room && slot.writer().free() > 0 && slot.header().is_unsent_low()
    }

    /// To be called before [`is_writable`](Self::is_writable) is asked.
    pub(crate) fn look_for_room(&mut self, network: &Network, slot: Option<&Slot>) {
        if let (Some(id), Some(slot)) = (self.id, slot) {
            self.has_room = network.has_send_room(id, slot.writer().len());
        }
    }

    /// What poll() tells of it, as Linux's tcp_poll().
    pub(crate) fn poll(&mut self, slot: Option<&Slot>) -> u32 {
        if self.is_listening {
            return if self.accept_len > 0 { IN } else { 0 };
        }
        let mut events = if self.error.is_some() { ERR } else { 0 };
        let is_recv_shut = self.is_end_of_file || self.is_recv_shut || self.is_closed;
        let is_fresh = !self.is_connecting && !self.is_connected;
        if (is_recv_shut && self.is_send_shut) || self.is_closed || is_fresh {
            events |= HUP;
        }
        if is_recv_shut {
            events |= IN | RDHUP;
        }
        if self.is_connecting {
            return events;
        }
        if !is_fresh && Self::held(slot) >= self.low_water.max(1) {
            events |= IN;
        }
        match slot {
            Some(slot) if !self.is_send_shut && !self.is_writable(slot) => self.lacks_room = true,
            _ => events |= OUT,
        }
        events
    }
}

/// When a call that waits `timeout` from `now` gives up.
pub(crate) fn deadline(now: Instant, timeout: Option<Duration>) -> Option<Instant> {
    timeout.map(|timeout| now + timeout)
}
