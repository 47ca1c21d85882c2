//! Programs that write anything where they can write.
//!
//! The same steps are played twice. In the second play programs also write to the words that only the engine should: what it answers,
//! and what it shows of all sockets, is the same.

use super::ask::{Ask, Known, Pick, recent};
use super::bystanders::{Bystanders, FIRST_GUEST};
use super::guest::ring;
use super::{Accept, Time, residue};
use crate::engine::{Caller, Engine};
use crate::proto::{Handle, Reply, Request};
use crate::table::ClientId;
use arbitrary::Arbitrary;
use sockeye_buffer::accept_queue::{Claimant, PLACES, Waiting};
use sockeye_buffer::{Slot, SlotHeader};
use sockeye_clock::Instant;
use sockeye_stack::{Family, HostId, Shutdown};
use sockeye_trials::Number;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Programs.
const GUESTS: usize = 2;
/// Bytes that the others send now and then.
const LEN: u64 = 1000;

sockeye_trials::script! {
    /// Steps of programs and the host process.
    pub struct Words {  } of up to 160 Step
}

/// Which program.
type Who = u8;
/// Which of its sockets, the closed ones too: the newest but for so many.
type Back = u8;

#[derive(Clone, Copy, Debug, Arbitrary)]
enum Step {
    Ask(Who, Ask),
    /// A connection of its own, which is accepted or waits.
    Connect(Who, Accept),
    /// A socket gets a token, and is polled.
    Share(Who, Back),
    Shutdown(Who, Back),
    /// Words of a program.
    Write(Who, Back, u8, Number),
    Claim(Who, Back, u8, Claim),
    /// Words of the engine.
    Scribble(Who, Back, u8, Number),
    ScribbleOffer(Who, Back, u8, Pick),
    Ring(Who, Back),
    CloseDescriptor(Who, u8),
    Go(Who),
    Pass(Time),
    GoOn,
}

#[derive(Clone, Copy, Debug, Arbitrary)]
struct Claim {
    number: u8,
    watch: u8,
}

/// Who writes to the engine's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Play {
    NobodyElse,
    Anybody,
}

/// A word of a slot.
enum Word<'a> {
    Short(&'a AtomicU32),
    Long(&'a AtomicU64),
}

impl Word<'_> {
    fn store(&self, value: u64) {
        match self {
            Self::Short(word) => word.store(value as u32, Ordering::SeqCst),
            Self::Long(word) => word.store(value, Ordering::SeqCst),
        }
    }
}

/// The words that programs write.
fn of_programs(header: &SlotHeader) -> Vec<Word<'_>> {
    use Word::{Long, Short};
    let SlotHeader { sender, receiver, readiness, urgent, arrivals, engine, .. } = header;
    vec![
        Long(&sender.send_tail),
        Long(&sender.send_origin),
        Short(&sender.send_ring),
        Short(&sender.tx_wait),
        Long(&receiver.recv_head),
        Short(&receiver.accept_head),
        Short(&receiver.rx_wait),
        Short(&readiness.armed),
        Short(&readiness.prepared),
        Short(&readiness.rx_token),
        Short(&readiness.tx_token),
        Short(&readiness.shown_edges),
        Short(&readiness.no_space),
        Short(&readiness.urgent_token),
        Short(&readiness.flags),
        Short(&readiness.flags_changed),
        Short(&readiness.recv_low_water),
        Short(&readiness.notsent_low_water),
        Short(&readiness.tells_left),
        Short(&readiness.nonblocking),
        Short(&readiness.opening),
        Short(&readiness.released),
        Short(&readiness.peek_offset),
        Long(&readiness.kept),
        Long(&readiness.recv_timeout),
        Long(&readiness.send_timeout),
        Long(&urgent.taken),
        Short(&arrivals.wanted),
        // Who takes the error makes it 0.
        Short(&engine.error),
    ]
}

/// The words that only the engine writes.
fn of_engine(header: &SlotHeader) -> Vec<Word<'_>> {
    use Word::{Long, Short};
    let SlotHeader { urgent, arrivals, engine, .. } = header;
    vec![
        // Most of what the engine decides.
        Short(&engine.condition),
        Short(&engine.condition),
        Short(&engine.condition),
        Short(&engine.condition),
        Short(&engine.condition),
        Short(&engine.condition),
        Short(&engine.accept_tail),
        Short(&engine.send_limit),
        Short(&engine.recv_limit),
        Short(&engine.recv_ring),
        Short(&engine.rx_seq),
        Short(&engine.tx_seq),
        Long(&engine.send_head),
        Long(&engine.recv_tail),
        Long(&engine.sent),
        Long(&engine.ring_at),
        Long(&engine.recv_origin),
        Short(&engine.notsent_default),
        Short(&engine.notsent_goal),
        Short(&engine.info),
        Long(&urgent.mark),
        Short(&urgent.is_inline),
        Short(&arrivals.count),
    ]
}

/// A program.
#[derive(Debug)]
struct Guest {
    caller: Caller,
    sockets: Vec<Handle>,
    slots: Vec<Slot>,
    tokens: Vec<u64>,
    ports: Vec<u16>,
    /// Tokens, and whose they are.
    descriptors: Vec<(OwnedFd, u64)>,
}

struct Host {
    play: Play,
    engine: Engine,
    now: Instant,
    bystanders: Bystanders,
    guests: Vec<Guest>,
    clients: Vec<ClientId>,
    tags: Vec<u64>,
    /// What the engine said and showed.
    told: Vec<String>,
}

/// Plays an input.
///
/// # Panics
/// If others are hurt, something is left, or the engine is misled about what it knows itself.
pub fn words(input: &Words) {
    let [as_it_is, misled] = [Play::NobodyElse, Play::Anybody].map(|play| {
        let mut host = Host::new(play);
        for &step in &input.steps {
            host.step(step);
            host.serve();
        }
        host.end()
    });
    for (at, (told, instead)) in as_it_is.iter().zip(&misled).enumerate() {
        assert_eq!(told, instead, "at {at}");
    }
    assert_eq!(as_it_is.len(), misled.len());
}

impl Host {
    fn new(play: Play) -> Self {
        let now = Instant::from_millis(1);
        let mut engine = super::engine(now);
        let bystanders = Bystanders::new(&mut engine, now);
        let tags = bystanders.tags().into();
        let mut host =
            Self { play, engine, now, bystanders, guests: vec![], clients: vec![], tags, told: vec![] };
        (0..GUESTS).for_each(|place| host.come(place));
        host
    }

    fn come(&mut self, place: usize) {
        let client = ClientId(FIRST_GUEST + self.clients.len() as u64);
        self.clients.push(client);
        self.engine.add_client(client).expect("memory");
        let guest = Guest {
            caller: Caller { client, host: HostId(0) },
            sockets: Vec::new(),
            slots: Vec::new(),
            tokens: Vec::new(),
            ports: Vec::new(),
            descriptors: Vec::new(),
        };
        if let Some(gone) = self.guests.get_mut(place) {
            *gone = guest;
        } else {
            self.guests.push(guest);
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Ask(who, ask) => self.ask_any(who, ask),
            Step::Connect(who, accept) => _ = self.connect(who, accept),
            Step::Share(who, back) => self.share(who, back),
            Step::Shutdown(who, back) => {
                let Some(handle) = recent(&self.guests[usize::from(who) % GUESTS].sockets, back) else {
                    return;
                };
                self.ask(who, Request::Shutdown { tag: handle.tag, how: Shutdown::Both });
            }
            Step::Write(who, back, word, number) => {
                let Some(slot) = self.slot(who, back) else { return };
                let words = of_programs(slot.header());
                words[usize::from(word) % words.len()].store(number.word());
            }
            Step::Claim(who, back, behind, claim) => self.claim(who, back, behind, claim),
            Step::Scribble(who, back, word, number) => {
                let Some(slot) = self.slot(who, back).filter(|_| self.play == Play::Anybody) else { return };
                let words = of_engine(slot.header());
                words[usize::from(word) % words.len()].store(number.word());
            }
            Step::ScribbleOffer(who, back, position, pick) => self.scribble_offer(who, back, position, pick),
            Step::Ring(who, back) => {
                let guest = &self.guests[usize::from(who) % GUESTS];
                recent(&guest.sockets, back).into_iter().for_each(|handle| ring(&self.engine, handle));
            }
            Step::CloseDescriptor(who, which) => {
                let descriptors = &mut self.guests[usize::from(who) % GUESTS].descriptors;
                if !descriptors.is_empty() {
                    let which = usize::from(which) % descriptors.len();
                    let (token, tag) = descriptors.swap_remove(which);
                    drop(token);
                    // A token that shows a hang-up cannot tell, and whether it does is up to what programs write.
                    self.ask(who, Request::Forget { tag });
                }
            }
            Step::Go(who) => {
                self.go(usize::from(who) % GUESTS);
                self.come(usize::from(who) % GUESTS);
            }
            Step::Pass(time) => self.now += time.into(),
            Step::GoOn => self.bystanders.go_on(&mut self.engine, &mut self.now, LEN),
        }
    }

    fn slot(&self, who: Who, back: Back) -> Option<Slot> {
        let slots = &self.guests[usize::from(who) % GUESTS].slots;
        let back = usize::from(back) % slots.len().max(1);
        slots.iter().rev().nth(back).cloned()
    }

    fn ask_any(&mut self, who: Who, ask: Ask) {
        let guest = &self.guests[usize::from(who) % GUESTS];
        let ports: Vec<u16> = [&guest.ports[..], &[self.bystanders.port]].concat();
        let (own, tags, tokens) = (&guest.sockets[..], &self.tags[..], &guest.tokens[..]);
        let request = ask.request(Known { own, tags, tokens, ports: &ports });
        match request {
            // Whoever may use the host process may set it, for all.
            Request::SetSysctl { .. } => {}
            // Their numbers may differ between the plays, for they are used again.
            Request::Arena { .. } | Request::Token | Request::Give { .. } => {}
            request if request.tag().is_none_or(|tag| self.tags.contains(&tag)) => _ = self.ask(who, request),
            _ => {}
        }
    }

    fn ask(&mut self, who: Who, request: Request) -> Reply {
        self.execute(who, request).0
    }

    fn execute(&mut self, who: Who, request: Request) -> (Reply, Vec<OwnedFd>) {
        let guest = &mut self.guests[usize::from(who) % GUESTS];
        let answer = self.engine.execute(self.now, guest.caller, request);
        self.told.push(told(&answer.reply));
        match &answer.reply {
            Reply::Socket(handle) | Reply::Accepted(handle, _) => {
                guest.sockets.push(*handle);
                guest.slots.extend(self.engine.slot(handle.tag));
                self.tags.push(handle.tag);
            }
            Reply::Token(token) => guest.tokens.push(*token),
            Reply::Address(address) => guest.ports.push(address.port()),
            _ => {}
        }
        (answer.reply, answer.descriptors)
    }

    fn connect(&mut self, who: Who, accept: Accept) -> Option<()> {
        let Reply::Socket(listener) = self.ask(who, Request::Socket { family: Family::V4 }) else {
            return None;
        };
        self.ask(who, Request::Listen { tag: listener.tag, backlog: 8 });
        let Reply::Address(at) = self.ask(who, Request::LocalAddress { tag: listener.tag }) else {
            return None;
        };
        let Reply::Socket(socket) = self.ask(who, Request::Socket { family: Family::V4 }) else {
            return None;
        };
        let address = SocketAddr::from(([127, 0, 0, 1], at.port()));
        self.ask(who, Request::Connect { tag: socket.tag, address });
        if let Accept::Yes = accept {
            self.ask(who, Request::Accept { tag: listener.tag });
        }
        Some(())
    }

    fn share(&mut self, who: Who, back: Back) {
        let Some(Handle { tag, .. }) = recent(&self.guests[usize::from(who) % GUESTS].sockets, back) else {
            return;
        };
        let (Reply::Token(token), mut descriptors) = self.execute(who, Request::Token) else { return };
        if let Reply::Done = self.ask(who, Request::Give { tag, token }) {
            let guest = &mut self.guests[usize::from(who) % GUESTS];
            guest.descriptors.extend(descriptors.pop().map(|token| (token, tag)));
        }
        self.ask(who, Request::Arm { tag });
    }

    /// Says that it, or somebody else, has taken a connection.
    fn claim(&mut self, who: Who, back: Back, behind: u8, claim: Claim) {
        let Some(slot) = self.slot(who, back) else { return };
        // Of few numbers most are somebody's.
        let by = Claimant::new(u32::from(claim.number) % 16, claim.watch.into());
        // A listener has its accept queue where other sockets have their rings.
        let _ = by.map(|by| slot.accept_queue().take(u32::from(behind) % PLACES, by));
    }

    /// What is offered is another socket. Its place says so already, for who offers it says that nobody has taken it.
    fn scribble_offer(&mut self, who: Who, back: Back, position: u8, pick: Pick) {
        let Some(slot) = self.slot(who, back).filter(|_| self.play == Play::Anybody) else { return };
        let position = u32::from(position) % PLACES;
        if slot.accept_queue().taken_by(position).is_none() {
            let Pick::Any(tag) = pick else { return };
            let peer = SocketAddr::from(([1, 2, 3, 4], 5));
            let waiting = Waiting { tag, arena: tag & 0xffff_ffff, index: tag as u32, peer };
            slot.accept_queue().offer(position, &waiting);
        }
    }

    /// What the host process does in each round.
    fn serve(&mut self) {
        self.engine.answer_doorbells(self.now);
        self.engine.answer_hang_ups(self.now);
        if self.engine.poll_timeout().is_some_and(|due| due <= self.now) {
            self.engine.timeout(self.now);
        }
        self.engine.network.assert_invariants();
        let mut lines: Vec<String> =
            self.engine.network.sockets(None).iter().map(|line| format!("{line:?}")).collect();
        lines.sort_unstable();
        self.told.push(lines.concat());
    }

    fn go(&mut self, place: usize) {
        let guest = &mut self.guests[place];
        guest.descriptors.clear();
        self.engine.client_gone(self.now, guest.caller.client);
    }

    fn end(mut self) -> Vec<String> {
        (0..GUESTS).for_each(|place| self.go(place));
        residue::check(self.engine, self.now, self.bystanders, &self.clients);
        self.told
    }
}

/// What a reply says, without the numbers of places that are used again: in which order they were free is up to what tokens show.
fn told(reply: &Reply) -> String {
    match reply {
        Reply::Socket(handle) => format!("a socket, {:?}", handle.family),
        Reply::Accepted(handle, peer) => format!("accepted, {:?}, {peer}", handle.family),
        Reply::Token(_) | Reply::Watch(_) | Reply::Watches(_) => String::from("a number"),
        Reply::Sockets { .. } => String::from("lines"),
        other => format!("{other:?}"),
    }
}
