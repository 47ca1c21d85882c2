//! Settings of a host about the detection of losses.

use serde::{Deserialize, Serialize};
use sockeye_tcb::RecoveryConfig;
use std::time::Duration;

/// Settings of a host about the detection of losses, with the names that Linux gives them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecoverySettings {
    /// tcp_recovery: bit 0 RACK (RFC 8985), without it RFC 6675; bit 1 its reordering window stays as it is; bit 2 it does not count
    /// duplicates.
    pub recovery: u8,
    /// tcp_early_retrans: 3 and 4 send tail loss probes, the others do not.
    pub early_retrans: u8,
    /// tcp_reordering: the duplicate threshold to begin with, segments (3).
    pub reordering: u32,
    /// tcp_max_reordering: the largest one, segments (300).
    pub max_reordering: u32,
    /// tcp_frto: whether spurious time-outs are found out (RFC 5682); 0 for no.
    pub frto: u8,
    /// tcp_min_rtt_wlen: how long the least round trip is believed (300 s).
    pub min_rtt_window: Duration,
}

impl Default for RecoverySettings {
    fn default() -> Self {
        let RecoveryConfig { reordering, max_reordering, min_rtt_window, .. } = RecoveryConfig::new();
        Self { recovery: 1, early_retrans: 3, reordering, max_reordering, frto: 2, min_rtt_window }
    }
}

impl RecoverySettings {
    /// What a connection is configured with.
    pub(crate) const fn config(&self) -> RecoveryConfig {
        RecoveryConfig {
            rack: self.recovery & 1 != 0,
            static_reordering_window: self.recovery & 2 != 0,
            no_dup_threshold: self.recovery & 4 != 0,
            tail_loss_probe: matches!(self.early_retrans, 3 | 4),
            reordering: self.reordering,
            max_reordering: self.max_reordering,
            frto: self.frto != 0,
            min_rtt_window: self.min_rtt_window,
        }
    }
}
