//! How losses are found.

use core::time::Duration;

/// How losses are found; the defaults are Linux's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoveryConfig {
    /// RACK (RFC 8985); without it RFC 6675 (`tcp_recovery`, bit 0).
    pub rack: bool,
    /// The reordering window of RACK does not grow with DSACKs (`tcp_recovery`, bit 1).
    pub static_reordering_window: bool,
    /// RACK does not count duplicates (`tcp_recovery`, bit 2).
    pub no_dup_threshold: bool,
    /// Tail loss probes (`tcp_early_retrans`: 3 and 4).
    pub tail_loss_probe: bool,
    /// The duplicate threshold to begin with (`tcp_reordering`), segments.
    pub reordering: u32,
    /// The largest one (`tcp_max_reordering`), segments.
    pub max_reordering: u32,
    /// F-RTO (RFC 5682; `tcp_frto`).
    pub frto: bool,
    /// How long the least round trip is believed (`tcp_min_rtt_wlen`).
    pub min_rtt_window: Duration,
}

impl RecoveryConfig {
    /// The defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rack: true,
            static_reordering_window: false,
            no_dup_threshold: false,
            tail_loss_probe: true,
            reordering: 3,
            max_reordering: 300,
            frto: true,
            min_rtt_window: Duration::from_mins(5),
        }
    }
}

impl Default for RecoveryConfig {
    fn default() -> Self {
        Self::new()
    }
}
