//! The congestion control that a socket has, from its options and its host's settings.

use crate::options::Options;
use crate::{CongestionName, Error, Settings};
use sockeye_tcb::{CongestionConfig, CongestionControl, EcnConfig, EcnMode, HyStart};

/// TCP_CONGESTION: the name, if there is such a congestion control and it may be chosen.
///
/// # Errors
/// `NotFound`; `NotPermitted` for one that the host does not allow.
pub(crate) fn choose(name: CongestionName, settings: &Settings) -> Result<CongestionName, Error> {
    CongestionControl::from_name(name.as_str()).ok_or(Error::NotFound)?;
    let is_allowed =
        name == settings.congestion_control || settings.allowed_congestion_control.contains(&name);
    if is_allowed { Ok(name) } else { Err(Error::NotPermitted) }
}

/// The congestion control of a socket.
pub(crate) fn control_of(options: &Options, settings: &Settings) -> CongestionControl {
    let name = options.tcp.congestion.unwrap_or(settings.congestion_control);
    CongestionControl::from_name(name.as_str()).unwrap_or_default()
}

/// What a connection is configured with.
pub(crate) fn config_of(options: &Options, settings: &Settings) -> CongestionConfig {
    CongestionConfig {
        control: control_of(options, settings),
        hystart: match settings.hystart {
            0 => HyStart::Off,
            2 => HyStart::PlusPlus,
            _ => HyStart::Classic,
        },
        slow_start_after_idle: settings.slow_start_after_idle,
        pacing_ss_ratio: settings.pacing_ss_ratio,
        pacing_ca_ratio: settings.pacing_ca_ratio,
        max_pacing_rate: options.max_pacing_rate,
        is_paced: settings.is_paced,
    }
}

/// Likewise for ECN.
pub(crate) const fn ecn_of(settings: &Settings) -> EcnConfig {
    let mode = match settings.ecn {
        0 => EcnMode::Off,
        1 => EcnMode::Request,
        _ => EcnMode::Accept,
    };
    EcnConfig { mode, fallback: settings.ecn_fallback }
}
