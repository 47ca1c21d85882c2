use super::*;
use rustix::event::{PollFd, PollFlags, Timespec};

const NAME: Name = Name { instance: 0xfeed_0000_0000_0001, id: 0x1_0000_0002 };

fn token(id: u64) -> (OwnedFd, EngineEnd) {
    // Other tests, and other processes, must not have the same name.
    let pair = pair(Name { instance: NAME.instance ^ u64::from(std::process::id()) << 32, id }).unwrap();
    let end = End(pair.0.as_fd());
    end.set_send_buffer(token::SEND_BUFFER);
    end.send();
    pair
}

impl EngineEnd {
    fn show_writable(&self) {
        self.end().take_all_but(1);
    }
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
    engine.end().send();
    assert_eq!(poll(&program), PollFlags::IN | PollFlags::OUT);
    End(program.as_fd()).drain();
    assert_eq!(poll(&program), PollFlags::OUT);
    for _ in 0..3 {
        End(program.as_fd()).fill();
        assert_eq!(poll(&program), PollFlags::empty());
        engine.show_writable();
        assert_eq!(poll(&program), PollFlags::OUT);
    }
    engine.end().shut();
    assert_eq!(poll(&program), PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP);
    drop(engine);
    assert!(poll(&program).contains(PollFlags::ERR | PollFlags::HUP), "the guard byte makes it a reset");
}

#[test]
fn a_filled_token_shows_a_reset_too() {
    let (program, engine) = token(7);
    End(program.as_fd()).fill();
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
    End(copy.as_fd()).fill();
    engine.end().shut();
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
                0 => End(program.as_fd()).fill(),
                1 => engine.show_writable(),
                // One of the two sends of a fill: the engine comes between.
                2 => End(program.as_fd()).send(),
                _ => engine.end().take_all_but(2),
            }
        }
        engine.show_writable();
        assert_eq!(poll(&program), PollFlags::OUT, "after {moves:o}");
        End(program.as_fd()).fill();
        assert_eq!(poll(&program), PollFlags::empty(), "filled after {moves:o}");
        engine.show_writable();
        assert_eq!(poll(&program), PollFlags::OUT, "emptied after {moves:o}");
    }
}

#[test]
fn what_shows_edges_is_taken_but_for_one() {
    let (program, engine) = token(10);
    (0..100).for_each(|_| engine.end().send());
    End(program.as_fd()).take_surplus();
    assert_eq!(rustix::io::ioctl_fionread(&program).unwrap(), 1);
    End(program.as_fd()).take_surplus();
    assert_eq!(poll(&program), PollFlags::IN | PollFlags::OUT);
}
