//! Waiting for a word in shared memory to change, or for the host process to die.

use super::Connection;
use super::session::Session;
use crate::transport::AfterSignal;
use sockeye_buffer::futex::{self, Waited};
use sockeye_clock::{Instant, monotonic};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How long a wait may go on without looking whether the host lives, where it is one word that the kernel waits for.
const SLICE: Duration = Duration::from_millis(250);

/// The same, where this process has no word of its own that tells. The word that is for all wakes one of those who wait, and a hostile
/// program keeps that to itself.
const LOOK: Duration = Duration::from_millis(500);

impl Connection {
    /// Sleeps until `word` is woken, `deadline`, a signal, or the host's death. It may return early.
    pub(crate) fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
        after_signal: AfterSignal,
    ) -> Waited {
        let session = match after_signal {
            AfterSignal::GoOn => self.session_to_wait(),
            AfterSignal::End => None,
        };
        let life = session.as_ref().and_then(|session| session.life());
        let most = match (after_signal, life) {
            (AfterSignal::End, _) => SLICE,
            (AfterSignal::GoOn, None) => LOOK,
            (AfterSignal::GoOn, Some(_)) => Duration::MAX,
        };
        loop {
            let left = deadline.map_or(Duration::MAX, |deadline| deadline.since(monotonic()));
            if left.is_zero() {
                return Waited::TimedOut;
            }
            let slice = left.min(most);
            let waited = match after_signal {
                // The kernel ends what has a time of its own.
                AfterSignal::End => futex::wait(word, expected, Some(slice)),
                AfterSignal::GoOn => {
                    let (life, alive) = life.unwrap_or((self.page.liveness(), self.alive));
                    futex::wait_either(word, expected, life, alive, until(slice))
                }
            };
            // The kernel marks this process's page before or after the one that is for all.
            let has_changed = life.is_some_and(|(life, alive)| life.load(Ordering::Acquire) != alive);
            if has_changed || !self.is_alive() {
                self.pass_on_death(session.as_deref());
                return Waited::Woken;
            }
            // Back to sleep at once: a signal that comes while the thread is awake would not end the call.
            if waited != Waited::TimedOut || slice == left {
                return waited;
            }
        }
    }

    /// This process's own session: a forked child opens one. `None` if it cannot, or if this is a signal handler amid a request.
    fn session_to_wait(&self) -> Option<Arc<Session>> {
        let known = self.control.try_lock()?.session.clone();
        known.or_else(|| self.session().ok())
    }

    /// The kernel wakes only one of those who wait for a page to change.
    fn pass_on_death(&self, session: Option<&Session>) {
        futex::wake_all(self.page.liveness());
        if let Some(session) = session {
            session.pass_on_death();
        }
    }
}

/// The end of a wait for so long, as the kernel is told it.
fn until(time: Duration) -> Option<Duration> {
    (time != Duration::MAX).then(|| Duration::from_nanos((monotonic() + time).as_nanos()))
}
