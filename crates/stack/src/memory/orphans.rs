//! Connections that no program holds must not use up what others need (Linux's `tcp_check_oom`).

use crate::host::Host;
use crate::network::Network;
use crate::socket::Phase;
use sockeye_clock::Instant;
use sockeye_tcb::Tcb;

/// SOCK_MIN_SNDBUF: an orphan with no more text is spared for the memory's sake.
const SPARED: usize = 4608;

impl Host {
    /// Whether an orphan, which is counted already, is one too many, or holds memory that is missing.
    pub(crate) fn must_end_orphan(&self, tcb: &Tcb, penalty: u32) -> bool {
        let orphans = u64::from(self.orphans) << penalty;
        let is_large = tcb.rings().0.len() > SPARED;
        orphans > u64::from(self.settings.max_orphans) || (is_large && self.memory.is_above_most())
    }

    /// Linux's `tcp_out_of_resources`: who has not got on for long, or had an ICMP error, counts twice.
    fn penalty(&self, now: Instant, tcb: &Tcb) -> u32 {
        let is_stuck = tcb.silence(now) > 2 * self.settings.rto_max;
        u32::from(is_stuck) + u32::from(tcb.soft_error().is_some())
    }
}

impl Network {
    /// An orphan that would try again what it tried before ends if there are too many, or too little memory. Says whether it did.
    pub(crate) fn ends_orphan(&mut self, now: Instant, index: u32) -> bool {
        let Some(socket) = self.sockets.get_mut(index as usize) else { return false };
        let here = &mut self.hosts[socket.host.0 as usize];
        let Phase::Connected(connected) = &mut socket.phase else { return false };
        let tcb = &mut connected.tcb;
        if !socket.is_orphan || !tcb.is_retry_due(now) || !here.must_end_orphan(tcb, here.penalty(now, tcb)) {
            return false;
        }
        // The peer learns that text is lost.
        tcb.give_up();
        here.counters.aborts_on_memory += 1;
        self.owe_socket(index);
        true
    }
}
