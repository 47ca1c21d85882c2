//! The client side of hosted mode: finds the host process, and starts it if it does not run.

use crate::connection::{ConnectError, Connection};
use crate::fork_mutex::ForkMutex;
use crate::lock_file::{LockFile, Refused};
use crate::path::{beside, socket_path};
use crate::raw::{self, Program};
use crate::{HostedOptions, SetupError};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use sockeye_clock::{Instant, monotonic};
use std::ffi::{CString, OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a host process may take until it serves.
const START: Duration = Duration::from_secs(10);
/// How long to wait before looking again whether another process has started the host, or an old one has left.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
/// A host process that nobody needs leaves after so many seconds.
const IDLE: &str = "5";

/// The way to a host process, whichever incarnation of it runs.
#[derive(Debug)]
pub(crate) struct Client {
    path: PathBuf,
    network: Option<PathBuf>,
    host: Option<String>,
    start: Start,
    current: ForkMutex<Option<Arc<Connection>>>,
    /// The connection that a thread forks over, which holds `current`.
    forked: ForkMutex<Option<Arc<Connection>>>,
}

/// Whether a host process that does not run is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Start {
    OnDemand,
    Never,
}

/// Who was at it when a host process was to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Starter {
    This,
    Other,
}

/// Why a host process cannot be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    /// There are no descriptors for it (`MFILE`), here or there; or no memory (`NOMEM`).
    Short(Errno),
    /// In words.
    Because(SetupError),
}

impl From<SetupError> for Unreachable {
    fn from(why: SetupError) -> Self {
        Self::Because(why)
    }
}

impl From<Unreachable> for SetupError {
    fn from(why: Unreachable) -> Self {
        match why {
            Unreachable::Because(why) => why,
            Unreachable::Short(Errno::NOMEM) => {
                Self("not enough memory; raise the limit of address space".into())
            }
            Unreachable::Short(_) => Self(
                "too many open files, in this program or in the host process; raise the limit of open files"
                    .into(),
            ),
        }
    }
}

impl Unreachable {
    /// The system refuses this process something: what, and what would help.
    fn from_errno(error: Errno, what: &str, mend: &str) -> Self {
        match error {
            Errno::MFILE | Errno::NFILE => Self::Short(Errno::MFILE),
            Errno::NOMEM => Self::Short(error),
            _ => Self::Because(SetupError(format!("{what}: {error}; {mend}"))),
        }
    }
}

impl Client {
    pub(crate) fn new(options: &HostedOptions) -> Result<Self, SetupError> {
        Self::with(options, Start::OnDemand)
    }

    pub(crate) fn without_start(options: &HostedOptions) -> Result<Self, SetupError> {
        Self::with(options, Start::Never)
    }

    fn with(options: &HostedOptions, start: Start) -> Result<Self, SetupError> {
        let path = socket_path(options.socket.as_deref(), options.network.as_deref())?;
        let (network, host) = (options.network.clone(), options.host.clone());
        Ok(Self { path, network, host, start, current: ForkMutex::new(None), forked: ForkMutex::new(None) })
    }

    /// The same host process, another host of its network.
    pub(crate) fn at(&self, host: Option<&str>) -> Self {
        Self {
            path: self.path.clone(),
            network: self.network.clone(),
            host: host.map(ToOwned::to_owned),
            start: self.start,
            current: ForkMutex::new(None),
            forked: ForkMutex::new(None),
        }
    }

    /// The connection to the host process that runs, which is started if need be.
    pub(crate) fn connection(&self) -> Result<Arc<Connection>, Unreachable> {
        let mut current = self.current.lock();
        if let Some(connection) = current.as_ref().filter(|connection| connection.is_alive()) {
            return Ok(connection.clone());
        }
        let connection = Arc::new(self.connect()?);
        *current = Some(connection.clone());
        Ok(connection)
    }

    /// Why the host process of now cannot be used, in words, if it may live.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.current.lock().as_ref()?.refusal().map(ToOwned::to_owned)
    }

    /// Before `fork()`: no thread is amid a request, so that the child finds everything whole.
    pub(crate) fn before_fork(&self) {
        let Some(connection) = self.current.before_fork(Clone::clone) else { return };
        if let Some(connection) = &connection {
            connection.before_fork();
        }
        *self.forked.lock() = connection;
    }

    pub(crate) fn after_fork_in_parent(&self) {
        if let Some(connection) = self.forked.lock().take() {
            connection.after_fork_in_parent();
        }
        self.current.after_fork_in_parent();
    }

    pub(crate) fn after_fork_in_child(&self) {
        self.forked.after_fork_in_child();
        *self.forked.lock() = None;
        self.current.after_fork_in_child();
        if let Some(connection) = self.current.lock().as_ref() {
            connection.after_fork_in_child();
        }
    }

    fn connect(&self) -> Result<Connection, Unreachable> {
        let deadline = monotonic() + START;
        let (mut failure, mut starter) = (None, Starter::This);
        loop {
            match Connection::open(&self.path, self.host.as_deref()) {
                Ok(connection) => return Ok(connection),
                Err(ConnectError::Refused(why)) => return Err(SetupError(why).into()),
                Err(ConnectError::Short(errno)) => return Err(Unreachable::Short(errno)),
                Err(ConnectError::NoHost) if self.start == Start::Never => {
                    let path = self.path.display();
                    let why = format!("no host process at {path}; start a program, or `sockeye host`");
                    return Err(SetupError(why).into());
                }
                Err(ConnectError::NoHost) => {}
            }
            if let Some(failure) = failure {
                return Err(failure);
            }
            if monotonic() >= deadline {
                return Err(self.overdue(starter).into());
            }
            // One that began to serve meanwhile is as good.
            match self.start(deadline) {
                Ok(at_it) => starter = at_it,
                Err(why) => failure = Some(why),
            }
        }
    }

    /// Nobody has begun to serve in time.
    fn overdue(&self, starter: Starter) -> SetupError {
        let (path, lock) = (self.path.display(), beside(&self.path, ".start"));
        SetupError(match starter {
            Starter::This => format!("the host process at {path} does not serve; try `sockeye host`"),
            Starter::Other => format!(
                "{}: locked by a process that starts no host process at {path}; end it, or choose another socket in SOCKEYE_SOCKET",
                lock.display()
            ),
        })
    }

    /// Starts a host process, unless another process is at it.
    fn start(&self, deadline: Instant) -> Result<Starter, Unreachable> {
        let lock_path = beside(&self.path, ".start");
        let taken = LockFile::try_take(&lock_path).map_err(|refused| match refused {
            Refused::System(Errno::MFILE | Errno::NFILE) => Unreachable::Short(Errno::MFILE),
            Refused::System(Errno::NOMEM) => Unreachable::Short(Errno::NOMEM),
            Refused::System(_) | Refused::Foreign | Refused::OfAnotherUser => {
                let name = lock_path.display();
                SetupError(format!("{name}: {refused}; choose a socket with --socket or SOCKEYE_SOCKET"))
                    .into()
            }
        })?;
        let Some(_lock) = taken else {
            pause();
            return Ok(Starter::Other);
        };
        // The one who had the lock before may have started it.
        if !matches!(Connection::open(&self.path, self.host.as_deref()), Err(ConnectError::NoHost)) {
            return Ok(Starter::This);
        }
        let (reader, writer) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(|error| {
            Unreachable::from_errno(error, "cannot make a pipe", "raise the limit of open files")
        })?;
        let program = self.program()?;
        let name = program.path.to_string_lossy().into_owned();
        let process = raw::run(&program, writer.as_fd()).map_err(|error| {
            SetupError(format!("cannot start {name}: {error}; raise the limit of processes"))
        })?;
        drop(writer);
        let said = read_until_closed(&reader, deadline).ok_or_else(|| {
            SetupError(format!("{name} host does not serve in time; is the machine overloaded?"))
        })?;
        match raw::wait_for(process) {
            raw::End::Exit(0) => Ok(Starter::This),
            raw::End::Unknown if said.is_empty() => Ok(Starter::This),
            end @ (raw::End::Exit(_) | raw::End::Killed(_) | raw::End::Unknown) => {
                Err(SetupError(fault(&name, &said, &end)).into())
            }
        }
    }

    fn program(&self) -> Result<Program, SetupError> {
        let path = find_program()?;
        let mut arguments: Vec<OsString> =
            vec![path.clone().into(), "host".into(), "--background".into(), "--idle".into(), IDLE.into()];
        arguments.extend(["--socket".into(), self.path.clone().into()]);
        if let Some(network) = &self.network {
            arguments.extend(["--network".into(), network.clone().into()]);
        }
        // The host must not be a client of itself.
        let environment = std::env::vars_os().filter(|(name, _)| name != "LD_PRELOAD");
        let environment = environment.map(|(name, value)| {
            let mut pair = name;
            pair.push("=");
            pair.push(value);
            pair
        });
        let strings =
            |strings: Vec<OsString>| strings.into_iter().filter_map(|s| CString::new(s.into_vec()).ok());
        Ok(Program {
            path: CString::new(path.as_os_str().as_bytes()).unwrap_or_default(),
            arguments: strings(arguments).collect(),
            environment: strings(environment.collect()).collect(),
        })
    }
}

/// Waits a little for another process.
pub(crate) fn pause() {
    // Early is harmless.
    let _ = rustix::event::poll(&mut [], Some(&PAUSE));
}

/// The command `sockeye`: as told, beside this library, or in PATH.
fn find_program() -> Result<PathBuf, SetupError> {
    if let Some(told) = std::env::var_os("SOCKEYE_HOST_PROGRAM").filter(|told| !told.is_empty()) {
        let told = PathBuf::from(told);
        return if is_program(&told) {
            Ok(told)
        } else {
            let told = told.display();
            Err(SetupError(format!("SOCKEYE_HOST_PROGRAM={told}: not a program; name the command `sockeye`")))
        };
    }
    let folder = raw::own_file().and_then(|file| Some(file.canonicalize().ok()?.parent()?.to_owned()));
    let beside = folder.iter().flat_map(|folder| [folder.join("../bin/sockeye"), folder.join("sockeye")]);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let in_path = std::env::split_paths(&path).map(|folder| folder.join("sockeye"));
    beside.chain(in_path).find(|program| is_program(program)).ok_or_else(|| {
        SetupError("cannot find the command `sockeye`, which is the host process; put it into PATH, or name it in SOCKEYE_HOST_PROGRAM".into())
    })
}

fn is_program(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

/// What was written until all writers had closed it; `None` if that takes too long.
fn read_until_closed(reader: &OwnedFd, deadline: Instant) -> Option<Vec<u8>> {
    let mut said = Vec::new();
    loop {
        let left = Timespec::try_from(deadline.since(monotonic())).ok()?;
        match rustix::event::poll(&mut [PollFd::new(reader, PollFlags::IN)], Some(&left)) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(_) if monotonic() < deadline => continue,
            Err(_) => return None,
        }
        let mut chunk = [0; 512];
        match rustix::io::retry_on_intr(|| rustix::io::read(reader, &mut chunk)) {
            Ok(0) | Err(_) => return Some(said),
            Ok(len) => said.extend_from_slice(&chunk[..len]),
        }
    }
}

fn fault(program: &str, said: &[u8], end: &raw::End) -> String {
    let said = String::from_utf8_lossy(said);
    let line = said.lines().map(str::trim).find(|line| !line.is_empty());
    let why = match (line, end) {
        (Some(line), _) => line.strip_prefix("sockeye: ").unwrap_or(line).to_owned(),
        (None, raw::End::Exit(status)) => format!("it ended with status {status} without a word"),
        (None, raw::End::Killed(signal)) => format!("it was killed by signal {signal}"),
        (None, raw::End::Unknown) => "it ended without a word".to_owned(),
    };
    format!("cannot start the host process ({} host): {why}", OsStr::new(program).display())
}

#[cfg(test)]
mod tests;
