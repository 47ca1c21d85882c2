//! One of two processes is killed at any step: nothing is lost for the other.

use loom::thread;

use super::reader::check_text;
use super::writer::{check_room, check_room_edges};
use super::*;
use crate::token::ARMED_FOR_EDGES;

/// Steps of a program that sends, at most; then it lives on.
const SEND_STEPS: u32 = 11;
/// Of one that receives.
const READ_STEPS: u32 = 7;

/// The first of two writers to an empty SendQ is killed.
fn writers(armed: u32, steps: u32, check_end: fn(&Arc<World>, &mut Engine)) {
    check(2, move || {
        let world = World::new(armed, CHARGES[1]);
        let mut engine = Engine::new(&world);
        let mortal = Program::mortal(&world, steps);
        let killed = thread::spawn(move || mortal.live(|program| _ = program.send(LIMIT + 1)));
        let program = Program::new(&world);
        let other = thread::spawn(move || program.send(LIMIT + 1));
        engine.answer();
        engine.acknowledge();
        killed.join().unwrap();
        other.join().unwrap();
        check_end(&world, &mut engine);
    });
}

#[test]
fn a_writer_that_is_killed_leaves_a_token_that_says_what_is() {
    (0..SEND_STEPS).for_each(|steps| writers(ARMED, steps, check_room));
}

#[test]
fn a_writer_that_is_killed_takes_no_edge_along() {
    (0..SEND_STEPS).for_each(|steps| writers(ARMED_FOR_EDGES, steps, check_room_edges));
}

#[test]
fn a_reader_that_is_killed_leaves_a_token_that_says_what_is() {
    for steps in 0..READ_STEPS {
        check(2, move || {
            let world = World::new(ARMED_FOR_EDGES, CHARGES[1]);
            let mut engine = Engine::new(&world);
            let mortal = Program::mortal(&world, steps);
            let killed = thread::spawn(move || {
                mortal.live(|program| _ = program.recv(1) + program.recv(1));
            });
            let program = Program::new(&world);
            let other = thread::spawn(move || program.recv(1));
            engine.deliver();
            engine.deliver();
            engine.answer();
            killed.join().unwrap();
            other.join().unwrap();
            check_text(&world, &mut engine);
        });
    }
}
