//! The host process: one thread that runs the engine for all of a user's programs.
//!
//! ```text
//!   doorbells and mailboxes ------+
//!   epoll: control sockets -------+--> Engine --> slot words, futexes, tokens
//!          listener, eventfds,    |
//!          tokens (nested epoll)  |
//!   timers -----------------------+
//! ```
//!
//! While there is traffic it looks at the doorbells again and again, giving way to others each time; without any for some
//! microseconds it says in the host page that it sleeps, looks once more, and sleeps in `epoll_wait`.

pub(crate) mod listener;
mod log;
pub(crate) mod session;
mod sessions;

use crate::engine::{Engine, Storage};
use crate::proto::{Answer, Reply};
use crate::quota::Quota;
use crate::yielding::let_run;
use crate::{SetupError, network_file, raw};
use listener::{Arrival, Found, Listener};
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use sessions::Sessions;
use sockeye_buffer::HostPage;
use sockeye_clock::{Instant, monotonic};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

/// What a host process serves, and for how long.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// Socket to listen at; `None`: that of `network`, or the user's default one.
    pub socket: Option<PathBuf>,
    /// Network file; `None`: one host, localhost.
    pub network: Option<PathBuf>,
    /// Settings by Linux's names, for every host of the network: they count more than those of the file.
    pub sysctl: Vec<(String, String)>,
    /// Leave after so long without a client and a connection; `None`: stay.
    pub idle: Option<Duration>,
}

/// How long to look for traffic before sleeping. A wake-up costs both sides some microseconds.
const SPIN: Duration = Duration::from_micros(100);
/// Rounds of looking at doorbells before descriptors are looked at too.
const ROUNDS: u32 = 16;

/// Descriptors that are served before doorbells and mailboxes are looked at again: each may be the end of a program.
const EVENTS: usize = 8;
/// So often are descriptors served at most where all that have ended are to be seen.
const BURST: usize = 64;
/// Clients that are let in before others are served.
const GUESTS: usize = 8;

/// Data of the epoll set. Larger ones are sessions.
const LISTENER: u64 = 0;
const DOORBELL: u64 = 1;
const TOKENS: u64 = 2;
const SIGNALS: u64 = 3;
const FIRST_SESSION: u64 = 4;

/// After what cannot be done now: no descriptors are left in the system, the folder of the socket is gone, or others are to be served first.
const LATER: Duration = Duration::from_millis(200);
/// How long connections may be over before their memory is given back: TIME-WAIT ends long after the programs.
const SPELL: Duration = Duration::from_secs(60);
/// How often to look whether the path of the socket still leads here.
const LOOK: Duration = Duration::from_secs(1);

/// Serves programs until a signal, or until nobody has needed it for the idle time. For a process of its own with one thread:
/// closes all descriptors but the first three, changes to the root folder, and takes SIGTERM, SIGINT, SIGHUP and SIGPIPE.
///
/// # Errors
/// A faulty network file; another host process serves at the socket already; the socket cannot be made.
pub fn serve(options: &ServeOptions) -> Result<(), SetupError> {
    raw::close_from(3);
    // What a limit or a reader that is gone forbids is told by the call.
    raw::ignore_signals();
    let mut config = options.network.as_deref().map(network_file::read).transpose()?.unwrap_or_default();
    for host in &mut config.hosts {
        for (name, text) in &options.sysctl {
            host.settings
                .set_sysctl(name, text)
                .map_err(|error| SetupError(format!("{name} = {text}: {error}")))?;
        }
    }
    let listener = Listener::open(options)?;
    listener.log()?;
    let mut server = Server::new(listener, &config, options.idle)?;
    // A relative path was made absolute by now. A host must not keep a file system busy.
    let _ = rustix::process::chdir("/");
    tracing::info!("serving");
    server.run();
    tracing::info!("leaving");
    Ok(())
}

struct Server {
    engine: Engine,
    page: HostPage,
    epoll: OwnedFd,
    /// Kept open for the epoll set.
    _signals: OwnedFd,
    listener: Listener,
    /// When to look at the listener again, which is not watched until then.
    look_again_at: Instant,
    sessions: Sessions,
    /// Which sessions have requests in their mailboxes: memory that is used again.
    asked: Vec<u64>,
    idle: Option<Duration>,
    idle_since: Option<Instant>,
    /// When to give memory back: a program has ended, and may have had much.
    tidy_at: Option<Instant>,
    is_ending: bool,
}

impl Server {
    fn new(
        listener: Listener,
        config: &sockeye_stack::NetworkConfig,
        idle: Option<Duration>,
    ) -> Result<Self, SetupError> {
        let limit = rustix::process::getrlimit(Resource::Nofile);
        // If it may not be raised, EMFILE comes earlier.
        let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
        let quota = match rustix::process::getrlimit(Resource::Nofile).current {
            Some(limit) => Quota::new(limit),
            None => Quota::NONE,
        };
        let engine = Engine::new(monotonic(), config, Storage::Shared(quota))?;
        let fault = |error: std::io::Error| SetupError(format!("cannot set up the host process: {error}"));
        let page = HostPage::create().map_err(fault)?;
        page.enroll().map_err(fault)?;
        let signals = raw::signals().map_err(fault)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(|error| fault(error.into()))?;
        let watched = [(listener.socket(), LISTENER), (engine.watcher(), TOKENS), (signals.as_fd(), SIGNALS)];
        for (descriptor, data) in watched {
            watch(&epoll, descriptor, data, epoll::EventFlags::IN).map_err(|error| fault(error.into()))?;
        }
        let sessions = Sessions::new(quota, FIRST_SESSION);
        let (look_again_at, idle_since, is_ending) = (monotonic() + LOOK, None, false);
        Ok(Self {
            engine,
            page,
            epoll,
            _signals: signals,
            listener,
            look_again_at,
            sessions,
            asked: Vec::new(),
            idle,
            idle_since,
            tidy_at: None,
            is_ending,
        })
    }

    fn run(&mut self) {
        let mut last_traffic = monotonic();
        let mut round = 0u32;
        while !self.is_ending {
            let now = monotonic();
            let mut is_busy = self.engine.answer_doorbells(now) | self.answer_mailboxes(now);
            is_busy |= self.engine.leave_some(now) | self.engine.mend_some() | self.answer_timers(now);
            self.tidy(now);
            round = round.wrapping_add(1);
            if self.engine.looks.is_wanted {
                is_busy |= self.answer_all_descriptors();
            } else if round.is_multiple_of(ROUNDS) {
                is_busy |= self.answer_descriptors(Some(Duration::ZERO));
            }
            if is_busy {
                last_traffic = now;
            } else if now.since(last_traffic) < SPIN && let_run() {
                // Others have run.
            } else if self.sleep() {
                last_traffic = monotonic();
            }
        }
    }

    /// Sleeps until something happens. Returns whether it was traffic.
    fn sleep(&mut self) -> bool {
        let now = monotonic();
        let due = [self.engine.poll_timeout(), self.leave_at(now), Some(self.look_again_at), self.tidy_at];
        let due = due.into_iter().flatten().min();
        if self.is_ending {
            return false;
        }
        self.page.set_sleeping(true);
        if self.engine.is_rung() || self.sessions.are_asked() {
            self.page.set_sleeping(false);
            return true;
        }
        let was_traffic = self.answer_descriptors(due.map(|due| due.since(now)));
        self.page.set_sleeping(false);
        was_traffic
    }

    /// Does what is due. Returns whether more is due at once: text that is moved in pieces.
    fn answer_timers(&mut self, now: Instant) -> bool {
        if self.look_again_at <= now {
            self.look_at_listener(now);
        }
        if self.engine.poll_timeout().is_none_or(|due| due > now) {
            return false;
        }
        self.engine.timeout(now);
        self.engine.poll_timeout().is_some_and(|due| due <= now)
    }

    /// Gives memory back that nobody needs any more. Not while a program's sockets are closed, which takes its time as well.
    fn tidy(&mut self, now: Instant) {
        if self.tidy_at.is_some_and(|due| due <= now) {
            if self.engine.is_leaving() {
                self.tidy_at = Some(now + LATER);
                return;
            }
            self.tidy_at = None;
            self.sessions.give_memory_back();
            self.asked = Vec::new();
            self.engine.give_memory_back();
            raw::give_memory_back();
        }
    }

    /// When to leave, if nobody comes. Leaves if that is now.
    fn leave_at(&mut self, now: Instant) -> Option<Instant> {
        let idle = self.idle?;
        if self.sessions.has_guests() || !self.engine.is_empty() {
            self.idle_since = None;
            return None;
        }
        let leave_at = *self.idle_since.get_or_insert(now) + idle;
        self.is_ending = leave_at <= now;
        Some(leave_at)
    }

    /// Serves descriptors until there are no more, for who waits until all that have ended are seen. Returns whether there were any.
    fn answer_all_descriptors(&mut self) -> bool {
        let busy = (0..BURST).take_while(|_| self.answer_descriptors(Some(Duration::ZERO))).count();
        self.engine.looks.is_wanted = false;
        self.engine.looks.count += 1;
        busy > 0
    }

    /// Waits for descriptors, for `timeout` or for ever, and serves them. Returns whether any was traffic.
    fn answer_descriptors(&mut self, timeout: Option<Duration>) -> bool {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut events = Vec::with_capacity(EVENTS);
        if epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut events), timeout.as_ref()).is_err() {
            return false;
        }
        self.page.set_sleeping(false);
        let was_traffic = !events.is_empty();
        for event in events {
            let event: epoll::Event = event;
            match event.data.u64() {
                LISTENER => self.welcome(),
                // Each ring is an edge, so that nobody has to read it.
                DOORBELL => {}
                TOKENS => {
                    // If these are not all, it stays readable.
                    self.engine.close_hung_up(monotonic());
                }
                SIGNALS => self.is_ending = true,
                session => self.answer_session(session),
            }
        }
        was_traffic
    }

    fn welcome(&mut self) {
        // No more at once: who comes and goes without end must not keep the others waiting.
        for _ in 0..GUESTS {
            match self.listener.accept() {
                Ok(arrival) => self.begin_session(arrival),
                Err(Errno::AGAIN) => return,
                // It stays readable: without a pause this would be a busy loop.
                Err(error) if !self.make_room() => {
                    tracing::warn!(%error, "a program has to wait");
                    let _ = epoll::delete(&self.epoll, self.listener.socket());
                    self.look_again_at = monotonic() + LATER;
                    return;
                }
                Err(_) => {}
            }
        }
    }

    fn begin_session(&mut self, arrival: Arrival) {
        if !self.sessions.have_room_for(&arrival) && !self.make_room() {
            tracing::warn!(process = ?arrival.process, "a program was refused: too many descriptors are open");
            let _ = Answer::from(Reply::Full).send(arrival.socket.as_fd());
            return;
        }
        let id = self.sessions.begin(arrival);
        let watched = self
            .sessions
            .get_mut(id)
            .map(|session| watch(&self.epoll, session.socket(), id, epoll::EventFlags::IN));
        if !matches!(watched, Some(Ok(()))) {
            self.sessions.end(id);
        }
    }

    /// Ends a session that has done nothing but take a descriptor. Whether there was one.
    fn make_room(&mut self) -> bool {
        let silent = self.sessions.most_silent(monotonic());
        let Some(session) = silent.and_then(|id| self.sessions.end(id)) else { return false };
        // A forked child that has no other way in finds it when it comes.
        let _ = Answer::from(Reply::Full).send(session.socket());
        true
    }

    /// The path of the socket may lead elsewhere, or the listener was left alone for a while.
    fn look_at_listener(&mut self, now: Instant) {
        self.look_again_at = now + LOOK;
        if self.tidy_at.is_none() && self.engine.has_spare_memory() {
            self.tidy_at = Some(now + SPELL);
        }
        match self.listener.look() {
            Found::Here | Found::Restored => {
                // It may be watched already.
                let _ = watch(&self.epoll, self.listener.socket(), LISTENER, epoll::EventFlags::IN);
            }
            Found::Lost => self.look_again_at = now + LATER,
        }
    }

    fn answer_session(&mut self, id: u64) {
        let sessions = self.sessions.len();
        let Some(session) = self.sessions.get_mut(id) else { return };
        let outside = session::Surroundings { page: &self.page, sessions, epoll: self.epoll.as_fd() };
        if let Err(why) = session.answer(&mut self.engine, &outside) {
            self.end_session(id, why);
        }
    }

    /// Answers the requests in mailboxes. Returns whether there were any.
    fn answer_mailboxes(&mut self, now: Instant) -> bool {
        let mut asked = std::mem::take(&mut self.asked);
        self.sessions.find_asked(now, &mut asked);
        let was_asked = !asked.is_empty();
        for id in asked.drain(..) {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if let Err(why) = session.answer_mailboxes(&mut self.engine) {
                self.end_session(id, why);
            }
        }
        self.asked = asked;
        was_asked
    }

    fn end_session(&mut self, id: u64, why: Errno) {
        tracing::debug!(client = id, %why, "hung up");
        if let Some(session) = self.sessions.end(id) {
            self.engine.begin_leaving(monotonic(), session.client());
            self.tidy_at.get_or_insert(monotonic() + LATER);
        }
    }
}

fn watch(
    epoll: impl AsFd,
    descriptor: BorrowedFd<'_>,
    data: u64,
    flags: epoll::EventFlags,
) -> Result<(), Errno> {
    epoll::add(epoll, descriptor, epoll::EventData::new_u64(data), flags)
}
