//! Programs that come, ask anything, and go.

use super::ask::{Ask, Known, recent};
use super::bystanders::{Bystanders, CLIENTS, FIRST_GUEST};
use super::guest::{Guest, Way};
use super::{Accept, HOSTS, Time, residue};
use crate::engine::Engine;
use crate::memory::PoolId;
use crate::proto::{Handle, Reply, Request};
use crate::server::session::Surroundings;
use crate::table::ClientId;
use arbitrary::{Arbitrary, Result, Unstructured};
use rustix::event::epoll;
use sockeye_buffer::HostPage;
use sockeye_clock::Instant;
use sockeye_stack::{Family, SocketOption};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

/// Programs at a time.
const GUESTS: usize = 3;
/// Bytes of a message that is none.
const RAW: usize = 48;

sockeye_trials::script! {
    /// Steps of programs and the host process.
    pub struct Control {  } of up to 160 Step
}

/// Which program.
type Who = u8;
/// Which of its sockets: the newest but for so many.
type Back = u8;

#[derive(Clone, Debug, Arbitrary)]
enum Step {
    Come(Who, u8),
    Go(Who),
    /// Bytes that are a message, or none.
    Raw(Who, Way, Raw),
    Ask(Who, Way, Ask),
    /// A connection of its own, which is accepted or waits: five requests or six.
    Connect(Who, Way, Accept),
    /// A socket gets a token, and is polled.
    Share(Who, Way, Back),
    /// A socket is closed, and the program waits for the last bytes to be acknowledged, or goes.
    Linger(Who, Way, Back),
    Scribble(Who, u16, u64),
    Take(Who, Back),
    Transfer(Who, Back, u16),
    Release(Who, Back),
    Join(Who, Back, u8),
    CloseDescriptor(Who, u8),
    /// The host process does not look before the next step.
    Hurry,
    Pass(Time),
    GoOn(u16),
}

/// Some bytes.
#[derive(Clone, Debug)]
struct Raw(Vec<u8>);

impl<'a> Arbitrary<'a> for Raw {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let len = u.int_in_range(0..=RAW)?.min(u.len());
        Ok(Self(u.bytes(len)?.to_vec()))
    }
}

/// The host process, and all of its programs.
struct Host {
    engine: Engine,
    now: Instant,
    page: HostPage,
    epoll: OwnedFd,
    bystanders: Bystanders,
    guests: [Option<Guest>; GUESTS],
    /// All that there were.
    clients: Vec<ClientId>,
    tags: Vec<u64>,
}

/// Plays an input.
///
/// # Panics
/// If others are hurt, or something is left.
pub fn control(input: &Control) {
    let mut host = Host::new();
    let mut is_in_a_hurry = false;
    for step in &input.steps {
        host.step(step);
        if !is_in_a_hurry {
            host.serve();
        }
        is_in_a_hurry = matches!(step, Step::Hurry);
        host.engine.network.assert_invariants();
    }
    host.end();
}

impl Host {
    fn new() -> Self {
        let now = Instant::from_millis(1);
        let mut engine = super::engine(now);
        let bystanders = Bystanders::new(&mut engine, now);
        let tags = bystanders.tags().into();
        Self {
            engine,
            now,
            page: HostPage::create().expect("memory"),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC).expect("a descriptor"),
            bystanders,
            guests: [const { None }; GUESTS],
            clients: Vec::new(),
            tags,
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Come(who, host) => self.come(who, host),
            Step::Go(who) => self.go(usize::from(who) % GUESTS),
            Step::Raw(who, way, Raw(ref bytes)) => self.say(who, way, bytes),
            Step::Ask(who, way, ask) => {
                let Some(request) = self.request(who, ask) else { return };
                self.ask(who, way, &request);
            }
            Step::Connect(who, way, accept) => _ = self.connect(who, way, accept),
            Step::Share(who, way, back) => self.share(who, way, back),
            Step::Linger(who, way, back) => self.linger(who, way, back),
            Step::Scribble(who, at, word) => {
                self.guest(who).into_iter().for_each(|guest| guest.scribble(at, word));
            }
            Step::Take(who, back) => {
                let guest = self.guests[usize::from(who) % GUESTS].as_mut();
                guest.into_iter().for_each(|guest| guest.take(&self.engine, back));
            }
            Step::Transfer(who, back, len) => {
                self.guest(who).into_iter().for_each(|guest| guest.transfer(&self.engine, back, len));
            }
            Step::Release(who, back) => {
                self.guest(who).into_iter().for_each(|guest| guest.release(&self.engine, back));
            }
            Step::Join(who, back, group) => {
                self.guest(who).into_iter().for_each(|guest| guest.join(back, group));
            }
            Step::CloseDescriptor(who, which) => {
                let guest = self.guests[usize::from(who) % GUESTS].as_mut();
                let Some(guest) = guest.filter(|guest| !guest.descriptors.is_empty()) else { return };
                drop(guest.descriptors.swap_remove(usize::from(which) % guest.descriptors.len()));
            }
            Step::Hurry => {}
            Step::Pass(time) => self.now += time.into(),
            Step::GoOn(len) => self.bystanders.go_on(&mut self.engine, &mut self.now, len.into()),
        }
    }

    fn guest(&self, who: Who) -> Option<&Guest> {
        self.guests[usize::from(who) % GUESTS].as_ref()
    }

    /// A new program, which says hello unless it is rude.
    fn come(&mut self, who: Who, host: u8) {
        let place = usize::from(who) % GUESTS;
        self.go(place);
        let id = FIRST_GUEST + self.clients.len() as u64;
        self.clients.push(ClientId(id));
        let mut guest = Guest::new(id);
        let outside = Surroundings { page: &self.page, sessions: 0, epoll: self.epoll.as_fd() };
        if let Some((name, _)) = HOSTS.get(usize::from(host % 4) / 2) {
            guest.greet(self.now, &mut self.engine, &outside, name).expect("a welcome");
        }
        self.guests[place] = Some(guest);
    }

    fn go(&mut self, place: usize) {
        if let Some(guest) = self.guests[place].take() {
            let client = guest.client;
            drop(guest);
            self.engine.client_gone(self.now, client);
        }
    }

    fn request(&self, who: Who, ask: Ask) -> Option<Request> {
        let guest = self.guest(who)?;
        let ports: Vec<u16> = [&guest.ports[..], &[self.bystanders.port]].concat();
        let (own, tags, tokens) = (&guest.sockets[..], &self.tags[..], &guest.tokens[..]);
        Some(ask.request(Known { own, tags, tokens, ports: &ports }))
    }

    /// Bytes are said, and the host process looks at once if they come by the control socket.
    fn say(&mut self, who: Who, way: Way, bytes: &[u8]) {
        let place = usize::from(who) % GUESTS;
        let Some(guest) = &mut self.guests[place] else { return };
        // Whoever may use the host process may set it, for all that are on the same host.
        if !guest.is_apart && matches!(postcard::from_bytes(bytes), Ok(Request::SetSysctl { .. })) {
            return;
        }
        guest.say(way, bytes);
        let outside = Surroundings { page: &self.page, sessions: 0, epoll: self.epoll.as_fd() };
        if guest.session.answer_at(self.now, &mut self.engine, &outside).is_err() {
            self.go(place);
        }
    }

    fn ask(&mut self, who: Who, way: Way, request: &Request) -> Option<Reply> {
        self.say(who, way, &postcard::to_stdvec(request).expect("a message"));
        self.serve();
        let guest = self.guests[usize::from(who) % GUESTS].as_mut()?;
        let reply = guest.take_reply(way)?;
        if let Reply::Socket(handle) | Reply::Accepted(handle, _) = &reply {
            self.tags.push(handle.tag);
        }
        if let (Reply::Arena, &Request::Arena { id }) = (&reply, request) {
            let table = self.engine.table.lock();
            let is_others = CLIENTS.iter().any(|client| table.memory.is_of(PoolId(client.0), id));
            assert!(!is_others, "the memory of who has given it nothing");
        }
        Some(reply)
    }

    fn connect(&mut self, who: Who, way: Way, accept: Accept) -> Option<()> {
        let Reply::Socket(listener) = self.ask(who, way, &Request::Socket { family: Family::V4 })? else {
            return None;
        };
        self.ask(who, way, &Request::Listen { tag: listener.tag, backlog: 8 })?;
        let Reply::Address(at) = self.ask(who, way, &Request::LocalAddress { tag: listener.tag })? else {
            return None;
        };
        let Reply::Socket(socket) = self.ask(who, way, &Request::Socket { family: Family::V4 })? else {
            return None;
        };
        let address = SocketAddr::from(([127, 0, 0, 1], at.port()));
        self.ask(who, way, &Request::Connect { tag: socket.tag, address })?;
        if accept == Accept::Yes {
            self.ask(who, way, &Request::Accept { tag: listener.tag })?;
        }
        Some(())
    }

    fn share(&mut self, who: Who, way: Way, back: Back) {
        let Some(Handle { tag, .. }) = self.guest(who).and_then(|guest| recent(&guest.sockets, back)) else {
            return;
        };
        if let Some(Reply::Token(token)) = self.ask(who, way, &Request::Token) {
            self.ask(who, way, &Request::Give { tag, token });
            self.ask(who, way, &Request::Arm { tag });
        }
    }

    fn linger(&mut self, who: Who, way: Way, back: Back) {
        let Some(Handle { tag, .. }) = self.guest(who).and_then(|guest| recent(&guest.sockets, back)) else {
            return;
        };
        self.ask(who, way, &Request::SetOption { tag, option: SocketOption::Linger(Some(5)) });
        // More than its peer has room for.
        for _ in 0..4 {
            self.guest(who).into_iter().for_each(|guest| guest.fill(&self.engine, tag));
            self.serve();
        }
        self.ask(who, way, &Request::Close { tag });
        self.ask(who, way, &Request::Linger { tag });
    }

    /// What the host process does in each round.
    fn serve(&mut self) {
        self.engine.answer_doorbells(self.now);
        for place in 0..GUESTS {
            let Some(guest) = self.guests[place].as_mut().filter(|guest| guest.session.is_asked()) else {
                continue;
            };
            if guest.session.answer_mailboxes_at(self.now, &mut self.engine).is_err() {
                self.go(place);
            }
        }
        self.engine.answer_hang_ups(self.now);
        self.engine.looks.count += 1;
        if self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
            self.engine.timeout(self.now);
        }
    }

    /// All of them go.
    fn end(mut self) {
        (0..GUESTS).for_each(|place| self.go(place));
        residue::check(self.engine, self.now, self.bystanders, &self.clients);
    }
}
