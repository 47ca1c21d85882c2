//! Bounds for the text in all queues of a host together (`net.ipv4.tcp_mem`).
//!
//! ```text
//!   calls, doorbells, segments ──► a queue changes ──► charge ──► the level changes
//!                                                                        │
//!   before a connection is served, or gets a segment: its ration  ◄──────┤
//!   a round of visits, so many in each flush: to those that rest  ◄──────┘
//! ```
//!
//! Programs fill their SendQ in shared memory as far as they were told, so a connection that rests is visited, too. docs/adr/0015 says by
//! how much the bounds can be passed.

mod orphans;
mod ration;
mod usage;

use serde::{Deserialize, Serialize};
use sockeye_tcb::{Allowance, Strain};

pub(crate) use ration::UNCHARGED;
pub use usage::MemoryUsage;

/// Bounds for what all queues of a host hold, in pages of 4096 bytes (`net.ipv4.tcp_mem`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryBounds {
    /// Up to here nothing is bounded.
    pub low: u64,
    /// Beyond this there is pressure, until no more than `low` is held.
    pub pressure: u64,
    /// Beyond this a connection gets the least only: `tcp_rmem`'s and `tcp_wmem`'s first number.
    pub most: u64,
}

impl MemoryBounds {
    /// Bytes of a page.
    pub const PAGE: u64 = 4096;

    /// Linux's bounds for a machine on which so many pages can be had (`nr_free_buffer_pages`): 4.68, 6.25 and 9.37 per cent of them.
    #[must_use]
    pub const fn of_machine(pages: u64) -> Self {
        let sixteenth = pages / 16;
        let pressure = if sixteenth < 128 { 128 } else { sixteenth };
        let low = pressure / 4 * 3;
        Self { low, pressure, most: 2 * low }
    }
}

impl Default for MemoryBounds {
    /// Those of a machine with 4 GiB.
    fn default() -> Self {
        Self::of_machine(1 << 20)
    }
}

/// How much of its memory a host has used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    #[default]
    Relaxed,
    /// More than `low`.
    Growing,
    /// There was more than `pressure`, and since then always more than `low`.
    Pressed,
    /// More than `most`.
    Full,
}

/// A level is left when a sixteenth less is held than what it began with: each change makes a round of visits.
const SLACK: u64 = 16;

/// What the queues of a host hold.
#[derive(Debug)]
pub(crate) struct MemoryAccount {
    /// Bytes.
    low: u64,
    pressure: u64,
    most: u64,
    /// Bytes in all queues.
    held: u64,
    /// With less nothing has to be decided.
    judged_from: u64,
    level: Level,
    /// Sockets that there are.
    sockets: u64,
    /// How often there was pressure.
    pressures: u64,
    /// A round of visits is under way: where it goes on.
    round: Option<usize>,
}

impl MemoryAccount {
    pub(crate) fn new(bounds: MemoryBounds) -> Self {
        let mut account = Self {
            low: 0,
            pressure: 0,
            most: 0,
            held: 0,
            judged_from: 0,
            level: Level::Relaxed,
            sockets: 0,
            pressures: 0,
            round: None,
        };
        account.set_bounds(bounds);
        account
    }

    /// Returns whether connections are to be visited.
    pub(crate) fn set_bounds(&mut self, bounds: MemoryBounds) -> bool {
        let bytes = |pages: u64| pages.saturating_mul(MemoryBounds::PAGE);
        (self.low, self.pressure, self.most) =
            (bytes(bounds.low), bytes(bounds.pressure), bytes(bounds.most));
        self.judge();
        self.is_in_round()
    }

    pub(crate) fn add_socket(&mut self) {
        self.sockets += 1;
    }

    /// A socket that nothing is charged for any more is gone.
    pub(crate) fn remove_socket(&mut self) {
        self.sockets = self.sockets.saturating_sub(1);
    }

    /// The queues of a socket, for which `charged` bytes are charged, hold `held` bytes. Returns whether connections are to be visited.
    #[inline]
    pub(crate) fn charge(&mut self, charged: &mut usize, held: usize) -> bool {
        if *charged == held {
            return false;
        }
        self.held = self.held.wrapping_add(held as u64).wrapping_sub(*charged as u64);
        *charged = held;
        if self.held < self.judged_from {
            return false;
        }
        self.judge();
        self.is_in_round()
    }

    /// Whether no connection has a ration.
    #[inline]
    pub(crate) fn is_relaxed(&self) -> bool {
        self.level == Level::Relaxed
    }

    /// Whether buffers do not grow by themselves (as Linux's `tcp_should_expand_sndbuf`).
    pub(crate) fn is_growth_over(&self) -> bool {
        self.level != Level::Relaxed
    }

    /// Whether more than the most is held.
    pub(crate) fn is_above_most(&self) -> bool {
        self.held > self.most
    }

    pub(crate) fn held(&self) -> u64 {
        self.held
    }

    pub(crate) fn sockets(&self) -> u64 {
        self.sockets
    }

    pub(crate) fn pressures(&self) -> u64 {
        self.pressures
    }

    /// Where the round of visits goes on, if one is under way.
    pub(crate) fn round(&mut self) -> &mut Option<usize> {
        &mut self.round
    }

    pub(crate) fn is_in_round(&self) -> bool {
        self.round.is_some()
    }

    #[cold]
    fn judge(&mut self) {
        let now = self.level_now();
        let before = std::mem::replace(&mut self.level, now);
        self.judged_from = if self.is_relaxed() { self.low.saturating_add(1) } else { 0 };
        if self.level == before {
            return;
        }
        if before < Level::Pressed && self.level >= Level::Pressed {
            self.pressures += 1;
        }
        // Nobody has a ration because of growth.
        if before != Level::Growing || self.level != Level::Relaxed {
            self.round = Some(0);
        }
    }

    fn level_now(&self) -> Level {
        let slack = |bound: u64| bound - bound / SLACK;
        let is_above = |bound: u64, was: bool| self.held > if was { slack(bound) } else { bound };
        if is_above(self.most, self.level == Level::Full) {
            Level::Full
        } else if self.held > self.pressure || (self.level >= Level::Pressed && self.held > self.low) {
            Level::Pressed
        } else if is_above(self.low, self.level == Level::Growing) {
            Level::Growing
        } else {
            Level::Relaxed
        }
    }

    /// What a connection may hold now, if it holds so many bytes to send and received; `least` is what it may hold in any case.
    ///
    /// As Linux (`__sk_mem_raise_allocated`): under pressure a connection that has less than the average share gets more.
    fn allowance(&self, held: Sides, least: Sides) -> Allowance {
        match self.level {
            Level::Relaxed => Allowance::UNBOUNDED,
            Level::Growing => Allowance { strain: Strain::Growing, ..Allowance::UNBOUNDED },
            Level::Pressed => {
                let share = usize::try_from(self.most / self.sockets.max(1)).unwrap_or(usize::MAX);
                Allowance {
                    send: share.saturating_sub(held.receive).max(least.send),
                    receive: share.saturating_sub(held.send).max(least.receive),
                    strain: Strain::Pressed,
                }
            }
            Level::Full => Allowance { send: least.send, receive: least.receive, strain: Strain::Pressed },
        }
    }
}

/// Bytes on the two sides of a connection.
#[derive(Clone, Copy, Debug)]
struct Sides {
    send: usize,
    receive: usize,
}

#[cfg(test)]
mod tests;
