//! The way from a socket to its engine, the same for both modes: calls, doorbells, and waiting.

use crate::connection::Connection;
use crate::embedded::Embedded;
use crate::group::{Group, Spare};
use crate::proto::{Answer, Handle, Reply, Request};
use sockeye_buffer::accept_queue::Claimant;
use sockeye_buffer::futex::{self, Waited};
use sockeye_buffer::{Arena, RecvQReader, SendQWriter, Slot};
use sockeye_clock::{Instant, monotonic};
use sockeye_stack::{Error, HostId};
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

/// The way from a socket to its engine.
#[derive(Clone, Debug)]
pub(crate) enum Way {
    /// To the host process.
    Hosted(Arc<Connection>),
    /// Into the engine in this process, from one of its network's hosts.
    Embedded(Arc<Embedded>, HostId),
}

/// A slot as this process sees it.
#[derive(Clone, Debug)]
pub(crate) struct Attached {
    pub(crate) handle: Handle,
    pub(crate) slot: Slot,
    /// The program's halves of its rings. Made once: to make one counts a reference that others count, too.
    pub(crate) writer: SendQWriter,
    pub(crate) reader: RecvQReader,
    /// Where the doorbell is.
    pub(crate) arena: Arena,
}

impl Attached {
    fn new(handle: Handle, slot: Slot, arena: Arena) -> Self {
        let (writer, reader) = (slot.writer(), slot.reader());
        Self { handle, slot, writer, reader, arena }
    }
}

/// What a wait does once a signal handler with SA_RESTART has run. After one without it ends in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AfterSignal {
    /// It goes on.
    GoOn,
    /// It ends: something was done already, or the program has set a time.
    End,
}

/// For ever, where the kernel is to be told how long that is.
const LONG: Duration = Duration::from_secs(86_400);

impl Way {
    /// Has the engine execute a request. A failure that the engine tells is an `Err`.
    pub(crate) fn call(&self, request: Request) -> Result<Answer, Error> {
        let answer = match self {
            Self::Hosted(connection) => connection.call(&request)?,
            Self::Embedded(embedded, host) => embedded.call(*host, request)?,
        };
        match answer.reply {
            Reply::Failed(error) => Err(error),
            Reply::Refused(_) => Err(Error::HostGone),
            _ => Ok(answer),
        }
    }

    /// A request whose answer says nothing.
    pub(crate) fn tell(&self, request: Request) -> Result<(), Error> {
        self.call(request).map(|_| ())
    }

    /// Finds a socket's slot.
    pub(crate) fn attach(&self, handle: Handle) -> Result<Attached, Error> {
        match self {
            Self::Hosted(connection) => {
                let arena = connection.arena(handle.arena)?;
                let slot = arena.slot(handle.index).ok_or(Error::HostGone)?;
                Ok(Attached::new(handle, slot, arena))
            }
            Self::Embedded(embedded, _) => {
                let (slot, arena) = embedded.slot(handle).ok_or(Error::BadDescriptor)?;
                Ok(Attached::new(handle, slot, arena))
            }
        }
    }

    /// The doorbell: the engine must look at the slot.
    pub(crate) fn ring(&self, attached: &Attached) {
        match self {
            Self::Hosted(connection) => {
                attached.arena.ring(attached.handle.index);
                connection.wake_host();
            }
            Self::Embedded(embedded, _) => embedded.ring(attached),
        }
    }

    /// A socket was closed. Where the engine is in this process its peer sees that when this returns, whoever runs the engine just now.
    pub(crate) fn see_closed(&self) {
        if let Self::Embedded(embedded, _) = self {
            embedded.see_closed();
        }
    }

    /// The engine need not be woken for what has changed in the slot: it looks at that before it does anything else.
    pub(crate) fn note(&self, attached: &Attached) {
        if let Self::Hosted(_) = self {
            attached.arena.ring(attached.handle.index);
        }
    }

    /// As whom this process can take from accept queues; `None` if it must ask.
    pub(crate) fn claimant(&self) -> Option<Claimant> {
        match self {
            Self::Hosted(connection) => connection.claimant(),
            // A request is a call, and does not wait for anybody.
            Self::Embedded(..) => None,
        }
    }

    /// It has taken nothing.
    pub(crate) fn give_back_claimant(&self, claimant: Claimant) {
        if let Self::Hosted(connection) = self {
            connection.give_back(claimant);
        }
    }

    /// A group of this process's ready list.
    pub(crate) fn group(&self) -> Result<Group, Error> {
        let (spare, list) = match self {
            Self::Hosted(connection) => connection.group()?,
            Self::Embedded(embedded, host) => embedded.group(*host)?,
        };
        Ok(Group::new(self.clone(), list, spare))
    }

    pub(crate) fn give_back_group(&self, epoch: u32, spare: Spare) {
        match self {
            Self::Hosted(connection) => connection.give_back_group(epoch, spare),
            Self::Embedded(embedded, _) => embedded.give_back_group(spare),
        }
    }

    /// Whether the engine can still be reached.
    pub(crate) fn is_alive(&self) -> bool {
        match self {
            Self::Hosted(connection) => connection.is_alive(),
            Self::Embedded(embedded, _) => embedded.is_alive(),
        }
    }

    /// Which engine this is.
    pub(crate) fn instance(&self) -> u64 {
        match self {
            Self::Hosted(connection) => connection.instance(),
            Self::Embedded(embedded, _) => embedded.instance(),
        }
    }

    /// Differs in a forked child from its parent.
    pub(crate) fn epoch(&self) -> u32 {
        match self {
            Self::Hosted(connection) => connection.epoch(),
            Self::Embedded(_, _) => 1,
        }
    }

    /// Sleeps until `word` is woken, `deadline`, a signal, or the host's death. It may return early.
    pub(crate) fn wait(
        &self,
        word: &AtomicU32,
        expected: u32,
        deadline: Option<Instant>,
        after_signal: AfterSignal,
    ) -> Waited {
        if let Self::Hosted(connection) = self {
            return connection.wait(word, expected, deadline, after_signal);
        }
        let left = deadline.map(|deadline| deadline.since(monotonic()));
        match (after_signal, deadline) {
            // The kernel ends what has a time of its own.
            (AfterSignal::End, _) => futex::wait(word, expected, Some(left.unwrap_or(LONG))),
            (AfterSignal::GoOn, None) => futex::wait(word, expected, None),
            (AfterSignal::GoOn, Some(deadline)) => {
                futex::wait_until(word, expected, Duration::from_nanos(deadline.as_nanos()))
            }
        }
    }
}
