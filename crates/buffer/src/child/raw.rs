//! Child processes for tests.
#![allow(unsafe_code)]

use std::panic::{AssertUnwindSafe, catch_unwind};

/// A forked process. Killed when dropped.
#[derive(Debug)]
pub(crate) struct Child(libc::pid_t);

impl Child {
    /// Runs `work` in a fork of this thread; the exit status says whether it panicked.
    pub(crate) fn fork(work: impl FnOnce()) -> Self {
        // SAFETY: the child runs only `work`, which starts no thread and takes no lock of this process, and exits.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork failed");
        if pid == 0 {
            let status = i32::from(catch_unwind(AssertUnwindSafe(work)).is_err());
            // SAFETY: ends the child without running what the parent will run.
            unsafe { libc::_exit(status) };
        }
        Self(pid)
    }

    /// Sends it SIGUSR1.
    pub(crate) fn interrupt(&self) {
        // SAFETY: our own child, not yet waited for.
        unsafe { libc::kill(self.0, libc::SIGUSR1) };
    }

    /// Ends it with SIGKILL.
    pub(crate) fn kill(self) {}

    /// Waits for its end; whether it succeeded.
    pub(crate) fn succeeds(self) -> bool {
        let status = self.wait();
        core::mem::forget(self);
        libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
    }

    fn wait(&self) -> i32 {
        let mut status = 0;
        // SAFETY: waits for our own child.
        unsafe { libc::waitpid(self.0, &mut status, 0) };
        status
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // SAFETY: our own child, not yet waited for.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        self.wait();
    }
}

/// Handles SIGUSR1, in this process, by doing nothing; with these flags (`SA_RESTART` or 0).
pub(crate) fn handle_interrupts(flags: i32) {
    extern "C" fn handler(_signal: i32) {}
    // SAFETY: all zero is an action: the default one, with an empty mask.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_sigaction = handler as *const () as usize;
    action.sa_flags = flags;
    // SAFETY: the handler does nothing, which is safe at any time.
    unsafe { libc::sigaction(libc::SIGUSR1, &action, core::ptr::null_mut()) };
}
