//! RACK (RFC 8985, section 6.2): a segment is lost if one that was sent sufficiently later has arrived.

use core::time::Duration;
use sockeye_clock::Instant;
use sockeye_wire::SeqNum;

use super::record::{Marks, Record};
use super::scoreboard::Scoreboard;

/// Recoveries without a DSACK after which the reordering window is small again (RFC 8985, 6.2 step 4).
pub(super) const PERSIST: u8 = 16;

/// The state of RACK.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rack {
    /// `RACK.xmit_ts`, `RACK.end_seq`: the segment sent last of those that arrived.
    newest: Option<(Instant, SeqNum)>,
    /// `RACK.rtt`.
    rtt: Duration,
    /// Whether something arrived since losses were last looked for.
    has_advanced: bool,
    /// `RACK.reo_wnd_mult`.
    steps: u8,
    /// `RACK.reo_wnd_persist`.
    pub(super) persist: u8,
    /// A DSACK came that tells of a spurious retransmission.
    dsack_seen: bool,
    /// `RACK.dsack_round`: bytes delivered when the window last grew.
    round: u64,
}

/// The losses that were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Sequence numbers newly lost.
    pub(super) lost: u32,
    /// When to look again.
    pub(super) wait: Option<Duration>,
}

impl Rack {
    pub(super) const fn new() -> Self {
        Self {
            newest: None,
            rtt: Duration::ZERO,
            has_advanced: false,
            steps: 1,
            persist: 0,
            dsack_seen: false,
            round: 0,
        }
    }

    /// Step 2: `record` arrived.
    pub(super) fn on_arrived(&mut self, now: Instant, record: &Record, min_rtt: Option<Duration>) {
        let rtt = now.since(record.sent);
        if record.is(Marks::EVER_RESENT) && min_rtt.is_some_and(|min| rtt < min) {
            // It was the original that arrived.
            return;
        }
        self.has_advanced = true;
        self.rtt = rtt;
        if self.newest.is_none_or(|(sent, end)| record.is_sent_after(sent, end)) {
            self.newest = Some((record.sent, record.end));
        }
    }

    /// A DSACK says that a retransmission was spurious.
    pub(super) const fn on_dsack(&mut self) {
        self.dsack_seen = true;
    }

    /// Losses are looked for again with the next ACK.
    pub(super) const fn look_again(&mut self) {
        self.has_advanced = true;
    }

    /// Step 4: the window grows with each round trip that had a DSACK. `prior_delivered` is what was delivered when the newest of
    /// what arrived was sent.
    pub(super) fn adapt(&mut self, prior_delivered: u64, delivered: u64) {
        if prior_delivered < self.round {
            self.dsack_seen = false;
        }
        if self.dsack_seen {
            self.steps = self.steps.saturating_add(1);
            self.dsack_seen = false;
            self.round = delivered;
            self.persist = PERSIST;
        } else if self.persist == 0 {
            self.steps = 1;
        }
    }

    /// Step 4: `min(min_rtt / 4 * reo_wnd_mult, SRTT)`.
    pub(super) fn window(&self, min_rtt: Option<Duration>, srtt: Option<Duration>) -> Duration {
        let window = min_rtt.unwrap_or_default() / 4 * u32::from(self.steps);
        window.min(srtt.unwrap_or_default())
    }

    /// Whether something arrived since this was last asked.
    pub(super) const fn take_advanced(&mut self) -> bool {
        core::mem::replace(&mut self.has_advanced, false)
    }

    /// How long a segment sent at `sent` still has.
    pub(super) fn remaining(&self, now: Instant, sent: Instant, window: Duration) -> Duration {
        (self.rtt + window).saturating_sub(now.since(sent))
    }

    /// Step 5. Of the segments that are not lost yet the one sent last decides when to look again.
    pub(super) fn detect(&self, now: Instant, board: &mut Scoreboard, window: Duration) -> Found {
        let mut found = Found::default();
        let Some((sent, end)) = self.newest else { return found };
        let Some(last) = board.last_sent_before(sent, end) else { return found };
        let last = board.get(last).map_or(sent, |record| record.sent);
        while let Some(index) = board.oldest_in_flight() {
            let Some(record) = board.get(index) else { break };
            if record.end == end || record.is_sent_after(sent, end) {
                break;
            }
            if !self.remaining(now, record.sent, window).is_zero() {
                found.wait = Some(self.remaining(now, last, window));
                break;
            }
            found.lost += board.mark_lost(index);
        }
        found
    }
}
