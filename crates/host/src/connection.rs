//! A process's connection to a host process: the control socket, the doorbell, and the arenas.

mod arenas;
mod exchange;
mod session;
mod turn;
mod wait;

use crate::apart::Apart;
use crate::client::pause;
use crate::fork_mutex::ForkMutex;
use crate::group::{Groups, Spare};
use crate::lookout::Lookout;
use crate::proto::{Answer, Reply, Request};
use arenas::Arenas;
use rustix::io::Errno;
use session::{Session, Welcome, door, failed, greet, greet_by};
use sockeye_buffer::accept_queue::Claimant;
use sockeye_buffer::{Arena, HostPage, ReadyList};
use sockeye_clock::monotonic;
use sockeye_stack::Error;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use turn::{Turn, Turns};

/// How long a host may take to answer. It executes requests at once, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a host that lives may take to make its socket again where somebody has removed it.
const RESTORED: Duration = Duration::from_secs(3);

/// A process's connection to a host process.
#[derive(Debug)]
pub(crate) struct Connection {
    path: PathBuf,
    host: Option<String>,
    instance: u64,
    page: HostPage,
    /// The liveness word while the host lives.
    alive: u32,
    is_lost: AtomicBool,
    /// What the host said, or the system, to a process that wanted a session of its own.
    refusal: OnceLock<String>,
    doorbell: Apart,
    lookout: Lookout,
    turns: Turns,
    /// Nobody waits for an answer with it.
    control: ForkMutex<Control>,
    /// Of the child that a thread forks, which holds `control`.
    forked: ForkMutex<Door>,
    epoch: AtomicU32,
}

#[derive(Debug, Default)]
struct Control {
    /// `None` in a forked child that has not yet asked for anything.
    session: Option<Arc<Session>>,
    door: Door,
    groups: Groups,
    arenas: Arenas,
}

/// How a forked child gets in if the path leads to the host process no more.
#[derive(Debug, Default)]
enum Door {
    /// It does not.
    #[default]
    None,
    /// By a control socket from before the fork.
    Open(Apart),
    /// There was no descriptor for it, or the host process took it back for another program.
    Shut,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// Nobody listens there, or who did has just left: a host may be started.
    NoHost,
    /// There are no descriptors for it (`MFILE`), here or in the host process; or no memory (`NOMEM`).
    Short(Errno),
    /// It is not for us: one line that says why.
    Refused(String),
}

impl Connection {
    /// Connects to the host process that listens at `path`, to be on `host` of its network.
    pub(crate) fn open(path: &Path, host: Option<&str>) -> Result<Self, ConnectError> {
        let welcome = greet(path, host)?;
        let page = HostPage::map(&welcome.page)
            .map_err(|error| failed(path, Errno::from_io_error(&error).unwrap_or(Errno::INVAL)))?;
        let (instance, doorbell) = (welcome.instance, welcome.doorbell);
        let session = Session::new(path, welcome.own)?;
        let control = Control { session: Some(Arc::new(session)), ..Control::default() };
        let alive = page.liveness().load(Ordering::Acquire);
        if !page.is_alive() {
            return Err(ConnectError::NoHost);
        }
        Ok(Self {
            path: path.to_owned(),
            host: host.map(ToOwned::to_owned),
            instance,
            page,
            alive,
            is_lost: AtomicBool::new(false),
            refusal: OnceLock::new(),
            doorbell,
            lookout: Lookout::default(),
            turns: Turns::default(),
            control: ForkMutex::new(control),
            forked: ForkMutex::new(Door::None),
            epoch: AtomicU32::new(1),
        })
    }

    /// One request and its reply. `HostGone` if the host is.
    pub(crate) fn call(&self, request: &Request) -> Result<Answer, Error> {
        self.call_in(&self.turns.wait(request), request)
    }

    fn call_in(&self, turn: &Turn<'_>, request: &Request) -> Result<Answer, Error> {
        if !self.is_alive() {
            return Err(Error::HostGone);
        }
        let first = self.session().and_then(|session| {
            let answer = self.exchange(&session, turn, request);
            // A program that closes all descriptors closes this one too.
            if let Err(Errno::BADF | Errno::NOTSOCK) = answer {
                self.forget(&session);
                return Err(Errno::BADF);
            }
            answer
        });
        let answer = match first {
            Err(Errno::BADF) => self.session().and_then(|session| self.exchange(&session, turn, request)),
            answer => answer,
        };
        answer.map_err(|error| match error {
            Errno::MFILE => Error::TooManyFiles,
            Errno::NOMEM => Error::NoBufferSpace,
            _ => self.lost(),
        })
    }

    fn session(&self) -> Result<Arc<Session>, Errno> {
        let mut control = self.control.lock();
        if control.session.is_none() {
            control.session = Some(Arc::new(self.reopen(&mut control.door)?));
        }
        control.session.clone().ok_or(Errno::CONNRESET)
    }

    /// Says hello to the host once more, which may be just making its socket again.
    fn greet_again(&self) -> Result<Welcome, ConnectError> {
        let deadline = monotonic() + RESTORED;
        loop {
            match greet(&self.path, self.host.as_deref()) {
                Err(ConnectError::NoHost) if self.page.is_alive() && monotonic() < deadline => pause(),
                greeted => return greeted,
            }
        }
    }

    /// Says hello as a forked child: by the path, by which the host knows who it is, else by what was made for it before the fork. It may have
    /// another root folder by now, another user, or no right to connect.
    fn greet_as_child(&self, door: Apart) -> Result<Welcome, ConnectError> {
        let host = self.host.as_deref();
        match greet(&self.path, host) {
            Ok(welcome) if welcome.instance == self.instance => return Ok(welcome),
            Ok(_) | Err(_) => {}
        }
        match greet_by(door, &self.path, host) {
            Err(ConnectError::NoHost | ConnectError::Refused(_)) => self.greet_again(),
            greeted @ (Ok(_) | Err(ConnectError::Short(_))) => greeted,
        }
    }

    /// Says hello as a forked child for which nothing is left but the path: without a descriptor the host is as good as out of reach.
    fn greet_shut_out(&self) -> Result<Welcome, ConnectError> {
        greet(&self.path, self.host.as_deref()).map_err(|error| match error {
            ConnectError::NoHost if self.page.is_alive() => ConnectError::Short(Errno::MFILE),
            error @ (ConnectError::NoHost | ConnectError::Short(_) | ConnectError::Refused(_)) => error,
        })
    }

    /// A control socket of its own for a forked child, and for a program that has closed the one it had.
    fn reopen(&self, door: &mut Door) -> Result<Session, Errno> {
        let is_child = !matches!(door, Door::None);
        let welcome = match std::mem::take(door) {
            Door::None => self.greet_again(),
            Door::Open(socket) => self.greet_as_child(socket),
            Door::Shut => self.greet_shut_out(),
        };
        if is_child && matches!(welcome, Err(ConnectError::Short(_))) {
            *door = Door::Shut;
        }
        let session =
            welcome.and_then(|welcome| Ok((welcome.instance, Session::new(&self.path, welcome.own)?)));
        let (instance, session) = session.map_err(|error| match error {
            ConnectError::Short(errno) => errno,
            ConnectError::NoHost => Errno::CONNRESET,
            ConnectError::Refused(why) => {
                let _ = self.refusal.set(why);
                Errno::CONNRESET
            }
        })?;
        if instance == self.instance { Ok(session) } else { Err(Errno::CONNRESET) }
    }

    /// As whom this process takes its next connection from an accept queue: with a place in its ready list for it, which a request gets now and
    /// then. `None` if it has no more of these: then it must ask.
    pub(crate) fn claimant(&self) -> Option<Claimant> {
        let session = self.session().ok()?;
        if let Some(watch) = session.watches.pop() {
            return Claimant::new(session.number, watch);
        }
        let Reply::Watches(watches) = self.call(&Request::Watches).ok()?.reply else { return None };
        // The request may have opened a session of its own.
        let session = self.session().ok()?;
        let (&first, others) = watches.split_first()?;
        others.iter().for_each(|&watch| session.watches.push(watch));
        Claimant::new(session.number, first)
    }

    /// It has taken none.
    pub(crate) fn give_back(&self, claimant: Claimant) {
        if let Ok(session) = self.session()
            && session.number == claimant.number()
        {
            session.watches.push(claimant.watch());
        }
    }

    /// The program has closed the descriptors of a session. The next one has another ready list, which nobody here knows.
    fn forget(&self, session: &Arc<Session>) {
        let mut control = self.control.lock();
        // Another thread may have been faster.
        if control.session.as_ref().is_some_and(|known| Arc::ptr_eq(known, session)) {
            session.disown();
            control.session = None;
            std::mem::take(&mut control.groups).disown();
            self.epoch.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A group of this process's ready list, and the list.
    pub(crate) fn group(&self) -> Result<(Spare, Arc<ReadyList>), Error> {
        if !self.control.lock().groups.has_more() {
            return Err(Error::TooManyFiles);
        }
        // New ones are made one after the other.
        let turn = self.turns.wait_for_first();
        self.session().map_err(|_| Error::HostGone)?;
        let group = {
            let mut control = self.control.lock();
            let list = control.session.as_ref().ok_or(Error::HostGone)?.list.clone();
            if let Some(spare) = control.groups.take_spare() {
                return Ok((spare, list));
            }
            control.groups.next().ok_or(Error::TooManyFiles)?
        };
        let answer = self.call_in(&turn, &Request::Bell { group });
        let bell = answer.ok().and_then(|answer| answer.descriptors.into_iter().next());
        let bell = bell.ok_or(Error::TooManyFiles)?;
        let mut control = self.control.lock();
        let list = control.session.as_ref().ok_or(Error::HostGone)?.list.clone();
        Ok((control.groups.add(group, bell), list))
    }

    pub(crate) fn give_back_group(&self, epoch: u32, spare: Spare) {
        let mut control = self.control.lock();
        if epoch == self.epoch() {
            control.groups.give_back(spare);
        }
    }

    fn lost(&self) -> Error {
        self.is_lost.store(true, Ordering::Release);
        Error::HostGone
    }

    /// The arena of that number, mapped.
    pub(crate) fn arena(&self, id: u64) -> Result<Arena, Error> {
        if let Some(arena) = self.mapped_arena(id) {
            return Ok(arena);
        }
        let request = Request::Arena { id };
        let turn = self.turns.wait(&request);
        // Another thread may have been faster.
        if let Some(arena) = self.mapped_arena(id) {
            return Ok(arena);
        }
        let answer = self.call_in(&turn, &request)?;
        let file = match answer.reply {
            Reply::Arena => answer.descriptors.into_iter().next().ok_or(Error::TooManyFiles)?,
            Reply::Failed(error) => return Err(error),
            _ => return Err(self.lost()),
        };
        let mapped = Arena::map(&file).or_else(|_| {
            // Those that nobody needs may take the address space.
            self.control.lock().arenas.unmap_unused();
            Arena::map(&file)
        });
        let arena = mapped.map_err(|_| Error::NoBufferSpace)?;
        self.control.lock().arenas.add(id, arena.clone());
        Ok(arena)
    }

    fn mapped_arena(&self, id: u64) -> Option<Arena> {
        self.control.lock().arenas.get(id)
    }

    /// Wakes the host if it sleeps: a doorbell was rung.
    pub(crate) fn wake_host(&self) {
        if !self.try_wake_host() {
            // The program has closed the doorbell with all its descriptors. A request wakes the host too.
            let _ = self.call(&Request::Wake);
        }
    }

    /// Wakes the host if it sleeps. `false` if the doorbell is gone.
    fn try_wake_host(&self) -> bool {
        !self.page.is_sleeping() || rustix::io::write(&self.doorbell, &1u64.to_ne_bytes()).is_ok()
    }

    pub(crate) fn is_alive(&self) -> bool {
        !self.is_lost.load(Ordering::Acquire) && self.page.is_alive()
    }

    /// Why a host that may live cannot be used, in words.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refusal.get().map(String::as_str)
    }

    pub(crate) fn instance(&self) -> u64 {
        self.instance
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Sees to it that no thread is amid a request.
    pub(crate) fn before_fork(&self) {
        self.turns.before_fork();
        // If it cannot be had, this is a signal handler in the middle of a call.
        let _ = self.control.before_fork(|_| ());
        if self.is_alive() {
            *self.forked.lock() = match door(&self.path) {
                Ok(socket) => Door::Open(socket),
                Err(ConnectError::NoHost) => Door::None,
                Err(ConnectError::Short(_) | ConnectError::Refused(_)) => Door::Shut,
            };
        }
    }

    pub(crate) fn after_fork_in_parent(&self) {
        *self.forked.lock() = Door::None;
        self.control.after_fork_in_parent();
        self.turns.after_fork_in_parent();
    }

    /// In a forked child: the control socket is the parent's.
    pub(crate) fn after_fork_in_child(&self) {
        self.turns.after_fork_in_child();
        self.control.after_fork_in_child();
        self.forked.after_fork_in_child();
        let mut control = self.control.lock();
        control.session = None;
        // The one before is the parent's.
        control.door = std::mem::take(&mut *self.forked.lock());
        control.groups = Groups::default();
        drop(control);
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }
}
