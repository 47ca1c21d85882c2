//! Embedded mode: the engine in the program's own process.
//!
//! The thread that calls runs the engine. A doorbell does not wait for it: a thread that finds the engine running rings, and who runs it
//! looks at the doorbells before it leaves. One thread more serves timers, links, and tokens' hang-ups while the program's
//! threads do other things; it sleeps until the engine's next deadline, and is woken when a nearer one appears.

use crate::SetupError;
use crate::apart::Apart;
use crate::engine::{Caller, Engine, Storage};
use crate::group::{Groups, Spare};
use crate::proto::{Answer, Handle, Request};
use crate::raw;
use crate::table::ClientId;
use crate::transport::Attached;
use parking_lot::{Mutex, MutexGuard};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};
use sockeye_buffer::{Arena, Handover, ReadyList, Slot};
use sockeye_clock::{Instant, monotonic};
use sockeye_stack::{Error, HostId, NetworkConfig};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// The only client of an embedded engine.
const CLIENT: ClientId = ClientId(0);

/// The engine in the program's own process.
#[derive(Debug)]
pub(crate) struct Embedded {
    engine: Mutex<Engine>,
    /// Doorbells that were rung while the engine was running.
    handover: Handover,
    instance: u64,
    sleeper: Arc<Sleeper>,
    groups: Mutex<Groups>,
    /// A forked child has no engine: its thread and its state are the parent's.
    is_forked: AtomicBool,
}

/// How the thread sleeps.
#[derive(Debug)]
struct Sleeper {
    bell: Apart,
    watcher: Apart,
    /// When it will wake by itself, nanoseconds.
    deadline: AtomicU64,
}

impl Embedded {
    pub(crate) fn start(config: &NetworkConfig) -> Result<Arc<Self>, SetupError> {
        let engine = Engine::new(monotonic(), config, Storage::Heap)?;
        let no_descriptor =
            |error| SetupError(format!("cannot make a descriptor: {error}; raise the limit of open files"));
        let bell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
            .map_err(no_descriptor)?;
        let watcher = rustix::io::fcntl_dupfd_cloexec(engine.watcher(), 0).map_err(no_descriptor)?;
        let (bell, watcher) = (Apart::new(bell), Apart::new(watcher));
        let sleeper = Arc::new(Sleeper { bell, watcher, deadline: AtomicU64::new(0) });
        let instance = engine.instance();
        let is_forked = AtomicBool::new(false);
        let embedded = Arc::new(Self {
            engine: Mutex::new(engine),
            handover: Handover::default(),
            instance,
            sleeper: sleeper.clone(),
            groups: Mutex::default(),
            is_forked,
        });
        let weak = Arc::downgrade(&embedded);
        let thread = std::thread::Builder::new().name("sockeye".into());
        // They are for the program's own threads, and a thread has those blocked that its parent has.
        let blocked = raw::block_signals();
        thread.spawn(move || serve(&weak, &sleeper)).map_err(|error| {
            SetupError(format!("cannot start a thread: {error}; raise the limit of threads"))
        })?;
        drop(blocked);
        Ok(embedded)
    }

    pub(crate) fn host(&self, name: Option<&str>) -> Result<HostId, SetupError> {
        self.engine.lock().host(name).map_err(SetupError)
    }

    pub(crate) fn call(&self, host: HostId, request: Request) -> Result<Answer, Error> {
        self.run(|engine, now| engine.execute(now, Caller { client: CLIENT, host }, request))
    }

    pub(crate) fn ring(&self, attached: &Attached) {
        // A forked child has nobody to ring for.
        if !self.is_alive() {
            return;
        }
        if let Some(engine) = self.engine.try_lock() {
            self.leave(engine, |engine, now| engine.ring(now, attached.handle.tag));
        } else {
            attached.arena.ring(attached.handle.index);
            self.handover.leave();
        }
        self.answer_doorbells();
    }

    /// Does for sockets that were closed what is to be done.
    pub(crate) fn see_closed(&self) {
        // Without an engine, in a forked child, there is nothing to be seen.
        let _ = self.run(|engine, now| {
            engine.answer_doorbells(now);
            engine.answer_hang_ups(now);
        });
    }

    pub(crate) fn slot(&self, handle: Handle) -> Option<(Slot, Arena)> {
        self.run(|engine, _| Some((engine.slot(handle.tag)?, engine.arena_of(handle)?))).ok().flatten()
    }

    /// A group of the program's ready list, and the list.
    pub(crate) fn group(&self, host: HostId) -> Result<(Spare, Arc<ReadyList>), Error> {
        let list = self.run(|engine, _| engine.list(CLIENT))?.ok_or(Error::HostGone)?;
        let mut groups = self.groups.lock();
        if let Some(spare) = groups.take_spare() {
            return Ok((spare, list));
        }
        let group = groups.next().ok_or(Error::TooManyFiles)?;
        let answer = self.call(host, Request::Bell { group })?;
        let bell = answer.descriptors.into_iter().next().ok_or(Error::TooManyFiles)?;
        Ok((groups.add(group, bell), list))
    }

    pub(crate) fn give_back_group(&self, spare: Spare) {
        if self.is_alive() {
            self.groups.lock().give_back(spare);
        }
    }

    pub(crate) fn instance(&self) -> u64 {
        self.instance
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.is_forked.load(Ordering::Relaxed)
    }

    pub(crate) fn after_fork_in_child(&self) {
        self.is_forked.store(true, Ordering::Relaxed);
    }

    /// Runs the engine in the calling thread.
    fn run<T>(&self, act: impl FnOnce(&mut Engine, Instant) -> T) -> Result<T, Error> {
        if !self.is_alive() {
            return Err(Error::HostGone);
        }
        let done = self.leave(self.engine.lock(), act);
        self.answer_doorbells();
        Ok(done)
    }

    /// Has the engine act, and leaves it.
    fn leave<T>(&self, mut engine: MutexGuard<'_, Engine>, act: impl FnOnce(&mut Engine, Instant) -> T) -> T {
        let done = act(&mut engine, monotonic());
        let deadline = engine.poll_timeout();
        drop(engine);
        if deadline.is_some_and(|deadline| deadline.as_nanos() < self.sleeper.deadline.load(Ordering::SeqCst))
        {
            self.sleeper.wake();
        }
        done
    }

    /// To be called after the engine was left, and after ringing: the doorbells of those who found it running are served, here or by who
    /// runs it now, who will call this too.
    fn answer_doorbells(&self) {
        let is_settled = self.handover.settle(|| {
            let engine = self.engine.try_lock();
            engine
                .map(|engine| {
                    self.handover.take();
                    self.leave(engine, |engine, now| engine.answer_doorbells(now))
                })
                .is_some()
        });
        if !is_settled {
            self.sleeper.wake();
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.sleeper.wake();
    }
}

impl Sleeper {
    fn wake(&self) {
        // It can only fail when the bell rings already.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    fn sleep_until(&self, deadline: Option<Instant>) {
        let left = deadline.map(|deadline| deadline.since(monotonic()));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        let mut wakers = [
            PollFd::new(&self.bell, PollFlags::IN),
            PollFd::from_borrowed_fd(self.watcher.as_fd(), PollFlags::IN),
        ];
        // Early is harmless.
        let _ = rustix::event::poll(&mut wakers, timeout.as_ref());
        let _ = rustix::io::read(&self.bell, &mut [0; 8]);
    }
}

/// The thread, which ends with the last handle of the engine.
fn serve(engine: &Weak<Embedded>, sleeper: &Sleeper) {
    loop {
        let Some(embedded) = engine.upgrade() else { return };
        let deadline = {
            let mut engine = embedded.engine.lock();
            embedded.handover.take();
            engine.answer_doorbells(monotonic());
            engine.answer_hang_ups(monotonic());
            engine.timeout(monotonic());
            let deadline = engine.poll_timeout();
            sleeper.deadline.store(deadline.map_or(u64::MAX, Instant::as_nanos), Ordering::SeqCst);
            deadline
        };
        embedded.answer_doorbells();
        drop(embedded);
        sleeper.sleep_until(deadline);
    }
}
