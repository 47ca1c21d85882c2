//! Who waits for something to read.

use loom::thread;

use super::*;
use crate::token::ARMED_FOR_EDGES;

/// At the end: nobody waits for what is there, nobody is told again and again of what is not, and it goes on so.
pub(super) fn check_text(world: &Arc<World>, engine: &mut Engine) {
    engine.finish();
    assert!(!is_readable(&world.header) || world.polled().readable, "text for which somebody waits for ever");
    let program = Program::new(world);
    while program.recv(1) > 0 {}
    engine.finish();
    assert!(!world.polled().readable, "nothing to read, and the token says so for ever");
    engine.deliver();
    engine.finish();
    assert!(world.polled().readable, "a token that cannot become readable any more");
}

#[test]
fn a_reader_is_told_of_text() {
    check(3, || {
        let world = World::new(ARMED, CHARGES[1]);
        let mut engine = Engine::new(&world);
        let program = Program::new(&world);
        let program = thread::spawn(move || program.recv(9) + program.recv(9));
        engine.deliver();
        engine.answer();
        engine.deliver();
        engine.answer();
        program.join().unwrap();
        check_text(&world, &mut engine);
    });
}

/// It reads until there is nothing, and sleeps then until there is an edge.
#[test]
fn all_that_arrives_is_an_edge() {
    check(3, || {
        let world = World::new(ARMED_FOR_EDGES, CHARGES[1]);
        let mut engine = Engine::new(&world);
        let program = Program::new(&world);
        let program = thread::spawn(move || {
            while program.recv(9) > 0 {}
            let is_awake = program.has_text_edge();
            if is_awake {
                while program.recv(9) > 0 {}
            }
        });
        engine.deliver();
        engine.answer();
        engine.deliver();
        program.join().unwrap();
        engine.finish();
        let program = Program::new(&world);
        assert!(
            !is_readable(&world.header) || program.has_text_edge(),
            "text for which somebody waits for ever"
        );
        while program.recv(9) > 0 {}
        engine.finish();
        check_arrivals(&world, &mut engine);
    });
}

/// From now on each arrival is an edge, as long as it fits.
fn check_arrivals(world: &Arc<World>, engine: &mut Engine) {
    let program = Program::new(world);
    for _ in 0..2 {
        program.has_text_edge();
        engine.deliver();
        engine.finish();
        assert!(program.has_text_edge(), "an arrival for which somebody waits for ever");
    }
}

/// It reads a part only: the next arrival is an edge all the same, however often.
#[test]
fn what_arrives_behind_text_that_was_left_is_an_edge() {
    check(3, || {
        let world = World::new(ARMED_FOR_EDGES, CHARGES[1]);
        let mut engine = Engine::new(&world);
        engine.deliver();
        engine.deliver();
        let program = Program::new(&world);
        let reader = thread::spawn(move || program.recv(1));
        engine.deliver();
        engine.answer();
        reader.join().unwrap();
        engine.finish();
        let program = Program::new(&world);
        for _ in 0..4 * FIT {
            program.has_text_edge();
            engine.deliver();
            engine.finish();
            assert!(program.has_text_edge(), "an arrival for which somebody waits for ever");
            program.recv(1);
            engine.finish();
        }
    });
}

/// More than fits arrives: it is readable, and after the next read arrivals are edges again.
#[test]
fn arrivals_beyond_what_fits_are_edges_after_the_next_read() {
    check(3, || {
        let world = World::new(ARMED_FOR_EDGES, CHARGES[1]);
        let mut engine = Engine::new(&world);
        (0..2 * FIT).for_each(|_| engine.deliver());
        let program = Program::new(&world);
        let reader = thread::spawn(move || program.recv(1));
        engine.deliver();
        reader.join().unwrap();
        engine.finish();
        assert!(world.polled().readable);
        check_arrivals(&world, &mut engine);
        check_text(&world, &mut engine);
    });
}

/// Two threads or processes: one may find nothing while the other reads.
#[test]
fn two_readers_are_told_of_text() {
    check(2, || {
        let world = World::new(ARMED, CHARGES[1]);
        let mut engine = Engine::new(&world);
        let programs = [0, 1].map(|_| {
            let program = Program::new(&world);
            thread::spawn(move || program.recv(1))
        });
        engine.deliver();
        engine.answer();
        engine.deliver();
        programs.into_iter().for_each(|program| _ = program.join().unwrap());
        check_text(&world, &mut engine);
    });
}

/// What shows edges is taken away by one who leaves text, while another, who has found nothing before, drains the token.
#[test]
fn two_readers_do_not_take_away_what_shows_text() {
    check(3, || {
        let world = World::new(ARMED_FOR_EDGES, CHARGES[1]);
        let mut engine = Engine::new(&world);
        let (program, delivered) = (Program::new(&world), Arc::new(AtomicU32::new(0)));
        let (other, is_delivered) = (Program::new(&world), delivered.clone());
        // The engine goes on in this thread: fewer orders, and none of the two readers and it is left out that matters.
        let other = thread::spawn(move || {
            other.recv(0);
            if is_delivered.load(Ordering::Acquire) == 1 {
                Engine::new(&other.world).answer();
            }
        });
        engine.deliver();
        engine.deliver();
        delivered.store(1, Ordering::Release);
        program.recv(1);
        other.join().unwrap();
        check_text(&world, &mut engine);
    });
}
