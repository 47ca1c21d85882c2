//! Programs that take connections from a listener's queue without a request.

use super::*;
use crate::offers::number_of;
use sockeye_buffer::ReadyList;
use sockeye_buffer::accept_queue::{Claimant, Found, PLACES};

const OTHER: Caller = Caller { client: ClientId(10), host: HostId(0) };

/// A client that takes what is offered, as the library does.
struct Program {
    caller: Caller,
    list: ReadyList,
    watches: Vec<u16>,
}

impl Program {
    fn new(bench: &mut Bench, caller: Caller) -> Self {
        let list = ReadyList::map(bench.engine.add_client(caller.client).unwrap()).unwrap();
        let reply = bench.engine.execute(bench.now, caller, Request::Watches).reply;
        let Reply::Watches(watches) = reply else { panic!("{reply:?}") };
        assert!(watches.len() > 8);
        Self { caller, list, watches }
    }

    fn claimant(&mut self) -> Claimant {
        Claimant::new(number_of(self.caller.client), self.watches.pop().unwrap()).unwrap()
    }

    /// Takes a connection: its tag and the watch. The engine is not told.
    fn take(&mut self, bench: &Bench, listener: Handle) -> Option<(u64, u32)> {
        let slot = bench.slot(listener);
        let head = &slot.header().receiver.accept_head;
        loop {
            let by = self.claimant();
            let position = head.load(Ordering::Relaxed);
            let found = slot.accept_queue().take(position, by);
            if found == Found::Nothing {
                return None;
            }
            head.store(position + 1, Ordering::Relaxed);
            if let Found::Taken(waiting) = found {
                return Some((waiting.tag, by.watch().into()));
            }
        }
    }
}

/// Connections that netstat says wait to be accepted.
fn queued(bench: &mut Bench) -> usize {
    let (reply, _) = bench.ask(Request::Sockets { all_hosts: true, from: ListPlace::default() }).unwrap();
    let Reply::Sockets { lines, .. } = reply else { panic!("{reply:?}") };
    let listener = lines.iter().find(|(_, info)| info.state == "LISTEN");
    listener.unwrap().1.recv_queue
}

fn connect(bench: &mut Bench, address: SocketAddr) -> Handle {
    let client = bench.lone_socket();
    bench.ask(Request::Connect { tag: client.tag, address }).unwrap();
    client
}

/// A listener of the client alone, and where it listens.
fn lone_listener(bench: &mut Bench) -> (Handle, SocketAddr) {
    let listener = bench.lone_socket();
    bench.ask(Request::Listen { tag: listener.tag, backlog: 128 }).unwrap();
    let (reply, _) = bench.ask(Request::LocalAddress { tag: listener.tag }).unwrap();
    let Reply::Address(at) = reply else { panic!("{reply:?}") };
    (listener, SocketAddr::from(([127, 0, 0, 1], at.port())))
}

fn has_ended(bench: &Bench, client: Handle) -> bool {
    bench.condition(client) & (Condition::END_OF_FILE | Condition::CLOSED) != 0
}

#[test]
fn what_was_taken_is_the_program_s_without_a_request() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    let client = connect(&mut bench, address);
    assert_eq!(bench.slot(listener).header().waiting(), 1);
    assert_eq!(queued(&mut bench), 1);
    let (server, _) = program.take(&bench, listener).unwrap();
    assert_eq!(bench.slot(listener).header().waiting(), 0);
    assert_eq!(program.take(&bench, listener), None);
    assert!(bench.slot(listener).header().waiting() == 0);
    // It can be used at once: addresses, bytes, and the doorbell, which the engine finds before the listener's.
    let slot = bench.engine.slot(server).unwrap();
    assert_eq!(slot.header().addresses.get().map(|(local, _)| local), Some(address));
    slot.writer().write(b"hello");
    bench.engine.ring(bench.now, server);
    assert_eq!(bench.slot(client).reader().len(), 5);
    assert_eq!(queued(&mut bench), 0);
    bench.ask(Request::Close { tag: server }).unwrap();
    assert!(has_ended(&bench, client));
}

/// All before the engine looks, which finds the connection's doorbell first.
#[test]
fn what_was_taken_can_be_written_corked_and_closed_at_once() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    let client = connect(&mut bench, address);
    let (server, _) = program.take(&bench, listener).unwrap();
    let slot = bench.engine.slot(server).unwrap();
    slot.writer().write(b"bye");
    let readiness = &slot.header().readiness;
    readiness.flags.store(Flag::CORK, Ordering::Relaxed);
    readiness.flags_changed.store(Flag::CORK, Ordering::Relaxed);
    bench.engine.ring(bench.now, server);
    assert_eq!(bench.slot(client).reader().len(), 0, "it was corked");
    readiness.released.store(generation_of(server), Ordering::Relaxed);
    bench.engine.ring(bench.now, server);
    assert_eq!(bench.slot(client).reader().len(), 3);
    assert!(has_ended(&bench, client));
    assert_eq!(queued(&mut bench), 0);
}

#[test]
fn more_than_are_offered_at_once_are_accepted_in_order_by_either_way() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    let clients: Vec<Handle> = (0..3 * PLACES).map(|_| connect(&mut bench, address)).collect();
    for (count, client) in (1..).zip(&clients) {
        let server = if count % 3 == 0 {
            let (reply, _) = bench.ask(Request::Accept { tag: listener.tag }).unwrap();
            let Reply::Accepted(server, _) = reply else { panic!("{reply:?}") };
            server.tag
        } else {
            if program.watches.len() < 2 {
                program = Program { watches: lend(&mut bench), ..program };
            }
            program.take(&bench, listener).unwrap().0
        };
        let own = bench.slot(*client).header().addresses.get().unwrap();
        let theirs = bench.engine.slot(server).unwrap().header().addresses.get().unwrap();
        assert_eq!((own.0, own.1), (theirs.1, theirs.0), "the {count}th");
        bench.engine.ring(bench.now, listener.tag);
        assert_eq!(queued(&mut bench), clients.len() - count);
    }
    assert_eq!(program.take(&bench, listener), None);
    assert_eq!(bench.ask(Request::Accept { tag: listener.tag }).map(drop), Err(Error::WouldBlock));
}

fn lend(bench: &mut Bench) -> Vec<u16> {
    let (reply, _) = bench.ask(Request::Watches).unwrap();
    let Reply::Watches(watches) = reply else { panic!("{reply:?}") };
    watches
}

/// Killed between taking a connection and anything else: what was taken ends as an accepted one does, what was not is reset.
#[test]
fn who_is_killed_after_taking_a_connection_has_accepted_it() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    let mut peer = Program::new(&mut bench, OTHER);
    let clients = [0, 1].map(|_| {
        let reply = bench.engine.execute(bench.now, OTHER, Request::Socket { family: Family::V4 }).reply;
        let Reply::Socket(client) = reply else { panic!("{reply:?}") };
        bench.engine.execute(bench.now, OTHER, Request::Connect { tag: client.tag, address });
        client
    });
    program.take(&bench, listener).unwrap();
    bench.engine.client_gone(bench.now, CALLER.client);
    let error = |client: Handle| bench.slot(client).header().engine.error.load(Ordering::Relaxed);
    assert_ne!(bench.condition(clients[0]) & Condition::END_OF_FILE, 0);
    assert_eq!(error(clients[0]), 0);
    assert_eq!(error(clients[1]), Error::ConnectionReset.code());
    assert_eq!(peer.watches.len(), peer.watches.drain(..).count());
    let of_the_dead = |entry: &&Entry| matches!(entry.held, Held::By(client) if client == CALLER.client);
    assert_eq!(bench.engine.table.lock().entries().filter(of_the_dead).count(), 0);
}

#[test]
fn processes_that_share_a_listener_each_have_what_they_took() {
    let mut bench = Bench::new();
    let mut programs = [CALLER, OTHER].map(|caller| Program::new(&mut bench, caller));
    let (listener, address) = lone_listener(&mut bench);
    let _token = bench.share(listener);
    let reply = bench.engine.execute(bench.now, OTHER, Request::Watch { tag: listener.tag }).reply;
    assert!(matches!(reply, Reply::Watch(_)), "{reply:?}");
    let clients = [0, 1, 2].map(|_| connect(&mut bench, address));
    let taken = [0, 1, 0].map(|at: usize| programs[at].take(&bench, listener).unwrap().0);
    bench.engine.ring(bench.now, listener.tag);
    let holders = taken.map(|tag| bench.engine.table.lock().entry(tag).unwrap().held);
    assert_eq!(holders, [CALLER, OTHER, CALLER].map(|caller| Held::By(caller.client)));
    bench.engine.client_gone(bench.now, OTHER.client);
    assert_eq!(clients.map(|client| has_ended(&bench, client)), [false, true, false]);
}

/// Nobody holds what a process claims that is gone, or that never had the listener.
#[test]
fn what_a_stranger_claims_is_closed() {
    let mut bench = Bench::new();
    let _program = Program::new(&mut bench, CALLER);
    let mut stranger = Program::new(&mut bench, OTHER);
    let (listener, address) = lone_listener(&mut bench);
    let clients = [0, 1].map(|_| connect(&mut bench, address));
    stranger.take(&bench, listener).unwrap();
    let nobody = Claimant::new(Claimant::MAX_NUMBER, 0).unwrap();
    assert!(matches!(bench.slot(listener).accept_queue().take(1, nobody), Found::Taken(_)));
    bench.engine.ring(bench.now, listener.tag);
    assert_eq!(clients.map(|client| has_ended(&bench, client)), [true, true]);
    assert_eq!(queued(&mut bench), 0);
}

/// A program can be between the engine's steps when a listener ends, so that it has what came later, and what came before is nobody's.
#[test]
fn what_was_taken_out_of_turn_is_the_one_that_was_taken() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    let clients = [0, 1, 2].map(|_| connect(&mut bench, address));
    let by = program.claimant();
    let Found::Taken(server) = bench.slot(listener).accept_queue().take(1, by) else {
        panic!("it is offered")
    };
    bench.ask(Request::Shutdown { tag: listener.tag, how: Shutdown::Both }).unwrap();
    assert_eq!(clients.map(|client| has_ended(&bench, client)), [true, false, true]);
    bench.engine.slot(server.tag).unwrap().writer().write(b"hello");
    bench.engine.ring(bench.now, server.tag);
    assert_eq!(bench.slot(clients[1]).reader().len(), 5);
}

#[test]
fn what_was_taken_out_of_turn_ends_with_the_process() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    for _ in 0..3 {
        connect(&mut bench, address);
    }
    let by = program.claimant();
    assert!(matches!(bench.slot(listener).accept_queue().take(1, by), Found::Taken(_)));
    bench.engine.client_gone(bench.now, CALLER.client);
    let table = bench.engine.table.lock();
    let held: Vec<_> = table.entries().map(|entry| entry.held).filter(|held| *held != Held::Nobody).collect();
    assert_eq!(held, []);
}

/// The engine has not looked since a program took a connection, and something happens to it.
#[test]
fn who_has_just_taken_a_connection_is_told_what_happens_to_it() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    let client = connect(&mut bench, address);
    let (server, watch) = program.take(&bench, listener).unwrap();
    program.list.join(watch, 0);
    bench.slot(client).writer().write(b"hello");
    bench.engine.ring(bench.now, client.tag);
    let mut marks = Vec::new();
    program.list.take(0, |watch, mark| marks.push((watch, mark.is_rx())));
    assert_eq!(marks, [(watch, true)]);
    // Its place is used again once it is closed.
    bench.ask(Request::Close { tag: server }).unwrap();
    assert_eq!(bench.lone_socket().watch, watch);
}

#[test]
fn a_listener_that_is_shut_offers_nothing_and_may_offer_again() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    let clients = [0, 1].map(|_| connect(&mut bench, address));
    let (server, _) = program.take(&bench, listener).unwrap();
    bench.ask(Request::Shutdown { tag: listener.tag, how: Shutdown::Both }).unwrap();
    assert_eq!(clients.map(|client| has_ended(&bench, client)), [false, true]);
    assert_eq!(bench.slot(listener).header().waiting(), 0);
    assert_eq!(program.take(&bench, listener), None);
    // The port is free once the connection is reset.
    bench.ask(Request::SetOption { tag: server, option: SocketOption::Linger(Some(0)) }).unwrap();
    bench.ask(Request::Close { tag: server }).unwrap();
    bench.ask(Request::Listen { tag: listener.tag, backlog: 8 }).unwrap();
    let (reply, _) = bench.ask(Request::LocalAddress { tag: listener.tag }).unwrap();
    let Reply::Address(at) = reply else { panic!("{reply:?}") };
    let client = connect(&mut bench, SocketAddr::from(([127, 0, 0, 1], at.port())));
    let (next, _) = program.take(&bench, listener).unwrap();
    assert_ne!(next, server);
    bench.engine.slot(next).unwrap().writer().write(b"again");
    bench.engine.ring(bench.now, next);
    assert_eq!(bench.slot(client).reader().len(), 5);
}

/// How many connections came the engine knows itself: its own word is there for programs to read.
#[test]
fn whatever_a_program_writes_over_what_came_offers_stay_where_they_were() {
    let mut bench = Bench::new();
    let mut program = Program::new(&mut bench, CALLER);
    let (listener, address) = lone_listener(&mut bench);
    bench.slot(listener).header().engine.accept_tail.store(7, Ordering::Relaxed);
    let refused = bench.ask(Request::Accept { tag: listener.tag });
    assert!(matches!(refused, Err(Error::WouldBlock)), "{refused:?}");
    bench.slot(listener).header().receiver.accept_head.store(0, Ordering::Relaxed);
    connect(&mut bench, address);
    assert!(program.take(&bench, listener).is_some(), "offered where the program said");
    // Also before it listens.
    let other = bench.lone_socket();
    bench.slot(other).header().engine.accept_tail.store(7, Ordering::Relaxed);
    bench.ask(Request::Listen { tag: other.tag, backlog: 8 }).unwrap();
    assert_eq!(bench.slot(other).header().waiting(), 0);
}
