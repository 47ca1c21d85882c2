use super::*;
use rustix::event::{PollFd, PollFlags, Timespec};

const NAME: Name = Name { instance: 0xfeed_0000_0000_0001, id: 0x1_0000_0002 };

fn token(id: u64) -> (OwnedFd, EngineEnd) {
    // Other tests, and other processes, must not have the same name.
    let pair = pair(Name { instance: NAME.instance ^ u64::from(std::process::id()) << 32, id }).unwrap();
    prepare(pair.0.as_fd());
    pair
}

fn poll(token: &OwnedFd) -> PollFlags {
    let mut polled = [PollFd::new(token, PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP)];
    rustix::event::poll(&mut polled, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap();
    polled[0].revents()
}

#[test]
fn a_token_tells_its_name() {
    let (program, _engine) = token(5);
    let name = Name::of(program.as_fd()).unwrap();
    assert_eq!(name.id, 5);
    let copy = program.try_clone().unwrap();
    assert_eq!(Name::of(copy.as_fd()), Some(name));
    let (plain, _) = std::os::unix::net::UnixStream::pair().unwrap();
    assert_eq!(Name::of(plain.as_fd()), None);
    assert_eq!(Name::of(std::fs::File::open("/dev/null").unwrap().as_fd()), None);
}

#[test]
fn names_are_told_and_understood() {
    assert_eq!(Name::parse(NAME.text().as_bytes()), Some(NAME));
    for text in ["", "sockeye/", "sockeye/1", "sockeye/x/1", "other/1/1", "sockeye/1/1/1"] {
        assert_eq!(Name::parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn readiness_is_shown() {
    let (program, engine) = token(6);
    assert_eq!(poll(&program), PollFlags::OUT);
    engine.show_readable();
    assert_eq!(poll(&program), PollFlags::IN | PollFlags::OUT);
    drain(program.as_fd());
    assert_eq!(poll(&program), PollFlags::OUT);
    for _ in 0..3 {
        fill(program.as_fd());
        assert_eq!(poll(&program), PollFlags::empty());
        engine.show_writable();
        assert_eq!(poll(&program), PollFlags::OUT);
    }
    engine.show_fin();
    assert_eq!(poll(&program), PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP);
    drop(engine);
    assert!(poll(&program).contains(PollFlags::ERR | PollFlags::HUP), "the guard byte makes it a reset");
}

#[test]
fn a_filled_token_shows_a_reset_too() {
    let (program, engine) = token(7);
    fill(program.as_fd());
    drop(engine);
    assert!(poll(&program).contains(PollFlags::OUT | PollFlags::ERR | PollFlags::HUP));
}

#[test]
fn the_last_copy_s_end_is_told() {
    let watcher = watcher().unwrap();
    let (program, engine) = token(8);
    engine.watch(watcher.as_fd(), 8).unwrap();
    let copy = program.try_clone().unwrap();
    let mut tags = Vec::new();
    drop(program);
    fill(copy.as_fd());
    engine.show_fin();
    hung_up(watcher.as_fd(), &mut tags);
    assert_eq!(tags, []);
    drop(copy);
    hung_up(watcher.as_fd(), &mut tags);
    assert_eq!(tags, [8]);
    drop(engine);
    tags.clear();
    hung_up(watcher.as_fd(), &mut tags);
    assert_eq!(tags, []);
}

/// Both sides move at once: whatever is left, the engine makes the token writable again.
#[test]
fn a_token_that_was_filled_and_emptied_in_any_order_is_writable_again() {
    let step = |moves: u32, at: u32| moves >> (at * 2) & 3;
    for moves in 0..1u32 << 12 {
        let (program, engine) = token(9);
        for at in 0..6 {
            match step(moves, at) {
                0 => fill(program.as_fd()),
                1 => engine.show_writable(),
                // One of the two sends of a fill: the engine comes between.
                2 => drop(rustix::net::send(&program, &[0], SendFlags::DONTWAIT)),
                _ => engine.take_all_but(2),
            }
        }
        engine.show_writable();
        assert_eq!(poll(&program), PollFlags::OUT, "after {moves:o}");
        fill(program.as_fd());
        assert_eq!(poll(&program), PollFlags::empty(), "filled after {moves:o}");
        engine.show_writable();
        assert_eq!(poll(&program), PollFlags::OUT, "emptied after {moves:o}");
    }
}

#[test]
fn what_shows_edges_is_taken_but_for_one() {
    let (program, engine) = token(10);
    (0..100).for_each(|_| engine.show_readable());
    take_surplus(program.as_fd());
    assert_eq!(rustix::io::ioctl_fionread(&program).unwrap(), 1);
    take_surplus(program.as_fd());
    assert_eq!(poll(&program), PollFlags::IN | PollFlags::OUT);
}
