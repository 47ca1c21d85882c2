//! Waiting between two looks at something that tells nobody when it changes.

use rustix::event::{Timespec, poll};
use std::time::Duration;

/// Lets time pass, or less of it if a signal comes.
pub(crate) fn pause(time: Duration) {
    let seconds = time.as_secs().try_into().unwrap_or(i64::MAX);
    let timeout = Timespec { tv_sec: seconds, tv_nsec: time.subsec_nanos().into() };
    let _ = poll(&mut [], Some(&timeout));
}
