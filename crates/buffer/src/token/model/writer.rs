//! Who waits for room in SendQ.

use loom::thread;

use super::*;
use crate::token::ARMED_FOR_EDGES;

/// A connection with a full SendQ, whose token says so.
fn full(armed: u32, charge: usize) -> (Arc<World>, Engine) {
    let world = World::new(armed, charge);
    let mut engine = Engine::new(&world);
    assert_eq!(Program::new(&world).send(LIMIT + 1), LIMIT);
    engine.finish();
    assert!(!world.polled().writable);
    world.pair().take_edges(Side::Program);
    (world, engine)
}

/// At the end: nobody waits for room that is there, nobody is told again and again of room that is not, and it goes on so.
pub(super) fn check_room(world: &Arc<World>, engine: &mut Engine) {
    engine.finish();
    assert!(!world.is_writable() || world.polled().writable, "room for which somebody waits for ever");
    let program = Program::new(world);
    program.send(LIMIT + 1);
    engine.finish();
    assert_eq!(world.polled().writable, world.is_writable(), "no room, and the token says so for ever");
    engine.acknowledge();
    engine.finish();
    assert!(world.polled().writable, "a token that cannot become writable any more");
}

/// As `check_room`, for somebody who sleeps after a short write until there is an edge.
pub(super) fn check_room_edges(world: &Arc<World>, engine: &mut Engine) {
    let program = Program::new(world);
    for _ in 0..2 {
        engine.finish();
        engine.acknowledge();
        engine.finish();
        assert!(world.is_writable());
        assert!(program.has_room_edge(), "room for which somebody waits for ever");
        program.send(LIMIT + 1);
    }
}

#[test]
fn a_writer_is_told_of_room() {
    for charge in CHARGES {
        check(3, move || {
            let (world, mut engine) = full(ARMED, charge);
            let program = Program::new(&world);
            let program = thread::spawn(move || program.send(LIMIT) + program.send(LIMIT));
            engine.acknowledge();
            engine.answer();
            engine.acknowledge();
            engine.answer();
            program.join().unwrap();
            check_room(&world, &mut engine);
        });
    }
}

#[test]
fn a_writer_that_fills_an_empty_queue_is_told_of_room() {
    for charge in CHARGES {
        check(3, move || {
            let world = World::new(ARMED, charge);
            let mut engine = Engine::new(&world);
            let program = Program::new(&world);
            let program = thread::spawn(move || program.send(LIMIT) + program.send(1));
            engine.acknowledge();
            engine.answer();
            engine.acknowledge();
            program.join().unwrap();
            check_room(&world, &mut engine);
        });
    }
}

/// It sleeps after each short write until it is told of room.
#[test]
fn a_short_write_is_followed_by_an_edge() {
    for charge in CHARGES {
        check(3, move || {
            let (world, mut engine) = full(ARMED_FOR_EDGES, charge);
            let program = Program::new(&world);
            let program = thread::spawn(move || {
                let mut writes = 0;
                while writes < 2 && program.has_room_edge() {
                    program.send(LIMIT + 1);
                    writes += 1;
                }
                writes
            });
            engine.acknowledge();
            engine.answer();
            let _writes = program.join().unwrap();
            check_room_edges(&world, &mut engine);
        });
    }
}

/// It writes without being told, and sleeps then.
#[test]
fn a_short_write_at_any_time_is_followed_by_an_edge() {
    check(3, || {
        let (world, mut engine) = full(ARMED_FOR_EDGES, CHARGES[1]);
        let program = Program::new(&world);
        let program = thread::spawn(move || {
            program.send(LIMIT + 1);
            program.has_room_edge()
        });
        engine.acknowledge();
        engine.answer();
        let is_awake = program.join().unwrap();
        if is_awake {
            Program::new(&world).send(LIMIT + 1);
        }
        check_room_edges(&world, &mut engine);
    });
}

/// Two threads or processes.
#[test]
fn two_writers_are_told_of_room() {
    check(2, || {
        let (world, mut engine) = full(ARMED, CHARGES[1]);
        let programs = [0, 1].map(|_| {
            let program = Program::new(&world);
            thread::spawn(move || program.send(LIMIT))
        });
        engine.acknowledge();
        engine.answer();
        programs.into_iter().for_each(|program| _ = program.join().unwrap());
        check_room(&world, &mut engine);
    });
}

#[test]
fn short_writes_of_two_are_followed_by_an_edge() {
    check(2, || {
        let (world, mut engine) = full(ARMED_FOR_EDGES, CHARGES[1]);
        let programs = [0, 1].map(|_| {
            let program = Program::new(&world);
            thread::spawn(move || program.send(LIMIT + 1))
        });
        engine.acknowledge();
        engine.answer();
        programs.into_iter().for_each(|program| _ = program.join().unwrap());
        check_room_edges(&world, &mut engine);
    });
}
