//! connect() over a connection in TIME-WAIT (RFC 6191).

use crate::demux::{Owner, Tuple};
use crate::network::Network;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

impl Network {
    /// Whether a connection with these ends can be opened: there is none, or one in TIME-WAIT that timestamps tell from a new one.
    pub(crate) fn is_tuple_free(&self, now: Instant, host: usize, tuple: &Tuple) -> bool {
        match self.hosts[host].demux.find(tuple) {
            None => true,
            Some(Owner::Socket(_) | Owner::Embryo(_)) => false,
            Some(Owner::TimeWait(index)) => self.is_reusable(now, host, tuple, index),
        }
    }

    /// tcp_tw_reuse: 0 never, 1 always, 2 on loopback only.
    fn is_reusable(&self, now: Instant, host: usize, tuple: &Tuple, index: u32) -> bool {
        let settings = &self.hosts[host].settings;
        let is_wanted = match settings.tw_reuse {
            0 => false,
            1 => true,
            _ => tuple.local.ip().is_loopback() || tuple.remote.ip().is_loopback(),
        };
        let waiting = self.time_waits.get(index as usize).filter(|_| is_wanted);
        // Our timestamps must go on, too.
        settings.timestamps != 0
            && waiting.is_some_and(|waiting| waiting.time_wait.is_reusable(now, settings.tw_reuse_delay))
    }

    /// Forgets a connection in TIME-WAIT between these ends; the new ISS must be after what it used.
    pub(crate) fn take_over(&mut self, host: usize, tuple: &Tuple) -> Option<SeqNum> {
        let Some(Owner::TimeWait(index)) = self.hosts[host].demux.find(tuple) else { return None };
        let last = self.time_waits.get(index as usize)?.time_wait.next_iss();
        self.forget_time_wait(index);
        Some(last)
    }
}
