//! Waiting for the host process, which may be stopped (SIGSTOP, a debugger): then nothing tells when it answers.

use std::io::{self, Write};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

/// Who waits so long is told what for.
const LONG: Duration = Duration::from_secs(2);

/// Asks the host process something. If that takes long, says so on standard error, once, and goes on waiting.
pub(crate) fn ask<T>(ask: impl FnOnce() -> T) -> T {
    let (asking, is_over) = channel::<()>();
    thread::spawn(move || {
        if is_over.recv_timeout(LONG) == Err(RecvTimeoutError::Timeout) {
            let text = "sockeye: the host process does not answer; it may be stopped. Waiting for it.";
            let _ = writeln!(io::stderr(), "{text}");
        }
    });
    let answer = ask();
    drop(asking);
    answer
}
