use super::*;
use crate::engine::{Caller, Storage};
use crate::proto::{Reply, Request};
use crate::quota::Quota;
use sockeye_stack::{Error, Family, HostId, NetworkConfig};
use std::net::SocketAddr;

const LEAVER: Caller = Caller { client: ClientId(5), host: HostId(0) };
const OTHER: Caller = Caller { client: ClientId(6), host: HostId(0) };
const NOW: Instant = Instant::from_millis(1);

fn ask(engine: &mut Engine, caller: Caller, request: Request) -> Reply {
    loop {
        match engine.try_execute(NOW, caller, &request) {
            Some(answer) => return answer.reply,
            None => assert!(engine.leave_some(NOW), "it waits for nothing"),
        }
    }
}

fn socket(engine: &mut Engine, caller: Caller) -> u64 {
    let reply = ask(engine, caller, Request::Socket { family: Family::V4 });
    let Reply::Socket(handle) = reply else { panic!("{reply:?}") };
    handle.tag
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// An engine whose one client has a listener at port 7, and many sockets.
fn crowded(sockets: u16) -> Engine {
    let mut engine = Engine::new(NOW, &NetworkConfig::default(), Storage::Shared(Quota::NONE)).unwrap();
    let _lists = [LEAVER, OTHER].map(|caller| engine.add_client(caller.client).unwrap());
    for port in 1000..1000 + sockets {
        let tag = socket(&mut engine, LEAVER);
        ask(&mut engine, LEAVER, Request::Bind { tag, address: at(port) });
    }
    let tag = socket(&mut engine, LEAVER);
    ask(&mut engine, LEAVER, Request::Bind { tag, address: at(7) });
    ask(&mut engine, LEAVER, Request::Listen { tag, backlog: 8 });
    engine
}

fn left(engine: &Engine) -> usize {
    engine.table.lock().entries().count()
}

#[test]
fn who_has_many_sockets_leaves_a_few_at_a_time() {
    let mut engine = crowded(100);
    engine.begin_leaving(NOW, LEAVER.client);
    assert_eq!(left(&engine), 100, "its listener goes at once");
    assert!(engine.leave_some(NOW) && engine.is_leaving());
    assert_eq!(left(&engine), 100 - AT_ONCE);
    while engine.leave_some(NOW) {}
    assert!(!engine.is_leaving() && engine.is_empty());
}

#[test]
fn nobody_is_let_in_by_who_is_leaving() {
    let mut engine = crowded(100);
    engine.begin_leaving(NOW, LEAVER.client);
    let tag = socket(&mut engine, OTHER);
    ask(&mut engine, OTHER, Request::Connect { tag, address: at(7) });
    assert!(engine.is_leaving(), "connecting waits for nobody");
    let error = engine.slot(tag).unwrap().header().engine.error.load(std::sync::atomic::Ordering::SeqCst);
    assert_eq!(error, Error::ConnectionRefused as u32);
}

#[test]
fn who_wants_a_port_waits_until_all_are_closed_and_others_do_not() {
    let mut engine = crowded(100);
    let tag = socket(&mut engine, OTHER);
    engine.begin_leaving(NOW, LEAVER.client);
    let bind = Request::Bind { tag, address: at(1000) };
    assert!(engine.try_execute(NOW, OTHER, &bind).is_none());
    assert_eq!(left(&engine), 101, "it closes nothing itself: that would keep others waiting");
    assert!(engine.try_execute(NOW, OTHER, &Request::LocalAddress { tag }).is_some());
    let reply = engine.execute_now(NOW, OTHER, bind.clone()).reply;
    assert!(matches!(reply, Reply::Failed(Error::AddressInUse)), "it does not wait for ever: {reply:?}");
    while engine.leave_some(NOW) {}
    let reply = engine.try_execute(NOW, OTHER, &bind).map(|answer| answer.reply);
    assert!(matches!(reply, Some(Reply::Done)), "{reply:?}");
}

#[test]
fn who_wants_another_port_waits_for_nobody() {
    let mut engine = crowded(100);
    let tag = socket(&mut engine, OTHER);
    engine.begin_leaving(NOW, LEAVER.client);
    for request in [Request::Bind { tag, address: at(900) }, Request::Listen { tag, backlog: 8 }] {
        let reply = engine.try_execute(NOW, OTHER, &request).map(|answer| answer.reply);
        assert!(matches!(reply, Some(Reply::Done)), "{reply:?}");
    }
    assert_eq!(left(&engine), 101);
}

#[test]
fn who_lingers_waits_for_no_other_sockets() {
    let mut engine = crowded(100);
    let tag = socket(&mut engine, OTHER);
    engine.begin_leaving(NOW, LEAVER.client);
    let reply = engine.try_execute(NOW, OTHER, &Request::Linger { tag }).map(|answer| answer.reply);
    assert!(matches!(reply, Some(Reply::Linger(None))), "{reply:?}");
}

#[test]
fn a_port_of_who_is_leaving_is_free() {
    let mut engine = crowded(100);
    engine.begin_leaving(NOW, LEAVER.client);
    let tag = socket(&mut engine, OTHER);
    let reply = ask(&mut engine, OTHER, Request::Bind { tag, address: at(1000) });
    assert!(matches!(reply, Reply::Done), "{reply:?}");
}

/// Whoever has mapped it knows it by its number, a child for instance that lives on after its parent.
#[test]
fn the_number_of_an_arena_that_is_gone_is_not_used_again() {
    let mut engine = crowded(1);
    let number =
        |engine: &mut Engine, caller| match ask(engine, caller, Request::Socket { family: Family::V4 }) {
            Reply::Socket(handle) => handle.arena,
            reply => panic!("{reply:?}"),
        };
    let gone = number(&mut engine, LEAVER);
    engine.client_gone(NOW, LEAVER.client);
    assert!(engine.is_empty());
    assert_ne!(number(&mut engine, OTHER), gone);
}
