//! Who pays for a walk over all records: text sent since the last ones, or a time-out. An ACK or an ICMP message costs a peer nothing, so
//! it buys none.

use super::Scoreboard;

/// A record that is sent pays for so many to be walked over. So much can be saved up: as many walks.
const SHARE: u64 = 8;
/// So many are walked over for nothing.
const FREE: usize = 64;

impl Scoreboard {
    /// A record was sent for the first time.
    pub(super) const fn earn_walk(&mut self) {
        self.walk_credit = self.walk_credit.saturating_add(SHARE);
    }

    /// A time-out pays for a walk.
    pub(crate) fn grant_walk(&mut self) {
        self.walk_credit = self.walk_credit.saturating_add(self.ring.len() as u64);
    }

    /// Whether all records may be walked over; that is then paid.
    pub(crate) fn take_walk(&mut self) -> bool {
        let cost = self.ring.len() as u64;
        let held = self.walk_credit.min(SHARE * cost);
        let is_paid = held >= cost;
        self.walk_credit = if is_paid { held - cost } else { held };
        is_paid || self.ring.len() <= FREE
    }
}
