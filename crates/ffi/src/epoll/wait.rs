//! epoll_wait().

use super::members::Place;
use super::set::{How, Set, bell};
use crate::errno::Errno;
use crate::real;
use libc::{EPOLLHUP, c_int, epoll_event, sigset_t};
use sockeye_clock::monotonic;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long to look before sleeping. It takes the processor from nobody, and a wake-up often takes as long.
const SPIN: Duration = Duration::from_micros(50);

/// What a look at the marks gave.
#[derive(Debug)]
enum Looked {
    /// The kernel judges the set.
    Kernels,
    /// So many events; and whether the kernel's set is to be asked too.
    Told { count: usize, asks_kernel: bool },
}

impl Set {
    /// Events of the set: how many. 0 when the time is over.
    ///
    /// # Errors
    /// As `epoll_wait()`.
    pub fn wait(
        &self,
        epoll: c_int,
        out: &mut [epoll_event],
        timeout: Option<Duration>,
        mask: Option<&sigset_t>,
    ) -> Result<usize, Errno> {
        self.share_with_parent(epoll);
        let deadline = timeout.map(|timeout| monotonic() + timeout);
        loop {
            let left = deadline.map(|deadline| deadline.since(monotonic()));
            // Members that the last answer had no room for come first.
            let first = if self.is_kernels_turn() { self.ask_kernel(epoll, out)? } else { 0 };
            let (count, asks_kernel) = match self.look(&mut out[first..]) {
                Looked::Kernels if first > 0 => return Ok(first),
                Looked::Kernels => match self.wait_in_kernel(epoll, out, left, mask)? {
                    (0, true) => continue,
                    (count, _) => return Ok(count),
                },
                Looked::Told { count, asks_kernel } => (count, asks_kernel),
            };
            let is_over = left.is_some_and(|left| left.is_zero());
            let count = count + first;
            if count > 0 || is_over {
                let more = if asks_kernel && first == 0 && count < out.len() {
                    self.ask_kernel(epoll, &mut out[count..])?
                } else {
                    0
                };
                self.pass_on(epoll);
                return Ok(count + more);
            }
            if self.stare() {
                continue;
            }
            let count = self.sleep(epoll, out, left, mask)?;
            if count > 0 {
                self.pass_on(epoll);
                return Ok(count);
            }
        }
    }

    /// The kernel's answer; and whether a bell was among it, which is none.
    fn wait_in_kernel(
        &self,
        epoll: c_int,
        out: &mut [epoll_event],
        left: Option<Duration>,
        mask: Option<&sigset_t>,
    ) -> Result<(usize, bool), Errno> {
        let count = real::epoll_wait_for(epoll, out, left, mask)?;
        let kept = self.take_bells(out, count);
        Ok((kept, kept < count))
    }

    /// Takes the marks, and tells what is ready.
    fn look(&self, out: &mut [epoll_event]) -> Looked {
        let mut state = self.state.lock();
        if state.how == How::Kernel {
            return Looked::Kernels;
        }
        for (number, group) in self.groups().enumerate() {
            group.take(|watch, mark| state.members.mark(Place { group: number, watch }, mark));
        }
        let count = state.members.tell(out);
        let asks_kernel = state.foreign > 0;
        state.is_kernels_turn = asks_kernel && count > 0 && count == out.len();
        Looked::Told { count, asks_kernel }
    }

    /// Whether the kernel's members come first now.
    fn is_kernels_turn(&self) -> bool {
        std::mem::take(&mut self.state.lock().is_kernels_turn)
    }

    /// What the kernel's set has to tell now.
    fn ask_kernel(&self, epoll: c_int, out: &mut [epoll_event]) -> Result<usize, Errno> {
        loop {
            let count = real::epoll_wait_for(epoll, out, Some(Duration::ZERO), None)?;
            let kept = self.take_bells(out, count);
            // A bell may have had the only place.
            if kept > 0 || count == 0 {
                return Ok(kept);
            }
        }
    }

    /// Looks for a while, awake. Whether there are marks.
    fn stare(&self) -> bool {
        let has_marks = || self.groups().any(|group| group.has_marks());
        self.groups().next().is_some() && self.lookout.look(SPIN, has_marks)
    }

    /// Sleeps in the kernel until something happens: how many events there are then. It may be woken for none.
    fn sleep(
        &self,
        epoll: c_int,
        out: &mut [epoll_event],
        left: Option<Duration>,
        mask: Option<&sigset_t>,
    ) -> Result<usize, Errno> {
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        self.groups().for_each(|group| group.fall_asleep());
        let woken = match self.look(out) {
            Looked::Told { count: 0, .. } | Looked::Kernels => self.sleep_in_kernel(epoll, out, left, mask),
            Looked::Told { count, asks_kernel } if asks_kernel && count < out.len() => {
                self.ask_kernel(epoll, &mut out[count..]).map(|more| count + more)
            }
            Looked::Told { count, .. } => Ok(count),
        };
        if self.sleepers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.groups().for_each(|group| group.wake_up());
        }
        woken
    }

    /// What the kernel tells of its members, and what is ready of ours beside it.
    fn sleep_in_kernel(
        &self,
        epoll: c_int,
        out: &mut [epoll_event],
        left: Option<Duration>,
        mask: Option<&sigset_t>,
    ) -> Result<usize, Errno> {
        let (kept, _) = self.wait_in_kernel(epoll, out, left, mask)?;
        match self.look(&mut out[kept..]) {
            Looked::Told { count, .. } => Ok(kept + count),
            Looked::Kernels => Ok(kept),
        }
    }

    /// Takes bells out of what the kernel told. One that hung up says that an engine is gone: all sockets are to be looked at.
    fn take_bells(&self, out: &mut [epoll_event], count: usize) -> usize {
        let mut kept = 0;
        for at in 0..count {
            let event = out[at];
            if event.u64 != bell() {
                out[kept] = event;
                kept += 1;
            } else if event.events & EPOLLHUP as u32 != 0 {
                self.state.lock().members.mark_all();
            }
        }
        kept
    }

    /// Who goes sees to it that another thread that sleeps is woken by what comes, or by what is left.
    fn pass_on(&self, epoll: c_int) {
        if self.sleepers.load(Ordering::SeqCst) == 0 {
            return;
        }
        self.groups().for_each(|group| group.fall_asleep());
        if self.state.lock().members.has_queued() || self.groups().any(|group| group.has_marks()) {
            self.wake_one(epoll);
        }
    }
}
