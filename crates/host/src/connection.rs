//! A process's connection to a host process: the control socket, the doorbell, and the arenas.

mod exchange;
mod session;

use crate::apart::Apart;
use crate::fork_mutex::ForkMutex;
use crate::group::Spare;
use crate::proto::{self, Answer, Reply, Request};
use rustix::io::Errno;
use rustix::net::SendFlags;
use session::{Session, broken, greet};
use sockeye_buffer::{Arena, HostPage, ReadyList};
use sockeye_stack::Error;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// How long a host may take to answer. It executes requests at once, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

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
    doorbell: Apart,
    control: ForkMutex<Control>,
    epoch: AtomicU32,
}

#[derive(Debug, Default)]
struct Control {
    /// `None` in a forked child that has not yet asked for anything.
    session: Option<Session>,
    arenas: Vec<(u32, Arena)>,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum ConnectError {
    /// Nobody listens there, or who did has just left: a host may be started.
    NoHost,
    /// It is not for us: one line that says why.
    Refused(String),
}

impl Connection {
    /// Connects to the host process that listens at `path`, to be on `host` of its network.
    pub(crate) fn open(path: &Path, host: Option<&str>) -> Result<Self, ConnectError> {
        let welcome = greet(path, host)?;
        let page = HostPage::map(&welcome.page).map_err(|error| broken(path, &error))?;
        let session = Session::new(path, welcome.socket, &welcome.list, &welcome.mailbox)?;
        let alive = page.liveness().load(Ordering::Acquire);
        if !page.is_alive() {
            return Err(ConnectError::NoHost);
        }
        Ok(Self {
            path: path.to_owned(),
            host: host.map(ToOwned::to_owned),
            instance: welcome.instance,
            page,
            alive,
            is_lost: AtomicBool::new(false),
            doorbell: welcome.doorbell,
            control: ForkMutex::new(Control { session: Some(session), arenas: Vec::new() }),
            epoch: AtomicU32::new(1),
        })
    }

    /// One request and its reply. `HostGone` if the host is.
    pub(crate) fn call(&self, request: &Request) -> Result<Answer, Error> {
        if request.needs_room() && self.is_full() {
            return Err(Error::TooManyFiles);
        }
        if !self.is_alive() {
            return Err(Error::HostGone);
        }
        let mut control = self.control.lock();
        self.call_locked(&mut control, request)
    }

    /// Whether this process can have no more descriptors.
    fn is_full(&self) -> bool {
        matches!(rustix::io::fcntl_dupfd_cloexec(&self.doorbell, 0), Err(Errno::MFILE | Errno::INVAL))
    }

    fn call_locked(&self, control: &mut Control, request: &Request) -> Result<Answer, Error> {
        if !self.is_alive() {
            return Err(Error::HostGone);
        }
        match self.exchange(control, request) {
            Ok(answer) => Ok(answer),
            // A program that closes all descriptors closes this one too.
            Err(Errno::BADF | Errno::NOTSOCK) => {
                if let Some(mut session) = control.session.take() {
                    session.socket.disown();
                    session.groups.disown();
                    // Another session has another ready list, which nobody here knows.
                    self.epoch.fetch_add(1, Ordering::Relaxed);
                }
                self.exchange(control, request).map_err(|_| self.lost())
            }
            Err(Errno::MFILE) => Err(Error::TooManyFiles),
            Err(_) => Err(self.lost()),
        }
    }

    fn exchange(&self, control: &mut Control, request: &Request) -> Result<Answer, Errno> {
        let session = match &control.session {
            Some(session) => session,
            None => control.session.insert(self.reopen()?),
        };
        if let Some(answer) = self.exchange_by_mailbox(session, request)? {
            return Ok(answer);
        }
        let socket = session.socket.as_fd();
        proto::send(socket, request, &[], SendFlags::empty())?;
        proto::receive_answer(socket)
    }

    /// A control socket of its own for a forked child.
    fn reopen(&self) -> Result<Session, Errno> {
        let welcome = greet(&self.path, self.host.as_deref()).map_err(|_| Errno::CONNRESET)?;
        if welcome.instance != self.instance {
            return Err(Errno::CONNRESET);
        }
        Session::new(&self.path, welcome.socket, &welcome.list, &welcome.mailbox)
            .map_err(|_| Errno::CONNRESET)
    }

    /// A group of this process's ready list, and the list.
    pub(crate) fn group(&self) -> Result<(Spare, Arc<ReadyList>), Error> {
        let mut control = self.control.lock();
        if control.session.is_none() {
            self.call_locked(&mut control, &Request::Wake)?;
        }
        let mut groups = control.session.as_mut().map(|session| std::mem::take(&mut session.groups));
        let taken = groups.as_mut().ok_or(Errno::CONNRESET).and_then(|groups| {
            groups.take(|group| {
                let answer = self.call_locked(&mut control, &Request::Bell { group });
                let bell = answer.ok().and_then(|answer| answer.descriptors.into_iter().next());
                bell.ok_or(Errno::MFILE)
            })
        });
        let session = control.session.as_mut().ok_or(Error::HostGone)?;
        session.groups = groups.unwrap_or_default();
        Ok((taken.map_err(|_| Error::TooManyFiles)?, session.list.clone()))
    }

    pub(crate) fn give_back_group(&self, epoch: u32, spare: Spare) {
        let mut control = self.control.lock();
        if epoch == self.epoch()
            && let Some(session) = &mut control.session
        {
            session.groups.give_back(spare);
        }
    }

    fn lost(&self) -> Error {
        self.is_lost.store(true, Ordering::Release);
        Error::HostGone
    }

    /// The arena of that number, mapped.
    pub(crate) fn arena(&self, id: u32) -> Result<Arena, Error> {
        let mut control = self.control.lock();
        if let Some((_, arena)) = control.arenas.iter().find(|(known, _)| *known == id) {
            return Ok(arena.clone());
        }
        let answer = self.call_locked(&mut control, &Request::Arena { id })?;
        let file = match answer.reply {
            Reply::Arena => answer.descriptors.into_iter().next().ok_or(Error::TooManyFiles)?,
            Reply::Failed(error) => return Err(error),
            _ => return Err(self.lost()),
        };
        let arena = Arena::map(&file).map_err(|_| Error::NoBufferSpace)?;
        control.arenas.push((id, arena.clone()));
        Ok(arena)
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

    /// The word that changes when the host dies, and what it is until then.
    pub(crate) fn liveness(&self) -> (&AtomicU32, u32) {
        (self.page.liveness(), self.alive)
    }

    pub(crate) fn instance(&self) -> u64 {
        self.instance
    }

    pub(crate) fn epoch(&self) -> u32 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Sees to it that no thread is amid a request.
    pub(crate) fn before_fork(&self) {
        // If it cannot be had, this is a signal handler amid a request, and no other thread is at one either.
        let _ = self.control.before_fork(|_| ());
    }

    pub(crate) fn after_fork_in_parent(&self) {
        self.control.after_fork_in_parent();
    }

    /// In a forked child: the control socket is the parent's.
    pub(crate) fn after_fork_in_child(&self) {
        self.control.after_fork_in_child();
        self.control.lock().session = None;
        self.epoch.fetch_add(1, Ordering::Relaxed);
    }
}
