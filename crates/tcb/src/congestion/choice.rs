//! Which algorithm, and with what settings.

/// The congestion control of a connection (TCP_CONGESTION), chosen at run time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CongestionControl {
    /// RFC 5681.
    Reno,
    /// RFC 9438.
    #[default]
    Cubic,
    /// BBR version 3 (draft-ietf-ccwg-bbr).
    Bbr,
    /// RFC 8257.
    Dctcp,
}

impl CongestionControl {
    /// All there are, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Reno, Self::Cubic, Self::Bbr, Self::Dctcp];

    /// Its name for TCP_CONGESTION and `tcp_congestion_control`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reno => "reno",
            Self::Cubic => "cubic",
            Self::Bbr => "bbr",
            Self::Dctcp => "dctcp",
        }
    }

    /// The algorithm of that name; `None` if there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|control| control.name() == name)
    }

    /// Whether it asks for ECN in the handshake whatever `tcp_ecn` says (as Linux for DCTCP).
    #[must_use]
    pub const fn needs_ecn(self) -> bool {
        matches!(self, Self::Dctcp)
    }
}

/// How CUBIC leaves slow start before anything is lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum HyStart {
    /// It does not.
    Off,
    /// As Linux: at once, when the delay grows or a train of ACKs is as long as the path.
    #[default]
    Classic,
    /// HyStart++ (RFC 9406): by way of conservative slow start.
    PlusPlus,
}

/// What the congestion control of a connection is set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CongestionConfig {
    /// The algorithm.
    pub control: CongestionControl,
    /// Slow start's early end, for CUBIC.
    pub hystart: HyStart,
    /// After an idle RTO cwnd decays to the restart window (RFC 5681, 4.1; tcp_slow_start_after_idle).
    pub slow_start_after_idle: bool,
    /// Pacing rate in slow start, per cent of cwnd / SRTT (tcp_pacing_ss_ratio).
    pub pacing_ss_ratio: u32,
    /// Pacing rate in congestion avoidance, per cent (tcp_pacing_ca_ratio).
    pub pacing_ca_ratio: u32,
    /// SO_MAX_PACING_RATE, bytes a second; `u64::MAX` for no limit.
    pub max_pacing_rate: u64,
    /// Segments are paced although neither the algorithm nor SO_MAX_PACING_RATE asks for it (as below the fq qdisc).
    pub is_paced: bool,
}

impl CongestionConfig {
    /// What Linux has.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            control: CongestionControl::Cubic,
            hystart: HyStart::Classic,
            slow_start_after_idle: true,
            pacing_ss_ratio: 200,
            pacing_ca_ratio: 120,
            max_pacing_rate: u64::MAX,
            is_paced: false,
        }
    }
}

impl Default for CongestionConfig {
    fn default() -> Self {
        Self::new()
    }
}
