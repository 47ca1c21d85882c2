//! SYNs with text at a listener (RFC 7413, section 4.2).

use super::bits;
use super::key::Validity;
use crate::demux::Tuple;
use crate::host::Host;
use crate::options::Options;
use sockeye_clock::Instant;
use sockeye_tcb::Segment;
use sockeye_wire::FastOpen;
use std::collections::VecDeque;
use std::time::Duration;

/// A connection that was reset before its handshake was complete counts so long, so that resets from other addresses do not make room
/// for more (RFC 7413, section 5.1).
const RESET_COUNTS_FOR: Duration = Duration::from_secs(60);

/// How many connections of a listener are there without a complete handshake.
#[derive(Debug, Default)]
pub(crate) struct FastOpenQueue {
    /// TCP_FASTOPEN: at most so many; 0 is none.
    pub(crate) max: u32,
    pending: u32,
    /// When those that were reset count no more.
    reset: VecDeque<Instant>,
}

impl FastOpenQueue {
    fn has_room(&mut self, now: Instant) -> bool {
        if self.reset.front().is_some_and(|until| *until <= now) && self.count() >= self.max {
            self.reset.pop_front();
        }
        self.count() < self.max
    }

    fn count(&self) -> u32 {
        self.pending.saturating_add(u32::try_from(self.reset.len()).unwrap_or(u32::MAX))
    }

    /// A connection begins early.
    pub(crate) const fn on_begin(&mut self) {
        self.pending = self.pending.saturating_add(1);
    }

    /// Its handshake is complete, or it is over.
    pub(crate) const fn on_complete(&mut self) {
        self.pending = self.pending.saturating_sub(1);
    }

    /// It was reset.
    pub(crate) fn on_reset(&mut self, now: Instant) {
        self.on_complete();
        self.reset.push_back(now + RESET_COUNTS_FOR);
    }
}

/// What becomes of a SYN, as far as Fast Open goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// An ordinary handshake; the SYN-ACK may tell a cookie.
    Ordinary(Option<FastOpen>),
    /// The connection begins now; the SYN-ACK may tell a new cookie.
    Early(Option<FastOpen>),
}

impl Host {
    /// Judges a SYN's cookie.
    pub(crate) fn judge_syn(
        &self,
        now: Instant,
        tuple: &Tuple,
        (options, queue): (&Options, &mut FastOpenQueue),
        syn: &Segment<'_>,
    ) -> Verdict {
        let asked = syn.header.options.fast_open.as_ref();
        let is_concerned = !syn.text.is_empty() || asked.is_some();
        if self.settings.fast_open & bits::SERVER == 0 || !is_concerned || !queue.has_room(now) {
            return Verdict::Ordinary(None);
        }
        if options.tcp.fast_open_no_cookie || self.settings.fast_open & bits::SERVER_NO_COOKIE != 0 {
            return Verdict::Early(None);
        }
        let Some(asked) = asked else { return Verdict::Ordinary(None) };
        let keys = options.tcp.fast_open_key.or(self.settings.fast_open_keys).unwrap_or(self.fast_open_keys);
        let (client, server) = (tuple.remote.ip(), tuple.local.ip());
        let answer = || FastOpen { is_experimental: asked.is_experimental, ..keys.cookie(client, server) };
        match keys.check(asked, client, server) {
            Validity::Good => Verdict::Early(None),
            Validity::Old => Verdict::Early(Some(answer())),
            Validity::Bad => Verdict::Ordinary(Some(answer())),
        }
    }
}
