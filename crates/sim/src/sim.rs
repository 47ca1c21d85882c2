//! The network and its clock.

use crate::{HeapRings, SimSocket};
use sockeye_clock::Instant;
use sockeye_stack::{Error, HostId, Network, NetworkConfig, SocketEvent, SocketInfo};
use std::collections::HashMap;
use std::time::Duration;

/// A [`Network`] in virtual time.
#[derive(Debug)]
pub struct Sim {
    network: Network,
    rings: HeapRings,
    now: Instant,
    seed: u64,
    statuses: HashMap<u64, Status>,
}

/// What the network has told about a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// An active open succeeded.
    pub is_connected: bool,
    /// After the bytes that wait comes end of file.
    pub is_end_of_file: bool,
    /// Everything sent, and the FIN, is acknowledged.
    pub is_drained: bool,
    /// The connection is over.
    pub is_closed: bool,
    /// Why it ended early, or never began.
    pub error: Option<Error>,
}

impl Sim {
    /// A network in which nothing has happened, at [`Instant::ZERO`].
    ///
    /// # Errors
    /// A configuration that makes no sense: one line that names the thing and the mend.
    pub fn new(config: &NetworkConfig, seed: u64) -> Result<Self, String> {
        let rings = HeapRings::new();
        let now = Instant::ZERO;
        let network = Network::new(now, config, Box::new(rings.clone()), seed)?;
        Ok(Self { network, rings, now, seed, statuses: HashMap::new() })
    }

    /// One host, `localhost`, that owns 127.0.0.0/8 and ::1.
    ///
    /// # Errors
    /// None; the type is that of [`Sim::new`].
    pub fn loopback(seed: u64) -> Result<Self, String> {
        Self::new(&NetworkConfig::default(), seed)
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// What decides about chance; a failing test prints it.
    #[must_use]
    pub const fn seed(&self) -> u64 {
        self.seed
    }

    /// The network, for calls that need no time to pass.
    pub const fn network(&mut self) -> &mut Network {
        &mut self.network
    }

    /// The slots of the sockets.
    #[must_use]
    pub const fn rings(&self) -> &HeapRings {
        &self.rings
    }

    /// What the network has told about a socket.
    #[must_use]
    pub fn status(&self, socket: SimSocket) -> Status {
        self.statuses.get(&socket.tag()).copied().unwrap_or_default()
    }

    /// SO_ERROR: told once.
    pub fn take_error(&mut self, socket: SimSocket) -> Option<Error> {
        self.statuses.get_mut(&socket.tag()).and_then(|status| status.error.take())
    }

    /// The host of that name.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    pub fn host(&self, name: &str) -> Result<HostId, Error> {
        self.network.host(name).ok_or(Error::InvalidArgument)
    }

    /// netstat's lines of a host; none if there is no such host.
    pub fn netstat(&mut self, host: &str) -> Vec<SocketInfo> {
        let Some(id) = self.network.host(host) else { return Vec::new() };
        let lines = self.network.sockets(Some(id));
        self.settle();
        self.network.assert_invariants();
        lines
    }

    /// Moves everything that needs no time to pass.
    pub fn settle(&mut self) {
        self.network.flush(self.now);
        while let Some((_, tag, event)) = self.network.poll_event() {
            let status = self.statuses.entry(tag).or_default();
            match event {
                SocketEvent::Connected => status.is_connected = true,
                SocketEvent::EndOfFile => status.is_end_of_file = true,
                SocketEvent::Drained => status.is_drained = true,
                SocketEvent::Failed(error) | SocketEvent::Reported(error) => status.error = Some(error),
                SocketEvent::Closed => status.is_closed = true,
                SocketEvent::ReportQueued
                | SocketEvent::Urgent
                | SocketEvent::Remembered
                | SocketEvent::Readable
                | SocketEvent::Acceptable
                | SocketEvent::Writable => {}
            }
        }
    }

    /// Lets `time` pass.
    pub fn run_for(&mut self, time: Duration) {
        let deadline = self.now + time;
        self.run_until_deadline(deadline, |_| false);
    }

    /// Lets time pass until nothing more is due, or until `limit` has passed. Says whether nothing more is due.
    pub fn run_until_idle(&mut self, limit: Duration) -> bool {
        let deadline = self.now + limit;
        self.run_until_deadline(deadline, |sim| sim.network.poll_timeout().is_none())
    }

    /// Lets time pass until `is_done`, but no more than `limit`. Says whether it was done.
    pub fn run_until(&mut self, limit: Duration, is_done: impl FnMut(&mut Self) -> bool) -> bool {
        let deadline = self.now + limit;
        self.run_until_deadline(deadline, is_done)
    }

    fn run_until_deadline(&mut self, deadline: Instant, mut is_done: impl FnMut(&mut Self) -> bool) -> bool {
        loop {
            self.settle();
            if is_done(self) {
                return true;
            }
            // What `is_done` did may be due at once.
            self.settle();
            match self.network.poll_timeout() {
                Some(due) if due <= deadline => self.now = self.now.max(due),
                Some(_) | None => break,
            }
            self.network.timeout(self.now);
        }
        self.now = self.now.max(deadline);
        self.network.timeout(self.now);
        self.settle();
        self.network.assert_invariants();
        is_done(self)
    }
}
