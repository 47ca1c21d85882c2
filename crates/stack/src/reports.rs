//! The error queue (MSG_ERRQUEUE): what became of bytes whose sender wants to know, and errors that end nothing.
//!
//! ```text
//!  mark() ──► waiting: zero-copy, stamps ──► sent / acknowledged ──► queue ──► take_report()
//!                                            errors of IP_RECVERR ────┘
//! ```

use crate::network::Network;
use crate::socket::Phase;
use crate::{Error, Mark, SocketEvent, SocketId};
use serde::{Deserialize, Serialize};
use sockeye_clock::Instant;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// Reports that wait to be taken. Linux bounds them by SO_RCVBUF; those beyond are lost there, too.
const MAX_QUEUE: usize = 256;
/// Sends that wait for their bytes to be acknowledged. Those beyond are reported with the last of these (zero-copy), or not at all.
const MAX_WAITING: usize = 1024;

/// SOF_TIMESTAMPING_TX_SOFTWARE.
const TX_SOFTWARE: u32 = 1 << 1;
/// SOF_TIMESTAMPING_SOFTWARE.
const SOFTWARE: u32 = 1 << 4;
/// SOF_TIMESTAMPING_OPT_ID.
const OPT_ID: u32 = 1 << 7;
/// SOF_TIMESTAMPING_TX_SCHED.
const TX_SCHED: u32 = 1 << 8;
/// SOF_TIMESTAMPING_TX_ACK.
const TX_ACK: u32 = 1 << 9;
/// SOF_TIMESTAMPING_OPT_TSONLY.
const OPT_TSONLY: u32 = 1 << 11;
/// SOF_TIMESTAMPING_OPT_ID_TCP.
const OPT_ID_TCP: u32 = 1 << 16;

/// One entry of a socket's error queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Report {
    /// These sends with MSG_ZEROCOPY are acknowledged: their memory may be used again. (It was copied at once.)
    ZeroCopy {
        /// Number of the first send, from 0.
        first: u32,
        /// Of the last.
        last: u32,
    },
    /// When something happened to the last byte of a send (SO_TIMESTAMPING).
    Stamp {
        /// What happened.
        stage: Stage,
        /// When: [`Instant::as_nanos`].
        nanos: u64,
        /// The number of the byte (SOF_TIMESTAMPING_OPT_ID), or 0.
        key: u32,
        /// Whether Linux would give the packet along with it, which nobody does here.
        has_packet: bool,
    },
    /// An ICMP error that ended an open (IP_RECVERR).
    Icmp {
        /// What it means.
        error: Error,
        /// Type of the message.
        kind: u8,
        /// Its code.
        code: u8,
        /// The MTU that it told, or 0.
        info: u32,
        /// Who sent it.
        from: IpAddr,
        /// Where the segment was on its way to.
        to: SocketAddr,
    },
}

/// What can happen to a byte, as Linux numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// It left the host.
    Sent = 0,
    /// It was handed to the link.
    Scheduled = 1,
    /// The peer acknowledged it.
    Acknowledged = 2,
}

/// A send whose end is waited for.
#[derive(Clone, Copy, Debug)]
struct Waiting {
    /// Bytes of the stream up to its end.
    end: u64,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    /// Numbers of the first and the last send.
    ZeroCopy(u32, u32),
    Stamp,
}

/// The error queue of one socket, and what will come into it.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    /// In the order of the stream.
    waiting: VecDeque<Waiting>,
    /// How many of them, from the front, were sent.
    sent: usize,
    queue: VecDeque<Report>,
    /// The number of the next send with MSG_ZEROCOPY.
    next_zero_copy: u32,
    /// The byte of the stream that the numbers of stamps begin at.
    pub(crate) first_key: u64,
}

impl Reports {
    /// A send with MSG_ZEROCOPY ends there.
    pub(crate) fn zero_copy(&mut self, end: u64) {
        let number = self.next_zero_copy;
        self.next_zero_copy = number.wrapping_add(1);
        let is_long = self.waiting.len() >= MAX_WAITING;
        if let Some(Waiting { end: last_end, what: What::ZeroCopy(_, last) }) = self.waiting.back_mut()
            && is_long
        {
            (*last_end, *last) = (end.max(*last_end), number);
        } else if is_long {
            self.push(Report::ZeroCopy { first: number, last: number });
        } else {
            self.wait(end, What::ZeroCopy(number, number));
        }
    }

    /// A send that is to be stamped ends there.
    pub(crate) fn stamp(&mut self, end: u64) {
        if self.waiting.len() < MAX_WAITING {
            self.wait(end, What::Stamp);
        }
    }

    /// Who has told of sends beyond `end` has died before it sent.
    fn forget_after(&mut self, end: u64) {
        while self.waiting.back().is_some_and(|waiting| waiting.end > end) {
            self.waiting.pop_back();
        }
        self.sent = self.sent.min(self.waiting.len());
    }

    fn wait(&mut self, end: u64, what: What) {
        // Two threads may tell in another order than they send in.
        let end = self.waiting.back().map_or(end, |last| end.max(last.end));
        self.waiting.push_back(Waiting { end, what });
    }

    /// Queues a report, if there is room.
    pub(crate) fn push(&mut self, report: Report) {
        if let (Report::ZeroCopy { first, last }, Some(Report::ZeroCopy { last: tail, .. })) =
            (report, self.queue.back_mut())
            && tail.wrapping_add(1) == first
        {
            // As Linux: one range for sends that follow each other.
            *tail = last;
        } else if self.queue.len() < MAX_QUEUE {
            self.queue.push_back(report);
        }
    }

    /// So many bytes were sent, and so many acknowledged. Says whether there are new reports.
    fn note(&mut self, now: Instant, sent: u64, acknowledged: u64, flags: u32) -> bool {
        let before = (self.queue.len(), self.queue.back().copied());
        while let Some(waiting) = self.waiting.get(self.sent).copied().filter(|waiting| waiting.end <= sent) {
            self.sent += 1;
            self.stamped(now, waiting, Stage::Scheduled, flags & TX_SCHED);
            self.stamped(now, waiting, Stage::Sent, flags & TX_SOFTWARE);
        }
        while let Some(waiting) = self.waiting.front().copied().filter(|waiting| waiting.end <= acknowledged)
        {
            self.waiting.pop_front();
            self.sent = self.sent.saturating_sub(1);
            match waiting.what {
                What::ZeroCopy(first, last) => self.push(Report::ZeroCopy { first, last }),
                What::Stamp => self.stamped(now, waiting, Stage::Acknowledged, flags & TX_ACK),
            }
        }
        before != (self.queue.len(), self.queue.back().copied())
    }

    /// The connection is over: nobody needs the memory of what waits any longer, and nothing more will happen to its bytes. Says
    /// whether there are new reports.
    fn finish(&mut self) -> bool {
        let mut is_news = false;
        self.sent = 0;
        while let Some(waiting) = self.waiting.pop_front() {
            if let What::ZeroCopy(first, last) = waiting.what {
                is_news = true;
                self.push(Report::ZeroCopy { first, last });
            }
        }
        is_news
    }

    fn stamped(&mut self, now: Instant, waiting: Waiting, stage: Stage, wanted: u32) {
        let What::Stamp = waiting.what else { return };
        if wanted == 0 {
            return;
        }
        let key = waiting.end.wrapping_sub(1).wrapping_sub(self.first_key) as u32;
        self.push(Report::Stamp { stage, nanos: now.as_nanos(), key, has_packet: true });
    }
}

impl Network {
    /// MSG_ERRQUEUE: the oldest report of a socket, and whether there are more.
    ///
    /// # Errors
    /// `WouldBlock` if there is none; `BadDescriptor`.
    pub fn take_report(&mut self, id: SocketId) -> Result<(Report, bool), Error> {
        let socket = self.find_mut(id)?;
        let flags = socket.options.timestamping;
        let reports = socket.reports.as_mut().ok_or(Error::WouldBlock)?;
        let mut report = reports.queue.pop_front().ok_or(Error::WouldBlock)?;
        if let Report::Stamp { key, has_packet, .. } = &mut report {
            *has_packet = flags & OPT_TSONLY == 0;
            if flags & OPT_ID == 0 {
                *key = 0;
            }
        }
        Ok((report, !reports.queue.is_empty()))
    }

    /// Whether the error queue holds something: then poll() says POLLERR.
    #[must_use]
    pub fn has_report(&self, id: SocketId) -> bool {
        let reports = self.find(id).ok().and_then(|socket| socket.reports.as_ref());
        reports.is_some_and(|reports| !reports.queue.is_empty())
    }

    /// MSG_ZEROCOPY, or a send of a socket with SO_TIMESTAMPING: it ends there.
    pub(crate) fn mark_report(
        &mut self,
        now: Instant,
        id: SocketId,
        mark: Mark,
        end: u64,
    ) -> Result<(), Error> {
        let socket = self.find_mut(id)?;
        let (flags, zero_copy) = (socket.options.timestamping, socket.options.zero_copy);
        match mark {
            // As Linux: without SO_ZEROCOPY the flag has no effect.
            Mark::ZeroCopy if zero_copy => socket.reports.get_or_insert_default().zero_copy(end),
            Mark::Stamp if wants_stamps(flags) => socket.reports.get_or_insert_default().stamp(end),
            Mark::ZeroCopy | Mark::Stamp | Mark::More | Mark::EndOfRecord | Mark::Urgent => {}
        }
        self.note_progress(now, id.index);
        Ok(())
    }

    /// What was said of bytes that were not published is forgotten: see [`Network::mark`]. After a doorbell.
    pub fn unmark(&mut self, id: SocketId) {
        let Ok(socket) = self.find_mut(id) else { return };
        let Phase::Connected(connected) = &mut socket.phase else { return };
        connected.tcb.unmark();
        let sendq = connected.tcb.rings().0;
        let end = sendq.head() + sendq.len() as u64;
        if let Some(reports) = &mut socket.reports {
            reports.forget_after(end);
        }
    }

    /// Tells what became of sends that somebody wants to know of.
    pub(crate) fn note_progress(&mut self, now: Instant, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let Some(reports) = &mut socket.reports else { return };
        let is_news = match &socket.phase {
            Phase::Connected(connected) => {
                let (acknowledged, sent) = connected.tcb.progress();
                reports.note(now, sent, acknowledged, socket.options.timestamping)
            }
            Phase::Idle | Phase::Listening(_) | Phase::Connecting(_) => false,
            Phase::Over(_) => reports.finish(),
        };
        if is_news {
            self.tell(index, SocketEvent::ReportQueued);
        }
    }

    /// Keeps an ICMP error for a socket with IP_RECVERR.
    pub(crate) fn report(&mut self, index: u32, report: Report) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        socket.reports.get_or_insert_default().push(report);
        self.tell(index, SocketEvent::ReportQueued);
    }

    /// SO_TIMESTAMPING was set: numbers begin now (SOF_TIMESTAMPING_OPT_ID).
    pub(crate) fn start_stamps(&mut self, index: u32, before: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let flags = socket.options.timestamping;
        if flags & OPT_ID == 0 || before & OPT_ID != 0 {
            return;
        }
        if let Phase::Connected(connected) = &mut socket.phase {
            let acknowledged = connected.tcb.progress().0;
            let written = acknowledged + connected.tcb.rings_mut().0.len() as u64;
            let first = if flags & OPT_ID_TCP == 0 { acknowledged } else { written };
            socket.reports.get_or_insert_default().first_key = first;
        }
    }
}

/// Whether with these flags of SO_TIMESTAMPING anything is told of sends.
#[must_use]
pub const fn wants_stamps(flags: u32) -> bool {
    flags & (TX_SCHED | TX_SOFTWARE | TX_ACK) != 0 && flags & SOFTWARE != 0
}

#[cfg(test)]
mod tests;
