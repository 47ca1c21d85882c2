mod accepting;
mod crowd;
mod hostile;
mod idle;

use super::*;
use crate::proto::{Handle, LOOKS_A_PAGE, Reply, Request};
use crate::table::generation_of;
use rustix::event::{PollFd, PollFlags, Timespec};
use sockeye_buffer::token::program;
use sockeye_buffer::{Condition, Slot};
use sockeye_clock::Instant;
use sockeye_stack::{Family, ListPlace, Shutdown, SocketOption};
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

const CALLER: Caller = Caller { client: ClientId(9), host: HostId(0) };

/// An engine with one client, in virtual time.
struct Bench {
    engine: Engine,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::from_millis(1);
        let engine = Engine::new(now, &NetworkConfig::default(), Storage::Shared(Quota::NONE)).unwrap();
        engine.add_client(CALLER.client).unwrap();
        Self { engine, now }
    }

    fn ask(&mut self, request: Request) -> Result<(Reply, Vec<OwnedFd>), Error> {
        let answer = self.engine.execute(self.now, CALLER, request);
        match answer.reply {
            Reply::Failed(error) => Err(error),
            reply => Ok((reply, answer.descriptors)),
        }
    }

    fn socket(&mut self) -> (Handle, OwnedFd) {
        let handle = self.lone_socket();
        (handle, self.share(handle))
    }

    /// One that the client holds without a token.
    fn lone_socket(&mut self) -> Handle {
        let (reply, _) = self.ask(Request::Socket { family: Family::V4 }).unwrap();
        let Reply::Socket(handle) = reply else { panic!("{reply:?}") };
        handle
    }

    /// Gives it a token.
    fn share(&mut self, handle: Handle) -> OwnedFd {
        let (token, descriptor) = self.token();
        self.ask(Request::Give { tag: handle.tag, token }).unwrap();
        descriptor
    }

    fn token(&mut self) -> (u64, OwnedFd) {
        let (reply, mut descriptors) = self.ask(Request::Token).unwrap();
        let Reply::Token(id) = reply else { panic!("{reply:?}") };
        (id, descriptors.remove(0))
    }

    fn accept(&mut self, listener: Handle) -> Result<(Handle, OwnedFd), Error> {
        let (reply, _) = self.ask(Request::Accept { tag: listener.tag })?;
        let Reply::Accepted(handle, _) = reply else { panic!("{reply:?}") };
        Ok((handle, self.share(handle)))
    }

    fn listener(&mut self) -> (Handle, OwnedFd, SocketAddr) {
        let (handle, token) = self.socket();
        self.ask(Request::Listen { tag: handle.tag, backlog: 8 }).unwrap();
        let (reply, _) = self.ask(Request::LocalAddress { tag: handle.tag }).unwrap();
        let Reply::Address(at) = reply else { panic!("{reply:?}") };
        (handle, token, SocketAddr::from(([127, 0, 0, 1], at.port())))
    }

    /// How many lines each page of netstat has from a place on. `between` acts after the first.
    fn pages(&mut self, between: impl FnOnce(&mut Self)) -> Vec<usize> {
        let (mut pages, mut between) = (Vec::new(), Some(between));
        let mut place = Some(ListPlace::default());
        while let Some(from) = place {
            let (reply, _) = self.ask(Request::Sockets { all_hosts: true, from }).unwrap();
            let Reply::Sockets { lines, next } = reply else { panic!("{reply:?}") };
            pages.push(lines.len());
            place = next;
            if let Some(between) = between.take() {
                between(self);
            }
        }
        pages
    }

    /// Who connected, and who accepted.
    fn pair(&mut self) -> [(Handle, OwnedFd); 2] {
        let (listener, _token, address) = self.listener();
        let client = self.socket();
        self.ask(Request::Connect { tag: client.0.tag, address }).unwrap();
        let server = self.accept(listener).unwrap();
        [client, server]
    }

    /// The socket is polled from now on.
    fn arm(&mut self, handle: Handle, token: &OwnedFd) {
        program::prepare(self.slot(handle).header(), &token::End(token.as_fd()));
        self.ask(Request::Arm { tag: handle.tag }).unwrap();
    }

    /// One that is polled, and whose peer has closed with bytes unread.
    fn reset_socket(&mut self) -> (Handle, OwnedFd) {
        let [(client, token), (server, server_token)] = self.pair();
        self.arm(client, &token);
        self.slot(client).writer().write(b"unread");
        self.engine.ring(self.now, client.tag);
        // Unread bytes are thrown away: RST.
        drop(server_token);
        self.engine.answer_hang_ups(self.now);
        assert!(self.engine.slot(server.tag).is_none());
        (client, token)
    }

    fn slot(&self, handle: Handle) -> Slot {
        self.engine.slot(handle.tag).unwrap()
    }

    fn condition(&self, handle: Handle) -> u32 {
        self.slot(handle).header().engine.condition.load(Ordering::Relaxed)
    }
}

fn poll(token: &OwnedFd) -> PollFlags {
    let mut polled = [PollFd::new(token, PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP)];
    rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
    polled[0].revents()
}

#[test]
fn connections_are_counted_until_they_are_accepted() {
    let mut bench = Bench::new();
    let (listener, _token, address) = bench.listener();
    let waiting = |bench: &Bench| bench.slot(listener).header().waiting();
    let clients = [bench.socket(), bench.socket()];
    for (client, _) in &clients {
        bench.ask(Request::Connect { tag: client.tag, address }).unwrap();
        assert_ne!(bench.condition(*client) & Condition::CONNECTED, 0);
    }
    assert_eq!(waiting(&bench), 2);
    for left in [1, 0] {
        bench.accept(listener).unwrap();
        assert_eq!(waiting(&bench), left);
    }
    let none = bench.accept(listener);
    assert_eq!(none.map(drop), Err(Error::WouldBlock));
}

/// RFC 7413: with a cookie connect() waits for the first text, which goes with the SYN.
#[test]
fn a_program_can_write_the_text_that_a_fast_open_waits_for() {
    let mut bench = Bench::new();
    let (name, text) = ("net.ipv4.tcp_fastopen".to_owned(), "3".to_owned());
    bench.ask(Request::SetSysctl { name, text }).unwrap();
    let (listener, _token, address) = bench.listener();
    let option = SocketOption::FastOpen(8);
    bench.ask(Request::SetOption { tag: listener.tag, option }).unwrap();
    let option = SocketOption::FastOpenConnect(true);
    let waiting = |bench: &Bench| bench.slot(listener).header().waiting();
    let clients = [bench.socket(), bench.socket()];
    for (client, _) in &clients {
        bench.ask(Request::SetOption { tag: client.tag, option }).unwrap();
        bench.ask(Request::Connect { tag: client.tag, address }).unwrap();
        assert_ne!(bench.condition(*client) & Condition::CONNECTED, 0);
    }
    // The first asked for the cookie that the second has.
    assert_eq!(waiting(&bench), 1);
    let client = clients[1].0;
    bench.slot(client).writer().write(b"early");
    bench.engine.ring(bench.now, client.tag);
    assert_eq!(waiting(&bench), 2);
    let _first = bench.accept(listener).unwrap();
    let (server, _token) = bench.accept(listener).unwrap();
    let mut bytes = [0; 20];
    assert_eq!(bench.slot(server).reader().peek(0, &mut bytes), 5);
    assert_eq!(&bytes[..5], b"early");
}

#[test]
fn a_published_byte_that_was_not_rung_for_arrives_when_the_token_is_closed() {
    let mut bench = Bench::new();
    let [(client, token), (server, _server_token)] = bench.pair();
    bench.slot(client).writer().write(b"last words");
    drop(token);
    bench.engine.answer_hang_ups(bench.now);
    let mut bytes = [0; 20];
    assert_eq!(bench.slot(server).reader().peek(0, &mut bytes), 10);
    assert_eq!(&bytes[..10], b"last words");
    assert_ne!(bench.condition(server) & Condition::END_OF_FILE, 0);
}

#[test]
fn a_published_byte_that_was_not_rung_for_arrives_when_the_process_hangs_up() {
    let mut bench = Bench::new();
    let [(client, _token), (server, _server_token)] = bench.pair();
    bench.slot(client).writer().write(b"x");
    bench.engine.client_gone(bench.now, CALLER.client);
    assert_eq!(bench.slot(server).reader().len(), 1);
    assert_eq!(bench.condition(server) & Condition::END_OF_FILE, 0, "another process has the token");
}

#[test]
fn a_reset_closes_an_armed_token_and_the_armer_s_end_frees_the_slot() {
    let mut bench = Bench::new();
    let (client, token) = bench.reset_socket();
    assert!(poll(&token).contains(PollFlags::ERR | PollFlags::HUP | PollFlags::IN));
    let error = bench.slot(client).header().engine.error.load(Ordering::Relaxed);
    assert_eq!(Error::from_code(error), Some(Error::ConnectionReset));
    drop(token);
    bench.engine.answer_hang_ups(bench.now);
    assert!(bench.engine.slot(client.tag).is_some(), "the token cannot tell");
    bench.ask(Request::Forget { tag: client.tag }).unwrap();
    assert!(bench.engine.slot(client.tag).is_none());
}

#[test]
fn a_reset_of_a_socket_that_is_not_polled_leaves_its_token_alone() {
    let mut bench = Bench::new();
    let [(client, token), (_, server_token)] = bench.pair();
    bench.slot(client).writer().write(b"unread");
    bench.engine.ring(bench.now, client.tag);
    drop(server_token);
    bench.engine.answer_hang_ups(bench.now);
    assert_eq!(poll(&token), PollFlags::OUT);
    // It is shown as soon as the token is polled.
    bench.arm(client, &token);
    assert!(poll(&token).contains(PollFlags::ERR | PollFlags::HUP | PollFlags::IN));
}

#[test]
fn a_token_is_not_closed_for_what_a_program_has_written_to_the_condition_word() {
    let mut bench = Bench::new();
    let [(client, token), _server] = bench.pair();
    bench.arm(client, &token);
    let slot = bench.slot(client);
    let word = &slot.header().engine.condition;
    word.fetch_or(Condition::END_OF_FILE | Condition::SEND_SHUT, Ordering::SeqCst);
    bench.engine.ring(bench.now, client.tag);
    assert_eq!(poll(&token), PollFlags::OUT);
    let table = bench.engine.table.lock();
    let entry = table.entry(client.tag).unwrap();
    assert!(entry.token.is_some());
    assert_eq!(entry.condition() & Condition::TOKEN_CLOSED, 0);
}

#[test]
fn text_that_is_first_seen_for_tcp_info_is_sent_and_accounted_for() {
    let mut bench = Bench::new();
    let [(client, _token), _server] = bench.pair();
    // More than fits each time that the engine looks, so that there is something new for each look.
    bench.slot(client).header().sender.send_tail.store(1 << 40, Ordering::SeqCst);
    for _ in 0..10 {
        bench.ask(Request::Info { tag: client.tag }).unwrap();
        bench.engine.network.assert_invariants();
    }
}

/// How many bytes wait in a socket's RecvQ.
fn arrived(bench: &Bench, handle: Handle) -> usize {
    bench.slot(handle).reader().len()
}

#[test]
fn who_sends_little_does_not_wait_for_who_sends_much() {
    let mut bench = Bench::new();
    let [(bulky, _tokens), (sink, _sink_token)] = bench.pair();
    let [(brief, _token), (peer, _peer_token)] = bench.pair();
    bench.engine.piece = Some(10_000);
    let sent = bench.slot(bulky).writer().write(&vec![1; 1024 * 1024]);
    bench.engine.ring(bench.now, bulky.tag);
    let first = arrived(&bench, sink);
    assert!((1..sent).contains(&first), "{first} of {sent} bytes have arrived");
    assert_eq!(bench.engine.poll_timeout(), Some(bench.now), "the rest is due");
    assert_eq!(bench.slot(brief).writer().write(b"brief"), 5);
    bench.engine.ring(bench.now, brief.tag);
    while arrived(&bench, peer) == 0 {
        assert!(arrived(&bench, sink) < sent, "who sends much was served to the end first");
        bench.engine.timeout(bench.now);
    }
    while bench.engine.poll_timeout() == Some(bench.now) {
        bench.engine.timeout(bench.now);
    }
    assert_eq!(arrived(&bench, sink), sent);
}

#[test]
fn what_a_process_said_of_bytes_that_it_did_not_publish_is_not_said_of_others() {
    let mut bench = Bench::new();
    let [(client, _token), (server, _server_token)] = bench.pair();
    let tag = client.tag;
    for mark in [sockeye_stack::Mark::Urgent, sockeye_stack::Mark::More] {
        bench.ask(Request::Mark { tag, mark, offset: 3 }).unwrap();
    }
    bench.ask(Request::Unmark { tag }).unwrap();
    bench.slot(client).writer().write(b"hello");
    bench.engine.ring(bench.now, tag);
    assert_eq!(bench.slot(server).header().urgent.mark.load(Ordering::Relaxed), 0);
    let mut bytes = [0; 8];
    assert_eq!(bench.slot(server).reader().peek(0, &mut bytes), 5);
    assert_eq!(&bytes[..5], b"hello");
}

#[test]
fn a_condition_word_that_a_program_has_written_to_decides_nothing() {
    let mut bench = Bench::new();
    let (client, token) = bench.reset_socket();
    assert_ne!(bench.condition(client) & Condition::TOKEN_CLOSED, 0);
    bench.slot(client).header().engine.condition.store(0, Ordering::SeqCst);
    drop(token);
    bench.engine.client_gone(bench.now, CALLER.client);
    assert!(bench.engine.slot(client.tag).is_none(), "only its process can have had it");
    assert_eq!(bench.engine.table.lock().entries().count(), 0);
}

#[test]
fn unknown_tags_and_arenas_are_refused() {
    let mut bench = Bench::new();
    for tag in [0, 1, u64::MAX] {
        assert_eq!(bench.ask(Request::Listen { tag, backlog: 1 }).map(drop), Err(Error::BadDescriptor));
        assert_eq!(bench.ask(Request::Adopt { token: tag }).map(drop), Err(Error::BadDescriptor));
        assert_eq!(bench.ask(Request::Arm { tag }).map(drop), Err(Error::BadDescriptor));
        assert!(bench.ask(Request::Forget { tag }).is_ok());
        assert!(bench.ask(Request::Lingered { tag }).is_ok());
    }
    assert!(bench.ask(Request::Arena { id: 77 }).is_err());
    assert!(bench.ask(Request::Hello { version: 1, host: None }).is_err());
}

#[test]
fn shutting_a_listener_ends_the_listening() {
    let mut bench = Bench::new();
    let (listener, _token, address) = bench.listener();
    let (client, _client_token) = bench.socket();
    bench.ask(Request::Connect { tag: client.tag, address }).unwrap();
    bench.ask(Request::Shutdown { tag: listener.tag, how: Shutdown::Read }).unwrap();
    assert_eq!(bench.condition(listener) & (Condition::LISTENING | Condition::RECV_SHUT), 0);
    assert_eq!(bench.slot(listener).header().waiting(), 0);
}

#[test]
fn an_engine_is_empty_when_its_last_socket_and_connection_are_gone() {
    let mut bench = Bench::new();
    assert!(bench.engine.is_empty());
    let [(_, token), (_, server_token)] = bench.pair();
    assert!(!bench.engine.is_empty());
    drop((token, server_token));
    bench.engine.answer_hang_ups(bench.now);
    assert!(!bench.engine.is_empty(), "TIME-WAIT");
    bench.engine.timeout(bench.now + std::time::Duration::from_secs(300));
    assert!(bench.engine.is_empty());
}

/// Whether the engine still has the socket.
fn is_held(bench: &mut Bench, handle: Handle) -> bool {
    bench.ask(Request::LocalAddress { tag: handle.tag }).is_ok()
}

#[test]
fn a_lone_socket_is_closed_when_its_process_releases_it() {
    let mut bench = Bench::new();
    let socket = bench.lone_socket();
    let slot = bench.slot(socket);
    let released = &slot.header().readiness.released;
    // What was there before, or a program that scribbles over it, is no release.
    for wrong in [u32::MAX, generation_of(socket.tag) + 1] {
        released.store(wrong, Ordering::SeqCst);
        bench.engine.ring(bench.now, socket.tag);
        assert!(is_held(&mut bench, socket));
    }
    released.store(generation_of(socket.tag), Ordering::SeqCst);
    bench.engine.ring(bench.now, socket.tag);
    assert!(!is_held(&mut bench, socket));
}

#[test]
fn a_shared_socket_is_its_token_s_alone() {
    let mut bench = Bench::new();
    let (socket, token) = bench.socket();
    bench.slot(socket).header().readiness.released.store(generation_of(socket.tag), Ordering::SeqCst);
    bench.engine.ring(bench.now, socket.tag);
    assert!(is_held(&mut bench, socket), "others have copies of the token");
    bench.engine.client_gone(bench.now, CALLER.client);
    assert!(is_held(&mut bench, socket));
    drop(token);
    bench.engine.answer_hang_ups(bench.now);
    assert!(!is_held(&mut bench, socket));
}

#[test]
fn what_a_process_holds_ends_with_it() {
    let mut bench = Bench::new();
    let (listener, _token, address) = bench.listener();
    let client = bench.lone_socket();
    bench.ask(Request::Connect { tag: client.tag, address }).unwrap();
    let (server, _server_token) = bench.accept(listener).unwrap();
    assert_eq!(bench.condition(server) & Condition::END_OF_FILE, 0);
    bench.engine.client_gone(bench.now, CALLER.client);
    assert_ne!(bench.condition(server) & Condition::END_OF_FILE, 0, "its peer gets a FIN");
    assert!(!is_held(&mut bench, client));
}

#[test]
fn only_the_holder_shares_a_socket_and_only_once() {
    let mut bench = Bench::new();
    let socket = bench.lone_socket();
    let (token, _descriptor) = bench.token();
    let give = Request::Give { tag: socket.tag, token };
    let stranger = Caller { client: ClientId(10), ..CALLER };
    let refused = bench.engine.execute(bench.now, stranger, give.clone());
    assert!(matches!(refused.reply, Reply::Failed(Error::BadDescriptor)));
    assert!(bench.ask(give.clone()).is_ok());
    assert_eq!(bench.ask(give).map(drop), Err(Error::BadDescriptor));
    let (other, _other_descriptor) = bench.token();
    let again = bench.ask(Request::Give { tag: socket.tag, token: other });
    assert_eq!(again.map(drop), Err(Error::BadDescriptor));
}

/// Every request about a socket, without the one that takes a token.
fn requests_about(tag: u64) -> Vec<Request> {
    let address = SocketAddr::from(([127, 0, 0, 1], 7));
    vec![
        Request::Watch { tag },
        Request::Bind { tag, address },
        Request::Listen { tag, backlog: 1 },
        Request::Accept { tag },
        Request::Connect { tag, address },
        Request::FastOpen { tag, address: None },
        Request::Launch { tag },
        Request::Shutdown { tag, how: Shutdown::Both },
        Request::SetOption { tag, option: SocketOption::NoDelay(true) },
        Request::Option { tag, name: OptionName::NoDelay },
        Request::TakeReport { tag },
        Request::TakeSoftError { tag },
        Request::Info { tag },
        Request::Mark { tag, mark: sockeye_stack::Mark::More, offset: 0 },
        Request::LocalAddress { tag },
        Request::PeerAddress { tag },
        Request::Arm { tag },
        Request::Forget { tag },
        Request::Close { tag },
        Request::Linger { tag },
        Request::Lingered { tag },
    ]
}

fn is_refused(bench: &mut Bench, request: Request) -> bool {
    let stranger = Caller { client: ClientId(10), ..CALLER };
    matches!(bench.engine.execute(bench.now, stranger, request).reply, Reply::Failed(_))
}

#[test]
fn a_socket_that_one_process_has_alone_is_no_others() {
    let mut bench = Bench::new();
    let (listener, _token, address) = bench.listener();
    let socket = bench.lone_socket();
    bench.ask(Request::Connect { tag: socket.tag, address }).unwrap();
    for request in requests_about(socket.tag) {
        assert!(is_refused(&mut bench, request.clone()), "{request:?}");
    }
    assert!(is_refused(&mut bench, Request::Arena { id: socket.arena }));
    // Nor while its last bytes are waited for.
    bench.ask(Request::SetOption { tag: socket.tag, option: SocketOption::Linger(Some(9)) }).unwrap();
    bench.slot(socket).writer().write(b"unread");
    let slot = bench.slot(socket);
    slot.header().readiness.released.store(generation_of(socket.tag), Ordering::SeqCst);
    bench.engine.ring(bench.now, socket.tag);
    assert!(is_refused(&mut bench, Request::Linger { tag: socket.tag }));
    let (server, _server_token) = bench.accept(listener).unwrap();
    assert_eq!(bench.slot(server).reader().len(), 6);
}

#[test]
fn who_was_given_a_socket_finds_its_memory() {
    let mut bench = Bench::new();
    let socket = bench.lone_socket();
    let (token, _descriptor) = bench.token();
    bench.ask(Request::Give { tag: socket.tag, token }).unwrap();
    let other = Caller { client: ClientId(10), ..CALLER };
    let _list = bench.engine.add_client(other.client).unwrap();
    assert!(is_refused(&mut bench, Request::Arena { id: socket.arena }));
    assert!(!is_refused(&mut bench, Request::Adopt { token }));
    assert!(!is_refused(&mut bench, Request::Arena { id: socket.arena }));
}

#[test]
fn who_asks_again_whether_to_linger_is_kept_once() {
    let mut bench = Bench::new();
    let [(client, token), _server] = bench.pair();
    bench.ask(Request::SetOption { tag: client.tag, option: SocketOption::Linger(Some(9)) }).unwrap();
    // Nobody reads.
    while bench.slot(client).writer().write(&[7; 65_536]) > 0 {
        bench.engine.ring(bench.now, client.tag);
    }
    drop(token);
    bench.engine.answer_hang_ups(bench.now);
    for _ in 0..3 {
        let (reply, _) = bench.ask(Request::Linger { tag: client.tag }).unwrap();
        assert!(matches!(reply, Reply::Linger(Some(9))), "{reply:?}");
    }
    assert_eq!(bench.engine.table.lock().entry(client.tag).map(|entry| entry.lingering.len()), Some(1));
}

#[test]
fn options_in_the_slot_are_in_force_before_they_are_told() {
    let mut bench = Bench::new();
    let [(client, _token), _server] = bench.pair();
    let slot = bench.slot(client);
    let readiness = &slot.header().readiness;
    for (flag, name) in [
        (Flag::NO_DELAY, OptionName::NoDelay),
        (Flag::CORK, OptionName::Cork),
        (Flag::QUICK_ACK, OptionName::QuickAck),
    ] {
        for is_on in [true, false, true] {
            readiness.flags.store(if is_on { flag } else { 0 }, Ordering::SeqCst);
            readiness.flags_changed.store(flag, Ordering::SeqCst);
            let (reply, _) = bench.ask(Request::Option { tag: client.tag, name }).unwrap();
            let expected = match name {
                OptionName::NoDelay => SocketOption::NoDelay(is_on),
                OptionName::Cork => SocketOption::Cork(is_on),
                _ => SocketOption::QuickAck(is_on.into()),
            };
            let Reply::Option(found) = reply else { panic!("{reply:?}") };
            assert_eq!(found, expected);
        }
    }
}

/// TCP_NOTSENT_LOWAT, whatever a program writes there: the engine reads it when it looks.
#[test]
fn a_low_water_mark_in_the_slot_is_in_force_before_it_is_told() {
    let mut bench = Bench::new();
    let [(client, _token), _server] = bench.pair();
    let slot = bench.slot(client);
    // More than the peer's window has room for.
    while slot.writer().write(&[0; 65_536]) > 0 {
        bench.engine.ring(bench.now, client.tag);
    }
    let readiness = &slot.header().readiness;
    for (low, is_low) in [(1, false), (u32::MAX, true), (u32::MAX - 1, true), (4096, false), (0, true)] {
        readiness.notsent_low_water.store(low, Ordering::SeqCst);
        assert_eq!(slot.header().is_unsent_low(), is_low, "{low}: the program knows at once");
        readiness.flags_changed.store(Flag::NOTSENT_LOW_WATER, Ordering::SeqCst);
        let (reply, _) =
            bench.ask(Request::Option { tag: client.tag, name: OptionName::NotSentLowat }).unwrap();
        let Reply::Option(found) = reply else { panic!("{reply:?}") };
        assert_eq!(found, SocketOption::NotSentLowat(low));
        bench.engine.ring(bench.now, client.tag);
        assert_eq!(slot.header().is_unsent_low(), is_low, "{low}: and after the engine has looked");
    }
}

#[test]
fn a_list_of_sockets_comes_in_pages_of_bounded_work() {
    let mut bench = Bench::new();
    let listeners: Vec<Handle> = (0..=LOOKS_A_PAGE).map(|_| bench.lone_socket()).collect();
    for listener in &listeners {
        bench.ask(Request::Listen { tag: listener.tag, backlog: 1 }).unwrap();
    }
    let pages = bench.pages(|_| {});
    assert_eq!(pages.iter().sum::<usize>(), listeners.len());
    assert!(pages.iter().all(|&lines| lines <= LOOKS_A_PAGE), "{pages:?}");
    let pages = bench.pages(|bench| {
        for listener in &listeners {
            bench.ask(Request::Close { tag: listener.tag }).unwrap();
        }
    });
    assert!(pages.iter().sum::<usize>() < listeners.len(), "each page is of its own moment");
}

#[test]
fn any_place_of_a_list_is_answered() {
    let mut bench = Bench::new();
    bench.pair();
    for kind in 0..4 {
        for index in [0, 1, LOOKS_A_PAGE as u32, u32::MAX - 1, u32::MAX] {
            let Ok(from) = postcard::from_bytes(&postcard::to_stdvec(&(kind as u8, index)).unwrap()) else {
                continue;
            };
            let (reply, _) = bench.ask(Request::Sockets { all_hosts: true, from }).unwrap();
            let Reply::Sockets { next, .. } = reply else { panic!("{reply:?}") };
            assert!(next.is_none_or(|next| next > from), "{from:?}: {next:?}");
        }
    }
}
