//! Beside so many idle programs that the engine looks at their doorbells in turn.

use super::*;

/// Others, each with a socket.
const OTHERS: u64 = 200;

fn other(number: u64) -> Caller {
    Caller { client: ClientId(1000 + number), host: HostId(0) }
}

/// A bench with others; their turn is over.
fn crowd() -> Bench {
    let mut bench = Bench::new();
    let request = Request::Socket { family: Family::V4 };
    for number in 0..OTHERS {
        bench.engine.add_client(other(number).client).unwrap();
        let answer = bench.engine.execute(bench.now, other(number), request.clone());
        assert!(matches!(answer.reply, Reply::Socket(_)));
    }
    bench.engine.answer_doorbells(bench.now);
    bench
}

/// As close() does for a socket that one process has alone.
fn release(bench: &Bench, handle: Handle) {
    bench.slot(handle).header().readiness.released.store(generation_of(handle.tag), Ordering::SeqCst);
    bench.engine.arena_of(handle).unwrap().ring(handle.index);
}

fn bound(bench: &mut Bench, address: &str) -> Result<Handle, Error> {
    let handle = bench.lone_socket();
    bench.ask(Request::Bind { tag: handle.tag, address: address.parse().unwrap() }).map(|_| handle)
}

#[test]
fn what_a_program_has_closed_is_closed_before_it_binds_again() {
    let mut bench = crowd();
    for _ in 0..OTHERS {
        let handle = bound(&mut bench, "127.0.0.1:4000").expect("the port is free again");
        release(&bench, handle);
    }
}

#[test]
fn what_another_program_has_closed_is_closed_before_one_binds() {
    let mut bench = crowd();
    let answer = bench.engine.execute(bench.now, other(150), Request::Socket { family: Family::V4 });
    let Reply::Socket(theirs) = answer.reply else { panic!() };
    let address = "127.0.0.1:4000".parse().unwrap();
    bench.engine.execute(bench.now, other(150), Request::Bind { tag: theirs.tag, address });
    assert!(bound(&mut bench, "127.0.0.1:4000").is_err());
    release(&bench, theirs);
    assert!(bound(&mut bench, "127.0.0.1:4000").is_ok());
}

#[test]
fn what_a_program_has_closed_is_closed_before_whatever_it_asks() {
    let mut bench = crowd();
    let first = bench.lone_socket();
    for _ in 0..OTHERS {
        let handle = bench.lone_socket();
        assert_eq!(handle.arena, first.arena, "a slot is free");
        release(&bench, handle);
    }
}

#[test]
fn text_of_who_was_idle_for_long_is_sent_in_a_few_rounds() {
    let mut bench = crowd();
    let [(client, _token), (server, _server_token)] = bench.pair();
    for _ in 0..100_000 {
        bench.engine.answer_doorbells(bench.now);
    }
    bench.slot(client).writer().write(b"text");
    bench.engine.arena_of(client).unwrap().ring(client.index);
    let rounds = (1..).find(|_| bench.engine.answer_doorbells(bench.now)).unwrap();
    assert!(rounds <= 8, "{rounds}");
    assert_eq!(arrived(&bench, server), 4);
    // Now it is looked at in each.
    bench.slot(client).writer().write(b"more");
    bench.engine.arena_of(client).unwrap().ring(client.index);
    assert!(bench.engine.answer_doorbells(bench.now));
    assert_eq!(arrived(&bench, server), 8);
}
