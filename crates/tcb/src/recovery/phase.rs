//! Where a connection stands with its losses.

/// Where a connection stands with its losses: the numbers are those of Linux's `tcpi_ca_state`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing is amiss.
    #[default]
    Open = 0,
    /// Segments arrive out of order, or something was sent again; no loss is proven.
    Disorder = 1,
    /// cwnd shrinks because the peer echoed congestion (RFC 3168, 6.1.2).
    Cwr = 2,
    /// Fast recovery (RFC 6675, RFC 6582, RFC 8985): lost segments are sent again, and cwnd shrinks.
    Recovery = 3,
    /// After a retransmission time-out (RFC 6298).
    Loss = 4,
}

impl Phase {
    /// Whether proportional rate reduction (RFC 6937) sets cwnd: the congestion control must not raise it.
    pub(crate) const fn is_reducing(self) -> bool {
        matches!(self, Self::Cwr | Self::Recovery)
    }
}
