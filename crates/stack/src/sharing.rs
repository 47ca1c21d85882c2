//! How much the connections of loopback hold: what they hold together should stay in the processors' caches.
//!
//! One connection is fastest with long queues, for then the program, the engine and the peer take turns seldom. Of many at once, each goes
//! through memory of its own, and with long queues the text of none is still in a cache when the next party wants it.

use crate::Network;
use crate::host::Host;
use crate::options::Options;
use crate::route::{Path, Via};
use crate::socket::Phase;
use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_tcb::SendAccounting;

/// What each of them holds at first, bytes: more if it was full, and less if its default is less.
const LEAST: usize = 128 << 10;
/// What those that were full lately hold together, bytes; but each at least `LEAST`.
const ALL: usize = 2 << 20;
/// What is lately.
const LATELY: Duration = Duration::from_millis(10);
/// More are not told apart: by then each holds `LEAST`.
const KEPT: usize = ALL / LEAST;

/// The connections that were full lately.
#[derive(Debug, Default)]
pub(crate) struct Sharing {
    /// Each once.
    full: [Option<(u32, Instant)>; KEPT],
}

impl Sharing {
    /// A connection is full. Returns what each of them may hold, bytes.
    fn share(&mut self, index: u32, now: Instant) -> usize {
        let is_late = |last: Instant| now.since(last) > LATELY;
        let mut place = None;
        let mut others = 0;
        for (at, entry) in self.full.iter_mut().enumerate() {
            match *entry {
                Some((known, _)) if known == index => place = Some(at),
                Some((_, last)) if !is_late(last) => others += 1,
                _ => {
                    *entry = None;
                    place = place.or(Some(at));
                }
            }
        }
        if let Some(entry) = place.and_then(|at| self.full.get_mut(at)) {
            *entry = Some((index, now));
        }
        ALL / (others + 1)
    }
}

/// Whether the stack chooses how much the connection holds.
fn is_shared(host: &Host, options: &Options, path: &Path) -> bool {
    path.via == Via::Loopback
        && !options.is_send_fixed
        && host.settings.exact_send_buffer.is_none()
        && options.send_accounting == SendAccounting::Bytes
}

/// What SendQ holds at first.
pub(crate) fn first_limit(host: &Host, options: &Options, path: &Path) -> usize {
    if is_shared(host, options, path) { options.send_buffer.min(LEAST) } else { options.send_buffer }
}

impl Network {
    /// The program may have filled its SendQ: then it is given room for more, or for less, if others are full too.
    pub(crate) fn share_out(&mut self, now: Instant, index: u32) {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return };
        let Phase::Connected(connected) = &mut socket.phase else { return };
        let host = &mut self.hosts[socket.host.0 as usize];
        if !connected.tcb.is_send_full() || !is_shared(host, &socket.options, &connected.path) {
            return;
        }
        self.is_in_round |= host.memory.charge(&mut socket.charged, connected.tcb.held());
        let share = self.sharing.share(index, now).max(LEAST);
        let most = if host.memory.is_growth_over() {
            connected.tcb.send_limit()
        } else {
            socket.options.send_buffer
        };
        connected.tcb.share(share.min(most));
        let Some(partner) = connected.partner else { return };
        let Some(socket) = self.sockets.get_mut(partner as usize) else { return };
        if let Phase::Connected(connected) = &mut socket.phase
            && !socket.options.is_recv_fixed
        {
            connected.tcb.bound_window(share);
        }
    }
}

#[cfg(test)]
mod tests;
