//! How a connection ends.

use loom::thread;

use super::*;

/// The peer's FIN comes while a program reads.
#[test]
fn end_of_file_is_shown_for_ever() {
    check(3, || {
        let world = World::new(ARMED, CHARGES[1]);
        let mut engine = Engine::new(&world);
        let program = Program::new(&world);
        let program = thread::spawn(move || program.recv(9) + program.recv(9));
        engine.deliver();
        engine.change(Condition::END_OF_FILE);
        engine.answer();
        program.join().unwrap();
        engine.finish();
        let polled = world.polled();
        assert!(polled.readable && polled.peer_closed && !polled.hang_up && polled.writable);
    });
}

/// Both directions are shut: once all is read the token has hung up, without an error.
#[test]
fn a_hang_up_is_shown_once_all_is_read() {
    check(3, || {
        let world = World::new(ARMED, CHARGES[1]);
        let mut engine = Engine::new(&world);
        assert_eq!(Program::new(&world).send(LIMIT), LIMIT);
        engine.deliver();
        let program = Program::new(&world);
        let program = thread::spawn(move || program.recv(9) + program.recv(9));
        engine.change(Condition::END_OF_FILE);
        engine.change(Condition::SEND_SHUT);
        engine.answer();
        program.join().unwrap();
        Program::new(&world).recv(9);
        engine.finish();
        let polled = world.polled();
        assert!(polled.readable && polled.peer_closed && polled.hang_up && polled.writable);
        assert!(!polled.error, "the guard was taken out");
    });
}

/// A reset comes while one program fills the token and another drains it: the guard makes it an error.
#[test]
fn a_reset_is_an_error() {
    check(3, || {
        let world = World::new(ARMED, CHARGES[1]);
        let mut engine = Engine::new(&world);
        let program = Program::new(&world);
        let program = thread::spawn(move || program.send(LIMIT + 1) + program.recv(9));
        engine.deliver();
        engine.acknowledge();
        // As `Entry::show_reset` does.
        world.header.engine.error.store(1, Ordering::SeqCst);
        engine.change(Condition::CLOSED | Condition::SEND_SHUT);
        world.set_condition(Condition::TOKEN_CLOSED);
        engine.close();
        program.join().unwrap();
        engine.finish();
        let polled = world.polled();
        assert!(polled.readable && polled.writable && polled.hang_up && polled.error);
    });
}
