//! One client process.

use super::listener::Arrival;
use crate::engine::{Caller, Engine, needs_ends};
use crate::offers;
use crate::proto::{self, Answer, Reply, Request};
use crate::table::ClientId;
use rustix::event::EventfdFlags;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::process::Pid;
use sockeye_buffer::mailbox::{BOXES, LONGEST};
use sockeye_buffer::{HostPage, Mailbox, Mailboxes, futex};
use sockeye_clock::{Instant, monotonic};
use sockeye_stack::HostId;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

/// So many pages are marked when this process dies: the kernel looks at 2048 mutexes of a thread.
const MOST_LIVES: usize = 2000;
/// How long a request waits at most until others' sockets are closed.
const PATIENCE: Duration = Duration::from_secs(1);

/// A control connection and who is at its other end.
#[derive(Debug)]
pub(crate) struct Session {
    socket: OwnedFd,
    client: ClientId,
    pub(super) process: Option<Pid>,
    pub(super) since: Instant,
    /// Known once the client has said hello.
    guest: Option<Guest>,
    waiting: Vec<Waiting>,
}

/// A request that waits until what others have left is closed.
#[derive(Debug)]
struct Waiting {
    way: Way,
    request: Request,
    /// When it is answered whatever is left.
    until: Instant,
    /// How many looks at who has hung up there were before it.
    looks: u64,
}

/// Where a request came from, and its answer goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Socket,
    Mailbox(usize),
}

/// A client that has said hello.
#[derive(Debug)]
struct Guest {
    caller: Caller,
    mailboxes: Mailboxes,
    /// By which the client finds that this process has died.
    _life: HostPage,
}

/// What a welcome brings.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    pub(crate) page: &'a HostPage,
    /// How many sessions there are.
    pub(crate) sessions: usize,
    pub(crate) epoll: BorrowedFd<'a>,
}

impl Session {
    pub(crate) fn new(arrival: Arrival, id: u64) -> Self {
        let Arrival { socket, process } = arrival;
        Self { socket, client: ClientId(id), process, since: monotonic(), guest: None, waiting: Vec::new() }
    }

    pub(super) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether it has not said hello yet.
    pub(super) fn is_silent(&self) -> bool {
        self.guest.is_none()
    }

    pub(super) fn client(&self) -> ClientId {
        self.client
    }

    /// Answers one request. An error ends the session.
    pub(super) fn answer(&mut self, engine: &mut Engine, outside: &Surroundings<'_>) -> Result<(), Errno> {
        self.answer_at(monotonic(), engine, outside)
    }

    /// As [`answer`](Self::answer), at an instant.
    pub(crate) fn answer_at(
        &mut self,
        now: Instant,
        engine: &mut Engine,
        outside: &Surroundings<'_>,
    ) -> Result<(), Errno> {
        // One after the other.
        if self.has_waiting(Way::Socket) {
            return Ok(());
        }
        let (request, _) = match proto::receive::<Request>(self.socket.as_fd(), RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) => return Ok(()),
            received => received?,
        };
        match (&self.guest, request) {
            (None, Request::Hello { version, host }) => {
                self.welcome(engine, outside, version, host.as_deref()).send(self.socket.as_fd())
            }
            (None, _) => Err(Errno::PROTO),
            (Some(_), request) => {
                let (way, looks) = (Way::Socket, engine.looks.count);
                self.try_answer(now, engine, Waiting { way, request, until: now + PATIENCE, looks })
            }
        }
    }

    /// Whether there may be requests in the mailboxes, or some wait.
    pub(crate) fn is_asked(&self) -> bool {
        !self.waiting.is_empty() || self.guest.as_ref().is_some_and(|guest| guest.mailboxes.are_asked())
    }

    fn has_waiting(&self, way: Way) -> bool {
        self.waiting.iter().any(|waiting| waiting.way == way)
    }

    /// Answers the requests that waited, and those in the mailboxes. An error ends the session.
    pub(super) fn answer_mailboxes(&mut self, engine: &mut Engine) -> Result<(), Errno> {
        self.answer_mailboxes_at(monotonic(), engine)
    }

    /// As [`answer_mailboxes`](Self::answer_mailboxes), at an instant.
    pub(crate) fn answer_mailboxes_at(&mut self, now: Instant, engine: &mut Engine) -> Result<(), Errno> {
        for waiting in std::mem::take(&mut self.waiting) {
            self.try_answer(now, engine, waiting)?;
        }
        let Some(guest) = &self.guest else { return Ok(()) };
        let mut asked = guest.mailboxes.take_asked();
        asked.try_for_each(|index| self.answer_mailbox(now, engine, index))
    }

    fn answer_mailbox(&mut self, now: Instant, engine: &mut Engine, index: usize) -> Result<(), Errno> {
        let Some(guest) = &self.guest else { return Ok(()) };
        let mailbox = guest.mailboxes.mailbox(index);
        let Some(len) = mailbox.take() else { return Ok(()) };
        let mut bytes = [0; LONGEST];
        mailbox.read(&mut bytes[..len]);
        let request = postcard::from_bytes(&bytes[..len]).map_err(|_| Errno::BADMSG)?;
        let way = Way::Mailbox(index);
        // Who has asked waits for the answer.
        if self.has_waiting(way) {
            return Err(Errno::PROTO);
        }
        let looks = engine.looks.count;
        self.try_answer(now, engine, Waiting { way, request, until: now + PATIENCE, looks })
    }

    /// Answers a request, or lets it wait.
    fn try_answer(&mut self, now: Instant, engine: &mut Engine, asked: Waiting) -> Result<(), Errno> {
        let Some(guest) = &self.guest else { return Ok(()) };
        let answer = if now >= asked.until {
            Some(engine.execute_now(now, guest.caller, asked.request.clone()))
        } else if needs_ends(&asked.request) && asked.looks == engine.looks.count {
            engine.looks.is_wanted = true;
            None
        } else {
            engine.try_execute(now, guest.caller, &asked.request)
        };
        match (answer, asked.way) {
            (None, _) => self.waiting.push(asked),
            (Some(answer), Way::Socket) => answer.send(self.socket.as_fd())?,
            (Some(answer), Way::Mailbox(index)) => {
                self.put_answer(guest.mailboxes.mailbox(index), index, &answer)?
            }
        }
        Ok(())
    }

    /// Puts an answer where its request was. What does not fit there, and descriptors, go by the control socket.
    fn put_answer(&self, mailbox: Mailbox<'_>, index: usize, answer: &Answer) -> Result<(), Errno> {
        let mut bytes = [0; LONGEST];
        let reply =
            postcard::to_slice(&answer.reply, &mut bytes).ok().filter(|_| answer.descriptors.is_empty());
        let len = match reply {
            Some(reply) if mailbox.write(reply) => Some(reply.len()),
            _ if index != proto::FIRST_MAILBOX => return Err(Errno::PROTO),
            _ => {
                answer.send(self.socket.as_fd())?;
                None
            }
        };
        wake_if(mailbox.answer(len), mailbox);
        Ok(())
    }

    fn welcome(
        &mut self,
        engine: &Engine,
        outside: &Surroundings<'_>,
        version: u32,
        host: Option<&str>,
    ) -> Answer {
        if version != proto::VERSION {
            let (ours, process) = (proto::VERSION, std::process::id());
            let why = format!(
                "the host process speaks version {ours}, this program {version}; end the host process (kill {process})"
            );
            return Reply::Refused(why).into();
        }
        let host = match engine.host(host) {
            Ok(host) => host,
            Err(why) => return Reply::Refused(why).into(),
        };
        let Ok((guest, descriptors)) = self.furnish(engine, outside, host) else { return Reply::Full.into() };
        self.guest = Some(guest);
        let (instance, number) = (engine.instance(), offers::number_of(self.client));
        Answer { reply: Reply::Welcome { instance, number }, descriptors }
    }

    /// What a client gets, and what this process keeps of it.
    fn furnish(
        &self,
        engine: &Engine,
        outside: &Surroundings<'_>,
        host: HostId,
    ) -> std::io::Result<(Guest, Vec<OwnedFd>)> {
        let page = outside.page.fd_read_only()?;
        let (life, its_life) = life(outside.sessions)?;
        let doorbell = doorbell(outside.epoll)?;
        let mut mailboxes = Mailboxes::create()?;
        let its_mailboxes = mailboxes.take_fd().ok_or(std::io::ErrorKind::Unsupported)?;
        let list = engine.add_client(self.client)?;
        let guest = Guest { caller: Caller { client: self.client, host }, mailboxes, _life: life };
        Ok((guest, vec![doorbell, page, its_life, list, its_mailboxes]))
    }
}

/// A page that tells one client of so many whether this process lives, and the client's descriptor of it.
fn life(clients: usize) -> std::io::Result<(HostPage, OwnedFd)> {
    let mut life = HostPage::create()?;
    if clients < MOST_LIVES {
        // Where it cannot be tied to this thread, the client looks for itself now and then.
        let _ = life.enroll();
    }
    let descriptor = life.take_fd().ok_or(std::io::ErrorKind::Unsupported)?;
    Ok((life, descriptor))
}

/// What wakes this process when a client writes to it. Each client has its own, for whoever has an eventfd can fill it, and make the others
/// that write to it wait. It stays in the epoll set as long as the client, or a forked child that goes on with it, has a copy.
fn doorbell(epoll: BorrowedFd<'_>) -> Result<OwnedFd, Errno> {
    let doorbell = rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    // Each ring is an edge, so that nobody has to read it.
    super::watch(epoll, doorbell.as_fd(), super::DOORBELL, EventFlags::IN | EventFlags::ET)?;
    Ok(doorbell)
}

/// Wakes who waits for an answer, if it sleeps.
fn wake_if(is_asleep: bool, mailbox: Mailbox<'_>) {
    if is_asleep {
        futex::wake_all(mailbox.futex());
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let Some(guest) = &self.guest else { return };
        for mailbox in (0..BOXES).map(|index| guest.mailboxes.mailbox(index)) {
            wake_if(mailbox.close(), mailbox);
        }
    }
}
