//! How a process is done with a socket, and how it shares one.

use super::{Socket, wait};
use crate::apart::Apart;
use crate::proto::{Answer, Reply, Request};
use crate::table::{condition, generation_of};
use crate::transport::AfterSignal;
use sockeye_buffer::Condition;
use sockeye_stack::Error;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::Ordering;
use std::time::Duration;

impl Socket {
    /// Gives the socket a token: a descriptor (close-on-exec) whose copies in all processes hold the socket from now on, by the kernel's own
    /// rules of `dup()`, `fork()`, `exec()` and SCM_RIGHTS. Until then this process holds it alone. `None` if it has one already. For one
    /// thread at a time.
    ///
    /// # Errors
    /// `TooManyFiles` if this process can have no more descriptors, `HostGone`; the socket is as before.
    pub fn give_token(&self) -> Result<Option<OwnedFd>, Error> {
        if self.has_token() {
            return Ok(None);
        }
        let answer = self.way.call(Request::Token)?;
        let Reply::Token(token) = answer.reply else { return Err(Error::HostGone) };
        let descriptor = answer.descriptors.into_iter().next().ok_or(Error::TooManyFiles)?;
        self.way.tell(Request::Give { tag: self.tag(), token })?;
        self.has_token.store(true, Ordering::Release);
        Ok(Some(descriptor))
    }

    /// Whether it has a token. If not, this process holds it alone.
    #[must_use]
    pub fn has_token(&self) -> bool {
        self.has_token.load(Ordering::Acquire)
    }

    /// Whether this is a forked child, and the socket is its parent's alone.
    #[must_use]
    pub fn is_of_parent(&self) -> bool {
        self.made_in != self.way.epoch() && !self.has_token()
    }

    /// To be called before the last descriptor of this process for the socket is closed, if calls are under way in it: as on Linux, they go
    /// on, and the socket is closed after them. `token` is that descriptor.
    pub fn keep_token(&self, token: BorrowedFd<'_>) {
        if self.has_token() {
            // Without a descriptor to spare, the calls see the end of the connection.
            let copy = rustix::io::fcntl_dupfd_cloexec(token, 0).ok().map(Apart::new);
            let _ = copy.map(|copy| self.kept.set(copy));
        }
    }

    /// To be called after the last descriptor of this process for the socket was closed, and no call is under way in it: waits as SO_LINGER
    /// says if that was the last of all.
    pub fn close(&self) {
        if !self.has_token() {
            self.release();
        }
        self.way.see_closed();
        self.linger();
    }

    fn linger(&self) {
        const OVER: u32 = Condition::DRAINED | Condition::CLOSED;
        if !self.condition().is_ok_and(|word| word & condition::LINGER != 0) {
            return;
        }
        let tag = self.tag();
        let Ok(Answer { reply: Reply::Linger(Some(seconds)), .. }) = self.way.call(Request::Linger { tag })
        else {
            return;
        };
        let deadline = sockeye_clock::monotonic() + Duration::from_secs(seconds.into());
        // A host that dies takes the bytes along.
        let is_over = || !self.way.is_alive() || self.condition().map_or(true, |word| word & OVER != 0);
        while !is_over() && self.wait(wait::Side::Sender, Some(deadline), AfterSignal::End, is_over).is_ok() {
        }
        // Nobody else waits for the slot then. A host that is gone has none.
        let _ = self.way.tell(Request::Lingered { tag });
    }

    /// This process, which holds the socket alone, is done with it. No request: the engine sees it with the doorbell.
    fn release(&self) {
        if self.made_in == self.way.epoch() && !self.is_released.swap(true, Ordering::SeqCst) {
            let generation = generation_of(self.tag());
            self.header().readiness.released.store(generation, Ordering::SeqCst);
            self.ring();
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if !self.has_token() {
            self.release();
        } else if self.is_token_closed() {
            // A host that is gone has closed it.
            let _ = self.way.tell(Request::Forget { tag: self.tag() });
        }
    }
}
