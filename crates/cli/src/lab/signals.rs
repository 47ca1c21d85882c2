//! Signals that end an experiment. They are only recorded, so that it ends by way of `Drop` and leaves no process and no folder.

use crate::failure::Failure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The last signal that came.
pub(super) struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Records SIGINT, SIGTERM and SIGHUP from now on.
    pub(super) fn record() -> Result<Self, Failure> {
        let last = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_usize(signal, last.clone(), signal.unsigned_abs() as usize)
                .map_err(|error| Failure::failed(format!("cannot catch signal {signal}: {error}")))?;
        }
        Ok(Self(last))
    }

    /// Fails if a signal came, with the status that a shell gives a command which a signal ended.
    pub(super) fn check(&self) -> Result<(), Failure> {
        match self.0.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Failure {
                status: u8::try_from(128 + signal).unwrap_or(u8::MAX),
                message: format!("the experiment was ended by signal {signal}"),
            }),
        }
    }
}
