//! What a host counts.

use serde::{Deserialize, Serialize};

/// What happened on a host, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets that came over links.
    pub packets_received: u64,
    /// Packets that were put onto links.
    pub packets_sent: u64,
    /// Segments handed over on loopback.
    pub loopback_segments: u64,
    /// Packets whose headers could not be understood.
    pub bad_headers: u64,
    /// Packets that were not for this host, or from an address that no peer can have.
    pub bad_addresses: u64,
    /// Segments with a wrong checksum.
    pub bad_checksums: u64,
    /// ICMP errors that came.
    pub icmp_errors: u64,
    /// Those about a connection that there is not.
    pub icmp_unmatched: u64,
    /// Those about what is not in flight (Linux's OutOfWindowIcmps).
    pub out_of_window_icmps: u64,
    /// ICMP errors sent.
    pub icmp_sent: u64,
    /// ICMP errors not sent, because there were too many.
    pub icmp_limited: u64,
    /// Packets of protocols that the host does not know.
    pub unknown_protocols: u64,
    /// Segments whose hop limit was less than their socket wants (IP_MINTTL; Linux's TCPMinTTLDrop).
    pub min_hop_limit_drops: u64,
    /// Resets sent for segments that belong to no connection.
    pub resets_sent: u64,
    /// SYNs discarded because a queue of the listener was full.
    pub syns_discarded: u64,
    /// Completed handshakes that had to wait because the accept queue was full.
    pub accept_overflows: u64,
    /// SYNs answered with a cookie because the SYN queue was full.
    pub syn_cookies_sent: u64,
    /// Connections that such a cookie brought.
    pub syn_cookies_taken: u64,
    /// Fast Opens of ours whose text the server took from the SYN.
    pub fast_opens_active: u64,
    /// Fast Opens of ours whose text had to be sent again.
    pub fast_opens_active_failed: u64,
    /// Connections that began with a SYN whose cookie was good.
    pub fast_opens_passive: u64,
    /// Connections that were reset because there was no memory for their rings.
    pub no_rings: u64,
    /// How often there was pressure for memory (Linux's TCPMemoryPressures).
    pub memory_pressures: u64,
    /// Text for which room had to be found while memory was short (PruneCalled).
    pub prune_called: u64,
    /// Text for which none was found (RcvPruned).
    pub recv_pruned: u64,
    /// Times that text out of order was given up for other text (OfoPruned).
    pub out_of_order_pruned: u64,
    /// Segments in order of which text was dropped (TCPRcvQDrop).
    pub recv_drops: u64,
    /// The same out of order (TCPOFODrop).
    pub out_of_order_drops: u64,
    /// Orphans that were reset, because there were too many or memory was short (TCPAbortOnMemory).
    pub aborts_on_memory: u64,
}
